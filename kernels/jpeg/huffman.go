package jpeg

// zigzag gives the place in a block, row by row, of the k-th coefficient in the
// order of a scan (T.81 figure A.6). A run that leads past the last coefficient
// ends on it, as in libjpeg.
var zigzag = func() (z [128]uint8) {
	x, y := 0, 0
	for k := range 64 {
		z[k] = uint8(8*y + x)
		switch up := (x+y)%2 == 0; {
		case up && x == 7, !up && y < 7 && x == 0:
			y++
		case up && y == 0, !up && y == 7:
			x++
		case up:
			x, y = x+1, y-1
		default:
			x, y = x-1, y+1
		}
	}
	for k := 64; k < len(z); k++ {
		z[k] = 63
	}
	return z
}()

const (
	symbolBits = 9  // of the next bits that find a symbol at once
	valueBits  = 10 // of the next bits that find a symbol and its value at once
	endOfBlock = 64 // a run beyond all
)

// huffman is a table to decode with (T.81 annex C and F.2.2.3).
type huffman struct {
	defined bool
	counts  [17]int // codes of each length
	values  [256]uint8

	symbol [1 << symbolBits]uint16 // length << 8 | symbol; 0: a longer code
	limit  [18]int32               // by length: the first code beyond those of this length, aligned to 16 bits
	first  [17]int32               // by length: index of the first value less its code

	// value holds, where a symbol and the bits of its value fit: the value << 16 |
	// run << 8 | length of both. The end of a block has the run endOfBlock; other
	// symbols without value bits are left out.
	value [1 << valueBits]int32
}

// define reads one table of a DHT segment, b being what is left of it, and
// returns how many bytes it took, 0 where the table is not sound. dc says that
// symbols are sizes of DC differences.
func (h *huffman) define(b []byte, dc bool) int {
	if len(b) < 16 {
		return 0
	}
	*h = huffman{}
	total, code := 0, 0
	for l := 1; l <= 16; l++ {
		h.counts[l] = int(b[l-1])
		total += h.counts[l]
		code = (code + h.counts[l]) << 1
		if code > 2<<l { // more codes than bits can tell apart
			return 0
		}
	}
	if total > 256 || len(b) < 16+total {
		return 0
	}
	copy(h.values[:], b[16:16+total])
	if dc {
		for _, v := range h.values[:total] {
			if v > 15 {
				return 0
			}
		}
	}
	h.build()
	h.defined = true
	return 16 + total
}

func (h *huffman) build() {
	code, at := 0, 0
	for l := 1; l <= 16; l++ {
		h.first[l] = int32(at - code)
		for range h.counts[l] {
			if l <= symbolBits {
				from := code << (symbolBits - l)
				for i := range 1 << (symbolBits - l) {
					h.symbol[from+i] = uint16(l)<<8 | uint16(h.values[at])
				}
			}
			h.addValues(code, l, int(h.values[at]))
			code++
			at++
		}
		h.limit[l] = int32(code << (16 - l))
		code <<= 1
	}
	h.limit[17] = 1 << 30
}

// addValues enters the values of a symbol in the table of values.
func (h *huffman) addValues(code, length, symbol int) {
	size := symbol & 15
	if size == 0 && symbol != 0 || length+size > valueBits {
		return
	}
	spare := valueBits - length - size
	for bits := range 1 << size {
		entry := int32(endOfBlock)<<8 | int32(length)
		if size > 0 {
			entry = int32(extend(bits, size))<<16 | int32(symbol>>4)<<8 | int32(length+size)
		}
		from := (code<<size | bits) << spare
		for i := range 1 << spare {
			h.value[from+i] = entry
		}
	}
}

// extend is EXTEND of T.81 figure F.12: the value that size bits stand for.
func extend(bits, size int) int {
	return bits + (bits>>(size-1)-1)&(1-1<<size)
}

// next reads one symbol, -1 where no code fits. r holds at least 16 bits, or all
// that there are.
func (h *huffman) next(r *bitReader) int {
	if s := h.symbol[r.bits>>(64-symbolBits)]; s != 0 {
		l := int(s >> 8)
		r.bits <<= uint(l)
		r.n -= l
		return int(s & 255)
	}
	return h.nextLong(r)
}

func (h *huffman) nextLong(r *bitReader) int {
	code := int32(r.bits >> 48)
	l := symbolBits + 1
	for code >= h.limit[l] {
		l++
	}
	if l > 16 {
		return -1
	}
	r.bits <<= uint(l)
	r.n -= l
	return int(h.values[(code>>(16-l)+h.first[l])&255])
}
