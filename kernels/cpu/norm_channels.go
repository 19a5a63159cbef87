package cpu

import (
	"math"

	"github.com/tailorbird/tailorbird/kernels/ops"
)

// channelNormTask is layer norm over the middle axis of (rows, k, inner): slabs
// of positions are done together, channel by channel.
type channelNormTask struct {
	y, x, dy, dx, w, b, mean, rstd []float32
	partial                        []float32 // of dw and db: 2k a part
	units, slabs, k, inner         int
	p                              ops.LayerNorm
	back                           bool
	parts                          int
}

const slabSize = 1 << 8 // positions

// runChannelNorm runs the task and returns the number of its parts.
func (e *Engine) runChannelNorm(rows int) int {
	t := &e.channelNormTask
	t.slabs = (t.inner + slabSize - 1) / slabSize
	t.units = rows * t.slabs
	t.parts = partsOf(t.units, 8*t.k*min(t.inner, slabSize))
	if t.back {
		t.partial = e.normMemory(t.parts * 2 * t.k)
	}
	e.run(t.parts, t)
	return t.parts
}

func (t *channelNormTask) part(i int, s *scratch) {
	from, to := split(t.units, t.parts, i)
	if t.back {
		vecFill(t.partial[i*2*t.k:(i+1)*2*t.k], 0)
	}
	for u := from; u < to; u++ {
		s.reset()
		w, b := orFilled(t.w, t.k, 1, s), orFilled(t.b, t.k, 0, s)
		lo := u % t.slabs * slabSize
		n := min(slabSize, t.inner-lo)
		base := u/t.slabs*t.k*t.inner + lo
		stats := u/t.slabs*t.inner + lo
		mean := s.floats(n)
		if t.mean != nil {
			mean = t.mean[stats : stats+n]
		} else {
			vecFill(mean, 0)
		}
		if t.back {
			t.backward(i, base, n, mean, t.rstd[stats:stats+n], w, s)
		} else {
			t.forward(base, n, mean, t.rstd[stats:stats+n], w, b, s.floats(n))
		}
	}
}

// channelRow returns the n values of channel c.
func channelRow(v []float32, base, c, inner, n int) []float32 { return v[base+c*inner:][:n] }

func (t *channelNormTask) forward(base, n int, mean, rstd, w, b, tmp []float32) {
	inverse := 1 / float32(t.k)
	if !t.p.RMS {
		vecFill(mean, 0)
		for c := range t.k {
			vecBinary(ops.BinaryAdd, mean, mean, channelRow(t.x, base, c, t.inner, n))
		}
		vecScale(mean, mean, inverse)
	}
	vecFill(rstd, 0)
	for c := range t.k {
		vecBinary(ops.BinarySub, tmp, channelRow(t.x, base, c, t.inner, n), mean)
		vecBinary(ops.BinaryMul, tmp, tmp, tmp)
		vecBinary(ops.BinaryAdd, rstd, rstd, tmp)
	}
	for i, v := range rstd {
		rstd[i] = float32(1 / math.Sqrt(float64(v*inverse)+float64(t.p.Eps)))
	}
	for c := range t.k {
		y := channelRow(t.y, base, c, t.inner, n)
		vecBinary(ops.BinarySub, y, channelRow(t.x, base, c, t.inner, n), mean)
		vecBinary(ops.BinaryMul, y, y, rstd)
		vecUnary(ops.UnaryAffine, ops.UnaryParams{A: w[c], B: b[c]}, y, y)
	}
}

// backward is rowNormGrad for n positions at a time: s0 and s1 are the sums over
// the channels, h the normalised values of one.
func (t *channelNormTask) backward(part, base, n int, mean, rstd, w []float32, s *scratch) {
	h, g, s0, s1 := s.floats(n), s.floats(n), s.floats(n), s.floats(n)
	vecFill(s0, 0)
	vecFill(s1, 0)
	dw, db := t.partial[part*2*t.k:][:t.k], t.partial[part*2*t.k+t.k:][:t.k]
	for c := range t.k {
		dy := channelRow(t.dy, base, c, t.inner, n)
		vecBinary(ops.BinarySub, h, channelRow(t.x, base, c, t.inner, n), mean)
		vecBinary(ops.BinaryMul, h, h, rstd)
		vecBinary(ops.BinaryMul, g, dy, h)
		dw[c] += vecSum(g)
		db[c] += vecSum(dy)
		vecAxpy(s1, g, w[c])
		vecAxpy(s0, dy, w[c])
	}
	if t.dx == nil {
		return
	}
	inverse := 1 / float32(t.k)
	vecScale(s1, s1, inverse)
	vecScale(s0, s0, inverse)
	if t.p.RMS {
		vecFill(s0, 0)
	}
	for c := range t.k {
		dx := channelRow(t.dx, base, c, t.inner, n)
		vecBinary(ops.BinarySub, h, channelRow(t.x, base, c, t.inner, n), mean)
		vecBinary(ops.BinaryMul, h, h, rstd)
		vecBinary(ops.BinaryMul, h, h, s1)
		vecBinary(ops.BinaryAdd, h, h, s0)
		vecScale(g, channelRow(t.dy, base, c, t.inner, n), w[c])
		vecBinary(ops.BinarySub, g, g, h)
		vecBinary(ops.BinaryMul, dx, g, rstd)
	}
}
