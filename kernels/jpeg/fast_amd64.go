package jpeg

import (
	"unsafe"

	"golang.org/x/sys/cpu"
)

// useAVX2 says whether the assembly serves; tests turn it off to compare.
var useAVX2 = cpu.X86.HasAVX2 && cpu.X86.HasBMI1 && cpu.X86.HasBMI2

// inverse writes the 8x8 samples of a block, dequantised by q, to dst, whose rows
// are stride apart.
func inverse(dst []byte, stride int, block *[64]int16, q *[64]uint16) {
	if !useAVX2 {
		inversePortable(dst, stride, block, q)
		return
	}
	_ = dst[7*stride+7]
	inverseAVX2(&dst[0], stride, block, q)
}

// forward transforms the 8x8 samples at src, whose rows are stride apart, and
// quantises the result: out holds the coefficients row by row, present a bit for
// each that is not zero.
func forward(out *[64]int16, src []byte, stride int, q *divisors) (present uint64) {
	if !useAVX2 {
		forwardPortable(out, src, stride, q)
		return presence(out)
	}
	_ = src[7*stride+7]
	return forwardAVX2(out, &src[0], stride, &q.recip, &q.corr, &q.scale)
}

// writeAC writes the coefficients whose places in a scan order has, and the end of
// the block. w.out has room for maxBlock bytes.
func (w *writer) writeAC(block *[64]int16, order uint64, ac *codes) {
	if !useAVX2 {
		w.writeACPortable(block, order, ac)
		return
	}
	out := w.out[:cap(w.out)]
	from := &out[len(w.out)]
	to, acc, n := writeBMI(from, w.acc, w.n, block, order, (*[256]uint32)(ac))
	w.acc, w.n = acc, n
	w.out = out[:len(w.out)+int(uintptr(unsafe.Pointer(to))-uintptr(unsafe.Pointer(from)))]
}

// Form names the form of the transforms that serves on this machine.
func Form() string {
	if useAVX2 {
		return "AVX2"
	}
	return "portable Go"
}
