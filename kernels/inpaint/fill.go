package inpaint

import (
	"github.com/tailorbird/tailorbird/kernels/morph"
	"github.com/tailorbird/tailorbird/kernels/raster"
)

// filler is what the two marching methods share: they paint the pixels of the
// hole in the order of their distance from its edge, each from the pixels within
// a radius that are known by then.
type filler struct {
	march      march
	disk       []near
	reach      []int // index of each element of disk relative to its centre
	cols, rows []tap
	pix        []byte
	w, h       int
}

// begin lays out the picture that is filled in place.
func (f *filler) begin(dst *raster.RGB, mask *morph.Bitmap) {
	f.w, f.h, f.pix = dst.Width, dst.Height, dst.Pix
	f.cols = taps(f.cols, f.w, 3)
	f.rows = taps(f.rows, f.h, 3*f.w)
	f.march.start(mask)
	f.reach = sized(f.reach, len(f.disk))
	for i, d := range f.disk {
		f.reach[i] = d.dy*f.march.stride + d.dx
	}
}

// paint visits the hole from its edge inwards and calls pixel for each one, after
// its distance is known and before it counts as known itself. x and y are from 0,
// i is the index in the planes of march.
func (f *filler) paint(pixel func(x, y, i int)) {
	m := &f.march
	neighbours := m.neighbours()
	for {
		i, ok := m.queue.pop()
		if !ok {
			return
		}
		for _, d := range neighbours {
			j := i + d
			if m.state[j] != unknown {
				continue
			}
			m.t[j] = m.distance(j)
			pixel(j%m.stride-1, j/m.stride-1, j)
			m.state[j] = known
			m.queue.push(m.t[j], j)
		}
	}
}

// inside reports whether the neighbour n of the pixel x, y lies in the picture.
func (f *filler) inside(n near, x, y int) bool {
	return uint(x+n.dx) < uint(f.w) && uint(y+n.dy) < uint(f.h)
}
