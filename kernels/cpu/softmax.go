package cpu

import (
	"gorgonia.org/tensor"

	"github.com/tailorbird/tailorbird/kernels/ops"
)

// softmaxState holds the tasks of this family.
type softmaxState struct {
	softmaxTask softmaxTask
	entropyTask entropyTask
}

type softmaxKind uint8

const (
	softmaxForward softmaxKind = iota
	softmaxBackward
	softmaxSum // log sum exp
)

// softmaxTask goes along the middle axis of (outer, n, inner): rows where inner is
// 1, otherwise slabs of positions side by side.
type softmaxTask struct {
	y, x, dy            []float32 // backward: y is dx, x the result
	kind                softmaxKind
	log                 bool
	outer, n, inner     int
	slabs, units, parts int
}

func (t *softmaxTask) part(i int, s *scratch) {
	from, to := split(t.units, t.parts, i)
	n := t.n
	if t.inner > 1 {
		var slab softmaxSlab
		slab.sum, slab.top, slab.tmp = s.floats(slabSize), s.floats(slabSize), s.floats(slabSize)
		for u := from; u < to; u++ {
			lo := u % t.slabs * slabSize
			t.slab(u/t.slabs, lo, min(slabSize, t.inner-lo), &slab)
		}
		return
	}
	for r := from; r < to; r++ {
		x := t.x[r*n : (r+1)*n]
		s.reset()
		switch t.kind {
		case softmaxForward:
			rowSoftmax(t.y[r*n:(r+1)*n], x, t.log)
		case softmaxBackward:
			rowSoftmaxGrad(t.y[r*n:(r+1)*n], t.dy[r*n:(r+1)*n], x, t.log, s)
		default:
			t.y[r] = rowLogSumExp(x)
		}
	}
}

func (e *Engine) runSoftmax(shape []int, axis int) {
	t := &e.softmaxTask
	t.outer, t.inner = ops.Around(shape, axis)
	t.n = shape[axis]
	t.slabs = 1
	width := 1
	if t.inner > 1 {
		t.slabs = (t.inner + slabSize - 1) / slabSize
		width = min(t.inner, slabSize)
	}
	t.units = t.outer * t.slabs
	t.parts = partsOf(t.units, 12*t.n*width)
	e.run(t.parts, t)
	*t = softmaxTask{}
}

// Softmax implements ops.Softmaxer.
func (e *Engine) Softmax(y, x *tensor.Dense, axis int, log bool) error {
	if err := wantFloats("softmax", y, x); err != nil {
		return err
	}
	if err := ops.SameShape("softmax", x, y); err != nil {
		return err
	}
	axis, err := ops.Axis("softmax", axis, len(x.Shape()))
	if err != nil {
		return err
	}
	e.softmaxTask = softmaxTask{y: y.Float32s(), x: x.Float32s(), log: log}
	e.runSoftmax(x.Shape(), axis)
	return nil
}

// SoftmaxGrad implements ops.Softmaxer.
func (e *Engine) SoftmaxGrad(dx, dy, y *tensor.Dense, axis int, log bool) error {
	if err := wantFloats("softmax gradient", dx, dy, y); err != nil {
		return err
	}
	for _, t := range [2]*tensor.Dense{dx, dy} {
		if err := ops.SameShape("softmax gradient", y, t); err != nil {
			return err
		}
	}
	axis, err := ops.Axis("softmax gradient", axis, len(y.Shape()))
	if err != nil {
		return err
	}
	e.softmaxTask = softmaxTask{y: dx.Float32s(), dy: dy.Float32s(), x: y.Float32s(), log: log, kind: softmaxBackward}
	e.runSoftmax(y.Shape(), axis)
	return nil
}

// LogSumExp implements ops.Softmaxer.
func (e *Engine) LogSumExp(dst, x *tensor.Dense, axis int) error {
	if err := wantFloats("logsumexp", dst, x); err != nil {
		return err
	}
	axis, err := ops.Axis("logsumexp", axis, len(x.Shape()))
	if err != nil {
		return err
	}
	axes := [1]int{axis}
	if _, err := axisMask("logsumexp", x.Shape(), dst.Shape(), axes[:]); err != nil {
		return err
	}
	e.softmaxTask = softmaxTask{y: dst.Float32s(), x: x.Float32s(), kind: softmaxSum}
	e.runSoftmax(x.Shape(), axis)
	return nil
}
