package cpu

// convPanel is how many pixels of a result are computed side by side.
const convPanel = 16

// convSource says where the pixels of a result read an image: pixel (i, j) reads,
// for each tap, row i*step[0]+tap.y and column j*step[1]+tap.x, and 0 outside.
type convSource struct {
	c, h, w    int // of the image
	rows, cols int // of the result
	count      int // pixels of the result, all images together
	step       [2]int
}

// convTap is a value of a filter.
type convTap struct {
	offset int32 // y*w+x
	y, x   int32
}

// convPixels is where 16 pixels read, before a tap is added: the offset from the
// plane of the first image, row and column. A pixel beyond the last has a row that
// is outside with any tap.
type convPixels struct {
	offset, y, x [convPanel]int32
	apart        int // 1 or 2: so far are the pixels of either half from each other; 0: anything
}

// beyond is a row outside of any image.
const beyond = -1 << 30

// locate returns the 16 pixels from p on.
func (g *convSource) locate(at *convPixels, p int) {
	area := g.rows * g.cols
	n, i, j := p/area, p%area/g.cols, p%g.cols
	base, y, x := n*g.c*g.h*g.w, i*g.step[0], j*g.step[1]
	for l := range convPanel {
		at.offset[l], at.y[l], at.x[l] = int32(base+y*g.w+x), int32(y), int32(x)
		if p+l >= g.count {
			at.y[l] = beyond
		}
		x += g.step[1]
		if j++; j == g.cols {
			j, x, y = 0, 0, y+g.step[0]
			if i++; i == g.rows {
				i, y, base = 0, 0, base+g.c*g.h*g.w
			}
		}
	}
	at.apart = at.distance()
}

// distance returns 1 or 2 where all offsets of either half are so far apart, or 0.
func (at *convPixels) distance() int {
	apart := at.offset[1] - at.offset[0]
	for l := 1; l < convPanel; l++ {
		if l != convPanel/2 && at.offset[l]-at.offset[l-1] != apart {
			return 0
		}
	}
	if apart != 1 && apart != 2 {
		return 0
	}
	return int(apart)
}

// packPortable writes what the taps read for 16 pixels in each of some planes of
// src: 16 values at dst[tap*tapStride+plane*planeStride].
func (g *convSource) packPortable(dst []float32, tapStride, planeStride int, src []float32, planes int, at *convPixels, taps []convTap) {
	for i, t := range taps {
		for c := range planes {
			d := dst[i*tapStride+c*planeStride:][:convPanel]
			for l := range d {
				y, x := at.y[l]+t.y, at.x[l]+t.x
				if uint32(y) < uint32(g.h) && uint32(x) < uint32(g.w) {
					d[l] = src[c*g.h*g.w+int(at.offset[l]+t.offset)]
				} else {
					d[l] = 0
				}
			}
		}
	}
}
