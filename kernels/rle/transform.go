package rle

import (
	"slices"

	"github.com/tailorbird/tailorbird/internal/fault"
)

// The functions below follow what an image operation does to pixels, on the
// runs alone. Each returns a canonical mask whose Counts reuse buf, which must
// not overlap m.Counts, and fails as Validate does where m is not valid or the
// result would have no pixel or too many.

// Resize samples m at pixel centres (nearest neighbour): pixel (x, y) of the
// result is pixel (floor((x+1/2)*Width/w), floor((y+1/2)*Height/h)) of m. Where
// a centre falls on the border of two pixels, rounding decides as in Pillow's
// NEAREST, with which all results agree bit for bit. OpenCV's INTER_NEAREST
// samples at corners instead.
func (m Mask) Resize(h, w int, buf []uint32) (Mask, error) {
	if err := m.checkTo(h, w); err != nil {
		return Mask{}, err
	}
	rows := borrow()
	defer giveBack(rows)
	*rows = grow(*rows, h)
	ys := newSampler(m.Height, h)
	for y := range *rows {
		(*rows)[y] = uint32(ys.next())
	}
	xs, perRow := newSampler(m.Width, w), float64(h)/float64(m.Height)
	out := runs{counts: buf[:0]}
	c := cursor{counts: m.Counts}
	for range w {
		c.seek(xs.next() * m.Height)
		d := c // the column may be wanted again
		for y := 0; y < h; {
			v, n := d.stretch()
			d.at += n
			to := h
			if s := d.at - c.at; s < m.Height {
				to = firstSample(*rows, s, perRow)
			}
			out.add(v, uint32(to-y))
			y = to
		}
	}
	return Mask{h, w, out.finish()}, nil
}

// sampler steps along a line of size pixels as Pillow does, by adding the
// scale: a product would round differently.
type sampler struct {
	at, step float64
	last     int // pixel of the line
}

func newSampler(size, n int) sampler {
	step := float64(size) / float64(n)
	return sampler{step * 0.5, step, size - 1}
}

func (s *sampler) next() int {
	i := min(int(s.at), s.last)
	s.at += s.step
	return i
}

// firstSample returns the first of samples, which ascend by 1/perPixel, that is
// s or more.
func firstSample(samples []uint32, s int, perPixel float64) int {
	i := min(int(float64(s)*perPixel), len(samples))
	for i > 0 && int(samples[i-1]) >= s {
		i--
	}
	for i < len(samples) && int(samples[i]) < s {
		i++
	}
	return i
}

// Crop returns the w x h window whose top left corner is pixel (x, y). What
// lies outside m is zero; the corner may be negative.
func (m Mask) Crop(x, y, w, h int, buf []uint32) (Mask, error) {
	if err := m.checkTo(h, w); err != nil {
		return Mask{}, err
	}
	if x < -MaxPixels || x > MaxPixels || y < -MaxPixels || y > MaxPixels {
		return Mask{}, fault.New(fault.InvalidAnnotation, "rle: crop at (%d, %d)", x, y)
	}
	x0, x1 := max(x, 0), min(x+w, m.Width)
	y0, y1 := max(y, 0), min(y+h, m.Height)
	if x0 >= x1 || y0 >= y1 {
		return Mask{h, w, append(buf[:0], uint32(h*w))}, nil
	}
	out := runs{counts: buf[:0]}
	out.add(0, uint32((x0-x)*h))
	c := cursor{counts: m.Counts}
	for col := x0; col < x1; col++ {
		out.add(0, uint32(y0-y))
		c.seek(col*m.Height + y0)
		c.copy(&out, y1-y0)
		out.add(0, uint32(y+h-y1))
	}
	out.add(0, uint32((x+w-x1)*h))
	return Mask{h, w, out.finish()}, nil
}

// Pad adds rows and columns of zeros. A negative count takes them away.
func (m Mask) Pad(left, top, right, bottom int, buf []uint32) (Mask, error) {
	for _, n := range [...]int{left, top, right, bottom} {
		if n < -MaxPixels || n > MaxPixels {
			return Mask{}, fault.New(fault.InvalidAnnotation, "rle: padding of %d pixels", n)
		}
	}
	return m.Crop(-left, -top, left+m.Width+right, top+m.Height+bottom, buf)
}

// FlipHorizontal mirrors left and right.
func (m Mask) FlipHorizontal(buf []uint32) (Mask, error) { return m.Orient(2, buf) }

// Orient does what a reader does to an image with EXIF orientation o: 1
// nothing, 2 mirror left and right, 3 turn by 180 degrees, 4 mirror top and
// bottom, 5 transpose, 6 turn by 90 degrees clockwise, 7 transpose along the
// other diagonal, 8 turn by 90 degrees counter-clockwise. From 5 on height and
// width change places. Any other o is fault.InvalidAnnotation.
func (m Mask) Orient(o int, buf []uint32) (Mask, error) {
	if err := m.Validate(); err != nil {
		return Mask{}, err
	}
	if o < 1 || o > 8 {
		return Mask{}, fault.New(fault.InvalidAnnotation, "rle: EXIF orientation %d", o)
	}
	if o <= 4 {
		return Mask{m.Height, m.Width, mirror(m.Counts, m.Height, o == 2 || o == 4, o >= 3, buf)}, nil
	}
	t := borrow()
	defer giveBack(t)
	// The runs of the rows are the runs of the transposed mask's columns.
	*t = transpose(m.Counts, m.Height, m.Width, *t)
	return Mask{m.Width, m.Height, mirror(*t, m.Width, o == 6 || o == 8, o >= 7, buf)}, nil
}

// mirror turns the order of the columns round where columns is set, then the
// order of all pixels where all is.
func mirror(counts []uint32, h int, columns, all bool, buf []uint32) []uint32 {
	out := runs{counts: buf[:0]}
	if !columns {
		for i, n := range counts {
			out.add(i&1, n)
		}
	} else {
		c := cursorAtEnd(counts)
		for c.at > 0 {
			c.back(c.at - h)
			d := c
			d.copy(&out, h)
		}
	}
	counts = out.finish()
	if !all {
		return counts
	}
	// The last run comes first, and must be one of zeros.
	if len(counts)%2 == 0 {
		counts = append(counts, 0)
	}
	slices.Reverse(counts)
	if n := len(counts); n > 1 && counts[n-1] == 0 {
		counts = counts[:n-1]
	}
	return counts
}

// checkTo refuses a mask that is not valid and a result of impossible size.
func (m Mask) checkTo(h, w int) error {
	if err := m.Validate(); err != nil {
		return err
	}
	return checkSize(h, w)
}

// cursor is a place in a list of runs.
type cursor struct {
	counts []uint32
	at     int // position in pixels
	i      int // run that holds it
	start  int // first pixel of that run
}

// cursorAtEnd returns the place behind the last pixel.
func cursorAtEnd(counts []uint32) cursor {
	c := cursor{counts: counts, i: len(counts)}
	for _, n := range counts {
		c.start += int(n)
	}
	c.at = c.start
	return c
}

// seek moves on to pixel p, which must not lie before the cursor.
func (c *cursor) seek(p int) {
	c.at = p
	c.catchUp()
}

// back moves back to pixel p.
func (c *cursor) back(p int) {
	c.at = p
	for c.start > p {
		c.i--
		c.start -= int(c.counts[c.i])
	}
}

// stretch returns the value of the pixel at the cursor and the number of pixels
// from there to the end of its run.
func (c *cursor) stretch() (v, n int) {
	c.catchUp()
	return c.i & 1, c.start + int(c.counts[c.i]) - c.at
}

// catchUp moves on to the run that holds the pixel at the cursor.
func (c *cursor) catchUp() {
	for c.start+int(c.counts[c.i]) <= c.at {
		c.start += int(c.counts[c.i])
		c.i++
	}
}

// copy appends the n pixels from the cursor on to out and moves behind them.
func (c *cursor) copy(out *runs, n int) {
	for n > 0 {
		v, k := c.stretch()
		k = min(k, n)
		out.add(v, uint32(k))
		c.at += k
		n -= k
	}
}
