package formattest

import (
	"bytes"
	"fmt"
	"io"
	"testing"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/datasets/formats"
)

// imageBytes is the mean size of an ImageNet JPEG.
const imageBytes = 110_000

// BenchmarkWrite times one example of a realistic size.
func BenchmarkWrite(b *testing.B, f formats.Format, task datasets.Task) {
	w, err := f.NewWriter(io.Discard, Header(task))
	if err != nil {
		b.Fatal(err)
	}
	ex := Examples(task, 4)[3]
	ex.Image = make([]byte, imageBytes)
	key := make([]byte, 0, 16)
	b.SetBytes(imageBytes)
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		key = fmt.Appendf(key[:0], "%012d", i)
		ex.Key = string(key)
		if err := w.Write(ex); err != nil {
			b.Fatal(err)
		}
		i++
	}
	if err := w.Close(); err != nil {
		b.Fatal(err)
	}
}

func realistic(b *testing.B, f formats.Format, task datasets.Task, n int) []byte {
	var buf bytes.Buffer
	w, err := f.NewWriter(&buf, Header(task))
	if err != nil {
		b.Fatal(err)
	}
	for _, ex := range Examples(task, n) {
		ex.Image = make([]byte, imageBytes)
		if err := w.Write(ex); err != nil {
			b.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		b.Fatal(err)
	}
	return buf.Bytes()
}

// BenchmarkRead times reading a shard of 100 examples.
func BenchmarkRead(b *testing.B, f formats.Format, task datasets.Task) {
	shard := realistic(b, f, task, 100)
	b.SetBytes(int64(len(shard)))
	b.ReportAllocs()
	for b.Loop() {
		r, err := f.NewReader(bytes.NewReader(shard), int64(len(shard)))
		if err != nil {
			b.Fatal(err)
		}
		for _, err := range r.All() {
			if err != nil {
				b.Fatal(err)
			}
		}
	}
}

// BenchmarkIndex times the index of a shard of 100 examples.
func BenchmarkIndex(b *testing.B, f formats.Format, task datasets.Task) {
	shard := realistic(b, f, task, 100)
	b.ReportAllocs()
	for b.Loop() {
		r, err := f.NewReader(bytes.NewReader(shard), int64(len(shard)))
		if err != nil {
			b.Fatal(err)
		}
		if _, err := r.Index(); err != nil {
			b.Fatal(err)
		}
	}
}
