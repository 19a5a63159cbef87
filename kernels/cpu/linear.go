package cpu

import (
	"gorgonia.org/tensor"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/ops"
)

// linearState holds the tasks of this family.
type linearState struct {
	matmul matmulTask
	single gemmTask
	dot    dotTask
}

// matmulTask is many products of matrices of one size. A part is a few of them.
type matmulTask struct {
	gemmTask
	axes [maxBatchAxes]batchAxis // leading axes, the last one first
	kept int                     // axes[:kept] are axes of the result too
	rank int                     // axes[kept:rank] are summed over

	products, sums int // sizes of these axes
	parts          int
}

// batchAxis is a leading axis: how many matrices, and how far they are apart.
type batchAxis struct{ size, a, b, c int }

const maxBatchAxes = 8

// MatMul implements ops.Multiplier.
func (e *Engine) MatMul(dst, a, b *tensor.Dense, p ops.MatMul) error {
	if err := ops.WantType("matmul", tensor.Float32, dst, a, b); err != nil {
		return err
	}
	if err := p.Check(dst.Shape(), a.Shape(), b.Shape()); err != nil {
		return err
	}
	t := &e.matmul
	*t = matmulTask{}
	if p.Bias != nil {
		if err := ops.WantType("matmul", tensor.Float32, p.Bias); err != nil {
			return err
		}
		t.bias = p.Bias.Float32s()
	}
	if err := t.plan(dst.Shape(), a.Shape(), b.Shape(), p); err != nil {
		return err
	}
	t.c, t.a, t.b = dst.Float32s(), a.Float32s(), b.Float32s()
	if work := 2 * t.m * t.n * t.k; t.products < 8 && work > gemmPartWork || t.products == 1 && t.sums == 1 {
		t.each(e)
	} else {
		t.parts = max(1, min(gemmPartLimit, t.products, t.products*t.sums*work/(gemmPartWork/8)))
		e.run(t.parts, t)
	}
	*t = matmulTask{}
	return nil
}

// plan sets sizes and strides.
func (t *matmulTask) plan(dst, a, b []int, p ops.MatMul) error {
	t.m, t.n, t.k, _ = p.Inner(a, b)
	t.alpha, t.beta = p.Alpha, 0
	if t.alpha == 0 {
		t.alpha = 1
	}
	if p.Accumulate {
		t.beta = 1
	}
	t.ars, t.acs = t.k, 1
	if p.TransposeA {
		t.ars, t.acs = 1, t.m
	}
	t.brs, t.bcs = t.n, 1
	if p.TransposeB {
		t.brs, t.bcs = 1, t.k
	}
	t.crs = t.n
	rank := max(len(a), len(b))
	if rank-2 > maxBatchAxes {
		return fault.New(fault.Unsupported, "matmul: shapes %v and %v have more than %d leading axes", a, b, maxBatchAxes)
	}
	t.batches(dst, a, b, rank)
	t.products, t.sums = 1, 1
	for i, x := range t.axes[:t.rank] {
		if i < t.kept {
			t.products *= x.size
		} else {
			t.sums *= x.size
		}
	}
	return nil
}

// batches collects the leading axes, those of the result first. An axis along
// which the rows of A go on, or the terms of the sums, is none.
func (t *matmulTask) batches(dst, a, b []int, rank int) {
	var summed [maxBatchAxes]batchAxis
	sums := 0
	sa, sb, sc := t.m*t.k, t.k*t.n, t.m*t.n
	for axis := 3; axis <= rank; axis++ {
		da, db, dc := axisFromEnd(a, axis), axisFromEnd(b, axis), axisFromEnd(dst, axis)
		x := batchAxis{size: max(da, db)}
		if da > 1 {
			x.a = sa
		}
		if db > 1 {
			x.b = sb
		}
		if dc > 1 {
			x.c = sc
		}
		switch {
		case x.size == 1:
		case t.kept+sums == 0 && x.b == 0 && x.a == t.m*t.ars && x.c == t.m*t.crs:
			t.m *= x.size
		case t.kept+sums == 0 && x.c == 0 && x.a == t.k*t.acs && x.b == t.k*t.brs:
			t.k *= x.size
		case x.c == 0:
			summed[sums] = x
			sums++
		default:
			t.axes[t.kept] = x
			t.kept++
		}
		sa, sb, sc = sa*da, sb*db, sc*dc
	}
	t.rank = t.kept + copy(t.axes[t.kept:], summed[:sums])
}

func axisFromEnd(shape []int, axis int) int {
	if axis > len(shape) {
		return 1
	}
	return shape[len(shape)-axis]
}

// matrixAt returns where the i-th matrices of some axes begin.
func matrixAt(axes []batchAxis, i int) (a, b, c int) {
	for _, x := range axes {
		at := i % x.size
		i /= x.size
		a, b, c = a+at*x.a, b+at*x.b, c+at*x.c
	}
	return a, b, c
}

// each runs one product after the other, each on all workers.
func (t *matmulTask) each(e *Engine) {
	for i := range t.products {
		a, b, c := matrixAt(t.axes[:t.kept], i)
		for j := range t.sums {
			sa, sb, _ := matrixAt(t.axes[t.kept:t.rank], j)
			e.single = t.gemmTask
			s := &e.single
			s.a, s.b, s.c = t.a[a+sa:], t.b[b+sb:], t.c[c:]
			if j > 0 {
				s.bias, s.beta = nil, 1
			}
			if !e.dots(s) {
				e.gemm(s)
			}
		}
	}
}

func (t *matmulTask) part(i int, s *scratch) {
	from, to := split(t.products, t.parts, i)
	mark := s.mark()
	for p := from; p < to; p++ {
		a, b, c := matrixAt(t.axes[:t.kept], p)
		beta := t.beta
		if t.bias != nil {
			addBias(t.c[c:], t.m, t.n, t.crs, t.bias, beta)
			beta = 1
		}
		for j := range t.sums {
			sa, sb, _ := matrixAt(t.axes[t.kept:t.rank], j)
			mark.rewind(s)
			gemmPart(s, t.m, t.n, t.k, t.alpha, t.a[a+sa:], t.ars, t.acs, t.b[b+sb:], t.brs, t.bcs, beta, t.c[c:], t.crs)
			beta = 1
		}
	}
	mark.end(s)
}
