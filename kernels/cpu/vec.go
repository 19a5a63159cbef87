package cpu

import "github.com/tailorbird/tailorbird/kernels/ops"

// The vec functions work on slices of one length; an operand of length 1 stands
// for as many elements as needed. dst may be an operand. The result of an element
// does not depend on where in the slices it lies.

func vecFill(d []float32, v float32) {
	if fastFill(d, v) {
		return
	}
	for i := range d {
		d[i] = v
	}
}

// vecAxpy sets d += alpha x.
func vecAxpy(d, x []float32, alpha float32) {
	if fastAxpy(d, x, alpha) {
		return
	}
	for i, v := range x[:len(d)] {
		d[i] += alpha * v
	}
}

// vecScale sets d = alpha x.
func vecScale(d, x []float32, alpha float32) {
	if len(x) == 1 {
		vecFill(d, alpha*x[0])
		return
	}
	if fastScale(d, x, alpha) {
		return
	}
	for i, v := range x[:len(d)] {
		d[i] = alpha * v
	}
}

// at returns element i, or the only one.
func at(v []float32, i int) float32 {
	if len(v) == 1 {
		return v[0]
	}
	return v[i]
}

// vecSelect sets d = a where c is not 0, b elsewhere.
func vecSelect(d, c, a, b []float32) {
	for i := range d {
		if at(c, i) != 0 {
			d[i] = at(a, i)
		} else {
			d[i] = at(b, i)
		}
	}
}

// vecBinary sets d = a OP b.
func vecBinary(op ops.Binary, d, a, b []float32) {
	if !fastBinary(op, d, a, b) {
		portableBinary(op, d, a, b)
	}
}

func portableBinary(op ops.Binary, d, a, b []float32) {
	switch {
	case len(a) == 1 && len(d) > 1:
		for i := range d {
			d[i] = binaryScalar(op, a[0], at(b, i))
		}
	case len(b) == 1 && len(d) > 1:
		for i := range d {
			d[i] = binaryScalar(op, a[i], b[0])
		}
	case op == ops.BinaryAdd:
		for i, v := range a[:len(d)] {
			d[i] = v + b[i]
		}
	case op == ops.BinaryMul:
		for i, v := range a[:len(d)] {
			d[i] = v * b[i]
		}
	default:
		for i := range d {
			d[i] = binaryScalar(op, a[i], b[i])
		}
	}
}

// vecUnary sets d = F(x).
func vecUnary(f ops.Unary, p ops.UnaryParams, d, x []float32) {
	if !fastUnary(f, p, d, x) {
		portableUnary(f, p, d, x)
	}
}

func portableUnary(f ops.Unary, p ops.UnaryParams, d, x []float32) {
	value := unaryFuncs[f].value
	for i, v := range x[:len(d)] {
		d[i] = float32(value(float64(v), p))
	}
}

// vecUnaryGrad sets d = dy F', computed from v.
func vecUnaryGrad(f ops.Unary, p ops.UnaryParams, d, dy, v []float32) {
	if !fastUnaryGrad(f, p, d, dy, v) {
		portableUnaryGrad(f, p, d, dy, v)
	}
}

func portableUnaryGrad(f ops.Unary, p ops.UnaryParams, d, dy, v []float32) {
	slope := unaryFuncs[f].derivative
	for i, x := range v[:len(d)] {
		d[i] = dy[i] * float32(slope(float64(x), p))
	}
}

// vecSum returns the sum of x.
func vecSum(x []float32) float32 {
	if s, ok := fastSum(x); ok {
		return s
	}
	return portableSum(x)
}

func portableSum(x []float32) float32 {
	sum := 0.0
	for _, v := range x {
		sum += float64(v)
	}
	return float32(sum)
}

// vecMax returns the largest value of x, which is not empty, NaN where there is one.
func vecMax(x []float32) float32 {
	if m, ok := fastMax(x); ok {
		return m
	}
	return portableMax(x)
}

func portableMax(x []float32) float32 {
	m := x[0]
	for _, v := range x[1:] {
		m = max(m, v)
	}
	return m
}
