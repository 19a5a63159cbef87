package augment

import (
	"math"

	"github.com/tailorbird/tailorbird/kernels/raster"
)

// Matrix maps a pixel of the result to its source: x' = m0 x + m1 y + m2,
// y' = m3 x + m4 y + m5, pixel centres at a half.
type Matrix [6]float64

// Affine makes a picture of src's size from the nearest pixels of src, black
// where there is none. It has the arithmetic of Pillow's transform(AFFINE,
// NEAREST): steps of 16.16 fixed point, of floats where only the scale changes.
func (a *Augmenter) Affine(src *raster.RGB, m Matrix) *raster.RGB {
	dst := a.other(src, src.Width, src.Height)
	clear(dst.Pix)
	if m[1] == 0 && m[3] == 0 {
		a.scale(dst, src, m)
	} else {
		turn(dst, src, m)
	}
	return dst
}

func (a *Augmenter) scale(dst, src *raster.RGB, m Matrix) {
	w, h := src.Width, src.Height
	if cap(a.columns) < w {
		a.columns = make([]int32, w)
	}
	cols := a.columns[:w]
	at := m[2] + float64(m[0]*0.5)
	for x := range cols {
		cols[x] = int32(nearest(at, w))
		at += m[0]
	}
	at = m[5] + float64(m[4]*0.5)
	for y := range h {
		if row := nearest(at, h); row >= 0 {
			for x, c := range cols {
				if c >= 0 {
					copy(dst.Pix[3*(y*w+x):][:3], src.Pix[3*(row*w+int(c)):][:3])
				}
			}
		}
		at += m[4]
	}
}

// nearest is the sample that v lies in, -1 outside.
func nearest(v float64, n int) int {
	if !(v >= 0 && v < float64(n)) {
		return -1
	}
	return int(v)
}

func turn(dst, src *raster.RGB, m Matrix) {
	w, h := src.Width, src.Height
	fixed := func(v float64) int64 { return int64(math.Floor(float64(v*65536) + 0.5)) }
	x0 := fixed(m[2] + float64(m[0]*0.5) + float64(m[1]*0.5))
	y0 := fixed(m[5] + float64(m[3]*0.5) + float64(m[4]*0.5))
	xx, xy, yx, yy := fixed(m[0]), fixed(m[1]), fixed(m[3]), fixed(m[4])
	for y := range h {
		sx, sy := x0, y0
		out := dst.Pix[3*w*y:][:3*w]
		for i := 0; i < len(out); i += 3 {
			if c, r := sx>>16, sy>>16; uint64(c) < uint64(w) && uint64(r) < uint64(h) {
				p := src.Pix[3*(int(r)*w+int(c)):]
				out[i], out[i+1], out[i+2] = p[0], p[1], p[2]
			}
			sx, sy = sx+xx, sy+yx
		}
		x0, y0 = x0+xy, y0+yy
	}
}

// Rotation turns a w x h picture by degrees, counter-clockwise, around its
// middle, as Pillow's Image.rotate does: the sines rounded to 15 digits.
func Rotation(w, h int, degrees float64) Matrix {
	rad := -math.Mod(degrees, 360) * math.Pi / 180
	c, s := round15(math.Cos(rad)), round15(math.Sin(rad))
	cx, cy := float64(w)/2, float64(h)/2
	return Matrix{c, s, float64(c*-cx) + float64(s*-cy) + cx, -s, c, float64(-s*-cx) + float64(c*-cy) + cy}
}

func round15(v float64) float64 { return math.RoundToEven(v*1e15) / 1e15 }

// Shear moves each row by x times its height, and each column by y times its
// distance from the left edge, around the corner at the top left.
func Shear(x, y float64) Matrix {
	if x != 0 {
		return Matrix{1, x, 0, 0, 1, 0}
	}
	return Matrix{1, 0, 0, y, 1, 0}
}

// Translation moves a picture right and down by pixels.
func Translation(x, y int) Matrix { return Matrix{1, 0, float64(-x), 0, 1, float64(-y)} }
