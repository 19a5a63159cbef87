package cpu

import "github.com/tailorbird/tailorbird/kernels/ops"

//go:generate go run ./asm/elementwise -out vec_amd64.s -stubs vec_stub_amd64.go -pkg cpu

// The fast functions do what their namesakes do in assembly and say whether they
// did: what has no assembly is left to the portable form.

type binaryKernels struct {
	vectors func(d, a, b *float32, n int)
	scalar  func(d, a *float32, b float32, n int)
	from    func(d *float32, a float32, b *float32, n int) // nil: commutative
}

var fastBinaries = [...]binaryKernels{
	ops.BinaryAdd:     {addAVX2, addScalarAVX2, nil},
	ops.BinarySub:     {subAVX2, subScalarAVX2, subFromAVX2},
	ops.BinaryMul:     {mulAVX2, mulScalarAVX2, nil},
	ops.BinaryDiv:     {divAVX2, divScalarAVX2, divFromAVX2},
	ops.BinaryMax:     {maxAVX2, maxScalarAVX2, nil},
	ops.BinaryMin:     {minAVX2, minScalarAVX2, nil},
	ops.BinaryAddReLU: {addReLUAVX2, addReLUScalarAVX2, nil},
}

func fastBinary(op ops.Binary, d, a, b []float32) bool {
	if !useAVX2 || int(op) >= len(fastBinaries) || len(d) == 0 {
		return false
	}
	k := &fastBinaries[op]
	switch n := len(d); {
	case len(a) >= n && len(b) >= n:
		k.vectors(&d[0], &a[0], &b[0], n)
	case len(b) == 1:
		k.scalar(&d[0], &a[0], b[0], n)
	case k.from != nil:
		k.from(&d[0], a[0], &b[0], n)
	default:
		k.scalar(&d[0], &b[0], a[0], n)
	}
	return true
}

func fastUnary(f ops.Unary, p ops.UnaryParams, d, x []float32) bool {
	if !useAVX2 || len(d) == 0 {
		return false
	}
	to, from, n := &d[0], &x[:len(d)][0], len(d)
	switch f {
	case ops.UnaryAffine:
		affineAVX2(to, from, p.A, p.B, n)
	case ops.UnaryReLU:
		reluAVX2(to, from, n)
	case ops.UnaryReLU6:
		clampAVX2(to, from, 0, 6, n)
	case ops.UnaryClamp:
		clampAVX2(to, from, p.A, p.B, n)
	case ops.UnarySquare:
		mulAVX2(to, from, from, n)
	case ops.UnarySqrt:
		sqrtAVX2(to, from, n)
	case ops.UnaryReciprocal:
		reciprocalAVX2(to, from, n)
	case ops.UnaryExp:
		expAVX2(to, from, n)
	case ops.UnarySigmoid:
		sigmoidAVX2(to, from, n)
	case ops.UnaryTanh:
		tanhAVX2(to, from, n)
	case ops.UnaryGELU:
		geluAVX2(to, from, n)
	case ops.UnaryGELUTanh:
		geluTanhAVX2(to, from, n)
	case ops.UnaryQuickGELU:
		quickGELUAVX2(to, from, n)
	case ops.UnarySiLU:
		siluAVX2(to, from, n)
	default:
		return false
	}
	return true
}

func fastUnaryGrad(f ops.Unary, p ops.UnaryParams, d, dy, v []float32) bool {
	if !useAVX2 || len(d) == 0 {
		return false
	}
	n := len(d)
	to, g, from := &d[0], &dy[:n][0], &v[:n][0]
	switch f {
	case ops.UnaryAffine:
		scaleAVX2(to, g, p.A, n)
	case ops.UnaryReLU:
		reluGradAVX2(to, g, from, n)
	case ops.UnaryReLU6:
		relu6GradAVX2(to, g, from, n)
	case ops.UnaryExp:
		mulAVX2(to, g, from, n)
	case ops.UnarySquare:
		mulAVX2(to, g, from, n)
		scaleAVX2(to, to, 2, n)
	case ops.UnarySigmoid:
		sigmoidGradAVX2(to, g, from, n)
	case ops.UnaryTanh:
		tanhGradAVX2(to, g, from, n)
	case ops.UnaryGELU:
		geluGradAVX2(to, g, from, n)
	case ops.UnaryGELUTanh:
		geluTanhGradAVX2(to, g, from, n)
	case ops.UnaryQuickGELU:
		quickGELUGradAVX2(to, g, from, n)
	case ops.UnarySiLU:
		siluGradAVX2(to, g, from, n)
	default:
		return false
	}
	return true
}

func fastFill(d []float32, v float32) bool {
	if !useAVX2 || len(d) == 0 {
		return false
	}
	fillAVX2(&d[0], v, len(d))
	return true
}

func fastAxpy(d, x []float32, alpha float32) bool {
	if !useAVX2 || len(d) == 0 {
		return false
	}
	axpyAVX2(&d[0], &x[:len(d)][0], alpha, len(d))
	return true
}

func fastScale(d, x []float32, alpha float32) bool {
	if !useAVX2 || len(d) == 0 {
		return false
	}
	scaleAVX2(&d[0], &x[:len(d)][0], alpha, len(d))
	return true
}

func fastSum(x []float32) (float32, bool) {
	if !useAVX2 || len(x) == 0 {
		return 0, false
	}
	return sumAVX2(&x[0], len(x)), true
}

// fastMax leaves vectors with a value that is not finite to the portable form.
func fastMax(x []float32) (float32, bool) {
	if !useAVX2 || len(x) == 0 {
		return 0, false
	}
	m, nan := maxOfAVX2(&x[0], len(x))
	return m, nan == 0
}

func fastSoftmax(y, x []float32) bool {
	if !useAVX2 || len(x) == 0 {
		return false
	}
	softmaxAVX2(&y[:len(x)][0], &x[0], len(x))
	return true
}

func fastSumExp(x []float32, top float32) (float64, bool) {
	if !useAVX2 || len(x) == 0 {
		return 0, false
	}
	return float64(sumExpAVX2(&x[0], top, len(x))), true
}

func fastSoftmaxGrad(dx, dy, y []float32) bool {
	if !useAVX2 || len(y) == 0 {
		return false
	}
	softmaxGradAVX2(&dx[:len(y)][0], &dy[:len(y)][0], &y[0], len(y))
	return true
}

func fastRowNorm(y, x, w, b []float32, p ops.LayerNorm) (mean, rstd float32, ok bool) {
	n := len(x)
	if !useAVX2 || n == 0 {
		return 0, 0, false
	}
	norm := layerNormAVX2
	if p.RMS {
		norm = rmsNormAVX2
	}
	mean, rstd = norm(&y[:n][0], &x[0], &w[:n][0], &b[:n][0], n, 1/float32(n), p.Eps)
	return mean, rstd, true
}

func fastRowNormGrad(dx, dw, db, dy, x, w []float32, mean, rstd float32, rms bool) bool {
	n := len(x)
	if !useAVX2 || n == 0 {
		return false
	}
	inverse := 1 / float32(n)
	inverse0 := inverse
	if rms {
		inverse0 = 0
	}
	layerNormGradAVX2(&dx[:n][0], &dw[:n][0], &db[:n][0], &dy[:n][0], &x[0], &w[:n][0], n, mean, rstd, inverse0, inverse)
	return true
}

func fastPlane(rows, n int) bool { return useAVX2 && rows > 0 && n >= leastRow }

func fastPlaneSum(x []float32, rows, n, step int) (float64, bool) {
	if !fastPlane(rows, n) {
		return 0, false
	}
	return float64(planeSumAVX2(&x[0], rows, n, step)), true
}

func fastPlaneSquares(x []float32, rows, n, step int, shift float32) (float64, bool) {
	if !fastPlane(rows, n) {
		return 0, false
	}
	return float64(planeSquaresAVX2(&x[0], rows, n, step, shift)), true
}

func fastPlaneNormalise(y, x []float32, rows, n, step int, mean, scale, shift float32, relu bool) bool {
	if !fastPlane(rows, n) {
		return false
	}
	if relu {
		planeNormaliseReLUAVX2(&y[0], &x[0], rows, n, step, mean, scale, shift)
	} else {
		planeNormaliseAVX2(&y[0], &x[0], rows, n, step, mean, scale, shift)
	}
	return true
}

func fastPlaneGradSums(x, dy, y []float32, rows, n, step int, mean float32) (s0, s1 float64, ok bool) {
	if !fastPlane(rows, n) {
		return 0, 0, false
	}
	var a, b float32
	if y == nil {
		a, b = planeGradSumsAVX2(&x[0], &dy[0], rows, n, step, mean)
	} else {
		a, b = planeGradSumsReLUAVX2(&x[0], &dy[0], &y[0], rows, n, step, mean)
	}
	return float64(a), float64(b), true
}

func fastPlaneNormaliseGrad(dx, dy, x, y []float32, rows, n, step int, mean, k, k1, k0 float32) bool {
	if !fastPlane(rows, n) {
		return false
	}
	if y == nil {
		planeNormaliseGradAVX2(&dx[0], &dy[0], &x[0], rows, n, step, mean, k, k1, k0)
	} else {
		planeNormaliseGradReLUAVX2(&dx[0], &dy[0], &x[0], &y[0], rows, n, step, mean, k, k1, k0)
	}
	return true
}
