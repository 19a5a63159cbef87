package inpaint

import (
	"math"

	"github.com/tailorbird/tailorbird/kernels/morph"
	"github.com/tailorbird/tailorbird/kernels/raster"
)

// Telea fills by the fast marching method of A. Telea, "An Image Inpainting
// Technique Based on the Fast Marching Method", Journal of Graphics Tools 9(1),
// 2004: each pixel is a weighted mean of the known ones within a radius, carried
// on along their gradients. Its pixels are those of OpenCV's INPAINT_TELEA.
type Telea struct {
	filler
	radius int
}

// NewTelea returns a Telea that looks radius pixels far, 1 to 100 (others are
// brought into that range).
func NewTelea(radius int) *Telea {
	radius = clampRadius(radius)
	t := &Telea{radius: radius}
	t.disk = disk(radius, func(s float64) float64 { return 1 / float64(s*math.Sqrt(s)) })
	return t
}

// Name is telea/VERSION with the radius.
func (t *Telea) Name() string { return nameWithRadius("telea", t.radius) }

// Inpaint implements Inpainter.
func (t *Telea) Inpaint(dst, src *raster.RGB, mask *morph.Bitmap) error {
	hole, err := begin(dst, src, mask)
	if hole == 0 || err != nil {
		return err
	}
	t.begin(dst, mask)
	t.march.outwards(t.radius)
	t.paint(t.pixel)
	return nil
}

// sums are those of one channel: of the weighted samples, and of the weighted
// gradients times the way to the pixel.
type sums struct{ i, jx, jy float32 }

// pixel paints one pixel: equation 2 of the paper with the weights of its
// equation 3 (direction, distance, level), the gradient term normalised to its
// own length as OpenCV has it.
func (t *Telea) pixel(x, y, i int) {
	m := &t.march
	tx, ty := t.gradient(i, 1), t.gradient(i, m.stride)
	var c [3]sums
	total := float32(1e-20)
	for n, d := range t.disk {
		if !t.inside(d, x, y) {
			continue
		}
		q := i + t.reach[n]
		if m.state[q] == unknown {
			continue
		}
		rx, ry := float32(-d.dx), float32(-d.dy)
		level := float32(1 / (1 + float64(abs(m.t[q]-m.t[i]))))
		dir := float32(rx*tx) + float32(ry*ty)
		if abs(dir) <= 0.01 {
			dir = 1e-6
		}
		weight := abs(float32(float32(d.weight*level) * dir))
		t.add(&c, x+d.dx, y+d.dy, q, weight, rx, ry)
		total += weight
	}
	out := t.pix[3*(y*t.w+x):][:3]
	for k := range out {
		s := c[k]
		length := float32(math.Sqrt(float64(float32(s.jx*s.jx) + float32(s.jy*s.jy))))
		v := s.i/total + (s.jx+s.jy)/(length+1e-20)
		out[k] = saturate(float64(v) + 0.5)
	}
}

// gradient is that of T at pixel i along the axis of that step, from the known
// neighbours.
func (t *Telea) gradient(i, step int) float32 {
	m := &t.march
	before, after := m.state[i-step] != unknown, m.state[i+step] != unknown
	switch {
	case before && after:
		return (m.t[i+step] - m.t[i-step]) * 0.5
	case after:
		return m.t[i+step] - m.t[i]
	case before:
		return m.t[i] - m.t[i-step]
	}
	return 0
}

// add adds what the known pixel q at x, y tells to the sums of each channel. A
// centred difference counts twice its span, as OpenCV has it.
func (t *Telea) add(c *[3]sums, x, y, q int, weight, rx, ry float32) {
	m := &t.march
	col, row := t.cols[x], t.rows[y]
	left, right := m.state[q-1] != unknown, m.state[q+1] != unknown
	above, below := m.state[q-m.stride] != unknown, m.state[q+m.stride] != unknown
	x0, x1, sx := difference(left, right, col)
	y0, y1, sy := difference(above, below, row)
	at := t.pix[3*(y*t.w+x):][:3]
	px0, px1 := t.pix[row.at+x0:][:3], t.pix[row.at+x1:][:3]
	py0, py1 := t.pix[y0+col.at:][:3], t.pix[y1+col.at:][:3]
	for k := range c {
		gx := float32((int32(px1[k]) - int32(px0[k])) * sx)
		gy := float32((int32(py1[k]) - int32(py0[k])) * sy)
		c[k].i += float32(weight * float32(at[k]))
		c[k].jx -= float32(weight * float32(gx*rx))
		c[k].jy -= float32(weight * float32(gy*ry))
	}
}

// difference picks the two samples of a difference and its factor. With no
// neighbour known both are the same.
func difference(before, after bool, t tap) (from, to int, factor int32) {
	switch {
	case before && after:
		return t.before, t.behind, 2
	case after:
		return t.at, t.behind, 1
	case before:
		return t.before, t.at2, 1
	}
	return t.at, t.at, 0
}

func abs(v float32) float32 { return float32(math.Abs(float64(v))) }

// saturate rounds to the nearest byte, half to even. Not a number is 0.
func saturate(v float64) byte {
	switch v = math.RoundToEven(v); {
	case v >= 255:
		return 255
	case v > 0:
		return byte(v)
	}
	return 0
}
