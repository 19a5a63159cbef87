package nn

import (
	"gorgonia.org/tensor"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/ops"
)

// MatMul returns the matrix product a b with the meaning of torch.matmul: a is
// (..., m, k), b is (..., k, n), leading axes broadcast, and an operand of one axis
// is a row on the left and a column on the right whose axis the result lacks.
func (t *Tape) MatMul(a, b *Var) *Var { return t.MatMulT(a, b, false, false) }

// MatMulT is MatMul with the last two axes of an operand exchanged where transA
// or transB says so. A vector has none to exchange.
func (t *Tape) MatMulT(a, b *Var, transA, transB bool) *Var {
	if !t.ready("matmul", a, b) {
		return failed()
	}
	rankA, rankB := len(a.Shape()), len(b.Shape())
	if rankA == 0 || rankB == 0 {
		return t.Fail(fault.New(fault.Usage, "matmul: shapes %v and %v, want one axis or more", a.Shape(), b.Shape()))
	}
	if rankA == 1 {
		a, transA = t.reshaped("matmul", a, 1, a.Dim(0)), false
	}
	if rankB == 1 {
		b, transB = t.reshaped("matmul", b, b.Dim(0), 1), false
	}
	y := t.product(a, b, ops.MatMul{TransposeA: transA, TransposeB: transB})
	if y.failed || rankA > 1 && rankB > 1 {
		return y
	}
	shape := y.Shape()
	lead := append([]int{}, shape[:len(shape)-2]...)
	if rankA > 1 {
		lead = append(lead, shape[len(shape)-2])
	}
	if rankB > 1 {
		lead = append(lead, shape[len(shape)-1])
	}
	return t.reshaped("matmul", y, lead...)
}

// product multiplies operands of two axes or more.
func (t *Tape) product(a, b *Var, p ops.MatMul) *Var {
	if !t.ready("matmul", a, b) {
		return failed()
	}
	shape, err := p.Shape(a.Shape(), b.Shape())
	if !t.try("matmul", err) {
		return failed()
	}
	y := t.E.Borrow(shape...)
	if !t.try("matmul", t.E.MatMul(y, a.Value, b.Value, p)) {
		t.E.Release(y)
		return failed()
	}
	return t.result(y, func(dy *tensor.Dense) {
		if t.wants(a) {
			if p.TransposeA {
				t.giveProduct(a, b.Value, dy, ops.MatMul{TransposeA: p.TransposeB, TransposeB: true})
			} else {
				t.giveProduct(a, dy, b.Value, ops.MatMul{TransposeB: !p.TransposeB})
			}
		}
		if t.wants(b) {
			if p.TransposeB {
				t.giveProduct(b, dy, a.Value, ops.MatMul{TransposeA: true, TransposeB: p.TransposeA})
			} else {
				t.giveProduct(b, a.Value, dy, ops.MatMul{TransposeA: !p.TransposeA})
			}
		}
	}, a, b)
}

// giveProduct adds the product l r, summed over axes that x broadcast, to x's gradient.
func (t *Tape) giveProduct(x *Var, l, r *tensor.Dense, p ops.MatMul) {
	dx := t.E.Borrow(x.Shape()...)
	if !t.try("matmul", t.E.MatMul(dx, l, r, p)) {
		t.E.Release(dx)
		return
	}
	t.give(x, dx)
}

// Linear returns x w^T + b over the last axis, as torch.nn.functional.linear: x is
// (..., in), w is (out, in), b is (out) or nil.
func (t *Tape) Linear(x, w, b *Var) *Var {
	operands := []*Var{x, w, b}
	if b == nil {
		operands = operands[:2]
	}
	if !t.ready("linear", operands...) {
		return failed()
	}
	if len(w.Shape()) != 2 || len(x.Shape()) == 0 || x.Dim(-1) != w.Dim(1) || b != nil && (len(b.Shape()) != 1 || b.Dim(0) != w.Dim(0)) {
		return t.Fail(fault.New(fault.Usage, "linear: input %v, weight %v and bias %v do not fit", x.Shape(), w.Shape(), shapeOf(b)))
	}
	rows := ops.Size(x.Shape()) / x.Dim(-1)
	flat, err := t.E.View(x.Value, rows, x.Dim(-1))
	if !t.try("linear", err) {
		return failed()
	}
	shape := append([]int{}, x.Shape()...)
	shape[len(shape)-1] = w.Dim(0)
	y := t.E.Borrow(shape...)
	out, err := t.E.View(y, rows, w.Dim(0))
	p := ops.MatMul{TransposeB: true}
	if b != nil {
		p.Bias = b.Value
	}
	if !t.try("linear", err) || !t.try("linear", t.E.MatMul(out, flat, w.Value, p)) {
		t.E.Release(y)
		return failed()
	}
	return t.result(y, func(dy *tensor.Dense) { t.linearGrad(dy, rows, x, w, b) }, operands...)
}

func (t *Tape) linearGrad(dy *tensor.Dense, rows int, x, w, b *Var) {
	flatY, err := t.E.View(dy, rows, w.Dim(0))
	if !t.try("linear", err) {
		return
	}
	if t.wants(x) {
		dx := t.E.Borrow(x.Shape()...)
		flat, err := t.E.View(dx, rows, w.Dim(1))
		if !t.try("linear", err) || !t.try("linear", t.E.MatMul(flat, flatY, w.Value, ops.MatMul{})) {
			t.E.Release(dx)
			return
		}
		t.give(x, dx)
	}
	if t.wants(w) {
		flat, err := t.E.View(x.Value, rows, w.Dim(1))
		if !t.try("linear", err) {
			return
		}
		t.giveProduct(w, flatY, flat, ops.MatMul{TransposeA: true})
	}
	if t.wants(b) {
		t.giveColumnSums(b, flatY)
	}
}

// giveColumnSums adds the sum of the rows of dy to b's gradient.
func (t *Tape) giveColumnSums(b *Var, dy *tensor.Dense) {
	db := t.E.Borrow(b.Shape()...)
	if !t.try("linear", t.E.Reduce(db, dy, ops.ReduceSum, 0)) {
		t.E.Release(db)
		return
	}
	t.give(b, db)
}

// reshaped returns x with another shape of the same size.
func (t *Tape) reshaped(op string, x *Var, shape ...int) *Var {
	if !t.ready(op, x) {
		return failed()
	}
	y, err := t.E.View(x.Value, shape...)
	if !t.try(op, err) {
		return failed()
	}
	return t.view(y, x, func(*tensor.Dense) { t.pass(x) })
}

func shapeOf(x *Var) tensor.Shape {
	if x == nil {
		return nil
	}
	return x.Shape()
}
