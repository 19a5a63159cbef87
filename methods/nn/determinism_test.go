package nn

import (
	"bytes"
	"testing"

	"gorgonia.org/tensor"

	"github.com/tailorbird/tailorbird/kernels/cpu"
	"github.com/tailorbird/tailorbird/kernels/ops"
)

// mixedNet has a layer of each kind whose gradients are sums over the batch.
type mixedNet struct {
	conv1, conv2 *Conv2d
	norm1, norm2 *BatchNorm2d
	norm         *LayerNorm
	attention    *MultiheadAttention
	drop         Dropout
	head         *Linear
}

func newMixedNet(seed uint64) *mixedNet {
	m := &mixedNet{
		conv1: NewConv2d(3, 8, 3, convOf(1, 1), false), norm1: NewBatchNorm2d(8),
		conv2: NewConv2d(8, 16, 3, ops.Conv{Stride: [2]int{2, 2}, Padding: [2]int{1, 1}, Groups: 2}, true), norm2: NewBatchNorm2d(16),
		norm: NewLayerNorm(16), attention: NewMultiheadAttention(16, 2, true),
		drop: Dropout{P: 0.2}, head: NewLinear(16, 5, true),
	}
	Initialise(m, seed)
	return m
}

func (m *mixedNet) Collect(c *Collector) {
	c.Module("conv1", m.conv1)
	c.Module("norm1", m.norm1)
	c.Module("conv2", m.conv2)
	c.Module("norm2", m.norm2)
	c.Module("norm", m.norm)
	c.Module("attention", m.attention)
	c.Module("head", m.head)
}

// Forward implements Layer: images (N, 3, 8, 8) to logits (N, 5).
func (m *mixedNet) Forward(t *Tape, x *Var) *Var {
	x = m.norm1.ForwardReLU(t, m.conv1.Forward(t, x))
	x = t.ReLU(m.norm2.Forward(t, m.conv2.Forward(t, x)))
	tokens := t.Permute(t.Flatten(x, 2), 0, 2, 1)
	tokens = t.Add(tokens, m.attention.Forward(t, m.norm.Forward(t, tokens)))
	return m.head.Forward(t, m.drop.Forward(t, t.Mean(tokens, false, 1)))
}

// trainer trains a mixedNet on batches that depend on the number of the step.
type trainer struct {
	t     *testing.T
	tape  *Tape
	state *TrainingState
	lr    Schedule
	last  float32
}

func newTrainer(t *testing.T, workers int, seed uint64, rule Rule) *trainer {
	t.Helper()
	e := cpu.New(cpu.Options{Workers: workers})
	t.Cleanup(e.Close)
	m := newMixedNet(seed)
	groups := DecayGroups(Params(m), 0.01)
	opt, err := NewOptimiser(e, rule, groups...)
	if err != nil {
		t.Fatal(err)
	}
	opt.MaxNorm = 5
	avg, err := NewAverage(e, m, EMA{Decay: 0.9, Warmup: true})
	if err != nil {
		t.Fatal(err)
	}
	return &trainer{t, NewTape(e), &TrainingState{Model: m, Optimiser: opt, Average: avg, Seed: seed}, Warmup{Steps: 3, Then: Cosine{LR: 0.01, Period: 100}}, 0}
}

func (r *trainer) run(steps int) {
	r.t.Helper()
	const batch = 6
	for range steps {
		rng := Rand(1, "batch", string(rune(r.state.Step)))
		x, labels := make([]float32, batch*3*8*8), make([]int64, batch)
		for i := range labels {
			labels[i] = rng.Int64N(5)
		}
		for i := range x {
			x[i] = float32(rng.NormFloat64()) + float32(labels[i/(3*8*8)])
		}
		r.tape.Seed = r.state.StepSeed()
		y := r.state.Model.(Layer).Forward(r.tape, r.tape.Upload(x, batch, 3, 8, 8))
		loss := r.tape.CrossEntropy(y, tensor.New(tensor.WithShape(batch), tensor.WithBacking(labels)), CrossEntropy{})
		if v := r.tape.Host(loss); len(v) == 1 {
			r.last = v[0]
		}
		if err := r.tape.Backward(loss); err != nil {
			r.t.Fatal(err)
		}
		r.state.Optimiser.SetLR(r.lr.At(float64(r.state.Step)))
		if err := r.state.Optimiser.Step(); err != nil {
			r.t.Fatal(err)
		}
		if err := r.state.Average.Update(); err != nil {
			r.t.Fatal(err)
		}
		r.state.Optimiser.ZeroGrad(r.tape)
		r.tape.Reset()
		r.state.Step++
	}
}

func (r *trainer) bytes() []byte {
	r.t.Helper()
	var b bytes.Buffer
	if err := SaveState(&b, r.state, nil); err != nil {
		r.t.Fatal(err)
	}
	return b.Bytes()
}

func TestAHundredStepsAreTheSameAtAnyNumberOfWorkers(t *testing.T) {
	var want []byte
	for _, workers := range []int{1, 2, 3} {
		r := newTrainer(t, workers, 7, AdamW{})
		r.run(1)
		first := r.last
		r.run(99)
		if r.last > first/2 {
			t.Errorf("the loss went from %v to %v: nothing was learnt", first, r.last)
		}
		if got := r.bytes(); want == nil {
			want = got
		} else if !bytes.Equal(got, want) {
			t.Errorf("the weights after 100 steps with %d workers are others than with one", workers)
		}
	}
	if other := newTrainer(t, 1, 8, AdamW{}); bytes.Equal(other.bytes(), newTrainer(t, 1, 7, AdamW{}).bytes()) {
		t.Error("another seed gives the same weights")
	}
}
