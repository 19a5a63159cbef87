package reader

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/tailorbird/tailorbird/internal/fault"
)

func contextCancelled() (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx, cancel
}

// damage overwrites the pictures of the samples with these IDs, in the webdataset
// shards of dir.
func damage(t testing.TB, dir string, samples int64, ids ...int64) {
	t.Helper()
	r := open(t, dir, Options{Batch: 1, Augment: "random_resized_crop(4)"})
	if r.Len() != samples {
		t.Fatalf("%d samples", r.Len())
	}
	for _, id := range ids {
		shard, e := r.index.entry(id)
		edit(t, filepath.Join(dir, r.index.shards[shard].path), func(b []byte) []byte {
			clear(b[e.Offset+block:][:block])
			return b
		})
	}
}

func edit(t testing.TB, name string, change func([]byte) []byte) {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, change(b), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestBrokenSamplesAreLeftOutAndTheirPlaceIsTaken(t *testing.T) {
	t.Parallel()
	exs := examples(t, 80, 20, 20)
	whole := write(t, exs, 3, "webdataset")
	dir := write(t, exs, 3, "webdataset")
	bad := []int64{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 33, 79}
	damage(t, dir, 80, bad...)
	o := Options{Seed: 2, Batch: 8, Shuffle: true, Augment: "random_resized_crop(16) | flip"}
	want := slices.DeleteFunc(take(t, open(t, whole, o), -1), func(x row) bool { return slices.Contains(bad, x.id) })
	for _, workers := range []int{1, 4} {
		o.Workers = workers
		r := open(t, dir, o)
		for epoch := range 2 { // in the second one they are known
			if err := r.Epoch(0); err != nil {
				t.Fatal(err)
			}
			var got []row
			var skipped []int64
			for {
				b, err := r.Next(t.Context())
				if err == io.EOF {
					break
				}
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, rowsOf(b)...)
				if len(b.Keys) != 8 && len(got) != len(want) {
					t.Errorf("a batch of %d", len(b.Keys))
				}
				for _, s := range b.Skipped {
					skipped = append(skipped, s.ID)
					if p := fault.PlaceOf(s.Err); s.Reason == "" || s.Reason != fault.CodeOf(s.Err) || p.Key != s.Key || p.Path != s.Shard || s.Key != r.Key(s.ID) {
						t.Errorf("left out as %+v", s)
					}
				}
				b.Release()
			}
			differ(t, "without the broken ones", got, want)
			slices.Sort(skipped)
			if s := r.State(); s.Skipped != int64(len(bad)) || s.Delivered != int64(len(want)) {
				t.Errorf("state %+v", s)
			}
			if !slices.IsSorted(skipped) || len(slices.Compact(skipped)) > len(bad) {
				t.Errorf("left out %d", skipped)
			}
			n := int64(0)
			for _, c := range r.Counts().Skipped {
				n += c
			}
			if n != int64((epoch+1)*len(bad)) {
				t.Errorf("counts %+v", r.Counts())
			}
		}
	}
}

func TestShardsThatWereCutOrChangedAreTyped(t *testing.T) {
	t.Parallel()
	exs := examples(t, 40, 16, 16)
	for _, format := range allFormats {
		for name, change := range map[string]func([]byte) []byte{
			"cut":    func(b []byte) []byte { return b[:len(b)/2] },
			"zeroed": func(b []byte) []byte { clear(b[len(b)/3 : len(b)/2]); return b },
			"empty":  func(b []byte) []byte { return nil },
		} {
			t.Run(format+" "+name, func(t *testing.T) {
				dir := write(t, exs, 2, format)
				indexFile := filepath.Join(t.TempDir(), "index")
				o := Options{Batch: 4, Shuffle: true, Augment: "random_resized_crop(8)", IndexFile: indexFile}
				r := open(t, dir, o)
				edit(t, filepath.Join(dir, r.index.shards[1].path), change)
				first := open(t, dir, o) // by the index of the whole shards
				got := take(t, first, -1)
				if n := first.State().Skipped; n == 0 || n > 20 || n+int64(len(got)) != 40 {
					t.Errorf("%d delivered, %d left out", len(got), n)
				}
				o.IndexFile = ""
				again := open(t, dir, o) // by what can be found in them
				if again.Len() < 20 || (again.Len() < 40) != (len(again.Lost()) > 0) {
					t.Errorf("%d samples, lost %v", again.Len(), again.Lost())
				}
				for _, err := range again.Lost() {
					if !fault.CodeOf(err).IsData() || fault.PlaceOf(err).Path == "" {
						t.Errorf("lost: %v", err)
					}
				}
				take(t, again, -1)
			})
		}
	}
}

func TestAShardThatIsGoneCostsItsSamples(t *testing.T) {
	t.Parallel()
	dir := write(t, examples(t, 30, 8, 8), 3, "webdataset")
	r := open(t, dir, Options{Batch: 4})
	if err := os.Remove(filepath.Join(dir, r.index.shards[2].path)); err != nil {
		t.Fatal(err)
	}
	if got := take(t, r, -1); len(got) != 20 || r.Counts().Skipped[fault.NotFound] != 10 {
		t.Errorf("%d delivered, %+v", len(got), r.Counts())
	}
	if err := os.RemoveAll(filepath.Join(dir, "webdataset")); err != nil {
		t.Fatal(err)
	}
	if err := r.Epoch(1); err != nil {
		t.Fatal(err)
	}
	if err := r.Restore(State{Keys: r.index.digest, Epoch: 1}); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Next(t.Context()); fault.CodeOf(err) != fault.Exhausted {
		t.Errorf("of nothing: %v", err)
	}
}

func TestPicturesOfOtherSizesAreLeftOut(t *testing.T) {
	t.Parallel()
	exs := examples(t, 9, 8, 8)
	for i, ex := range examples(t, 4, 10, 8) {
		ex.Key = "z" + ex.Key
		exs = append(exs, ex)
		_ = i
	}
	r := open(t, write(t, exs, 1, "webdataset"), Options{Batch: 4, Augment: "flip"})
	if got := take(t, r, -1); len(got) != 9 || r.Counts().Skipped[fault.Unsupported] != 4 {
		t.Errorf("%d delivered, %+v", len(got), r.Counts())
	}
}

func FuzzParseTar(f *testing.F) {
	dir := write(f, examples(f, 2, 8, 8), 1, "webdataset")
	r := open(f, dir, Options{Batch: 1})
	shard, err := os.ReadFile(filepath.Join(dir, r.index.shards[0].path))
	if err != nil {
		f.Fatal(err)
	}
	_, e := r.index.entry(0)
	good := shard[e.Offset:][:e.Bytes]
	f.Add(good)
	f.Add(good[:700])
	f.Add(bytes.Repeat([]byte{'0'}, 1024))
	f.Fuzz(func(t *testing.T, b []byte) {
		image, label, err := parseTar(b, e.Key)
		if err == nil && (len(image) > len(b) || label < -1) {
			t.Errorf("picture of %d bytes, label %d", len(image), label)
		}
		if err != nil && !fault.CodeOf(err).IsData() {
			t.Errorf("%v has no data code", err)
		}
	})
}
