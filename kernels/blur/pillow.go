package blur

import (
	"math"

	"github.com/tailorbird/tailorbird/internal/fault"
)

// maxRadius bounds a box: its sum of samples has to fit 32 bits with room for
// the weights' rounding, as in Pillow.
const maxRadius = 1 << 20

// Pillow makes dst the blur of src by the radii rx and ry in pixels, the
// standard deviations: Pillow's GaussianBlur, three extended box blurs (Gwosdek,
// Grewenig, Bruhn and Weickert, "Theoretical foundations of Gaussian convolution
// by extended box filtering", 2011). The border repeats the edge. A radius that
// is negative, not finite or beyond a million is fault.Usage.
func (b *Blurrer) Pillow(dst, src []byte, w, h, channels int, rx, ry float64) error {
	return b.boxes(dst, src, w, h, channels, boxRadius(rx, 3), boxRadius(ry, 3), 3)
}

// PillowBox is Pillow's BoxBlur: the mean of the pixels within the radii, where
// the outermost ones count by the fraction.
func (b *Blurrer) PillowBox(dst, src []byte, w, h, channels int, rx, ry float64) error {
	return b.boxes(dst, src, w, h, channels, float32(rx), float32(ry), 1)
}

// boxRadius returns the radius of a box that, applied passes times, has the
// variance of a Gaussian. The whole part gives the nearest smaller variance,
// the fraction the rest. It is in float32, like Pillow's.
func boxRadius(sigma float64, passes int) float32 {
	if !(sigma >= 0) {
		return -1 // which boxes refuses
	}
	variance := float32(float32(sigma)*float32(sigma)) / float32(passes)
	length := float32(math.Sqrt(float64(float64(12*float64(variance)) + 1)))
	whole := float32(math.Floor(float64((length - 1) / 2)))
	rest := float32(float32(2*whole)+1) * float32(float32(whole*float32(whole+1))-float32(3*variance))
	return whole + rest/float32(6*(variance-float32((whole+1)*(whole+1))))
}

func (b *Blurrer) boxes(dst, src []byte, w, h, channels int, rx, ry float32, passes int) error {
	if !(rx >= 0 && rx <= maxRadius && ry >= 0 && ry <= maxRadius) {
		return fault.New(fault.Usage, "blur: box radii %v and %v; want 0 to %d", rx, ry, maxRadius)
	}
	if w < 1 || h < 1 {
		return nil
	}
	n := w * channels
	copy(dst[:n*h], src[:n*h])
	if rx > 0 {
		across := newBox(rx)
		for y := range h {
			b.lines(dst[y*n:], w, channels, channels, across, passes)
		}
	}
	if ry > 0 {
		down := newBox(ry)
		for x := 0; x < n; x += bundle {
			b.lines(dst[x:], h, n, min(bundle, n-x), down, passes)
		}
	}
	return nil
}

// box is an extended box filter: weight for the pixels within radius, edge for
// the two beyond, both with 24 fraction bits.
type box struct {
	radius       int
	weight, edge uint32
}

func newBox(radius float32) box {
	whole := int(radius)
	weight := uint32(float32(1<<24) / (float32(radius*2) + 1))
	return box{whole, weight, (1<<24 - uint32(2*whole+1)*weight) / 2}
}

// bundle is how many columns are blurred side by side: a cache line.
const bundle = 64

// lines filters k lines of n samples that lie side by side in pix, one step of
// all every stride bytes.
func (b *Blurrer) lines(pix []byte, n, stride, k int, f box, passes int) {
	b.padded = grow(b.padded, 2*n*k)
	b.sums = grow(b.sums, k)
	line, next := b.padded[:n*k], b.padded[n*k:]
	for i := range n {
		copy(line[i*k:(i+1)*k], pix[i*stride:])
	}
	for range passes {
		f.filter(next, line, b.sums)
		line, next = next, line
	}
	for i := range n {
		copy(pix[i*stride:][:k], line[i*k:])
	}
}

// filter runs the box over len(sums) interleaved lines. The sums hold the
// samples within the radius of the step, the outermost ones standing for all
// that is beyond them.
func (f box) filter(dst, src []byte, sums []uint32) {
	k := len(sums)
	last := len(src)/k - 1
	at := func(i int) []byte { return src[min(max(i, 0), last)*k:][:k] }
	for c, v := range at(0) { // at step -1
		sums[c] = uint32(f.radius+1) * uint32(v)
	}
	for i := range min(f.radius, last) {
		for c, v := range at(i) {
			sums[c] += uint32(v)
		}
	}
	if f.radius > last {
		for c, v := range at(last) {
			sums[c] += uint32(f.radius-last) * uint32(v)
		}
	}
	for i := 0; i <= last; i++ {
		f.step(dst[i*k:][:k], sums, at(i-f.radius-1), at(i+f.radius), at(i+f.radius+1))
	}
}

// step moves the sums by one sample and writes their means: before leaves the
// box, in enters it, and after is the one beyond.
func (f box) step(dst []byte, sums []uint32, before, in, after []byte) {
	before, in, after, sums = before[:len(dst)], in[:len(dst)], after[:len(dst)], sums[:len(dst)]
	for c := range dst {
		sums[c] += uint32(in[c]) - uint32(before[c])
		mean := sums[c]*f.weight + (uint32(before[c])+uint32(after[c]))*f.edge
		dst[c] = byte((mean + 1<<23) >> 24)
	}
}
