package formattest

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/datasets/formats"
	"github.com/tailorbird/tailorbird/internal/fault"
)

// Options say what a format promises less or more than the others.
type Options struct {
	Tasks    []datasets.Task // default: all
	NoImages bool            // images are not part of the shard
	// Checksums: every changed bit of a shard is found by the reader.
	Checksums bool
	// CutsFound: every cut is found; without it only that nothing breaks.
	CutsFound bool
}

// Run holds f to what package formats promises.
func Run(t *testing.T, f formats.Format, o Options) {
	t.Helper()
	if o.Tasks == nil {
		o.Tasks = Tasks
	}
	if got, ok := formats.Lookup(f.Name()); !ok || got.Name() != f.Name() {
		t.Fatalf("format %q is not registered", f.Name())
	}
	t.Run("paths of shards differ", func(t *testing.T) {
		if a, b := f.Path("train", 0, 8), f.Path("train", 7, 8); a == b || a == f.Path("val", 0, 8) || strings.HasPrefix(a, "/") {
			t.Errorf("paths %q and %q", a, b)
		}
	})
	for _, task := range o.Tasks {
		for _, n := range []int{0, 1, 9, 1000} {
			t.Run(fmt.Sprintf("%s of %d examples comes back equal", task, n), func(t *testing.T) {
				t.Parallel()
				roundTrip(t, f, o, task, n)
			})
		}
		t.Run(string(task)+" takes keys in any script", func(t *testing.T) {
			t.Parallel()
			oddKeys(t, f, task)
		})
		t.Run(string(task)+" refuses keys that do not ascend", func(t *testing.T) {
			t.Parallel()
			badKeys(t, f, task)
		})
		t.Run(string(task)+" that is cut off gives a fault", func(t *testing.T) {
			cuts(t, f, o, Shard(t, f, task, 5))
		})
		t.Run(string(task)+" with changed bits gives a fault or other data", func(t *testing.T) {
			flips(t, f, o, Shard(t, f, task, 5))
		})
	}
}

// Shard writes n examples of a task.
func Shard(t testing.TB, f formats.Format, task datasets.Task, n int) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := f.NewWriter(&b, Header(task))
	if err != nil {
		t.Fatal(err)
	}
	for _, ex := range Examples(task, n) {
		if err := w.Write(ex); err != nil {
			t.Fatalf("write %s: %v", ex.Key, err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func roundTrip(t *testing.T, f formats.Format, o Options, task datasets.Task, n int) {
	shard := Shard(t, f, task, n)
	if !bytes.Equal(shard, Shard(t, f, task, n)) {
		t.Fatal("the same examples gave other bytes")
	}
	want := Examples(task, n)
	if o.NoImages {
		for _, ex := range want {
			ex.Image, ex.Ext = nil, ""
		}
	}
	r, err := f.NewReader(bytes.NewReader(shard), int64(len(shard)))
	if err != nil {
		t.Fatal(err)
	}
	i := 0
	for ex, err := range r.All() {
		if err != nil {
			t.Fatalf("example %d: %v", i, err)
		}
		if i == n {
			t.Fatalf("more than %d examples", n)
		}
		if d := diff(want[i], ex); d != "" {
			t.Fatalf("example %d differs (-wrote +read):\n%s", i, d)
		}
		i++
	}
	if i != n {
		t.Fatalf("%d examples, want %d", i, n)
	}
	for range r.All() { // a loop that stops early must not break the reader
		break
	}
	index(t, r, want)
}

// diff explains a difference; finding that there is none is quick.
func diff(want, got *datasets.Example) string {
	if reflect.DeepEqual(want, got) {
		return ""
	}
	return cmp.Diff(want, got)
}

func index(t *testing.T, r formats.Reader, want []*datasets.Example) {
	entries, err := r.Index()
	if err != nil || len(entries) != len(want) {
		t.Fatalf("index has %d entries, want %d: %v", len(entries), len(want), err)
	}
	for i := len(entries) - 1; i >= 0; i-- {
		ex, err := r.Get(entries[i])
		if err != nil {
			t.Fatalf("get %v: %v", entries[i], err)
		}
		if d := diff(want[i], ex); d != "" || entries[i].Key != ex.Key {
			t.Fatalf("entry %d (key %q) differs:\n%s", i, entries[i].Key, d)
		}
		if i < len(entries)-20 {
			i -= 40 // enough of a long shard
		}
	}
	shared(t, r, entries)
	if len(entries) > 0 {
		e := entries[0]
		e.Key = "another"
		if _, err := r.Get(e); fault.CodeOf(err) != fault.NotFound {
			t.Errorf("an entry with another key gave %v, want %s", err, fault.NotFound)
		}
		e = entries[0]
		e.Offset = 1 << 40
		if _, err := r.Get(e); fault.CodeOf(err) == "" {
			t.Errorf("an entry past the end gave %v, want a fault", err)
		}
	}
}

// shared reads entries from several goroutines at once.
func shared(t *testing.T, r formats.Reader, entries []formats.Entry) {
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for i := range min(len(entries), 12) {
				e := entries[(i*7+g)%len(entries)]
				if ex, err := r.Get(e); err != nil || ex.Key != e.Key {
					t.Errorf("get %v beside others: %v", e, err)
				}
			}
		})
	}
	wg.Wait()
}

func oddKeys(t *testing.T, f formats.Format, task datasets.Task) {
	var b bytes.Buffer
	w, err := f.NewWriter(&b, Header(task))
	if err != nil {
		t.Fatal(err)
	}
	keys := []string{`a "b" & {c}, <d>`, "ä" + strings.Repeat("e", 78), "鳥 1"}
	for i, ex := range Examples(task, len(keys)) {
		ex.Key = keys[i]
		if err := w.Write(ex); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	r, err := f.NewReader(bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err != nil {
		t.Fatal(err)
	}
	entries, err := r.Index()
	if err != nil || len(entries) != len(keys) {
		t.Fatalf("%d entries: %v", len(entries), err)
	}
	for i, e := range entries {
		if ex, err := r.Get(e); err != nil || e.Key != keys[i] || ex.Key != keys[i] {
			t.Errorf("key %q: entry %q, %v", keys[i], e.Key, err)
		}
	}
}

func badKeys(t *testing.T, f formats.Format, task datasets.Task) {
	for _, keys := range [][2]string{{"b", "a"}, {"a", "a"}, {"a", ""}, {"a", "b.c"}, {"a", "b/c"}, {"a", strings.Repeat("b", 81)}, {"a", "b\x00"}} {
		w, err := f.NewWriter(&bytes.Buffer{}, Header(task))
		if err != nil {
			t.Fatal(err)
		}
		for i, key := range keys {
			ex := *Examples(task, 1)[0]
			ex.Key = key
			err = w.Write(&ex)
			if i == 0 && err != nil {
				t.Fatalf("key %q: %v", key, err)
			}
		}
		if fault.CodeOf(err) != fault.Bug {
			t.Errorf("key %q after %q: %v, want %s", keys[1], keys[0], err, fault.Bug)
		}
	}
	w, err := f.NewWriter(brokenWriter{}, Header(task))
	for _, ex := range Examples(task, 3) {
		if err == nil {
			err = w.Write(ex)
		}
	}
	if err == nil {
		err = w.Close()
	}
	if !errors.Is(err, errDisk) {
		t.Errorf("a full disk gave %v", err)
	}
}

var errDisk = errors.New("no space left on device")

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, errDisk }
