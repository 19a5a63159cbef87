package verify

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/datasets/formats"
	_ "github.com/tailorbird/tailorbird/datasets/formats/all"
	"github.com/tailorbird/tailorbird/datasets/formats/formattest"
	"github.com/tailorbird/tailorbird/internal/manifest"
)

// object is an object in memory that counts what is fetched of it and fails
// from byte bad on, where that is set.
type object struct {
	*bytes.Reader
	fetched int
	bad     int64
}

var errDisk = errors.New("input/output error")

func (o *object) ReadAt(p []byte, off int64) (int, error) {
	if o.bad > 0 && off+int64(len(p)) > o.bad {
		return 0, errDisk
	}
	n, err := o.Reader.ReadAt(p, off)
	o.fetched += n
	return n, err
}

func (*object) Close() error { return nil }

func newObject(b []byte) *object { return &object{Reader: bytes.NewReader(b)} }

// However an object is read, its sums are those of its bytes.
func TestTheSumsDoNotDependOnTheReader(t *testing.T) {
	t.Parallel()
	data := make([]byte, 3*readBytes+777)
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range data {
		data[i] = byte(rng.Uint32())
	}
	want, crc, err := newDigester(t.Context(), newObject(data), make([]byte, 1000)).sum()
	if err != nil {
		t.Fatal(err)
	}
	for range 50 {
		d := newDigester(t.Context(), newObject(data), make([]byte, 1+rng.IntN(readBytes)))
		for range rng.IntN(40) {
			p := make([]byte, rng.IntN(len(data)/4))
			off := rng.Int64N(int64(len(data)) + 10)
			n, err := d.ReadAt(p, off)
			if off < int64(len(data)) && !bytes.Equal(p[:n], data[off:][:n]) || n < len(p) && err != io.EOF {
				t.Fatalf("%d of %d bytes at %d: %v", n, len(p), off, err)
			}
		}
		if got, sum, err := d.sum(); got != want || sum != crc || err != nil {
			t.Fatalf("sums %s %s (%v), want %s %s", got, sum, err, want, crc)
		}
	}
}

// shardOf writes a shard of n images of a realistic size.
func shardOf(t testing.TB, format string, n int) []byte {
	t.Helper()
	f, _ := formats.Lookup(format)
	var b bytes.Buffer
	w, err := f.NewWriter(&b, formattest.Header(datasets.Classification))
	if err != nil {
		t.Fatal(err)
	}
	image := append(formattest.Picture(500, 375, 0), make([]byte, 60<<10)...)
	for _, ex := range formattest.Examples(datasets.Classification, n) {
		ex.Image, ex.Ext, ex.Width, ex.Height = image, "jpg", 500, 375
		if err := w.Write(ex); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestHashesAndRecordsFetchTheBytesOnce(t *testing.T) {
	t.Parallel()
	for _, format := range []string{"webdataset", "tfrecord", "parquet"} {
		data := shardOf(t, format, 60)
		o := newObject(data)
		d := newDigester(t.Context(), o, make([]byte, readBytes))
		f, _ := formats.Lookup(format)
		r, err := f.NewReader(d, d.Size())
		if err != nil {
			t.Fatal(err)
		}
		for _, err := range r.All() {
			if err != nil {
				t.Fatal(err)
			}
		}
		if _, _, err := d.sum(); err != nil {
			t.Fatal(err)
		}
		// Readers look ahead; twice the bytes would be a pass of its own.
		if most := len(data) / 4 * 7; o.fetched > most {
			t.Errorf("%s: fetched %d of %d bytes", format, o.fetched, len(data))
		}
	}
}

// A disk that fails is the error of the run, not a problem of the dataset.
func TestAFailingDiskIsNoDamage(t *testing.T) {
	t.Parallel()
	for _, format := range []string{"webdataset", "tfrecord", "parquet"} {
		data := shardOf(t, format, 3)
		o := newObject(data)
		o.bad = int64(len(data)) / 2
		if format == "parquet" {
			o.bad = 1 // its footer is read first
		}
		c := &checker{ctx: t.Context(), m: &manifest.Manifest{Task: string(datasets.Classification)}, classes: map[int64]int{0: 0, 1: 1, 2: 2}}
		s := &shard{Shard: manifest.Shard{Path: "p", Format: format, Examples: 3}, split: "train"}
		w := newWorker()
		defer w.pictures.Close()
		err := c.records(s, newDigester(t.Context(), o, w.buf), w)
		if !errors.Is(err, errDisk) || len(s.problems) > 0 {
			t.Errorf("%s: %v, problems %v", format, err, s.problems)
		}
	}
}

func TestARunThatIsStoppedSaysSo(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	d := newDigester(ctx, newObject(make([]byte, 10)), make([]byte, 4))
	cancel()
	if _, _, err := d.sum(); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

// The hash pass is the floor of every verification.
func BenchmarkDigest(b *testing.B) {
	data := make([]byte, 64<<20)
	buf := make([]byte, readBytes)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := newDigester(b.Context(), newObject(data), buf).sum(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkShard reads a shard of images of 500 x 375 pixels, hashes and all.
func BenchmarkShard(b *testing.B) {
	for _, format := range []string{"webdataset", "tfrecord", "parquet"} {
		b.Run(format, func(b *testing.B) {
			const n = 50
			data := shardOf(b, format, n)
			c := &checker{ctx: b.Context(), m: &manifest.Manifest{Task: string(datasets.Classification)}, classes: map[int64]int{0: 0, 1: 1, 2: 2}}
			w := newWorker()
			defer w.pictures.Close()
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				s := &shard{Shard: manifest.Shard{Format: format, Examples: n}, split: "train"}
				d := newDigester(b.Context(), newObject(data), w.buf)
				if err := c.records(s, d, w); err != nil || len(s.problems) > 0 {
					b.Fatal(err, s.problems)
				}
				if _, _, err := d.sum(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(n*b.N)/b.Elapsed().Seconds(), "images/s")
		})
	}
}

// BenchmarkKeys holds the keys of ImageNet's training set in two formats.
func BenchmarkKeys(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		c := &checker{m: &manifest.Manifest{Splits: map[string]manifest.Split{"train": {Shards: []manifest.Shard{{Format: "tfrecord"}, {Format: "webdataset"}}}}}}
		for _, format := range []string{"tfrecord", "webdataset"} {
			for i := range 128 {
				s := &shard{Shard: manifest.Shard{Format: format, Path: fmt.Sprint(i)}, group: groupOf("train", format), complete: true}
				for k := range 10_000 {
					s.keys.add(fmt.Sprintf("n%08d_%d", k, i))
				}
				c.shards = append(c.shards, s)
			}
		}
		if c.keys(); len(c.problems) > 0 {
			b.Fatal(c.problems[0])
		}
	}
}
