package inpaint

import (
	"math/bits"
	"math/rand/v2"

	"github.com/tailorbird/tailorbird/kernels/morph"
	"github.com/tailorbird/tailorbird/kernels/raster"
)

// level is one resolution of a PatchMatch. Patches go by the index of their
// top-left pixel.
type level struct {
	w, h, side int
	pix        []byte  // RGB; in the hole the estimate of the moment
	depth      []int32 // steps (in 8 directions) out of the hole, 0 outside it
	deepest    int
	source     []bool  // whether the patch lies in the picture and is known whole
	sources    []int32 // the patches of source
	targets    []int32 // the patches that reach into the hole, in scan order
	like       []int32 // of a target the source that is most like it, else -1
	apart      []int32 // of a target the sum of squared differences from it
}

// load makes l the finest level.
func (l *level) load(m *raster.RGB, mask *morph.Bitmap) {
	l.size(m.Width, m.Height)
	copy(l.pix, m.Pix)
	for i, v := range mask.Pix {
		if v != 0 {
			l.depth[i] = 1
		}
	}
}

func (l *level) size(w, h int) {
	l.w, l.h = w, h
	l.pix = sized(l.pix, 3*w*h)
	l.depth = zeroed(l.depth, w*h)
}

// halve makes l the next coarser level after fine: means of 2 x 2 pixels, of which
// none may be in the hole.
func (l *level) halve(fine *level) {
	l.size((fine.w+1)/2, (fine.h+1)/2)
	for y := range l.h {
		y0, y1 := 2*y*fine.w, min(2*y+1, fine.h-1)*fine.w
		for x := range l.w {
			x0, x1 := 2*x, min(2*x+1, fine.w-1)
			a, b, c, d := y0+x0, y0+x1, y1+x0, y1+x1
			i := y*l.w + x
			if fine.depth[a]|fine.depth[b]|fine.depth[c]|fine.depth[d] != 0 {
				l.depth[i] = 1
				continue
			}
			for k := range 3 {
				sum := int(fine.pix[3*a+k]) + int(fine.pix[3*b+k]) + int(fine.pix[3*c+k]) + int(fine.pix[3*d+k])
				l.pix[3*i+k] = byte((sum + 2) / 4)
			}
		}
	}
}

// prepare measures the hole and lists the patches of that side.
func (l *level) prepare(side int) {
	l.side = side
	l.measureDepth()
	n := l.w * l.h
	l.source = zeroed(l.source, n)
	l.like = sized(l.like, n)
	l.apart = zeroed(l.apart, n)
	l.sources, l.targets = l.sources[:0], l.targets[:0]
	for i := range l.like {
		l.like[i] = -1
	}
	// holes counts the hole's pixels in a patch: column sums that move down, a
	// window that moves along.
	columns := l.apart[:l.w] // free until the first search
	for y := 0; y < l.h; y++ {
		for x := range l.w {
			columns[x] += l.inHole(x, y) - l.inHole(x, y-side)
		}
		if y < side-1 {
			continue
		}
		holes := int32(0)
		for x := range l.w {
			holes += columns[x]
			if x >= side {
				holes -= columns[x-side]
			}
			if x >= side-1 {
				l.list(int32((y-side+1)*l.w+x-side+1), holes)
			}
		}
	}
	clear(columns)
}

// inHole is 1 for a pixel of the hole, else 0, also above the picture.
func (l *level) inHole(x, y int) int32 {
	if y < 0 || l.depth[y*l.w+x] == 0 {
		return 0
	}
	return 1
}

func (l *level) list(patch, holes int32) {
	if holes == 0 {
		l.source[patch] = true
		l.sources = append(l.sources, patch)
		return
	}
	l.targets = append(l.targets, patch)
}

// measureDepth is the chessboard distance transform in two sweeps (Rosenfeld and
// Pfaltz 1966). The picture's edge is no way out.
func (l *level) measureDepth() {
	const endless = 1 << 30
	for i, d := range l.depth {
		if d > 0 {
			l.depth[i] = endless
		}
	}
	for i := range l.depth {
		l.shallower(i, i%l.w, i/l.w, -1)
	}
	l.deepest = 0
	for i := len(l.depth) - 1; i >= 0; i-- {
		l.shallower(i, i%l.w, i/l.w, 1)
		l.deepest = max(l.deepest, int(l.depth[i]))
	}
}

// shallower lowers the depth of a pixel to one more than that of the neighbours
// that the sweep, coming from the side `from`, has seen.
func (l *level) shallower(i, x, y, from int) {
	if l.depth[i] == 0 {
		return
	}
	if side := x + from; side >= 0 && side < l.w {
		l.depth[i] = min(l.depth[i], l.depth[i+from]+1)
	}
	if row := y + from; row < 0 || row >= l.h {
		return
	}
	for nx := max(x-1, 0); nx <= min(x+1, l.w-1); nx++ {
		l.depth[i] = min(l.depth[i], l.depth[(y+from)*l.w+nx]+1)
	}
}

// peel fills the hole from outside in, each pixel with the mean of its neighbours
// that are less deep: something smooth to begin with.
func (l *level) peel() {
	for d := int32(1); d <= int32(l.deepest); d++ {
		for i, v := range l.depth {
			if v == d {
				l.average(i, d)
			}
		}
	}
}

func (l *level) average(i int, d int32) {
	var sum [3]int
	n, x, y := 0, i%l.w, i/l.w
	for ny := max(y-1, 0); ny <= min(y+1, l.h-1); ny++ {
		for nx := max(x-1, 0); nx <= min(x+1, l.w-1); nx++ {
			if j := ny*l.w + nx; l.depth[j] < d {
				n++
				for k := range sum {
					sum[k] += int(l.pix[3*j+k])
				}
			}
		}
	}
	for k, s := range sum {
		l.pix[3*i+k] = byte((s + n/2) / n)
	}
}

// copyHole copies the pixels of the hole to m.
func (l *level) copyHole(m *raster.RGB) {
	for i, d := range l.depth {
		if d > 0 {
			copy(m.Pix[3*i:3*i+3], l.pix[3*i:])
		}
	}
}

// below draws a number from 0 to n-1.
func below(random *rand.PCG, n int) int {
	v, _ := bits.Mul64(random.Uint64(), uint64(n))
	return int(v)
}
