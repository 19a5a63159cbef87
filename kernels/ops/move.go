package ops

import (
	"slices"

	"gorgonia.org/tensor"

	"github.com/tailorbird/tailorbird/internal/fault"
)

// Mover moves elements. Copy covers whatever keeps its place in a regular pattern
// (slices, permutations, concatenation, broadcasting, flips, pixel shuffles, and
// the gradients of all of them), the others what goes by indices.
type Mover interface {
	// Copy copies a box of elements from src to dst, or adds it there.
	Copy(dst, src *tensor.Dense, p Copy) error
	// IndexSelect sets dst[.., i, ..] = x[.., ids[i], ..], i and ids[i] on p.Axis.
	// ids has any shape; dst has x's shape with the axis replaced by ids' shape.
	// An id that is p.Except gives its slice like any other.
	IndexSelect(dst, x, ids *tensor.Dense, p Index) error
	// IndexAdd is the gradient of IndexSelect: dst[.., ids[i], ..] += y[.., i, ..]
	// in rising order of i. Slices of the id p.Except are left out.
	IndexAdd(dst, ids, y *tensor.Dense, p Index) error
	// Gather sets dst at (.., i, ..) to x at (.., ids at (.., i, ..), ..). dst and ids are of
	// one shape, not greater than x's on the axes beside p.Axis.
	Gather(dst, x, ids *tensor.Dense, p Index) error
	// ScatterAdd is the gradient of Gather: it adds y at (.., i, ..) to dst at
	// (.., ids at (.., i, ..), ..), in rising order of i. ids is not greater than y on any
	// axis and not greater than dst beside p.Axis.
	ScatterAdd(dst, ids, y *tensor.Dense, p Index) error
}

// Index says on which axis indices count.
type Index struct {
	Axis   int    // negative: from the last
	Except *int64 // nil: none
}

// Copy describes a box of elements and where they lie in two tensors. dst and
// src are taken as flat: element (i0, i1, ..) of the box lies at
// Offset + i0*Strides[0] + i1*Strides[1] + .. of each.
type Copy struct {
	Shape      []int
	To, From   Layout
	Accumulate bool // add to dst
}

// Layout places a box in a flat tensor. Strides count elements and may be
// negative; those of src may be 0, to read one element again.
type Layout struct {
	Offset  int
	Strides []int
}

// MaxAxes is the greatest number of axes of a Copy.
const MaxAxes = 8

// CopyPlan is a Copy made simple: axes of one element are gone, those that lie
// together on both sides are one, and they are in order of falling stride in dst.
// At least one axis is left.
type CopyPlan struct {
	Rank                 int
	Shape, To, From      [MaxAxes]int
	ToOffset, FromOffset int
}

// Plan checks the copy against tensors of toSize and fromSize elements.
func (c *Copy) Plan(toSize, fromSize int) (CopyPlan, error) {
	var p CopyPlan
	n := len(c.Shape)
	if n > MaxAxes || len(c.To.Strides) != n || len(c.From.Strides) != n {
		return p, fault.New(fault.Usage, "copy: box %v has strides %v and %v, at most %d axes", c.Shape, c.To.Strides, c.From.Strides, MaxAxes)
	}
	for i, d := range c.Shape {
		switch {
		case d < 1:
			return p, fault.New(fault.Usage, "copy: box %v is empty", c.Shape)
		case d > 1:
			p.insert(d, c.To.Strides[i], c.From.Strides[i])
		}
	}
	p.ToOffset, p.FromOffset = c.To.Offset, c.From.Offset
	if !within(c.To, c.Shape, toSize) || !within(c.From, c.Shape, fromSize) {
		return p, fault.New(fault.Usage, "copy: box %v at %v, %v leaves tensors of %d and %d elements", c.Shape, c.To, c.From, toSize, fromSize)
	}
	if !p.apart() {
		return p, fault.New(fault.Usage, "copy: elements of box %v share places in the result (strides %v)", c.Shape, c.To.Strides)
	}
	p.merge()
	return p, nil
}

// insert places an axis by falling stride in dst.
func (p *CopyPlan) insert(d, to, from int) {
	at := p.Rank
	for at > 0 && magnitude(to) > magnitude(p.To[at-1]) {
		p.Shape[at], p.To[at], p.From[at] = p.Shape[at-1], p.To[at-1], p.From[at-1]
		at--
	}
	p.Shape[at], p.To[at], p.From[at] = d, to, from
	p.Rank++
}

// within says whether all elements lie inside a tensor of size elements.
func within(l Layout, shape []int, size int) bool {
	if l.Offset < 0 || l.Offset >= size {
		return false
	}
	low, high := l.Offset, l.Offset
	for i, d := range shape {
		s := l.Strides[i]
		if d == 1 || s == 0 {
			continue
		}
		if m := magnitude(s); m <= 0 || d-1 > (size-1)/m {
			return false
		}
		if s < 0 {
			low += (d - 1) * s
		} else {
			high += (d - 1) * s
		}
	}
	return low >= 0 && high < size
}

// apart says whether no two elements have one place in dst. Strides that overlap
// and still do not collide are refused too: nobody needs them.
func (p *CopyPlan) apart() bool {
	covered := 1
	for i := p.Rank - 1; i >= 0; i-- {
		s := magnitude(p.To[i])
		if s < covered {
			return false
		}
		covered += (p.Shape[i] - 1) * s
	}
	return true
}

// merge joins neighbouring axes that are one run on both sides.
func (p *CopyPlan) merge() {
	if p.Rank == 0 {
		p.Rank, p.Shape[0], p.To[0], p.From[0] = 1, 1, 1, 1
		return
	}
	out := 0
	for i := 1; i < p.Rank; i++ {
		d := p.Shape[i]
		if p.To[out] == p.To[i]*d && p.From[out] == p.From[i]*d {
			p.Shape[out] *= d
		} else {
			out++
			p.Shape[out] = d
		}
		p.To[out], p.From[out] = p.To[i], p.From[i]
	}
	p.Rank = out + 1
}

func magnitude(x int) int {
	if x < 0 {
		return -x
	}
	return x
}

// AppendStrides appends the strides of a row-major tensor to buf.
func AppendStrides(buf []int, shape []int) []int {
	from := len(buf)
	buf = append(buf, shape...)
	s := 1
	for i := len(shape) - 1; i >= 0; i-- {
		buf[from+i] = s
		s *= shape[i]
	}
	return buf
}

// IndexShape refuses shapes that IndexSelect cannot use: y is x with ids in the
// place of the axis.
func IndexShape(op string, y, x, ids []int, axis int) error {
	rest := len(ids) + axis // where y goes on as x does behind the axis
	if len(y) == len(x)-1+len(ids) && slices.Equal(y[:axis], x[:axis]) &&
		slices.Equal(y[axis:rest], ids) && slices.Equal(y[rest:], x[axis+1:]) {
		return nil
	}
	return fault.New(fault.Usage, "%s: %v at ids %v of axis %d is not %v", op, x, ids, axis, y)
}

// GatherShape refuses shapes that Gather and ScatterAdd cannot use.
func GatherShape(op string, x, ids, y []int, axis int) error {
	ok := len(x) == len(ids) && len(x) == len(y) && len(x) <= MaxAxes
	for i := 0; ok && i < len(x); i++ {
		ok = ids[i] <= y[i] && (i == axis || ids[i] <= x[i])
	}
	if !ok {
		return fault.New(fault.Usage, "%s: ids %v on axis %d do not fit %v and %v", op, ids, axis, x, y)
	}
	return nil
}

// Axis resolves a negative axis of a tensor of the given rank.
func Axis(op string, axis, rank int) (int, error) {
	if axis < -rank || axis >= rank {
		return 0, fault.New(fault.Usage, "%s: axis %d of %d axes", op, axis, rank)
	}
	if axis < 0 {
		axis += rank
	}
	return axis, nil
}

// Around returns the number of elements before and behind an axis of shape: a
// tensor is an (outer, shape[axis], inner) block.
func Around(shape []int, axis int) (outer, inner int) {
	return Size(shape[:axis]), Size(shape[axis+1:])
}
