package nn

import "github.com/tailorbird/tailorbird/kernels/ops"

// MaxPool2d takes the maximum of windows of (N, C, H, W).
type MaxPool2d struct {
	bare
	ops.Pool
}

// NewMaxPool2d returns a MaxPool2d with square windows.
func NewMaxPool2d(kernel, stride, padding int) MaxPool2d {
	return MaxPool2d{Pool: squarePool(kernel, stride, padding)}
}

func squarePool(kernel, stride, padding int) ops.Pool {
	return ops.Pool{Kernel: [2]int{kernel, kernel}, Stride: [2]int{stride, stride}, Padding: [2]int{padding, padding}}
}

// Forward implements Layer.
func (l MaxPool2d) Forward(t *Tape, x *Var) *Var { return t.MaxPool2D(x, l.Pool) }

// AvgPool2d takes the mean of windows of (N, C, H, W).
type AvgPool2d struct {
	bare
	ops.Pool
}

// NewAvgPool2d returns an AvgPool2d with square windows.
func NewAvgPool2d(kernel, stride, padding int) AvgPool2d {
	return AvgPool2d{Pool: squarePool(kernel, stride, padding)}
}

// Forward implements Layer.
func (l AvgPool2d) Forward(t *Tape, x *Var) *Var { return t.AvgPool2D(x, l.Pool) }

// AdaptiveAvgPool2d takes means so that (N, C, H, W) remains.
type AdaptiveAvgPool2d struct {
	bare
	H, W int
}

// Forward implements Layer.
func (l AdaptiveAvgPool2d) Forward(t *Tape, x *Var) *Var { return t.AdaptiveAvgPool2D(x, l.H, l.W) }

// GlobalAvgPool takes the mean of each channel: (N, C).
type GlobalAvgPool struct{ bare }

// Forward implements Layer.
func (GlobalAvgPool) Forward(t *Tape, x *Var) *Var { return t.GlobalAvgPool(x) }
