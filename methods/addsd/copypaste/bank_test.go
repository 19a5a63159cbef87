package copypaste

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"hash/crc32"
	"io"
	"reflect"
	"slices"
	"testing"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/raster"
	"github.com/tailorbird/tailorbird/methods/addsd"
)

func TestBankDoesNotDependOnPartsOrTheirOrder(t *testing.T) {
	scenes := toyScenes(t, 6)
	one := open(t, Limits{}, collect(t, scenes, Limits{}))
	slices.Reverse(scenes)
	// scenes[2] is in both: a bundle that was tried twice.
	two := open(t, Limits{}, collect(t, scenes[2:], Limits{}), collect(t, scenes[:3], Limits{}))
	if !reflect.DeepEqual(one.Usable(), two.Usable()) || !reflect.DeepEqual(one.Records(lamp), two.Records(lamp)) {
		t.Errorf("%v and %v", one.Usable(), two.Usable())
	}
	if one.Usable()[lamp] != 12 {
		t.Errorf("%d lamps, want 12: %v", one.Usable()[lamp], one.Excluded())
	}
	if two.Excluded()[lamp][twice] != 2 {
		t.Errorf("excluded %v, want 2 lamps seen twice", two.Excluded())
	}
}

func TestCutoutIsThePictureAroundTheObject(t *testing.T) {
	s := toyScene(t, 1)
	b := open(t, Limits{}, collect(t, []*addsd.Scene{s}, Limits{}))
	for i, r := range b.Records(lamp) {
		c, err := b.Cutout(lamp, i)
		if err != nil {
			t.Fatal(err)
		}
		if c.Record != r || sha256.Sum256(c.Bytes()) != r.SHA256 {
			t.Errorf("cut-out %d is not its record's", i)
		}
		want := raster.NewRGB(r.Window[2], r.Window[3])
		raster.Crop(want, s.Image, r.Window[0], r.Window[1], raster.Color{})
		if !bytes.Equal(want.Pix, c.Image.Pix) {
			t.Errorf("cut-out %d has other pixels than the picture", i)
		}
		area := 0
		for k, v := range c.Mask.Pix {
			x, y := r.Window[0]+k%r.Window[2], r.Window[1]+k/r.Window[2]
			in := x >= r.Box[0] && x < r.Box[0]+r.Box[2] && y >= r.Box[1] && y < r.Box[1]+r.Box[3]
			if in != (v == 255) || v != 0 && v != 255 {
				t.Fatalf("mask at %d, %d is %d", x, y, v)
			}
			area += int(v) / 255
		}
		if area != r.Area {
			t.Errorf("area %d, record says %d", area, r.Area)
		}
	}
}

func TestObjectsAreExcludedForTheirReason(t *testing.T) {
	flat := square(2, lamp, 60, 60, 30, 30)
	strips := square(3, lamp, 60, 60, 62, 62)
	strips.Segmentation.Polygons = [][]float64{{60, 60, 61, 60, 122, 121, 122, 122, 121, 122, 60, 61}}
	pieces := square(4, lamp, 60, 60, 70, 30)
	pieces.Segmentation.Polygons = [][]float64{{60, 60, 90, 60, 90, 90, 60, 90}, {100, 60, 130, 60, 130, 90, 100, 90}}
	elsewhere := square(5, lamp, 60, 60, 30, 30)
	elsewhere.BBox = datasets.Box{10, 10, 30, 30}
	many := square(6, lamp, 60, 60, 30, 30)
	many.IsCrowd = 1
	bare := square(7, lamp, 60, 60, 30, 30)
	bare.Segmentation = nil
	broken := square(8, lamp, 60, 60, 30, 30)
	broken.Segmentation = &datasets.Segmentation{RLE: &datasets.RLE{Size: [2]int{1, 1}, Counts: "1"}}
	for _, c := range []struct {
		reason  string
		objects []datasets.Annotation
		limits  Limits
	}{
		{small, []datasets.Annotation{square(1, lamp, 60, 60, 20, 20)}, Limits{}},
		{large, []datasets.Annotation{square(1, lamp, 60, 60, 60, 60)}, Limits{MaxScale: 0.3}},
		{truncated, []datasets.Annotation{square(1, lamp, 170, 60, 30, 30)}, Limits{}},
		{uniform, []datasets.Annotation{flat}, Limits{}},
		{thin, []datasets.Annotation{strips}, Limits{MinArea: 50}},
		{fragmented, []datasets.Annotation{pieces}, Limits{}},
		{wrongBox, []datasets.Annotation{elsewhere}, Limits{}},
		{crowd, []datasets.Annotation{many}, Limits{}},
		{noMask, []datasets.Annotation{bare}, Limits{}},
		{badMask, []datasets.Annotation{broken}, Limits{}},
		{occluded, []datasets.Annotation{square(1, lamp, 60, 60, 30, 30), square(2, desk, 50, 50, 50, 10), square(3, desk, 50, 60, 10, 30),
			square(4, desk, 90, 60, 10, 30)}, Limits{}},
	} {
		t.Run(c.reason, func(t *testing.T) {
			s := &addsd.Scene{Key: "a", Image: raster.NewRGB(200, 150), Objects: c.objects}
			if c.reason != uniform {
				for i := range s.Image.Pix {
					s.Image.Pix[i] = byte(i * i)
				}
			}
			b := open(t, Limits{}, collect(t, []*addsd.Scene{s}, c.limits))
			if got := b.Excluded()[lamp]; !reflect.DeepEqual(got, map[string]int{c.reason: 1}) || b.Usable()[lamp] != 0 {
				t.Errorf("excluded %v, usable %v", got, b.Usable())
			}
		})
	}
}

func TestAnObjectIsInTheBankOnce(t *testing.T) {
	s := toyScene(t, 1)
	again := s.Objects[1]
	again.ID, s.Objects[1].BBox[0] = 99, s.Objects[1].BBox[0]+1
	s.Objects = append(s.Objects, again)
	copied := *s
	copied.Key, copied.Objects = "other", s.Objects[2:3]
	b := open(t, Limits{}, collect(t, []*addsd.Scene{s, &copied}, Limits{}))
	if b.Usable()[lamp] != 2 || b.Excluded()[lamp][twice] != 1 || b.Excluded()[lamp][similar] != 1 {
		t.Errorf("usable %v, excluded %v", b.Usable(), b.Excluded())
	}
}

func TestStricterLimitsApplyWhenABankIsOpened(t *testing.T) {
	file := collect(t, toyScenes(t, 3), Limits{})
	if b := open(t, Limits{PerClass: 2}, file); b.Usable()[lamp] != 2 || b.Excluded()[lamp][surplus] != 4 {
		t.Errorf("usable %v, excluded %v", b.Usable(), b.Excluded())
	}
	if b := open(t, Limits{MinArea: 1e6}, file); len(b.Usable()) != 0 || b.Excluded()[lamp][small] != 6 {
		t.Errorf("usable %v, excluded %v", b.Usable(), b.Excluded())
	}
}

func TestCacheHoldsToItsLimit(t *testing.T) {
	b := open(t, Limits{CacheBytes: 20000}, collect(t, toyScenes(t, 6), Limits{}))
	for range 2 {
		for i := range b.Records(lamp) {
			c, err := b.Cutout(lamp, i)
			if err != nil {
				t.Fatal(err)
			}
			if again, _ := b.Cutout(lamp, i); again != c {
				t.Error("the cut-out used last was read again")
			}
			if b.cache.bytes > 20000 || b.cache.order.Len() != len(b.cache.items) {
				t.Fatalf("%d bytes in %d items of %d", b.cache.bytes, b.cache.order.Len(), len(b.cache.items))
			}
		}
	}
}

func TestDamagedPartsAreCorrupt(t *testing.T) {
	whole := collect(t, toyScenes(t, 1), Limits{})
	read := func(f []byte) error {
		b, err := OpenBank(partsOf(f), Limits{})
		if err != nil {
			return err
		}
		for i := range b.Records(lamp) {
			if _, err := b.Cutout(lamp, i); err != nil {
				return err
			}
		}
		for i := range b.Records(desk) {
			if _, err := b.Cutout(desk, i); err != nil {
				return err
			}
		}
		return nil
	}
	if err := read(whole); err != nil {
		t.Fatal(err)
	}
	for i := range whole {
		// Bytes 12 to 16 of the header are kept for later versions.
		if i >= 12 && i < 16 || i%29 != 0 && i > 64 && i < len(whole)-200 {
			continue
		}
		f := slices.Clone(whole)
		f[i] ^= 0x41
		want := fault.Corrupt
		if i >= 8 && i < 12 {
			want = fault.Unsupported
		}
		err := read(f)
		if fault.CodeOf(err) != want || !fault.PlaceOf(err).HasOffset || fault.PlaceOf(err).Path != "part-0" {
			t.Fatalf("byte %d of %d changed: %v", i, len(whole), err)
		}
	}
	for n := 0; n < len(whole); n += 1 + len(whole)/41 {
		if err := read(whole[:n]); fault.CodeOf(err) != fault.Corrupt {
			t.Fatalf("%d of %d bytes: %v", n, len(whole), err)
		}
	}
}

func TestCollectorReportsItsWriter(t *testing.T) {
	full := errors.New("disk full")
	r, w := io.Pipe()
	r.CloseWithError(full)
	c := NewCollector(w, nil, Limits{})
	if err := c.Add(toyScene(t, 1)); !errors.Is(err, full) {
		t.Errorf("Add: %v", err)
	}
	if err := c.Close(); !errors.Is(err, full) {
		t.Errorf("Close: %v", err)
	}
	if err := c.Add(&addsd.Scene{Key: "a"}); fault.CodeOf(err) != fault.Usage {
		t.Errorf("no picture: %v", err)
	}
}

// FuzzOpenBank changes a part file and, where asked, makes its checksums right
// again, so that what is behind them is reached.
func FuzzOpenBank(f *testing.F) {
	whole := collect(f, toyScenes(f, 1), Limits{})
	f.Add(whole, true)
	f.Add(whole[:len(whole)-1], false)
	f.Add([]byte(magic), false)
	f.Add([]byte{}, true)
	f.Fuzz(func(t *testing.T, data []byte, mend bool) {
		if data = slices.Clone(data); mend {
			mendSums(data)
		}
		b, err := OpenBank(partsOf(data), Limits{MaxCutoutSide: 256})
		if err != nil {
			if fault.CodeOf(err) == "" {
				t.Fatalf("no code: %v", err)
			}
			return
		}
		for category, n := range b.Usable() {
			for i := range min(n, 50) {
				if _, err := b.Cutout(category, i); err != nil && fault.CodeOf(err) == "" {
					t.Fatalf("no code: %v", err)
				}
			}
		}
	})
}

// mendSums writes the checksums that the rest of a part file asks for.
func mendSums(b []byte) {
	if len(b) < headerBytes+footerBytes {
		return
	}
	end := len(b) - footerBytes
	foot := b[end:]
	at := le.Uint64(foot)
	if at > uint64(end) {
		return
	}
	le.PutUint32(foot[24:], crc32.Checksum(b[at:end], castagnoli))
	le.PutUint32(foot[28:], crc32.Checksum(foot[:28], castagnoli))
	for i := uint64(headerBytes); i+prefixBytes < at; {
		n := uint64(le.Uint32(b[i:]))
		if i+prefixBytes+n > at {
			return
		}
		le.PutUint32(b[i+4:], crc32.Checksum(b[i+prefixBytes:i+prefixBytes+n], castagnoli))
		i += prefixBytes + n
	}
}
