package nn

import (
	"slices"

	"gorgonia.org/tensor"

	"github.com/tailorbird/tailorbird/kernels/ops"
)

// borrowed returns a tensor of the given shape that f has filled, nil after an error.
func (t *Tape) borrowed(op string, shape []int, f func(d *tensor.Dense) error) *tensor.Dense {
	if t.err != nil {
		return nil
	}
	d := t.E.Borrow(shape...)
	if !t.try(op, f(d)) {
		t.E.Release(d)
		return nil
	}
	return d
}

// giveNew gives x the gradient that f computes, if x wants one.
func (t *Tape) giveNew(op string, x *Var, f func(dx *tensor.Dense) error) {
	if !t.wants(x) {
		return
	}
	if dx := t.borrowed(op, x.Shape(), f); dx != nil {
		t.give(x, dx)
	}
}

// giveSum gives x the gradient d, which is borrowed, summed over the axes that
// broadcasting has repeated.
func (t *Tape) giveSum(op string, x *Var, d *tensor.Dense) {
	if d == nil {
		return
	}
	if slices.Equal(d.Shape(), x.Shape()) {
		t.give(x, d)
		return
	}
	t.giveNew(op, x, func(dx *tensor.Dense) error { return t.E.SumTo(dx, d) })
	t.E.Release(d)
}

// passSum passes dy on, summed over the axes that broadcasting has repeated.
func (t *Tape) passSum(op string, x *Var, dy *tensor.Dense) {
	if ops.Size(dy.Shape()) == ops.Size(x.Shape()) {
		t.pass(x)
		return
	}
	t.giveNew(op, x, func(dx *tensor.Dense) error { return t.E.SumTo(dx, dy) })
}

// combine computes f of a and b with broadcasting. back is told the result and
// its gradient.
func (t *Tape) combine(op string, f ops.Binary, a, b *Var, back func(dy, y *tensor.Dense)) *Var {
	if !t.ready(op, a, b) {
		return failed()
	}
	shape, err := ops.Broadcast(op, a.Shape(), b.Shape())
	if !t.try(op, err) {
		return failed()
	}
	y := t.borrowed(op, shape, func(y *tensor.Dense) error { return t.E.Binary(y, a.Value, b.Value, f) })
	if y == nil {
		return failed()
	}
	return t.result(y, func(dy *tensor.Dense) { back(dy, y) }, a, b)
}

// binary returns f of two tensors, of the shape of the first: a product or
// quotient of gradients.
func (t *Tape) binary(op string, f ops.Binary, a, b *tensor.Dense) *tensor.Dense {
	if a == nil || b == nil {
		return nil
	}
	return t.borrowed(op, a.Shape(), func(d *tensor.Dense) error { return t.E.Binary(d, a, b, f) })
}

// Add returns a + b. Shapes broadcast as in NumPy, here and in the other
// functions of two operands; gradients are summed over the repeated axes.
func (t *Tape) Add(a, b *Var) *Var {
	return t.combine("add", ops.BinaryAdd, a, b, func(dy, _ *tensor.Dense) {
		t.passSum("add", a, dy)
		t.passSum("add", b, dy)
	})
}

// AddReLU returns max(a + b, 0), the end of a residual block.
func (t *Tape) AddReLU(a, b *Var) *Var {
	const op = "add relu"
	return t.combine(op, ops.BinaryAddReLU, a, b, func(dy, y *tensor.Dense) {
		d := t.borrowed(op, y.Shape(), func(d *tensor.Dense) error {
			return t.E.UnaryGrad(d, dy, y, ops.UnaryReLU, ops.UnaryParams{})
		})
		t.giveBoth(op, a, b, d)
	})
}

// giveBoth gives both operands the gradient d, which is borrowed and whole.
func (t *Tape) giveBoth(op string, a, b *Var, d *tensor.Dense) {
	if d == nil {
		return
	}
	mem := &memory{t: d, refs: 1}
	for _, x := range [2]*Var{a, b} {
		if slices.Equal(d.Shape(), x.Shape()) {
			t.add(x, d, mem.share())
		} else {
			t.giveNew(op, x, func(dx *tensor.Dense) error { return t.E.SumTo(dx, d) })
		}
	}
	mem.release(t.E)
}

// Sub returns a - b.
func (t *Tape) Sub(a, b *Var) *Var {
	return t.combine("sub", ops.BinarySub, a, b, func(dy, _ *tensor.Dense) {
		t.passSum("sub", a, dy)
		t.giveNew("sub", b, func(db *tensor.Dense) error {
			if err := t.E.SumTo(db, dy); err != nil {
				return err
			}
			return t.E.Scale(db, db, -1)
		})
	})
}

// Mul returns a b.
func (t *Tape) Mul(a, b *Var) *Var {
	return t.combine("mul", ops.BinaryMul, a, b, func(dy, _ *tensor.Dense) {
		if t.wants(a) {
			t.giveSum("mul", a, t.binary("mul", ops.BinaryMul, dy, b.Value))
		}
		if t.wants(b) {
			t.giveSum("mul", b, t.binary("mul", ops.BinaryMul, dy, a.Value))
		}
	})
}

// Div returns a / b.
func (t *Tape) Div(a, b *Var) *Var { return t.div("div", ops.BinaryDiv, a, b) }

// DivOrZero returns a / b, and 0 with gradients 0 where b is 0.
func (t *Tape) DivOrZero(a, b *Var) *Var { return t.div("div or zero", ops.BinaryDivOrZero, a, b) }

func (t *Tape) div(op string, f ops.Binary, a, b *Var) *Var {
	return t.combine(op, f, a, b, func(dy, y *tensor.Dense) {
		da := t.binary(op, f, dy, b.Value)
		if t.wants(b) && da != nil {
			db := t.binary(op, ops.BinaryMul, da, y)
			if db != nil && t.try(op, t.E.Scale(db, db, -1)) {
				t.giveSum(op, b, db)
			}
		}
		if t.wants(a) {
			t.giveSum(op, a, da)
		} else {
			t.E.Release(da)
		}
	})
}

// Maximum returns the larger one of a and b. Where they are equal each gets half
// of the gradient, as in torch.maximum.
func (t *Tape) Maximum(a, b *Var) *Var { return t.extreme("maximum", ops.BinaryMax, a, b, false) }

// Minimum returns the smaller one of a and b, with gradients as Maximum's.
func (t *Tape) Minimum(a, b *Var) *Var { return t.extreme("minimum", ops.BinaryMin, a, b, true) }

func (t *Tape) extreme(op string, f ops.Binary, a, b *Var, least bool) *Var {
	return t.combine(op, f, a, b, func(dy, _ *tensor.Dense) {
		for i, x := range [2]*Var{a, b} {
			if !t.wants(x) {
				continue
			}
			over, under := a.Value, b.Value
			if (i == 1) != least {
				over, under = under, over
			}
			share := t.borrowed(op, dy.Shape(), func(d *tensor.Dense) error {
				return t.E.Binary(d, over, under, ops.BinaryGreaterHalf)
			})
			if share != nil && t.try(op, t.E.Binary(share, share, dy, ops.BinaryMul)) {
				t.giveSum(op, x, share)
			}
		}
	})
}

// Pow returns a to the power of b. The gradient of b is 0 where a is 0 and b is
// not negative, as in torch.pow.
func (t *Tape) Pow(a, b *Var) *Var {
	const op = "pow"
	return t.combine(op, ops.BinaryPow, a, b, func(dy, y *tensor.Dense) {
		if t.wants(a) { // b a^(b-1), and 0 where b is 0, at a = 0 too
			less := t.borrowed(op, b.Shape(), func(d *tensor.Dense) error {
				return t.E.Unary(d, b.Value, ops.UnaryAffine, ops.UnaryParams{A: 1, B: -1})
			})
			t.giveSum(op, a, t.slope(op, dy, b.Value, func(d *tensor.Dense) error {
				if err := t.E.Binary(d, a.Value, less, ops.BinaryPow); err != nil {
					return err
				}
				return t.E.Binary(d, d, b.Value, ops.BinaryMul)
			}))
			t.E.Release(less)
		}
		if t.wants(b) { // y log a, and 0 where y is 0
			log := t.borrowed(op, a.Shape(), func(d *tensor.Dense) error {
				return t.E.Unary(d, a.Value, ops.UnaryLog, ops.UnaryParams{})
			})
			t.giveSum(op, b, t.slope(op, dy, y, func(d *tensor.Dense) error { return t.E.Binary(d, y, log, ops.BinaryMul) }))
			t.E.Release(log)
		}
	})
}

// slope borrows dy times the derivative that f computes, 0 where cond is 0.
func (t *Tape) slope(op string, dy, cond *tensor.Dense, f func(d *tensor.Dense) error) *tensor.Dense {
	return t.borrowed(op, dy.Shape(), func(d *tensor.Dense) error {
		if err := f(d); err != nil {
			return err
		}
		if err := t.E.Binary(d, d, dy, ops.BinaryMul); err != nil {
			return err
		}
		return t.E.Select(d, cond, d, nil)
	})
}

// Where returns a where cond is not 0, b elsewhere. No gradient flows into cond.
func (t *Tape) Where(cond, a, b *Var) *Var {
	const op = "where"
	if !t.ready(op, cond, a, b) {
		return failed()
	}
	shape, err := ops.Broadcast(op, a.Shape(), b.Shape())
	if err == nil {
		shape, err = ops.Broadcast(op, shape, cond.Shape())
	}
	if !t.try(op, err) {
		return failed()
	}
	y := t.borrowed(op, shape, func(y *tensor.Dense) error { return t.E.Select(y, cond.Value, a.Value, b.Value) })
	if y == nil {
		return failed()
	}
	return t.result(y, func(dy *tensor.Dense) {
		if t.wants(a) {
			t.giveSum(op, a, t.borrowed(op, shape, func(d *tensor.Dense) error { return t.E.Select(d, cond.Value, dy, nil) }))
		}
		if t.wants(b) {
			t.giveSum(op, b, t.borrowed(op, shape, func(d *tensor.Dense) error { return t.E.Select(d, cond.Value, nil, dy) }))
		}
	}, a, b)
}

// Greater returns 1 where a > b, otherwise 0. It has no gradient.
func (t *Tape) Greater(a, b *Var) *Var { return t.compare("greater", ops.BinaryGreater, a, b) }

// Equal returns 1 where a = b, otherwise 0. It has no gradient.
func (t *Tape) Equal(a, b *Var) *Var { return t.compare("equal", ops.BinaryEqual, a, b) }

func (t *Tape) compare(op string, f ops.Binary, a, b *Var) *Var {
	var y *Var
	t.NoGrad(func() { y = t.combine(op, f, a, b, nil) })
	return y
}
