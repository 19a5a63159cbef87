package resize

import (
	"encoding/binary"

	"golang.org/x/sys/cpu"
)

// fastTables is an axis as the AVX2 kernels read it. The zero value is none:
// a kernel reads whole vectors, and an axis that has no room for them is left
// to the portable form.
type fastTables struct {
	kernel  kernel
	pairs   int     // pairs of taps; for dots blocks of 16 taps
	offsets []int32 // where the windows begin in a row, in bytes
	table   []byte  // shuffles and split coefficients
	rows    []uint32

	outputs, groups, step, advance int
	order                          *[16]byte
}

type kernel uint8

const (
	none kernel = iota
	columns
	shuffled
	dots
)

const vector = 32 // bytes

// Where the bytes of a group go: eight of each of two rows, or the two RGB
// pixels of each without the byte that pads them.
var (
	wholeGroup = [16]byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}
	twoPixels  = [16]byte{0, 1, 2, 4, 5, 6, 3, 7, 8, 9, 10, 12, 13, 14, 11, 15}
)

// rowBytes is the distance of the rows between the passes: the horizontal
// kernel writes up to eight bytes more than a row has.
func rowBytes(width int) int { return (width + 8 + vector - 1) &^ (vector - 1) }

func (f *fastTables) bytes() int { return 4*cap(f.offsets) + cap(f.table) + 4*cap(f.rows) }

func (f *fastTables) build(a *axis) {
	f.kernel = none
	if !a.key.allowFast || !cpu.X86.HasAVX2 || a.taps%2 != 0 {
		return
	}
	switch a.key.form {
	case vertical:
		f.buildColumns(a)
	case horizontal:
		if !narrow(a.coef) {
			return
		}
		if !f.buildShuffled(a, 1, 4) {
			f.buildDots(a)
		}
	case interleave:
		if !narrow(a.coef) {
			return
		}
		if !f.buildShuffled(a, 3, 4) {
			f.buildShuffled(a, 3, 3)
		}
	}
}

// buildColumns splits every coefficient into hi*65536 + lo. The high parts are
// summed in 16 bits: 255 times their absolute sum has to fit.
func (f *fastTables) buildColumns(a *axis) {
	f.rows = grow(f.rows, len(a.coef))
	for i := 0; i < len(a.coef); i += a.taps {
		sum := int32(0)
		for j := i; j < i+a.taps; j += 2 {
			h0, h1 := (a.coef[j]+1<<15)>>16, (a.coef[j+1]+1<<15)>>16
			l0, l1 := uint16(a.coef[j]), uint16(a.coef[j+1])
			f.rows[j] = uint32(l0) | uint32(l1)<<16
			f.rows[j+1] = uint32(uint8(h0)) | uint32(uint8(h1))<<8
			sum += max(h0, -h0) + max(h1, -h1)
		}
		if sum > 127 {
			return
		}
	}
	f.kernel, f.pairs = columns, a.taps/2
}

// narrow tells whether the high part of every coefficient has 16 bits when it
// is split as hi*2048 + lo.
func narrow(coef []int32) bool {
	for _, c := range coef {
		if c != c<<5>>5 {
			return false
		}
	}
	return true
}

func split(c int32) (hi, lo uint16) { return uint16(c >> 11), uint16(c & 2047) }

// buildShuffled lays the outputs of a row of channels samples a pixel out in
// windows of lane outputs, which is 4, or 3 to give an RGB pixel a window of its
// own. It reports whether the samples of every window fit 16 bytes.
func (f *fastTables) buildShuffled(a *axis, channels, lane int) bool {
	pairs, step := a.taps/2, 2*channels
	lastWindow := a.key.in*channels - 16 - step*(pairs-1)
	if lastWindow < 0 {
		return false
	}
	outputs := a.key.out * channels
	groups := (outputs + 2*lane - 1) / (2 * lane)
	f.offsets = grow(f.offsets, 2*groups)
	size := vector + 2*vector*pairs
	f.table = grow(f.table, groups*size)
	clear(f.table)
	for w := range f.offsets {
		t := f.table[w/2*size+w%2*16:]
		from, to := min(w*lane, outputs), min((w+1)*lane, outputs)
		base := lastWindow
		for j := from; j < to; j++ {
			base = min(base, int(a.first[j/channels])*channels+j%channels)
		}
		f.offsets[w] = int32(base)
		for q := range 4 {
			j := from + q
			if q >= lane || j >= to {
				copy(t[4*q:], "\x80\x80\x80\x80")
				continue
			}
			at := int(a.first[j/channels])*channels + j%channels - base
			if at+channels > 15 {
				return false
			}
			copy(t[4*q:], []byte{byte(at), 0x80, byte(at + channels), 0x80})
			putPairs(t[vector+4*q:], a.coef[j/channels*a.taps:][:a.taps])
		}
	}
	f.kernel, f.pairs, f.groups, f.step = shuffled, pairs, groups, step
	f.advance, f.order = 2*lane, &wholeGroup
	if lane == 3 {
		f.order = &twoPixels
	}
	return true
}

// putPairs writes the high halves of a pair of coefficients and the low ones a
// vector later, pair for pair.
func putPairs(t []byte, coef []int32) {
	for p := 0; p < len(coef); p += 2 {
		h0, l0 := split(coef[p])
		h1, l1 := split(coef[p+1])
		b := t[p*vector:]
		binary.LittleEndian.PutUint16(b, h0)
		binary.LittleEndian.PutUint16(b[2:], h1)
		binary.LittleEndian.PutUint16(b[vector:], l0)
		binary.LittleEndian.PutUint16(b[vector+2:], l1)
	}
}

// buildDots lays each output's coefficients out in blocks of 16.
func (f *fastTables) buildDots(a *axis) {
	blocks := (a.taps + 15) / 16
	if a.key.in < 16*blocks {
		return
	}
	f.offsets = grow(f.offsets, a.key.out)
	f.table = grow(f.table, a.key.out*blocks*2*vector)
	clear(f.table)
	for i, first := range a.first {
		f.offsets[i] = min(first, int32(a.key.in-16*blocks))
		shift := int(first - f.offsets[i])
		for j, c := range a.coef[i*a.taps:][:a.taps] {
			hi, lo := split(c)
			at := shift + j
			b := f.table[(i*blocks+at/16)*2*vector+at%16*2:]
			binary.LittleEndian.PutUint16(b, hi)
			binary.LittleEndian.PutUint16(b[vector:], lo)
		}
	}
	f.kernel, f.pairs, f.outputs = dots, blocks, a.key.out
}

// horizontal filters n rows and reports whether it did. The kernels take two
// rows; an odd last one stands for both.
func (f *fastTables) horizontal(dst []byte, dstStride int, src []byte, srcStride, n int) bool {
	if f.kernel == none {
		return false
	}
	for y := 0; y < n; y += 2 {
		d, s := &dst[y*dstStride], &src[y*srcStride]
		if y+1 == n {
			dstStride, srcStride = 0, 0
		}
		if f.kernel == shuffled {
			shuffledAVX2(d, s, dstStride, srcStride, &f.offsets[0], &f.table[0], &f.order[0], f.groups, f.pairs, f.step, f.advance)
		} else {
			dotsAVX2(d, s, dstStride, srcStride, &f.offsets[0], &f.table[0], f.outputs, f.pairs)
		}
	}
	return true
}

// vertical filters output row i, the window of which begins at rows, and
// reports whether it did.
func (f *fastTables) vertical(dst, rows []byte, stride, i int) bool {
	if f.kernel != columns || len(dst) < vector {
		return false
	}
	columnsAVX2(&dst[0], &rows[0], stride, len(dst), &f.rows[i*2*f.pairs], f.pairs)
	return true
}

// Form names the form of the kernels that serves on this machine.
func Form() string {
	if cpu.X86.HasAVX2 {
		return "AVX2 assembly"
	}
	return "portable Go"
}
