package ctkd

import (
	"bytes"
	"context"
	"slices"
	"testing"

	"github.com/tailorbird/tailorbird/kernels/cpu"
	"github.com/tailorbird/tailorbird/methods/nn"
	"github.com/tailorbird/tailorbird/methods/training"
	"github.com/tailorbird/tailorbird/methods/zoo"
)

// bench is a method on a bare loop.
type bench struct {
	t      testing.TB
	e      *cpu.Engine
	tape   *nn.Tape
	opt    *nn.Optimiser
	net    zoo.Backbone
	d      *Distiller
	params []*nn.Var
	data   *training.InMemory
	batch  training.Batch
	step   int64
	loss   *training.Loss
}

func newBench(t testing.TB, workers int, arm training.Named, decay float64) *bench {
	t.Helper()
	e := cpu.New(cpu.Options{Workers: workers})
	t.Cleanup(e.Close)
	net, err := zoo.NewResNet(zoo.ResNetConfig{Layers: []int{1, 1, 1}, Planes: []int{4, 8, 16}, CIFAR: true, Classes: 3})
	if err != nil {
		t.Fatal(err)
	}
	nn.Initialise(net, 7)
	m, err := training.New(arm.Name, plain(arm.Options))
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{t: t, e: e, tape: nn.NewTape(e), net: net, d: m.(*Distiller), data: stripes(t)}
	if err := m.Begin(&training.Run{Engine: e, Net: net, Classes: 3, Samples: samples, Batch: 8, Epochs: 3, StepsPerEpoch: 5, Seed: 7}); err != nil {
		t.Fatal(err)
	}
	entries := nn.Params(both{net, m})
	for _, p := range entries {
		b.params = append(b.params, p.Var)
	}
	if b.opt, err = nn.NewOptimiser(e, nn.SGD{Momentum: 0.9}, nn.Group{Params: entries, LR: 0.02, Decay: decay}); err != nil {
		t.Fatal(err)
	}
	b.batch.Want, b.batch.Views = 8, 1
	return b
}

// plain has a recipe's number types.
func plain(o map[string]any) map[string]any {
	out := map[string]any{}
	for k, v := range o {
		if i, ok := v.(int); ok {
			v = int64(i)
		}
		out[k] = v
	}
	return out
}

type both struct{ net, method nn.Module }

func (b both) Collect(c *nn.Collector) {
	c.Module("", b.net)
	c.Module("method", b.method)
}

// next runs a step; see looks at the losses before the backward pass.
func (b *bench) next(see func(l *training.Loss)) {
	b.t.Helper()
	if b.step%5 == 0 {
		if err := b.data.Epoch(b.step / 5); err != nil {
			b.t.Fatal(err)
		}
	}
	if err := b.data.Next(context.Background(), &b.batch); err != nil {
		b.t.Fatal(err)
	}
	b.batch.Epoch, b.batch.Step = b.step/5, b.step
	l, err := b.d.Loss(b.tape, &b.batch)
	if err != nil {
		b.t.Fatal(err)
	}
	if see != nil {
		see(l)
	}
	if err := b.tape.Backward(l.Total); err != nil {
		b.t.Fatal(err)
	}
	if err := b.d.Gradients(&b.batch, b.params); err != nil {
		b.t.Fatal(err)
	}
	if err := b.opt.Step(); err != nil {
		b.t.Fatal(err)
	}
	b.opt.ZeroGrad(b.tape)
	b.tape.Reset()
	b.step++
}

// values copies every entry of the network and of the method.
func (b *bench) values() map[string][]float32 {
	out := map[string][]float32{}
	for _, e := range nn.Entries(both{b.net, b.d}) {
		if v, ok := e.Var.Value.Data().([]float32); ok {
			out[e.Name] = slices.Clone(v)
		}
	}
	return out
}

// state is all that a checkpoint of a run would hold.
func (b *bench) state() *nn.TrainingState {
	return &nn.TrainingState{Model: both{b.net, b.d}, Optimiser: b.opt, Step: b.step, Epoch: b.step / 5, Seed: 7}
}

func (b *bench) saved() []byte {
	var out bytes.Buffer
	if err := nn.SaveState(&out, b.state(), nil); err != nil {
		b.t.Fatal(err)
	}
	return out.Bytes()
}

// resume goes on from what saved returned.
func (b *bench) resume(saved []byte) {
	b.t.Helper()
	src, err := nn.ParseCheckpoint(saved)
	if err != nil {
		b.t.Fatal(err)
	}
	defer src.Close()
	s := b.state()
	if err := s.Load(src); err != nil {
		b.t.Fatal(err)
	}
	if err := b.data.Epoch(s.Epoch); err != nil {
		b.t.Fatal(err)
	}
	for range s.Step % 5 { // samples of this epoch that were seen
		if err := b.data.Next(context.Background(), &b.batch); err != nil {
			b.t.Fatal(err)
		}
	}
	b.step = s.Step
}
