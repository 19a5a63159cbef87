package ops

import (
	"gorgonia.org/tensor"

	"github.com/tailorbird/tailorbird/internal/fault"
)

// Convolver correlates images with filters. Images are (N, C, H, W) and filters
// (K, C/groups, KH, KW), as in torch.nn.functional.conv2d; y is (N, K, OH, OW).
//
// A transposed convolution is the gradient of a convolution with respect to its
// input, and the other way round, so the same methods serve it: its filters
// (in, out/groups, KH, KW) are those of the convolution whose gradient it is.
type Convolver interface {
	// Conv2D sets y = w * x + b. b, one value a filter, may be nil.
	Conv2D(y, x, w, b *tensor.Dense, c Conv) error
	// Conv2DGradInput sets dx to the gradient with respect to x, given that with
	// respect to y, plus b, one value a channel of dx, which may be nil.
	Conv2DGradInput(dx, dy, w, b *tensor.Dense, c Conv) error
	// Conv2DGradWeight sets dw to the gradient with respect to w.
	Conv2DGradWeight(dw, dy, x *tensor.Dense, c Conv) error
	// Conv2DGradBias sets db, one value a channel, to the sums of dy (N, K, ...).
	Conv2DGradBias(db, dy *tensor.Dense) error
	// Unfold sets y (N, C*KH*KW, L) to the windows of x (N, C, H, W), as
	// torch.nn.functional.unfold does.
	Unfold(y, x *tensor.Dense, w Window) error
	// Fold sets y (N, C, H, W) to the sums of the windows x (N, C*KH*KW, L), as
	// torch.nn.functional.fold does. It is the gradient of Unfold.
	Fold(y, x *tensor.Dense, w Window) error
}

// Conv are the parameters of a convolution, rows first. A zero stride, dilation
// or number of groups means 1.
type Conv struct {
	Stride, Padding, Dilation [2]int
	Groups                    int

	// OutputPadding is how many rows and columns of x lie beyond those that
	// follow from y. Only a transposed convolution, which makes x, sets it.
	OutputPadding [2]int

	// ReLU makes Conv2D set y = max(0, w * x + b). The gradients know nothing of it.
	ReLU bool
}

// Window is where a window of an image may lie, rows first. A zero stride or
// dilation means 1.
type Window struct {
	Kernel, Stride, Padding, Dilation [2]int
}

// ConvShape is a convolution with all its sizes.
type ConvShape struct {
	Conv            // without zeros
	N, C, H, W  int // of x
	K, KH, KW   int // of w
	OH, OW      int // of y
	CG, KG, Len int // channels and filters of a group, values of a filter
}

// Filled returns c with ones for the zeros that mean 1.
func (c Conv) Filled() Conv {
	c.Stride, c.Dilation = ones(c.Stride), ones(c.Dilation)
	if c.Groups == 0 {
		c.Groups = 1
	}
	return c
}

func ones(v [2]int) [2]int {
	for i := range v {
		if v[i] == 0 {
			v[i] = 1
		}
	}
	return v
}

// OutputSize returns the size of y for an x of h by w: the formula in the
// documentation of torch.nn.Conv2d. It is below 1 where no window fits.
func (c Conv) OutputSize(h, w, kh, kw int) (oh, ow int) {
	c = c.Filled()
	size := func(axis, in, k int) int {
		room := in - c.OutputPadding[axis] + 2*c.Padding[axis] - c.Dilation[axis]*(k-1) - 1
		if room < 0 {
			return 0
		}
		return room/c.Stride[axis] + 1
	}
	return size(0, h, kh), size(1, w, kw)
}

// InputSize returns the size of the x that a transposed convolution makes of a y
// of oh by ow: the formula in the documentation of torch.nn.ConvTranspose2d.
func (c Conv) InputSize(oh, ow, kh, kw int) (h, w int) {
	c = c.Filled()
	size := func(axis, out, k int) int {
		return (out-1)*c.Stride[axis] - 2*c.Padding[axis] + c.Dilation[axis]*(k-1) + 1 + c.OutputPadding[axis]
	}
	return size(0, oh, kh), size(1, ow, kw)
}

// check refuses parameters that no convolution has.
func (c Conv) check(op string) error {
	for i := range 2 {
		if c.Stride[i] < 1 || c.Dilation[i] < 1 || c.Padding[i] < 0 || c.OutputPadding[i] < 0 {
			return fault.New(fault.Usage, "%s: stride %v, padding %v, dilation %v, output padding %v", op, c.Stride, c.Padding, c.Dilation, c.OutputPadding)
		}
		if p := c.OutputPadding[i]; p > 0 && p >= max(c.Stride[i], c.Dilation[i]) {
			return fault.New(fault.Usage, "%s: output padding %v is not below stride %v or dilation %v", op, c.OutputPadding, c.Stride, c.Dilation)
		}
	}
	if c.Groups < 1 {
		return fault.New(fault.Usage, "%s: %d groups", op, c.Groups)
	}
	return nil
}

// Shape returns the sizes of a convolution of x with w, or an error that names
// the two shapes where they do not fit.
func (c Conv) Shape(op string, x, w []int) (ConvShape, error) {
	s := ConvShape{Conv: c.Filled()}
	if err := s.filters(op, x, w); err != nil {
		return s, err
	}
	s.N, s.C, s.H, s.W = x[0], x[1], x[2], x[3]
	if s.C != s.CG*s.Groups {
		return s, fault.New(fault.Usage, "%s: input %v and weight %v with %d groups", op, tensor.Shape(x), tensor.Shape(w), s.Groups)
	}
	if s.OH, s.OW = s.OutputSize(s.H, s.W, s.KH, s.KW); s.OH < 1 || s.OW < 1 {
		return s, fault.New(fault.Usage, "%s: weight %v with padding %v and dilation %v does not fit into input %v", op, tensor.Shape(w), s.Padding, s.Dilation, tensor.Shape(x))
	}
	return s, nil
}

// ShapeTransposed returns the sizes of the convolution that a transposed
// convolution of y with w is the gradient of; its result is (N, C, H, W).
func (c Conv) ShapeTransposed(op string, y, w []int) (ConvShape, error) {
	s := ConvShape{Conv: c.Filled()}
	if err := s.filters(op, y, w); err != nil {
		return s, err
	}
	s.N, s.C, s.OH, s.OW = y[0], s.CG*s.Groups, y[2], y[3]
	if y[1] != s.K {
		return s, fault.New(fault.Usage, "%s: input %v and weight %v with %d groups", op, tensor.Shape(y), tensor.Shape(w), s.Groups)
	}
	if s.H, s.W = s.InputSize(s.OH, s.OW, s.KH, s.KW); s.H < 1 || s.W < 1 {
		return s, fault.New(fault.Usage, "%s: padding %v leaves nothing of input %v and weight %v", op, s.Padding, tensor.Shape(y), tensor.Shape(w))
	}
	return s, nil
}

// filters takes the sizes of w over.
func (s *ConvShape) filters(op string, image, w []int) error {
	if len(image) != 4 || len(w) != 4 {
		return fault.New(fault.Usage, "%s: input %v and weight %v, want 4 axes each", op, tensor.Shape(image), tensor.Shape(w))
	}
	if err := s.check(op); err != nil {
		return err
	}
	for _, n := range [...]int{image[0], image[1], image[2], image[3], w[0], w[1], w[2], w[3]} {
		if n < 1 {
			return fault.New(fault.Usage, "%s: input %v and weight %v: an axis is empty", op, tensor.Shape(image), tensor.Shape(w))
		}
	}
	s.K, s.CG, s.KH, s.KW = w[0], w[1], w[2], w[3]
	if s.K%s.Groups != 0 {
		return fault.New(fault.Usage, "%s: input %v and weight %v: %d groups do not divide the filters", op, tensor.Shape(image), tensor.Shape(w), s.Groups)
	}
	s.KG, s.Len = s.K/s.Groups, s.CG*s.KH*s.KW
	return nil
}

// Check returns the sizes of a convolution after it has compared them with the
// tensors x, w and y.
func (c Conv) Check(op string, x, w, y *tensor.Dense) (ConvShape, error) {
	if err := WantType(op, tensor.Float32, x, w, y); err != nil {
		return ConvShape{}, err
	}
	s, err := c.Shape(op, x.Shape(), w.Shape())
	if err != nil {
		return s, err
	}
	if shape := y.Shape(); len(shape) == 4 && [4]int(shape) == [4]int{s.N, s.K, s.OH, s.OW} {
		return s, nil // WantShape allocates its list
	}
	return s, WantShape(op, "output", y, s.N, s.K, s.OH, s.OW)
}

// CheckBias refuses a bias of another size than n. A nil one is none.
func CheckBias(op string, b *tensor.Dense, n int) error {
	if b == nil {
		return nil
	}
	if err := WantType(op, tensor.Float32, b); err != nil {
		return err
	}
	if shape := b.Shape(); len(shape) == 1 && shape[0] == n {
		return nil
	}
	return WantShape(op, "bias", b, n)
}

// Conv returns the convolution whose windows these are.
func (w Window) Conv() Conv {
	return Conv{Stride: w.Stride, Padding: w.Padding, Dilation: w.Dilation}
}

// Shape returns the sizes of the windows of an image (N, C, H, W): one group and
// no filters; there are OH*OW windows of Len values.
func (w Window) Shape(op string, image []int) (ConvShape, error) {
	if len(image) != 4 {
		return ConvShape{}, fault.New(fault.Usage, "%s: image %v, want 4 axes", op, tensor.Shape(image))
	}
	return w.Conv().Shape(op, image, []int{1, image[1], w.Kernel[0], w.Kernel[1]})
}

// Check returns the sizes of the windows after it has compared them with the
// image and with columns (N, C*KH*KW, L).
func (w Window) Check(op string, image, columns *tensor.Dense) (ConvShape, error) {
	if err := WantType(op, tensor.Float32, image, columns); err != nil {
		return ConvShape{}, err
	}
	s, err := w.Shape(op, image.Shape())
	if err != nil {
		return s, err
	}
	if shape := columns.Shape(); len(shape) == 3 && [3]int(shape) == [3]int{s.N, s.Len, s.OH * s.OW} {
		return s, nil
	}
	return s, WantShape(op, "columns", columns, s.N, s.Len, s.OH*s.OW)
}
