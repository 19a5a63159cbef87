//go:build !amd64

package jpeg

const useAVX2 = false

// inverse writes the 8x8 samples of a block, dequantised by q, to dst, whose rows
// are stride apart.
func inverse(dst []byte, stride int, block *[64]int16, q *[64]uint16) {
	inversePortable(dst, stride, block, q)
}

// forward transforms the 8x8 samples at src, whose rows are stride apart, and
// quantises the result: out holds the coefficients row by row, present a bit for
// each that is not zero.
func forward(out *[64]int16, src []byte, stride int, q *divisors) (present uint64) {
	forwardPortable(out, src, stride, q)
	return presence(out)
}

func (w *writer) writeAC(block *[64]int16, order uint64, ac *codes) {
	w.writeACPortable(block, order, ac)
}

// Form names the form of the transforms that serves on this machine.
func Form() string { return "portable Go" }
