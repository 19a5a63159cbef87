package cpu

import (
	"math"

	"gorgonia.org/tensor"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/ops"
)

// normsTask sums rows. Short rows are a part together; a long row is cut into
// parts, whose sums are added in their order.
type normsTask struct {
	dst   []float32 // of the rows
	a, b  []float32
	rows  int
	parts int // of a row where long, of the rows where not
	long  bool
	order float64
	sums  [64]float64
}

func (t *normsTask) part(i int, _ *scratch) {
	n := len(t.a) / t.rows
	if t.long {
		row, i := i/t.parts, i%t.parts
		from, to := split(n, t.parts, i)
		t.sums[row*t.parts+i] = t.sum(row*n+from, row*n+to)
		return
	}
	from, to := split(t.rows, t.parts, i)
	for r := from; r < to; r++ {
		t.dst[r] = t.finish(t.sum(r*n, r*n+n))
	}
}

// sum adds up the powers, or products where there is a b, of a stretch.
func (t *normsTask) sum(from, to int) float64 {
	a := t.a[from:to]
	switch {
	case t.b != nil:
		return dotProduct(a, t.b[from:to])
	case t.order == 2:
		return dotProduct(a, a)
	}
	s := 0.0
	for _, x := range a {
		s = t.join(s, t.power(math.Abs(float64(x))))
	}
	return s
}

func (t *normsTask) power(x float64) float64 {
	if t.order == 1 || math.IsInf(t.order, 1) {
		return x
	}
	return math.Pow(x, t.order)
}

// join adds, or takes the larger where the order is infinite; no number stays none.
func (t *normsTask) join(s, x float64) float64 {
	if math.IsInf(t.order, 1) {
		return max(s, x)
	}
	return s + x
}

func (t *normsTask) finish(s float64) float32 {
	switch {
	case t.b != nil || t.order == 1 || math.IsInf(t.order, 1):
		return float32(s)
	case t.order == 2:
		return float32(math.Sqrt(s))
	}
	return float32(math.Pow(s, 1/t.order))
}

// Norms implements ops.Stepper.
func (e *Engine) Norms(dst *tensor.Dense, at, rows int, x *tensor.Dense, order float64) error {
	if err := ops.CheckRows("norms", dst, at, rows, x); err != nil {
		return err
	}
	if !(order > 0) {
		return fault.New(fault.Usage, "norms: order %v", order)
	}
	t := &e.stepNorms
	t.dst, t.a, t.rows, t.order = dst.Float32s()[at:at+rows], x.Float32s(), rows, order
	e.sumRows()
	return nil
}

// Dots implements ops.Stepper.
func (e *Engine) Dots(dst *tensor.Dense, at, rows int, a, b *tensor.Dense) error {
	if err := ops.CheckRows("dots", dst, at, rows, a); err != nil {
		return err
	}
	if err := ops.CheckStep("dots", a, []*tensor.Dense{b}); err != nil {
		return err
	}
	t := &e.stepNorms
	t.dst, t.a, t.b, t.rows = dst.Float32s()[at:at+rows], a.Float32s(), b.Float32s(), rows
	e.sumRows()
	return nil
}

func (e *Engine) sumRows() {
	t := &e.stepNorms
	n, cost := len(t.a)/t.rows, 2
	if t.b == nil && t.order != 2 {
		cost = 64
	}
	if t.parts = partsOf(n, cost); t.rows*t.parts <= len(t.sums) && t.parts > 1 {
		t.long = true
		e.run(t.rows*t.parts, t)
		for r := range t.dst {
			s := 0.0
			for _, x := range t.sums[r*t.parts : (r+1)*t.parts] {
				s = t.join(s, x)
			}
			t.dst[r] = t.finish(s)
		}
	} else {
		t.long = false
		t.parts = partsOf(t.rows, n*cost)
		e.run(t.parts, t)
	}
	t.dst, t.a, t.b, t.order = nil, nil, nil, 0
}

// dotLanes is the number of sums of dotProduct: every eighth product goes into one sum.
const dotLanes = 8

// dotProduct is the inner product in double precision: a product of two float32
// is exact in it, so fusing it with the addition changes nothing.
func dotProduct(a, b []float32) float64 {
	var s [dotLanes]float64
	n := len(a) &^ (dotLanes - 1)
	dotLoop(a[:n], b[:n], &s)
	for i := n; i < len(a); i++ {
		s[i-n] += float64(a[i]) * float64(b[i])
	}
	return ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7]))
}

// dotPortable adds the products of len(a) values, a multiple of dotLanes, to s.
func dotPortable(a, b []float32, s *[dotLanes]float64) {
	for i := 0; i < len(a); i += dotLanes {
		x, y := a[i:i+dotLanes], b[i:i+dotLanes]
		for j := range s {
			s[j] += float64(x[j]) * float64(y[j])
		}
	}
}
