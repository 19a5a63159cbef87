package cpu

import (
	"gorgonia.org/tensor"

	"github.com/tailorbird/tailorbird/kernels/ops"
)

// elementwiseState holds the tasks of this family.
type elementwiseState struct {
	fillTask    fillTask
	binaryTask  binaryTask
	unaryTask   unaryTask
	gatedTask   gatedTask
	dropoutTask dropoutTask

	tensorEngine tensorEngine
}

// wantFloats refuses operands that kernels cannot read.
func wantFloats(op string, ts ...*tensor.Dense) error {
	return ops.WantType(op, tensor.Float32, ts...)
}

// fillTask works on one or two tensors of one size.
type fillTask struct {
	d, x  []float32
	alpha float32
	fill  bool
	parts int
}

func (t *fillTask) part(i int, _ *scratch) {
	from, to := split(len(t.d), t.parts, i)
	if t.fill {
		vecFill(t.d[from:to], t.alpha)
	} else {
		vecAxpy(t.d[from:to], t.x[from:to], t.alpha)
	}
}

// Fill implements ops.Elementwise.
func (e *Engine) Fill(dst *tensor.Dense, value float32) error {
	if err := wantFloats("fill", dst); err != nil {
		return err
	}
	e.fillTask = fillTask{d: dst.Float32s(), alpha: value, fill: true}
	e.fillTask.parts = partsOf(len(e.fillTask.d), 1)
	e.run(e.fillTask.parts, &e.fillTask)
	return nil
}

// Accumulate implements ops.Elementwise.
func (e *Engine) Accumulate(dst, x *tensor.Dense, alpha float32) error {
	if err := wantFloats("accumulate", dst, x); err != nil {
		return err
	}
	if err := ops.SameShape("accumulate", dst, x); err != nil {
		return err
	}
	e.fillTask = fillTask{d: dst.Float32s(), x: x.Float32s(), alpha: alpha}
	e.fillTask.parts = partsOf(len(e.fillTask.d), 1)
	e.run(e.fillTask.parts, &e.fillTask)
	return nil
}

// binaryKind extends ops.Binary by the other functions of binaryTask's loops.
const (
	kindScale ops.Binary = 200 + iota
	kindSelect
)

// binaryTask is an operation with broadcasting.
type binaryTask struct {
	loops
	op         ops.Binary
	alpha      float32
	d, a, b, c []float32
	parts      int
}

func (t *binaryTask) part(i int, _ *scratch) {
	from, to := split(t.units(), t.parts, i)
	var c cursor
	t.seek(&c, from/t.pieces)
	for u := from; u < to; u++ {
		lo, hi := t.piece(&c, u)
		d := t.operand(&c, 0, t.d, lo, hi)
		a := t.operand(&c, 1, t.a, lo, hi)
		switch t.op {
		case kindScale:
			vecScale(d, a, t.alpha)
		case kindSelect:
			vecSelect(d, a, t.operand(&c, 2, t.b, lo, hi), t.operand(&c, 3, t.c, lo, hi))
		default:
			vecBinary(t.op, d, a, t.operand(&c, 2, t.b, lo, hi))
		}
	}
}

func (e *Engine) runBinary(cost int) {
	t := &e.binaryTask
	t.parts = t.loops.parts(cost)
	e.run(t.parts, t)
	t.d, t.a, t.b, t.c = nil, nil, nil, nil
}

// Scale implements ops.Elementwise.
func (e *Engine) Scale(dst, x *tensor.Dense, alpha float32) error {
	if err := wantFloats("scale", dst, x); err != nil {
		return err
	}
	t := &e.binaryTask
	if err := t.set("scale", dst.Shape(), x.Shape(), nil, nil); err != nil {
		return err
	}
	t.op, t.alpha, t.d, t.a = kindScale, alpha, dst.Float32s(), x.Float32s()
	e.runBinary(1)
	return nil
}

// Add implements ops.Elementwise.
func (e *Engine) Add(dst, a, b *tensor.Dense) error { return e.Binary(dst, a, b, ops.BinaryAdd) }

// Binary implements ops.Elementwise.
func (e *Engine) Binary(dst, a, b *tensor.Dense, op ops.Binary) error {
	if err := op.Valid(); err != nil {
		return err
	}
	if err := wantFloats("elementwise", dst, a, b); err != nil {
		return err
	}
	t := &e.binaryTask
	if err := t.set("elementwise", dst.Shape(), a.Shape(), b.Shape(), nil); err != nil {
		return err
	}
	t.op, t.d, t.a, t.b = op, dst.Float32s(), a.Float32s(), b.Float32s()
	cost := 1
	if op == ops.BinaryPow {
		cost = 40
	}
	e.runBinary(cost)
	return nil
}

var zero = []float32{0}

// Select implements ops.Elementwise.
func (e *Engine) Select(dst, cond, a, b *tensor.Dense) error {
	if err := wantFloats("select", dst, cond); err != nil {
		return err
	}
	var as, bs []int
	va, vb := zero, zero
	if a != nil {
		if err := wantFloats("select", a); err != nil {
			return err
		}
		as, va = a.Shape(), a.Float32s()
	}
	if b != nil {
		if err := wantFloats("select", b); err != nil {
			return err
		}
		bs, vb = b.Shape(), b.Float32s()
	}
	t := &e.binaryTask
	if err := t.set("select", dst.Shape(), cond.Shape(), as, bs); err != nil {
		return err
	}
	t.op, t.d, t.a, t.b, t.c = kindSelect, dst.Float32s(), cond.Float32s(), va, vb
	e.runBinary(2)
	return nil
}
