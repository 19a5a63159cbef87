package phash

import (
	"encoding/binary"

	"github.com/tailorbird/tailorbird/kernels/raster"
)

// span is the pixels under a cell of the reduced picture: those from first to
// last, of which the outer two count head and tail thirty-seconds of a pixel.
type span struct {
	first, last int
	head, tail  uint32
}

// spanOf returns the pixels of n under cell i of 32. The cell is [i*n, (i+1)*n)
// where pixel x is [32*x, 32*x+32).
func spanOf(i, n int) span {
	from, to := i*n, (i+1)*n
	s := span{first: from / side, last: (to - 1) / side}
	if s.first == s.last {
		s.head = uint32(n)
		return s
	}
	s.head = uint32((s.first+1)*side - from)
	s.tail = uint32(to - s.last*side)
	return s
}

// reduce averages the luma over 32 x 32 cells of equal size, in 8 fraction bits.
// Rows are added up first, then columns, then the three colours in libjpeg's and
// Pillow's 16-bit weights of ITU-R BT.601: luma is linear, and this order does
// the least work.
func (h *Hasher) reduce(m *raster.RGB) {
	stride := 3 * m.Width
	if cap(h.columns) < stride {
		h.columns = make([]uint32, stride)
	}
	h.columns = h.columns[:stride]
	area := uint64(m.Width) * uint64(m.Height)
	for j := range side {
		h.addRows(m.Pix, spanOf(j, m.Height))
		for i := range side {
			sum := cellSum(h.columns, spanOf(i, m.Width))
			luma := (19595*sum[0] + 38470*sum[1] + 7471*sum[2]) >> 8
			h.small[j][i] = int64((luma + area/2) / area)
		}
	}
}

// addRows makes columns the sums of the rows of s, in thirty-seconds of a row.
func (h *Hasher) addRows(pix []byte, s span) {
	clear(h.columns)
	first, last := s.first, s.last
	if s.head < side {
		h.addPart(pix, first, s.head)
		first++
	}
	if s.last > s.first && s.tail < side {
		h.addPart(pix, last, s.tail)
		last--
	}
	for ; first <= last; first += 256 {
		h.addFull(pix, first, min(256, last-first+1))
	}
}

// addPart adds weight thirty-seconds of a row.
func (h *Hasher) addPart(pix []byte, y int, weight uint32) {
	row := pix[y*len(h.columns):][:len(h.columns)]
	for i, v := range row {
		h.columns[i] += weight * uint32(v)
	}
}

// addFull adds n whole rows from y on, at most 256 so that a sum fits 16 bits:
// eight samples a word, those with even and with odd numbers apart.
func (h *Hasher) addFull(pix []byte, y, n int) {
	const even = 0x00ff00ff00ff00ff
	stride := len(h.columns)
	pix = pix[y*stride : (y+n)*stride]
	i := 0
	for ; i+8 <= stride; i += 8 {
		var a, b uint64
		for p := i; p < len(pix); p += stride {
			v := binary.LittleEndian.Uint64(pix[p:])
			a += v & even
			b += v >> 8 & even
		}
		c := h.columns[i : i+8 : i+8]
		for k := range 4 {
			c[2*k] += side * uint32(a>>(16*k)&0xffff)
			c[2*k+1] += side * uint32(b>>(16*k)&0xffff)
		}
	}
	for ; i < stride; i++ {
		for p := i; p < len(pix); p += stride {
			h.columns[i] += side * uint32(pix[p])
		}
	}
}

// cellSum adds up the columns of s for each colour.
func cellSum(columns []uint32, s span) (sum [3]uint64) {
	for c := range 3 {
		v := uint64(s.head) * uint64(columns[3*s.first+c])
		if s.last > s.first {
			full := uint64(0)
			for x := 3*s.first + 3 + c; x < 3*s.last; x += 3 {
				full += uint64(columns[x])
			}
			v += side*full + uint64(s.tail)*uint64(columns[3*s.last+c])
		}
		sum[c] = v
	}
	return sum
}
