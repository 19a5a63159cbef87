package formattest

import (
	"bytes"
	"runtime"
	"testing"

	"github.com/tailorbird/tailorbird/datasets/formats"
	"github.com/tailorbird/tailorbird/internal/fault"
)

// maxGrowth bounds what reading a damaged shard may allocate: this much, and
// growthPerByte for each byte of the shard.
const (
	maxGrowth     = 64 << 20
	growthPerByte = 256
)

// Damaged reads a shard in every way and returns the first error of All. It
// fails the test where an error has no data code, or where too much is allocated.
func Damaged(t testing.TB, f formats.Format, shard []byte) error {
	t.Helper()
	limit := maxGrowth + growthPerByte*uint64(len(shard))
	var first error
	var grown uint64
	// Tests beside this one allocate too; what the shard causes comes every time.
	for range 3 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		first = readAll(t, f, shard)
		runtime.ReadMemStats(&after)
		if grown = after.TotalAlloc - before.TotalAlloc; grown <= limit {
			return first
		}
	}
	t.Errorf("reading %d damaged bytes allocated %d", len(shard), grown)
	return first
}

func readAll(t testing.TB, f formats.Format, shard []byte) (first error) {
	t.Helper()
	note := func(err error) {
		if err == nil {
			return
		}
		if !fault.CodeOf(err).IsData() {
			t.Errorf("error without a data code: %v", err)
		}
		if first == nil {
			first = err
		}
	}
	r, err := f.NewReader(bytes.NewReader(shard), int64(len(shard)))
	if note(err); err != nil {
		return first
	}
	for ex, err := range r.All() {
		note(err)
		if (ex == nil) == (err == nil) {
			t.Errorf("example %v with error %v", ex, err)
		}
	}
	entries, err := r.Index()
	ofAll := first
	note(err)
	for _, e := range entries {
		_, err := r.Get(e)
		note(err)
	}
	return ofAll
}

// places are positions to damage: all of the first and last bytes, and a spread
// of the others.
func places(n, some int) []int {
	var at []int
	for i := range n {
		if i < some || i >= n-some || i%(1+n/some) == 0 {
			at = append(at, i)
		}
	}
	return at
}

func cuts(t *testing.T, f formats.Format, o Options, shard []byte) {
	for _, n := range places(len(shard), 80) {
		if err := Damaged(t, f, shard[:n:n]); o.CutsFound && err == nil {
			t.Errorf("cut off after %d of %d bytes, and not found", n, len(shard))
		}
	}
}

func flips(t *testing.T, f formats.Format, o Options, shard []byte) {
	for i, at := range places(len(shard), 80) {
		bad := bytes.Clone(shard)
		bad[at] ^= 1 << (i % 8)
		if i%3 == 0 {
			bad[at] = 0xff
		}
		if err := Damaged(t, f, bad); o.Checksums && err == nil && bad[at] != shard[at] {
			t.Errorf("byte %d of %d changed, and not found", at, len(shard))
		}
	}
}
