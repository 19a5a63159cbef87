package jpeg

import (
	"encoding/binary"
	"image"
	"math/bits"

	"github.com/tailorbird/tailorbird/kernels/raster"
)

// writer encodes one baseline picture (T.81 annex F) with the tables of annex K,
// one interleaved scan, as libjpeg does.
type writer struct {
	out  []byte
	acc  uint64 // bits to come, the last one lowest
	n    int    // how many
	comp [3]source

	quality int
	quants  [2][64]byte
	divs    [2]*divisors

	blocks [10]mcuBlock // T.81 allows no more in an MCU
	edge   [64]byte
}

// mcuBlock is one block of an MCU.
type mcuBlock struct {
	coefs   [64]int16
	present uint64 // a bit for each that is not zero, row by row
	empty   bool   // it lies beyond the component
}

// source is a component to encode.
type source struct {
	pix          []byte
	stride       int
	w, h         int // samples that pix has
	blocks, rows int // blocks that hold the picture
	sh, sv       int // sampling factors
	table        int // 0 for luma, 1 for chroma
	pred         int
}

// encode appends the file of a picture of width x height pixels. src may be
// larger: what it has beyond the picture fills the blocks at the border, and
// where it has nothing its last samples are repeated.
func (w *writer) encode(dst []byte, src *image.YCbCr, width, height, quality int) []byte {
	if w.quality != quality {
		w.setQuality(quality)
	}
	sh, sv := raster.SamplesPerChroma(src.SubsampleRatio)
	pw, ph := src.Rect.Dx(), src.Rect.Dy()
	cw, ch := up(pw, sh)/sh, up(ph, sv)/sv
	w.comp = [3]source{
		{pix: src.Y, stride: src.YStride, w: pw, h: ph, sh: sh, sv: sv, blocks: up(width, 8) / 8, rows: up(height, 8) / 8},
		{pix: src.Cb, stride: src.CStride, w: cw, h: ch, sh: 1, sv: 1, table: 1, blocks: up(width, 8*sh) / (8 * sh), rows: up(height, 8*sv) / (8 * sv)},
	}
	w.comp[2] = w.comp[1]
	w.comp[2].pix = src.Cr
	w.out, w.acc, w.n = dst, 0, 0
	w.header(width, height)
	across, down := w.comp[1].blocks, w.comp[1].rows
	for y := range down {
		for x := range across {
			w.unit(x, y)
		}
	}
	w.finish()
	out := w.out
	w.out = nil
	return out
}

func (w *writer) setQuality(quality int) {
	w.quality = quality
	for i := range w.quants {
		w.quants[i] = scaledQuant(baseQuant[i], quality)
		var q [64]uint16
		for k, v := range w.quants[i] {
			q[zigzag[k]] = uint16(v)
		}
		w.divs[i] = newDivisors(&q)
	}
}

// header writes the segments before the scan, in libjpeg's order.
func (w *writer) header(width, height int) {
	w.out = append(w.out, 0xFF, mSOI)
	w.segment(mAPP0, []byte("JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00"))
	for i := range w.quants {
		w.segment(mDQT, []byte{byte(i)}, w.quants[i][:])
	}
	luma := byte(w.comp[0].sh<<4 | w.comp[0].sv)
	w.segment(mSOF0, []byte{8, byte(height >> 8), byte(height), byte(width >> 8), byte(width), 3, 1, luma, 0, 2, 0x11, 1, 3, 0x11, 1})
	for i := range baseDC {
		w.segment(mDHT, []byte{byte(i)}, baseDC[i])
		w.segment(mDHT, []byte{0x10 | byte(i)}, baseAC[i])
	}
	w.segment(mSOS, []byte{3, 1, 0x00, 2, 0x11, 3, 0x11, 0, 63, 0})
}

func (w *writer) segment(marker byte, parts ...[]byte) {
	n := 2
	for _, p := range parts {
		n += len(p)
	}
	w.out = append(w.out, 0xFF, marker, byte(n>>8), byte(n))
	for _, p := range parts {
		w.out = append(w.out, p...)
	}
}

// unit encodes one MCU: first it transforms all blocks, which do not depend on each
// other, then it writes them. A block beyond the component's own repeats the DC of
// the one before it (jccoefct.c).
func (w *writer) unit(x, y int) {
	n := 0
	for i := range w.comp {
		c := &w.comp[i]
		for v := range c.sv {
			for u := range c.sh {
				b := &w.blocks[n]
				n++
				bx, by := x*c.sh+u, y*c.sv+v
				if b.empty = bx >= c.blocks || by >= c.rows; !b.empty {
					w.transform(b, c, 8*bx, 8*by)
				}
			}
		}
	}
	n = 0
	for i := range w.comp {
		c := &w.comp[i]
		for range c.sv * c.sh {
			b := &w.blocks[n]
			n++
			if b.empty {
				b.coefs[0], b.present = int16(c.pred), 0
			}
			w.write(c, b)
		}
	}
}

// transform makes the quantised coefficients of the block at (x, y).
func (w *writer) transform(b *mcuBlock, c *source, x, y int) {
	if x+8 <= c.w && y+8 <= c.h {
		b.present = forward(&b.coefs, c.pix[y*c.stride+x:], c.stride, w.divs[c.table])
		return
	}
	for r := range 8 {
		row := c.pix[min(y+r, c.h-1)*c.stride:][:c.w]
		k := copy(w.edge[8*r:8*r+8], row[x:])
		fill(w.edge[8*r+k:8*r+8], row[c.w-1])
	}
	b.present = forward(&b.coefs, w.edge[:], 8, w.divs[c.table])
}

// maxBlock is more than the bytes that a block can take, all of them stuffed.
const maxBlock = 512

// write writes one block: the difference of its DC, and the others.
func (w *writer) write(c *source, b *mcuBlock) {
	if cap(w.out)-len(w.out) < maxBlock {
		w.out = append(w.out, make([]byte, max(len(w.out), maxBlock))...)[:len(w.out)]
	}
	dc := int(b.coefs[0])
	diff := dc - c.pred
	c.pred = dc
	size := bits.Len(uint(max(diff, -diff)))
	code := dcCodes[c.table][size]
	w.acc = w.acc<<(code&255)<<size | uint64(code>>8)<<size | uint64(diff+diff>>63)&(1<<size-1)
	w.n += int(code&255) + size

	w.writeAC(&b.coefs, inScanOrder(b.present&^1), acCodes[c.table])
}

// writeACPortable writes the coefficients whose places in a scan order has, and the
// end of the block.
func (w *writer) writeACPortable(block *[64]int16, order uint64, ac *codes) {
	out, at := w.out[:cap(w.out)], len(w.out)
	acc, n := w.acc, w.n
	last := 0
	room := func() {
		if n >= 32 {
			n -= 32
			at = emit(out, at, uint32(acc>>(uint(n)&63)))
		}
	}
	for ; order != 0; order &= order - 1 {
		room()
		k := bits.TrailingZeros64(order)
		v := int(block[zigzag[k&63]&63])
		run := k - last - 1
		last = k
		for ; run > 15; run -= 16 {
			acc = acc<<(ac[0xF0]&63) | uint64(ac[0xF0]>>8)
			n += int(ac[0xF0] & 255)
			room()
		}
		sign := v >> 63
		size := bits.Len(uint((v ^ sign) - sign))
		code := ac[(run<<4|size)&255]
		acc = (acc<<(code&63)|uint64(code>>8))<<(uint(size)&63) | uint64(v+sign)&(1<<(uint(size)&63)-1)
		n += int(code&255) + size
	}
	room()
	if last < 63 {
		acc = acc<<(ac[0]&63) | uint64(ac[0]>>8)
		n += int(ac[0] & 255)
	}
	w.acc, w.n, w.out = acc, n, out[:at]
}

// emit writes four bytes, a zero after each FF, and returns the offset behind them.
func emit(out []byte, at int, v uint32) int {
	binary.BigEndian.PutUint32(out[at:], v)
	const low, ones = 0x7f7f7f7f, 0x01010101
	if (v&low+ones)&v&^low == 0 {
		return at + 4
	}
	return emitStuffed(out, at, v)
}

func emitStuffed(out []byte, at int, v uint32) int {
	for range 4 {
		b := byte(v >> 24)
		v <<= 8
		out[at] = b
		at++
		if b == 0xFF {
			out[at] = 0
			at++
		}
	}
	return at
}

// finish fills the last byte with ones and ends the file.
func (w *writer) finish() {
	pad := -w.n & 7
	acc := (w.acc<<pad | (1<<pad - 1)) << (64 - uint(w.n+pad)) // n+pad is 8 at least: a scan is not empty
	for n := w.n + pad; n > 0; n -= 8 {
		b := byte(acc >> 56)
		acc <<= 8
		w.out = append(w.out, b)
		if b == 0xFF {
			w.out = append(w.out, 0)
		}
	}
	w.out = append(w.out, 0xFF, mEOI)
}
