// Command step writes the AVX2 form of the optimiser steps. Run it with go
// generate in kernels/cpu.
//
// Products and sums stay apart (no FMA), so that the results are those of the
// portable loops to the last bit; memory is what limits these loops anyway. For
// the same reason coefficients are read again in every round: there are more of
// them than registers.
package main

import (
	"strings"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

func main() {
	ConstraintExpr("amd64")
	loop("sgdPlainAVX2", "p grad", func(l *body) {
		l.shrinkBy(l.product(6, l.product(4, l.gradient())))
	})
	loop("sgdAVX2", "p grad m", func(l *body) {
		x := l.gradient()
		m := l.blend("m", 2, 3, x)
		l.shrinkBy(l.product(6, l.sum(l.product(4, x), l.product(5, m))))
	})
	loop("adamAVX2", "p grad m v", func(l *body) { l.adam() })
	loop("adagradAVX2", "p grad v", func(l *body) { l.adam() })
	loop("amsgradAVX2", "p grad m v w", func(l *body) { l.adam() })
	loop("lambAVX2", "p grad m v u", func(l *body) { l.adam() })
	loop("rmsPlainAVX2", "p grad v", func(l *body) { l.rms() })
	loop("rmsAVX2", "p grad v m", func(l *body) { l.rms() })
	loop("lionAVX2", "p grad m", lion)
	loop("adanAVX2", "p grad m d n last", adan)
	loop("lerpAVX2", "p x", func(l *body) {
		p, d := l.load("p"), YMM()
		VSUBPS(p, l.load("x"), d)
		l.store("p", l.sum(p, l.product(0, d)))
	})
	dot()
	Generate()
}

// body is what a loop does with eight elements of each of its arrays.
type body struct {
	at   map[string]Mem
	coef reg.Register
}

// loop writes a function over n elements, n > 0 a multiple of eight, of arrays.
func loop(name, arrays string, f func(*body)) {
	names := strings.Fields(arrays)
	TEXT(name, NOSPLIT, "func("+strings.Join(names, ", ")+" *float32, count int, k *[16]float32)")
	Pragma("noescape")
	Doc(name + " is a step of count elements, count > 0 a multiple of eight.")
	l := &body{at: map[string]Mem{}}
	i := GP64()
	for _, n := range names {
		l.at[n] = Mem{Base: Load(Param(n), GP64()), Index: i, Scale: 4}
	}
	count := Load(Param("count"), GP64())
	l.coef = Load(Param("k"), GP64())
	XORQ(i, i)
	Label("next")
	f(l)
	ADDQ(Imm(8), i)
	CMPQ(i, count)
	JLT(LabelRef("next"))
	VZEROUPPER()
	RET()
}

func (l *body) has(array string) bool { _, ok := l.at[array]; return ok }

func (l *body) load(array string) reg.VecVirtual {
	y := YMM()
	VMOVUPS(l.at[array], y)
	return y
}

func (l *body) store(array string, y reg.VecVirtual) { VMOVUPS(y, l.at[array]) }

// k returns a coefficient eight times.
func (l *body) k(i int) reg.VecVirtual {
	y := YMM()
	VBROADCASTSS(Mem{Base: l.coef, Disp: 4 * i}, y)
	return y
}

// product is a coefficient times x.
func (l *body) product(i int, x reg.VecVirtual) reg.VecVirtual {
	y := l.k(i)
	VMULPS(x, y, y)
	return y
}

func (l *body) sum(a, b reg.VecVirtual) reg.VecVirtual {
	y := YMM()
	VADDPS(b, a, y)
	return y
}

// gradient is Scale g + Decay p.
func (l *body) gradient() reg.VecVirtual {
	return l.sum(l.product(0, l.load("grad")), l.product(1, l.load("p")))
}

// blend sets an array to a coefficient times itself plus another times x.
func (l *body) blend(array string, keep, take int, x reg.VecVirtual) reg.VecVirtual {
	y := l.sum(l.product(keep, l.load(array)), l.product(take, x))
	l.store(array, y)
	return y
}

// shrinkBy subtracts u from p.
func (l *body) shrinkBy(u reg.VecVirtual) {
	p := l.load("p")
	VSUBPS(u, p, p)
	l.store("p", p)
}

func square(x reg.VecVirtual) reg.VecVirtual {
	y := YMM()
	VMULPS(x, x, y)
	return y
}

func (l *body) adam() {
	x := l.gradient()
	u := l.product(7, x)
	if l.has("m") {
		u = l.sum(l.product(6, l.blend("m", 2, 3, x)), u)
	}
	v := l.blend("v", 4, 5, square(x))
	if l.has("w") {
		w := l.load("w")
		VMAXPS(v, w, v)
		l.store("w", v)
	}
	d := YMM()
	VSQRTPS(v, d)
	d = l.sum(l.product(8, d), l.k(9))
	VDIVPS(d, u, u)
	p := l.load("p")
	u = l.sum(u, l.product(11, p))
	if l.has("u") {
		l.store("u", u)
		return
	}
	p = l.product(10, p)
	VSUBPS(u, p, p)
	l.store("p", p)
}

func (l *body) rms() {
	x := l.gradient()
	d := l.sum(l.blend("v", 2, 3, square(x)), l.k(4))
	VSQRTPS(d, d)
	d = l.sum(d, l.k(5))
	m := l.product(7, x)
	VDIVPS(d, m, m)
	if l.has("m") {
		m = l.sum(l.product(6, l.load("m")), m)
		l.store("m", m)
	}
	m = l.product(8, m)
	p := l.product(9, l.load("p"))
	VSUBPS(m, p, p)
	l.store("p", p)
}

func lion(l *body) {
	const less, greater = 17, 30 // ordered, quiet
	x := l.gradient()
	m, zero := l.load("m"), YMM()
	c := l.sum(l.product(2, m), l.product(3, x))
	VXORPS(zero, zero, zero)
	up, down, rate := YMM(), YMM(), l.k(7)
	VCMPPS(Imm(greater), zero, c, down)
	VCMPPS(Imm(less), zero, c, up)
	VANDPS(rate, down, down)
	VANDPS(rate, up, up)
	VSUBPS(up, down, down)
	p := l.product(6, l.load("p"))
	VSUBPS(down, p, p)
	l.store("p", p)
	l.store("m", l.sum(l.product(4, m), l.product(5, x)))
}

func adan(l *body) {
	x := l.gradient()
	e := l.load("last")
	VSUBPS(e, x, e)
	l.store("last", x)
	u := l.product(8, l.blend("m", 2, 3, x))
	u = l.sum(u, l.product(9, l.blend("d", 4, 5, e)))
	n := l.blend("n", 6, 7, square(l.sum(x, l.product(4, e))))
	VSQRTPS(n, n)
	n = l.sum(l.product(10, n), l.k(11))
	VDIVPS(n, u, u)
	p := l.product(12, l.load("p"))
	VSUBPS(u, p, p)
	l.store("p", l.product(13, p))
}

// dot writes the sums of products in double precision, eight sums.
func dot() {
	TEXT("dotAVX2", NOSPLIT, "func(a, b *float32, count int, s *[8]float64)")
	Pragma("noescape")
	Doc("dotAVX2 adds the products of count values, count > 0 a multiple of eight, to eight sums in turn.")
	a, b := Load(Param("a"), GP64()), Load(Param("b"), GP64())
	count, s := Load(Param("count"), GP64()), Load(Param("s"), GP64())
	i := GP64()
	low, high := YMM(), YMM()
	VMOVUPD(Mem{Base: s}, low)
	VMOVUPD(Mem{Base: s, Disp: 32}, high)
	XORQ(i, i)
	Label("next")
	for j, sum := range []reg.VecVirtual{low, high} {
		x, y := YMM(), YMM()
		VCVTPS2PD(Mem{Base: a, Index: i, Scale: 4, Disp: 16 * j}, x)
		VCVTPS2PD(Mem{Base: b, Index: i, Scale: 4, Disp: 16 * j}, y)
		VFMADD231PD(x, y, sum)
	}
	ADDQ(Imm(8), i)
	CMPQ(i, count)
	JLT(LabelRef("next"))
	VMOVUPD(low, Mem{Base: s})
	VMOVUPD(high, Mem{Base: s, Disp: 32})
	VZEROUPPER()
	RET()
}
