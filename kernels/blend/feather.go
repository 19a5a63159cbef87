package blend

import (
	"math"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/morph"
	"github.com/tailorbird/tailorbird/kernels/raster"
)

// Feather blends the pixels of src under mask into dst, with src's corner at
// (x, y) of dst, and fades the object out towards its edge, inside the mask. A
// pixel whose nearest pixel of dst that is not under the mask is d pixels away
// (Euclidean, centre to centre) gets d / (radius+1) of the source and the rest of
// the base, or all of the source where that is 1 or more; radius 0 is Hard. The border
// of dst is no edge: an object that it cuts stays opaque there.
//
// It fails as Hard does, and with fault.Usage for a negative radius.
func (b *Blender) Feather(dst, src *raster.RGB, mask *morph.Bitmap, x, y, radius int) error {
	if radius < 0 {
		return fault.New(fault.Usage, "blend: feather radius %d", radius)
	}
	r := &b.at
	if err := r.place(dst, src, mask, x, y); err != nil {
		return err
	}
	if radius == 0 || r.w == 0 {
		r.copy(dst, src)
		return nil
	}
	// No distance inside the region is larger than its diagonal.
	reach := min(radius, r.w+r.h)
	b.columnDistances(reach)
	ramp := 1 / float64(radius+1)
	for row := range r.h {
		line := r.state[(row+1)*r.stride:][:r.stride]
		down := b.dist[(row+1)*r.stride:][:r.stride]
		to := dst.Pix[3*((r.dy+row)*dst.Width+r.dx):][:3*r.w]
		from := src.Pix[3*((r.sy+row)*src.Width+r.sx):][:3*r.w]
		for i := range r.w {
			if line[i+1] != object {
				continue
			}
			square := nearest(down, i+1, reach)
			if square >= int32((reach+1)*(reach+1)) {
				copy(to[3*i:3*i+3], from[3*i:3*i+3])
				continue
			}
			alpha := int(float64(math.Sqrt(float64(square))*ramp*65536) + 0.5)
			for c := 3 * i; c < 3*i+3; c++ {
				to[c] = byte((int(from[c])*alpha + int(to[c])*(65536-alpha) + 32768) >> 16)
			}
		}
	}
	return nil
}

// columnDistances writes to b.dist how far up or down the nearest base pixel of
// each pixel's column is, at most reach+1.
func (b *Blender) columnDistances(reach int) {
	r := &b.at
	b.dist = grow(b.dist, len(r.state))
	far := int32(reach + 1)
	above := func(i, step int) int32 {
		if r.state[i] == base {
			return 0
		}
		if j := i + step; j >= 0 && j < len(r.state) {
			return min(far, b.dist[j]+1)
		}
		return far
	}
	for i := range b.dist {
		b.dist[i] = above(i, -r.stride)
	}
	for i := len(b.dist) - 1; i >= 0; i-- {
		b.dist[i] = min(b.dist[i], above(i, r.stride))
	}
}

// nearest returns the squared distance from pixel i of a row to the nearest base
// pixel, exact up to reach, from the distances along the columns.
func nearest(down []int32, i, reach int) int32 {
	best := down[i] * down[i]
	for step := 1; step <= reach && int32(step*step) < best; step++ {
		across := int32(step * step)
		if j := i - step; j >= 0 {
			best = min(best, across+down[j]*down[j])
		}
		if j := i + step; j < len(down) {
			best = min(best, across+down[j]*down[j])
		}
	}
	return best
}
