// Command asm writes kernels_amd64.s and kernels_amd64.go, the AVX2 form of the
// resize passes. Run it with go generate in the folder above.
//
// A coefficient of 22 fraction bits does not fit the 16-bit multipliers, so it
// comes split in two parts; the sums of the products of either part are exact,
// and so is the 32-bit sum put together from them, also when it wraps.
// Horizontally c = hi*2^11 + lo with 0 <= lo < 2^11, both 16 bits wide, for
// VPMADDWD on widened samples. Vertically c = hi*2^16 + lo with a signed 16-bit
// lo; hi then has 8 bits and VPMADDUBSW multiplies it with 32 samples at once.
package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

const (
	precision = 22
	loBits    = 11
)

func main() {
	ConstraintExpr("amd64")
	half := GLOBL("half", RODATA|NOPTR)
	for i := range 8 {
		DATA(4*i, U32(1<<(precision-1)))
	}
	columns(half)
	shuffled(half)
	dots(half)
	Generate()
}

// columns is the vertical pass: one output row of n >= 32 bytes, 32 at a time.
// The last block overlaps the one before it, so nothing beyond n is touched.
func columns(half Mem) {
	TEXT("columnsAVX2", NOSPLIT, "func(dst, src *byte, stride, n int, coef *uint32, pairs int)")
	Pragma("noescape")
	Doc("columnsAVX2 writes n >= 32 bytes of dst, each the rounded sum of 2*pairs samples of src, stride apart.",
		"coef holds a pair's two low parts and then its two high parts.")
	dst, src := Load(Param("dst"), GP64()), Load(Param("src"), GP64())
	stride, n := Load(Param("stride"), GP64()), Load(Param("n"), GP64())
	coef, pairs := Load(Param("coef"), GP64()), Load(Param("pairs"), GP64())
	last, x := GP64(), GP64()
	LEAQ(Mem{Base: n, Disp: -32}, last)
	XORQ(x, x)
	zero := YMM()
	VPXOR(zero, zero, zero)

	Label("block")
	hi, lo := vectors(2), vectors(4)
	row, k, left := GP64(), GP64(), GP64()
	LEAQ(Mem{Base: src, Index: x, Scale: 1}, row)
	MOVQ(coef, k)
	MOVQ(pairs, left)
	columnPair(row, stride, k, zero, hi, lo, true)
	DECQ(left)
	JZ(LabelRef("sum"))
	Label("pair")
	columnPair(row, stride, k, zero, hi, lo, false)
	DECQ(left)
	JNZ(LabelRef("pair"))

	Label("sum")
	columnSum(half, zero, hi, lo)
	VMOVDQU(lo[0], Mem{Base: dst, Index: x, Scale: 1})
	CMPQ(x, last)
	JGE(LabelRef("done"))
	ADDQ(Imm(32), x)
	CMPQ(x, last)
	CMOVQGT(last, x)
	JMP(LabelRef("block"))
	Label("done")
	VZEROUPPER()
	RET()
}

// columnSum joins the parts, rounds, clips and leaves 32 samples in lo[0].
func columnSum(half Mem, zero reg.VecVirtual, hi, lo []reg.VecVirtual) {
	for i := range lo {
		t := YMM()
		if i%2 == 0 { // unpacked above zeros a high part is a 32-bit number times 2^16
			VPUNPCKLWD(hi[i/2], zero, t)
		} else {
			VPUNPCKHWD(hi[i/2], zero, t)
		}
		VPADDD(half, lo[i], lo[i])
		VPADDD(t, lo[i], lo[i])
		VPSRAD(Imm(precision), lo[i], lo[i])
	}
	VPACKSSDW(lo[1], lo[0], lo[0])
	VPACKSSDW(lo[3], lo[2], lo[2])
	VPACKUSWB(lo[2], lo[0], lo[0])
}

// columnPair adds 32 samples of two rows to the sums, or begins the sums.
func columnPair(row, stride, k reg.Register, zero reg.VecVirtual, hi, lo []reg.VecVirtual, begin bool) {
	above, kl, kh := YMM(), YMM(), YMM()
	VMOVDQU(Mem{Base: row}, above)
	below := YMM()
	VMOVDQU(Mem{Base: row, Index: stride, Scale: 1}, below)
	VPBROADCASTD(Mem{Base: k}, kl)
	VPBROADCASTW(Mem{Base: k, Disp: 4}, kh)
	LEAQ(Mem{Base: row, Index: stride, Scale: 2}, row)
	ADDQ(Imm(8), k)
	for i := range hi {
		both, words := YMM(), YMM()
		if i == 0 {
			VPUNPCKLBW(below, above, both)
		} else {
			VPUNPCKHBW(below, above, both)
		}
		VPUNPCKLBW(zero, both, words)
		addProducts(VPMADDWD, VPADDD, kl, words, lo[2*i], begin)
		words = YMM()
		VPUNPCKHBW(zero, both, words)
		addProducts(VPMADDWD, VPADDD, kl, words, lo[2*i+1], begin)
		addProducts(VPMADDUBSW, VPADDW, kh, both, hi[i], begin)
	}
}

func vectors(n int) []reg.VecVirtual {
	v := make([]reg.VecVirtual, n)
	for i := range v {
		v[i] = YMM()
	}
	return v
}

// addProducts adds samples times coefficients to sum, or sets it when begin is
// true: the first product needs no cleared register and no addition.
func addProducts(multiply, add func(...Op), coef, samples Op, sum reg.VecVirtual, begin bool) {
	if begin {
		multiply(coef, samples, sum)
		return
	}
	t := YMM()
	multiply(coef, samples, t)
	add(t, sum, sum)
}

// shuffled is the horizontal pass for windows of 16 bytes, two rows at a time:
// a byte shuffle brings the two samples that each of four outputs needs next
// beside each other; step bytes on, the same shuffle finds the pair after it.
func shuffled(half Mem) {
	TEXT("shuffledAVX2", NOSPLIT, "func(dst, src *byte, dstStride, srcStride int, offsets *int32, table, order *byte, groups, pairs, step, advance int)")
	Pragma("noescape")
	Doc("shuffledAVX2 writes groups of 8 outputs of two rows, two windows of src a group, advance bytes of dst apart.",
		"table holds a shuffle and the parts of pairs*16 coefficients a group; order places the 8 bytes of each row.")
	dst, src := Load(Param("dst"), GP64()), Load(Param("src"), GP64())
	dstStride, stride := Load(Param("dstStride"), GP64()), Load(Param("srcStride"), GP64())
	offsets, table := Load(Param("offsets"), GP64()), Load(Param("table"), GP64())
	order := XMM()
	VMOVDQU(Mem{Base: Load(Param("order"), GP64())}, order)
	groups, pairs := Load(Param("groups"), GP64()), Load(Param("pairs"), GP64())
	step, advance := Load(Param("step"), GP64()), Load(Param("advance"), GP64())

	Label("group")
	left, right, n := GP64(), GP64(), GP64()
	MOVLQSX(Mem{Base: offsets}, left)
	MOVLQSX(Mem{Base: offsets, Disp: 4}, right)
	ADDQ(src, left)
	ADDQ(src, right)
	mask, hi, lo := YMM(), vectors(2), vectors(2)
	VMOVDQU(Mem{Base: table}, mask)
	ADDQ(Imm(32), table)
	MOVQ(pairs, n)
	windowPair(left, right, stride, step, table, mask, hi, lo, true)
	DECQ(n)
	JZ(LabelRef("join"))
	Label("tap")
	windowPair(left, right, stride, step, table, mask, hi, lo, false)
	DECQ(n)
	JNZ(LabelRef("tap"))

	Label("join")
	upper := shuffledSum(half, hi, lo)
	VPSHUFB(order, upper, upper)
	VMOVQ(upper, Mem{Base: dst})
	VMOVHPS(upper, Mem{Base: dst, Index: dstStride, Scale: 1})
	ADDQ(advance, dst)
	ADDQ(Imm(8), offsets)
	DECQ(groups)
	JNZ(LabelRef("group"))
	VZEROUPPER()
	RET()
}

// windowPair adds a pair of taps of two rows to the sums, or begins the sums.
func windowPair(left, right, stride, step, table reg.Register, mask reg.VecVirtual, hi, lo []reg.VecVirtual, begin bool) {
	rows := vectors(2)
	VMOVDQU(Mem{Base: left}, rows[0].AsX())
	VMOVDQU(Mem{Base: left, Index: stride, Scale: 1}, rows[1].AsX())
	VINSERTI128(Imm(1), Mem{Base: right}, rows[0], rows[0])
	VINSERTI128(Imm(1), Mem{Base: right, Index: stride, Scale: 1}, rows[1], rows[1])
	for i, row := range rows {
		VPSHUFB(mask, row, row)
		addProducts(VPMADDWD, VPADDD, Mem{Base: table}, row, hi[i], begin)
		addProducts(VPMADDWD, VPADDD, Mem{Base: table, Disp: 32}, row, lo[i], begin)
	}
	ADDQ(step, left)
	ADDQ(step, right)
	ADDQ(Imm(64), table)
}

// shuffledSum joins the parts, rounds and clips. It returns the eight samples of
// the first row and then those of the second.
func shuffledSum(half Mem, hi, lo []reg.VecVirtual) reg.VecVirtual {
	for i := range hi {
		VPSLLD(Imm(loBits), hi[i], hi[i])
		VPADDD(lo[i], hi[i], hi[i])
		VPADDD(half, hi[i], hi[i])
		VPSRAD(Imm(precision), hi[i], hi[i])
	}
	VPACKSSDW(hi[1], hi[0], hi[0])
	VPACKUSWB(hi[0], hi[0], hi[0])
	upper := XMM()
	VEXTRACTI128(Imm(1), hi[0], upper)
	VPUNPCKLDQ(upper, hi[0].AsX(), upper)
	return upper
}

// dots is the horizontal pass of one plane for filters too wide to shuffle, two
// rows at a time: a dot product an output, 16 samples at a time.
func dots(half Mem) {
	TEXT("dotsAVX2", NOSPLIT, "func(dst, src *byte, dstStride, srcStride int, first *int32, table *byte, outputs, blocks int)")
	Pragma("noescape")
	Doc("dotsAVX2 writes outputs of two rows, each from blocks*16 samples of src; table holds the parts of the",
		"coefficients of 16 samples a block.")
	dst, src := Load(Param("dst"), GP64()), Load(Param("src"), GP64())
	dstStride, stride := Load(Param("dstStride"), GP64()), Load(Param("srcStride"), GP64())
	first, table := Load(Param("first"), GP64()), Load(Param("table"), GP64())
	outputs, blocks := Load(Param("outputs"), GP64()), Load(Param("blocks"), GP64())

	Label("output")
	at, n := GP64(), GP64()
	MOVLQSX(Mem{Base: first}, at)
	ADDQ(src, at)
	MOVQ(blocks, n)
	hi, lo := vectors(2), vectors(2)
	block := func(begin bool) {
		rows := vectors(2)
		VPMOVZXBW(Mem{Base: at}, rows[0])
		VPMOVZXBW(Mem{Base: at, Index: stride, Scale: 1}, rows[1])
		for i, row := range rows {
			addProducts(VPMADDWD, VPADDD, Mem{Base: table}, row, hi[i], begin)
			addProducts(VPMADDWD, VPADDD, Mem{Base: table, Disp: 32}, row, lo[i], begin)
		}
		ADDQ(Imm(16), at)
		ADDQ(Imm(64), table)
		DECQ(n)
	}
	block(true)
	JZ(LabelRef("join"))
	Label("sixteen")
	block(false)
	JNZ(LabelRef("sixteen"))

	Label("join")
	sum := dotSum(half, hi, lo)
	VPEXTRB(Imm(0), sum, Mem{Base: dst})
	VPEXTRB(Imm(1), sum, Mem{Base: dst, Index: dstStride, Scale: 1})
	INCQ(dst)
	ADDQ(Imm(4), first)
	DECQ(outputs)
	JNZ(LabelRef("output"))
	VZEROUPPER()
	RET()
}

// dotSum joins the parts, adds up, rounds and clips. It returns the sample of
// either row in the two lowest bytes.
func dotSum(half Mem, hi, lo []reg.VecVirtual) reg.Register {
	for i := range hi {
		VPSLLD(Imm(loBits), hi[i], hi[i])
		VPADDD(lo[i], hi[i], hi[i])
	}
	sum, upper := hi[0].AsX(), XMM()
	VPHADDD(hi[1], hi[0], hi[0])
	VEXTRACTI128(Imm(1), hi[0], upper)
	VPADDD(upper, sum, sum)
	VPHADDD(sum, sum, sum) // the sum of either row
	VPADDD(half, sum, sum)
	VPSRAD(Imm(precision), sum, sum)
	VPACKSSDW(sum, sum, sum)
	VPACKUSWB(sum, sum, sum)
	return sum
}
