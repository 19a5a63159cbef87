package cpu

import (
	"math"
	"unsafe"

	"github.com/tailorbird/tailorbird/kernels/ops"
)

// Batch norm of (N, C) and of images of a few pixels: the rows of a channel are too
// short for vectors, so neighbouring channels are done side by side. A column is
// one element of the rows; each channel has inner of them.

// columnNorm is a slab of channels: what belongs to a channel is repeated for
// each of its columns.
type columnNorm struct {
	lo, n           int // first column and how many
	mean, a, b, tmp []float32
	sum             []float64 // by column, two of them
}

// columns does channels from..to in slabs.
func (t *batchNormTask) columns(from, to int, s *scratch) {
	step := max(1, slabSize/t.inner)
	for c := from; c < to; c += step {
		s.reset()
		k := columnNorm{lo: c * t.inner, n: min(step, to-c) * t.inner}
		k.mean, k.a, k.b, k.tmp = s.floats(k.n), s.floats(k.n), s.floats(k.n), s.floats(k.n)
		k.sum = float64s(s, 2*k.n)
		if t.back {
			t.columnsBackward(c, &k, s)
		} else {
			t.columnsForward(c, &k)
		}
	}
}

// float64s is scratch.floats of float64.
func float64s(s *scratch, n int) []float64 {
	return unsafe.Slice((*float64)(unsafe.Pointer(&s.floats(2 * n)[0])), n)
}

// line returns the slab's part of row r.
func (t *batchNormTask) line(v []float32, r int, k *columnNorm) []float32 {
	return v[r*t.c*t.inner+k.lo:][:k.n]
}

// sumLines adds what f leaves in acc for each row up by column: in float32 over a
// block of rows, in float64 over blocks.
func (t *batchNormTask) sumLines(sum []float64, acc []float32, f func(r int)) {
	clear(sum)
	vecFill(acc, 0)
	for r := range t.n {
		f(r)
		if (r+1)%columnBlock == 0 || r+1 == t.n {
			for i, v := range acc {
				sum[i] += float64(v)
			}
			vecFill(acc, 0)
		}
	}
}

// channelSum adds up the columns of channel j of the slab.
func (t *batchNormTask) channelSum(sum []float64, j int) float64 {
	s := 0.0
	for _, v := range sum[j*t.inner : (j+1)*t.inner] {
		s += v
	}
	return s
}

// spread sets the columns of channel j.
func (t *batchNormTask) spread(v []float32, j int, value float32) {
	vecFill(v[j*t.inner:(j+1)*t.inner], value)
}

func (t *batchNormTask) columnsForward(c int, k *columnNorm) {
	count := float64(t.n * t.inner)
	channels := k.n / t.inner
	if !t.p.Given {
		t.sumLines(k.sum[:k.n], k.a, func(r int) { vecBinary(ops.BinaryAdd, k.a, k.a, t.line(t.x, r, k)) })
		for j := range channels {
			t.mean[c+j] = float32(t.channelSum(k.sum, j) / count)
			t.spread(k.mean, j, t.mean[c+j])
		}
		t.sumLines(k.sum[k.n:], k.a, func(r int) {
			vecBinary(ops.BinarySub, k.tmp, t.line(t.x, r, k), k.mean)
			vecBinary(ops.BinaryMul, k.tmp, k.tmp, k.tmp)
			vecBinary(ops.BinaryAdd, k.a, k.a, k.tmp)
		})
		for j := range channels { // about the rounded mean: take its error off
			off := t.channelSum(k.sum, j)/count - float64(t.mean[c+j])
			t.variance[c+j] = float32(max(0, t.channelSum(k.sum[k.n:], j)/count-off*off))
		}
	}
	for j := range channels {
		scale, shift := t.affine(c + j)
		t.spread(k.mean, j, t.mean[c+j])
		t.spread(k.a, j, scale)
		t.spread(k.b, j, shift)
	}
	last := ops.BinaryAdd
	if t.p.ReLU {
		last = ops.BinaryAddReLU
	}
	for r := range t.n {
		y := t.line(t.y, r, k)
		vecBinary(ops.BinarySub, y, t.line(t.x, r, k), k.mean)
		vecBinary(ops.BinaryMul, y, y, k.a)
		vecBinary(last, y, y, k.b)
	}
}

func (t *batchNormTask) columnsBackward(c int, k *columnNorm, s *scratch) {
	channels := k.n / t.inner
	g, k0 := s.floats(k.n), s.floats(k.n)
	for j := range channels {
		t.spread(k.mean, j, t.mean[c+j])
	}
	dy := func(r int) []float32 {
		if t.y == nil {
			return t.line(t.dy, r, k)
		}
		vecUnaryGrad(ops.UnaryReLU, ops.UnaryParams{}, g, t.line(t.dy, r, k), t.line(t.y, r, k))
		return g
	}
	t.sumLines(k.sum[:k.n], k.a, func(r int) { vecBinary(ops.BinaryAdd, k.a, k.a, dy(r)) })
	t.sumLines(k.sum[k.n:], k.a, func(r int) {
		vecBinary(ops.BinarySub, k.tmp, t.line(t.x, r, k), k.mean)
		vecBinary(ops.BinaryMul, k.tmp, k.tmp, dy(r))
		vecBinary(ops.BinaryAdd, k.a, k.a, k.tmp)
	})
	for j := range channels {
		scale, slope, shift := t.gradient(c+j, t.channelSum(k.sum, j), t.channelSum(k.sum[k.n:], j))
		t.spread(k.a, j, scale)
		t.spread(k.b, j, slope)
		t.spread(k0, j, shift)
	}
	if t.dx == nil {
		return
	}
	for r := range t.n {
		dx := t.line(t.dx, r, k)
		vecBinary(ops.BinarySub, k.tmp, t.line(t.x, r, k), k.mean)
		vecBinary(ops.BinaryMul, k.tmp, k.tmp, k.b)
		vecBinary(ops.BinaryAdd, k.tmp, k.tmp, k0)
		vecBinary(ops.BinaryMul, dx, dy(r), k.a)
		vecBinary(ops.BinaryAdd, dx, dx, k.tmp)
	}
}

// affine returns the scale and the shift of channel c in y = (x - mean) scale + shift.
func (t *batchNormTask) affine(c int) (scale, shift float32) {
	rstd := 1 / math.Sqrt(float64(t.variance[c])+float64(t.p.Eps))
	if t.w != nil {
		rstd *= float64(t.w[c])
	}
	if t.b != nil {
		shift = t.b[c]
	}
	return float32(rstd), shift
}

// gradient sets dw and db of channel c, given s0 = sum dy and s1 = sum dy (x - mean)
// over its n elements, and returns the factors of dx = k dy + k1 (x - mean) + k0.
// From y = (x - mean) r w + b follow db = s0, dw = r s1 and
// dx = r w (dy - s0/n - (x - mean) r^2 s1/n), the last two terms through mean and variance.
func (t *batchNormTask) gradient(c int, s0, s1 float64) (k, k1, k0 float32) {
	rstd := 1 / math.Sqrt(float64(t.variance[c])+float64(t.p.Eps))
	if t.dw != nil {
		t.dw[c] = float32(s1 * rstd)
	}
	if t.db != nil {
		t.db[c] = float32(s0)
	}
	scale := rstd
	if t.w != nil {
		scale *= float64(t.w[c])
	}
	if t.p.Given {
		return float32(scale), 0, 0
	}
	n := float64(t.n * t.inner)
	return float32(scale), float32(-scale * rstd * rstd * s1 / n), float32(-scale * s0 / n)
}
