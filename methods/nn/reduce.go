package nn

import (
	"gorgonia.org/tensor"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/ops"
)

// reduced computes r over axes, all of them when there are none. back is called
// with the result and its gradient, both with size 1 for the reduced axes.
func (t *Tape) reduced(op string, r ops.Reduction, x *Var, keep bool, axes []int, back func(dy, y *tensor.Dense)) *Var {
	if !t.ready(op, x) {
		return failed()
	}
	axes, err := ops.Axes(op, x.Shape(), axes)
	if !t.try(op, err) {
		return failed()
	}
	kept := ops.Reduced(x.Shape(), axes, true)
	if len(axes) == 0 { // of a scalar
		axes = nil
	}
	y := t.borrowed(op, ops.Reduced(x.Shape(), axes, keep), func(y *tensor.Dense) error {
		return t.E.Reduce(y, x.Value, r, axes...)
	})
	if y == nil {
		return failed()
	}
	return t.result(y, func(dy *tensor.Dense) {
		dyKept, err := t.E.View(dy, kept...)
		if !t.try(op, err) {
			return
		}
		yKept, err := t.E.View(y, kept...)
		if t.try(op, err) {
			back(dyKept, yKept)
		}
	}, x)
}

// Sum returns the sums over axes, all of them when there are none. keep leaves
// the axes with size 1.
func (t *Tape) Sum(x *Var, keep bool, axes ...int) *Var {
	return t.reduced("sum", ops.ReduceSum, x, keep, axes, func(dy, _ *tensor.Dense) {
		t.giveNew("sum", x, func(dx *tensor.Dense) error { return t.E.Scale(dx, dy, 1) })
	})
}

// Mean returns the means over axes.
func (t *Tape) Mean(x *Var, keep bool, axes ...int) *Var {
	return t.reduced("mean", ops.ReduceMean, x, keep, axes, func(dy, _ *tensor.Dense) {
		share := float32(ops.Size(dy.Shape())) / float32(ops.Size(x.Shape()))
		t.giveNew("mean", x, func(dx *tensor.Dense) error { return t.E.Scale(dx, dy, share) })
	})
}

// Max returns the largest values over axes. Equal ones share the gradient, as in
// torch.amax.
func (t *Tape) Max(x *Var, keep bool, axes ...int) *Var {
	return t.reduced("max", ops.ReduceMax, x, keep, axes, func(dy, y *tensor.Dense) { t.backExtreme("max", x, dy, y) })
}

// Min returns the smallest values over axes, with gradients as Max's.
func (t *Tape) Min(x *Var, keep bool, axes ...int) *Var {
	return t.reduced("min", ops.ReduceMin, x, keep, axes, func(dy, y *tensor.Dense) { t.backExtreme("min", x, dy, y) })
}

func (t *Tape) backExtreme(op string, x *Var, dy, y *tensor.Dense) {
	t.giveNew(op, x, func(dx *tensor.Dense) error {
		share := t.E.Borrow(y.Shape()...)
		defer t.E.Release(share)
		if err := t.E.Binary(dx, x.Value, y, ops.BinaryEqual); err != nil {
			return err
		}
		if err := t.E.SumTo(share, dx); err != nil {
			return err
		}
		if err := t.E.Binary(share, dy, share, ops.BinaryDiv); err != nil {
			return err
		}
		return t.E.Binary(dx, dx, share, ops.BinaryMul)
	})
}

// Var returns the variance over axes: the sum of squared distances from the mean
// over n - correction, n values each.
func (t *Tape) Var(x *Var, correction float32, keep bool, axes ...int) *Var {
	const op = "var"
	if !t.ready(op, x) {
		return failed()
	}
	mean := t.Mean(x, true, axes...)
	if t.err != nil {
		return failed()
	}
	n := float32(ops.Size(x.Shape())) / float32(ops.Size(mean.Shape()))
	if correction >= n {
		return t.Fail(fault.New(fault.Usage, "%s: correction %v for %v values (shape %v over %v)", op, correction, n, x.Shape(), axes))
	}
	return t.Scale(t.Sum(t.Square(t.Sub(x, mean)), keep, axes...), 1/(n-correction))
}

// Norm returns the Euclidean norm over axes; its gradient at 0 is 0.
func (t *Tape) Norm(x *Var, keep bool, axes ...int) *Var {
	const op = "norm"
	if !t.ready(op, x) {
		return failed()
	}
	var y *Var
	t.NoGrad(func() {
		y = t.Scope(func() *Var { return t.Sqrt(t.Sum(t.Square(x), keep, axes...)) })
	})
	if t.err != nil {
		return failed()
	}
	list, err := ops.Axes(op, x.Shape(), axes)
	if !t.try(op, err) {
		return failed()
	}
	kept := ops.Reduced(x.Shape(), list, true)
	t.record(y, func(dy *tensor.Dense) {
		q := t.binary(op, ops.BinaryDivOrZero, dy, y.Value)
		if q == nil {
			return
		}
		defer t.E.Release(q)
		wide, err := t.E.View(q, kept...)
		if t.try(op, err) {
			t.giveNew(op, x, func(dx *tensor.Dense) error { return t.E.Binary(dx, x.Value, wide, ops.BinaryMul) })
		}
	}, x)
	return y
}

// CumSum returns the running sums along an axis.
func (t *Tape) CumSum(x *Var, axis int) *Var {
	const op = "cumsum"
	if !t.ready(op, x) {
		return failed()
	}
	y := t.borrowed(op, x.Shape(), func(y *tensor.Dense) error { return t.E.CumSum(y, x.Value, axis, false) })
	if y == nil {
		return failed()
	}
	return t.result(y, func(dy *tensor.Dense) {
		t.giveNew(op, x, func(dx *tensor.Dense) error { return t.E.CumSum(dx, dy, axis, true) })
	}, x)
}
