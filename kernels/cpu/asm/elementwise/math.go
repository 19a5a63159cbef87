package main

import (
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

var negInf = math.Inf(-1)

const (
	log2e = math.Log2E
	ln2Hi = 0.693359375 // few bits: products with n are exact
	ln2Lo = math.Ln2 - ln2Hi
	magic = 3 << 22 // added to a small number it leaves the nearest integer in the low bits

	absMask = 0x7fffffff
	signBit = 0x80000000
)

// expCoef is (exp(r) - 1 - r) / r^2 on [-0.3475, 0.3475], fitted for the least relative
// error of exp(r), 3e-9 (Lawson's iteration, 40 digits).
var expCoef = []float64{0.4999999403953552, 0.1666651964187622, 0.04166840389370918, 0.00836889911442995, 0.001381422160193324}

// tailCoef is exp(z^2/2) (1 - Phi(z)) as a polynomial in u = (z-4)/(z+4) for z from
// 0 to 15, relative error 2e-8, fitted likewise.
const tailPole = 4

var tailCoef = []float64{0.09441064298152924, -0.17039774358272552, 0.12437918037176132, -0.07170670479536057, 0.030865751206874847,
	-0.008498101495206356, 0.0005014267517253757, 0.0006577036857914103, -0.00016614593914709985, -6.42875675112009e-05}

// group is vectors that are worked on in step with each other: the instructions of
// one fill the time that those of another wait for their operands.
type group []reg.VecVirtual

// do emits an instruction for each vector.
func (g group) do(emit func(i int)) {
	for i := range g {
		emit(i)
	}
}

// like returns as many new registers.
func (g group) like() group {
	out := make(group, len(g))
	for i := range out {
		out[i] = YMM()
	}
	return out
}

// to applies an instruction of two sources: out = g op b.
func (g group) to(instruction func(...Op), b Op) group {
	out := g.like()
	g.do(func(i int) { instruction(b, g[i], out[i]) })
	return out
}

func (g group) multiply(c float64) group { return g.to(VMULPS, f(c)) }

func holdAll(n int, m Mem) group {
	out := make(group, n)
	for i := range out {
		out[i] = hold(m)
	}
	return out
}

// polynomial evaluates by Horner's rule.
func polynomial(x group, coef []float64) group {
	y := holdAll(len(x), f(coef[len(coef)-1]))
	for i := len(coef) - 2; i >= 0; i-- {
		x.do(func(k int) { VFMADD213PS(f(coef[i]), x[k], y[k]) })
	}
	return y
}

// exponential has the constants of exp in registers.
type exponential struct {
	lo, hi reg.VecVirtual // nil hi: operands are not positive
}

func newExp() exponential { return exponential{hold(f(-104)), hold(f(89))} }

// newExpBelow1 is for operands that are not positive; results below 2^-126 are 0.
// At its limit n is -127, and the exponent bits of 2^n are those of 0.
func newExpBelow1() exponential { return exponential{lo: hold(f(-88))} }

// reduce splits x = n ln 2 + r and returns r with n as integers. NaN stays NaN.
func (e exponential) reduce(x group) (r, n group) {
	r, n = x.like(), x.like()
	x.do(func(i int) { VMAXPS(x[i], e.lo, r[i]) }) // the second source, x, when it is NaN
	if e.hi != nil {
		x.do(func(i int) { VMINPS(r[i], e.hi, r[i]) })
	}
	whole := x.like()
	x.do(func(i int) { VMOVUPS(f(magic), n[i]) })
	x.do(func(i int) { VFMADD231PS(f(log2e), r[i], n[i]) })
	x.do(func(i int) { VSUBPS(f(magic), n[i], whole[i]) })
	x.do(func(i int) { VFNMADD231PS(f(ln2Hi), whole[i], r[i]) })
	x.do(func(i int) { VFNMADD231PS(f(ln2Lo), whole[i], r[i]) })
	x.do(func(i int) { VPSUBD(word(math.Float32bits(magic)), n[i], n[i]) })
	return r, n
}

// exp is e to the power of x: infinite above 88.72, denormal below -87.34.
func (e exponential) exp(x group) group {
	r, n := e.reduce(x)
	p, y := polynomial(r, expCoef), x.like()
	x.do(func(i int) { VMULPS(r[i], r[i], y[i]) })
	x.do(func(i int) { VFMADD213PS(r[i], y[i], p[i]) })
	x.do(func(i int) { VADDPS(f(1), p[i], p[i]) })
	if e.hi == nil {
		x.do(func(i int) { VPSLLD(Imm(23), n[i], n[i]) })
		x.do(func(i int) { VPADDD(word(127<<23), n[i], n[i]) })
		x.do(func(i int) { VMULPS(n[i], p[i], p[i]) })
		return p
	}
	// 2^n may be out of range where the result is not: take it in two factors
	half := x.like()
	x.do(func(i int) { VPSRAD(Imm(1), n[i], half[i]) })
	x.do(func(i int) { VPSUBD(half[i], n[i], n[i]) })
	x.do(func(i int) { VPSLLD(Imm(23), half[i], half[i]) })
	x.do(func(i int) { VPSLLD(Imm(23), n[i], n[i]) })
	x.do(func(i int) { VPADDD(word(127<<23), half[i], half[i]) })
	x.do(func(i int) { VPADDD(word(127<<23), n[i], n[i]) })
	x.do(func(i int) { VMULPS(half[i], p[i], p[i]) })
	x.do(func(i int) { VMULPS(n[i], p[i], p[i]) })
	return p
}

// sigmoid is 1 / (1 + exp(-x)); negative holds -x.
func (e exponential) sigmoid(negative group) group {
	y := e.exp(negative)
	y.do(func(i int) { VADDPS(f(1), y[i], y[i]) })
	one := holdAll(len(y), f(1))
	y.do(func(i int) { VDIVPS(y[i], one[i], y[i]) })
	return y
}

func negate(x group) group { return x.to(VXORPS, word(signBit)) }

// tanh is em1 / (em1 + 2) with em1 = exp(2|x|) - 1 = 2^n q + (2^n - 1), q = exp(r) - 1.
func (e exponential) tanh(x group) group {
	a := x.to(VANDPS, word(absMask))
	limit := hold(f(10)) // tanh is 1 from 9.02 on
	x.do(func(i int) { VMINPS(a[i], limit, a[i]) })
	x.do(func(i int) { VADDPS(a[i], a[i], a[i]) })
	r, n := e.reduce(a)
	q, y := polynomial(r, expCoef), x.like()
	x.do(func(i int) { VMULPS(r[i], r[i], y[i]) })
	x.do(func(i int) { VFMADD213PS(r[i], y[i], q[i]) })
	x.do(func(i int) { VPSLLD(Imm(23), n[i], n[i]) })
	x.do(func(i int) { VPADDD(word(127<<23), n[i], n[i]) })
	x.do(func(i int) { VSUBPS(f(1), n[i], y[i]) })
	x.do(func(i int) { VFMADD213PS(y[i], n[i], q[i]) })
	x.do(func(i int) { VADDPS(f(2), q[i], y[i]) })
	x.do(func(i int) { VDIVPS(y[i], q[i], q[i]) })
	x.do(func(i int) { VANDPS(word(signBit), x[i], y[i]) })
	x.do(func(i int) { VORPS(y[i], q[i], q[i]) })
	return q
}

// normal returns Phi(x) of the standard normal distribution and exp(-x^2/2).
func (e exponential) normal(x group) (phi, bell group) {
	z := x.to(VANDPS, word(absMask))
	limit := hold(f(15))
	x.do(func(i int) { VMINPS(z[i], limit, z[i]) })
	u, d := x.like(), x.like()
	x.do(func(i int) { VADDPS(f(tailPole), z[i], d[i]) })
	x.do(func(i int) { VSUBPS(f(tailPole), z[i], u[i]) })
	x.do(func(i int) { VDIVPS(d[i], u[i], u[i]) })
	tail := polynomial(u, tailCoef)

	h, low := x.like(), z
	x.do(func(i int) { VMULPS(z[i], z[i], h[i]) })
	x.do(func(i int) { VFMSUB213PS(h[i], z[i], low[i]) }) // z z - h, what rounding has lost
	x.do(func(i int) { VMULPS(f(-0.5), h[i], h[i]) })
	x.do(func(i int) { VMULPS(f(-0.5), low[i], low[i]) })
	bell = e.exp(h)
	x.do(func(i int) { VFMADD231PS(low[i], bell[i], bell[i]) })

	x.do(func(i int) { VMULPS(bell[i], tail[i], tail[i]) })
	phi = holdAll(len(x), f(1))
	x.do(func(i int) { VSUBPS(tail[i], phi[i], phi[i]) })
	x.do(func(i int) { VBLENDVPS(x[i], tail[i], phi[i], phi[i]) }) // by the sign of x
	return phi, bell
}
