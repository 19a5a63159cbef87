package inpaint

import (
	"fmt"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/morph"
	"github.com/tailorbird/tailorbird/kernels/raster"
)

// Inpainter fills the hole of a picture from the rest of it. A value keeps its
// scratch between calls and serves one goroutine.
type Inpainter interface {
	// Name tells method, version and parameters: what a record must hold for its
	// pixels to be made again.
	Name() string
	// Inpaint makes dst the picture src with the pixels where mask is not zero
	// filled. All other pixels are those of src. dst may be src. An empty mask
	// gives a copy. A mask or a buffer of another size is fault.Usage, a mask that
	// leaves no pixel to learn from fault.InvalidAnnotation; dst is then untouched.
	Inpaint(dst, src *raster.RGB, mask *morph.Bitmap) error
}

// DefaultRadius is what New gives to the methods that have a radius, pixels.
const DefaultRadius = 5

// makers holds the methods in the order of Names.
var makers = []struct {
	name string
	make func(seed uint64) Inpainter
}{
	{"navier_stokes", func(uint64) Inpainter { return NewNavierStokes(DefaultRadius) }},
	{"patchmatch", func(seed uint64) Inpainter { return NewPatchMatch(seed) }},
	{"telea", func(uint64) Inpainter { return NewTelea(DefaultRadius) }},
}

// New returns the inpainter of that name with its usual parameters. Methods that
// draw nothing at random ignore the seed. An unknown name is fault.Usage.
func New(name string, seed uint64) (Inpainter, error) {
	for _, m := range makers {
		if m.name == name {
			return m.make(seed), nil
		}
	}
	return nil, fault.New(fault.Usage, "inpainting method %q is unknown; there are %v", name, Names())
}

// Names lists the methods that New knows, in order.
func Names() []string {
	names := make([]string, len(makers))
	for i, m := range makers {
		names[i] = m.name
	}
	return names
}

// begin checks the arguments and makes dst a copy of src. It returns the number
// of pixels to fill.
func begin(dst, src *raster.RGB, mask *morph.Bitmap) (hole int, err error) {
	w, h := src.Width, src.Height
	switch {
	case w < 1 || h < 1 || len(src.Pix) != 3*w*h:
		return 0, fault.New(fault.Usage, "inpaint: picture of %d x %d pixels in %d bytes", w, h, len(src.Pix))
	case mask.Width != w || mask.Height != h || len(mask.Pix) != w*h:
		return 0, fault.New(fault.Usage, "inpaint: mask of %d x %d pixels in %d bytes, the picture has %d x %d pixels",
			mask.Width, mask.Height, len(mask.Pix), w, h)
	}
	for _, v := range mask.Pix {
		if v != 0 {
			hole++
		}
	}
	if hole == w*h {
		return 0, fault.New(fault.InvalidAnnotation, "inpaint: the mask covers all of the %d x %d pixels", w, h)
	}
	if dst != src {
		dst.Reset(w, h)
		copy(dst.Pix, src.Pix)
	}
	return hole, nil
}

func clampRadius(r int) int { return min(max(r, 1), 100) }

func nameWithRadius(method string, radius int) string {
	return fmt.Sprintf("%s/1 radius=%d", method, radius)
}

// zeroed returns b with n zeros, in its own memory when that is large enough.
func zeroed[T any](b []T, n int) []T {
	b = sized(b, n)
	clear(b)
	return b
}

// sized returns b with n elements of any value.
func sized[T any](b []T, n int) []T {
	if cap(b) < n {
		return make([]T, n)
	}
	return b[:n]
}
