package nn

import (
	"slices"

	"gorgonia.org/tensor"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/ops"
)

// Reshape returns x in another shape of the same size. One axis may be -1: it
// takes what the others leave. No memory moves.
func (t *Tape) Reshape(x *Var, shape ...int) *Var {
	if !t.ready("reshape", x) {
		return failed()
	}
	shape = slices.Clone(shape)
	known, open := 1, -1
	for i, d := range shape {
		switch {
		case d == -1 && open < 0:
			open = i
		case d < 1:
			return t.Fail(fault.New(fault.Usage, "reshape: %v to %v", x.Shape(), shape))
		default:
			known *= d
		}
	}
	size := ops.Size(x.Shape())
	if open >= 0 && known > 0 && size%known == 0 {
		shape[open] = size / known
		known = size
	}
	if known != size {
		return t.Fail(fault.New(fault.Usage, "reshape: %v to %v", x.Shape(), shape))
	}
	y, err := t.E.View(x.Value, shape...)
	if !t.try("reshape", err) {
		return failed()
	}
	return t.view(y, x, func(*tensor.Dense) { t.pass(x) })
}

// Flatten joins the axes from the given one to the last into one.
func (t *Tape) Flatten(x *Var, from int) *Var {
	if !t.ready("flatten", x) {
		return failed()
	}
	from, err := ops.Axis("flatten", from, len(x.Shape()))
	if !t.try("flatten", err) {
		return failed()
	}
	return t.Reshape(x, append(slices.Clone(x.Shape()[:from]), -1)...)
}

// Permute returns x with its axes in another order: axis i of the result is axis
// axes[i] of x.
func (t *Tape) Permute(x *Var, axes ...int) *Var {
	if !t.ready("permute", x) {
		return failed()
	}
	rank := len(x.Shape())
	shape, from := make([]int, len(axes)), make([]int, len(axes))
	strides := ops.AppendStrides(nil, x.Shape())
	seen := make([]bool, rank)
	for i, a := range axes {
		a, err := ops.Axis("permute", a, rank)
		if err != nil || seen[a] || len(axes) != rank {
			return t.Fail(fault.New(fault.Usage, "permute: axes %v of %v", axes, x.Shape()))
		}
		seen[a] = true
		shape[i], from[i] = x.Shape()[a], strides[a]
	}
	return t.moved("permute", x, shape, ops.Copy{Shape: shape, From: ops.Layout{Strides: from}})
}

// Transpose swaps two axes.
func (t *Tape) Transpose(x *Var, a, b int) *Var {
	if !t.ready("transpose", x) {
		return failed()
	}
	axes := make([]int, len(x.Shape()))
	for i := range axes {
		axes[i] = i
	}
	a, errA := ops.Axis("transpose", a, len(axes))
	b, errB := ops.Axis("transpose", b, len(axes))
	if !t.try("transpose", errA) || !t.try("transpose", errB) {
		return failed()
	}
	axes[a], axes[b] = b, a
	return t.Permute(x, axes...)
}

// moved returns a result of the given shape that Copy fills from x. The gradient
// goes back the same way: no element of x is read twice, and one that is not
// read takes no gradient. Where p.To is empty the box is the result in its order.
func (t *Tape) moved(op string, x *Var, shape []int, p ops.Copy) *Var {
	if p.To.Strides == nil {
		p.To.Strides = ops.AppendStrides(nil, p.Shape)
	}
	return t.movedBy(op, x, shape, p)
}

// movedBy is moved by several copies, which fill the result together.
func (t *Tape) movedBy(op string, x *Var, shape []int, ps ...ops.Copy) *Var {
	y := t.E.Borrow(shape...)
	for _, p := range ps {
		if !t.try(op, t.E.Copy(y, x.Value, p)) {
			t.E.Release(y)
			return failed()
		}
	}
	return t.result(y, func(dy *tensor.Dense) {
		back := make([]ops.Copy, len(ps))
		for i, p := range ps {
			p.To, p.From = p.From, p.To
			back[i] = p
		}
		t.giveMoved(op, x, dy, back...)
	}, x)
}

// giveMoved adds to x's gradient what copies from dy put there.
func (t *Tape) giveMoved(op string, x *Var, dy *tensor.Dense, ps ...ops.Copy) {
	all := 0
	for _, p := range ps {
		all += ops.Size(p.Shape)
	}
	covered := all == ops.Size(x.Shape()) && x.Grad == nil // then nothing is left to clear
	f := func(dx *tensor.Dense) error {
		for _, p := range ps {
			p.Accumulate = !covered
			if err := t.E.Copy(dx, dy, p); err != nil {
				return err
			}
		}
		return nil
	}
	if covered {
		t.giveNew(op, x, f)
	} else {
		t.giveInto(op, x, f)
	}
}

// giveInto adds to x's gradient by means of f, which adds to the tensor that it
// is given: the gradient itself where nobody else reads its memory, zeros otherwise.
// It saves a tensor of x's size where many operations each touch a small part of x.
func (t *Tape) giveInto(op string, x *Var, f func(dx *tensor.Dense) error) {
	if !t.wants(x) {
		return
	}
	if x.Grad != nil && x.gradMem != nil && x.gradMem.refs == 1 {
		t.try(op, f(x.Grad))
		return
	}
	dx := t.E.Borrow(x.Shape()...)
	if t.try(op, t.E.Fill(dx, 0)) && t.try(op, f(dx)) {
		t.give(x, dx)
		return
	}
	t.E.Release(dx)
}

// Concat joins tensors along an axis. They agree on all other axes.
func (t *Tape) Concat(axis int, xs ...*Var) *Var {
	if !t.ready("concat", xs...) {
		return failed()
	}
	if len(xs) == 0 {
		return t.Fail(fault.New(fault.Usage, "concat: no operands"))
	}
	first := xs[0].Shape()
	axis, err := ops.Axis("concat", axis, len(first))
	if !t.try("concat", err) {
		return failed()
	}
	shape := slices.Clone(first)
	shape[axis] = 0
	for _, x := range xs {
		s := x.Shape()
		if len(s) != len(first) || !slices.Equal(s[:axis], first[:axis]) || !slices.Equal(s[axis+1:], first[axis+1:]) {
			return t.Fail(fault.New(fault.Usage, "concat: %v and %v on axis %d", first, s, axis))
		}
		shape[axis] += s[axis]
	}
	y := t.E.Borrow(shape...)
	at := 0
	for _, x := range xs {
		p := region(shape, axis, at, x.Dim(axis))
		p.To, p.From = p.From, p.To
		if !t.try("concat", t.E.Copy(y, x.Value, p)) {
			t.E.Release(y)
			return failed()
		}
		at += x.Dim(axis)
	}
	return t.result(y, func(dy *tensor.Dense) {
		at := 0
		for _, x := range xs {
			t.giveMoved("concat", x, dy, region(shape, axis, at, x.Dim(axis)))
			at += x.Dim(axis)
		}
	}, xs...)
}

// region is the copy of n slices of axis from slice at on, out of a tensor of the
// given shape into one of their own.
func region(shape []int, axis, at, n int) ops.Copy {
	outer, inner := ops.Around(shape, axis)
	return ops.Copy{
		Shape: []int{outer, n * inner},
		To:    ops.Layout{Strides: []int{n * inner, 1}},
		From:  ops.Layout{Offset: at * inner, Strides: []int{shape[axis] * inner, 1}},
	}
}

// Slice returns the slices [from, to) of an axis. Negative bounds count from the
// end; to may be beyond it.
func (t *Tape) Slice(x *Var, axis, from, to int) *Var {
	if !t.ready("slice", x) {
		return failed()
	}
	axis, err := ops.Axis("slice", axis, len(x.Shape()))
	if !t.try("slice", err) {
		return failed()
	}
	n := x.Dim(axis)
	if from < 0 {
		from += n
	}
	if to < 0 {
		to += n
	}
	to = min(to, n)
	if from < 0 || from >= to {
		return t.Fail(fault.New(fault.Usage, "slice: [%d, %d) of axis %d of %v", from, to, axis, x.Shape()))
	}
	if from == 0 && to == n {
		return t.Reshape(x, x.Shape()...)
	}
	shape := slices.Clone(x.Shape())
	shape[axis] = to - from
	return t.moved("slice", x, shape, region(x.Shape(), axis, from, to-from))
}

// Split cuts x along an axis into pieces of the given sizes, which add up to it.
// After an error it returns as many Vars as there are sizes.
func (t *Tape) Split(x *Var, axis int, sizes ...int) []*Var {
	out := make([]*Var, len(sizes))
	total := 0
	for i, n := range sizes {
		out[i] = failed()
		total += max(n, 0)
	}
	if !t.ready("split", x) {
		return out
	}
	axis, err := ops.Axis("split", axis, len(x.Shape()))
	if !t.try("split", err) {
		return out
	}
	if total != x.Dim(axis) {
		t.Fail(fault.New(fault.Usage, "split: axis %d of %v into %v", axis, x.Shape(), sizes))
		return out
	}
	at := 0
	for i, n := range sizes {
		out[i] = t.Slice(x, axis, at, at+n)
		at += n
	}
	return out
}

// Stack joins tensors of one shape along a new axis.
func (t *Tape) Stack(axis int, xs ...*Var) *Var {
	if !t.ready("stack", xs...) {
		return failed()
	}
	if len(xs) == 0 {
		return t.Fail(fault.New(fault.Usage, "stack: no operands"))
	}
	shape := xs[0].Shape()
	axis, err := ops.Axis("stack", axis, len(shape)+1)
	if !t.try("stack", err) {
		return failed()
	}
	rows := make([]*Var, len(xs))
	for i, x := range xs {
		if !slices.Equal(x.Shape(), shape) {
			return t.Fail(fault.New(fault.Usage, "stack: %v and %v", shape, x.Shape()))
		}
		rows[i] = t.Reshape(x, slices.Insert(slices.Clone(shape), axis, 1)...)
	}
	return t.Concat(axis, rows...)
}

// Expand repeats x along axes of size 1, and along new axes in front, as NumPy
// broadcasts. A size of -1 keeps the axis.
func (t *Tape) Expand(x *Var, shape ...int) *Var {
	if !t.ready("expand", x) {
		return failed()
	}
	s := x.Shape()
	shape = slices.Clone(shape)
	more := len(shape) - len(s)
	if more < 0 {
		return t.Fail(fault.New(fault.Usage, "expand: %v to %v", s, shape))
	}
	from := append(make([]int, more), ops.AppendStrides(nil, s)...)
	for i := range shape {
		d := 1
		if i >= more {
			d = s[i-more]
		}
		if shape[i] == -1 && i >= more {
			shape[i] = d
		}
		if d == 1 {
			from[i] = 0
		}
		if shape[i] < 1 || d != 1 && d != shape[i] {
			return t.Fail(fault.New(fault.Usage, "expand: %v to %v", s, shape))
		}
	}
	if ops.Size(shape) == ops.Size(s) {
		return t.Reshape(x, shape...)
	}
	p := ops.Copy{Shape: shape, From: ops.Layout{Strides: from}}
	p.To.Strides = ops.AppendStrides(nil, shape)
	y := t.E.Borrow(shape...)
	if !t.try("expand", t.E.Copy(y, x.Value, p)) {
		t.E.Release(y)
		return failed()
	}
	return t.result(y, func(dy *tensor.Dense) {
		t.giveNew("expand", x, func(dx *tensor.Dense) error { return t.E.SumTo(dx, dy) })
	}, x)
}
