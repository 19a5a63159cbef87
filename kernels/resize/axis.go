package resize

import "math"

// precision is the number of fraction bits of a fixed-point coefficient. Eight
// bits hold the sample and two the filter's overshoot, which leaves 22 of 32:
// Pillow's PRECISION_BITS.
const precision = 32 - 8 - 2

// form says what an axis' tables are for.
type form uint8

const (
	vertical   form = iota // 8-bit rows
	horizontal             // 8-bit samples of one plane
	interleave             // 8-bit samples of interleaved RGB
	floating               // float32 samples, either direction
)

// axisKey determines an axis entirely. The source interval [lo, hi) is float32
// as it is in Pillow: the last bit of a coefficient depends on it.
type axisKey struct {
	in, out   int
	lo, hi    float32
	filter    Filter
	noAA      bool
	form      form
	allowFast bool
}

// identity tells whether the output samples are the input samples.
func (k axisKey) identity() bool {
	return k.in == k.out && k.lo == 0 && k.hi == float32(k.out)
}

// axis holds one direction's coefficients. Output i is the sum of taps source
// samples from first[i] on, weighted with row i of coef (or of weight). Every
// output has the same number of taps, an even one where the source has as many
// samples: the windows are padded with zeros and pushed inside the source, so
// that a reader in pairs stays in bounds.
type axis struct {
	key    axisKey
	taps   int
	first  []int32
	coef   []int32   // fixed point, precision bits
	weight []float64 // floating form
	fast   fastTables
}

// build fills a for k, reusing its buffers. A fixed-point form needs the
// unrounded weights only here: they go to scratch.
func (a *axis) build(k axisKey, scratch *[]float64) {
	a.key = k
	a.first = grow(a.first, k.out)
	a.coef, a.weight, a.taps = a.coef[:0], a.weight[:0], 0
	if k.filter == Nearest {
		a.buildNearest()
		return
	}
	scale := float64(k.hi-k.lo) / float64(k.out)
	stretch := max(scale, 1)
	if k.noAA {
		stretch = 1
	}
	support := k.filter.support() * stretch
	width := min(2*int(math.Ceil(support))+1, k.in)
	weights := scratch
	if k.form == floating {
		weights = &a.weight
	}
	*weights = grow(*weights, k.out*width)
	widest := 1
	for i := range k.out {
		center := float64(k.lo) + float64((float64(i)+0.5)*scale)
		first := min(max(int(center-support+0.5), 0), k.in-1)
		last := min(max(int(center+support+0.5), first+1), k.in, first+width)
		w := (*weights)[i*width : (i+1)*width]
		clear(w)
		k.filter.normalised(w[:last-first], first, center, 1/stretch)
		a.first[i] = int32(first)
		widest = max(widest, last-first)
	}
	if k.form == floating {
		a.taps = width
		a.inside()
		return
	}
	a.fix(*weights, width, widest)
	a.fast.build(a)
}

// normalised fills w with the filter centred at center, scaled by shrink and
// evaluated at the middles of the samples from first on; they sum to 1.
func (f Filter) normalised(w []float64, first int, center, shrink float64) {
	sum := 0.0
	for i := range w {
		w[i] = f.weight((float64(first+i) - center + 0.5) * shrink)
		sum += w[i]
	}
	if sum == 0 {
		// A source interval far outside the image: the nearest sample stands in.
		w[0], sum = 1, 1
	}
	for i := range w {
		w[i] /= sum
	}
}

// inside pushes the windows of the floating form into the source.
func (a *axis) inside() {
	for i, first := range a.first {
		if over := int(first) + a.taps - a.key.in; over > 0 {
			w := a.weight[i*a.taps : (i+1)*a.taps]
			copy(w[over:], w)
			clear(w[:over])
			a.first[i] -= int32(over)
		}
	}
}

// fix rounds the weights, rows of width of which at most widest are used, to
// fixed point, half away from zero.
func (a *axis) fix(weights []float64, width, widest int) {
	a.taps = min(widest+widest%2, a.key.in)
	a.coef = grow(a.coef, len(a.first)*a.taps)
	for i, first := range a.first {
		shift := max(int(first)+a.taps-a.key.in, 0)
		c := a.coef[i*a.taps : (i+1)*a.taps]
		clear(c)
		for j, w := range weights[i*width : i*width+min(widest, a.taps-shift)] {
			c[shift+j] = int32(float64(w*(1<<precision)) + math.Copysign(0.5, w))
		}
		a.first[i] -= int32(shift)
	}
}

// buildNearest steps through the source as Pillow does, by adding the scale:
// a product would round differently.
func (a *axis) buildNearest() {
	k := a.key
	step := float64(k.hi-k.lo) / float64(k.out)
	at := float64(k.lo) + float64(step*0.5)
	for i := range a.first {
		a.first[i] = int32(min(max(int(at), 0), k.in-1))
		at += step
	}
}

// bytes is what the axis occupies.
func (a *axis) bytes() int {
	return 4*cap(a.first) + 4*cap(a.coef) + 8*cap(a.weight) + a.fast.bytes()
}

func grow[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}
