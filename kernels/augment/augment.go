package augment

import (
	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/raster"
	"github.com/tailorbird/tailorbird/kernels/resize"
)

// Augmenter applies a recipe to one picture after another. It keeps its buffers;
// it is for one goroutine at a time.
type Augmenter struct {
	recipe  *Recipe
	draw    source
	resizer resize.Resizer
	bufs    [2]raster.RGB
	index   int // of the step at work
	luma    []byte
	columns []int32
}

// New returns an Augmenter of the recipe.
func (r *Recipe) New() *Augmenter { return &Augmenter{recipe: r} }

// Apply makes dst what the recipe makes of src under a seed. src, which is at
// least one pixel large (else fault.Usage), stays as it is; dst's buffer is used
// again, and may be exchanged for another of the Augmenter's.
func (a *Augmenter) Apply(dst, src *raster.RGB, seed Seed) error {
	if src.Width < 1 || src.Height < 1 {
		return fault.New(fault.Usage, "augment: a picture of %d x %d pixels", src.Width, src.Height)
	}
	a.draw.picture(seed)
	cur := src
	for i, s := range a.recipe.steps {
		if s.op.apply != nil {
			a.index = i
			cur = s.op.apply(a, s, cur)
		}
	}
	if cur == src {
		dst.Reset(src.Width, src.Height)
		copy(dst.Pix, src.Pix)
		return nil
	}
	*dst, *cur = *cur, *dst
	return nil
}

// other returns a buffer that is not cur, of the given size.
func (a *Augmenter) other(cur *raster.RGB, w, h int) *raster.RGB {
	b := &a.bufs[0]
	if cur == b {
		b = &a.bufs[1]
	}
	b.Reset(w, h)
	return b
}

// own returns cur where it is a buffer of the Augmenter, else a copy that is.
func (a *Augmenter) own(cur *raster.RGB) *raster.RGB {
	if cur == &a.bufs[0] || cur == &a.bufs[1] {
		return cur
	}
	b := a.other(cur, cur.Width, cur.Height)
	copy(b.Pix, cur.Pix)
	return b
}

func applyResize(a *Augmenter, s step, src *raster.RGB) *raster.RGB {
	w, h := resizeSize(s, src.Width, src.Height)
	return a.resize(s, src, min(w, maxSide), min(h, maxSide))
}

func (a *Augmenter) resize(s step, src *raster.RGB, w, h int) *raster.RGB {
	dst := a.other(src, w, h)
	a.resizer.RGB(dst, src, resize.Options{Filter: filterOf(s)})
	return dst
}

func filterOf(s step) resize.Filter { return resizeFilters[s.arg("filter").int()] }

// resizeFilters are in the order of filters.
var resizeFilters = []resize.Filter{resize.Bilinear, resize.Bicubic, resize.Nearest, resize.Area, resize.Hamming, resize.Lanczos3}

func applyCenterCrop(a *Augmenter, s step, src *raster.RGB) *raster.RGB {
	n := s.arg("size").int()
	dst := a.other(src, n, n)
	raster.CenterCrop(dst, src, n, n, raster.Color{})
	return dst
}

func applyPadCrop(a *Augmenter, s step, src *raster.RGB) *raster.RGB {
	pad := s.arg("pad").int()
	rng := a.draw.step(a.index, s.op.name)
	x, y := rng.IntN(2*pad+1)-pad, rng.IntN(2*pad+1)-pad
	dst := a.other(src, src.Width, src.Height)
	raster.Crop(dst, src, x, y, raster.Color{})
	return dst
}

func applyRandomResizedCrop(a *Augmenter, s step, src *raster.RGB) *raster.RGB {
	size := s.arg("size").int()
	scale := [2]float64{s.arg("scale_min").n, s.arg("scale_max").n}
	ratio := [2]float64{s.arg("ratio_min").n, s.arg("ratio_max").n}
	b := cropBox(a.draw.step(a.index, s.op.name), src.Width, src.Height, scale, ratio)
	crop := a.other(src, b.Dx(), b.Dy())
	raster.Crop(crop, src, b.Min.X, b.Min.Y, raster.Color{})
	return a.resize(s, crop, size, size)
}

func applyFlip(a *Augmenter, s step, src *raster.RGB) *raster.RGB {
	if a.draw.step(a.index, s.op.name).Float64() >= s.arg("p").n {
		return src
	}
	dst := a.own(src)
	Flip(dst)
	return dst
}
