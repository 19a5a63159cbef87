package localise

import (
	"encoding/binary"

	"github.com/tailorbird/tailorbird/kernels/raster"
)

// change is how much each pixel differs between two pictures: raw is the largest
// difference of a channel, smooth the mean of raw over 3 x 3 pixels, rounded, the
// border repeated.
type change struct {
	w, h        int
	raw, smooth []byte
	sums        [3][]uint16 // of three neighbours in a row, for the rows y-1, y, y+1
}

func (c *change) of(base, made *raster.RGB) {
	c.w, c.h = base.Width, base.Height
	n := c.w * c.h
	c.raw, c.smooth = grow(c.raw, n), grow(c.smooth, n)
	difference(c.raw, base.Pix[:3*n], made.Pix[:3*n])
	for i := range c.sums {
		c.sums[i] = grow(c.sums[i], c.w)
	}
	c.smoothen()
}

// difference writes the largest difference of three channels to dst. Where eight
// pixels are equal, as most are when an object was pasted, it compares words.
func difference(dst, a, b []byte) {
	for len(dst) >= 8 {
		a8, b8 := (*[24]byte)(a), (*[24]byte)(b)
		if word(a8[:8]) == word(b8[:8]) && word(a8[8:16]) == word(b8[8:16]) && word(a8[16:]) == word(b8[16:]) {
			binary.LittleEndian.PutUint64(dst, 0)
		} else {
			largest(dst[:8], a8[:], b8[:])
		}
		dst, a, b = dst[8:], a[24:], b[24:]
	}
	largest(dst, a, b)
}

func word(b []byte) uint64 { return binary.LittleEndian.Uint64(b) }

func largest(dst, a, b []byte) {
	for i := range dst {
		p, q := (*[3]byte)(a[3*i:]), (*[3]byte)(b[3*i:])
		dst[i] = byte(max(distance(p[0], q[0]), distance(p[1], q[1]), distance(p[2], q[2])))
	}
}

func distance(a, b byte) int {
	d := int(a) - int(b)
	return max(d, -d)
}

func (c *change) smoothen() {
	above, here, below := c.sums[0], c.sums[1], c.sums[2]
	inHere := sumThrees(here, c.row(0))
	copy(above, here)
	inAbove := inHere
	for y := range c.h {
		inBelow := sumThrees(below, c.row(min(y+1, c.h-1)))
		out := c.smooth[y*c.w:][:c.w]
		clear(out)
		from, to := min(inAbove.from, inHere.from, inBelow.from), max(inAbove.to, inHere.to, inBelow.to)
		for x := from; x < to; x++ {
			// Times 7282 and shifted by 16 is divided by 9 for all sums there are.
			out[x] = byte((uint32(above[x]) + uint32(here[x]) + uint32(below[x]) + 4) * 7282 >> 16)
		}
		above, here, below = here, below, above
		inAbove, inHere = inHere, inBelow
	}
}

func (c *change) row(y int) []byte { return c.raw[y*c.w:][:c.w] }

// extent is a range of a row; what is empty has to before from.
type extent struct{ from, to int }

// sumThrees writes the sums of a pixel and its two neighbours and returns where
// they are not 0.
func sumThrees(dst []uint16, row []byte) extent {
	clear(dst)
	n := len(row)
	from, to := 0, n
	for from+8 <= n && word(row[from:]) == 0 {
		from += 8
	}
	for to-8 >= from && word(row[to-8:]) == 0 {
		to -= 8
	}
	if from == to {
		return extent{n, 0}
	}
	e := extent{max(from-1, 0), min(to+1, n)}
	left, here := uint16(row[max(e.from-1, 0)]), uint16(row[e.from])
	for x := e.from; x < e.to; x++ {
		right := here
		if x+1 < n {
			right = uint16(row[x+1])
		}
		dst[x] = left + here + right
		left, here = here, right
	}
	return e
}

// meanOutside is the mean of raw outside the box x, y, width, height, 0..1; 0
// where nothing is outside.
func (c *change) meanOutside(box [4]int) float64 {
	sum, n := 0, c.w*c.h-box[2]*box[3]
	for y := range c.h {
		row := c.row(y)
		if y < box[1] || y >= box[1]+box[3] {
			sum += total(row)
			continue
		}
		sum += total(row[:box[0]]) + total(row[box[0]+box[2]:])
	}
	if n == 0 {
		return 0
	}
	return float64(sum) / float64(n) / 255
}

// total sums bytes, eight lanes at a time in one word.
func total(row []byte) int {
	const even = 0x00ff00ff00ff00ff
	sum := 0
	for len(row) >= 8 {
		lanes := uint64(0)
		// Four lanes of 16 bits hold 2*255 each time, so 128 times fit.
		for k := 0; k < 128 && len(row) >= 8; k++ {
			v := word(row)
			lanes += v&even + v>>8&even
			row = row[8:]
		}
		sum += int(lanes&0xffff + lanes>>16&0xffff + lanes>>32&0xffff + lanes>>48)
	}
	for _, v := range row {
		sum += int(v)
	}
	return sum
}

func grow[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}
