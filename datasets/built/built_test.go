package built

import (
	"bytes"
	"context"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/datasets/formats"
	_ "github.com/tailorbird/tailorbird/datasets/formats/all"
	"github.com/tailorbird/tailorbird/datasets/formats/formattest"
	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/internal/manifest"
)

const (
	shards   = 18 // more than a Pool keeps open
	examples = 3 * shards
)

// lay writes a dataset in the formats and returns its directory and examples.
func lay(t *testing.T, names ...string) (dir string, exs []*datasets.Example) {
	t.Helper()
	dir, exs = t.TempDir(), formattest.Examples(datasets.Detection, examples)
	split := manifest.Split{Examples: examples}
	for _, name := range names {
		f, ok := formats.Lookup(name)
		if !ok {
			t.Fatalf("no format %s", name)
		}
		for i := range shards {
			path := f.Path("train", i, shards)
			h := formattest.Header(datasets.Detection)
			h.Split, h.Shard, h.Shards = "train", i, shards
			b := encode(t, f, h, exs[i*3:i*3+3])
			put(t, filepath.Join(dir, filepath.FromSlash(path)), b)
			split.Shards = append(split.Shards, manifest.Shard{Format: name, Path: path, Bytes: int64(len(b)), SHA256: strings.Repeat("0", 64), CRC32C: "00000000", Examples: 3})
		}
	}
	m := &manifest.Manifest{Dataset: "coco", Task: string(datasets.Detection), RecipeHash: strings.Repeat("0", 64), Codec: "none", Transforms: "keep",
		Classes: formattest.Meta(datasets.Detection).Classes, Splits: map[string]manifest.Split{"train": split}}
	m.Seal()
	text, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	put(t, filepath.Join(dir, manifest.Name), text)
	return dir, exs
}

func encode(t *testing.T, f formats.Format, h formats.Header, exs []*datasets.Example) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := f.NewWriter(&b, h)
	if err != nil {
		t.Fatal(err)
	}
	for _, ex := range exs {
		if err := w.Write(ex); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func put(t *testing.T, name string, b []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, b, 0o644); err != nil {
		t.Fatal(err)
	}
}

func open(t *testing.T, dir, format string) *Dataset {
	t.Helper()
	d, err := OpenFormat(t.Context(), dir, format)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// Whatever the format, Walk, Index with a Pool, and Find give what was written, in
// its order.
func TestEveryFormatGivesTheSameExamples(t *testing.T) {
	t.Parallel()
	dir, want := lay(t, readable...)
	if got := open(t, dir, "").Format(); got != readable[0] {
		t.Errorf("%s is read, %s comes first", got, readable[0])
	}
	for _, name := range readable {
		d := open(t, dir, name)
		if d.Format() != name || len(d.Shards("train")) != shards || len(d.Shards("val")) != 0 || len(d.Meta().Classes) == 0 {
			t.Errorf("%s is read: %d shards of train, %d of val", d.Format(), len(d.Shards("train")), len(d.Shards("val")))
		}
		pool := d.NewPool()
		var walked []*datasets.Example
		for _, shard := range d.Shards("train") {
			var places []Place
			err := d.Walk(t.Context(), shard, func(r *Row) error {
				if r.Example.Image != nil {
					t.Errorf("%s: %s comes with its picture", name, r.Key)
				}
				image, err := r.Image()
				if err != nil {
					return err
				}
				r.Example.Image = slices.Clone(image)
				walked, places = append(walked, r.Example), append(places, r.Place)
				return nil
			}, nil)
			if err != nil {
				t.Fatal(err)
			}
			index, err := d.Index(t.Context(), shard)
			if err != nil || !slices.Equal(index, places) {
				t.Errorf("%s: %s: Index gives %v (%v), Walk %v", name, shard.Path, index, err, places)
			}
			for _, at := range index {
				ex, err := pool.Get(t.Context(), at)
				if err != nil || !reflect.DeepEqual(ex, walked[len(walked)-len(index)+slices.Index(index, at)]) {
					t.Errorf("%s: %s from the Pool (%v): %+v", name, at.Key, err, ex)
				}
			}
		}
		if err := pool.Close(); err != nil {
			t.Error(err)
		}
		if !reflect.DeepEqual(walked, want) {
			t.Errorf("%s: %d examples differ from the %d that were written", name, len(walked), len(want))
		}
		for _, i := range []int{0, examples / 2, examples - 1} {
			if ex, err := d.Find(t.Context(), want[i].Key); err != nil || !reflect.DeepEqual(ex, want[i]) {
				t.Errorf("%s: Find %s: %v", name, want[i].Key, err)
			}
		}
		if _, err := d.Find(t.Context(), "nosuch"); fault.CodeOf(err) != fault.Usage || !strings.Contains(err.Error(), "nosuch") {
			t.Errorf("%s: Find nosuch: %v", name, err)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	tars, _ := lay(t, "webdataset")
	lists, _ := lay(t, "coco")
	broken := t.TempDir()
	put(t, filepath.Join(broken, manifest.Name), []byte(`{"format": "somebody else's"}`))
	for _, c := range []struct {
		dir, format string
		code        fault.Code
	}{
		{t.TempDir(), "", fault.NotFound},
		{lists, "", fault.Unsupported},
		{tars, "tfrecord", fault.Usage},
		{tars, "coco", fault.Usage},
		{tars, "nosuch", fault.Usage},
	} {
		if _, err := OpenFormat(t.Context(), c.dir, c.format); fault.CodeOf(err) != c.code || !strings.Contains(err.Error(), c.dir) {
			t.Errorf("format %q: %v, want %s and the directory", c.format, err, c.code)
		}
	}
	if _, err := Open(t.Context(), broken); err == nil || !strings.Contains(err.Error(), manifest.Name) {
		t.Errorf("another program's manifest: %v", err)
	}
}

// A record that cannot be read goes to broken, and the walk goes on or ends as that
// says.
func TestWalkLeavesOutBrokenExamples(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"webdataset", "tfrecord"} {
		dir, want := lay(t, name)
		d := open(t, dir, "")
		shard := d.Shards("train")[0]
		file := filepath.Join(dir, filepath.FromSlash(shard.Path))
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		record := []byte(`{"key":"` + want[1].Key + `"`)
		at := bytes.Index(text, record)
		if at < 0 {
			t.Fatalf("%s: no record %s", name, record)
		}
		text[at] = '!'
		put(t, file, text)
		var keys []string
		var told []error
		visit := func(r *Row) error { keys = append(keys, r.Key); return nil }
		err = d.Walk(t.Context(), shard, visit, func(err error) error { told = append(told, err); return nil })
		if err != nil || len(told) != 1 || fault.CodeOf(told[0]) != fault.Corrupt || !slices.Equal(keys, []string{want[0].Key, want[2].Key}) {
			t.Errorf("%s: visited %q, told %v: %v", name, keys, told, err)
		}
		keys = nil
		err = d.Walk(t.Context(), shard, visit, nil)
		if fault.CodeOf(err) != fault.Corrupt || !strings.Contains(err.Error(), shard.Path) || !slices.Equal(keys, []string{want[0].Key}) {
			t.Errorf("%s: without broken: visited %q: %v", name, keys, err)
		}
	}
}

// A visitor's error, and the end of the context, end a walk.
func TestWalkEnds(t *testing.T) {
	t.Parallel()
	dir, _ := lay(t, readable...)
	for _, name := range readable {
		d := open(t, dir, name)
		shard := d.Shards("train")[1]
		ctx, cancel := context.WithCancel(t.Context())
		for _, c := range []struct {
			visit func() error
			want  string
		}{
			{func() error { return fault.New(fault.Bug, "enough") }, "enough"},
			{func() error { cancel(); return nil }, context.Canceled.Error()},
		} {
			n := 0
			err := d.Walk(ctx, shard, func(*Row) error { n++; return c.visit() }, nil)
			if n != 1 || err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: %d examples, %v, want %q", name, n, err, c.want)
			}
		}
		cancel()
		if err := d.Walk(t.Context(), manifest.Shard{Path: "nosuch"}, nil, nil); fault.CodeOf(err) != fault.NotFound {
			t.Errorf("%s: a shard that is not there: %v", name, err)
		}
	}
}

// WalkShard reads a shard of a directory that has no manifest yet.
func TestWalkShardNeedsNoManifest(t *testing.T) {
	t.Parallel()
	dir, want := lay(t, "webdataset")
	shard := open(t, dir, "").Shards("train")[2]
	if err := os.Remove(filepath.Join(dir, manifest.Name)); err != nil {
		t.Fatal(err)
	}
	var keys []string
	err := WalkShard(t.Context(), dir, shard, func(ex *datasets.Example) { keys = append(keys, ex.Key) })
	if err != nil || !slices.Equal(keys, []string{want[6].Key, want[7].Key, want[8].Key}) {
		t.Errorf("%q: %v", keys, err)
	}
}

// Any number of goroutines read through one Pool, over more shards than it keeps
// open.
func TestPoolServesManyGoroutines(t *testing.T) {
	t.Parallel()
	dir, want := lay(t, readable...)
	for _, name := range readable {
		d := open(t, dir, name)
		var places []Place
		for _, shard := range d.Shards("train") {
			index, err := d.Index(t.Context(), shard)
			if err != nil {
				t.Fatal(err)
			}
			places = append(places, index...)
		}
		pool := d.NewPool()
		var readers sync.WaitGroup
		for g := range 8 {
			readers.Go(func() {
				for _, i := range rand.New(rand.NewPCG(1, uint64(g))).Perm(len(places)) {
					if ex, err := pool.Get(t.Context(), places[i]); err != nil || !reflect.DeepEqual(ex, want[i]) {
						t.Errorf("%s: %s: %v", name, places[i].Key, err)
					}
				}
			})
		}
		readers.Wait()
		if len(pool.idle) > keptReaders {
			t.Errorf("%s: %d shards are open", name, len(pool.idle))
		}
		if _, err := pool.Get(t.Context(), Place{Shard: "nosuch", Key: "k"}); fault.CodeOf(err) != fault.NotFound {
			t.Errorf("%s: a shard that is not there: %v", name, err)
		}
		if err := pool.Close(); err != nil {
			t.Error(err)
		}
	}
}
