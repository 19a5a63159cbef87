package cpu

import (
	"math"

	"gorgonia.org/tensor"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/ops"
)

// layerNormTask does rows of k elements.
type layerNormTask struct {
	y, x, dy, dx, w, b, mean, rstd []float32
	partial                        []float32 // of dw and db: 2k a part
	rows, k                        int
	p                              ops.LayerNorm
	back                           bool
	parts                          int
}

func (t *layerNormTask) part(i int, s *scratch) {
	from, to := split(t.rows, t.parts, i)
	w, k := orFilled(t.w, t.k, 1, s), t.k
	if t.back {
		t.backward(i, from, to, w, s)
		return
	}
	b := orFilled(t.b, k, 0, s)
	for r := from; r < to; r++ {
		mean, rstd := rowNorm(t.y[r*k:(r+1)*k], t.x[r*k:(r+1)*k], w, b, t.p)
		t.rstd[r] = rstd
		if t.mean != nil {
			t.mean[r] = mean
		}
	}
}

func (t *layerNormTask) backward(part, from, to int, w []float32, s *scratch) {
	k := t.k
	sums := t.partial[part*2*k : (part+1)*2*k]
	vecFill(sums, 0)
	for r := from; r < to; r++ {
		dx := t.dx
		if dx != nil {
			dx = dx[r*k : (r+1)*k]
		} else if r == from {
			dx = s.floats(k)
		}
		mean := float32(0)
		if t.mean != nil {
			mean = t.mean[r]
		}
		rowNormGrad(dx, sums[:k], sums[k:], t.dy[r*k:(r+1)*k], t.x[r*k:(r+1)*k], w, mean, t.rstd[r], t.p.RMS)
	}
}

// rowNorm normalises one row and returns its mean, 0 for RMS, and 1/sqrt(variance + eps).
func rowNorm(y, x, w, b []float32, p ops.LayerNorm) (mean, rstd float32) {
	if mean, rstd, ok := fastRowNorm(y, x, w, b, p); ok {
		return mean, rstd
	}
	return portableRowNorm(y, x, w, b, p)
}

func portableRowNorm(y, x, w, b []float32, p ops.LayerNorm) (mean, rstd float32) {
	n, m := float64(len(x)), 0.0
	if !p.RMS {
		m = portablePlaneSum(x, 1, len(x), 0) / n
	}
	sum := 0.0
	for _, v := range x {
		d := float64(v) - m
		sum += d * d
	}
	r := 1 / math.Sqrt(sum/n+float64(p.Eps))
	for i, v := range x {
		y[i] = float32((float64(v)-m)*r)*w[i] + b[i]
	}
	return float32(m), float32(r)
}

// rowNormGrad sets dx and adds to dw and db. With h = (x - mean) rstd and g = dy w
// dx = rstd (g - mean(g) - h mean(g h)); RMS has no mean(g).
func rowNormGrad(dx, dw, db, dy, x, w []float32, mean, rstd float32, rms bool) {
	if !fastRowNormGrad(dx, dw, db, dy, x, w, mean, rstd, rms) {
		portableRowNormGrad(dx, dw, db, dy, x, w, mean, rstd, rms)
	}
}

func portableRowNormGrad(dx, dw, db, dy, x, w []float32, mean, rstd float32, rms bool) {
	n := float64(len(x))
	s0, s1 := 0.0, 0.0
	for i, d := range dy {
		h := (x[i] - mean) * rstd
		g := float64(d) * float64(w[i])
		s0 += g
		s1 += g * float64(h)
		dw[i] += d * h
		db[i] += d
	}
	if rms {
		s0 = 0
	}
	a, b := float32(s0/n), float32(s1/n)
	for i, d := range dy {
		h := (x[i] - mean) * rstd
		dx[i] = rstd * (d*w[i] - a - h*b)
	}
}

// LayerNorm implements ops.Normaliser.
func (e *Engine) LayerNorm(y, mean, rstd, x, w, b *tensor.Dense, p ops.LayerNorm) error {
	const op = "layer norm"
	if err := wantFloats(op, y, x, rstd); err != nil {
		return err
	}
	rows, k, inner, err := checkLayerNorm(op, x, mean, rstd, p, w, b)
	if err != nil {
		return err
	}
	if err := ops.SameShape(op, x, y); err != nil {
		return err
	}
	if inner > 1 {
		e.channelNormTask = channelNormTask{y: y.Float32s(), x: x.Float32s(), w: optional(w), b: optional(b),
			mean: optional(mean), rstd: rstd.Float32s(), k: k, inner: inner, p: p}
		e.runChannelNorm(rows)
		return nil
	}
	e.layerNormTask = layerNormTask{y: y.Float32s(), x: x.Float32s(), w: optional(w), b: optional(b),
		mean: optional(mean), rstd: rstd.Float32s(), rows: rows, k: k, p: p}
	t := &e.layerNormTask
	t.parts = partsOf(rows, 4*k)
	e.run(t.parts, t)
	return nil
}

// LayerNormGrad implements ops.Normaliser.
func (e *Engine) LayerNormGrad(dx, dw, db, dy, x, w, mean, rstd *tensor.Dense, p ops.LayerNorm) error {
	const op = "layer norm gradient"
	if err := wantFloats(op, dy, x, rstd); err != nil {
		return err
	}
	rows, k, inner, err := checkLayerNorm(op, x, mean, rstd, p, w, dw, db)
	if err != nil {
		return err
	}
	for _, t := range [2]*tensor.Dense{dy, dx} {
		if t != nil {
			if err := ops.SameShape(op, x, t); err != nil {
				return err
			}
		}
	}
	var parts int
	if inner > 1 {
		e.channelNormTask = channelNormTask{dy: dy.Float32s(), x: x.Float32s(), dx: optional(dx), w: optional(w),
			mean: optional(mean), rstd: rstd.Float32s(), k: k, inner: inner, p: p, back: true}
		parts = e.runChannelNorm(rows)
	} else {
		e.layerNormTask = layerNormTask{dy: dy.Float32s(), x: x.Float32s(), dx: optional(dx), w: optional(w),
			mean: optional(mean), rstd: rstd.Float32s(), rows: rows, k: k, p: p, back: true}
		t := &e.layerNormTask
		t.parts = partsOf(rows, 8*k)
		parts = t.parts
		t.partial = e.normMemory(parts * 2 * k)
		e.run(parts, t)
	}
	e.sumPartials(optional(dw), optional(db), k, parts)
	return nil
}

// sumPartials adds up what the parts have left in normMemory, in order.
func (e *Engine) sumPartials(dw, db []float32, k, parts int) {
	for half, d := range [2][]float32{dw, db} {
		if d == nil {
			continue
		}
		copy(d, e.normBuf[half*k:])
		for i := 1; i < parts; i++ {
			vecBinary(ops.BinaryAdd, d, d, e.normBuf[(2*i+half)*k:][:k])
		}
	}
}

func checkLayerNorm(op string, x, mean, rstd *tensor.Dense, p ops.LayerNorm, vectors ...*tensor.Dense) (rows, k, inner int, err error) {
	s := x.Shape()
	if len(s) != 3 {
		return 0, 0, 0, fault.New(fault.Usage, "%s: x has shape %v, want (R, K, L)", op, s)
	}
	for _, v := range vectors {
		if v == nil {
			continue
		}
		if err := wantFloats(op, v); err != nil {
			return 0, 0, 0, err
		}
		if len(v.Float32s()) != s[1] {
			return 0, 0, 0, fault.New(fault.Usage, "%s: a vector has shape %v, x %v", op, v.Shape(), s)
		}
	}
	if p.RMS != (mean == nil) {
		return 0, 0, 0, fault.New(fault.Usage, "%s: a mean is given for RMS, or missing", op)
	}
	for _, v := range [2]*tensor.Dense{mean, rstd} {
		if v == nil {
			continue
		}
		if err := wantFloats(op, v); err != nil {
			return 0, 0, 0, err
		}
		if len(v.Float32s()) != s[0]*s[2] {
			return 0, 0, 0, fault.New(fault.Usage, "%s: statistics of shape %v, x %v", op, v.Shape(), s)
		}
	}
	return s[0], s[1], s[2], nil
}
