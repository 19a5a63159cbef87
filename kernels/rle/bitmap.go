package rle

import (
	"encoding/binary"
	"math/bits"
	"slices"

	"github.com/tailorbird/tailorbird/internal/fault"
)

// FromBitmap returns the mask of the bytes of pix that are not 0. pix holds h
// rows of w pixels without padding, the layout of Go's images; any other length
// is fault.InvalidAnnotation. The result is canonical. Counts reuses buf.
func FromBitmap(pix []byte, h, w int, buf []uint32) (Mask, error) {
	if err := checkBitmap(pix, h, w); err != nil {
		return Mask{}, err
	}
	rows := borrow()
	defer giveBack(rows)
	*rows = scan(pix, *rows)
	return Mask{h, w, transpose(*rows, w, h, buf)}, nil
}

// FromColumns is FromBitmap for w columns of h pixels each: Fortran order, as
// pycocotools wants its bitmaps.
func FromColumns(pix []byte, h, w int, buf []uint32) (Mask, error) {
	if err := checkBitmap(pix, h, w); err != nil {
		return Mask{}, err
	}
	return Mask{h, w, scan(pix, buf)}, nil
}

// AppendBitmap appends Height rows of Width bytes to dst, 1 where the mask is
// one, else 0. It fails as Validate does, before it touches dst.
func (m Mask) AppendBitmap(dst []byte) ([]byte, error) {
	if err := m.Validate(); err != nil {
		return dst, err
	}
	rows := borrow()
	defer giveBack(rows)
	*rows = transpose(m.Counts, m.Height, m.Width, *rows)
	return paint(dst, *rows, m.Height*m.Width), nil
}

// AppendColumns is AppendBitmap for Width columns of Height bytes each, the
// order of pycocotools.
func (m Mask) AppendColumns(dst []byte) ([]byte, error) {
	if err := m.Validate(); err != nil {
		return dst, err
	}
	return paint(dst, m.Counts, m.Height*m.Width), nil
}

func checkBitmap(pix []byte, h, w int) error {
	if err := checkSize(h, w); err != nil {
		return err
	}
	if len(pix) != h*w {
		return fault.New(fault.InvalidAnnotation, "rle: bitmap of %d bytes, image has %d pixels", len(pix), h*w)
	}
	return nil
}

// scan finds the runs of pix, eight bytes at a time.
func scan(pix []byte, buf []uint32) []uint32 {
	const low7, high = 0x7f7f7f7f7f7f7f7f, 0x8080808080808080
	out := buf[:0]
	var start int     // of the open run
	var carry uint64  // its value: 0 or 0x80
	var filler uint64 // eight pixels as the last one, for the quick test below
	i := 0
	for i+8 <= len(pix) {
		word := binary.LittleEndian.Uint64(pix[i:])
		if word == filler { // eight pixels more of the open run
			i = skip(pix, i+8, filler)
			continue
		}
		ones := ((word&low7 + low7) | word) & high // the top bit of bytes that are not 0
		for t := ones ^ (ones<<8 | carry); t != 0; t &= t - 1 {
			p := i + bits.TrailingZeros64(t)/8
			out = append(out, uint32(p-start))
			start = p
		}
		carry = ones >> 56
		filler = (word >> 56) * 0x0101010101010101
		i += 8
	}
	for ; i < len(pix); i++ {
		if (pix[i] != 0) != (carry != 0) {
			out = append(out, uint32(i-start))
			start, carry = i, carry^0x80
		}
	}
	return append(out, uint32(len(pix)-start))
}

// skip returns the first multiple of eight bytes from i on where pix may differ
// from the repeated byte of filler.
func skip(pix []byte, i int, filler uint64) int {
	for ; i+32 <= len(pix); i += 32 {
		b := pix[i : i+32 : i+32]
		if (binary.LittleEndian.Uint64(b)^filler)|(binary.LittleEndian.Uint64(b[8:])^filler)|
			(binary.LittleEndian.Uint64(b[16:])^filler)|(binary.LittleEndian.Uint64(b[24:])^filler) != 0 {
			break
		}
	}
	return i
}

// paint appends n bytes, 0 and 1 by turns as counts has them, which sum to n.
func paint(dst []byte, counts []uint32, n int) []byte {
	start := len(dst)
	dst = slices.Grow(dst, n)[:start+n]
	rest := dst[start:]
	clear(rest)
	for i, c := range counts {
		if i%2 == 1 {
			fill(rest[:c])
		}
		rest = rest[c:]
	}
	return dst
}

// fill sets b to ones.
func fill(b []byte) {
	const ones = 0x0101010101010101
	if len(b) < 8 {
		for i := range b {
			b[i] = 1
		}
		return
	}
	// The last word may overlap the one before it.
	binary.LittleEndian.PutUint64(b[len(b)-8:], ones)
	for len(b) >= 32 {
		binary.LittleEndian.PutUint64(b, ones)
		binary.LittleEndian.PutUint64(b[8:], ones)
		binary.LittleEndian.PutUint64(b[16:], ones)
		binary.LittleEndian.PutUint64(b[24:], ones)
		b = b[32:]
	}
	for ; len(b) >= 8; b = b[8:] {
		binary.LittleEndian.PutUint64(b, ones)
	}
}
