package nn

import (
	"math"
	"testing"

	"gorgonia.org/tensor"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/cpu"
)

func newTape(t *testing.T) *Tape {
	e := cpu.New(cpu.Options{Workers: 2})
	t.Cleanup(e.Close)
	return NewTape(e)
}

func param(values ...float32) *Var {
	p := NewParam(nil, len(values))
	copy(p.Value.Float32s(), values)
	return p
}

func wantGrad(t *testing.T, v *Var, want ...float32) {
	t.Helper()
	if v.Grad == nil {
		t.Fatalf("no gradient, want %v", want)
	}
	for i, g := range v.Grad.Float32s() {
		if math.Abs(float64(g-want[i])) > 1e-6 {
			t.Fatalf("gradient %v, want %v", v.Grad.Float32s(), want)
		}
	}
}

func ones(t *Tape, v *Var) []*tensor.Dense {
	d := t.E.Borrow(v.Shape()...)
	t.E.Fill(d, 1)
	return []*tensor.Dense{d}
}

func TestGradientsOfSharedOperandsAdd(t *testing.T) {
	tp := newTape(t)
	a, b := param(1, 2), param(3, 4)
	s := tp.Add(a, b)            // s = a+b
	y := tp.Add(tp.Add(s, s), a) // 3a+2b
	if err := tp.BackwardFrom([]*Var{y}, ones(tp, y)); err != nil {
		t.Fatal(err)
	}
	wantGrad(t, a, 3, 3)
	wantGrad(t, b, 2, 2)
	y = tp.Add(a, a) // a second step adds to what is there
	if err := tp.BackwardFrom([]*Var{y}, ones(tp, y)); err != nil {
		t.Fatal(err)
	}
	wantGrad(t, a, 5, 5)
	wantGrad(t, b, 2, 2)
	tp.ZeroGrad(a, b)
	tp.Reset()
	if n := tp.E.InUse(); n != 0 {
		t.Errorf("%d bytes in use after Reset", n)
	}
}

func TestDetachReverseAndFrozen(t *testing.T) {
	tp := newTape(t)
	a, b, c := param(1), param(2), param(3)
	c.Frozen = true
	y := tp.Add(tp.Add(tp.Detach(tp.Add(a, b)), tp.ReverseGrad(tp.Add(b, b), 0.5)), tp.Add(a, c))
	if err := tp.BackwardFrom([]*Var{y}, ones(tp, y)); err != nil {
		t.Fatal(err)
	}
	wantGrad(t, a, 1)
	wantGrad(t, b, -1)
	if c.Grad != nil {
		t.Errorf("frozen parameter has gradient %v", c.Grad)
	}
}

func TestCheckpointGivesTheSameGradients(t *testing.T) {
	run := func(check bool) (grads [2]float32, draws []uint64, inUse int64) {
		tp := newTape(t)
		x, w := param(1, 2, 3), param(4, 5, 6)
		f := func(v *Var) *Var {
			draws = append(draws, tp.draw())
			return tp.Add(tp.ReverseGrad(tp.Add(v, w), -3), v)
		}
		y := tp.Add(x, x)
		if check {
			y = tp.Checkpoint(f, y)
		} else {
			y = f(y)
		}
		if after := tp.draw(); check && after == draws[0] {
			t.Error("draws repeat")
		}
		y = tp.Add(y, y)
		inUse = tp.E.InUse()
		if err := tp.BackwardFrom([]*Var{y}, ones(tp, y)); err != nil {
			t.Fatal(err)
		}
		return [2]float32{x.Grad.Float32s()[1], w.Grad.Float32s()[1]}, draws, inUse
	}
	plain, _, more := run(false)
	checked, draws, less := run(true)
	if plain != checked || plain != [2]float32{16, 6} {
		t.Errorf("gradients %v, checkpointed %v", plain, checked)
	}
	if len(draws) != 2 || draws[0] != draws[1] {
		t.Errorf("draws of the two runs: %v", draws)
	}
	if less >= more {
		t.Errorf("%d bytes in use with a checkpoint, %d without", less, more)
	}
}

func TestInferenceReleasesWhatABlockMade(t *testing.T) {
	tp := newTape(t)
	w := param(make([]float32, 1000)...)
	var peak int64
	block := layerFunc(func(x *Var) *Var {
		for range 10 {
			x = tp.Add(x, w)
		}
		peak = max(peak, tp.E.InUse())
		return x
	})
	tp.NoGrad(func() { Sequence{block, block, block, block}.Forward(tp, w) })
	if tp.Err() != nil || peak > 12*4096 {
		t.Errorf("peak of %d bytes, error %v", peak, tp.Err())
	}
	tp.Reset()
	if n := tp.E.InUse(); n != 0 {
		t.Errorf("%d bytes in use after Reset", n)
	}
}

type layerFunc func(x *Var) *Var

func (layerFunc) Collect(*Collector)             {}
func (f layerFunc) Forward(_ *Tape, x *Var) *Var { return f(x) }

func TestFirstErrorSticksAndNamesBothShapes(t *testing.T) {
	tp := newTape(t)
	y := tp.Add(tp.Add(param(1, 2), param(1, 2, 3)), param(1, 2))
	if err := tp.Backward(y); fault.CodeOf(err) != fault.Usage || err != tp.Err() {
		t.Fatalf("error %v", err)
	}
	if got := tp.Err().Error(); got != "add: shapes (2) and (3) do not broadcast" {
		t.Errorf("error %q", got)
	}
	if y.Shape() != nil || y.Dim(-1) != 1 || tp.Host(y) != nil {
		t.Errorf("a failed result has shape %v", y.Shape())
	}
	tp.Reset()
	if tp.Err() != nil {
		t.Error("error outlives Reset")
	}
	if tp.Add(y, y); tp.Err() == nil {
		t.Error("a failed step's result is taken")
	}
}
