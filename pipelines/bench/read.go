package bench

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/tailorbird/tailorbird/datasets/reader"
	"github.com/tailorbird/tailorbird/internal/progress"
)

func init() {
	cases = append(cases, benchCase{"read_train224", "shards to training batches: decode, random resized crop to 224, flip, normalise", (*bencher).readTrain224})
}

// readAugment is what image classifiers are trained with.
const readAugment = "random_resized_crop(224) | flip | normalize(imagenet)"

// readTrain224 reads the dataset of the case build, or what --images names where
// that is a built dataset, over and over.
func (b *bencher) readTrain224() (Result, error) {
	dir, split := b.opt.Images, "train"
	if _, err := os.Stat(filepath.Join(dir, "manifest.json")); dir == "" || err != nil {
		if dir = filepath.Join(b.dir, "out"); !exists(filepath.Join(dir, "manifest.json")) {
			if _, err := b.build(); err != nil {
				return Result{}, err
			}
		}
	}
	r, err := reader.Open(b.ctx, dir, split, reader.Options{Seed: 1, Batch: 64, Shuffle: true, Augment: readAugment, Workers: b.opt.Threads})
	if err != nil {
		return Result{}, err
	}
	defer r.Close()
	n, cpu := int64(0), 0.0
	var begin time.Time
	for epoch := int64(0); epoch < 2 || time.Since(begin) < b.opt.Duration; epoch++ {
		if epoch == 1 { // the first one fills caches and buffers
			n, begin = 0, time.Now()
			cpu, _ = progress.Usage()
		}
		if err := r.Epoch(epoch); err != nil {
			return Result{}, err
		}
		for {
			batch, err := r.Next(b.ctx)
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return Result{}, err
			}
			n += int64(len(batch.Keys))
			batch.Release()
		}
	}
	s := time.Since(begin).Seconds()
	used, peak := progress.Usage()
	return Result{Value: float64(n) / s, Unit: "samples/s", Threads: b.opt.Threads, Better: "higher", Seconds: s,
		Extra: perCPU(map[string]float64{"peak_rss_mb": float64(peak) / (1 << 20), "samples": float64(r.Len())}, n, used-cpu)}, nil
}

func exists(name string) bool {
	_, err := os.Stat(name)
	return err == nil
}
