package nn

import (
	"gorgonia.org/tensor"

	"github.com/tailorbird/tailorbird/kernels/ops"
)

// Conv2D returns the convolution of x (N, C, H, W) with w (K, C/groups, KH, KW)
// plus b (K), which may be nil: (N, K, OH, OW), as torch.nn.functional.conv2d.
// With c.ReLU negative results become 0.
func (t *Tape) Conv2D(x, w, b *Var, c ops.Conv) *Var {
	const op = "conv2d"
	xs := operands(x, w, b)
	if !t.ready(op, xs...) {
		return failed()
	}
	s, err := c.Shape(op, x.Shape(), w.Shape())
	if !t.try(op, err) {
		return failed()
	}
	fused := c
	// The gradient needs to know what the ReLU cut off, so it is an operation of
	// its own where one is wanted.
	separate := c.ReLU && t.Recording() && anyWants(xs)
	fused.ReLU = c.ReLU && !separate
	y := t.E.Borrow(s.N, s.K, s.OH, s.OW)
	if !t.try(op, t.E.Conv2D(y, x.Value, w.Value, valueOf(b), fused)) {
		t.E.Release(y)
		return failed()
	}
	out := t.result(y, func(dy *tensor.Dense) {
		if t.wants(x) {
			dx := t.E.Borrow(x.Shape()...)
			if t.try(op, t.E.Conv2DGradInput(dx, dy, w.Value, nil, c)) {
				t.give(x, dx)
			}
		}
		if t.wants(w) {
			dw := t.E.Borrow(w.Shape()...)
			if t.try(op, t.E.Conv2DGradWeight(dw, dy, x.Value, c)) {
				t.give(w, dw)
			}
		}
		t.giveBias(op, b, dy)
	}, xs...)
	if separate {
		return t.ReLU(out)
	}
	return out
}

// ConvTranspose2D returns the transposed convolution of x (N, C, H, W) with w
// (C, K/groups, KH, KW) plus b (K), which may be nil, as
// torch.nn.functional.conv_transpose2d. c.ReLU is not for it.
func (t *Tape) ConvTranspose2D(x, w, b *Var, c ops.Conv) *Var {
	const op = "conv_transpose2d"
	xs := operands(x, w, b)
	if !t.ready(op, xs...) {
		return failed()
	}
	c.ReLU = false
	s, err := c.ShapeTransposed(op, x.Shape(), w.Shape())
	if !t.try(op, err) {
		return failed()
	}
	y := t.E.Borrow(s.N, s.C, s.H, s.W)
	if !t.try(op, t.E.Conv2DGradInput(y, x.Value, w.Value, valueOf(b), c)) {
		t.E.Release(y)
		return failed()
	}
	return t.result(y, func(dy *tensor.Dense) {
		if t.wants(x) {
			dx := t.E.Borrow(x.Shape()...)
			if t.try(op, t.E.Conv2D(dx, dy, w.Value, nil, c)) {
				t.give(x, dx)
			}
		}
		if t.wants(w) {
			dw := t.E.Borrow(w.Shape()...)
			if t.try(op, t.E.Conv2DGradWeight(dw, x.Value, dy, c)) {
				t.give(w, dw)
			}
		}
		t.giveBias(op, b, dy)
	}, xs...)
}

// giveBias gives a bias its gradient, the sum of dy over all but the channels.
func (t *Tape) giveBias(op string, b *Var, dy *tensor.Dense) {
	if !t.wants(b) {
		return
	}
	db := t.E.Borrow(b.Shape()...)
	if t.try(op, t.E.Conv2DGradBias(db, dy)) {
		t.give(b, db)
	}
}

// Unfold returns the windows of x (N, C, H, W) as columns (N, C*KH*KW, L), as
// torch.nn.functional.unfold.
func (t *Tape) Unfold(x *Var, w ops.Window) *Var {
	const op = "unfold"
	if !t.ready(op, x) {
		return failed()
	}
	s, err := w.Shape(op, x.Shape())
	if !t.try(op, err) {
		return failed()
	}
	y := t.E.Borrow(s.N, s.Len, s.OH*s.OW)
	if !t.try(op, t.E.Unfold(y, x.Value, w)) {
		t.E.Release(y)
		return failed()
	}
	return t.result(y, func(dy *tensor.Dense) {
		dx := t.E.Borrow(x.Shape()...)
		if t.try(op, t.E.Fold(dx, dy, w)) {
			t.give(x, dx)
		}
	}, x)
}

// Fold returns the image (N, C, height, width) that the columns x
// (N, C*KH*KW, L) add up to, as torch.nn.functional.fold.
func (t *Tape) Fold(x *Var, height, width int, w ops.Window) *Var {
	const op = "fold"
	if !t.ready(op, x) {
		return failed()
	}
	channels := 0
	if taps := w.Kernel[0] * w.Kernel[1]; taps > 0 {
		channels = x.Dim(1) / taps
	}
	if _, err := w.Shape(op, []int{x.Dim(0), channels, height, width}); !t.try(op, err) {
		return failed()
	}
	y := t.E.Borrow(x.Dim(0), channels, height, width)
	if !t.try(op, t.E.Fold(y, x.Value, w)) {
		t.E.Release(y)
		return failed()
	}
	return t.result(y, func(dy *tensor.Dense) {
		dx := t.E.Borrow(x.Shape()...)
		if t.try(op, t.E.Unfold(dx, dy, w)) {
			t.give(x, dx)
		}
	}, x)
}

// operands returns the operands of an operation without those that may be nil
// and are.
func operands(x, w, b *Var) []*Var {
	if b == nil {
		return []*Var{x, w}
	}
	return []*Var{x, w, b}
}

func valueOf(v *Var) *tensor.Dense {
	if v == nil {
		return nil
	}
	return v.Value
}
