package reader

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tailorbird/tailorbird/datasets"
)

const recipe = "random_resized_crop(24) | flip | rand_augment(1, 5)"

func keysOf(rows []row) []string {
	var keys []string
	for _, r := range rows {
		keys = append(keys, r.key)
	}
	return keys
}

func differ(t *testing.T, what string, got, want []row) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: other samples: %s", what, cmp.Diff(keysOf(want), keysOf(got)))
	}
}

func TestEveryFormatGivesTheSameSamples(t *testing.T) {
	t.Parallel()
	exs := examples(t, 60, 40, 30)
	dir := write(t, exs, 3, allFormats...)
	var want []row
	for i, name := range allFormats {
		for _, shuffle := range []bool{true, false} {
			r := open(t, dir, Options{Seed: 4, Batch: 16, Shuffle: shuffle, Augment: recipe, Format: name})
			got := take(t, r, -1)
			if len(got) != len(exs) {
				t.Fatalf("%s: %d samples", name, len(got))
			}
			if shuffle {
				if i == 0 {
					want = got
				}
				differ(t, name, got, want)
			} else if !slices.IsSorted(keysOf(got)) {
				t.Errorf("%s: without a shuffle the keys are not in order: %q", name, keysOf(got))
			}
		}
	}
	for _, x := range want {
		i := slices.IndexFunc(exs, func(ex *datasets.Example) bool { return ex.Key == x.key })
		if int64(*exs[i].Label) != x.label {
			t.Errorf("%s has label %d", x.key, x.label)
		}
	}
}

func TestShardsWorkersAndPrefetchDoNotMatter(t *testing.T) {
	t.Parallel()
	exs := examples(t, 60, 16, 16)
	var want []row
	for i, o := range []Options{{Workers: 1}, {Workers: 7, Prefetch: 5, Requests: 1}, {Workers: 2, Prefetch: 1, Requests: 30}, {MemoryBytes: 64 << 20}} {
		o.Seed, o.Batch, o.Shuffle, o.Views, o.Augment = 9, 8, true, 2, "pad_crop(4) | flip"
		r := open(t, write(t, exs, 1+3*i, "webdataset"), o)
		var got []row
		for e := range int64(3) {
			if err := r.Epoch(e); err != nil {
				t.Fatal(err)
			}
			got = append(got, take(t, r, -1)...)
		}
		if i == 0 {
			want = got
		}
		differ(t, "other options", got, want)
	}
	if a, b := keysOf(want[:60]), keysOf(want[60:120]); slices.Equal(a, b) {
		t.Error("two epochs have one order")
	}
}

func TestPixelsAndFloatsAreOfTheSamePictures(t *testing.T) {
	t.Parallel()
	dir := write(t, examples(t, 10, 12, 10), 1, "webdataset")
	o := Options{Batch: 4, Shuffle: true, Augment: "flip | normalize(none)"}
	f := open(t, dir, o)
	o.Pixels = true
	p := open(t, dir, o)
	for range 3 {
		a, err := f.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		b, err := p.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(a.Keys, b.Keys) || a.Pixels != nil || b.Images != nil {
			t.Fatalf("%q and %q", a.Keys, b.Keys)
		}
		area := a.Width * a.Height
		for i := range a.Keys {
			for k := range 3 * area {
				if want := float32(b.Pixels[3*area*i+3*(k%area)+k/area]) * (1.0 / 255); a.Images[3*area*i+k] != want {
					t.Fatalf("sample %d, value %d: %v, want %v", i, k, a.Images[3*area*i+k], want)
				}
			}
		}
	}
}

func TestDropLastLeavesWholeBatches(t *testing.T) {
	t.Parallel()
	dir := write(t, examples(t, 50, 8, 8), 2, "webdataset")
	for _, c := range []struct{ world, batch, steps, last int }{{1, 8, 6, 8}, {1, 50, 1, 50}, {3, 8, 2, 8}, {1, 64, 0, 0}} {
		for rank := range c.world {
			r := open(t, dir, Options{Batch: c.batch, World: c.world, Rank: rank, DropLast: true, Shuffle: true})
			if got := r.Steps(); got != int64(c.steps) {
				t.Errorf("world %d, batch %d: %d steps, want %d", c.world, c.batch, got, c.steps)
			}
			if got := len(take(t, r, -1)); got != c.steps*c.batch {
				t.Errorf("world %d, batch %d: %d samples", c.world, c.batch, got)
			}
		}
	}
}

func TestDrawnSamplesComeAsOftenAsDrawn(t *testing.T) {
	t.Parallel()
	dir := write(t, examples(t, 12, 8, 8), 2, "webdataset")
	draw := func(epoch int64) []int32 { return []int32{1, 1, 1, 4, int32(5 + epoch), 9, 9} }
	r := open(t, dir, Options{Batch: 3, Shuffle: true, Draw: draw, Augment: "random_resized_crop(8)"})
	for e := range int64(3) {
		if err := r.Epoch(e); err != nil {
			t.Fatal(err)
		}
		rows := take(t, r, -1)
		var ids []int32
		sums := map[[32]byte]bool{}
		for _, x := range rows {
			ids = append(ids, int32(x.id))
			sums[x.sum] = true
		}
		if inOrder := slices.IsSorted(ids); inOrder {
			t.Errorf("epoch %d is not shuffled: %d", e, ids)
		}
		slices.Sort(ids)
		if !slices.Equal(ids, draw(e)) {
			t.Errorf("epoch %d has %d", e, ids)
		}
		if len(sums) != len(rows) {
			t.Errorf("epoch %d: copies of a sample have the same crop", e)
		}
	}
	for _, bad := range [][]int32{{3, 2}, {0, 12}, {-1}} {
		if _, err := Open(t.Context(), dir, "train", Options{Batch: 1, Draw: func(int64) []int32 { return bad }}); err == nil {
			t.Errorf("%d was taken", bad)
		}
	}
}
