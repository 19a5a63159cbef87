package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// packs writes the four ways to fill a whole panel. In Rows the lanes of a panel
// are neighbours in the source and it copies; in Columns each lane is contiguous
// along k and it transposes 4 steps at a time.
func packs() {
	packRows("gemmPackRows16AVX2", 16)
	packRows("gemmPackRows6AVX2", 6)
	packColumns("gemmPackColumns16AVX2", 16)
	packColumns("gemmPackColumns6AVX2", 6)
}

func packRows(name string, width int) {
	TEXT(name, NOSPLIT, "func(dst, src *float32, step, k int)")
	Pragma("noescape")
	Doc(name + " copies k rows, step apart, to a panel.")
	dst, src := Load(Param("dst"), GP64()), Load(Param("src"), GP64())
	step, k := Load(Param("step"), GP64()), Load(Param("k"), GP64())
	SHLQ(Imm(2), step)
	ahead := GP64()
	MOVQ(step, ahead)
	SHLQ(Imm(4), ahead)
	Label("row")
	if width == 16 {
		PREFETCHT0(Mem{Base: src, Index: ahead, Scale: 1})
		low, high := YMM(), YMM()
		VMOVUPS(Mem{Base: src}, low)
		VMOVUPS(Mem{Base: src, Disp: 32}, high)
		VMOVUPS(low, Mem{Base: dst})
		VMOVUPS(high, Mem{Base: dst, Disp: 32})
	} else {
		low, high := XMM(), XMM()
		VMOVUPS(Mem{Base: src}, low)
		VMOVSD(Mem{Base: src, Disp: 16}, high)
		VMOVUPS(low, Mem{Base: dst})
		VMOVSD(high, Mem{Base: dst, Disp: 16})
	}
	ADDQ(step, src)
	ADDQ(Imm(uint64(4*width)), dst)
	DECQ(k)
	JNZ(LabelRef("row"))
	VZEROUPPER()
	RET()
}

func packColumns(name string, width int) {
	TEXT(name, NOSPLIT, "func(dst, src *float32, lane, k int)")
	Pragma("noescape")
	Doc(name+" transposes k values, a multiple of 4, of each lane to a panel.", "Lanes are lane apart.")
	dst, src := Load(Param("dst"), GP64()), Load(Param("src"), GP64())
	lane, k := Load(Param("lane"), GP64()), Load(Param("k"), GP64())
	SHLQ(Imm(2), lane)
	three := GP64()
	LEAQ(Mem{Base: lane, Index: lane, Scale: 2}, three)
	bases := []reg.Register{src}
	for i := 4; i < width; i += 4 {
		next := GP64()
		LEAQ(Mem{Base: bases[len(bases)-1], Index: lane, Scale: 4}, next)
		bases = append(bases, next)
	}
	at := func(i int) Mem {
		base := bases[i/4]
		switch i % 4 {
		case 0:
			return Mem{Base: base}
		case 1:
			return Mem{Base: base, Index: lane, Scale: 1}
		case 2:
			return Mem{Base: base, Index: lane, Scale: 2}
		}
		return Mem{Base: base, Index: three, Scale: 1}
	}
	Label("steps")
	for first := 0; first < width; first += 8 {
		for i, out := range transposed(at, first, min(8, width-first)) {
			to := Mem{Base: dst, Disp: 4 * (width*i + first)}
			if width-first >= 8 {
				VMOVUPS(out, to)
				continue
			}
			high := XMM()
			VEXTRACTF128(Imm(1), out, high)
			VMOVUPS(out.AsX(), to)
			VMOVSD(high, to.Offset(16))
		}
	}
	for _, base := range bases {
		ADDQ(Imm(16), base)
	}
	ADDQ(U32(4*4*width), dst)
	SUBQ(Imm(4), k)
	JNZ(LabelRef("steps"))
	VZEROUPPER()
	RET()
}

// transposed loads 4 values of each of count lanes and returns 4 vectors, a step
// each, of the lanes side by side. Lanes beyond count hold anything.
func transposed(at func(i int) Mem, first, count int) []reg.VecVirtual {
	var y [4]reg.VecVirtual
	for i := range y {
		y[i] = YMM()
		VMOVUPS(at(first+i), y[i].AsX())
		if i+4 < count {
			VINSERTF128(Imm(1), at(first+4+i), y[i], y[i])
		}
	}
	pairs := [4]reg.VecVirtual{YMM(), YMM(), YMM(), YMM()}
	VUNPCKLPS(y[1], y[0], pairs[0])
	VUNPCKHPS(y[1], y[0], pairs[1])
	VUNPCKLPS(y[3], y[2], pairs[2])
	VUNPCKHPS(y[3], y[2], pairs[3])
	out := []reg.VecVirtual{YMM(), YMM(), YMM(), YMM()}
	VUNPCKLPD(pairs[2], pairs[0], out[0])
	VUNPCKHPD(pairs[2], pairs[0], out[1])
	VUNPCKLPD(pairs[3], pairs[1], out[2])
	VUNPCKHPD(pairs[3], pairs[1], out[3])
	return out
}
