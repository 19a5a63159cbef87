package inpaint

import (
	"math"

	"github.com/tailorbird/tailorbird/kernels/morph"
	"github.com/tailorbird/tailorbird/kernels/raster"
)

// NavierStokes fills so that lines of equal brightness run on into the hole, after
// M. Bertalmio, A. Bertozzi and G. Sapiro, "Navier-Stokes, Fluid Dynamics, and
// Image and Video Inpainting", CVPR 2001, in the one-pass form of OpenCV's
// INPAINT_NS, whose pixels these are: a mean of the known pixels within a radius,
// weighted by how well the way from them follows their lines.
type NavierStokes struct {
	filler
	radius int
}

// NewNavierStokes returns one that looks radius pixels far, 1 to 100 (others are
// brought into that range).
func NewNavierStokes(radius int) *NavierStokes {
	radius = clampRadius(radius)
	n := &NavierStokes{radius: radius}
	n.disk = disk(radius, func(s float64) float64 { return 1 / (float64(s*s) + 1) })
	return n
}

// Name is navier_stokes/VERSION with the radius.
func (n *NavierStokes) Name() string { return nameWithRadius("navier_stokes", n.radius) }

// Inpaint implements Inpainter.
func (n *NavierStokes) Inpaint(dst, src *raster.RGB, mask *morph.Bitmap) error {
	hole, err := begin(dst, src, mask)
	if hole == 0 || err != nil {
		return err
	}
	n.begin(dst, mask)
	n.paint(n.pixel)
	return nil
}

// mean is the weighted mean of one channel in the making.
type mean struct{ sum, weight float32 }

func (n *NavierStokes) pixel(x, y, i int) {
	var c [3]mean
	for k := range c {
		c[k].weight = 1e-20
	}
	for e, d := range n.disk {
		if q := i + n.reach[e]; n.inside(d, x, y) && n.march.state[q] != unknown {
			n.add(&c, d, x+d.dx, y+d.dy, q)
		}
	}
	out := n.pix[3*(y*n.w+x):][:3]
	for k := range out {
		out[k] = saturate(float64(c[k].sum) / float64(c[k].weight))
	}
}

// add adds the known pixel q at x, y to the mean of each channel.
func (n *NavierStokes) add(c *[3]mean, d near, x, y, q int) {
	m := &n.march
	col, row := n.cols[x], n.rows[y]
	left, right := m.state[q-1] != unknown, m.state[q+1] != unknown
	above, below := m.state[q-m.stride] != unknown, m.state[q+m.stride] != unknown
	at, mid := n.pix[3*(y*n.w+x):][:3], n.pix[row.at+col.at:][:3]
	for k := range c {
		dy := slope(above, below,
			apart(n.pix[row.behind+col.at+k], n.pix[row.at2+col.at+k]), apart(n.pix[row.at2+col.at+k], n.pix[row.before+col.at+k]))
		dx := slope(left, right,
			apart(n.pix[row.at+col.behind+k], mid[k]), apart(mid[k], n.pix[row.at+col.before+k]))
		w := float32(d.weight * along(float32(d.dx), float32(d.dy), -dy, dx))
		c[k].sum += float32(w * float32(at[k]))
		c[k].weight += w
	}
}

// slope is the sum of the two one-sided differences' sizes, twice the one where
// the other has no known pixel.
func slope(before, after bool, forward, backward int32) float32 {
	switch {
	case before && after:
		return float32(forward + backward)
	case after:
		return float32(2 * forward)
	case before:
		return float32(2 * backward)
	}
	return 0
}

// along is the cosine between the way r and the line g, no less than a trifle.
func along(rx, ry, gx, gy float32) float32 {
	dot := float32(rx*gx) + float32(ry*gy)
	if abs(dot) <= 0.01 {
		return 1e-6
	}
	r2 := float32(rx*rx) + float32(ry*ry)
	g2 := float32(gx*gx) + float32(gy*gy)
	return abs(dot / float32(math.Sqrt(float64(float32(r2*g2)))))
}

func apart(a, b byte) int32 { return max(int32(a)-int32(b), int32(b)-int32(a)) }
