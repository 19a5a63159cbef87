package main

import (
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

const (
	geluScale  = 0.79788456080286535588
	geluCubic  = 0.044715
	quickScale = 1.702
)

func unaries() {
	unary("affine", "a, b float32, ", 4, func() func(x reg.VecVirtual) reg.VecVirtual {
		a, b := spread("a"), spread("b")
		return func(x reg.VecVirtual) reg.VecVirtual { VFMADD213PS(b, a, x); return x }
	})
	unary("scale", "a float32, ", 4, func() func(x reg.VecVirtual) reg.VecVirtual {
		a := spread("a")
		return func(x reg.VecVirtual) reg.VecVirtual { VMULPS(a, x, x); return x }
	})
	unary("clamp", "a, b float32, ", 4, func() func(x reg.VecVirtual) reg.VecVirtual {
		lo, hi := spread("a"), spread("b")
		return func(x reg.VecVirtual) reg.VecVirtual { VMAXPS(x, lo, x); VMINPS(x, hi, x); return x }
	})
	simple("relu", 4, func(x reg.VecVirtual) reg.VecVirtual {
		zero := zeros(1)[0]
		VMAXPS(x, zero, x)
		return x
	})
	simple("sqrt", 2, func(x reg.VecVirtual) reg.VecVirtual { VSQRTPS(x, x); return x })
	simple("reciprocal", 2, func(x reg.VecVirtual) reg.VecVirtual {
		one := hold(f(1))
		VDIVPS(x, one, x)
		return x
	})
	exponentials()
	gradients()
}

// simple is a function without parameters.
func simple(name string, unroll int, emit func(x reg.VecVirtual) reg.VecVirtual) {
	unary(name, "", unroll, func() func(x reg.VecVirtual) reg.VecVirtual { return emit })
}

// unary is a function of one vector. prepare loads what it needs and returns what
// does one vector.
func unary(name, params string, unroll int, prepare func() func(x reg.VecVirtual) reg.VecVirtual) {
	begin(name+"AVX2", "d, x *float32, "+params+"n int)", name+"AVX2 is a function of each element.")
	p := pointers("d", "x", "n")
	emit := prepare()
	each(p[2], unroll, func(v io) { v.store(emit(v.load(p[1])), p[0]) })
	end()
}

// withExp is a function without parameters that takes exponentials.
func withExp(name string, prepare func() exponential, emit func(e exponential, x group) group) {
	begin(name+"AVX2", "d, x *float32, n int)", name+"AVX2 is a function of each element.")
	p := pointers("d", "x", "n")
	e := prepare()
	eachGroup(p[2], 2, func(vs []io) { storeAll(vs, emit(e, loadAll(vs, p[1])), p[0]) })
	end()
}

func exponentials() {
	withExp("exp", newExp, exponential.exp)
	withExp("sigmoid", newExp, func(e exponential, x group) group { return e.sigmoid(negate(x)) })
	withExp("tanh", newExp, exponential.tanh)
	withExp("gelu", newExpBelow1, func(e exponential, x group) group {
		phi, _ := e.normal(x)
		x.do(func(i int) { VMULPS(x[i], phi[i], phi[i]) })
		return phi
	})
	withExp("silu", newExp, func(e exponential, x group) group { return gate(e, x, negate(x)) })
	withExp("quickGELU", newExp, func(e exponential, x group) group { return gate(e, x, x.multiply(-quickScale)) })
	withExp("geluTanh", newExp, func(e exponential, x group) group { return gate(e, x, cubic(x)) })
}

// gate is x / (1 + exp(negative)).
func gate(e exponential, x, negative group) group {
	y := e.exp(negative)
	x.do(func(i int) { VADDPS(f(1), y[i], y[i]) })
	x.do(func(i int) { VDIVPS(y[i], x[i], y[i]) })
	return y
}

// cubic is -2 sqrt(2/pi) (x + 0.044715 x^3).
func cubic(x group) group {
	y, c := x.like(), hold(f(-2*geluScale))
	x.do(func(i int) { VMULPS(x[i], x[i], y[i]) })
	x.do(func(i int) { VFMADD132PS(f(-2*geluScale*geluCubic), c, y[i]) })
	x.do(func(i int) { VMULPS(x[i], y[i], y[i]) })
	return y
}

// gradients are dy times the derivative at v.
func gradients() {
	gradient("relu", 4, func() func(dy, v reg.VecVirtual) reg.VecVirtual {
		zero := zeros(1)[0]
		return func(dy, v reg.VecVirtual) reg.VecVirtual {
			VCMPPS(Imm(notLessEqual), zero, v, v)
			VANDPS(v, dy, dy)
			return dy
		}
	})
	gradient("relu6", 4, func() func(dy, v reg.VecVirtual) reg.VecVirtual {
		zero, six := zeros(1)[0], hold(f(6))
		return func(dy, v reg.VecVirtual) reg.VecVirtual {
			m := YMM()
			VCMPPS(Imm(notLessEqual), zero, v, m)
			VANDPS(m, dy, dy)
			VCMPPS(Imm(notGreaterEqual), six, v, m)
			VANDPS(m, dy, dy)
			return dy
		}
	})
	gradient("sigmoid", 4, func() func(dy, v reg.VecVirtual) reg.VecVirtual {
		one := hold(f(1))
		return func(dy, v reg.VecVirtual) reg.VecVirtual {
			m := YMM()
			VSUBPS(v, one, m)
			VMULPS(v, m, m)
			VMULPS(m, dy, dy)
			return dy
		}
	})
	gradient("tanh", 4, func() func(dy, v reg.VecVirtual) reg.VecVirtual {
		one := hold(f(1))
		return func(dy, v reg.VecVirtual) reg.VecVirtual {
			VFNMADD213PS(one, v, v)
			VMULPS(v, dy, dy)
			return dy
		}
	})
	groupGradient("gelu", newExpBelow1, func(e exponential, x group) group {
		phi, bell := e.normal(x)
		x.do(func(i int) { VMULPS(f(1/math.Sqrt(2*math.Pi)), bell[i], bell[i]) })
		x.do(func(i int) { VFMADD231PS(x[i], bell[i], phi[i]) })
		return phi
	})
	gated("silu", func(x group) (n, s group) { return negate(x), nil })
	gated("quickGELU", func(x group) (n, s group) { return x.multiply(-quickScale), holdAll(len(x), f(quickScale)) })
	gated("geluTanh", func(x group) (n, s group) {
		slope, c := x.like(), hold(f(2*geluScale))
		x.do(func(i int) { VMULPS(x[i], x[i], slope[i]) })
		x.do(func(i int) { VFMADD132PS(f(6*geluScale*geluCubic), c, slope[i]) })
		return cubic(x), slope
	})
}

const (
	notLessEqual    = 6 // predicates of VCMPPS that hold for NaN
	notGreaterEqual = 9
)

func gradient(name string, unroll int, prepare func() func(dy, v reg.VecVirtual) reg.VecVirtual) {
	begin(name+"GradAVX2", "d, dy, v *float32, n int)", name+"GradAVX2 is dy times the derivative at v.")
	p := pointers("d", "dy", "v", "n")
	emit := prepare()
	each(p[3], unroll, func(v io) { v.store(emit(v.load(p[1]), v.load(p[2])), p[0]) })
	end()
}

// groupGradient is a derivative that takes exponentials.
func groupGradient(name string, prepare func() exponential, emit func(e exponential, x group) group) {
	begin(name+"GradAVX2", "d, dy, v *float32, n int)", name+"GradAVX2 is dy times the derivative at v.")
	p := pointers("d", "dy", "v", "n")
	e := prepare()
	eachGroup(p[3], 2, func(vs []io) {
		slope := emit(e, loadAll(vs, p[2]))
		dy := loadAll(vs, p[1])
		dy.do(func(i int) { VMULPS(slope[i], dy[i], dy[i]) })
		storeAll(vs, dy, p[0])
	})
	end()
}

// gated is the derivative of x s, s = sigmoid(u(x)): s + x s (1-s) u'. inner returns
// -u and u', nil for 1.
func gated(name string, inner func(x group) (negative, slope group)) {
	groupGradient(name, newExp, func(e exponential, x group) group {
		n, slope := inner(x)
		s := e.sigmoid(n)
		rest := holdAll(len(x), f(1))
		x.do(func(i int) { VSUBPS(s[i], rest[i], rest[i]) })
		x.do(func(i int) { VMULPS(x[i], rest[i], rest[i]) })
		if slope != nil {
			x.do(func(i int) { VMULPS(slope[i], rest[i], rest[i]) })
		}
		x.do(func(i int) { VFMADD213PS(s[i], s[i], rest[i]) }) // s (1 + x (1-s) u')
		return rest
	})
}
