package cpu

import (
	"gorgonia.org/tensor"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/ops"
)

// normState holds the tasks of this family, and memory for partial gradients.
type normState struct {
	batchNormTask   batchNormTask
	layerNormTask   layerNormTask
	channelNormTask channelNormTask
	groupNormTask   groupNormTask
	normBuf         []float32
}

func (e *Engine) normMemory(n int) []float32 {
	if len(e.normBuf) < n {
		e.normBuf = alignedFloats(n + n/4)
	}
	return e.normBuf[:n]
}

// optional returns the values of a tensor that may be nil.
func optional(t *tensor.Dense) []float32 {
	if t == nil {
		return nil
	}
	return t.Float32s()
}

// wantSome is wantFloats for tensors that may be nil.
func wantSome(op string, ts ...*tensor.Dense) error {
	for _, t := range ts {
		if t != nil {
			if err := wantFloats(op, t); err != nil {
				return err
			}
		}
	}
	return nil
}

// orFilled returns v, or n values alike where v is nil.
func orFilled(v []float32, n int, value float32, s *scratch) []float32 {
	if v == nil {
		v = s.floats(n)
		vecFill(v, value)
	}
	return v
}

// batchNormTask does channels one after the other: statistics, then the
// result while the channel is still in the cache.
type batchNormTask struct {
	y, x, dy, dx, w, b, mean, variance, dw, db []float32
	n, c, inner                                int
	p                                          ops.BatchNorm
	back                                       bool
	parts                                      int
}

func (t *batchNormTask) part(i int, s *scratch) {
	from, to := split(t.c, t.parts, i)
	if t.inner < leastRow {
		t.columns(from, to, s)
		return
	}
	for c := from; c < to; c++ {
		if t.back {
			t.backward(c)
		} else {
			t.forward(c)
		}
	}
}

// plane is a channel: n rows of inner elements, step apart.
func (t *batchNormTask) plane(v []float32, c int) plane {
	if v == nil {
		return plane{}
	}
	return plane{v[c*t.inner:], t.n, t.inner, t.c * t.inner}
}

func (t *batchNormTask) forward(c int) {
	x := t.plane(t.x, c)
	if !t.p.Given {
		mean, variance := x.moments()
		t.mean[c], t.variance[c] = float32(mean), float32(variance)
	}
	scale, shift := t.affine(c)
	t.plane(t.y, c).normalise(x, t.mean[c], scale, shift, t.p.ReLU)
}

func (t *batchNormTask) backward(c int) {
	x, y, dy := t.plane(t.x, c), t.plane(t.y, c), t.plane(t.dy, c)
	s0, s1 := 0.0, 0.0
	if !t.p.Given || t.dw != nil || t.db != nil {
		s0, s1 = x.gradientSums(dy, y, t.mean[c])
	}
	k, k1, k0 := t.gradient(c, s0, s1)
	if t.dx != nil {
		t.plane(t.dx, c).normaliseGrad(dy, x, y, t.mean[c], k, k1, k0)
	}
}

func (e *Engine) runBatchNorm(cost int) {
	t := &e.batchNormTask
	t.parts = partsOf(t.c, cost*t.n*t.inner)
	if t.inner < leastRow { // columns side by side
		t.parts = min(t.parts, (t.c*t.inner+slabSize-1)/slabSize)
	}
	e.run(t.parts, t)
	*t = batchNormTask{}
}

// BatchNorm implements ops.Normaliser.
func (e *Engine) BatchNorm(y, mean, variance, x, w, b *tensor.Dense, p ops.BatchNorm) error {
	const op = "batch norm"
	if err := wantFloats(op, y, mean, variance, x); err != nil {
		return err
	}
	if err := wantSome(op, w, b); err != nil {
		return err
	}
	n, c, inner, err := ops.Channels(op, x, w, b, mean, variance)
	if err != nil {
		return err
	}
	if err := ops.SameShape(op, x, y); err != nil {
		return err
	}
	e.batchNormTask = batchNormTask{y: y.Float32s(), x: x.Float32s(), w: optional(w), b: optional(b),
		mean: mean.Float32s(), variance: variance.Float32s(), n: n, c: c, inner: inner, p: p}
	e.runBatchNorm(3)
	return nil
}

// BatchNormGrad implements ops.Normaliser.
func (e *Engine) BatchNormGrad(dx, dw, db, dy, x, y, w, mean, variance *tensor.Dense, p ops.BatchNorm) error {
	const op = "batch norm gradient"
	if err := wantFloats(op, dy, x, mean, variance); err != nil {
		return err
	}
	if err := wantSome(op, dx, dw, db, w, y); err != nil {
		return err
	}
	n, c, inner, err := ops.Channels(op, x, w, dw, db, mean, variance)
	if err != nil {
		return err
	}
	for _, t := range [3]*tensor.Dense{dy, dx, y} {
		if t != nil {
			if err := ops.SameShape(op, x, t); err != nil {
				return err
			}
		}
	}
	if p.ReLU && y == nil {
		return fault.New(fault.Usage, "%s: the result is needed with ReLU", op)
	}
	e.batchNormTask = batchNormTask{x: x.Float32s(), dy: dy.Float32s(), dx: optional(dx), w: optional(w),
		dw: optional(dw), db: optional(db), mean: mean.Float32s(), variance: variance.Float32s(),
		n: n, c: c, inner: inner, p: p, back: true}
	if p.ReLU {
		e.batchNormTask.y = y.Float32s()
	}
	e.runBatchNorm(5)
	return nil
}
