package morph

import "encoding/binary"

// plane is a binary picture of 64 pixels a word: pixel x of row y is bit x%64 of
// bits[y*stride+x/64]. Bits right of the picture are 0.
type plane struct {
	w, h, stride int
	bits         []uint64
}

// pack makes p the picture of b.
func (p *plane) pack(b *Bitmap) {
	p.w, p.h, p.stride = b.Width, b.Height, (b.Width+63)/64
	p.bits = grow(p.bits, p.stride*p.h)
	for y := range p.h {
		packRow(p.bits[y*p.stride:][:p.stride], b.Pix[y*p.w:][:p.w])
	}
}

func packRow(dst []uint64, pix []byte) {
	for i := range dst {
		if len(pix) < 64 {
			dst[i] = packTail(pix)
			return
		}
		var word uint64
		for j := 0; j < 64; j += 8 {
			word |= eight(binary.LittleEndian.Uint64(pix[j:])) << j
		}
		dst[i] = word
		pix = pix[64:]
	}
}

func packTail(pix []byte) uint64 {
	var word uint64
	for x, v := range pix {
		if v != 0 {
			word |= 1 << x
		}
	}
	return word
}

// eight gathers which of a word's eight bytes are not 0 into eight bits.
func eight(v uint64) uint64 {
	const low7, high = 0x7f7f7f7f7f7f7f7f, 0x8080808080808080
	ones := ((v&low7 + low7) | v) & high
	// Byte i's bit meets the factor's bit 56-7i at bit 56+i; no other pair
	// of bits meets there, and no two meet below.
	return (ones >> 7) * 0x0102040810204080 >> 56
}

// bytesOf spreads eight bits over eight bytes of 0 or 255.
var bytesOf = func() (t [256]uint64) {
	for i := range t {
		for j := range 8 {
			if i>>j&1 != 0 {
				t[i] |= 255 << (8 * j)
			}
		}
	}
	return t
}()

// unpack makes b the picture of p, in 0 and 255.
func (p *plane) unpack(b *Bitmap) {
	b.Reset(p.w, p.h)
	for y := range p.h {
		unpackRow(b.Pix[y*p.w:][:p.w], p.bits[y*p.stride:][:p.stride])
	}
}

func unpackRow(pix []byte, src []uint64) {
	for _, word := range src {
		n := min(len(pix), 64)
		for ; n >= 8; n -= 8 {
			binary.LittleEndian.PutUint64(pix, bytesOf[word&255])
			pix, word = pix[8:], word>>8
		}
		for ; n > 0; n-- {
			pix[0] = -byte(word & 1)
			pix, word = pix[1:], word>>1
		}
	}
}

// invert swaps foreground and background.
func (p *plane) invert() {
	for i, v := range p.bits {
		p.bits[i] = ^v
	}
	p.trim()
}

// trim clears the bits right of the picture.
func (p *plane) trim() {
	if p.w%64 == 0 {
		return
	}
	mask := uint64(1)<<(p.w%64) - 1
	for i := p.stride - 1; i < len(p.bits); i += p.stride {
		p.bits[i] &= mask
	}
}

// shiftInto ors src, moved by n >= 0 pixels to the right, into dst, which is
// wide enough for it.
func shiftInto(dst, src []uint64, n int) {
	dst = dst[n/64:]
	r := uint(n % 64)
	for i, v := range src {
		dst[i] |= v << (r & 63)
		if over := v >> 1 >> (63 - r&63); over != 0 {
			dst[i+1] |= over
		}
	}
}

// orShifted ors into every pixel the one n >= 0 to its right, reading what is
// beyond the end as zeros. The last word is left alone.
func orShifted(words []uint64, n int) {
	q, r := n/64, uint(n%64)
	if q+1 >= len(words) {
		return
	}
	from := words[q:]
	words = words[:len(from)-1]
	low := from[0]
	for i := range words {
		high := from[i+1]
		words[i] |= low>>(r&63) | high<<1<<(63-r&63)
		low = high
	}
}

// orWords ors the first words of src into dst.
func orWords(dst, src []uint64) {
	src = src[:len(dst)]
	for i, v := range src {
		dst[i] |= v
	}
}

func grow[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}
