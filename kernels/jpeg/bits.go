package jpeg

import "encoding/binary"

// bitReader reads entropy-coded data (T.81 F.2.2.5): stuffed zeros are left out,
// and at a marker, or where the data ends, zeros follow for as long as they are
// asked for. spent then tells that more was used than there was.
type bitReader struct {
	data []byte
	at   int    // of the next byte to take
	bits uint64 // the next bits, the first one highest
	n    int    // how many of them are data
	ends bool   // at is a marker or the end of the data
}

// fill makes n at least 56, or everything that is left.
func (r *bitReader) fill() {
	if at := r.at; at+8 <= len(r.data) && !r.ends {
		v := binary.BigEndian.Uint64(r.data[at:])
		const low, ones = 0x7f7f7f7f7f7f7f7f, 0x0101010101010101
		if (v&low+ones)&v&^low == 0 { // no byte is FF
			r.bits |= v >> (uint(r.n) & 63)
			take := (63 - r.n) >> 3
			r.at = at + take
			r.n += take << 3
			return // bits beyond n are those that the next fill puts there
		}
	}
	r.fillSlow()
}

// fillSlow is fill a byte at a time.
func (r *bitReader) fillSlow() {
	for r.n <= 56 && !r.ends {
		if r.at >= len(r.data) {
			r.ends = true
			return
		}
		b := r.data[r.at]
		step := 1
		if b == 0xFF {
			if r.at+1 >= len(r.data) || r.data[r.at+1] != 0 {
				r.ends = true
				return
			}
			step = 2
		}
		r.bits |= uint64(b) << (56 - uint(r.n))
		r.n += 8
		r.at += step
	}
}

// take returns the next k bits, at most 16.
func (r *bitReader) take(k int) int {
	if r.n < k {
		r.fill()
	}
	v := int(r.bits >> (64 - uint(k)))
	r.bits <<= uint(k)
	r.n -= k
	return v
}

// spent says whether more bits were used than there were.
func (r *bitReader) spent() bool { return r.n < 0 }

// begin starts at a new place.
func (r *bitReader) begin(at int) { r.at, r.bits, r.n, r.ends = at, 0, 0, false }

// byteAt returns the offset of the byte that holds the next bit, near enough
// for a message.
func (r *bitReader) byteAt() int { return max(0, r.at-max(r.n, 0)/8) }
