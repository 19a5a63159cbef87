package ops

import (
	"gorgonia.org/tensor"

	"github.com/tailorbird/tailorbird/internal/fault"
)

// Pooler takes maxima and means over windows of images x (N, C, H, W).
type Pooler interface {
	// MaxPool sets y (N, C, OH, OW) to the greatest value of each window; a NaN is
	// greater than all. indices, of y's shape or nil, is set to the first place of the
	// greatest, counted in the plane (row*W + column); of NaNs it is the last.
	MaxPool(y, indices, x *tensor.Dense, p Pool) error
	// MaxPoolGrad sets dx: each dy goes to the first place where x is y, which is what
	// MaxPool made of x. Of a window whose greatest is NaN it goes to the first place.
	MaxPoolGrad(dx, dy, x, y *tensor.Dense, p Pool) error
	// AvgPool sets y (N, C, OH, OW) to the mean of each window.
	AvgPool(y, x *tensor.Dense, p Pool) error
	// AvgPoolGrad sets dx from dy.
	AvgPoolGrad(dx, dy *tensor.Dense, p Pool) error
	// AdaptiveAvgPool sets y (N, C, OH, OW) of any size to means: window i of an axis
	// goes from floor(i*H/OH) to ceil((i+1)*H/OH).
	AdaptiveAvgPool(y, x *tensor.Dense) error
	// AdaptiveAvgPoolGrad sets dx from dy.
	AdaptiveAvgPoolGrad(dx, dy *tensor.Dense) error
	// AdaptiveMaxPool is MaxPool over the windows of AdaptiveAvgPool.
	AdaptiveMaxPool(y, indices, x *tensor.Dense) error
}

// Pool is a window that slides over the rows and columns of an image, as in
// torch.nn.MaxPool2d and AvgPool2d.
type Pool struct {
	Kernel     [2]int
	Stride     [2]int // 0: Kernel
	Padding    [2]int // at both ends
	Dilation   [2]int // 0: 1. Means take no other.
	Ceil       bool   // a window may end beyond the padding, if it begins before it
	ExcludePad bool   // a mean divides by the elements of the image alone
	Divisor    int    // what a mean divides by; 0: the size of the window within the padding
}

// PoolAxis is a Pool along one axis.
type PoolAxis struct {
	In, Out, Kernel, Stride, Padding, Dilation int
}

// Axes returns the windows for an image of h rows and w columns.
func (p Pool) Axes(op string, h, w int) (axes [2]PoolAxis, err error) {
	for i, in := range [2]int{h, w} {
		a := PoolAxis{In: in, Kernel: p.Kernel[i], Stride: p.Stride[i], Padding: p.Padding[i], Dilation: max(1, p.Dilation[i])}
		if a.Stride == 0 {
			a.Stride = a.Kernel
		}
		const most = 1 << 20 // keeps products of these in range
		reach := a.Dilation*(a.Kernel-1) + 1
		if a.Kernel < 1 || a.Stride < 1 || a.Padding < 0 || p.Dilation[i] < 0 || a.Kernel > most || a.Stride > most || a.Dilation > most || 2*a.Padding > reach {
			return axes, fault.New(fault.Usage, "%s: kernel %v, stride %v, padding %v, dilation %v", op, p.Kernel, p.Stride, p.Padding, p.Dilation)
		}
		room := in + 2*a.Padding - reach
		if p.Ceil {
			room += a.Stride - 1
		}
		if room < 0 {
			return axes, fault.New(fault.Usage, "%s: window %v (padding %v, dilation %v) does not fit an image of %d x %d", op, p.Kernel, p.Padding, p.Dilation, h, w)
		}
		a.Out = room/a.Stride + 1
		if p.Ceil && (a.Out-1)*a.Stride >= in+a.Padding {
			a.Out-- // it would see nothing but padding
		}
		axes[i] = a
	}
	return axes, nil
}

// Count returns how many places of window o count for a mean.
func (a PoolAxis) Count(o int, excludePad bool) int {
	from := o*a.Stride - a.Padding
	to := min(from+a.Kernel, a.In+a.Padding)
	if excludePad {
		from, to = max(from, 0), min(to, a.In)
	}
	return max(to-from, 0)
}

// OutShape returns the shape of the result for images x.
func (p Pool) OutShape(op string, x []int) ([]int, error) {
	if len(x) != 4 {
		return nil, fault.New(fault.Usage, "%s: images have shape %v, want 4 axes", op, x)
	}
	axes, err := p.Axes(op, x[2], x[3])
	if err != nil {
		return nil, err
	}
	return []int{x[0], x[1], axes[0].Out, axes[1].Out}, nil
}

// PoolWindow returns the bounds of window o of an adaptive pool from in to out places.
func PoolWindow(o, in, out int) (from, to int) {
	return o * in / out, ((o+1)*in + out - 1) / out
}

// WantImages refuses tensors that are not images (N, C, H, W) of the same N and C.
func WantImages(op string, ts ...*tensor.Dense) error {
	for _, t := range ts {
		s, first := t.Shape(), ts[0].Shape()
		if len(s) != 4 || s[0] != first[0] || s[1] != first[1] {
			return fault.New(fault.Usage, "%s: %v and %v are not images of the same batch and channels", op, first, s)
		}
		if Size(s) == 0 {
			return fault.New(fault.Usage, "%s: image %v is empty", op, s)
		}
	}
	return nil
}
