package cpu

import (
	"gorgonia.org/tensor"

	"github.com/tailorbird/tailorbird/kernels/ops"
)

// Unfold implements ops.Convolver.
func (e *Engine) Unfold(y, x *tensor.Dense, w ops.Window) error {
	s, err := w.Check("unfold", x, y)
	if err != nil {
		return err
	}
	e.runWindows(&s, x.Float32s(), y.Float32s(), false)
	return nil
}

// Fold implements ops.Convolver.
func (e *Engine) Fold(y, x *tensor.Dense, w ops.Window) error {
	s, err := w.Check("fold", y, x)
	if err != nil {
		return err
	}
	e.runWindows(&s, y.Float32s(), x.Float32s(), true)
	return nil
}

func (e *Engine) runWindows(s *ops.ConvShape, image, columns []float32, fold bool) {
	t := &e.convState.windows
	*t = windowTask{*s, image, columns, fold}
	e.run(s.N*s.C, t)
	t.image, t.columns = nil, nil
}

// windowTask copies the windows of a channel to columns, or adds them up again.
type windowTask struct {
	s              ops.ConvShape
	image, columns []float32
	fold           bool
}

func (t *windowTask) part(i int, _ *scratch) {
	s := &t.s
	image := t.image[i*s.H*s.W:][:s.H*s.W]
	taps, windows := s.KH*s.KW, s.OH*s.OW
	columns := t.columns[i*taps*windows:][:taps*windows]
	if t.fold {
		clear(image)
	}
	for j := range taps {
		top, left := j/s.KW*s.Dilation[0]-s.Padding[0], j%s.KW*s.Dilation[1]-s.Padding[1]
		from, to := inside(left, s.Stride[1], s.W, s.OW)
		for oy := range s.OH {
			row := columns[j*windows+oy*s.OW:][:s.OW]
			iy := top + oy*s.Stride[0]
			switch {
			case uint(iy) >= uint(s.H) || from >= to:
				if !t.fold {
					clear(row)
				}
			case t.fold:
				addStrided(image[iy*s.W+left+from*s.Stride[1]:], row[from:to], s.Stride[1])
			default:
				clear(row[:from])
				copyStrided(row[from:to], image[iy*s.W+left+from*s.Stride[1]:], s.Stride[1])
				clear(row[to:])
			}
		}
	}
}

// inside returns the range of i in [0, n) for which first + i*stride lies in [0, size).
func inside(first, stride, size, n int) (from, to int) {
	if first < 0 {
		from = (-first + stride - 1) / stride
	}
	if last := size - 1 - first; last >= 0 {
		to = min(last/stride+1, n)
	}
	return min(from, n), max(to, min(from, n))
}

// copyStrided sets dst[i] = src[i*stride].
func copyStrided(dst, src []float32, stride int) {
	if stride == 1 {
		copy(dst, src)
		return
	}
	for i := range dst {
		dst[i] = src[i*stride]
	}
}

// addStrided sets dst[i*stride] += src[i].
func addStrided(dst, src []float32, stride int) {
	for i, v := range src {
		dst[i*stride] += v
	}
}
