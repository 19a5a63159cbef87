package cpu

import (
	"math"

	"gorgonia.org/tensor"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/ops"
)

// unaryTask is a function of each element, or its derivative times dy.
type unaryTask struct {
	f        ops.Unary
	p        ops.UnaryParams
	d, v, dy []float32 // dy nil: the function
	parts    int
}

func (t *unaryTask) part(i int, _ *scratch) {
	const grain = 64 // parts begin on cache lines
	blocks := (len(t.d) + grain - 1) / grain
	from, to := split(blocks, t.parts, i)
	from, to = from*grain, min(to*grain, len(t.d))
	if t.dy == nil {
		vecUnary(t.f, t.p, t.d[from:to], t.v[from:to])
	} else {
		vecUnaryGrad(t.f, t.p, t.d[from:to], t.dy[from:to], t.v[from:to])
	}
}

// unaryCost is about how many operations an element takes.
func unaryCost(f ops.Unary) int {
	if f <= ops.UnarySquare {
		return 1
	}
	return 8
}

func (e *Engine) runUnary() {
	t := &e.unaryTask
	t.parts = partsOf(len(t.d), unaryCost(t.f))
	e.run(t.parts, t)
	t.d, t.v, t.dy = nil, nil, nil
}

// Unary implements ops.Elementwise.
func (e *Engine) Unary(dst, x *tensor.Dense, f ops.Unary, p ops.UnaryParams) error {
	if err := f.Valid(); err != nil {
		return err
	}
	if err := wantFloats("unary", dst, x); err != nil {
		return err
	}
	if err := ops.SameShape("unary", dst, x); err != nil {
		return err
	}
	e.unaryTask = unaryTask{f: f, p: p, d: dst.Float32s(), v: x.Float32s()}
	e.runUnary()
	return nil
}

// UnaryGrad implements ops.Elementwise.
func (e *Engine) UnaryGrad(dx, dy, v *tensor.Dense, f ops.Unary, p ops.UnaryParams) error {
	if err := f.Valid(); err != nil {
		return err
	}
	if err := wantFloats("unary gradient", dx, dy, v); err != nil {
		return err
	}
	for _, t := range [2]*tensor.Dense{dy, v} {
		if err := ops.SameShape("unary gradient", dx, t); err != nil {
			return err
		}
	}
	e.unaryTask = unaryTask{f: f, p: p, d: dx.Float32s(), dy: dy.Float32s(), v: v.Float32s()}
	e.runUnary()
	return nil
}

// gatedTask is GEGLU by rows: n values of a, then n of the gate.
type gatedTask struct {
	y, x, dy []float32 // dy nil: forward; otherwise y is dx
	n, rows  int
	parts    int
}

func (t *gatedTask) part(i int, s *scratch) {
	from, to := split(t.rows, t.parts, i)
	n := t.n
	if t.dy == nil {
		for r := from; r < to; r++ {
			x, y := t.x[2*r*n:2*(r+1)*n], t.y[r*n:(r+1)*n]
			vecUnary(ops.UnaryGELU, ops.UnaryParams{}, y, x[n:])
			vecBinary(ops.BinaryMul, y, y, x[:n])
		}
		return
	}
	tmp, gate := s.floats(n), s.floats(n)
	for r := from; r < to; r++ {
		x, dx, dy := t.x[2*r*n:2*(r+1)*n], t.y[2*r*n:2*(r+1)*n], t.dy[r*n:(r+1)*n]
		vecUnary(ops.UnaryGELU, ops.UnaryParams{}, tmp, x[n:])
		vecBinary(ops.BinaryMul, gate, dy, x[:n])
		vecBinary(ops.BinaryMul, dx[:n], dy, tmp)
		vecUnaryGrad(ops.UnaryGELU, ops.UnaryParams{}, dx[n:], gate, x[n:])
	}
}

// GatedGELU implements ops.Elementwise.
func (e *Engine) GatedGELU(y, x *tensor.Dense) error {
	if err := wantFloats("geglu", y, x); err != nil {
		return err
	}
	return e.gated(y, x, nil, y.Shape(), x.Shape())
}

// GatedGELUGrad implements ops.Elementwise.
func (e *Engine) GatedGELUGrad(dx, dy, x *tensor.Dense) error {
	if err := wantFloats("geglu gradient", dx, dy, x); err != nil {
		return err
	}
	if err := ops.SameShape("geglu gradient", dx, x); err != nil {
		return err
	}
	return e.gated(dx, x, dy, dy.Shape(), x.Shape())
}

func (e *Engine) gated(y, x, dy *tensor.Dense, small, large []int) error {
	last := len(small) - 1
	ok := last >= 0 && len(large) == len(small) && large[last] == 2*small[last]
	for i := 0; ok && i < last; i++ {
		ok = small[i] == large[i]
	}
	if !ok {
		return fault.New(fault.Usage, "geglu: shapes %v and %v, want half the last axis", small, large)
	}
	e.gatedTask = gatedTask{y: y.Float32s(), x: x.Float32s(), n: small[last]}
	t := &e.gatedTask
	if dy != nil {
		t.dy = dy.Float32s()
	}
	t.rows = ops.Size(small[:last])
	t.parts = partsOf(t.rows, 16*t.n)
	e.run(t.parts, t)
	return nil
}

// dropoutTask zeroes and scales by groups of elements.
type dropoutTask struct {
	d, x  []float32
	p     ops.Dropout
	parts int
}

func (t *dropoutTask) part(i int, _ *scratch) {
	groups := (len(t.d) + t.p.Group - 1) / t.p.Group
	from, to := split(groups, t.parts, i)
	scale := 1 / (1 - t.p.P)
	if t.p.Group == 1 {
		for j := from; j < to; j++ { // by bits: a jump would be taken at random
			keep := uint32(0)
			if t.p.Keeps(uint64(j)) {
				keep = math.MaxUint32
			}
			t.d[j] = math.Float32frombits(math.Float32bits(t.x[j]*scale) & keep)
		}
		return
	}
	for g := from; g < to; g++ {
		lo, hi := g*t.p.Group, min((g+1)*t.p.Group, len(t.d))
		if t.p.Keeps(uint64(g)) {
			vecScale(t.d[lo:hi], t.x[lo:hi], scale)
		} else {
			vecFill(t.d[lo:hi], 0)
		}
	}
}

// Dropout implements ops.Elementwise.
func (e *Engine) Dropout(dst, x *tensor.Dense, d ops.Dropout) error {
	if err := d.Valid(); err != nil {
		return err
	}
	if err := wantFloats("dropout", dst, x); err != nil {
		return err
	}
	if err := ops.SameShape("dropout", dst, x); err != nil {
		return err
	}
	d.Group = max(1, d.Group)
	e.dropoutTask = dropoutTask{d: dst.Float32s(), x: x.Float32s(), p: d}
	t := &e.dropoutTask
	groups := (len(t.d) + d.Group - 1) / d.Group
	t.parts = partsOf(groups, d.Group+3)
	e.run(t.parts, t)
	return nil
}
