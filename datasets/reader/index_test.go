package reader

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/tailorbird/tailorbird/datasets/built"
	"github.com/tailorbird/tailorbird/internal/fault"
)

// large makes an index of n samples with keys as long as ImageNet's.
func large(t testing.TB, n, shards int) *index {
	t.Helper()
	x := &index{shards: make([]shardIndex, shards)}
	for s := range shards {
		var places []built.Place
		for i := s; i < n; i += shards {
			places = append(places, built.Place{Key: fmt.Sprintf("n%08d_%d", i/1300, i), Offset: int64(len(places)) * 120_000, Bytes: 119_000})
		}
		x.shards[s].path = fmt.Sprintf("webdataset/train-%06d.tar", s)
		x.shards[s].take(places)
	}
	if err := x.finish(); err != nil {
		t.Fatal(err)
	}
	return x
}

const (
	imageNet       = 1_281_167
	indexLimit     = 100 << 20
	imageNetShards = 1000
)

// The figures of the issue: at most 100 MB for the index, and a resume in the
// middle of an epoch within a second. The time, the least of a few tries, is for
// the log: other tests run beside.
func TestAnIndexOfImageNetIsSmallAndServesAResume(t *testing.T) {
	if testing.Short() {
		t.Skip("builds an index of 1.28 million samples")
	}
	x := large(t, imageNet, imageNetShards)
	name := filepath.Join(t.TempDir(), "index")
	h := indexHeader{RootHash: "r", Split: "train", Format: "webdataset"}
	if err := x.save(t.Context(), name, h); err != nil {
		t.Fatal(err)
	}
	digest := x.digest
	x = nil
	best, held := time.Hour, uint64(0)
	for range 3 {
		before := heap()
		begin := time.Now()
		loaded, err := loadIndex(t.Context(), name, h)
		if err != nil || loaded.digest != digest {
			t.Fatal(loaded, err)
		}
		r := &Reader{opt: Options{Batch: 256, World: 1, Shuffle: true, Prefetch: 2, Workers: 2}, index: loaded}
		s := State{Keys: digest, Base: imageNet / 3, Ahead: []int64{imageNet/3 + 5}, World: 1, Taken: 1000, Epoch: 5}
		ord, err := newOrder(&r.opt, loaded.samples(), s.Epoch)
		if err != nil {
			t.Fatal(err)
		}
		for k := range int64(256) {
			id, _ := ord.at(s.place(s.Taken + k))
			if _, e := loaded.entry(id); e.Bytes != 119_000 || !strings.HasPrefix(e.Key, "n") {
				t.Fatalf("sample %d lies at %+v", id, e)
			}
		}
		best = min(best, time.Since(begin))
		held = max(held, heap()-before)
		runtime.KeepAlive(loaded)
	}
	if held > indexLimit {
		t.Errorf("the index holds %d MB", held>>20)
	}
	t.Logf("%d MB; the first batch is known after %v", held>>20, best)
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func TestAnIndexFileGivesTheSameReader(t *testing.T) {
	t.Parallel()
	dir := write(t, examples(t, 30, 8, 8), 3, allFormats...)
	for _, format := range allFormats {
		name := filepath.Join(t.TempDir(), "index")
		o := Options{Batch: 7, Shuffle: true, Format: format, IndexFile: name}
		want := take(t, open(t, dir, o), -1)
		before, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		differ(t, format, take(t, open(t, dir, o), -1), want)
		after, err := os.ReadFile(name)
		if err != nil || !bytes.Equal(before, after) {
			t.Errorf("the file changed (%v)", err)
		}
		o.IndexFile = ""
		differ(t, format+" without a file", take(t, open(t, dir, o), -1), want)
	}
}

func TestAnIndexFileOfAnotherDatasetIsNotUsed(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "index")
	open(t, write(t, examples(t, 5, 8, 8), 1, "webdataset"), Options{Batch: 1, IndexFile: name})
	other := write(t, examples(t, 6, 8, 8), 1, "webdataset")
	if _, err := Open(t.Context(), other, "train", Options{Batch: 1, IndexFile: name}); fault.CodeOf(err) != fault.Conflict {
		t.Errorf("got %v", err)
	}
}

func indexBytes(t testing.TB, x *index) []byte {
	t.Helper()
	name := filepath.Join(t.TempDir(), "index")
	if err := x.save(t.Context(), name, indexHeader{RootHash: "r", Split: "train", Format: "webdataset"}); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestEveryChangedByteOfAnIndexFileIsFound(t *testing.T) {
	t.Parallel()
	good := indexBytes(t, large(t, 8, 2))
	want := indexHeader{RootHash: "r", Split: "train", Format: "webdataset"}
	if _, err := parseIndex(bytes.NewReader(good), int64(len(good)), want); err != nil {
		t.Fatal(err)
	}
	for i := range good {
		b := bytes.Clone(good)
		b[i] ^= 0x41
		if _, err := parseIndex(bytes.NewReader(b), int64(len(b)), want); !fault.CodeOf(err).IsData() {
			t.Errorf("byte %d: %v", i, err)
		}
		if _, err := parseIndex(bytes.NewReader(good[:i]), int64(i), want); fault.CodeOf(err) != fault.Corrupt {
			t.Errorf("cut to %d bytes: %v", i, err)
		}
	}
}

func FuzzParseIndex(f *testing.F) {
	good := indexBytes(f, large(f, 6, 2))
	f.Add(good)
	f.Add(good[:40])
	f.Fuzz(func(t *testing.T, b []byte) {
		x, err := parseIndex(bytes.NewReader(b), int64(len(b)), indexHeader{RootHash: "r", Split: "train", Format: "webdataset"})
		if err != nil {
			if !fault.CodeOf(err).IsData() {
				t.Errorf("%v has no data code", err)
			}
			return
		}
		for id := range x.samples() {
			x.entry(id)
		}
	})
}
