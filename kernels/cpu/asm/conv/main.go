// Command conv writes the AVX2 and FMA kernels that convolutions share. Run it
// with go generate in kernels/cpu.
package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

func main() {
	ConstraintExpr("amd64")
	masks := GLOBL("laneMasks", RODATA|NOPTR) // at byte 4*(8-n): a mask of n lanes
	for i := range 16 {
		v := U32(0)
		if i < 8 {
			v = 0xffffffff
		}
		DATA(4*i, v)
	}
	toLanes(masks)
	fromLanes()
	column()
	packPanel()
	interleave()
	separate()
	weighted()
	dots()
	Generate()
}

func ymms(n int) []reg.VecVirtual {
	v := make([]reg.VecVirtual, n)
	for i := range v {
		v[i] = YMM()
	}
	return v
}

// addresses returns p + i*stride for i < 8; third is a register with p + 3*stride.
func addresses(p, stride reg.Register) []Mem {
	third, sixth := GP64(), GP64()
	LEAQ(Mem{Base: p, Index: stride, Scale: 2}, third)
	ADDQ(stride, third)
	LEAQ(Mem{Base: third, Index: stride, Scale: 2}, sixth)
	ADDQ(stride, sixth)
	return []Mem{
		{Base: p}, {Base: p, Index: stride, Scale: 1}, {Base: p, Index: stride, Scale: 2},
		{Base: third}, {Base: third, Index: stride, Scale: 1}, {Base: third, Index: stride, Scale: 2},
		{Base: sixth}, {Base: sixth, Index: stride, Scale: 1},
	}
}

// transpose turns eight vectors, which it uses up, into the columns of them.
func transpose(v []reg.VecVirtual) []reg.VecVirtual {
	t := make([]reg.VecVirtual, 8)
	for i := 0; i < 8; i += 2 {
		t[i], t[i+1] = YMM(), v[i]
		VUNPCKLPS(v[i+1], v[i], t[i])
		VUNPCKHPS(v[i+1], v[i], t[i+1])
	}
	u := make([]reg.VecVirtual, 8)
	for i := 0; i < 8; i += 4 {
		u[i], u[i+1], u[i+2], u[i+3] = YMM(), t[i], YMM(), t[i+1]
		VSHUFPS(Imm(0x44), t[i+2], t[i], u[i])
		VSHUFPS(Imm(0xee), t[i+2], t[i], u[i+1])
		VSHUFPS(Imm(0x44), t[i+3], t[i+1], u[i+2])
		VSHUFPS(Imm(0xee), t[i+3], t[i+1], u[i+3])
	}
	w := make([]reg.VecVirtual, 8)
	for i := range 4 {
		w[i], w[i+4] = YMM(), u[i]
		VPERM2F128(Imm(0x20), u[i+4], u[i], w[i])
		VPERM2F128(Imm(0x31), u[i+4], u[i], w[i+4])
	}
	return w
}

// maskOf loads the mask of the first n lanes, 0 < n < 8.
func maskOf(masks Mem, n reg.Register) reg.VecVirtual {
	at, table, m := GP64(), GP64(), YMM()
	LEAQ(masks, table)
	MOVQ(U32(8), at)
	SUBQ(n, at)
	VMOVUPS(Mem{Base: table, Index: at, Scale: 4}, m)
	return m
}

// upTo runs f(0), f(1), ... f(n-1) for a number n in 1..7 that is known at run time.
func upTo(label string, n reg.Register, f func(i int)) {
	for i := range 7 {
		f(i)
		if i < 6 {
			CMPQ(n, Imm(uint64(i+1)))
			JE(LabelRef(label))
		}
	}
	Label(label)
}

func toLanes(masks Mem) {
	TEXT("toLanesAVX2", NOSPLIT, "func(dst *float32, dstStride int, src *float32, srcStride, n int)")
	Pragma("noescape")
	Doc("toLanesAVX2 sets the 8 values at dst + j*dstStride to column j of 8 rows of n values, srcStride apart.",
		"Strides are in bytes.")
	dst, src, n := Load(Param("dst"), GP64()), Load(Param("src"), GP64()), Load(Param("n"), GP64())
	dstStride, srcStride := Load(Param("dstStride"), GP64()), Load(Param("srcStride"), GP64())
	Label("block")
	CMPQ(n, Imm(8))
	JL(LabelRef("tail"))
	v := ymms(8)
	for i, at := range addresses(src, srcStride) {
		VMOVUPS(at, v[i])
	}
	w := transpose(v)
	for i, at := range addresses(dst, dstStride) {
		VMOVUPS(w[i], at)
	}
	ADDQ(Imm(32), src)
	LEAQ(Mem{Base: dst, Index: dstStride, Scale: 8}, dst)
	SUBQ(Imm(8), n)
	JMP(LabelRef("block"))
	Label("tail")
	TESTQ(n, n)
	JZ(LabelRef("done"))
	mask := maskOf(masks, n)
	v = ymms(8)
	for i, at := range addresses(src, srcStride) {
		VMASKMOVPS(at, mask, v[i])
	}
	w = transpose(v)
	upTo("done", n, func(i int) {
		VMOVUPS(w[i], Mem{Base: dst})
		ADDQ(dstStride, dst)
	})
	VZEROUPPER()
	RET()
}

func fromLanes() {
	TEXT("fromLanesAVX2", NOSPLIT, "func(dst *float32, dstStride int, src *float32, srcStride, n int)")
	Pragma("noescape")
	Doc("fromLanesAVX2 sets column j of 8 rows of n values, dstStride apart, to the 8 values at src + j*srcStride.",
		"Strides are in bytes.")
	dst, src, n := Load(Param("dst"), GP64()), Load(Param("src"), GP64()), Load(Param("n"), GP64())
	dstStride, srcStride := Load(Param("dstStride"), GP64()), Load(Param("srcStride"), GP64())
	Label("block")
	CMPQ(n, Imm(8))
	JL(LabelRef("tail"))
	v := ymms(8)
	for i, at := range addresses(src, srcStride) {
		VMOVUPS(at, v[i])
	}
	w := transpose(v)
	for i, at := range addresses(dst, dstStride) {
		VMOVUPS(w[i], at)
	}
	ADDQ(Imm(32), dst)
	LEAQ(Mem{Base: src, Index: srcStride, Scale: 8}, src)
	SUBQ(Imm(8), n)
	JMP(LabelRef("block"))
	Label("tail")
	TESTQ(n, n)
	JZ(LabelRef("done"))
	v = ymms(8)
	for i := range v {
		VXORPS(v[i], v[i], v[i])
	}
	upTo("loaded", n, func(i int) {
		VMOVUPS(Mem{Base: src}, v[i])
		ADDQ(srcStride, src)
	})
	w = transpose(v)
	// A masked store takes ten times as long as these.
	tailStores("four", 4, n, dst, dstStride, func(i int, at Mem) {
		VMOVUPS(w[i].AsX(), at)
		VEXTRACTF128(Imm(1), w[i], w[i].AsX())
	})
	tailStores("two", 2, n, dst, dstStride, func(i int, at Mem) {
		VMOVLPS(w[i].AsX(), at)
		VPSRLDQ(Imm(8), w[i].AsX(), w[i].AsX())
	})
	tailStores("one", 1, n, dst, dstStride, func(i int, at Mem) { VMOVSS(w[i].AsX(), at) })
	Label("done")
	VZEROUPPER()
	RET()
}

// tailStores stores count values of each of eight rows if n has that bit, and
// moves dst on.
func tailStores(label string, count int, n, dst, stride reg.Register, store func(i int, at Mem)) {
	TESTQ(U32(count), n)
	JZ(LabelRef(label + "Done"))
	for i, at := range addresses(dst, stride) {
		store(i, at)
	}
	ADDQ(Imm(uint64(4*count)), dst)
	Label(label + "Done")
}

// column multiplies a column of tiles: 12 of the 16 registers are sums.
func column() {
	const rows = 6
	TEXT("convColumnAVX2", NOSPLIT, "func(tiles int, c *float32, crs int, a *float32, ars, acs int, b *float32, brs, k int, add bool)")
	Pragma("noescape")
	Doc("convColumnAVX2 sets, or adds to, tiles of 6 x 16 values of c, one below the other, the sums of k products of a and b.",
		"Strides are in bytes, those of a of rows and columns.")
	tiles, c, crs := Load(Param("tiles"), GP64()), Load(Param("c"), GP64()), Load(Param("crs"), GP64())
	first, ars, acs := Load(Param("a"), GP64()), Load(Param("ars"), GP64()), Load(Param("acs"), GP64())
	brs := Load(Param("brs"), GP64())

	Label("tile")
	a, third, b, k := GP64(), GP64(), GP64(), GP64()
	MOVQ(first, a)
	LEAQ(Mem{Base: a, Index: ars, Scale: 2}, third)
	ADDQ(ars, third)
	LEAQ(Mem{Base: third, Index: ars, Scale: 2}, first)
	ADDQ(ars, first)
	Load(Param("b"), b)
	Load(Param("k"), k)
	sum := ymms(2 * rows)
	for _, s := range sum {
		VXORPS(s, s, s)
	}
	step := func() {
		b0, b1 := YMM(), YMM()
		VMOVUPS(Mem{Base: b}, b0)
		VMOVUPS(Mem{Base: b, Disp: 32}, b1)
		for r := range rows {
			at := Mem{Base: a}
			if r >= 3 {
				at.Base = third
			}
			if r%3 > 0 {
				at.Index, at.Scale = ars, uint8(r%3)
			}
			x := YMM()
			VBROADCASTSS(at, x)
			VFMADD231PS(b0, x, sum[2*r])
			VFMADD231PS(b1, x, sum[2*r+1])
		}
		ADDQ(brs, b)
		ADDQ(acs, a)
		ADDQ(acs, third)
	}
	SUBQ(Imm(2), k)
	JL(LabelRef("last"))
	Label("two")
	step()
	step()
	SUBQ(Imm(2), k)
	JGE(LabelRef("two"))
	Label("last")
	CMPQ(k, I32(-1))
	JNE(LabelRef("summed"))
	step()
	Label("summed")
	add := Load(Param("add"), GP8())
	TESTB(add, add)
	JZ(LabelRef("store"))
	p := GP64()
	MOVQ(c, p)
	for r := range rows {
		VADDPS(Mem{Base: p}, sum[2*r], sum[2*r])
		VADDPS(Mem{Base: p, Disp: 32}, sum[2*r+1], sum[2*r+1])
		if r < rows-1 {
			ADDQ(crs, p)
		}
	}
	Label("store")
	for r := range rows {
		VMOVUPS(sum[2*r], Mem{Base: c})
		VMOVUPS(sum[2*r+1], Mem{Base: c, Disp: 32})
		ADDQ(crs, c)
	}
	DECQ(tiles)
	JNZ(LabelRef("tile"))
	VZEROUPPER()
	RET()
}

// interleave puts two rows into one by turns.
func interleave() {
	TEXT("interleaveAVX2", NOSPLIT, "func(dst, a, b *float32, n int)")
	Pragma("noescape")
	Doc("interleaveAVX2 sets dst to a[0], b[0], a[1], b[1] and so on, for n values of each, a positive multiple of 8.")
	dst, a, b, n := Load(Param("dst"), GP64()), Load(Param("a"), GP64()), Load(Param("b"), GP64()), Load(Param("n"), GP64())
	Label("eight")
	x, y, low, high := YMM(), YMM(), YMM(), YMM()
	VMOVUPS(Mem{Base: a}, x)
	VMOVUPS(Mem{Base: b}, y)
	VUNPCKLPS(y, x, low)
	VUNPCKHPS(y, x, high)
	VPERM2F128(Imm(0x20), high, low, x)
	VPERM2F128(Imm(0x31), high, low, y)
	VMOVUPS(x, Mem{Base: dst})
	VMOVUPS(y, Mem{Base: dst, Disp: 32})
	ADDQ(Imm(32), a)
	ADDQ(Imm(32), b)
	ADDQ(Imm(64), dst)
	SUBQ(Imm(8), n)
	JNZ(LabelRef("eight"))
	VZEROUPPER()
	RET()
}
