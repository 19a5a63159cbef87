package reader

import (
	"io"
	"os"
	"testing"
)

// BenchmarkRead reads the built dataset that TAILORBIRD_READ names, or a drawn one,
// in the format TAILORBIRD_READ_FORMAT, for training on 224 x 224; an operation is
// a batch of 64.
func BenchmarkRead(b *testing.B) {
	dir := os.Getenv("TAILORBIRD_READ")
	if dir == "" {
		dir = write(b, examples(b, 256, 340, 256), 4, "webdataset")
	}
	r := open(b, dir, Options{Batch: 64, Shuffle: true, Augment: "random_resized_crop(224) | flip", Workers: 2, Format: os.Getenv("TAILORBIRD_READ_FORMAT")})
	b.ReportAllocs()
	epoch := int64(0)
	n := 0
	for b.Loop() {
		batch, err := r.Next(b.Context())
		if err == io.EOF {
			epoch++
			if err = r.Epoch(epoch); err == nil {
				batch, err = r.Next(b.Context())
			}
		}
		if err != nil {
			b.Fatal(err)
		}
		n += len(batch.Keys)
		batch.Release()
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "samples/s")
}
