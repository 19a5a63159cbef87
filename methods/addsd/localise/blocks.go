package localise

import "math"

// side is that of a block, pixels: a JPEG transform block. With its neighbours a
// block reaches as far as what 4:2:0 encodes together.
const side = 8

// quiet is the share of the blocks that are taken for untouched when noise is
// measured: an object may fill the rest.
const quiet = 0.4

// blocks holds the largest smoothed change of every block.
type blocks struct {
	w, h   int // blocks
	peak   []byte
	around []byte // the largest peak of a block and its eight neighbours
	sum    []int  // of raw change
	pixels []int
}

func (b *blocks) of(c *change) {
	b.w, b.h = (c.w+side-1)/side, (c.h+side-1)/side
	n := b.w * b.h
	b.peak, b.around = grow(b.peak, n), grow(b.around, n)
	b.sum, b.pixels = grow(b.sum, n), grow(b.pixels, n)
	clear(b.peak)
	clear(b.sum)
	clear(b.pixels)
	for y := range c.h {
		at := y / side * b.w
		smooth, raw := c.smooth[y*c.w:][:c.w], c.row(y)
		for i := range b.w {
			x0, x1 := i*side, min((i+1)*side, c.w)
			b.pixels[at+i] += x1 - x0
			if x1-x0 == side && word(smooth[x0:]) == 0 && word(raw[x0:]) == 0 {
				continue
			}
			p, s := b.peak[at+i], 0
			for x := x0; x < x1; x++ {
				p = max(p, smooth[x])
				s += int(raw[x])
			}
			b.peak[at+i] = p
			b.sum[at+i] += s
		}
	}
	b.widen()
}

func (b *blocks) widen() {
	for y := range b.h {
		for x := range b.w {
			m := byte(0)
			for v := max(y-1, 0); v <= min(y+1, b.h-1); v++ {
				for u := max(x-1, 0); u <= min(x+1, b.w-1); u++ {
					m = max(m, b.peak[v*b.w+u])
				}
			}
			b.around[y*b.w+x] = m
		}
	}
}

// levels are the thresholds in force, in levels of smoothed change.
type levels struct {
	weak, strong int
	halo         float64
	noise        float64 // mean raw change of the quiet blocks, 0..1
}

// thresholds measures the noise: its peak is that of the loudest of the quiet
// blocks.
func (b *blocks) thresholds(o *Options) levels {
	var count [256]int
	for _, p := range b.peak {
		count[p]++
	}
	peak, left := 0, int(math.Ceil(quiet*float64(len(b.peak))))
	for left -= count[0]; left > 0; left -= count[peak] {
		peak++
	}
	sum, pixels := 0, 0
	for i, p := range b.peak {
		if int(p) <= peak {
			sum += b.sum[i]
			pixels += b.pixels[i]
		}
	}
	level := func(floor, times float64) int {
		return max(int(math.Ceil(min(max(255*floor, times*float64(peak)), 255*o.Most))), 1)
	}
	return levels{
		weak:   level(o.Weak, o.Noise),
		strong: level(max(o.Strong, o.Weak), 2*o.Noise),
		halo:   o.Halo,
		noise:  float64(sum) / float64(pixels) / 255,
	}
}

// at is the least change that counts in a block whose surroundings reach around.
func (t levels) at(around byte) byte {
	return byte(min(max(t.weak, int(math.Ceil(t.halo*float64(around)))), 255))
}
