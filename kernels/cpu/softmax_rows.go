package cpu

import (
	"math"

	"github.com/tailorbird/tailorbird/kernels/ops"
)

// rowSoftmax sets y to the softmax of x, or its logarithm. The largest value is
// taken off first, so that nothing overflows; a row of -Inf gives NaN as in torch.
func rowSoftmax(y, x []float32, log bool) {
	if !useAVX2 {
		portableRowSoftmax(y, x, log)
		return
	}
	if !log {
		fastSoftmax(y, x)
		return
	}
	top := [1]float32{vecMax(x)}
	sum := [1]float32{float32(math.Log(rowSumExp(x, top[0])))}
	vecBinary(ops.BinarySub, y, x, top[:])
	vecBinary(ops.BinarySub, y, y, sum[:])
}

func portableRowSoftmax(y, x []float32, log bool) {
	top := portableMax(x)
	if log {
		sum := 0.0
		for _, v := range x {
			sum += math.Exp(float64(v - top))
		}
		l := math.Log(sum)
		for i, v := range x {
			y[i] = float32(float64(v-top) - l)
		}
		return
	}
	sum := 0.0
	for i, v := range x {
		e := float32(math.Exp(float64(v - top)))
		y[i] = e
		sum += float64(e)
	}
	scale := float32(1 / sum)
	for i := range y {
		y[i] *= scale
	}
}

// rowSoftmaxGrad sets dx = y (dy - sum dy y), or for the logarithm
// dx = dy - exp(y) sum dy.
func rowSoftmaxGrad(dx, dy, y []float32, log bool, s *scratch) {
	if !useAVX2 {
		portableRowSoftmaxGrad(dx, dy, y, log)
		return
	}
	if !log {
		fastSoftmaxGrad(dx, dy, y)
		return
	}
	sum := [1]float32{vecSum(dy)}
	e := s.floats(len(y))
	vecUnary(ops.UnaryExp, ops.UnaryParams{}, e, y)
	vecBinary(ops.BinaryMul, e, e, sum[:])
	vecBinary(ops.BinarySub, dx, dy, e)
}

func portableRowSoftmaxGrad(dx, dy, y []float32, log bool) {
	sum := 0.0
	if log {
		for _, d := range dy {
			sum += float64(d)
		}
		for i, v := range y {
			dx[i] = float32(float64(dy[i]) - math.Exp(float64(v))*sum)
		}
		return
	}
	for i, v := range y {
		sum += float64(dy[i]) * float64(v)
	}
	for i, v := range y {
		dx[i] = v * (dy[i] - float32(sum))
	}
}

// rowLogSumExp returns log sum exp(x).
func rowLogSumExp(x []float32) float32 {
	top := vecMax(x)
	if math.IsInf(float64(top), 0) {
		return top
	}
	return top + float32(math.Log(rowSumExp(x, top)))
}

// rowSumExp returns sum exp(x - top).
func rowSumExp(x []float32, top float32) float64 {
	if sum, ok := fastSumExp(x, top); ok {
		return sum
	}
	return portableRowSumExp(x, top)
}

func portableRowSumExp(x []float32, top float32) float64 {
	sum := 0.0
	for _, v := range x {
		sum += math.Exp(float64(v - top))
	}
	return sum
}

// softmaxSlab is memory for the positions that are done side by side.
type softmaxSlab struct{ sum, top, tmp []float32 }

// slab does m positions from lo of an outer index.
func (t *softmaxTask) slab(outer, lo, m int, b *softmaxSlab) {
	base := outer*t.n*t.inner + lo
	row := func(v []float32, j int) []float32 { return v[base+j*t.inner:][:m] }
	sum, top, tmp := b.sum[:m], b.top[:m], b.tmp[:m]
	vecFill(sum, 0)
	if t.kind == softmaxBackward {
		t.slabGrad(row, sum, tmp)
		return
	}
	copy(top, row(t.x, 0))
	for j := 1; j < t.n; j++ {
		vecBinary(ops.BinaryMax, top, top, row(t.x, j))
	}
	for j := range t.n {
		e := tmp
		if t.kind == softmaxForward && !t.log {
			e = row(t.y, j)
		}
		vecBinary(ops.BinarySub, e, row(t.x, j), top)
		vecUnary(ops.UnaryExp, ops.UnaryParams{}, e, e)
		vecBinary(ops.BinaryAdd, sum, sum, e)
	}
	if t.kind == softmaxForward && !t.log {
		vecUnary(ops.UnaryReciprocal, ops.UnaryParams{}, sum, sum)
		for j := range t.n {
			vecBinary(ops.BinaryMul, row(t.y, j), row(t.y, j), sum)
		}
		return
	}
	vecUnary(ops.UnaryLog, ops.UnaryParams{}, sum, sum)
	if t.kind == softmaxForward {
		for j := range t.n {
			vecBinary(ops.BinarySub, row(t.y, j), row(t.x, j), top)
			vecBinary(ops.BinarySub, row(t.y, j), row(t.y, j), sum)
		}
		return
	}
	d := t.y[outer*t.inner+lo:][:m]
	for i, v := range top {
		d[i] = v
		if !math.IsInf(float64(v), 0) {
			d[i] += sum[i]
		}
	}
}

func (t *softmaxTask) slabGrad(row func([]float32, int) []float32, sum, tmp []float32) {
	for j := range t.n {
		if t.log {
			vecBinary(ops.BinaryAdd, sum, sum, row(t.dy, j))
			continue
		}
		vecBinary(ops.BinaryMul, tmp, row(t.dy, j), row(t.x, j))
		vecBinary(ops.BinaryAdd, sum, sum, tmp)
	}
	for j := range t.n {
		dx := row(t.y, j)
		if t.log {
			vecUnary(ops.UnaryExp, ops.UnaryParams{}, tmp, row(t.x, j))
			vecBinary(ops.BinaryMul, tmp, tmp, sum)
			vecBinary(ops.BinarySub, dx, row(t.dy, j), tmp)
			continue
		}
		vecBinary(ops.BinarySub, tmp, row(t.dy, j), sum)
		vecBinary(ops.BinaryMul, dx, tmp, row(t.x, j))
	}
}
