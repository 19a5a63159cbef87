package cpu

//go:generate go run ./asm/attention -out attention_amd64.s -stubs attention_stub_amd64.go -pkg cpu

import "math"

var minusInf = float32(math.Inf(-1))

// softmaxStep turns a row of scores, whole vectors of them, into exponentials
// relative to the greatest score so far, adds them to sum and returns by what
// earlier results are scaled.
func softmaxStep(row []float32, greatest, sum *float32) float32 {
	top := rowMax(row, *greatest)
	if top == minusInf {
		clear(row)
		return 1
	}
	c := float32(1)
	if top != *greatest {
		c = float32(math.Exp(float64(*greatest - top)))
	}
	*greatest, *sum = top, *sum*c+expShift(row, top)
	return c
}

// expFrom sets x = exp(x - from), 0 where no score was finite.
func expFrom(x []float32, from float32) {
	if from == minusInf {
		clear(x)
		return
	}
	expShift(x, from)
}

// rowMax returns the greatest of start and whole vectors of values.
func rowMax(x []float32, start float32) float32 {
	if useAVX2 {
		return rowMaxAVX2(&x[0], len(x), start)
	}
	for _, v := range x {
		start = max(start, v)
	}
	return start
}

// expShift sets x = exp(x - shift), of whole vectors, and returns the sum. Results
// below 2^-126 are 0. Differences are below 88, where exp ends: a score is not above
// the greatest one.
func expShift(x []float32, shift float32) float32 {
	if useAVX2 {
		return expShiftAVX2(&x[0], len(x), shift)
	}
	var sum float32
	for i, v := range x {
		if v -= shift; v < expLeast {
			x[i] = 0
			continue
		}
		x[i] = float32(math.Exp(float64(v)))
		sum += x[i]
	}
	return sum
}

const expLeast = -87.33654 // its exponential is 2^-126, the least normal number

// scoreGrad sets g = p (g - delta), the gradient of a row of scores, of whole vectors.
func scoreGrad(g, p []float32, delta float32) {
	if useAVX2 {
		_ = p[len(g)-1]
		scoreGradAVX2(&g[0], &p[0], len(g), delta)
		return
	}
	for i := range g {
		g[i] = p[i] * (g[i] - delta)
	}
}

// scaleFloats sets x = c x.
func scaleFloats(x []float32, c float32) {
	if whole := len(x) &^ 7; useAVX2 && whole > 0 {
		scaleRowAVX2(&x[0], whole, c)
		x = x[whole:]
	}
	for i := range x {
		x[i] *= c
	}
}

// dotFloats returns the sum of a b.
func dotFloats(a, b []float32) float32 {
	var sum float32
	if whole := len(a) &^ 7; useAVX2 && whole > 0 {
		_ = b[whole-1]
		sum = dotRowAVX2(&a[0], &b[0], whole)
		a, b = a[whole:], b[whole:]
	}
	for i, v := range a {
		sum += v * b[i]
	}
	return sum
}

func fillFloats(x []float32, c float32) {
	for i := range x {
		x[i] = c
	}
}
