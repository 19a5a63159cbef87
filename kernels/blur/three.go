package blur

import "encoding/binary"

// lane is eight samples of a row, those with even and those with odd numbers in
// 16 bits each, the first one lowest.
type lane struct{ even, odd uint64 }

const evenBytes = 0x00ff00ff00ff00ff

// Gaussian3 makes dst the 3x3 binomial blur, weights 1 2 1 over 4 both ways, of
// src, one plane of w x h samples: cv2.GaussianBlur of size 3, at many times its
// speed on colour.
func (b *Blurrer) Gaussian3(dst, src []byte, w, h int) {
	b.three(dst, src, w, h, 1, gaussianRow)
}

// Box3 makes dst the mean of each sample's 3x3 neighbours in src, one plane of
// w x h samples, rounded to the nearest: cv2.blur of size 3.
func (b *Blurrer) Box3(dst, src []byte, w, h int) {
	b.three(dst, src, w, h, 0, boxRow)
}

// three adds up rows, the middle one twice where double is 1, and lets across
// finish each. The border mirrors without repeating the edge.
func (b *Blurrer) three(dst, src []byte, w, h int, double uint, across func(dst []byte, lanes []lane)) {
	if w < 1 || h < 1 {
		return
	}
	// A mirrored sample on each side, and room for whole words.
	n := (w + 2 + 7) / 8
	b.padded = grow(b.padded, 3*8*n)
	b.lanes = grow(b.lanes, n+1)
	b.lanes[n] = lane{}
	slot := func(y int) []byte { return b.padded[y%3*8*n:][:8*n] }
	fill := func(y int) { pad(slot(y)[:w+2], src[y*w:][:w], 1, 1) }
	fill(0)
	for y := range h {
		if y+1 < h {
			fill(y + 1)
		}
		above, middle, below := slot(mirror(y-1, h)), slot(y), slot(mirror(y+1, h))
		for i := range n {
			p := binary.LittleEndian.Uint64(above[8*i:])
			q := binary.LittleEndian.Uint64(middle[8*i:])
			r := binary.LittleEndian.Uint64(below[8*i:])
			b.lanes[i] = lane{
				p&evenBytes + (q & evenBytes << double) + r&evenBytes,
				p>>8&evenBytes + (q >> 8 & evenBytes << double) + r>>8&evenBytes,
			}
		}
		across(dst[y*w:][:w], b.lanes)
	}
}

// put writes eight samples, or as many as dst has.
func put(dst []byte, even, odd uint64) {
	v := even | odd<<8
	if len(dst) >= 8 {
		binary.LittleEndian.PutUint64(dst, v)
		return
	}
	for i := range dst {
		dst[i], v = byte(v), v>>8
	}
}

// window returns, of lane i, the samples under each output's left, middle and
// right: outputs of even number take an even, an odd and the next even sample,
// since the row begins one sample early; outputs of odd number an odd, the next
// even and the next odd one.
func window(lanes []lane, i int) (even, odd, even2, odd2 uint64) {
	here, next := lanes[i], lanes[i+1]
	return here.even, here.odd, here.even>>16 | next.even<<48, here.odd>>16 | next.odd<<48
}

func gaussianRow(dst []byte, lanes []lane) {
	const half = 0x0008000800080008
	for i := 0; 8*i < len(dst); i++ {
		even, odd, even2, odd2 := window(lanes, i)
		put(dst[8*i:], (even+2*odd+even2+half)>>4&evenBytes, (odd+2*even2+odd2+half)>>4&evenBytes)
	}
}

func boxRow(dst []byte, lanes []lane) {
	for i := 0; 8*i < len(dst); i++ {
		even, odd, even2, odd2 := window(lanes, i)
		put(dst[8*i:], ninth(even+odd+even2), ninth(odd+even2+odd2))
	}
}

// ninth divides four sums of at most 2295 by nine, to the nearest: 7282/65536 is
// over 1/9 by so little that no quotient up to there changes.
func ninth(v uint64) uint64 {
	const low, four = 0x0000ffff0000ffff, 0x0004000400040004
	v += four
	return (v&low)*7282>>16&low | (v>>16&low)*7282&^low
}
