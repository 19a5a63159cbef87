package rle

import (
	"slices"

	"github.com/tailorbird/tailorbird/internal/fault"
)

// COCO's compressed counts: each number, from the fourth on its difference to
// the one two before, in groups of five bits, lowest first, one printable byte
// from '0' on a group; bit 5 says that more follow, bit 4 of the last one is the
// sign.
const (
	firstByte = '0'
	lastByte  = firstByte + 63
	more      = 0x20
	sign      = 0x10
	maxGroups = 7 // 35 bits hold any difference of 32-bit counts
)

// FromString parses COCO's compressed counts for an image of h x w pixels.
// Counts reuses buf.
//
// A byte or a number that cannot be is fault.Corrupt, with its position in s;
// runs that do not cover the image exactly are fault.InvalidAnnotation. Memory
// is bounded by four times len(s).
func FromString[T string | []byte](s T, h, w int, buf []uint32) (Mask, error) {
	if err := checkSize(h, w); err != nil {
		return Mask{}, err
	}
	counts := buf[:0]
	if cap(buf) < len(s) {
		counts = slices.Grow(counts, numbers(s))
	}
	sum := 0
	for i := 0; i < len(s); {
		start := i
		var x int
		if c := s[i] - firstByte; c < more { // a number of one byte, sign at the top
			x = int(int8(c<<3) >> 3)
			i++
		} else if x, i = number(s, i); i < 0 {
			return Mask{}, badNumber(string(s), start)
		}
		if k := len(counts); k > 2 {
			x += int(counts[k-2])
		}
		if uint(x) > MaxPixels {
			return Mask{}, fault.New(fault.Corrupt, "rle: counts: byte %d: run %d has %d pixels", start, len(counts), x)
		}
		sum += x
		counts = append(counts, uint32(x))
	}
	n := h * w
	if len(counts) > n+1 {
		return Mask{}, fault.New(fault.TooLarge, "rle: %d runs, image has %d pixels", len(counts), n)
	}
	if sum != n {
		return Mask{}, fault.New(fault.InvalidAnnotation, "rle: %d pixels, image has %d", sum, n)
	}
	return Mask{h, w, counts}, nil
}

// numbers returns how many numbers end in s.
func numbers[T string | []byte](s T) int {
	n := 0
	for i := range len(s) {
		if (s[i]-firstByte)&more == 0 {
			n++
		}
	}
	return n
}

// number decodes the number at s[i:] and returns the index behind it, -1 where
// there is none.
func number[T string | []byte](s T, i int) (x, end int) {
	for shift := uint(0); i < len(s) && shift < 5*maxGroups; shift += 5 {
		c := int(s[i]) - firstByte
		if uint(c) > lastByte-firstByte {
			return 0, -1
		}
		i++
		x |= c & 0x1f << shift
		if c&more == 0 {
			if c&sign != 0 {
				x |= -1 << (shift + 5)
			}
			return x, i
		}
	}
	return 0, -1
}

// badNumber says what is wrong with the number that starts at s[start].
func badNumber(s string, start int) error {
	for i := start; i < len(s) && i < start+maxGroups; i++ {
		if s[i] < firstByte || s[i] > lastByte {
			return fault.New(fault.Corrupt, "rle: counts: byte %d is %q", i, s[i:i+1])
		}
	}
	if len(s)-start < maxGroups {
		return fault.New(fault.Corrupt, "rle: counts: byte %d: the last number is cut short", start)
	}
	return fault.New(fault.Corrupt, "rle: counts: byte %d: number of more than %d bytes", start, maxGroups)
}

// AppendString appends COCO's compressed counts to dst.
func (m Mask) AppendString(dst []byte) []byte {
	for i, c := range m.Counts {
		x := int(c)
		if i > 2 {
			x -= int(m.Counts[i-2])
		}
		if -16 <= x && x < 16 {
			dst = append(dst, byte(firstByte+x&0x1f))
			continue
		}
		for {
			g := x & 0x1f
			x >>= 5
			if (x == 0 && g&sign == 0) || (x == -1 && g&sign != 0) {
				dst = append(dst, byte(firstByte+g))
				break
			}
			dst = append(dst, byte(firstByte+(g|more)))
		}
	}
	return dst
}

// String returns COCO's compressed counts.
func (m Mask) String() string { return string(m.AppendString(nil)) }
