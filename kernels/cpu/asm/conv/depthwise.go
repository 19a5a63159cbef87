package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// weighted is a correlation along a line: dst[i] = sum of weights[t] src[i+offset[t]].
func weighted() {
	TEXT("weightedSumAVX2", NOSPLIT, "func(dst, src *float32, offsets *int, weights *float32, taps, n int)")
	Pragma("noescape")
	Doc("weightedSumAVX2 sets n values of dst, a multiple of 8, to the sums of taps values of src with weights. offsets are",
		"in bytes.")
	dst, src, n := Load(Param("dst"), GP64()), Load(Param("src"), GP64()), Load(Param("n"), GP64())
	offsets, weights, taps := Load(Param("offsets"), GP64()), Load(Param("weights"), GP64()), Load(Param("taps"), GP64())
	block := func(name string, wide int) {
		Label(name)
		CMPQ(n, Imm(uint64(8*wide)))
		JL(LabelRef(name + "Done"))
		sum := ymms(wide)
		for _, v := range sum {
			VXORPS(v, v, v)
		}
		t, at := GP64(), GP64()
		XORQ(t, t)
		Label(name + "Tap")
		MOVQ(Mem{Base: offsets, Index: t, Scale: 8}, at)
		w := YMM()
		VBROADCASTSS(Mem{Base: weights, Index: t, Scale: 4}, w)
		for i, v := range sum {
			VFMADD231PS(Mem{Base: src, Index: at, Scale: 1, Disp: 32 * i}, w, v)
		}
		INCQ(t)
		CMPQ(t, taps)
		JL(LabelRef(name + "Tap"))
		for i, v := range sum {
			VMOVUPS(v, Mem{Base: dst, Disp: 32 * i})
		}
		ADDQ(U32(32*wide), src)
		ADDQ(U32(32*wide), dst)
		SUBQ(Imm(uint64(8*wide)), n)
		JMP(LabelRef(name))
		Label(name + "Done")
	}
	block("wide", 8)
	block("single", 1)
	VZEROUPPER()
	RET()
}

// dots is the gradient of the weights: sums[t] += sum of x[i] src[i+offset[t]].
func dots() {
	TEXT("dotSumsAVX2", NOSPLIT, "func(sums *float32, x, src *float32, offsets *int, taps, n int)")
	Pragma("noescape")
	Doc("dotSumsAVX2 sets 8 sums of each tap, which add up to the dot product of n values of x, a multiple of 16, with those",
		"of src at the tap's offset. offsets are in bytes.")
	sums, x, src := Load(Param("sums"), GP64()), Load(Param("x"), GP64()), Load(Param("src"), GP64())
	offsets, taps, n := Load(Param("offsets"), GP64()), Load(Param("taps"), GP64()), Load(Param("n"), GP64())
	SHLQ(Imm(2), n)
	// Four taps share the loads of x and have eight sums under way.
	block := func(name string, wide int) {
		Label(name)
		CMPQ(taps, Imm(uint64(wide)))
		JL(LabelRef(name + "Done"))
		at := make([]reg.GPVirtual, wide)
		for t := range at {
			at[t] = GP64()
			MOVQ(Mem{Base: offsets, Disp: 8 * t}, at[t])
			ADDQ(src, at[t])
		}
		sum := ymms(2 * wide)
		for _, v := range sum {
			VXORPS(v, v, v)
		}
		i := GP64()
		XORQ(i, i)
		Label(name + "Next")
		for half := range 2 {
			v := YMM()
			VMOVUPS(Mem{Base: x, Index: i, Scale: 1, Disp: 32 * half}, v)
			for t := range at {
				VFMADD231PS(Mem{Base: at[t], Index: i, Scale: 1, Disp: 32 * half}, v, sum[2*t+half])
			}
		}
		ADDQ(Imm(64), i)
		CMPQ(i, n)
		JL(LabelRef(name + "Next"))
		for t := range at {
			VADDPS(sum[2*t], sum[2*t+1], sum[2*t])
			VMOVUPS(sum[2*t], Mem{Base: sums, Disp: 32 * t})
		}
		ADDQ(Imm(uint64(8*wide)), offsets)
		ADDQ(Imm(uint64(32*wide)), sums)
		SUBQ(Imm(uint64(wide)), taps)
		JMP(LabelRef(name))
		Label(name + "Done")
	}
	block("four", 4)
	block("one", 1)
	VZEROUPPER()
	RET()
}

// separate is the opposite of interleave.
func separate() {
	TEXT("separateAVX2", NOSPLIT, "func(a, b, src *float32, n int)")
	Pragma("noescape")
	Doc("separateAVX2 sets a to src[0], src[2] and so on and b to src[1], src[3] and so on, n values of each, a positive",
		"multiple of 8.")
	a, b, src, n := Load(Param("a"), GP64()), Load(Param("b"), GP64()), Load(Param("src"), GP64()), Load(Param("n"), GP64())
	Label("eight")
	x, y, even, odd := YMM(), YMM(), YMM(), YMM()
	VMOVUPS(Mem{Base: src}, x)
	VMOVUPS(Mem{Base: src, Disp: 32}, y)
	VSHUFPS(Imm(0x88), y, x, even)
	VSHUFPS(Imm(0xdd), y, x, odd)
	VPERMPD(Imm(0xd8), even, even)
	VPERMPD(Imm(0xd8), odd, odd)
	VMOVUPS(even, Mem{Base: a})
	VMOVUPS(odd, Mem{Base: b})
	ADDQ(Imm(32), a)
	ADDQ(Imm(32), b)
	ADDQ(Imm(64), src)
	SUBQ(Imm(8), n)
	JNZ(LabelRef("eight"))
	VZEROUPPER()
	RET()
}
