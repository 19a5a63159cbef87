package blend

import (
	"math"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/morph"
	"github.com/tailorbird/tailorbird/kernels/raster"
)

// erosion is how many pixels SeamlessClone takes off the mask, in both directions
// of both axes, before it keeps the source's gradients.
const erosion = 3

// cloner is the scratch of SeamlessClone.
type cloner struct {
	mask, kept  []byte
	diff        []float64 // of one channel: the unknowns row by row
	along, down []int32   // gradients of source less base where the source's is kept
	sines       sineCache
	pivots      []float64
	spare       []float64
}

// SeamlessClone makes dst the image under with src's pixels cloned into it, as
// OpenCV's cv2.seamlessClone does: the mask loses its outermost rows and columns;
// the rectangle around what is left goes where its middle, rounded down, falls on
// (centerX, centerY); the mask is eroded by 3 pixels, with background beyond the
// rectangle; inside it the source's forward differences are kept (Mixed: of source
// or base, whichever has the larger |horizontal - vertical| difference, which is
// OpenCV's rule and not the paper's) and the base's outside it; Poisson's
// equation with those gradients is solved on the whole rectangle, whose border
// keeps the base; and the solution loses its fraction. Pixels of the rectangle
// outside the mask therefore change too: Poisson does not touch them.
//
// An empty mask gives the base. It fails with fault.Usage where sizes do not
// match, where the rectangle leaves the base, or where it is narrower or lower
// than 3 pixels, which OpenCV does not take either. dst must not be src, but may
// be under.
func (b *Blender) SeamlessClone(dst, src, under *raster.RGB, mask *morph.Bitmap, centerX, centerY int, mode Mode) error {
	if err := check(under, src, mask); err != nil {
		return err
	}
	if err := checkMode(mode); err != nil {
		return err
	}
	w, h, x0, y0 := 0, 0, 0, 0
	if mask.Width > 2 && mask.Height > 2 {
		x0, y0, w, h = bounds(mask, 1, 1, mask.Width-1, mask.Height-1)
		w, h = w-x0, h-y0
	}
	if dst != under {
		dst.Reset(under.Width, under.Height)
		copy(dst.Pix, under.Pix)
	}
	if w <= 0 || h <= 0 {
		return nil
	}
	if w < 3 || h < 3 {
		return fault.New(fault.Usage, "blend: clone of %d x %d, needs 3 x 3", w, h)
	}
	dx, dy := centerX-w/2, centerY-h/2
	if dx < 0 || dy < 0 || dx > under.Width-w || dy > under.Height-h {
		return fault.New(fault.Usage, "blend: clone of %d x %d at (%d, %d) leaves the base of %d x %d", w, h, dx, dy, under.Width, under.Height)
	}
	c := &b.clone
	c.erode(mask, x0, y0, w, h)
	for channel := range 3 {
		f := plane{dst.Pix[3*(dy*dst.Width+dx)+channel:], 3 * dst.Width, w, h}
		g := plane{src.Pix[3*(y0*src.Width+x0)+channel:], 3 * src.Width, w, h}
		c.divergence(f, g, mode)
		c.solve(w-2, h-2)
		c.add(f)
	}
	return nil
}

// plane is one channel of a rectangle of an interleaved image.
type plane struct {
	pix    []byte
	stride int
	w, h   int
}

func (p plane) at(x, y int) int32 { return int32(p.pix[y*p.stride+3*x]) }

// erode fills c.kept with the w x h pixels of mask from (x0, y0) on, eroded. The
// square is taken apart into a row and a column.
func (c *cloner) erode(mask *morph.Bitmap, x0, y0, w, h int) {
	c.mask, c.kept = grow(c.mask, w*h), grow(c.kept, w*h)
	run := func(at func(i int) byte, set func(i int, v byte), n int) {
		// since counts the foreground up to and including i+erosion.
		since := 0
		for i := range n + erosion {
			if i < n && at(i) != 0 {
				since++
			} else {
				since = 0
			}
			if j := i - erosion; j >= 0 {
				v := byte(0)
				if since > 2*erosion {
					v = 1
				}
				set(j, v)
			}
		}
	}
	for y := range h {
		line := mask.Pix[(y0+y)*mask.Width+x0:]
		out := c.mask[y*w:]
		run(func(i int) byte { return line[i] }, func(i int, v byte) { out[i] = v }, w)
	}
	for x := range w {
		run(func(i int) byte { return c.mask[i*w+x] }, func(i int, v byte) { c.kept[i*w+x] = v }, h)
	}
}

// divergence fills c.diff with the right side of Poisson's equation for what is to
// be added to the base f: the divergence of the guidance field less the base's
// own gradients, which is zero wherever the base's are kept.
func (c *cloner) divergence(f, g plane, mode Mode) {
	w, h := f.w, f.h
	c.along, c.down = grow(c.along, w*h), grow(c.down, w*h)
	for y := range h - 1 {
		for x := range w - 1 {
			i := y*w + x
			c.along[i], c.down[i] = 0, 0
			if c.kept[i] == 0 {
				continue
			}
			here, there := f.at(x, y), g.at(x, y)
			fx, fy := f.at(x+1, y)-here, f.at(x, y+1)-here
			gx, gy := g.at(x+1, y)-there, g.at(x, y+1)-there
			if mode == Normal || abs(gx-gy) > abs(fx-fy) {
				c.along[i], c.down[i] = gx-fx, gy-fy
			}
		}
	}
	c.diff = grow(c.diff, (w-2)*(h-2))
	for y := 1; y < h-1; y++ {
		out := c.diff[(y-1)*(w-2):][:w-2]
		for x := range out {
			i := y*w + x + 1
			out[x] = float64(c.along[i] - c.along[i-1] + c.down[i] - c.down[i-w])
		}
	}
}

// solve replaces c.diff, w x h, by the solution of the five-point Poisson equation
// with zeros around it (Hockney, "A fast direct solution of Poisson's equation
// using Fourier analysis", 1965): a sine transform along the rows leaves one
// tridiagonal system a column.
func (c *cloner) solve(w, h int) {
	s := c.sines.get(w)
	c.transformRows(s, w, h)
	c.pivots = grow(c.pivots, w*h)
	for x := range w {
		_, cos := sinCos(x+1, 2*(w+1))
		diagonal := float64(2*cos) - 4
		pivot := 1 / diagonal
		for y := range h {
			i := y*w + x
			if y > 0 {
				pivot = 1 / (diagonal - pivot)
				c.diff[i] -= c.diff[i-w]
			}
			c.pivots[i] = pivot
			c.diff[i] *= pivot
		}
		for i := (h-2)*w + x; i >= 0; i -= w {
			c.diff[i] -= float64(c.pivots[i] * c.diff[i+w])
		}
	}
	c.transformRows(s, w, h)
	scale := 2 / float64(w+1)
	for i := range c.diff {
		c.diff[i] *= scale
	}
}

func (c *cloner) transformRows(s *sine, w, h int) {
	c.spare = grow(c.spare, w)
	for y := 0; y < h; y += 2 {
		second := c.spare
		if y+1 < h {
			second = c.diff[(y+1)*w:][:w]
		} else {
			clear(second)
		}
		s.pair(c.diff[y*w:][:w], second)
	}
}

// add puts the solution on the base. A sum that is a whole number up to rounding
// is taken for one before its fraction is dropped.
func (c *cloner) add(f plane) {
	for y := 1; y < f.h-1; y++ {
		line := c.diff[(y-1)*(f.w-2):][:f.w-2]
		for x, v := range line {
			i := y*f.stride + 3*(x+1)
			f.pix[i] = byte(min(max(math.Floor(float64(f.pix[i])+v+1e-6), 0), 255))
		}
	}
}

func abs(v int32) int32 { return max(v, -v) }
