package ctkd

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"gorgonia.org/tensor"

	"github.com/tailorbird/tailorbird/kernels/cpu"
	"github.com/tailorbird/tailorbird/kernels/ops"
	"github.com/tailorbird/tailorbird/methods/nn"
)

// release is the range of the release, (1, 21).
var release = Range{rangeStart, rangeWidth}

func newTape(t testing.TB) *nn.Tape {
	t.Helper()
	e := cpu.New(cpu.Options{Workers: 1})
	t.Cleanup(e.Close)
	return nn.NewTape(e)
}

func dense(values []float32, shape ...int) *tensor.Dense {
	return tensor.New(tensor.WithShape(shape...), tensor.WithBacking(values))
}

func ints(values ...int64) *tensor.Dense {
	return tensor.New(tensor.WithShape(len(values)), tensor.WithBacking(values))
}

// normal draws values of a normal distribution.
func normal(seed uint64, std float64, n int) []float32 {
	rng := rand.New(rand.NewPCG(seed, 99))
	v := make([]float32, n)
	for i := range v {
		v[i] = float32(std * rng.NormFloat64())
	}
	return v
}

// number is the value of a scalar.
func number(t testing.TB, tape *nn.Tape, v *nn.Var) float64 {
	t.Helper()
	h := tape.Host(v)
	if err := tape.Err(); err != nil {
		t.Fatal(err)
	}
	if len(h) != 1 {
		t.Fatalf("%d values, want a number", len(h))
	}
	return float64(h[0])
}

func near(t testing.TB, what string, got, want, tolerance float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tolerance) {
		t.Errorf("%s is %.9g, want %.9g within %g", what, got, want, tolerance)
	}
}

// gradients runs f on leaves of the given values and returns the loss and the
// gradients.
func gradients(t testing.TB, tape *nn.Tape, values [][]float32, shapes [][]int, f func(xs []*nn.Var) *nn.Var) (float64, [][]float32) {
	t.Helper()
	xs := make([]*nn.Var, len(values))
	for i := range xs {
		xs[i] = tape.Input(dense(slices.Clone(values[i]), shapes[i]...))
	}
	y := f(xs)
	loss := number(t, tape, y)
	if err := tape.Backward(y); err != nil {
		t.Fatal(err)
	}
	out := make([][]float32, len(xs))
	for i, x := range xs {
		out[i] = make([]float32, ops.Size(shapes[i]))
		if x.Grad != nil {
			copy(out[i], x.Grad.Float32s())
		}
	}
	tape.ZeroGrad(xs...)
	tape.Reset()
	return loss, out
}

// checkGradients compares the gradients of f with central differences at some
// places of each operand. What float32 rounds of the loss allows no more than a
// fiftieth of the largest gradient.
func checkGradients(t *testing.T, values [][]float32, shapes [][]int, f func(tape *nn.Tape, xs []*nn.Var) *nn.Var) {
	t.Helper()
	tape := newTape(t)
	on := func(xs []*nn.Var) *nn.Var { return f(tape, xs) }
	_, grads := gradients(t, tape, values, shapes, on)
	loss := func() float64 {
		xs := make([]*nn.Var, len(values))
		for i := range xs {
			xs[i] = tape.Const(dense(values[i], shapes[i]...))
		}
		defer tape.Reset()
		return number(t, tape, on(xs))
	}
	const h = 1.0 / 64
	rng := rand.New(rand.NewPCG(3, 4))
	for i, g := range grads {
		largest := 0.0
		for _, x := range g {
			largest = max(largest, math.Abs(float64(x)))
		}
		if largest == 0 {
			t.Errorf("operand %d has no gradient", i)
		}
		for range min(len(g), 12) {
			at := rng.IntN(len(g))
			was := values[i][at]
			values[i][at] = was + h
			over := loss()
			values[i][at] = was - h
			under := loss()
			values[i][at] = was
			if want := (over - under) / (2 * h); !(math.Abs(float64(g[at])-want) <= largest/50) {
				t.Errorf("operand %d at %d: gradient %g, the loss says %g (largest %g)", i, at, g[at], want, largest)
			}
		}
	}
}

// placesOf are three rows of places as an index tensor.
func placesOf(v []int64) *tensor.Dense {
	return tensor.New(tensor.WithShape(3, len(v)/3), tensor.WithBacking(v))
}
