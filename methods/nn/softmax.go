package nn

import (
	"slices"

	"gorgonia.org/tensor"

	"github.com/tailorbird/tailorbird/kernels/ops"
)

// Softmax returns exp(x) / sum exp(x) along an axis.
func (t *Tape) Softmax(x *Var, axis int) *Var { return t.softmax("softmax", x, axis, false) }

// LogSoftmax returns the logarithm of Softmax.
func (t *Tape) LogSoftmax(x *Var, axis int) *Var { return t.softmax("log softmax", x, axis, true) }

func (t *Tape) softmax(op string, x *Var, axis int, log bool) *Var {
	if !t.ready(op, x) {
		return failed()
	}
	y := t.borrowed(op, x.Shape(), func(y *tensor.Dense) error { return t.E.Softmax(y, x.Value, axis, log) })
	if y == nil {
		return failed()
	}
	return t.result(y, func(dy *tensor.Dense) {
		t.giveNew(op, x, func(dx *tensor.Dense) error { return t.E.SoftmaxGrad(dx, dy, y, axis, log) })
	}, x)
}

// LogSumExp returns log sum exp(x) along an axis, which is left out of the result.
func (t *Tape) LogSumExp(x *Var, axis int) *Var {
	const op = "logsumexp"
	if !t.ready(op, x) {
		return failed()
	}
	axis, err := ops.Axis(op, axis, len(x.Shape()))
	if !t.try(op, err) {
		return failed()
	}
	kept := slices.Clone([]int(x.Shape()))
	kept[axis] = 1
	y := t.borrowed(op, ops.Reduced(x.Shape(), []int{axis}, false), func(y *tensor.Dense) error {
		return t.E.LogSumExp(y, x.Value, axis)
	})
	if y == nil {
		return failed()
	}
	return t.result(y, func(dy *tensor.Dense) {
		// d/dx is exp(x - y), the softmax
		t.giveNew(op, x, func(dx *tensor.Dense) error {
			if err := t.E.Softmax(dx, x.Value, axis, false); err != nil {
				return err
			}
			wide, err := t.E.View(dy, kept...)
			if err != nil {
				return err
			}
			return t.E.Binary(dx, dx, wide, ops.BinaryMul)
		})
	}, x)
}
