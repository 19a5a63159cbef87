package teskd

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/tailorbird/tailorbird/methods/nn"
	"github.com/tailorbird/tailorbird/methods/training"
	"github.com/tailorbird/tailorbird/methods/zoo"
)

// images are n small pictures whose brightness tells the class.
func images(t *testing.T, n int, seed uint64) *training.InMemory {
	t.Helper()
	rng := rand.New(rand.NewPCG(seed, 1))
	s := training.ImageSet{
		Height: side, Width: side, ClassNames: []string{"dark", "grey", "bright"},
		Mean: [3]float32{0.5, 0.5, 0.5}, Shuffle: true, Pad: 1, Flip: true, Seed: seed,
	}
	for i := range n {
		label := rng.IntN(3)
		for range 3 * side * side {
			s.Pixels = append(s.Pixels, byte(80*label+rng.IntN(90)))
		}
		s.Labels = append(s.Labels, int64(label))
		s.Keys = append(s.Keys, fmt.Sprint(i))
	}
	d, err := training.NewInMemory(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func run(t *testing.T, method, dir string) training.Config {
	t.Helper()
	c := training.Config{
		Dir: dir, Epochs: 2, Batch: 6, Seed: 5, Workers: 1,
		Model:     training.Named{Name: "resnet18_cifar", Options: map[string]any{"width": int64(2), "default_init": true}},
		Method:    training.Named{Name: method},
		Optimiser: training.Named{Name: "sgd", Options: map[string]any{"lr": 0.05, "momentum": 0.9, "nesterov": true, "weight_decay": 5e-4}},
		Train:     images(t, 26, 1), Eval: images(t, 12, 2),
		Checkpoint: training.Keeping{EverySteps: 3},
	}
	if method == "teskd" {
		c.Method.Options = map[string]any{"size": int64(side)}
	}
	return c
}

func trained(t *testing.T, ctx context.Context, c training.Config) (*training.Result, error) {
	t.Helper()
	tr, err := training.NewTrainer(c)
	if err != nil {
		t.Fatal(err)
	}
	defer tr.Close()
	return tr.Run(ctx)
}

// TestExportedWeightsAreThePlainNetwork: the run's final weights have the entries of a
// plain run's, and load into the network alone.
func TestExportedWeightsAreThePlainNetwork(t *testing.T) {
	names := map[string][]string{}
	for _, method := range []string{"none", "teskd"} {
		dir := t.TempDir()
		c := run(t, method, dir)
		r, err := trained(t, context.Background(), c)
		if err != nil {
			t.Fatal(err)
		}
		src, err := nn.OpenCheckpoint(filepath.Join(dir, "final.safetensors"))
		if err != nil {
			t.Fatal(err)
		}
		defer src.Close()
		names[method] = src.Names()
		net, err := zoo.NewResNet(zoo.ResNetConfig{Layers: []int{2, 2, 2, 2}, Planes: []int{2, 4, 8, 16}, CIFAR: true, Classes: 3})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := nn.LoadState(net, src, nn.LoadOptions{}); err != nil {
			t.Errorf("%s: %v", method, err)
		}
		ev, err := training.EvaluateFile(context.Background(), run(t, "none", t.TempDir()), filepath.Join(dir, "final.safetensors"))
		if err != nil {
			t.Fatal(err)
		}
		if ev.Loss != r.Eval.Loss || ev.Top1 != r.Eval.Top1 {
			t.Errorf("%s: the run evaluates to %v, the file to %v", method, r.Eval, ev)
		}
	}
	if !slices.Equal(names["none"], names["teskd"]) {
		t.Errorf("the weights have %v, a plain run's %v", names["teskd"], names["none"])
	}
}

// TestAStoppedTrainerGoesOnBitForBit stops a run after a random step.
func TestAStoppedTrainerGoesOnBitForBit(t *testing.T) {
	whole, dir := t.TempDir(), t.TempDir()
	want, err := trained(t, context.Background(), run(t, "teskd", whole))
	if err != nil {
		t.Fatal(err)
	}
	steps := 1 + rand.New(rand.NewPCG(7, 7)).IntN(6)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	c := run(t, "teskd", dir)
	c.Progress = func(training.Progress) {
		if steps--; steps == 0 {
			cancel()
		}
	}
	if _, err := trained(t, ctx, c); !errors.Is(err, context.Canceled) {
		t.Fatalf("error %v", err)
	}
	got, err := trained(t, context.Background(), run(t, "teskd", dir))
	if err != nil {
		t.Fatal(err)
	}
	if got.ResumedAt == 0 || got.FinalSHA256 != want.FinalSHA256 {
		t.Errorf("went on at step %d to %s, want %s", got.ResumedAt, got.FinalSHA256, want.FinalSHA256)
	}
	a, errA := os.ReadFile(filepath.Join(whole, "metrics.jsonl"))
	b, errB := os.ReadFile(filepath.Join(dir, "metrics.jsonl"))
	if errA != nil || errB != nil || len(a) == 0 || string(a) != string(b) {
		t.Errorf("metrics differ: %v, %v", errA, errB)
	}
}
