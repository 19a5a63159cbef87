package ops

import (
	"gorgonia.org/tensor"

	"github.com/tailorbird/tailorbird/internal/fault"
)

// Sampler reads images x (N, C, H, W) between their pixels, and in frequencies.
type Sampler interface {
	// Resample sets y (N, C, OH, OW): every row of y is a weighted sum of rows of x,
	// every column one of columns. Its gradient is Resample with transposed taps.
	Resample(y, x *tensor.Dense, rows, cols *Taps) error
	// GridSample sets y (N, C, OH, OW) to x at the places of grid (N, OH, OW, 2), which
	// holds column and row, -1 and 1 being the edges of the image.
	GridSample(y, x, grid *tensor.Dense, p GridSample) error
	// GridSampleGrad sets dx and dgrid from dy. Either may be nil.
	GridSampleGrad(dx, dgrid, dy, x, grid *tensor.Dense, p GridSample) error
	// RoIAlign sets y (K, C, OH, OW) to means of samples of x in OH x OW bins of K boxes.
	// rois (K, 5) holds the image's number in the batch and left, top, right, bottom.
	RoIAlign(y, x, rois *tensor.Dense, p RoIAlign) error
	// RoIAlignGrad sets dx from dy.
	RoIAlignGrad(dx, dy, rois *tensor.Dense, p RoIAlign) error
	// RoIPool sets y (K, C, OH, OW) to the greatest value of x in each bin of the boxes,
	// which are rounded to whole pixels and have a common border; scale turns coordinates of
	// the boxes into those of x. A bin outside the image is 0.
	RoIPool(y, x, rois *tensor.Dense, scale float32) error
	// RoIPoolGrad sets dx from dy.
	RoIPoolGrad(dx, dy, x, rois *tensor.Dense, scale float32) error
	// RFFT2 sets re and im (N, C, H, W/2+1) to the discrete Fourier transform of x,
	// its columns up to the middle one.
	RFFT2(re, im, x *tensor.Dense, p FFT) error
	// IRFFT2 sets y (N, C, H, W) to the inverse transform of such a half spectrum.
	IRFFT2(y, re, im *tensor.Dense, p FFT) error
}

// FFT says what a transform multiplies by.
type FFT struct {
	Scale float32
	// Twice says that the columns that a real signal has twice, all but the first and,
	// where W is even, the middle one, count twice. The inverse has it set; the transform
	// as the inverse's gradient, too. The inverse as the transform's gradient has not.
	Twice bool
}

// SampleMode is how values between pixels are made.
type SampleMode string

// Modes, by their names in torch.nn.functional.interpolate and grid_sample, which
// has Nearest, Bilinear and Bicubic.
const (
	Nearest      SampleMode = "nearest"       // rounding down, as torch always did
	NearestExact SampleMode = "nearest-exact" // at pixel centres, as Pillow does
	Bilinear     SampleMode = "bilinear"
	Bicubic      SampleMode = "bicubic"
	Area         SampleMode = "area" // means over adaptive windows
)

// GridPadding is what lies outside an image.
type GridPadding string

// Paddings of GridSample.
const (
	PadZeros      GridPadding = "zeros"
	PadBorder     GridPadding = "border"
	PadReflection GridPadding = "reflection"
)

// GridSample holds the options of torch.nn.functional.grid_sample. Empty strings
// mean Bilinear and PadZeros.
type GridSample struct {
	Mode         SampleMode
	Padding      GridPadding
	AlignCorners bool // -1 and 1 are the centres of the outermost pixels, not their edges
}

// Check refuses options that are none and fills in defaults.
func (p *GridSample) Check() error {
	if p.Mode == "" {
		p.Mode = Bilinear
	}
	if p.Padding == "" {
		p.Padding = PadZeros
	}
	if p.Mode != Nearest && p.Mode != Bilinear && p.Mode != Bicubic {
		return fault.New(fault.Usage, "grid sample: no mode %q", p.Mode)
	}
	if p.Padding != PadZeros && p.Padding != PadBorder && p.Padding != PadReflection {
		return fault.New(fault.Usage, "grid sample: no padding %q", p.Padding)
	}
	return nil
}

// GridShape refuses shapes that GridSample cannot use.
func GridShape(y, x, grid *tensor.Dense) error {
	if err := WantImages("grid sample", x, y); err != nil {
		return err
	}
	s, g := y.Shape(), grid.Shape()
	if len(g) != 4 || g[0] != s[0] || g[1] != s[2] || g[2] != s[3] || g[3] != 2 {
		return fault.New(fault.Usage, "grid sample: grid %v for a result %v", g, s)
	}
	return nil
}

// RoIAlign holds the options of torchvision.ops.roi_align.
type RoIAlign struct {
	Scale         float32 // of the boxes' coordinates to those of x; 0: 1
	SamplingRatio int     // samples a bin along each axis; 0 or less: as many as there are pixels
	Aligned       bool    // coordinates are shifted by half a pixel, boxes are not widened to 1
}

// RoIShape refuses shapes that the operations on boxes cannot use.
func RoIShape(op string, y, x, rois *tensor.Dense) error {
	ys, xs, rs := y.Shape(), x.Shape(), rois.Shape()
	if len(ys) == 4 && len(xs) == 4 && len(rs) == 2 && rs[1] == 5 && ys[0] == rs[0] && ys[1] == xs[1] && Size(ys) > 0 && Size(xs) > 0 {
		return nil
	}
	return fault.New(fault.Usage, "%s: images %v, boxes %v, result %v", op, xs, rs, ys)
}

// FFTShape refuses shapes that the transforms cannot use.
func FFTShape(op string, re, im, x *tensor.Dense) error {
	if err := WantImages(op, x, re, im); err != nil {
		return err
	}
	s, r := x.Shape(), re.Shape()
	if r[2] != s[2] || r[3] != s[3]/2+1 {
		return fault.New(fault.Usage, "%s: signal %v has no half spectrum %v", op, s, r)
	}
	return SameShape(op, re, im)
}
