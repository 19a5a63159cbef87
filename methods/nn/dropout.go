package nn

import (
	"gorgonia.org/tensor"

	"github.com/tailorbird/tailorbird/kernels/ops"
)

// Dropout zeroes each value with probability p and divides the others by 1 - p.
// It returns x unless the tape is training.
func (t *Tape) Dropout(x *Var, p float32) *Var { return t.drop("dropout", x, p, 1) }

// DropPath is Dropout of whole samples, the first axis of x (arXiv:1603.09382).
func (t *Tape) DropPath(x *Var, p float32) *Var {
	if !t.ready("drop path", x) {
		return failed()
	}
	return t.drop("drop path", x, p, ops.Size(x.Shape())/max(1, x.Dim(0)))
}

func (t *Tape) drop(op string, x *Var, p float32, group int) *Var {
	if !t.ready(op, x) {
		return failed()
	}
	d := ops.Dropout{P: p, Group: group}
	if !t.try(op, d.Valid()) {
		return failed()
	}
	if !t.Training || p == 0 {
		return x
	}
	d.Seed = t.draw()
	y := t.borrowed(op, x.Shape(), func(y *tensor.Dense) error { return t.E.Dropout(y, x.Value, d) })
	if y == nil {
		return failed()
	}
	return t.result(y, func(dy *tensor.Dense) {
		t.giveNew(op, x, func(dx *tensor.Dense) error { return t.E.Dropout(dx, dy, d) })
	}, x)
}
