package rle

import (
	"sync"

	"github.com/tailorbird/tailorbird/internal/fault"
)

// MaxPixels is the largest image a mask may have: positions in it fit 32 bits.
const MaxPixels = 1 << 31

// Mask is a binary mask of a Height x Width image as run lengths: Counts[0]
// zeros, then Counts[1] ones, and so on in turn, down the first column, then
// down the second. A run may be empty; a canonical mask has no empty run but
// perhaps the first.
type Mask struct {
	Height, Width int
	Counts        []uint32
}

// checkSize refuses image sizes without pixels or beyond MaxPixels.
func checkSize(h, w int) error {
	if h < 1 || w < 1 {
		return fault.New(fault.InvalidAnnotation, "rle: image of %d x %d pixels (height x width)", h, w)
	}
	if h > MaxPixels || w > MaxPixels/h {
		return fault.New(fault.TooLarge, "rle: image of %d x %d pixels (height x width), the limit is %d", h, w, MaxPixels)
	}
	return nil
}

// Validate reports whether the runs cover the image exactly. A size or a sum
// that cannot be is fault.InvalidAnnotation; more than MaxPixels pixels or
// Height*Width+1 runs is fault.TooLarge.
func (m Mask) Validate() error {
	if err := checkSize(m.Height, m.Width); err != nil {
		return err
	}
	n := m.Height * m.Width
	if len(m.Counts) > n+1 {
		return fault.New(fault.TooLarge, "rle: %d runs, image has %d pixels", len(m.Counts), n)
	}
	var sum int // at most 2^31+1 runs below 2^32 each: no overflow
	for _, c := range m.Counts {
		sum += int(c)
	}
	if sum != n {
		return fault.New(fault.InvalidAnnotation, "rle: %d pixels, image has %d", sum, n)
	}
	return nil
}

// Area returns the number of ones.
func (m Mask) Area() int {
	var a int
	for i := 1; i < len(m.Counts); i += 2 {
		a += int(m.Counts[i])
	}
	return a
}

// Box returns the tight bounding box of the ones as x, y, width, height in
// pixels; all zero where there are none.
func (m Mask) Box() [4]int {
	h := m.Height
	if h < 1 {
		return [4]int{}
	}
	x0, y0, x1, y1 := -1, h, 0, 0 // x1 and y1 inclusive
	pos, x, top := 0, 0, 0        // column x begins at pixel top
	for i, c := range m.Counts {
		start := pos
		pos += int(c)
		if i%2 == 0 || c == 0 {
			continue
		}
		if start-top >= h {
			x = start / h
			top = x * h
		}
		if x0 < 0 {
			x0 = x
		}
		if pos > top+h { // goes on in the next column: touches bottom and top
			x1 = (pos - 1) / h
			y0, y1 = 0, h-1
		} else {
			x1 = x
			y0, y1 = min(y0, start-top), max(y1, pos-1-top)
		}
	}
	if x0 < 0 {
		return [4]int{}
	}
	return [4]int{x0, y0, x1 - x0 + 1, y1 - y0 + 1}
}

// runs writes canonical run lengths from stretches of equal pixels.
type runs struct {
	counts []uint32
	value  int    // of the stretch that is still open: 0 or 1
	length uint32 // its length so far
}

// add appends n pixels of value v.
func (r *runs) add(v int, n uint32) {
	if n == 0 {
		return
	}
	if v != r.value {
		r.counts = append(r.counts, r.length)
		r.value, r.length = v, 0
	}
	r.length += n
}

// finish closes the last stretch and returns the runs.
func (r *runs) finish() []uint32 { return append(r.counts, r.length) }

// pool holds the scratch buffers of the functions that need more than the
// caller's one.
var pool = sync.Pool{New: func() any { return new([]uint32) }}

func borrow() *[]uint32    { return pool.Get().(*[]uint32) }
func giveBack(b *[]uint32) { pool.Put(b) }

// grow returns a slice of n elements of undefined value, in buf where it fits.
func grow(buf []uint32, n int) []uint32 {
	if cap(buf) < n {
		return make([]uint32, n)
	}
	return buf[:n]
}
