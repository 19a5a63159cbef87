package teskd

import (
	"bytes"
	"math"
	"math/rand/v2"
	"testing"

	"gorgonia.org/tensor"

	"github.com/tailorbird/tailorbird/kernels/cpu"
	"github.com/tailorbird/tailorbird/kernels/ops"
	"github.com/tailorbird/tailorbird/methods/nn"
	"github.com/tailorbird/tailorbird/methods/training"
	"github.com/tailorbird/tailorbird/methods/zoo"
)

const (
	classes = 5
	batch   = 4
	side    = 16
)

func newEngine(t testing.TB) *cpu.Engine {
	e := cpu.New(cpu.Options{Workers: 2})
	t.Cleanup(e.Close)
	return e
}

func dense(backing any, shape ...int) *tensor.Dense {
	return tensor.New(tensor.WithShape(shape...), tensor.WithBacking(backing))
}

func numbers(rng *rand.Rand, shape ...int) *tensor.Dense {
	v := make([]float32, ops.Size(shape))
	for i := range v {
		v[i] = float32(rng.NormFloat64())
	}
	return dense(v, shape...)
}

func near(a, b, tolerance float64) bool { return math.Abs(a-b) <= tolerance }

// narrow is a CIFAR ResNet of four stages, one block each.
func narrow(t testing.TB, width, classes int) *zoo.Network {
	t.Helper()
	net, err := zoo.NewResNet(zoo.ResNetConfig{
		Layers: []int{1, 1, 1, 1}, Planes: []int{width, 2 * width, 4 * width, 8 * width}, CIFAR: true, Classes: classes, DefaultInit: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	return net
}

// trial is a small run: what the training loop does, without files.
type trial struct {
	e      *cpu.Engine
	net    zoo.Backbone
	method training.Method
	opt    *nn.Optimiser
	tape   *nn.Tape
	state  nn.TrainingState
	losses []float32
}

// Collect implements nn.Module.
func (r *trial) Collect(c *nn.Collector) {
	c.Module("", r.net)
	c.Module("method", r.method)
}

// newTrial begins a run of a method on a network for batches of some size.
func newTrial(t testing.TB, net zoo.Backbone, method string, options map[string]any) *trial {
	t.Helper()
	m, err := training.New(method, options)
	if err != nil {
		t.Fatal(err)
	}
	r := &trial{e: newEngine(t), net: net, method: m}
	nn.Initialise(net, 21)
	if err := m.Begin(&training.Run{Engine: r.e, Net: net, Classes: net.Layout().Classes, Batch: batch, Seed: 21}); err != nil {
		t.Fatal(err)
	}
	r.tape = nn.NewTape(r.e)
	r.opt, err = nn.NewOptimiser(r.e, nn.SGD{Momentum: 0.9, Nesterov: true}, nn.Group{Params: nn.Params(r), LR: 0.05, Decay: 5e-4})
	if err != nil {
		t.Fatal(err)
	}
	r.state = nn.TrainingState{Model: r, Optimiser: r.opt, Seed: 21}
	return r
}

// small begins a run on a narrow network and 16 x 16 images.
func small(t testing.TB, method string, options map[string]any) *trial {
	t.Helper()
	if method == "teskd" {
		with := map[string]any{"size": int64(side)}
		for k, v := range options {
			with[k] = v
		}
		options = with
	}
	return newTrial(t, narrow(t, 2, classes), method, options)
}

// batchOf makes the batch of a step: noise and a colour that tells the class.
func batchOf(step int64, n, side, classes int) *training.Batch {
	rng := rand.New(rand.NewPCG(uint64(step), 77))
	x := numbers(rng, n, 3, side, side)
	y := make([]int64, n)
	for i := range y {
		y[i] = rng.Int64N(int64(classes))
		for k := range x.Float32s()[i*3*side*side:][:side*side] {
			x.Float32s()[i*3*side*side+k] += float32(y[i])
		}
	}
	return &training.Batch{Step: step, Images: x, Labels: dense(y, n)}
}

// to trains until so many steps are done.
func (r *trial) to(t testing.TB, last int64) {
	t.Helper()
	for r.state.Step < last {
		if err := r.step(batchOf(r.state.Step, batch, side, classes)); err != nil {
			t.Fatal(err)
		}
		r.state.Step++
	}
}

// backward leaves the gradients of a batch in the parameters.
func (r *trial) backward(b *training.Batch) error {
	r.tape.Training = true
	loss, err := r.method.Loss(r.tape, b)
	if err != nil {
		return err
	}
	r.losses = append(r.losses, r.tape.Host(loss.Total)[0])
	if err := r.tape.Backward(loss.Total); err != nil {
		return err
	}
	return r.method.Gradients(b, nil)
}

func (r *trial) step(b *training.Batch) error {
	if err := r.backward(b); err != nil {
		return err
	}
	if err := r.opt.Step(); err != nil {
		return err
	}
	r.opt.ZeroGrad(r.tape)
	r.tape.Reset()
	return nil
}

// gradients are those of all parameters by name, of one batch.
func (r *trial) gradients(t testing.TB) map[string][]float32 {
	t.Helper()
	if err := r.backward(batchOf(0, batch, side, classes)); err != nil {
		t.Fatal(err)
	}
	g := map[string][]float32{}
	for _, p := range nn.Params(r) {
		g[p.Name] = make([]float32, ops.Size(p.Var.Shape()))
		if p.Var.Grad != nil {
			copy(g[p.Name], p.Var.Grad.Float32s())
		}
	}
	r.opt.ZeroGrad(r.tape)
	r.tape.Reset()
	return g
}

// saved are the values of a module.
func saved(t testing.TB, m nn.Module) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := nn.SaveState(&b, m, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func allZero(v []float32) bool {
	for _, x := range v {
		if x != 0 {
			return false
		}
	}
	return true
}
