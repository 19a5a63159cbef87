package reader

import (
	"io"
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/picture"
	"github.com/tailorbird/tailorbird/kernels/raster"
)

func TestMemoryThatCannotSufficeIsRefused(t *testing.T) {
	t.Parallel()
	dir := write(t, examples(t, 4, 8, 8), 1, "webdataset")
	o := Options{Batch: 256, Augment: "random_resized_crop(224)", MemoryBytes: 100 << 20}
	if _, err := Open(t.Context(), dir, "train", o); fault.CodeOf(err) != fault.Usage {
		t.Errorf("got %v", err)
	}
}

func TestOptionsThatMakeNoSenseAreUsageErrors(t *testing.T) {
	t.Parallel()
	dir := write(t, examples(t, 4, 8, 8), 1, "webdataset")
	for _, o := range []Options{{}, {Batch: 1, Rank: 1}, {Batch: 1, World: 2, Rank: 2}, {Batch: 1, Views: 3}, {Batch: 1, Prefetch: -1},
		{Batch: 1, Augment: "flop"}, {Batch: 1, Format: "coco"}, {Batch: 1, Format: "parquet"}} {
		if _, err := Open(t.Context(), dir, "train", o); fault.CodeOf(err) != fault.Usage {
			t.Errorf("%+v: %v", o, err)
		}
	}
	if _, err := Open(t.Context(), dir, "val", Options{Batch: 1}); fault.CodeOf(err) != fault.Usage {
		t.Errorf("an unknown split: %v", err)
	}
	if _, err := Open(t.Context(), t.TempDir(), "train", Options{Batch: 1}); fault.CodeOf(err) != fault.NotFound {
		t.Errorf("no dataset: %v", err)
	}
}

// What a plan reckons with is not more than was given.
func TestAPlanKeepsToItsMemory(t *testing.T) {
	t.Parallel()
	for _, mb := range []int64{200, 300, 1000, 8000} {
		o := Options{Batch: 64, MemoryBytes: mb << 20}
		if err := o.complete(); err != nil {
			t.Fatal(err)
		}
		o.Workers = 4
		p, err := planMemory(&o, 224, 224)
		if err != nil {
			t.Fatal(err)
		}
		view := int64(3 * 224 * 224)
		held := 3*64*view*4 + int64(p.samples(&o))*view + (groupsAhead+1)*p.groupBytes + 4*p.maxPixels*pixelBytes
		if held > o.MemoryBytes || p.maxPixels < minPixels {
			t.Errorf("%d MB: the plan takes %d MB", mb, held>>20)
		}
	}
}

// Steady state: a second epoch takes little new memory, whatever the pictures
// are. Only JPEG is decoded without allocating.
func TestAnotherEpochTakesLittleNewMemory(t *testing.T) {
	exs := examples(t, 96, 64, 64)
	kept := exs[:0]
	for _, ex := range exs {
		if ex.Ext == "jpg" {
			kept = append(kept, ex)
		}
	}
	r := open(t, write(t, kept, 2, "webdataset"), Options{Batch: 8, Shuffle: true, Augment: "random_resized_crop(48) | flip", Workers: 2})
	epoch := func(e int64) (bytes, objects uint64) {
		var before, after runtime.MemStats
		if err := r.Epoch(e); err != nil {
			t.Fatal(err)
		}
		runtime.ReadMemStats(&before)
		for {
			b, err := r.Next(t.Context())
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			b.Release()
		}
		runtime.ReadMemStats(&after)
		return after.TotalAlloc - before.TotalAlloc, after.Mallocs - before.Mallocs
	}
	for e := range int64(3) {
		epoch(e)
	}
	// A later epoch may be the first to need one more buffer: the least counts.
	bytes, objects := epoch(3)
	for e := int64(4); e < 9; e++ {
		b, n := epoch(e)
		bytes, objects = min(bytes, b), min(objects, n)
	}
	// The pictures alone are 64 * 64 * 3 bytes, the floats 48 * 48 * 3 * 4.
	if per := bytes / uint64(len(kept)); per > 3000 {
		t.Errorf("%d bytes a sample, %d objects an epoch", per, objects)
	}
	if objects > 8*uint64(len(kept)) {
		t.Errorf("%d objects for %d samples", objects, len(kept))
	}
	t.Logf("%d bytes, %d objects for %d samples", bytes, objects, len(kept))
}

func TestARecordOverTheMemoryIsLeftOut(t *testing.T) {
	t.Parallel()
	exs := examples(t, 20, 8, 8)
	m := raster.NewRGB(400, 400)
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range m.Pix {
		m.Pix[i] = byte(rng.Uint32())
	}
	var err error
	exs[7].Ext = "png"
	if exs[7].Image, err = picture.EncodePNG(nil, m); err != nil {
		t.Fatal(err)
	}
	o := Options{Batch: 4, Shuffle: true, Augment: "random_resized_crop(8)", Workers: 2, MemoryBytes: 14 << 20}
	r := open(t, write(t, exs, 2, "webdataset"), o)
	if got := take(t, r, -1); len(got) != 19 || r.Counts().Skipped[fault.TooLarge] != 1 {
		t.Errorf("%d delivered, %+v", len(got), r.Counts())
	}
}
