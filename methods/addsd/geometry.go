package addsd

import (
	"math"
	"sync"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/raster"
	"github.com/tailorbird/tailorbird/kernels/resize"
)

// The ways to bring a picture of any size before a generator that wants sides of
// multiples of 64 (spec 3.3, --process of the release).
const (
	CropMode   = "crop"   // cut centrally to the shape; what is made stays of the generator's size
	ResizeMode = "resize" // stretched, and stretched back
	PadMode    = "pad"    // shrunk to fit at the top left, cut out and resized back
)

// Modes lists the modes; the first is the release's default.
var Modes = []string{CropMode, ResizeMode, PadMode}

const (
	generatorSide = 512 // about the longer side of what the generator is shown, pixels
	generatorStep = 64  // its sides are multiples of it
	// maxInputSide bounds the generator's input: a line of pixels would be blown
	// up to 64 pixels across and be as much longer.
	maxInputSide = 4096
)

// PadColor is the colour below and right of a padded picture: the mean of
// ImageNet.
var PadColor = raster.Color{R: 124, G: 116, B: 104}

// Geometry is how pictures of one size reach a generator and come back. Make it
// with NewGeometry. Its methods are safe for concurrent use.
type Geometry struct {
	Mode          string
	Width, Height int // of the base, pixels
	// InputWidth and InputHeight are those of the generator's picture, both ways.
	InputWidth, InputHeight int
	// Shown says what of the base is in that picture: its window, resized to
	// Shown.Width x Shown.Height pixels at the top left. Only PadMode leaves some
	// of the picture over.
	Shown Frame
}

// NewGeometry returns the geometry of w x h pictures, computed in float64 from
// left to right as in the release. An unknown mode is fault.Usage, a size that is
// none fault.InvalidAnnotation, a picture that is too narrow for a generator of
// this kind fault.TooLarge.
func NewGeometry(mode string, w, h int) (Geometry, error) {
	if w < 1 || h < 1 {
		return Geometry{}, fault.New(fault.InvalidAnnotation, "addsd: a picture of %d x %d pixels", w, h)
	}
	g := Geometry{Mode: mode, Width: w, Height: h}
	var ok bool
	if g.InputWidth, g.InputHeight, ok = inputSize(w, h); !ok {
		return Geometry{}, fault.New(fault.TooLarge, "addsd: a picture of %d x %d pixels is too narrow: a generator would need a side of more than %d", w, h, maxInputSide)
	}
	switch mode {
	case CropMode:
		x0, y0, x1, y1 := raster.FitBox(w, h, g.InputWidth, g.InputHeight, 0.5, 0.5)
		g.Shown = Frame{x0, y0, x1 - x0, y1 - y0, g.InputWidth, g.InputHeight}
	case ResizeMode:
		g.Shown = Frame{0, 0, float64(w), float64(h), g.InputWidth, g.InputHeight}
	case PadMode:
		sw, sh := fitInside(w, h, g.InputWidth, g.InputHeight)
		g.Shown = Frame{0, 0, float64(w), float64(h), sw, sh}
	default:
		return Geometry{}, fault.New(fault.Usage, "addsd: no geometry %q; there are %v", mode, Modes)
	}
	return g, nil
}

// inputSize is W' x H' of spec 3.3. ok is false where a side is too long.
func inputSize(w, h int) (int, int, bool) {
	short := float64(min(w, h))
	factor := generatorSide / float64(max(w, h))
	factor = math.Ceil(short*factor/generatorStep) * generatorStep / short
	side := func(v int) (int, bool) {
		steps := math.Floor(float64(v) * factor / generatorStep)
		// The product may round to just below a step: the release would ask for no
		// pixel at all where that step is the first.
		n := max(steps, 1) * generatorStep
		return int(n), n <= maxInputSide
	}
	iw, okW := side(w)
	ih, okH := side(h)
	return iw, ih, okW && okH
}

// fitInside is the largest size of the shape w x h inside outW x outH, rounded
// down, in whole numbers: the release's float64 may lose a pixel of a side that
// fits exactly.
func fitInside(w, h, outW, outH int) (int, int) {
	if outW*h <= outH*w {
		return outW, max(1, h*outW/w)
	}
	return max(1, w*outH/h), outH
}

// Frame says where the picture that Back makes lies in the base.
func (g *Geometry) Frame() Frame {
	if g.Mode == CropMode {
		return g.Shown
	}
	return Whole(g.Width, g.Height)
}

// shaper is the scratch of one call.
type shaper struct {
	resizer resize.Resizer
	part    raster.RGB
}

var shapers = sync.Pool{New: func() any { return new(shaper) }}

// In makes dst the generator's picture of src, which is of the base's size; any
// other is a fault.Bug. Pixels are resized with Pillow's Lanczos filter.
func (g *Geometry) In(dst, src *raster.RGB) error {
	if src.Width != g.Width || src.Height != g.Height {
		return fault.New(fault.Bug, "addsd: geometry of %d x %d pixels used for %d x %d", g.Width, g.Height, src.Width, src.Height)
	}
	s := shapers.Get().(*shaper)
	defer shapers.Put(s)
	dst.Reset(g.InputWidth, g.InputHeight)
	box := resize.Box{X0: g.Shown.X, Y0: g.Shown.Y, X1: g.Shown.X + g.Shown.W, Y1: g.Shown.Y + g.Shown.H}
	o := resize.Options{Filter: resize.Lanczos3, Box: box}
	if g.Mode != PadMode {
		s.resizer.RGB(dst, src, o)
		return nil
	}
	s.part.Reset(g.Shown.Width, g.Shown.Height)
	s.resizer.RGB(&s.part, src, o)
	raster.Crop(dst, &s.part, 0, 0, PadColor)
	return nil
}

// Back makes dst the picture that Frame speaks of out of what the generator has
// made. A picture of another size than was asked for is a *Rejection.
func (g *Geometry) Back(dst, made *raster.RGB) error {
	if made.Width != g.InputWidth || made.Height != g.InputHeight {
		return Reject(WrongSize, "%d x %d pixels, asked for %d x %d", made.Width, made.Height, g.InputWidth, g.InputHeight)
	}
	if g.Mode == CropMode {
		dst.Reset(made.Width, made.Height)
		copy(dst.Pix, made.Pix)
		return nil
	}
	s := shapers.Get().(*shaper)
	defer shapers.Put(s)
	if g.Mode == PadMode {
		s.part.Reset(g.Shown.Width, g.Shown.Height)
		raster.Crop(&s.part, made, 0, 0, raster.Color{})
		made = &s.part
	}
	dst.Reset(g.Width, g.Height)
	s.resizer.RGB(dst, made, resize.Options{Filter: resize.Lanczos3})
	return nil
}
