package resize

import "fmt"

// strip is how many rows beyond a filter's own the horizontal pass runs ahead:
// few enough that they are still in the cache for the vertical pass.
const strip = 32

// resize is the 8-bit resize of either layout, in two passes with rounding to
// 8 bits in between, as Pillow does it. A direction that changes nothing is left
// out.
func (r *Resizer) resize(dst, src plane, channels int, o Options) {
	dst.check("destination", channels)
	src.check("source", channels)
	if dst.w == 0 || dst.h == 0 {
		return
	}
	if src.w == 0 || src.h == 0 || o.Filter >= filters {
		panic(fmt.Sprintf("resize: %s from a source of %d x %d", o.Filter, src.w, src.h))
	}
	b := o.Box.orWhole(src.w, src.h)
	b.check()
	kx := axisKey{src.w, dst.w, float32(b.X0), float32(b.X1), o.Filter, o.NoAntialias, horizontal, !r.portable}
	ky := axisKey{src.h, dst.h, float32(b.Y0), float32(b.Y1), o.Filter, o.NoAntialias, vertical, !r.portable}
	if channels == 3 {
		kx.form = interleave
	}
	var x, y *axis
	if !kx.identity() {
		x = r.axes.get(kx)
	}
	if !ky.identity() {
		y = r.axes.get(ky)
	}
	if o.Filter == Nearest {
		nearest(dst, src, x, y, channels)
		return
	}
	switch {
	case x != nil && y != nil && verticalFirst(src.w, src.h, dst.w, dst.h):
		r.columnsFirst(dst, src, x, y, channels)
	case x != nil:
		r.rowsFirst(dst, src, x, y, channels)
	default:
		for i := range dst.h {
			r.vertical(dst.pix[i*dst.stride:][:dst.w*channels], src.pix, src.stride, 0, y, i)
		}
	}
}

// verticalFirst tells which direction goes first. The order shows in the last
// bit, because samples are rounded in between. Pillow has chosen by this rule
// since version 13 (pull request 9549), and was horizontal first always before;
// it looks at the whole image, also where a box is resized.
func verticalFirst(w, h, outW, outH int) bool {
	return outH < h && h-outH > 2*(w-outW)
}

// columnsFirst makes a strip of output rows as wide as the source, and filters
// those horizontally.
func (r *Resizer) columnsFirst(dst, src plane, x, y *axis, channels int) {
	wide, width := src.w*channels, dst.w*channels
	stride := rowBytes(width)
	r.rows = grow(r.rows, strip*(wide+stride))
	tall, rows := r.rows[:strip*wide], r.rows[strip*wide:]
	for top := 0; top < dst.h; top += strip {
		n := min(strip, dst.h-top)
		for i := range n {
			r.vertical(tall[i*wide:][:wide], src.pix, src.stride, 0, y, top+i)
		}
		r.horizontal(rows, stride, tall, wide, n, x, channels)
		for i := range n {
			copy(dst.pix[(top+i)*dst.stride:][:width], rows[i*stride:])
		}
	}
}

// rowsFirst keeps a window of horizontally filtered rows, [base, next) of the
// source, that moves down with the output.
func (r *Resizer) rowsFirst(dst, src plane, x, y *axis, channels int) {
	width := dst.w * channels
	stride := rowBytes(width)
	first, taps, last := 0, 1, dst.h
	if y != nil {
		first, taps = int(y.first[0]), y.taps
		last = int(y.first[dst.h-1]) + taps
	}
	height := min(taps+strip, last-first)
	r.rows = grow(r.rows, height*stride)
	base, next := first, first
	for i := range dst.h {
		need := i
		if y != nil {
			need = int(y.first[i])
		}
		if need+taps > next {
			if need < next {
				copy(r.rows, r.rows[(need-base)*stride:(next-base)*stride])
			}
			base, next = need, max(need, next)
			end := min(base+height, last)
			r.horizontal(r.rows[(next-base)*stride:], stride, src.pix[next*src.stride:], src.stride, end-next, x, channels)
			next = end
		}
		r.vertical(dst.pix[i*dst.stride:][:width], r.rows, stride, base, y, i)
	}
}

// horizontal filters n rows of src into rows of dst.
func (r *Resizer) horizontal(dst []byte, dstStride int, src []byte, srcStride, n int, x *axis, channels int) {
	if x.fast.horizontal(dst, dstStride, src, srcStride, n) {
		return
	}
	for y := range n {
		if channels == 3 {
			filterRGB(dst[y*dstStride:], src[y*srcStride:], x)
		} else {
			filterRow(dst[y*dstStride:], src[y*srcStride:], x)
		}
	}
}

// vertical writes output row i from rows, the first of which is source row base.
func (r *Resizer) vertical(dst, rows []byte, stride, base int, y *axis, i int) {
	if y == nil {
		copy(dst, rows[(i-base)*stride:])
		return
	}
	rows = rows[(int(y.first[i])-base)*stride:]
	if y.fast.vertical(dst, rows, stride, i) {
		return
	}
	r.sums = grow(r.sums, len(dst))
	filterColumns(dst, rows, stride, y.coef[i*y.taps:][:y.taps], r.sums)
}

const half = 1 << (precision - 1)

// clip rounds a fixed-point sum, which has half added, to a sample.
func clip(sum int32) byte {
	return byte(min(max(sum>>precision, 0), 255))
}

func filterRow(dst, src []byte, x *axis) {
	for i, first := range x.first {
		c := x.coef[i*x.taps:][:x.taps]
		s := src[first:][:x.taps]
		sum := int32(half)
		for len(c) >= 2 && len(s) >= 2 {
			sum += int32(s[0])*c[0] + int32(s[1])*c[1]
			c, s = c[2:], s[2:]
		}
		if len(c) > 0 && len(s) > 0 {
			sum += int32(s[0]) * c[0]
		}
		dst[i] = clip(sum)
	}
}

func filterRGB(dst, src []byte, x *axis) {
	for i, first := range x.first {
		c := x.coef[i*x.taps:][:x.taps]
		s := src[3*first:][:3*len(c)]
		r, g, b := int32(half), int32(half), int32(half)
		for _, k := range c {
			r += int32(s[0]) * k
			g += int32(s[1]) * k
			b += int32(s[2]) * k
			s = s[3:]
		}
		d := dst[3*i:][:3]
		d[0], d[1], d[2] = clip(r), clip(g), clip(b)
	}
}

// filterColumns sums rows four at a time into sums, which is as long as dst.
func filterColumns(dst, rows []byte, stride int, coef, sums []int32) {
	for i := range sums {
		sums[i] = half
	}
	for t := 0; t < len(coef); t += 4 {
		// A row that is missing is the first one again, with a coefficient of 0.
		c := [4]int32{coef[t]}
		at := [4]int{t, t, t, t}
		for j := 1; j < 4 && t+j < len(coef); j++ {
			at[j], c[j] = t+j, coef[t+j]
		}
		r0, r1 := rows[at[0]*stride:][:len(sums)], rows[at[1]*stride:][:len(sums)]
		r2, r3 := rows[at[2]*stride:][:len(sums)], rows[at[3]*stride:][:len(sums)]
		for i := range sums {
			sums[i] += int32(r0[i])*c[0] + int32(r1[i])*c[1] + int32(r2[i])*c[2] + int32(r3[i])*c[3]
		}
	}
	for i, s := range sums {
		dst[i] = clip(s)
	}
}

// nearest copies the sample that each output sample falls on. A nil axis is
// the identity.
func nearest(dst, src plane, x, y *axis, channels int) {
	width := dst.w * channels
	for i := range dst.h {
		from := i
		if y != nil {
			from = int(y.first[i])
		}
		d, s := dst.pix[i*dst.stride:][:width], src.pix[from*src.stride:]
		switch {
		case x == nil:
			copy(d, s)
		case channels == 1:
			for j, at := range x.first {
				d[j] = s[at]
			}
		default:
			for j, at := range x.first {
				copy(d[3*j:3*j+3], s[3*at:])
			}
		}
	}
}
