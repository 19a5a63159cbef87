package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// binaries are the functions of two operands: both vectors, or one of them a
// number for all elements.
func binaries() {
	table := []struct {
		name    string
		reverse bool // not commutative
		emit    func(a, b, zero reg.VecVirtual) reg.VecVirtual
	}{
		{"add", false, func(a, b, _ reg.VecVirtual) reg.VecVirtual { VADDPS(b, a, a); return a }},
		{"sub", true, func(a, b, _ reg.VecVirtual) reg.VecVirtual { VSUBPS(b, a, a); return a }},
		{"mul", false, func(a, b, _ reg.VecVirtual) reg.VecVirtual { VMULPS(b, a, a); return a }},
		{"div", true, func(a, b, _ reg.VecVirtual) reg.VecVirtual { VDIVPS(b, a, a); return a }},
		{"max", false, func(a, b, _ reg.VecVirtual) reg.VecVirtual { return extreme(VMAXPS, a, b) }},
		{"min", false, func(a, b, _ reg.VecVirtual) reg.VecVirtual { return extreme(VMINPS, a, b) }},
		{"addReLU", false, func(a, b, zero reg.VecVirtual) reg.VecVirtual {
			VADDPS(b, a, a)
			VMAXPS(a, zero, a) // the second source when one is NaN
			return a
		}},
	}
	for _, k := range table {
		begin(k.name+"AVX2", "d, a, b *float32, n int)", k.name+"AVX2 is a function of two vectors.")
		p := pointers("d", "a", "b", "n")
		zero := zeros(1)[0]
		each(p[3], 4, func(v io) { v.store(k.emit(v.load(p[1]), v.load(p[2]), zero), p[0]) })
		end()

		begin(k.name+"ScalarAVX2", "d, a *float32, b float32, n int)", k.name+"ScalarAVX2 is a function of a vector and a number.")
		p = pointers("d", "a", "n")
		zero = zeros(1)[0]
		b := spread("b")
		each(p[2], 4, func(v io) { v.store(k.emit(v.load(p[1]), b, zero), p[0]) })
		end()
		if !k.reverse {
			continue
		}
		begin(k.name+"FromAVX2", "d *float32, a float32, b *float32, n int)", k.name+"FromAVX2 is a function of a number and a vector.")
		p = pointers("d", "b", "n")
		zero = zeros(1)[0]
		a := spread("a")
		each(p[2], 4, func(v io) {
			left := YMM()
			VMOVAPS(a, left)
			v.store(k.emit(left, v.load(p[1]), zero), p[0])
		})
		end()
	}
	axpy()
}

// extreme is NaN where one of the operands is: the instruction gives b there, and
// the sum replaces it.
func extreme(instruction func(...Op), a, b reg.VecVirtual) reg.VecVirtual {
	m, sum, nan := YMM(), YMM(), YMM()
	instruction(b, a, m)
	VADDPS(b, a, sum)
	VCMPPS(Imm(3), b, a, nan) // unordered
	VBLENDVPS(nan, sum, m, m)
	return m
}

func axpy() {
	begin("axpyAVX2", "d, x *float32, alpha float32, n int)", "axpyAVX2 sets d += alpha x.")
	p := pointers("d", "x", "n")
	alpha := spread("alpha")
	each(p[2], 4, func(v io) {
		d := v.load(p[0])
		VFMADD231PS(v.load(p[1]), alpha, d)
		v.store(d, p[0])
	})
	end()

	begin("fillAVX2", "d *float32, value float32, n int)", "fillAVX2 sets all elements.")
	p = pointers("d", "n")
	value := spread("value")
	each(p[1], 4, func(v io) { v.store(value, p[0]) })
	end()
}

// reductions are sums and extremes of a vector.
func reductions() {
	begin("sumAVX2", "x *float32, n int) (sum float32)", "sumAVX2 returns the sum.")
	p := pointers("x", "n")
	acc := zeros(4)
	each(p[1], 4, func(v io) { VADDPS(v.load(p[0]), acc[v.turn], acc[v.turn]) })
	give(fold(acc, VADDPS), "sum")
	end()

	begin("maxOfAVX2", "x *float32, n int) (m, nan float32)",
		"maxOfAVX2 returns the largest value that is a number, and the sum of all x - x, which is NaN where one is infinite or NaN.")
	p = pointers("x", "n")
	least := hold(f(negInf))
	acc = []reg.VecVirtual{hold(f(negInf)), hold(f(negInf)), hold(f(negInf)), hold(f(negInf))}
	bad := zeros(1)
	each(p[1], 4, func(v io) {
		x, d := v.load(p[0]), YMM()
		if v.mask != nil {
			VBLENDVPS(v.mask, x, least, x)
		}
		VMAXPS(acc[v.turn], x, acc[v.turn]) // keeps what was when x is NaN
		VSUBPS(x, x, d)
		v.keep(d)
		VADDPS(d, bad[0], bad[0])
	})
	give(fold(acc, VMAXPS), "m")
	give(fold(bad, VADDPS), "nan")
	end()
}
