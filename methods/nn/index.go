package nn

import (
	"slices"

	"gorgonia.org/tensor"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/ops"
)

// Embedding returns the rows of table (V, D) that ids name: the shape of ids and D.
// The row padding takes no gradient; -1 means that there is none.
func (t *Tape) Embedding(table *Var, ids *tensor.Dense, padding int) *Var {
	p := ops.Index{}
	if padding >= 0 {
		id := int64(padding)
		p.Except = &id
	}
	return t.indexed("embedding", table, ids, p)
}

// IndexSelect returns the slices of an axis that ids name, in their order; an id
// may come more than once.
func (t *Tape) IndexSelect(x *Var, axis int, ids []int) *Var {
	if !t.ready("index select", x) {
		return failed()
	}
	if len(ids) == 0 {
		return t.Fail(fault.New(fault.Usage, "index select: no ids on axis %d of %v", axis, x.Shape()))
	}
	dev := t.uploadIDs(ids)
	y := t.indexed("index select", x, dev, ops.Index{Axis: axis})
	t.save(dev)
	return y
}

// uploadIDs borrows an index tensor for host values.
func (t *Tape) uploadIDs(ids []int) *tensor.Dense {
	wide := make([]int64, len(ids))
	for i, id := range ids {
		wide[i] = int64(id)
	}
	dev := t.E.BorrowIndex(len(ids))
	t.try("upload", t.E.Upload(dev, hostTensor(wide, []int{len(ids)})))
	return dev
}

// indexed returns x with ids, of any shape, in the place of an axis.
func (t *Tape) indexed(op string, x *Var, ids *tensor.Dense, p ops.Index) *Var {
	if !t.ready(op, x) {
		return failed()
	}
	if ids == nil {
		return t.Fail(fault.New(fault.Usage, "%s: ids are nil", op))
	}
	axis, err := ops.Axis(op, p.Axis, len(x.Shape()))
	if !t.try(op, err) {
		return failed()
	}
	p.Axis = axis
	shape := slices.Replace(slices.Clone(x.Shape()), axis, axis+1, ids.Shape()...)
	y := t.E.Borrow(shape...)
	if !t.try(op, t.E.IndexSelect(y, x.Value, ids, p)) {
		t.E.Release(y)
		return failed()
	}
	return t.result(y, func(dy *tensor.Dense) {
		t.giveInto(op, x, func(dx *tensor.Dense) error { return t.E.IndexAdd(dx, ids, dy, p) })
	}, x)
}

// Gather returns at (.., i, ..) the element of x at (.., ids at (.., i, ..), ..), i on
// the axis, as torch.gather. ids lies in the engine's memory.
func (t *Tape) Gather(x *Var, axis int, ids *tensor.Dense) *Var {
	if !t.ready("gather", x) {
		return failed()
	}
	if ids == nil {
		return t.Fail(fault.New(fault.Usage, "gather: ids are nil"))
	}
	p := ops.Index{Axis: axis}
	y := t.E.Borrow(ids.Shape()...)
	if !t.try("gather", t.E.Gather(y, x.Value, ids, p)) {
		t.E.Release(y)
		return failed()
	}
	return t.result(y, func(dy *tensor.Dense) {
		t.giveInto("gather", x, func(dx *tensor.Dense) error { return t.E.ScatterAdd(dx, ids, dy, p) })
	}, x)
}

// ScatterAdd returns x with src at (.., i, ..) added at (.., ids at (.., i, ..), ..), as
// torch.scatter_add. ids lies in the engine's memory.
func (t *Tape) ScatterAdd(x *Var, axis int, ids *tensor.Dense, src *Var) *Var {
	if !t.ready("scatter add", x, src) {
		return failed()
	}
	p := ops.Index{Axis: axis}
	y := t.E.Borrow(x.Shape()...)
	if !t.try("scatter add", t.E.Scale(y, x.Value, 1)) || !t.try("scatter add", t.E.ScatterAdd(y, ids, src.Value, p)) {
		t.E.Release(y)
		return failed()
	}
	return t.result(y, func(dy *tensor.Dense) {
		t.pass(x)
		t.giveGathered(src, dy, ids, p)
	}, x, src)
}

// giveGathered adds to src's gradient the elements of dy that ids name. ids may
// be smaller than src, whose other elements take nothing.
func (t *Tape) giveGathered(src *Var, dy, ids *tensor.Dense, p ops.Index) {
	if !t.wants(src) {
		return
	}
	picked := t.E.Borrow(ids.Shape()...)
	if !t.try("scatter add", t.E.Gather(picked, dy, ids, p)) {
		t.E.Release(picked)
		return
	}
	if slices.Equal(ids.Shape(), src.Shape()) {
		t.give(src, picked)
		return
	}
	box := ops.Copy{Shape: ids.Shape(), Accumulate: true}
	box.To.Strides = ops.AppendStrides(nil, src.Shape())
	box.From.Strides = ops.AppendStrides(nil, ids.Shape())
	t.giveInto("scatter add", src, func(dx *tensor.Dense) error { return t.E.Copy(dx, picked, box) })
	t.E.Release(picked)
}
