package blur

import (
	"math"

	"github.com/tailorbird/tailorbird/internal/fault"
)

// Gaussian says how wide to blur, on OpenCV's terms.
type Gaussian struct {
	// KernelX and KernelY are the sizes of the kernel in pixels, odd; 0 takes
	// round(6*sigma + 1), made odd, and for float samples round(8*sigma + 1).
	KernelX, KernelY int
	// SigmaX and SigmaY are the standard deviations in pixels. A SigmaY of 0 is
	// SigmaX; where that is 0 too they follow from the sizes, as 0.15*size+0.35.
	SigmaX, SigmaY float64
}

// maxKernel bounds a kernel in pixels; it is far beyond any use of one.
const maxKernel = 1 << 14

// resolve returns the sizes and deviations with the rules above applied. A side
// of one pixel is not blurred along.
func (g Gaussian) resolve(w, h int, reach float64) (Gaussian, error) {
	if g.SigmaY <= 0 {
		g.SigmaY = g.SigmaX
	}
	x, err := kernelSize(g.KernelX, g.SigmaX, w, reach)
	if err != nil {
		return g, err
	}
	y, err := kernelSize(g.KernelY, g.SigmaY, h, reach)
	g.KernelX, g.KernelY = x, y
	return g, err
}

func kernelSize(n int, sigma float64, side int, reach float64) (int, error) {
	if side == 1 {
		return 1, nil
	}
	if n == 0 && sigma > 0 && sigma < maxKernel {
		n = int(math.RoundToEven(sigma*reach*2+1)) | 1
	}
	if n < 1 || n%2 == 0 || n > maxKernel || !(sigma < maxKernel) {
		return 0, fault.New(fault.Usage, "blur: Gaussian kernel of %d pixels and sigma %v; want an odd size up to %d, or 0 and a sigma", n, sigma, maxKernel)
	}
	return n, nil
}

// smallKernels are what OpenCV uses where no sigma is given: in 256ths.
var smallKernels = map[int][]uint32{
	1: {256},
	3: {64, 128, 64},
	5: {16, 64, 96, 64, 16},
	7: {8, 28, 56, 72, 56, 28, 8},
	9: {4, 13, 30, 51, 60, 51, 30, 13, 4},
}

// weights returns the first half of the kernel and its middle, normalised.
func weights(n int, sigma float64) []float64 {
	if small := smallKernels[n]; sigma <= 0 && small != nil {
		half := make([]float64, n/2+1)
		for i := range half {
			half[i] = float64(small[i]) / 256
		}
		return half
	}
	if sigma <= 0 {
		sigma = float64(0.15*float64(n)) + 0.35
	}
	half := make([]float64, n/2+1)
	scale := -0.5 / (sigma * sigma)
	sum := 0.0
	for i := range n / 2 {
		x := float64(i - n/2)
		half[i] = math.Exp(x * x * scale)
		sum += half[i]
	}
	half[n/2] = 1
	sum = float64(sum*2) + 1
	for i := range half {
		half[i] /= sum
	}
	return half
}

// fixed returns the half kernel in 256ths. What rounding takes from a weight
// goes to the next one, and the middle gets what is left of 256.
func fixed(n int, sigma float64) []uint32 {
	half := weights(n, sigma)
	out := make([]uint32, len(half))
	left, carry := uint32(256), 0.0
	for i, v := range half[:n/2] {
		v = float64(v*256) + carry
		rounded := math.RoundToEven(v)
		carry = v - rounded
		out[i] = uint32(rounded)
		left -= 2 * out[i]
	}
	out[n/2] = left
	return out
}

// OpenCV makes dst the Gaussian blur of src, both w x h pixels of channels
// samples: cv2.GaussianBlur on 8 bits, where weights have 8 fraction bits and
// only the result is rounded. The border mirrors without repeating the edge. A
// kernel that cannot be is fault.Usage.
func (b *Blurrer) OpenCV(dst, src []byte, w, h, channels int, g Gaussian) error {
	if w < 1 || h < 1 {
		return nil
	}
	g, err := g.resolve(w, h, 3)
	if err != nil {
		return err
	}
	across, down := fixed(g.KernelX, g.SigmaX), fixed(g.KernelY, g.SigmaY)
	n, ry := w*channels, g.KernelY/2
	// Row y of the blur along x is kept in slot y%KernelY, long enough for every
	// output row that needs it.
	b.rows = grow(b.rows, g.KernelY*n)
	b.sums = grow(b.sums, n)
	b.padded = grow(b.padded, (w+2*(g.KernelX/2))*channels)
	slot := func(y int) []uint16 { return b.rows[y%g.KernelY*n:][:n] }
	for y, ready := 0, 0; y < h; y++ {
		for ; ready < h && ready <= y+ry; ready++ {
			pad(b.padded, src[ready*n:][:n], g.KernelX/2, channels)
			blurRow(slot(ready), b.sums, b.padded, across, channels)
		}
		clear(b.sums)
		for i, k := range down[:ry] {
			addRows(b.sums, slot(mirror(y-ry+i, h)), slot(mirror(y+ry-i, h)), k)
		}
		finish(dst[y*n:][:n], b.sums, slot(y), down[ry])
	}
	return nil
}

// mirror returns the sample that stands for i outside [0, n): reflection at the
// outermost samples.
func mirror(i, n int) int {
	for i < 0 || i >= n {
		if i < 0 {
			i = -i
		} else {
			i = 2*n - 2 - i
		}
		if n == 1 {
			return 0
		}
	}
	return i
}

// pad writes row with r mirrored pixels on both sides.
func pad[T byte | float32](dst, row []T, r, channels int) {
	n := len(row) / channels
	copy(dst[r*channels:], row)
	for i := 1; i <= r; i++ {
		copy(dst[(r-i)*channels:(r-i+1)*channels], row[mirror(-i, n)*channels:])
		copy(dst[(r+n-1+i)*channels:(r+n+i)*channels], row[mirror(n-1+i, n)*channels:])
	}
}

// blurRow writes the weighted sums along a padded row, in 256ths: at most
// 255*256.
func blurRow(dst []uint16, sums []uint32, padded []byte, half []uint32, channels int) {
	n, r := len(dst), len(half)-1
	middle := padded[r*channels:][:n]
	for i, v := range middle {
		sums[i] = half[r] * uint32(v)
	}
	for j, k := range half[:r] {
		left, right := padded[j*channels:][:n], padded[(2*r-j)*channels:][:n]
		sums := sums[:n]
		for i, v := range left {
			sums[i] += k * (uint32(v) + uint32(right[i]))
		}
	}
	for i, v := range sums[:n] {
		dst[i] = uint16(v)
	}
}

func addRows(sums []uint32, above, below []uint16, k uint32) {
	above, below = above[:len(sums)], below[:len(sums)]
	for i := range sums {
		sums[i] += k * (uint32(above[i]) + uint32(below[i]))
	}
}

// finish adds the middle row and rounds 16 fraction bits away.
func finish(dst []byte, sums []uint32, middle []uint16, k uint32) {
	sums, middle = sums[:len(dst)], middle[:len(dst)]
	for i := range dst {
		dst[i] = byte((sums[i] + k*uint32(middle[i]) + 1<<15) >> 16)
	}
}

func grow[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}
