package nn

import (
	"hash/fnv"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"gorgonia.org/tensor"

	"github.com/tailorbird/tailorbird/kernels/cpu"
	"github.com/tailorbird/tailorbird/kernels/ops"
)

// checkGradients compares the gradients of the sum of build's result, weighted at
// random, with central differences, for operands of the given shapes. The values
// of an operand are distinct, at even distances between -2 and 2 and none is near
// 0, so that the kinks of max and ReLU lie between them. build is called many times and
// gives the same result for the same operands. The step's memory has to be given
// back, and one and three workers have to give the same bits.
func checkGradients(t *testing.T, build func(tp *Tape, xs []*Var) *Var, shapes ...[]int) {
	t.Helper()
	rng := gradRand(t)
	values := make([][]float32, len(shapes))
	for i, s := range shapes {
		values[i] = spread(rng, ops.Size(s))
	}
	e := cpu.New(cpu.Options{Workers: 1})
	defer e.Close()
	g := &gradCheck{tape: NewTape(e), build: build, shapes: shapes, values: values}
	y, grads := g.backward(t)
	if t.Failed() {
		return
	}
	three := cpu.New(cpu.Options{Workers: 3})
	defer three.Close()
	again := &gradCheck{tape: NewTape(three), build: build, shapes: shapes, values: values}
	if y3, grads3 := again.backward(t); !sameBits(y, y3) || !slices.EqualFunc(grads, grads3, sameBits) {
		t.Errorf("shapes %v: one worker and three differ", shapes)
	}
	for i := range values {
		g.compare(t, i, grads[i], rng)
	}
}

// gradRand is seeded by the test's name.
func gradRand(t *testing.T) *rand.Rand {
	h := fnv.New64a()
	h.Write([]byte(t.Name()))
	return rand.New(rand.NewPCG(h.Sum64(), 1))
}

// spread returns n distinct values in (-2, 2) in random order, none near 0.
func spread(rng *rand.Rand, n int) []float32 {
	v := make([]float32, n)
	gap := 4 / float64(n+n%2)
	for i, k := range rng.Perm(n) {
		v[i] = float32((float64(k)+0.5)*gap - 2 + 0.2*gap*(rng.Float64()-0.5))
	}
	return v
}

type gradCheck struct {
	tape   *Tape
	build  func(tp *Tape, xs []*Var) *Var
	shapes [][]int
	values [][]float32
	weight []float32 // of the result's elements in the loss
}

func (g *gradCheck) leaves() []*Var {
	xs := make([]*Var, len(g.shapes))
	for i, s := range g.shapes {
		xs[i] = g.tape.Input(hostTensor(slices.Clone(g.values[i]), s))
	}
	return xs
}

// backward returns the result and the gradients.
func (g *gradCheck) backward(t *testing.T) (y []float32, grads [][]float32) {
	t.Helper()
	e := g.tape.E
	before := e.InUse()
	xs := g.leaves()
	out := g.build(g.tape, xs)
	if err := g.tape.Err(); err != nil {
		t.Errorf("shapes %v: %v", g.shapes, err)
		return nil, nil
	}
	y = g.tape.Host(out)
	g.weight = spread(rand.New(rand.NewPCG(7, 7)), len(y))
	dy := e.Borrow(out.Shape()...)
	copy(dy.Float32s(), g.weight)
	if err := g.tape.BackwardFrom([]*Var{out}, []*tensor.Dense{dy}); err != nil {
		t.Errorf("shapes %v: %v", g.shapes, err)
		return nil, nil
	}
	for i, x := range xs {
		grad := make([]float32, len(g.values[i]))
		if x.Grad != nil {
			if !slices.Equal([]int(x.Grad.Shape()), g.shapes[i]) && len(g.shapes[i]) > 0 {
				t.Errorf("gradient of operand %d has shape %v, want %v", i, x.Grad.Shape(), g.shapes[i])
			}
			copy(grad, x.Grad.Float32s())
		}
		grads = append(grads, grad)
	}
	g.tape.ZeroGrad(xs...)
	g.tape.Reset()
	if now := e.InUse(); now != before {
		t.Errorf("shapes %v: %d bytes are not given back", g.shapes, now-before)
	}
	return y, grads
}

// loss is the weighted sum of build's result.
func (g *gradCheck) loss(t *testing.T) float64 {
	t.Helper()
	defer g.tape.Reset()
	var y []float32
	g.tape.NoGrad(func() { y = g.tape.Host(g.build(g.tape, g.leaves())) })
	if err := g.tape.Err(); err != nil {
		t.Fatal(err)
	}
	sum := 0.0
	for i, v := range y {
		sum += float64(v) * float64(g.weight[i])
	}
	return sum
}

// compare checks up to 60 elements of operand i.
func (g *gradCheck) compare(t *testing.T, i int, grad []float32, rng *rand.Rand) {
	t.Helper()
	scale := 0.0
	for _, v := range grad {
		scale += float64(v) * float64(v)
	}
	scale = math.Sqrt(scale / float64(max(1, len(grad))))
	values := g.values[i]
	step := max(2e-3, min(1e-2, 1/float64(len(values)+1)))
	for n, at := range rng.Perm(len(values)) {
		if n == 60 {
			return
		}
		got := float64(grad[at])
		want := g.difference(t, &values[at], step, step)
		near := func(want float64) bool { return math.Abs(got-want) <= 4e-3*(math.Abs(want)+scale)+1e-3 }
		// A kink may lie between the points, but not on both sides so near.
		if h := step / 8; !near(want) && !near(g.difference(t, &values[at], h, h)) &&
			!near(g.difference(t, &values[at], h, 0)) && !near(g.difference(t, &values[at], 0, h)) {
			t.Errorf("shapes %v: gradient of operand %d at %d is %v, differences give %v", g.shapes, i, at, got, want)
			return
		}
	}
}

// difference is the difference quotient of the loss in one value.
func (g *gradCheck) difference(t *testing.T, v *float32, above, below float64) float64 {
	t.Helper()
	old := *v
	*v = old + float32(above)
	width, up := float64(*v), g.loss(t)
	*v = old - float32(below)
	width -= float64(*v)
	down := g.loss(t)
	*v = old
	return (up - down) / width
}

func sameBits(a, b []float32) bool {
	return slices.EqualFunc(a, b, func(x, y float32) bool { return math.Float32bits(x) == math.Float32bits(y) })
}
