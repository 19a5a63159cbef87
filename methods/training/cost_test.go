package training

import (
	"context"
	"errors"
	"io"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/tailorbird/tailorbird/kernels/cpu"
	"github.com/tailorbird/tailorbird/methods/nn"
	"github.com/tailorbird/tailorbird/methods/zoo"
)

// colour is n noise images of 32 x 32 in 10 classes.
func colour(n int) ImageSet {
	rng := rand.New(rand.NewPCG(1, 2))
	s := ImageSet{Height: 32, Width: 32, ClassNames: make([]string, 10), Shuffle: true, Pad: 4, Flip: true, Deviation: [3]float32{0.25, 0.25, 0.25}}
	for i := range n {
		s.Labels = append(s.Labels, int64(i%10))
		s.Keys = append(s.Keys, string(rune('a'+i)))
	}
	s.Pixels = make([]byte, n*3*32*32)
	for i := range s.Pixels {
		s.Pixels[i] = byte(rng.Uint32())
	}
	return s
}

// bareLoop is a step as one writes it by hand: the loop of docs/engine.md.
func bareLoop(b *testing.B, batch int) func() {
	b.Helper()
	e := cpu.New(cpu.Options{Workers: 2})
	b.Cleanup(e.Close)
	net, err := zoo.New("resnet20", zoo.Options{Classes: 10})
	if err != nil {
		b.Fatal(err)
	}
	nn.Initialise(net, 0)
	t := nn.NewTape(e)
	opt, err := nn.NewOptimiser(e, nn.SGD{Momentum: 0.9}, nn.Group{Params: nn.Params(net), LR: 0.1, Decay: 5e-4})
	if err != nil {
		b.Fatal(err)
	}
	d, host := source(b, colour(4*batch)), &Batch{Want: batch, Views: 1}
	return func() {
		filled(b, d, host)
		x, labels := e.Borrow(batch, 3, 32, 32), e.BorrowIndex(batch)
		copy(x.Float32s(), host.Images.Float32s())
		copy(labels.Int64s(), host.Labels.Int64s())
		loss := t.CrossEntropy(net.Forward(t, t.Const(x)), labels, nn.CrossEntropy{})
		if err := t.Backward(loss); err != nil {
			b.Fatal(err)
		}
		if v := t.Host(loss)[0]; v != v {
			b.Fatal("NaN")
		}
		if err := opt.Step(); err != nil {
			b.Fatal(err)
		}
		opt.ZeroGrad(t)
		t.Reset()
		e.Release(x)
		e.Release(labels)
	}
}

func filled(b *testing.B, d *InMemory, dst *Batch) {
	b.Helper()
	err := d.Next(context.Background(), dst)
	if errors.Is(err, io.EOF) {
		if err = d.Epoch(d.epoch + 1); err == nil {
			err = d.Next(context.Background(), dst)
		}
	}
	if err != nil {
		b.Fatal(err)
	}
}

// BenchmarkStepOverBareLoop trains ResNet-20 at batch 64 by hand and by a Trainer,
// a step of each in turn, and reports the ratio of the shortest times.
func BenchmarkStepOverBareLoop(b *testing.B) {
	const batch = 64
	bare := bareLoop(b, batch)
	c := Config{
		Dir: b.TempDir(), Epochs: 1000, Batch: batch, Workers: 2, Model: Named{Name: "resnet20"},
		Optimiser: Named{Name: "sgd", Options: map[string]any{"lr": 0.1, "momentum": 0.9, "weight_decay": 5e-4}},
		Schedule:  Named{Name: "cosine"}, Train: source(b, colour(4*batch)),
		Progress: func(Progress) {},
	}
	t, err := NewTrainer(c)
	if err != nil {
		b.Fatal(err)
	}
	defer t.Close()
	if err := t.open(); err != nil {
		b.Fatal(err)
	}
	defer t.dir.close()
	ours := func() {
		filled(b, t.c.Train.(*InMemory), &t.host)
		if err := t.step(); err != nil {
			b.Fatal(err)
		}
	}
	ours()
	bare()
	best := [2]float64{math.Inf(1), math.Inf(1)}
	b.ResetTimer()
	for b.Loop() {
		for i, f := range []func(){bare, ours} {
			start := time.Now()
			f()
			best[i] = min(best[i], time.Since(start).Seconds())
		}
	}
	b.ReportMetric(best[1]/best[0], "trainer/bare")
	b.ReportMetric(1e3*best[0], "bare_ms")
	b.ReportMetric(1e3*best[1], "trainer_ms")
}
