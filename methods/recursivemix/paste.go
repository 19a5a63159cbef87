package recursivemix

import (
	"math"

	"gorgonia.org/tensor"

	"github.com/tailorbird/tailorbird/kernels/ops"
)

// channels of the images.
const channels = 3

// resizer squeezes whole images into boxes. The taps of a side are made once, and the
// result has the size of the largest box that is drawn, so that every step borrows
// the same memory.
type resizer struct {
	how        ops.Interpolation
	least      [2]int      // rows and columns of the result
	rows, cols []*ops.Taps // by side of the box
}

func newResizer(mode string, height, width int, alpha float64) *resizer {
	how := ops.Interpolation{Mode: ops.SampleMode(mode)}
	how.AlignCorners = how.Mode == ops.Bilinear // as the authors call it
	r := math.Sqrt(alpha)
	return &resizer{
		how: how, least: [2]int{int(float64(height) * r), int(float64(width) * r)},
		rows: make([]*ops.Taps, height+1), cols: make([]*ops.Taps, width+1),
	}
}

// resize returns images (N, C, H, W) in the size of b, borrowed from e, in the top
// left of a tensor that may be larger.
func (r *resizer) resize(e ops.Engine, images *tensor.Dense, b Box) (*tensor.Dense, error) {
	s := images.Shape()
	h, w := b.Height(), b.Width()
	if r.rows[h] == nil || r.cols[w] == nil {
		how := r.how
		how.Size = [2]int{h, w}
		rows, cols, err := how.Taps(s[2], s[3])
		if err != nil {
			return nil, err
		}
		r.rows[h], r.cols[w] = widened(rows, r.least[0]), widened(cols, r.least[1])
	}
	small := e.Borrow(s[0], s[1], r.rows[h].Out(), r.cols[w].Out())
	if err := e.Resample(small, images, r.rows[h], r.cols[w]); err != nil {
		e.Release(small)
		return nil, err
	}
	return small, nil
}

// widened adds places that are sums of nothing until there are n.
func widened(t *ops.Taps, n int) *ops.Taps {
	for t.Out() < n {
		t.Start = append(t.Start, int32(len(t.Index)))
	}
	return t
}

// paste copies the first n images of src, the part that begins at row y and column x,
// to box b of dst (n, C, H, W).
func paste(e ops.Engine, dst, src *tensor.Dense, n int, b Box, x, y int) error {
	to, from := dst.Shape(), src.Shape()
	return e.Copy(dst, src, ops.Copy{
		Shape: []int{n, to[1], b.Height(), b.Width()},
		To:    ops.Layout{Offset: b.Y1*to[3] + b.X1, Strides: ops.AppendStrides(nil, to)},
		From:  ops.Layout{Offset: y*from[3] + x, Strides: ops.AppendStrides(nil, from)},
	})
}

// copyFirst copies as many elements as the smaller one of dst and src holds.
func copyFirst(e ops.Engine, dst, src *tensor.Dense) error {
	n := min(ops.Size(dst.Shape()), ops.Size(src.Shape()))
	line := ops.Layout{Strides: []int{1}}
	return e.Copy(dst, src, ops.Copy{Shape: []int{n}, To: line, From: line})
}
