package historical

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"gorgonia.org/tensor"

	"github.com/tailorbird/tailorbird/kernels/cpu"
	"github.com/tailorbird/tailorbird/kernels/ops"
	"github.com/tailorbird/tailorbird/methods/nn"
	"github.com/tailorbird/tailorbird/methods/training"
	"github.com/tailorbird/tailorbird/methods/zoo"
)

// The small run of the tests: three epochs of three steps on images of noise.
const (
	side    = 8
	classes = 4
	samples = 18
	batch   = 6
	epochs  = 3
	steps   = samples / batch
)

// rig trains a network with a method.
type rig struct {
	t      testing.TB
	e      ops.Engine
	net    zoo.Backbone
	method training.Method
	tape   *nn.Tape
	opt    *nn.Optimiser
	params []*nn.Var
	losses []float64
}

func newRig(t testing.TB, name string, options map[string]any) *rig {
	t.Helper()
	e := cpu.New(cpu.Options{Workers: 1})
	t.Cleanup(func() { e.Close() })
	net, err := zoo.NewResNet(zoo.ResNetConfig{Layers: []int{1, 1, 1}, Planes: []int{4, 6, 8}, CIFAR: true, Classes: classes})
	if err != nil {
		t.Fatal(err)
	}
	m, err := training.New(name, options)
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{t: t, e: e, net: net, method: m, tape: nn.NewTape(e)}
	nn.Initialise(r.net, 5)
	run := &training.Run{Engine: e, Net: r.net, Classes: classes, Samples: samples, Batch: batch, Epochs: epochs, StepsPerEpoch: steps, Seed: 9}
	if err := m.Begin(run); err != nil {
		t.Fatal(err)
	}
	r.build(0.05)
	return r
}

func (r *rig) build(lr float64) {
	group := nn.Group{LR: lr}
	for _, p := range nn.Params(r) {
		group.Params = append(group.Params, p)
		r.params = append(r.params, p.Var)
	}
	var err error
	if r.opt, err = nn.NewOptimiser(r.e, nn.SGD{}, group); err != nil {
		r.t.Fatal(err)
	}
}

// Collect implements nn.Module: all that a checkpoint of the run holds.
func (r *rig) Collect(c *nn.Collector) {
	c.Module("model", r.net)
	c.Module("method", r.method)
}

// batchOf is the batch of a step: in each epoch another order, and images that differ a
// little from those of the epochs before.
func batchOf(step int64) *training.Batch {
	epoch := step / steps
	order := rand.New(rand.NewPCG(1, uint64(epoch))).Perm(samples)[step%steps*batch:][:batch]
	b := &training.Batch{Epoch: epoch, Step: step}
	images, second := make([]float32, batch*3*side*side), make([]float32, batch*3*side*side)
	labels := make([]int64, batch)
	for i, id := range order {
		b.IDs, b.Keys = append(b.IDs, int64(id)), append(b.Keys, fmt.Sprint(id))
		labels[i] = int64(id % classes)
		fixed, moving := rand.New(rand.NewPCG(2, uint64(id))), rand.New(rand.NewPCG(uint64(id), uint64(epoch)))
		for j := range 3 * side * side {
			x := fixed.NormFloat64() + float64(labels[i])/2
			images[i*3*side*side+j] = float32(x + 0.1*moving.NormFloat64())
			second[i*3*side*side+j] = float32(x + 0.1*moving.NormFloat64())
		}
	}
	b.Images = tensor.New(tensor.WithShape(batch, 3, side, side), tensor.WithBacking(images))
	b.Second = tensor.New(tensor.WithShape(batch, 3, side, side), tensor.WithBacking(second))
	b.Labels = tensor.New(tensor.WithShape(batch), tensor.WithBacking(labels))
	return b
}

// loss is the first half of a step.
func (r *rig) loss(b *training.Batch) *training.Loss {
	r.t.Helper()
	r.tape.Seed = uint64(b.Step)
	must(r.t, r.method.Prepare(b))
	l, err := r.method.Loss(r.tape, b)
	must(r.t, err)
	return l
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (r *rig) step(b *training.Batch) {
	r.t.Helper()
	l := r.loss(b)
	r.losses = append(r.losses, float64(r.tape.Host(l.Total)[0]))
	must(r.t, r.tape.Backward(l.Total))
	must(r.t, r.method.Gradients(b, r.params))
	must(r.t, r.opt.Step())
	must(r.t, r.method.Stepped(b))
	r.opt.ZeroGrad(r.tape)
	r.tape.Reset()
	if (b.Step+1)%steps == 0 {
		must(r.t, r.method.EndEpoch(b.Epoch))
	}
}

func (r *rig) train(from, to int64) *rig {
	for i := from; i < to; i++ {
		r.step(batchOf(i))
	}
	return r
}

// weights are the network's trained values.
func (r *rig) weights() []float32 {
	var out []float32
	for _, p := range nn.Params(r.net) {
		out = append(out, p.Var.Value.Float32s()...)
	}
	return out
}

// mechanism is the one that the rig's method runs alone.
func (r *rig) mechanism() Mechanism { return r.method.(*Method).mechanisms[0] }

// apart is the greatest difference of two lists.
func apart(a, b []float32) float64 {
	worst := 0.0
	for i := range a {
		worst = max(worst, float64(max(a[i]-b[i], b[i]-a[i])))
	}
	if len(a) != len(b) {
		return 1e30
	}
	return worst
}
