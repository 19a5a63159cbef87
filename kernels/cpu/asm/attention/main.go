// Command attention writes attention_amd64.s and attention_stub_amd64.go, the AVX2
// form of what attention does to rows of scores. Run it with go generate in
// kernels/cpu.
// Lengths are multiples of 8, and at least 8.
//
// exp(x) is 2^n exp(r) with n = round(x / ln 2) and r = x - n ln 2 in two steps,
// and exp(r) its Taylor polynomial of degree 7: for |r| <= ln(2)/2 the rest is
// below 6e-9 of the value, a tenth of the rounding of a float32.
package main

import (
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Constants of exp. Below least the result is 0: it would be denormal.
const (
	least  = -87.33654
	ln2Hi  = 0.693145751953125 // of few bits: n ln2Hi is exact
	ln2Lo  = math.Ln2 - ln2Hi
	degree = 7
)

func main() {
	ConstraintExpr("amd64")
	rowMax()
	expShift()
	scoreGrad()
	scale()
	dot()
	Generate()
}

func rowMax() {
	TEXT("rowMaxAVX2", NOSPLIT, "func(x *float32, n int, start float32) float32")
	Pragma("noescape")
	Doc("rowMaxAVX2 returns the greatest of start and n values.")
	x, n := Load(Param("x"), GP64()), Load(Param("n"), GP64())
	top := YMM()
	broadcast("start", top)
	Label("next")
	VMAXPS(Mem{Base: x}, top, top)
	ADDQ(Imm(32), x)
	SUBQ(Imm(8), n)
	JNZ(LabelRef("next"))
	across(top, func(a, b reg.VecVirtual) { VMAXPS(b.AsX(), a.AsX(), a.AsX()) })
	giveBack(top)
}

// expShift keeps the constants in registers: they leave room for one vector at a
// time, and the processor overlaps the rounds.
func expShift() {
	TEXT("expShiftAVX2", NOSPLIT, "func(x *float32, n int, shift float32) float32")
	Pragma("noescape")
	Doc("expShiftAVX2 sets x = exp(x - shift) and returns the sum.")
	x, n := Load(Param("x"), GP64()), Load(Param("n"), GP64())
	shift, sum := YMM(), YMM()
	broadcast("shift", shift)
	VXORPS(sum, sum, sum)
	low, rate := constant("expLeast", least), constant("expRate", 1/math.Ln2)
	hi, lo := constant("expHi", ln2Hi), constant("expLo", ln2Lo)
	one := YMM()
	VMOVUPS(table("expOne", 1), one)
	factor := 1.0
	var terms []Mem
	for i := 2; i <= degree; i++ {
		factor /= float64(i)
		terms = append(terms, table("expTerm"+string(rune('0'+i)), factor))
	}

	Label("next")
	v, dead, turns := YMM(), YMM(), YMM()
	VMOVUPS(Mem{Base: x}, v)
	VSUBPS(shift, v, v)
	VCMPPS(Imm(17), low, v, dead) // v < low, false for NaN
	VMULPS(rate, v, turns)
	VROUNDPS(Imm(8), turns, turns)
	VFNMADD231PS(hi, turns, v)
	VFNMADD231PS(lo, turns, v)
	VCVTPS2DQ(turns, turns)
	VPSLLD(Imm(23), turns, turns)
	p := YMM()
	VMOVUPS(terms[len(terms)-1], p)
	for i := len(terms) - 2; i >= 0; i-- {
		VFMADD213PS(terms[i], v, p)
	}
	VFMADD213PS(one, v, p)
	VFMADD213PS(one, v, p)
	VPADDD(turns, p, p)
	VANDNPS(p, dead, p)
	VMOVUPS(p, Mem{Base: x})
	VADDPS(p, sum, sum)
	ADDQ(Imm(32), x)
	SUBQ(Imm(8), n)
	JNZ(LabelRef("next"))
	across(sum, func(a, b reg.VecVirtual) { VADDPS(b.AsX(), a.AsX(), a.AsX()) })
	giveBack(sum)
}

func scoreGrad() {
	TEXT("scoreGradAVX2", NOSPLIT, "func(grad, p *float32, n int, delta float32)")
	Pragma("noescape")
	Doc("scoreGradAVX2 sets grad = p (grad - delta).")
	g, p, n := Load(Param("grad"), GP64()), Load(Param("p"), GP64()), Load(Param("n"), GP64())
	delta := YMM()
	broadcast("delta", delta)
	Label("next")
	v := YMM()
	VMOVUPS(Mem{Base: g}, v)
	VSUBPS(delta, v, v)
	VMULPS(Mem{Base: p}, v, v)
	VMOVUPS(v, Mem{Base: g})
	ADDQ(Imm(32), g)
	ADDQ(Imm(32), p)
	SUBQ(Imm(8), n)
	JNZ(LabelRef("next"))
	VZEROUPPER()
	RET()
}

func scale() {
	TEXT("scaleRowAVX2", NOSPLIT, "func(x *float32, n int, c float32)")
	Pragma("noescape")
	Doc("scaleRowAVX2 sets x = c x.")
	x, n := Load(Param("x"), GP64()), Load(Param("n"), GP64())
	c, v := YMM(), YMM()
	broadcast("c", c)
	Label("next")
	VMULPS(Mem{Base: x}, c, v)
	VMOVUPS(v, Mem{Base: x})
	ADDQ(Imm(32), x)
	SUBQ(Imm(8), n)
	JNZ(LabelRef("next"))
	VZEROUPPER()
	RET()
}

func dot() {
	TEXT("dotRowAVX2", NOSPLIT, "func(a, b *float32, n int) float32")
	Pragma("noescape")
	Doc("dotRowAVX2 returns the sum of a b.")
	a, b, n := Load(Param("a"), GP64()), Load(Param("b"), GP64()), Load(Param("n"), GP64())
	sums := []reg.VecVirtual{YMM(), YMM(), YMM(), YMM()}
	for _, sum := range sums {
		VXORPS(sum, sum, sum)
	}
	add := func(count int) {
		for i, sum := range sums[:count] {
			v := YMM()
			VMOVUPS(Mem{Base: a, Disp: 32 * i}, v)
			VFMADD231PS(Mem{Base: b, Disp: 32 * i}, v, sum)
		}
		ADDQ(U32(32*count), a)
		ADDQ(U32(32*count), b)
	}
	SUBQ(Imm(32), n)
	JL(LabelRef("rest"))
	Label("four")
	add(4)
	SUBQ(Imm(32), n)
	JGE(LabelRef("four"))
	Label("rest")
	ADDQ(Imm(32), n)
	JZ(LabelRef("sum"))
	Label("one")
	add(1)
	SUBQ(Imm(8), n)
	JNZ(LabelRef("one"))
	Label("sum")
	VADDPS(sums[1], sums[0], sums[0])
	VADDPS(sums[3], sums[2], sums[2])
	VADDPS(sums[2], sums[0], sums[0])
	across(sums[0], func(a, b reg.VecVirtual) { VADDPS(b.AsX(), a.AsX(), a.AsX()) })
	giveBack(sums[0])
}

// across combines the lanes of v in its first.
func across(v reg.VecVirtual, combine func(a, b reg.VecVirtual)) {
	other := YMM()
	VEXTRACTF128(Imm(1), v, other.AsX())
	combine(v, other)
	VMOVHLPS(v.AsX(), v.AsX(), other.AsX())
	combine(v, other)
	VMOVSHDUP(v.AsX(), other.AsX())
	combine(v, other)
}

// giveBack returns the first lane. It and broadcast keep to VEX instructions: an
// SSE instruction while the upper halves are in use costs hundreds of cycles.
func giveBack(v reg.VecVirtual) {
	to, err := ReturnIndex(0).Resolve()
	if err != nil {
		panic(err)
	}
	VMOVSS(v.AsX(), to.Addr)
	VZEROUPPER()
	RET()
}

func broadcast(name string, to reg.VecVirtual) {
	p, err := Param(name).Resolve()
	if err != nil {
		panic(err)
	}
	VBROADCASTSS(p.Addr, to)
}

// table is 8 copies of a constant.
func table(name string, value float64) Mem {
	m := GLOBL(name, RODATA|NOPTR)
	bits := math.Float32bits(float32(value)) // F32 would write 1 as an integer
	for i := range 8 {
		DATA(4*i, U32(bits))
	}
	return m
}

func constant(name string, value float64) reg.VecVirtual {
	y := YMM()
	VMOVUPS(table(name, value), y)
	return y
}
