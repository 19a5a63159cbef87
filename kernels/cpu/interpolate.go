package cpu

import (
	"slices"

	"gorgonia.org/tensor"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/ops"
)

// Resample implements ops.Sampler.
func (e *Engine) Resample(y, x *tensor.Dense, rows, cols *ops.Taps) error {
	const op = "resample"
	if err := ops.WantType(op, tensor.Float32, y, x); err != nil {
		return err
	}
	if err := ops.WantImages(op, x, y); err != nil {
		return err
	}
	if rows == nil || cols == nil {
		return fault.New(fault.Usage, "%s: no taps from %v to %v", op, x.Shape(), y.Shape())
	}
	for _, t := range [2]*ops.Taps{rows, cols} {
		if err := t.Valid(); err != nil {
			return err
		}
	}
	xs, ys := x.Shape(), y.Shape()
	if rows.In != xs[2] || cols.In != xs[3] || rows.Out() != ys[2] || cols.Out() != ys[3] {
		return fault.New(fault.Usage, "%s: %v to %v with taps for %d x %d to %d x %d", op, xs, ys, rows.In, cols.In, rows.Out(), cols.Out())
	}
	t := &e.resample
	t.x, t.y, t.rows, t.cols, t.planes = x.Float32s(), y.Float32s(), rows, cols, xs[0]*xs[1]
	t.lay()
	e.run(t.parts(), t)
	t.x, t.y, t.rows, t.cols = nil, nil, nil, nil
	return nil
}

// resampleTask resamples plane by plane, first along the axis that leaves the
// smaller image in between.
type resampleTask struct {
	x, y       []float32
	rows, cols *ops.Taps
	planes     int

	// The columns' taps, tap k of column o at k*out + o: as many for each column, the
	// last of weight 0.
	taps   int
	index  []int32
	weight []float32
}

// lay fills index and weight.
func (t *resampleTask) lay() {
	n := t.cols.Out()
	t.taps = 1
	for o := range n {
		t.taps = max(t.taps, int(t.cols.Start[o+1]-t.cols.Start[o]))
	}
	t.index = slices.Grow(t.index[:0], t.taps*n)[:t.taps*n]
	t.weight = slices.Grow(t.weight[:0], t.taps*n)[:t.taps*n]
	for o := range n {
		first, last := int(t.cols.Start[o]), int(t.cols.Start[o+1])
		for k := range t.taps {
			i, w := int32(0), float32(0)
			if first+k < last {
				i, w = t.cols.Index[first+k], t.cols.Weight[first+k]
			}
			t.index[k*n+o], t.weight[k*n+o] = i, w
		}
	}
}

func (t *resampleTask) parts() int {
	return partsOf(t.planes, 2*(t.rows.In*t.cols.In+t.rows.Out()*t.cols.Out()))
}

func (t *resampleTask) part(i int, s *scratch) {
	begin, end := split(t.planes, t.parts(), i)
	h, w, oh, ow := t.rows.In, t.cols.In, t.rows.Out(), t.cols.Out()
	between := s.floats(max(min(h, oh)*max(w, ow), 1))
	for p := begin; p < end; p++ {
		x, y := t.x[p*h*w:][:h*w], t.y[p*oh*ow:][:oh*ow]
		if h < oh { // along rows first: there are fewer to go through
			t.along(between, x, h)
			resampleRows(y, between, t.rows, ow)
		} else {
			resampleRows(between, x, t.rows, w)
			t.along(y, between, oh)
		}
	}
}

// resampleRows sets each row of y, of w values, to a sum of rows of x.
func resampleRows(y, x []float32, t *ops.Taps, w int) {
	for o := range t.Out() {
		d := y[o*w:][:w]
		from, to := int(t.Start[o]), int(t.Start[o+1])
		if from == to {
			clear(d)
			continue
		}
		vecScale(d, x[int(t.Index[from])*w:][:w], t.Weight[from])
		for k := from + 1; k < to; k++ {
			if t.Weight[k] != 0 {
				vecAxpy(d, x[int(t.Index[k])*w:][:w], t.Weight[k])
			}
		}
	}
}

// along sets each of h rows of y to sums of elements of the same row of x.
func (t *resampleTask) along(y, x []float32, h int) {
	in, out := t.cols.In, t.cols.Out()
	for r := range h {
		weigh(y[r*out:][:out], x[r*in:][:in], t.index, t.weight, t.taps, out)
	}
}
