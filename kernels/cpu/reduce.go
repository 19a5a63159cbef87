package cpu

import (
	"slices"

	"gorgonia.org/tensor"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/ops"
)

// reduceState holds the tasks of this family, and memory for partial results
// that keeps the size of the largest.
type reduceState struct {
	rowReduceTask    rowReduceTask
	columnReduceTask columnReduceTask
	scanTask         scanTask
	reduceBuf        [3][]float32
}

// Rows are summed in chunks and columns in blocks of rows, the results of which
// are combined in order. The sizes bound the rounding error too.
const (
	rowChunk    = 1 << 14
	columnBlock = 128
	columnWidth = 1 << 11
)

func (e *Engine) reduceMemory(i, n int) []float32 {
	if len(e.reduceBuf[i]) < n {
		e.reduceBuf[i] = alignedFloats(n + n/4)
	}
	return e.reduceBuf[i][:n]
}

// axisGroup is a run of neighbouring axes that are all reduced or all kept.
type axisGroup struct {
	size    int
	reduced bool
}

// Reduce implements ops.Reducer.
func (e *Engine) Reduce(dst, x *tensor.Dense, r ops.Reduction, axes ...int) error {
	if err := r.Valid(); err != nil {
		return err
	}
	if err := wantFloats("reduce", dst, x); err != nil {
		return err
	}
	mask, err := axisMask("reduce", x.Shape(), dst.Shape(), axes)
	if err != nil {
		return err
	}
	e.reduce(dst.Float32s(), x.Float32s(), x.Shape(), mask, r)
	return nil
}

// SumTo implements ops.Reducer.
func (e *Engine) SumTo(dst, x *tensor.Dense) error {
	if err := wantFloats("sum", dst, x); err != nil {
		return err
	}
	from, to := x.Shape(), dst.Shape()
	if !repeats(to, from) {
		return fault.New(fault.Usage, "sum: shape %v does not broadcast to %v", to, from)
	}
	if len(from) > 64 {
		return fault.New(fault.Usage, "sum: shape %v has more than 64 axes", from)
	}
	mask, lead := uint64(0), len(from)-len(to)
	for i := range from {
		if i < lead || to[i-lead] == 1 && from[i] != 1 {
			mask |= 1 << i
		}
	}
	e.reduce(dst.Float32s(), x.Float32s(), from, mask, ops.ReduceSum)
	return nil
}

// axisMask returns the reduced axes as bits after checking the shape of the result.
func axisMask(op string, shape, dst []int, axes []int) (uint64, error) {
	if len(shape) > 64 {
		return 0, fault.New(fault.Usage, "%s: shape %v has more than 64 axes", op, shape)
	}
	mask := uint64(0)
	for _, axis := range axes {
		a, err := ops.Axis(op, axis, len(shape))
		if err != nil {
			return 0, err
		}
		if mask>>a&1 == 1 {
			return 0, fault.New(fault.Usage, "%s: axis %d of shape %v is named twice", op, axis, shape)
		}
		mask |= 1 << a
	}
	if len(axes) == 0 {
		mask = 1<<len(shape) - 1
	}
	kept, at := len(dst) == len(shape), 0
	for i, d := range shape {
		switch {
		case mask>>i&1 == 0:
			if at >= len(dst) || dst[at] != d {
				return 0, badReduction(op, shape, dst, axes)
			}
			at++
		case kept && len(shape) > 0:
			if dst[at] != 1 {
				return 0, badReduction(op, shape, dst, axes)
			}
			at++
		}
	}
	if at != len(dst) {
		return 0, badReduction(op, shape, dst, axes)
	}
	return mask, nil
}

// badReduction copies axes, so that a caller's list need not be on the heap.
func badReduction(op string, shape, dst, axes []int) error {
	return fault.New(fault.Usage, "%s: shape %v over axes %v into %v", op, shape, slices.Clone(axes), dst)
}

// reduce reduces the last group of reduced axes, then the one before it, until
// none is left. Only the last step writes to d.
func (e *Engine) reduce(d, x []float32, shape []int, mask uint64, r ops.Reduction) {
	var groups [64]axisGroup
	left, steps := groups[:0], 0
	for i, size := range shape {
		reduced := mask>>i&1 == 1
		if n := len(left); n > 0 && (left[n-1].reduced == reduced || size == 1) {
			left[n-1].size *= size
			continue
		}
		left = append(left, axisGroup{size, reduced})
		if reduced {
			steps++
		}
	}
	if steps == 0 {
		copy(d, x)
		return
	}
	kind := r
	if kind == ops.ReduceMean {
		kind = ops.ReduceSum
	}
	whole := len(x)
	for ; steps > 0; steps-- {
		last, outer, inner := lastReduced(left)
		y := d
		if steps > 1 {
			y = e.reduceMemory(steps%2, outer*inner)
		}
		e.reduceAxis(y, x, outer, left[last].size, inner, kind)
		x, left = y, slices.Delete(left, last, last+1)
	}
	if r == ops.ReduceMean {
		vecScale(d, d, float32(len(d))/float32(whole))
	}
}

// lastReduced returns the last reduced group and the sizes of what is around it.
func lastReduced(groups []axisGroup) (last, outer, inner int) {
	outer, inner = 1, 1
	for i := len(groups) - 1; ; i-- {
		if groups[i].reduced {
			last = i
			break
		}
		inner *= groups[i].size
	}
	for _, g := range groups[:last] {
		outer *= g.size
	}
	return last, outer, inner
}

// reduceAxis reduces x (outer, n, inner) over n.
func (e *Engine) reduceAxis(d, x []float32, outer, n, inner int, r ops.Reduction) {
	if inner == 1 {
		e.reduceRows(d, x, outer, n, r)
		return
	}
	blocks := 1
	if n >= 2*columnBlock {
		blocks = min(n/columnBlock, 64)
	}
	if blocks == 1 {
		e.reduceColumns(d, x, outer, n, inner, 1, r)
		return
	}
	sums := e.reduceMemory(2, outer*blocks*inner)
	e.reduceColumns(sums, x, outer, n, inner, blocks, r)
	e.reduceColumns(d, sums, outer, blocks, inner, 1, r)
}

func (e *Engine) reduceRows(d, x []float32, outer, n int, r ops.Reduction) {
	chunks := (n + rowChunk - 1) / rowChunk
	t := &e.rowReduceTask
	*t = rowReduceTask{d: d, x: x, outer: outer, n: n, chunks: chunks, r: r}
	if chunks > 1 {
		t.d = e.reduceMemory(2, outer*chunks)
	}
	t.parts = partsOf(outer*chunks, min(n, rowChunk))
	e.run(t.parts, t)
	if chunks > 1 {
		for i := range outer {
			d[i] = combine(t.d[i*chunks:(i+1)*chunks], r)
		}
	}
}

// reduceColumns reduces each of so many blocks of the n rows to one row.
func (e *Engine) reduceColumns(d, x []float32, outer, n, inner, blocks int, r ops.Reduction) {
	t := &e.columnReduceTask
	*t = columnReduceTask{d: d, x: x, n: n, inner: inner, blocks: blocks, r: r}
	t.slabs = (inner + columnWidth - 1) / columnWidth
	t.units = outer * blocks * t.slabs
	t.parts = partsOf(t.units, n/blocks*min(inner, columnWidth))
	e.run(t.parts, t)
}

// combine reduces a few partial results in order.
func combine(v []float32, r ops.Reduction) float32 {
	if r != ops.ReduceSum {
		return vecReduce(v, r)
	}
	sum := 0.0
	for _, x := range v {
		sum += float64(x)
	}
	return float32(sum)
}

// rowReduceTask reduces chunks of rows.
type rowReduceTask struct {
	d, x             []float32
	outer, n, chunks int
	r                ops.Reduction
	parts            int
}

func (t *rowReduceTask) part(i int, _ *scratch) {
	from, to := split(t.outer*t.chunks, t.parts, i)
	for u := from; u < to; u++ {
		row, lo := u/t.chunks, u%t.chunks*rowChunk
		t.d[u] = vecReduce(t.x[row*t.n+lo:row*t.n+min(lo+rowChunk, t.n)], t.r)
	}
}

// columnReduceTask reduces columns: slabs of up to columnWidth of them, blocks
// of rows.
type columnReduceTask struct {
	d, x                    []float32
	n, inner, blocks, slabs int
	r                       ops.Reduction
	units, parts            int
}

func (t *columnReduceTask) part(i int, _ *scratch) {
	from, to := split(t.units, t.parts, i)
	for u := from; u < to; u++ {
		lo := u % t.slabs * columnWidth
		hi := min(lo+columnWidth, t.inner)
		block := u / t.slabs % t.blocks
		outer := u / t.slabs / t.blocks
		d := t.d[(outer*t.blocks+block)*t.inner:][lo:hi]
		first, end := split(t.n, t.blocks, block)
		for j := first; j < end; j++ {
			x := t.x[(outer*t.n+j)*t.inner:][lo:hi]
			switch {
			case j == first:
				copy(d, x)
			case t.r == ops.ReduceSum:
				vecBinary(ops.BinaryAdd, d, d, x)
			case t.r == ops.ReduceMax:
				vecBinary(ops.BinaryMax, d, d, x)
			default:
				vecBinary(ops.BinaryMin, d, d, x)
			}
		}
	}
}

// vecReduce returns the sum or an extreme of x, which is not empty.
func vecReduce(x []float32, r ops.Reduction) float32 {
	if r == ops.ReduceSum {
		return vecSum(x)
	}
	v := x[0]
	if r == ops.ReduceMin {
		for _, w := range x[1:] {
			v = min(v, w)
		}
		return v
	}
	return vecMax(x)
}
