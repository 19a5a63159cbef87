package zoo

import (
	"math/rand/v2"
	"testing"
	"time"

	"gorgonia.org/tensor"

	"github.com/tailorbird/tailorbird/kernels/cpu"
	"github.com/tailorbird/tailorbird/methods/nn"
)

// BenchmarkTrainViTTiny is a training step of a ViT of width 192 and depth 12 on
// 64 images of 64x64 in patches of 8, with SGD: the case train_vit_tiny of
// notes/baselines.md.
func BenchmarkTrainViTTiny(b *testing.B) {
	e := cpu.New(cpu.Options{})
	defer e.Close()
	net, err := NewViT(ViTConfig{ImageSize: 64, PatchSize: 8, Width: 192, Depth: 12, Heads: 3, Classes: 100})
	if err != nil {
		b.Fatal(err)
	}
	nn.Initialise(net, 1)
	x, labels := make([]float32, 64*3*64*64), make([]int64, 64)
	nn.Normal(0, 1)(x, nil, rand.New(rand.NewPCG(1, 2)))
	for i := range labels {
		labels[i] = int64(i)
	}
	t, y := nn.NewTape(e), tensor.New(tensor.WithShape(64), tensor.WithBacking(labels))
	opt, err := nn.NewOptimiser(e, nn.SGD{Momentum: 0.9}, nn.Group{Params: nn.Params(net), LR: 0.01, Decay: 5e-4})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	best := time.Hour // of a step: other work on the machine slows the rest
	for b.Loop() {
		began := time.Now()
		loss := t.CrossEntropy(net.Forward(t, t.Upload(x, 64, 3, 64, 64)), y, nn.CrossEntropy{})
		if err := t.Backward(loss); err != nil {
			b.Fatal(err)
		}
		if err := opt.Step(); err != nil {
			b.Fatal(err)
		}
		opt.ZeroGrad(t)
		t.Reset()
		best = min(best, time.Since(began))
	}
	b.ReportMetric(1/best.Seconds(), "best-steps/s")
	b.ReportMetric(float64(e.Held())/(1<<20), "MiB-held")
}
