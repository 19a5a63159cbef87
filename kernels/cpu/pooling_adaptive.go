package cpu

import (
	"gorgonia.org/tensor"

	"github.com/tailorbird/tailorbird/kernels/ops"
)

// AdaptiveAvgPool implements ops.Pooler.
func (e *Engine) AdaptiveAvgPool(y, x *tensor.Dense) error {
	return e.runAdaptive("adaptive average pool", adaptiveAvg, x, y, nil)
}

// AdaptiveAvgPoolGrad implements ops.Pooler.
func (e *Engine) AdaptiveAvgPoolGrad(dx, dy *tensor.Dense) error {
	return e.runAdaptive("adaptive average pool gradient", adaptiveAvgGrad, dx, dy, nil)
}

// AdaptiveMaxPool implements ops.Pooler.
func (e *Engine) AdaptiveMaxPool(y, indices, x *tensor.Dense) error {
	return e.runAdaptive("adaptive max pool", adaptiveMax, x, y, indices)
}

func (e *Engine) runAdaptive(op string, do adaptiveKind, large, small, indices *tensor.Dense) error {
	if err := ops.WantType(op, tensor.Float32, large, small); err != nil {
		return err
	}
	if err := ops.WantImages(op, large, small); err != nil {
		return err
	}
	l, s := large.Shape(), small.Shape()
	t := &e.adaptive
	*t = adaptiveTask{do: do, large: large.Float32s(), small: small.Float32s(), planes: l[0] * l[1], h: l[2], w: l[3], oh: s[2], ow: s[3]}
	if do == adaptiveMax && indices != nil {
		if err := ops.WantType(op, tensor.Int64, indices); err != nil {
			return err
		}
		if err := ops.SameShape(op, indices, small); err != nil {
			return err
		}
		t.indices = indices.Int64s()
	}
	e.run(t.parts(), t)
	*t = adaptiveTask{}
	return nil
}

type adaptiveKind int

const (
	adaptiveAvg adaptiveKind = iota
	adaptiveAvgGrad
	adaptiveMax
)

// adaptiveTask pools over windows that cover the image, plane by plane.
type adaptiveTask struct {
	do           adaptiveKind
	large, small []float32
	indices      []int64
	planes, h, w int
	oh, ow       int
}

func (t *adaptiveTask) parts() int { return partsOf(t.planes, max(t.h*t.w, t.oh*t.ow)) }

func (t *adaptiveTask) part(i int, s *scratch) {
	begin, end := split(t.planes, t.parts(), i)
	if t.do == adaptiveAvg && t.oh*t.ow == 1 {
		planeMeans(t.small[begin:end], t.large[begin*t.h*t.w:], t.h*t.w)
		return
	}
	row := s.floats(t.w)
	for p := begin; p < end; p++ {
		large, small := t.large[p*t.h*t.w:][:t.h*t.w], t.small[p*t.oh*t.ow:][:t.oh*t.ow]
		switch {
		case t.do == adaptiveMax:
			t.max(small, large, p)
		case t.do == adaptiveAvg:
			t.avg(small, large, row)
		case len(small) == 1:
			vecFill(large, small[0]/float32(len(large)))
		default:
			t.avgGrad(large, small, row)
		}
	}
}

func (t *adaptiveTask) avg(small, large, row []float32) {
	for o := range t.oh {
		top, bottom := ops.PoolWindow(o, t.h, t.oh)
		copy(row, large[top*t.w:])
		for r := top + 1; r < bottom; r++ {
			addTo(row, large[r*t.w:])
		}
		for c := range t.ow {
			left, right := ops.PoolWindow(c, t.w, t.ow)
			small[o*t.ow+c] = vecSum(row[left:right]) / float32((bottom-top)*(right-left))
		}
	}
}

func (t *adaptiveTask) avgGrad(large, small, row []float32) {
	clear(large)
	for o := range t.oh {
		top, bottom := ops.PoolWindow(o, t.h, t.oh)
		clear(row)
		for c := range t.ow {
			left, right := ops.PoolWindow(c, t.w, t.ow)
			g := small[o*t.ow+c] / float32((bottom-top)*(right-left))
			for i := left; i < right; i++ {
				row[i] += g
			}
		}
		for r := top; r < bottom; r++ {
			addTo(large[r*t.w:][:t.w], row)
		}
	}
}

func (t *adaptiveTask) max(small, large []float32, plane int) {
	for o := range small {
		top, bottom := ops.PoolWindow(o/t.ow, t.h, t.oh)
		left, right := ops.PoolWindow(o%t.ow, t.w, t.ow)
		at := top*t.w + left
		best := large[at]
		for r := top; r < bottom; r++ {
			for c := left; c < right; c++ {
				if v := large[r*t.w+c]; v > best || v != v {
					best, at = v, r*t.w+c
				}
			}
		}
		small[o] = best
		if t.indices != nil {
			t.indices[plane*len(small)+o] = int64(at)
		}
	}
}
