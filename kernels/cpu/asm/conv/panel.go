package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// packPanel lays the values that 16 pixels read side by side. Where a tap falls
// is worked out here: 16 rows, columns and offsets are two vectors each.
func packPanel() {
	TEXT("packPanelAVX2", NOSPLIT, "func(dst *float32, tapStride, planeStride int, src *float32, size, planes int, pixels, taps *int32, n, h, w, apart int)")
	Pragma("noescape")
	Doc("packPanelAVX2 writes what n taps read for 16 pixels in each of some planes. pixels holds 16 offsets, rows and columns;",
		"taps an offset, a row and a column each. Outside of h rows and w columns it writes 0 and reads nothing. With",
		"apart 1 or 2 so far are the pixels of either half from each other, 0 is anything. Strides and size are in bytes.")
	src, pixels, taps := Load(Param("src"), GP64()), Load(Param("pixels"), GP64()), Load(Param("taps"), GP64())
	dst, n := Load(Param("dst"), GP64()), Load(Param("n"), GP64())
	size, planeStride := Load(Param("size"), GP64()), Load(Param("planeStride"), GP64())
	h, w := broadcast("h"), broadcast("w")
	below := YMM()
	VPCMPEQD(below, below, below)

	Label("tap")
	index, mask := ymms(2), ymms(2)
	row, column := YMM(), YMM()
	VPBROADCASTD(Mem{Base: taps, Disp: 4}, row)
	VPBROADCASTD(Mem{Base: taps, Disp: 8}, column)
	for i := range index {
		VPADDD(Mem{Base: pixels, Disp: 64 + 32*i}, row, mask[i])
		inside(mask[i], h, below)
		x := YMM()
		VPADDD(Mem{Base: pixels, Disp: 128 + 32*i}, column, x)
		inside(x, w, below)
		VPAND(x, mask[i], mask[i])
	}
	d, s, left := GP64(), GP64(), GP64()
	MOVQ(dst, d)
	Load(Param("planes"), left)
	apart, offset := GP64(), GP64()
	Load(Param("apart"), apart)
	TESTQ(apart, apart)
	JZ(LabelRef("anywhere"))
	starts := []reg.GPVirtual{GP64(), GP64()}
	MOVLQSX(Mem{Base: taps}, offset)
	for i, p := range starts {
		MOVLQSX(Mem{Base: pixels, Disp: 32 * i}, p)
		ADDQ(offset, p)
		LEAQ(Mem{Base: src, Index: p, Scale: 4}, p)
	}
	CMPQ(apart, Imm(2))
	JE(LabelRef("even"))
	Label("run")
	for i := range mask {
		v := YMM()
		VMASKMOVPS(Mem{Base: starts[i]}, mask[i], v)
		VMOVUPS(v, Mem{Base: d, Disp: 32 * i})
		ADDQ(size, starts[i])
	}
	ADDQ(planeStride, d)
	DECQ(left)
	JNZ(LabelRef("run"))
	JMP(LabelRef("next"))

	Label("even")
	wide := ymms(4) // masks of eight numbers, every second of them 0
	for i := range mask {
		VPMOVZXDQ(mask[i].AsX(), wide[2*i])
		VEXTRACTI128(Imm(1), mask[i], wide[2*i+1].AsX())
		VPMOVZXDQ(wide[2*i+1].AsX(), wide[2*i+1])
	}
	Label("second")
	for i := range mask {
		low, high := YMM(), YMM()
		VMASKMOVPS(Mem{Base: starts[i]}, wide[2*i], low)
		VMASKMOVPS(Mem{Base: starts[i], Disp: 32}, wide[2*i+1], high)
		VSHUFPS(Imm(0x88), high, low, low)
		VPERMPD(Imm(0xd8), low, low)
		VMOVUPS(low, Mem{Base: d, Disp: 32 * i})
		ADDQ(size, starts[i])
	}
	ADDQ(planeStride, d)
	DECQ(left)
	JNZ(LabelRef("second"))
	JMP(LabelRef("next"))

	Label("anywhere")
	shift := YMM()
	VPBROADCASTD(Mem{Base: taps}, shift)
	for i := range index {
		VPADDD(Mem{Base: pixels, Disp: 32 * i}, shift, index[i])
	}
	MOVQ(src, s)
	Label("gather")
	for i := range index {
		v, m := YMM(), YMM()
		VXORPS(v, v, v)
		VMOVAPS(mask[i], m) // a gather clears its mask
		VGATHERDPS(m, Mem{Base: s, Index: index[i], Scale: 4}, v)
		VMOVUPS(v, Mem{Base: d, Disp: 32 * i})
	}
	ADDQ(size, s)
	ADDQ(planeStride, d)
	DECQ(left)
	JNZ(LabelRef("gather"))

	Label("next")
	stride := GP64()
	Load(Param("tapStride"), stride)
	ADDQ(stride, dst)
	ADDQ(Imm(12), taps)
	DECQ(n)
	JNZ(LabelRef("tap"))
	VZEROUPPER()
	RET()
}

// broadcast loads a parameter into all lanes.
func broadcast(name string) reg.VecVirtual {
	v := YMM()
	VMOVQ(Load(Param(name), GP64()), v.AsX())
	VPBROADCASTD(v.AsX(), v)
	return v
}

// inside turns x into a mask of where 0 <= x < limit; minus is -1 in all lanes.
func inside(x, limit, minus reg.VecVirtual) {
	t := YMM()
	VPCMPGTD(x, limit, t) // limit > x
	VPCMPGTD(minus, x, x)
	VPAND(t, x, x)
}
