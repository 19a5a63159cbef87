package nn

import (
	"gorgonia.org/tensor"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/ops"
)

// MaxPool2D returns the greatest value of each window of x (N, C, H, W), as
// torch.nn.functional.max_pool2d. Nothing is saved for the gradient but x and the
// result: back looks the places up again.
func (t *Tape) MaxPool2D(x *Var, p ops.Pool) *Var {
	y := t.pooled("max pool", x, p)
	if y == nil || !t.try("max pool", t.E.MaxPool(y, nil, x.Value, p)) {
		t.E.Release(y)
		return failed()
	}
	return t.result(y, func(dy *tensor.Dense) {
		t.giveNew("max pool", x, func(dx *tensor.Dense) error { return t.E.MaxPoolGrad(dx, dy, x.Value, y, p) })
	}, x)
}

// MaxPool2DIndices is MaxPool2D that also returns the place of each maximum in its
// plane, row*W + column: an index tensor of the result's shape, valid until Reset.
func (t *Tape) MaxPool2DIndices(x *Var, p ops.Pool) (*Var, *tensor.Dense) {
	y := t.pooled("max pool", x, p)
	if y == nil {
		return failed(), nil
	}
	return t.maxAt("max pool", x, y, func(indices *tensor.Dense) error { return t.E.MaxPool(y, indices, x.Value, p) })
}

// maxAt finishes an operation that takes maxima y of planes of x and says where
// they are.
func (t *Tape) maxAt(op string, x *Var, y *tensor.Dense, f func(indices *tensor.Dense) error) (*Var, *tensor.Dense) {
	s := y.Shape()
	indices := t.E.BorrowIndex(s...)
	t.save(indices)
	if !t.try(op, f(indices)) {
		t.E.Release(y)
		return failed(), nil
	}
	return t.result(y, func(dy *tensor.Dense) {
		planes := s[0] * s[1]
		t.giveInto(op, x, func(dx *tensor.Dense) error {
			to, err := t.E.View(dx, planes, ops.Size(x.Shape())/planes)
			if err != nil {
				return err
			}
			at, err := t.E.View(indices, planes, s[2]*s[3])
			if err != nil {
				return err
			}
			from, err := t.E.View(dy, planes, s[2]*s[3])
			if err != nil {
				return err
			}
			return t.E.ScatterAdd(to, at, from, ops.Index{Axis: 1})
		})
	}, x), indices
}

// pooled borrows the result of a window that slides over x, nil after an error.
func (t *Tape) pooled(op string, x *Var, p ops.Pool) *tensor.Dense {
	if !t.ready(op, x) {
		return nil
	}
	shape, err := p.OutShape(op, x.Shape())
	if !t.try(op, err) {
		return nil
	}
	return t.E.Borrow(shape...)
}

// AvgPool2D returns the mean of each window of x (N, C, H, W), as
// torch.nn.functional.avg_pool2d.
func (t *Tape) AvgPool2D(x *Var, p ops.Pool) *Var {
	y := t.pooled("average pool", x, p)
	if y == nil || !t.try("average pool", t.E.AvgPool(y, x.Value, p)) {
		t.E.Release(y)
		return failed()
	}
	return t.result(y, func(dy *tensor.Dense) {
		t.giveNew("average pool", x, func(dx *tensor.Dense) error { return t.E.AvgPoolGrad(dx, dy, p) })
	}, x)
}

// AdaptiveAvgPool2D returns means of x (N, C, H, W) over h x w windows that cover
// the image.
func (t *Tape) AdaptiveAvgPool2D(x *Var, h, w int) *Var {
	y := t.adaptive("adaptive average pool", x, h, w)
	if y == nil || !t.try("adaptive average pool", t.E.AdaptiveAvgPool(y, x.Value)) {
		t.E.Release(y)
		return failed()
	}
	return t.result(y, func(dy *tensor.Dense) {
		t.giveNew("adaptive average pool", x, func(dx *tensor.Dense) error { return t.E.AdaptiveAvgPoolGrad(dx, dy) })
	}, x)
}

func (t *Tape) adaptive(op string, x *Var, h, w int) *tensor.Dense {
	if !t.ready(op, x) {
		return nil
	}
	if len(x.Shape()) != 4 || h < 1 || w < 1 {
		t.Fail(fault.New(fault.Usage, "%s: images %v to %d x %d", op, x.Shape(), h, w))
		return nil
	}
	return t.E.Borrow(x.Dim(0), x.Dim(1), h, w)
}

// AdaptiveMaxPool2D returns the greatest values of x (N, C, H, W) over h x w windows
// that cover the image.
func (t *Tape) AdaptiveMaxPool2D(x *Var, h, w int) *Var {
	y := t.adaptive("adaptive max pool", x, h, w)
	if y == nil {
		return failed()
	}
	v, _ := t.maxAt("adaptive max pool", x, y, func(indices *tensor.Dense) error { return t.E.AdaptiveMaxPool(y, indices, x.Value) })
	return v
}

// GlobalAvgPool returns the mean of each plane of x (N, C, H, W): (N, C).
func (t *Tape) GlobalAvgPool(x *Var) *Var {
	return t.Reshape(t.AdaptiveAvgPool2D(x, 1, 1), x.Dim(0), x.Dim(1))
}
