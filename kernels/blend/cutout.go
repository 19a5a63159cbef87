package blend

import (
	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/morph"
	"github.com/tailorbird/tailorbird/kernels/raster"
	"github.com/tailorbird/tailorbird/kernels/resize"
)

// Cutout is an object cut from an image: the pixels of a rectangle around it and
// its mask, of one size.
type Cutout struct {
	Image raster.RGB
	Mask  morph.Bitmap
}

// Resampler scales cut-outs. It keeps its scratch memory, so that a call allocates
// nothing once sizes repeat or shrink. The zero value is ready: bicubic, with
// binary masks. A Resampler is for one goroutine at a time.
type Resampler struct {
	// Filter is the antialiased filter. Bicubic is sharper and, as everywhere, may
	// overshoot by some per cent along the inside of the object's edge; bilinear
	// never does.
	Filter resize.Filter
	// Soft takes the mask's bytes for opacity and keeps what the filter makes of
	// them. Otherwise a mask is 0 or not, and a scaled pixel belongs to the object,
	// as 255, when at least half of it does.
	Soft bool

	resizer       resize.Resizer
	premultiplied raster.RGB
	object        raster.RGB
	alpha         []byte
}

// Scale makes dst the cut-out src at w x h pixels, mirrored left to right when
// flip is set. The samples are premultiplied with the mask, so that what is around
// the object does not bleed into it; outside the new mask dst has the source's
// surroundings, scaled as they are, which Poisson wants to see. dst keeps its
// buffers when they are large enough and must not be src. It fails with
// fault.Usage where a size is not positive or the parts of src do not fit.
func (r *Resampler) Scale(dst, src *Cutout, w, h int, flip bool) error {
	if err := check(&src.Image, &src.Image, &src.Mask); err != nil {
		return err
	}
	sw, sh := src.Image.Width, src.Image.Height
	if w <= 0 || h <= 0 || sw == 0 || sh == 0 {
		return fault.New(fault.Usage, "blend: cut-out of %d x %d to %d x %d", sw, sh, w, h)
	}
	if dst == src {
		return fault.New(fault.Usage, "blend: cut-out of %d x %d scaled into itself", sw, sh)
	}
	o := resize.Options{Filter: r.Filter}
	r.premultiply(src)
	r.object.Reset(w, h)
	dst.Image.Reset(w, h)
	dst.Mask.Reset(w, h)
	r.resizer.RGB(&r.object, &r.premultiplied, o)
	r.resizer.RGB(&dst.Image, &src.Image, o)
	r.resizer.Plane(dst.Mask.Pix, w, w, h, r.alpha, sw, sw, sh, o)
	r.compose(dst)
	if flip {
		mirror(dst)
	}
	return nil
}

// premultiply fills r.alpha and r.premultiplied from src.
func (r *Resampler) premultiply(src *Cutout) {
	n := src.Image.Width * src.Image.Height
	r.premultiplied.Reset(src.Image.Width, src.Image.Height)
	r.alpha = grow(r.alpha, n)
	for i, m := range src.Mask.Pix[:n] {
		if m != 0 && !r.Soft {
			m = 255
		}
		r.alpha[i] = m
		from, to := src.Image.Pix[3*i:3*i+3], r.premultiplied.Pix[3*i:3*i+3]
		switch m {
		case 0:
			to[0], to[1], to[2] = 0, 0, 0
		case 255:
			to[0], to[1], to[2] = from[0], from[1], from[2]
		default:
			for c, v := range from {
				to[c] = byte((int(v)*int(m) + 127) / 255)
			}
		}
	}
}

// compose divides the object's samples by their opacity and puts them over the
// surroundings in dst.
func (r *Resampler) compose(dst *Cutout) {
	for i, a := range dst.Mask.Pix {
		if !r.Soft {
			if a < 128 {
				dst.Mask.Pix[i] = 0
				continue
			}
			dst.Mask.Pix[i] = 255
		}
		if a == 0 {
			continue
		}
		from, to := r.object.Pix[3*i:3*i+3], dst.Image.Pix[3*i:3*i+3]
		if a == 255 {
			to[0], to[1], to[2] = from[0], from[1], from[2]
			continue
		}
		for c, v := range from {
			to[c] = byte(min(255, (int(v)*255+int(a)/2)/int(a)))
		}
	}
}

// mirror swaps left and right.
func mirror(m *Cutout) {
	w := m.Image.Width
	for y := range m.Image.Height {
		row, mask := m.Image.Pix[3*w*y:][:3*w], m.Mask.Pix[w*y:][:w]
		for i, j := 0, w-1; i < j; i, j = i+1, j-1 {
			mask[i], mask[j] = mask[j], mask[i]
			a, b := 3*i, 3*j
			row[a], row[b] = row[b], row[a]
			row[a+1], row[b+1] = row[b+1], row[a+1]
			row[a+2], row[b+2] = row[b+2], row[a+2]
		}
	}
}
