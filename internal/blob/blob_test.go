package blob_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"syscall"
	"testing"

	"github.com/tailorbird/tailorbird/internal/blob"
	"github.com/tailorbird/tailorbird/internal/fault"
)

// payload is n bytes that differ from place to place.
func payload(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i) ^ byte(i>>8) ^ byte(i>>16)
	}
	return b
}

// put publishes data through s, in pieces that a Writer gathers.
func put(s blob.Store, addr string, data []byte) (blob.Digest, error) {
	w, err := s.Create(context.Background(), addr)
	if err != nil {
		return blob.Digest{}, err
	}
	defer w.Close()
	for piece := range slices.Chunk(data, 100_000) {
		if _, err := w.Write(piece); err != nil {
			return blob.Digest{}, err
		}
	}
	return w.Publish(context.Background())
}

// names lists everything in dir.
func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	var out []string
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return out
}

// holds reports whether the file at path is there with data as its bytes; a file
// with any others fails the test.
func holds(t *testing.T, path string, data []byte) bool {
	t.Helper()
	got, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return false
	}
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, data) {
		t.Fatalf("%s is visible with %d wrong bytes, want %d", path, len(got), len(data))
	}
	return true
}

func TestAPublishedObjectReadsBackWithItsDigest(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	for _, n := range []int{0, 1, 256<<10 - 1, 256 << 10, 600_001} {
		addr := blob.Join(t.TempDir(), "a", "b.bin")
		data := payload(n)
		d, err := blob.Put(ctx, addr, data)
		if err != nil {
			t.Fatal(err)
		}
		want := blob.Digest{Bytes: int64(n), SHA256: sha256.Sum256(data), CRC32C: crc32.Checksum(data, crc32.MakeTable(crc32.Castagnoli))}
		if d != want {
			t.Errorf("%d bytes: digest %+v, want %+v", n, d, want)
		}
		got, err := blob.ReadFile(ctx, addr, int64(n))
		if err != nil || !bytes.Equal(got, data) {
			t.Errorf("%d bytes: read %d, %v", n, len(got), err)
		}
		if info, err := blob.Stat(ctx, addr); err != nil || info != (blob.Info{Name: "b.bin", Size: int64(n)}) {
			t.Errorf("Stat = %+v, %v", info, err)
		}
	}
}

func TestAnObjectReadsByRanges(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	addr := filepath.Join(t.TempDir(), "x")
	if _, err := blob.Put(ctx, addr, []byte("0123456789")); err != nil {
		t.Fatal(err)
	}
	o, err := blob.Open(ctx, addr)
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	b := make([]byte, 4)
	if n, err := o.ReadAt(b, 3); n != 4 || err != nil || string(b) != "3456" || o.Size() != 10 {
		t.Errorf("ReadAt = %d %v %q, size %d", n, err, b, o.Size())
	}
	if n, err := o.ReadAt(b, 8); n != 2 || err != io.EOF {
		t.Errorf("ReadAt beyond the end = %d, %v", n, err)
	}
}

func TestNothingRemainsOfAWriterThatIsClosedUnpublished(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	w, err := blob.Create(context.Background(), filepath.Join(dir, "x"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(payload(1 << 20)); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.Close(), w.Close()); err != nil {
		t.Error(err)
	}
	if got := names(t, dir); len(got) != 0 {
		t.Errorf("left behind: %v", got)
	}
}

func TestOtherBytesUnderANameAreAConflictAndBothStay(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	addr := filepath.Join(dir, "x")
	if _, err := blob.Put(context.Background(), addr, []byte("first")); err != nil {
		t.Fatal(err)
	}
	_, err := blob.Put(context.Background(), addr, []byte("other"))
	if fault.CodeOf(err) != fault.Conflict || !strings.Contains(err.Error(), addr) {
		t.Errorf("err = %v, want a conflict that names %s", err, addr)
	}
	if !holds(t, addr, []byte("first")) {
		t.Error("the first object is gone")
	}
	if err := os.Mkdir(filepath.Join(dir, "d"), 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := blob.Put(context.Background(), filepath.Join(dir, "d"), nil); fault.CodeOf(err) != fault.Conflict {
		t.Errorf("over a directory: %v, want a conflict", err)
	}
}

func TestReplacePutsOtherBytesInPlace(t *testing.T) {
	t.Parallel()
	addr := filepath.Join(t.TempDir(), "x")
	for _, text := range []string{"first", "second", "second"} {
		if err := blob.Replace(context.Background(), addr, []byte(text)); err != nil {
			t.Fatal(err)
		}
		if !holds(t, addr, []byte(text)) {
			t.Errorf("%q is not there", text)
		}
	}
}

func TestReadFileRefusesMoreThanItsLimitUnread(t *testing.T) {
	t.Parallel()
	addr := filepath.Join(t.TempDir(), "x")
	if err := os.WriteFile(addr, payload(11), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := blob.ReadFile(context.Background(), addr, 10); fault.CodeOf(err) != fault.TooLarge || !strings.Contains(err.Error(), addr) {
		t.Errorf("err = %v, want too_large", err)
	}
}

func TestListIsInBytewiseOrderOfFullNames(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	want := []string{"A", "a-b", "a.b/x", "a/b", "a/b-c", "a/b.d/e", "a/é", "a0", "ab", "link", "linked/b", "linked/b-c", "z"}
	for _, n := range want {
		if strings.HasPrefix(n, "link") {
			continue
		}
		p := filepath.Join(dir, filepath.FromSlash(n))
		if err := errors.Join(os.MkdirAll(filepath.Dir(p), 0o755), os.WriteFile(p, []byte(n), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	elsewhere := t.TempDir()
	for _, n := range []string{"b", "b-c"} {
		if err := os.WriteFile(filepath.Join(elsewhere, n), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(os.Symlink(elsewhere, filepath.Join(dir, "linked")), os.Symlink("z", filepath.Join(dir, "link")),
		os.Symlink("nowhere", filepath.Join(dir, "dangling")), os.Mkdir(filepath.Join(dir, "empty"), 0o755)); err != nil {
		t.Fatal(err)
	}
	var got []string
	for info, err := range blob.List(context.Background(), dir) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, info.Name)
	}
	if !slices.Equal(got, want) {
		t.Errorf("listed %q,\nwant   %q", got, want)
	}
	if !sort.StringsAreSorted(got) {
		t.Error("not in bytewise order")
	}
}

func TestListStopsWhenTheCallerDoesAndWhenTheContextEnds(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, n := range []string{"a", "b", "d/c"} {
		if _, err := blob.Put(context.Background(), blob.Join(dir, n), nil); err != nil {
			t.Fatal(err)
		}
	}
	for info := range blob.List(context.Background(), dir) {
		if info.Name != "a" {
			t.Fatalf("went on to %s", info.Name)
		}
		break
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var last error
	for _, err := range blob.List(ctx, dir) {
		last = err
		cancel()
	}
	if !errors.Is(last, context.Canceled) {
		t.Errorf("ended with %v", last)
	}
}

func TestFault19ALoopOfLinksEndsInAnError(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := errors.Join(os.Symlink(".", filepath.Join(dir, "loop")), os.Symlink("..", filepath.Join(dir, "up"))); err != nil {
		t.Fatal(err)
	}
	n, last := 0, error(nil)
	for _, err := range blob.List(context.Background(), dir) {
		n, last = n+1, err
	}
	if last == nil || n > 100 {
		t.Errorf("%d entries, last error %v", n, last)
	}
}

func TestFault19NamesThatNoFileHasAreNotFound(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "file"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.Symlink("self", filepath.Join(dir, "self")), syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o644)); err != nil {
		t.Fatal(err)
	}
	for what, name := range map[string]string{
		"nothing there":        "none",
		"a directory":          ".",
		"a pipe without end":   "pipe",
		"below a file":         "file/x",
		"300 bytes":            strings.Repeat("x", 300),
		"a link to itself":     "self",
		"a NUL in it":          "a\x00b",
		"not UTF-8, not there": "\xff\xfe",
	} {
		t.Run(what, func(t *testing.T) {
			addr := dir + "/" + name
			_, err := blob.Open(context.Background(), addr)
			if fault.CodeOf(err) != fault.NotFound || !strings.Contains(err.Error(), addr) {
				t.Errorf("Open: %v, want not_found that names it", err)
			}
			if _, err := blob.Stat(context.Background(), addr); fault.CodeOf(err) != fault.NotFound {
				t.Errorf("Stat: %v, want not_found", err)
			}
		})
	}
	for _, err := range blob.List(context.Background(), filepath.Join(dir, "file")) {
		if fault.CodeOf(err) != fault.NotFound {
			t.Errorf("List of a file: %v", err)
		}
	}
}

func TestRemovingWhatIsNotThereIsNoError(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ctx := context.Background()
	if err := errors.Join(blob.Remove(ctx, dir+"/x"), blob.RemoveAll(ctx, dir+"/y")); err != nil {
		t.Error(err)
	}
	if _, err := blob.Put(ctx, dir+"/y/z/f", nil); err != nil {
		t.Fatal(err)
	}
	if err := blob.RemoveAll(ctx, dir+"/y"); err != nil || len(names(t, dir)) != 0 {
		t.Errorf("%v, left %v", err, names(t, dir))
	}
}

func TestAddresses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ addr, scheme, joined, base string }{
		{"out/a", "", "out/a/b/c", "a"},
		{"out/a/", "", "out/a/b/c", "a"},
		{"/abs", "", "/abs/b/c", "abs"},
		{".", "", "b/c", "."},
		{"gs://bucket/x/", "gs", "gs://bucket/x/b/c", "x"},
		{"gs://bucket", "gs", "gs://bucket/b/c", "."},
		{"file:///d/e", "file", "file:///d/e/b/c", "e"},
		{"C:/odd", "", "C:/odd/b/c", "odd"},
		{"://x", "", ":/x/b/c", "x"},
	} {
		if got := blob.Scheme(c.addr); got != c.scheme {
			t.Errorf("Scheme(%q) = %q", c.addr, got)
		}
		if got := blob.Join(c.addr, "b", "c"); got != c.joined {
			t.Errorf("Join(%q) = %q, want %q", c.addr, got, c.joined)
		}
		if got := blob.Base(c.addr); got != c.base {
			t.Errorf("Base(%q) = %q, want %q", c.addr, got, c.base)
		}
	}
}

func TestAnUnknownSchemeIsAUsageErrorEverywhere(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	const addr = "nowhere://x/y"
	_, open := blob.Open(ctx, addr)
	_, stat := blob.Stat(ctx, addr)
	_, create := blob.Create(ctx, addr)
	_, sweep := blob.Sweep(ctx, addr)
	errs := []error{open, stat, create, sweep, blob.Remove(ctx, addr), blob.RemoveAll(ctx, addr)}
	for _, err := range blob.List(ctx, addr) {
		errs = append(errs, err)
	}
	if len(errs) != 7 {
		t.Errorf("%d errors, want 7", len(errs))
	}
	for _, err := range errs {
		if fault.CodeOf(err) != fault.Usage || !strings.Contains(err.Error(), "nowhere://") {
			t.Errorf("err = %v", err)
		}
	}
}

func TestAFileAddressIsItsPath(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if _, err := blob.Put(context.Background(), "file://"+dir+"/x", []byte("1")); err != nil {
		t.Fatal(err)
	}
	if !holds(t, filepath.Join(dir, "x"), []byte("1")) {
		t.Error("not there")
	}
}
