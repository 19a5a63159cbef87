package jpeg

import "golang.org/x/sys/cpu"

// useAVX2 says whether the assembly serves; tests turn it off to compare.
var useAVX2 = cpu.X86.HasAVX2

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

// Form names the form of the transforms that serves on this machine.
func Form() string {
	if useAVX2 {
		return "AVX2"
	}
	return "portable Go"
}
