package trainingtest

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/tailorbird/tailorbird/methods/training"
)

// Side is the height and width of drawn images.
const Side = 8

// Steps is the number of steps of a run of Config.
const Steps = 18

// Images are n images of stripes and checks with noise in 3 classes.
func Images(n int, seed uint64) training.ImageSet {
	rng := rand.New(rand.NewPCG(seed, 1))
	s := training.ImageSet{
		Height: Side, Width: Side, ClassNames: []string{"rows", "columns", "checks"},
		Mean: [3]float32{0.5, 0.5, 0.5}, Deviation: [3]float32{0.25, 0.25, 0.25}, Seed: seed,
	}
	for i := range n {
		label := rng.IntN(3)
		for y := range Side {
			for x := range Side {
				v := 60 + 100*[]int{y & 1, x & 1, (x ^ y) & 1}[label]
				for range 3 {
					s.Pixels = append(s.Pixels, byte(v+rng.IntN(90)))
				}
			}
		}
		s.Labels = append(s.Labels, int64(label))
		s.Keys = append(s.Keys, fmt.Sprintf("drawn-%d-%04d", seed, i))
	}
	return s
}

// Config is a run of 3 epochs of 6 steps: a ResNet-8 of width 4, batches of 8, SGD
// with momentum, a checkpoint every 4 steps. m may be nil: the baseline.
func Config(t testing.TB, dir string, m training.Method) training.Config {
	t.Helper()
	set := Images(50, 1)
	set.Shuffle, set.Pad, set.Flip = true, 1, true
	train, err := training.NewInMemory(set)
	if err != nil {
		t.Fatal(err)
	}
	eval, err := training.NewInMemory(Images(33, 2))
	if err != nil {
		t.Fatal(err)
	}
	return training.Config{
		Dir: dir, Epochs: 3, Batch: 8, Seed: 7, Workers: 1, Use: m, Train: train, Eval: eval,
		Model:      training.Named{Name: "resnet8", Options: map[string]any{"width": 4}},
		Optimiser:  training.Named{Name: "sgd", Options: map[string]any{"lr": 0.05, "momentum": 0.9, "weight_decay": 5e-4}},
		Schedule:   training.Named{Name: "cosine"},
		Checkpoint: training.Keeping{EverySteps: 4},
	}
}
