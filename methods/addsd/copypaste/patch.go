package copypaste

import (
	"math/bits"

	"github.com/tailorbird/tailorbird/kernels/rle"
)

// patch is a binary mask of a window of an image, a bit a pixel, column by
// column as run lengths have it. Each column ends in a word of zeros, so that 64
// bits can be read from any row on.
type patch struct {
	box    [4]int // the window: x, y, width, height in pixels of the image
	stride int    // words a column
	bits   []uint64
	area   int // ones
}

// reset makes p an empty patch, keeping its buffer.
func (p *patch) reset(box [4]int) {
	p.box, p.stride, p.area = box, (box[3]+63)/64+1, 0
	n := box[2] * p.stride
	if cap(p.bits) < n {
		p.bits = make([]uint64, n)
	}
	p.bits = p.bits[:n]
	clear(p.bits)
}

// fromRuns makes p the pixels of m; box is m.Box().
func (p *patch) fromRuns(m rle.Mask, box [4]int) {
	p.reset(box)
	pos := 0
	for i, c := range m.Counts {
		if i%2 == 1 {
			for at, end := pos, pos+int(c); at < end; {
				x, y := at/m.Height, at%m.Height
				n := min(end-at, m.Height-y)
				p.column(x-box[0], y-box[1], n)
				at += n
			}
		}
		pos += int(c)
	}
}

// fromBox makes p full.
func (p *patch) fromBox(box [4]int) {
	p.reset(box)
	for x := range box[2] {
		p.column(x, 0, box[3])
	}
}

// column sets n bits of column x from row y on, relative to the window.
func (p *patch) column(x, y, n int) {
	p.area += n
	col := p.bits[x*p.stride : (x+1)*p.stride]
	for n > 0 {
		w, s := y/64, y%64
		k := min(n, 64-s)
		col[w] |= ^uint64(0) >> (64 - k) << s
		y, n = y+k, n-k
	}
}

// at tells whether pixel (x, y) of the image is one.
func (p *patch) at(x, y int) bool {
	x, y = x-p.box[0], y-p.box[1]
	if x < 0 || y < 0 || x >= p.box[2] || y >= p.box[3] {
		return false
	}
	return p.bits[x*p.stride+y/64]>>(y%64)&1 != 0
}

// overlap counts the pixels that a and b share when b is moved by (dx, dy).
func overlap(a, b *patch, dx, dy int) int {
	bx, by := b.box[0]+dx, b.box[1]+dy
	x0, x1 := max(a.box[0], bx), min(a.box[0]+a.box[2], bx+b.box[2])
	y0, y1 := max(a.box[1], by), min(a.box[1]+a.box[3], by+b.box[3])
	n := 0
	for x := x0; x < x1 && y0 < y1; x++ {
		ca := a.bits[(x-a.box[0])*a.stride : (x-a.box[0]+1)*a.stride]
		cb := b.bits[(x-bx)*b.stride : (x-bx+1)*b.stride]
		// Beyond y1 one of the two has zeros only: no mask is needed at the end.
		for y := y0; y < y1; y += 64 {
			n += bits.OnesCount64(read(ca, y-a.box[1]) & read(cb, y-by))
		}
	}
	return n
}

// read returns 64 bits of a column from bit i on.
func read(col []uint64, i int) uint64 {
	w, s := i/64, uint(i%64)
	return col[w]>>s | col[w+1]<<(64-s)
}

// inBox counts the ones within box.
func (p *patch) inBox(box [4]int) int {
	if !meet(p.box, box) {
		return 0
	}
	var b patch
	b.fromBox(box)
	return overlap(p, &b, 0, 0)
}
