package blend

import (
	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/morph"
	"github.com/tailorbird/tailorbird/kernels/raster"
)

// Mode chooses the gradients that Poisson and SeamlessClone keep.
type Mode uint8

const (
	// Normal keeps the source's gradients everywhere under the mask.
	Normal Mode = iota
	// Mixed keeps the stronger of the source's and the base's gradient, so that
	// the base's texture shows through flat parts of the source.
	Mixed
)

// Blender puts cut-outs into images. It keeps its scratch memory, so that a call
// allocates nothing once sizes repeat or shrink. The zero value is ready. A
// Blender is for one goroutine at a time.
type Blender struct {
	at      region
	dist    []int32
	poisson solver
	clone   cloner
}

// Hard copies the pixels of src under mask into dst, with src's corner at (x, y)
// of dst. What falls outside dst is left out. It fails with fault.Usage where
// src and mask differ in size or an image is shorter than its size says.
func (b *Blender) Hard(dst, src *raster.RGB, mask *morph.Bitmap, x, y int) error {
	if err := b.at.place(dst, src, mask, x, y); err != nil {
		return err
	}
	b.at.copy(dst, src)
	return nil
}

// States of a pixel of a region. What lies beyond dst is neither object nor
// base: an object that the image's border cuts has no edge there.
const (
	base   = byte(iota) // a pixel of dst that is not under the mask
	object              // a pixel of dst under the mask
	beyond              // not a pixel of dst
)

// region is the smallest rectangle around those pixels under a mask that fall on
// dst, with a frame of one pixel around it.
type region struct {
	w, h   int    // without the frame
	dx, dy int    // its corner in dst
	sx, sy int    // its corner in src
	stride int    // w + 2
	state  []byte // stride * (h + 2); the rectangle's corner is at stride + 1
}

// place makes r the region of mask on dst. The region is empty (w is 0) where
// nothing falls on dst.
func (r *region) place(dst, src *raster.RGB, mask *morph.Bitmap, x, y int) error {
	if err := check(dst, src, mask); err != nil {
		return err
	}
	// Comparing before subtracting keeps a corner far outside from overflowing.
	if x >= dst.Width || y >= dst.Height || x <= -src.Width || y <= -src.Height {
		r.w, r.h = 0, 0
		return nil
	}
	x0, y0 := max(0, -x), max(0, -y)
	x1, y1 := min(src.Width, dst.Width-x), min(src.Height, dst.Height-y)
	x0, y0, x1, y1 = bounds(mask, x0, y0, x1, y1)
	*r = region{w: x1 - x0, h: y1 - y0, dx: x + x0, dy: y + y0, sx: x0, sy: y0, stride: x1 - x0 + 2, state: r.state}
	if r.w == 0 {
		return nil
	}
	r.state = grow(r.state, r.stride*(r.h+2))
	clear(r.state)
	for row := range r.h {
		line := r.state[(row+1)*r.stride+1:][:r.w]
		for i, m := range mask.Pix[(y0+row)*mask.Width+x0:][:r.w] {
			if m != 0 {
				line[i] = object
			}
		}
	}
	r.frame(dst)
	return nil
}

// frame marks the pixels of the frame that are not pixels of dst.
func (r *region) frame(dst *raster.RGB) {
	last := r.stride * (r.h + 1)
	if r.dy == 0 {
		fill(r.state[:r.stride], beyond)
	}
	if r.dy+r.h == dst.Height {
		fill(r.state[last:], beyond)
	}
	left, right := r.dx == 0, r.dx+r.w == dst.Width
	for i := 0; i <= last && (left || right); i += r.stride {
		if left {
			r.state[i] = beyond
		}
		if right {
			r.state[i+r.stride-1] = beyond
		}
	}
}

// copy puts the object's pixels into dst.
func (r *region) copy(dst, src *raster.RGB) {
	for row := range r.h {
		line := r.state[(row+1)*r.stride+1:][:r.w]
		to := dst.Pix[3*((r.dy+row)*dst.Width+r.dx):][:3*r.w]
		from := src.Pix[3*((r.sy+row)*src.Width+r.sx):][:3*r.w]
		for i, s := range line {
			if s == object {
				copy(to[3*i:3*i+3], from[3*i:3*i+3])
			}
		}
	}
}

// check tells what is wrong with the arguments of a blend.
func check(dst, src *raster.RGB, mask *morph.Bitmap) error {
	if src.Width != mask.Width || src.Height != mask.Height {
		return fault.New(fault.Usage, "blend: mask of %d x %d for a source of %d x %d", mask.Width, mask.Height, src.Width, src.Height)
	}
	if src.Width < 0 || src.Height < 0 || len(mask.Pix) < mask.Width*mask.Height {
		return fault.New(fault.Usage, "blend: mask of %d x %d has %d bytes", mask.Width, mask.Height, len(mask.Pix))
	}
	for _, m := range []*raster.RGB{dst, src} {
		if m.Width < 0 || m.Height < 0 || len(m.Pix) < 3*m.Width*m.Height {
			return fault.New(fault.Usage, "blend: image of %d x %d has %d bytes", m.Width, m.Height, len(m.Pix))
		}
	}
	return nil
}

// bounds returns the smallest rectangle around the foreground in the given one,
// empty at its corner where there is none.
func bounds(mask *morph.Bitmap, x0, y0, x1, y1 int) (int, int, int, int) {
	left, top, right, bottom := x1, y1, x0, y0
	for y := y0; y < y1; y++ {
		line := mask.Pix[y*mask.Width:][:mask.Width]
		first := x0
		for first < x1 && line[first] == 0 {
			first++
		}
		if first == x1 {
			continue
		}
		last := x1 - 1
		for line[last] == 0 {
			last--
		}
		left, right = min(left, first), max(right, last+1)
		top, bottom = min(top, y), y+1
	}
	if right <= left {
		return x0, y0, x0, y0
	}
	return left, top, right, bottom
}

func fill(b []byte, v byte) {
	for i := range b {
		b[i] = v
	}
}

// grow returns s with n elements, undefined, in its own memory when that is
// large enough.
func grow[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}
