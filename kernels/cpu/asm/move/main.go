// Command move writes the AVX2 form of the loops that moving, pooling and
// sampling are made of. Run it with go generate in kernels/cpu.
//
// A row of an image is short, so a loop takes any length: the last elements go
// through masked loads and stores. Comparisons are chosen so that equal values and NaN
// come out as in the portable loops.
package main

import (
	"strings"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Comparisons of VCMPPS.
var (
	unordered   = Imm(3) // one is a NaN
	notEqual    = Imm(4) // or one is a NaN
	equalOrNone = Imm(8) // equal, or one is a NaN
)

var tails Mem

func main() {
	ConstraintExpr("amd64")
	tails = GLOBL("moveTails", RODATA|NOPTR)
	for i := range 16 {
		DATA(4*i, U32(uint32(0xffffffff*uint64((15-i)/8))))
	}
	rows("max2AVX2", "dst a b", "sets dst to the greater of a and b; a NaN is greater than all", func(l *row) {
		l.store("dst", greater(l.load("a"), l.load("b")))
	})
	rows("max3AVX2", "dst a b c", "sets dst to the greatest of a, b and c; a NaN is greater than all", func(l *row) {
		l.store("dst", greater(greater(l.load("a"), l.load("b")), l.load("c")))
	})
	rows("giveAVX2", "dst value most open", "adds open to dst where value is most or one is a NaN, and clears it there", func(l *row) {
		mask, open := YMM(), l.load("open")
		VCMPPS(equalOrNone, l.load("most"), l.load("value"), mask)
		dst, given := l.load("dst"), YMM()
		VADDPS(open, dst, given)
		VBLENDVPS(mask, given, dst, dst)
		l.store("dst", dst)
		VANDNPS(open, mask, open)
		l.store("open", open)
	})
	rows("giveFirstAVX2", "dst value most open", "sets dst to open where value is most or one is a NaN, to 0 elsewhere, and clears open there", func(l *row) {
		mask, open := YMM(), l.load("open")
		VCMPPS(equalOrNone, l.load("most"), l.load("value"), mask)
		given := YMM()
		VANDPS(open, mask, given)
		l.store("dst", given)
		VANDNPS(open, mask, open)
		l.store("open", open)
	})
	runs("copyRunsAVX2", "copies runs of n > 0 elements, strides apart", false)
	runs("addRunsAVX2", "adds runs of n > 0 elements, strides apart, to dst", true)
	means()
	split()
	join()
	transpose()
	weigh()
	Generate()
}

// greater returns a where a >= b, b where b > a, a NaN where one is.
func greater(a, b reg.VecVirtual) reg.VecVirtual {
	most, nan := YMM(), YMM()
	VMAXPS(a, b, most)
	VCMPPS(unordered, a, b, nan)
	VORPS(nan, most, most)
	return most
}

// row is what a loop does with up to eight elements of each of its rows.
type row struct {
	at   map[string]Mem
	mask reg.VecVirtual // nil for all eight
}

func (l *row) load(name string) reg.VecVirtual {
	y := YMM()
	if l.mask == nil {
		VMOVUPS(l.at[name], y)
	} else {
		VMASKMOVPS(l.at[name], l.mask, y)
	}
	return y
}

func (l *row) store(name string, y reg.VecVirtual) {
	if l.mask == nil {
		VMOVUPS(y, l.at[name])
	} else {
		VMASKMOVPS(y, l.mask, l.at[name])
	}
}

// tail returns the mask of left elements, 0 < left < 8.
func tail(left reg.Register) reg.VecVirtual {
	table, mask := GP64(), YMM()
	LEAQ(tails, table)
	NEGQ(left)
	VMOVDQU(Mem{Base: table, Index: left, Scale: 4, Disp: 32}, mask)
	return mask
}

// rows writes a function over n > 0 elements of rows.
func rows(name, operands, doc string, f func(*row)) {
	names := strings.Fields(operands)
	TEXT(name, NOSPLIT, "func("+strings.Join(names, ", ")+" *float32, n int)")
	Pragma("noescape")
	Doc(name + " " + doc + "; n > 0.")
	l := &row{at: map[string]Mem{}}
	i := GP64()
	for _, n := range names {
		l.at[n] = Mem{Base: Load(Param(n), GP64()), Index: i, Scale: 4}
	}
	n := Load(Param("n"), GP64())
	XORQ(i, i)
	SUBQ(Imm(8), n)
	JL(LabelRef("last"))
	Label("eight")
	f(l)
	ADDQ(Imm(8), i)
	CMPQ(i, n)
	JLE(LabelRef("eight"))
	Label("last")
	ADDQ(Imm(8), n)
	SUBQ(i, n)
	JZ(LabelRef("done"))
	l.mask = tail(n)
	f(l)
	Label("done")
	VZEROUPPER()
	RET()
}

// runs writes a function over count runs.
func runs(name, doc string, add bool) {
	TEXT(name, NOSPLIT, "func(dst, src *float32, dstStride, srcStride, count, n int)")
	Pragma("noescape")
	Doc(name + " " + doc + "; count > 0.")
	dst, src := Load(Param("dst"), GP64()), Load(Param("src"), GP64())
	ds, ss := Load(Param("dstStride"), GP64()), Load(Param("srcStride"), GP64())
	count, n := Load(Param("count"), GP64()), Load(Param("n"), GP64())
	i, whole, left := GP64(), GP64(), GP64()
	MOVQ(n, whole)
	ANDQ(I8(-8), whole)
	SUBQ(whole, n)
	MOVQ(n, left)
	mask := tail(n) // of no element where none is left
	Label("run")
	XORQ(i, i)
	CMPQ(i, whole)
	JGE(LabelRef("last"))
	Label("eight")
	v := YMM()
	from, to := Mem{Base: src, Index: i, Scale: 4}, Mem{Base: dst, Index: i, Scale: 4}
	VMOVUPS(from, v)
	if add {
		VADDPS(to, v, v)
	}
	VMOVUPS(v, to)
	ADDQ(Imm(8), i)
	CMPQ(i, whole)
	JLT(LabelRef("eight"))
	Label("last")
	TESTQ(left, left)
	JZ(LabelRef("next"))
	VMASKMOVPS(from, mask, v)
	if add {
		old := YMM()
		VMASKMOVPS(to, mask, old)
		VADDPS(old, v, v)
	}
	VMASKMOVPS(v, mask, to)
	Label("next")
	LEAQ(Mem{Base: dst, Index: ds, Scale: 4}, dst)
	LEAQ(Mem{Base: src, Index: ss, Scale: 4}, src)
	DECQ(count)
	JNZ(LabelRef("run"))
	VZEROUPPER()
	RET()
}

// means adds in eight sums, as the portable form does.
func means() {
	TEXT("meansAVX2", NOSPLIT, "func(dst, src *float32, count, n int, share float32)")
	Pragma("noescape")
	Doc("meansAVX2 sets count > 0 elements of dst to share times the sum of n > 0 elements of src each.")
	dst, src := Load(Param("dst"), GP64()), Load(Param("src"), GP64())
	count, n := Load(Param("count"), GP64()), Load(Param("n"), GP64())
	share := Load(Param("share"), XMM())
	whole, left, k := GP64(), GP64(), GP64()
	MOVQ(n, whole)
	SHRQ(Imm(3), whole)
	MOVQ(n, left)
	ANDQ(Imm(7), left)
	MOVQ(left, k)
	mask, total, v := tail(k), YMM(), YMM()
	Label("plane")
	VXORPS(total, total, total)
	MOVQ(whole, k)
	TESTQ(k, k)
	JZ(LabelRef("last"))
	Label("eight")
	VADDPS(Mem{Base: src}, total, total)
	ADDQ(Imm(32), src)
	DECQ(k)
	JNZ(LabelRef("eight"))
	Label("last")
	TESTQ(left, left)
	JZ(LabelRef("add"))
	VMASKMOVPS(Mem{Base: src}, mask, v)
	VADDPS(v, total, total)
	LEAQ(Mem{Base: src, Index: left, Scale: 4}, src)
	Label("add")
	half, quarter := XMM(), XMM()
	VEXTRACTF128(Imm(1), total, half)
	VADDPS(half, total.AsX(), half)
	VMOVHLPS(half, half, quarter)
	VADDPS(quarter, half, half)
	VMOVSHDUP(half, quarter)
	VADDSS(quarter, half, half)
	VMULSS(share, half, half)
	VMOVSS(half, Mem{Base: dst})
	ADDQ(Imm(4), dst)
	DECQ(count)
	JNZ(LabelRef("plane"))
	VZEROUPPER()
	RET()
}

// split and join part and mix elements of even and odd places.
func split() {
	TEXT("splitAVX2", NOSPLIT, "func(even, odd, src *float32, n int)")
	Pragma("noescape")
	Doc("splitAVX2 sets even[i] = src[2i] and odd[i] = src[2i+1]; n > 0 is a multiple of eight.")
	even, odd := Load(Param("even"), GP64()), Load(Param("odd"), GP64())
	src, n := Load(Param("src"), GP64()), Load(Param("n"), GP64())
	i := GP64()
	XORQ(i, i)
	Label("next")
	a, b, e, o := YMM(), YMM(), YMM(), YMM()
	VMOVUPS(Mem{Base: src, Index: i, Scale: 8}, a)
	VMOVUPS(Mem{Base: src, Index: i, Scale: 8, Disp: 32}, b)
	VSHUFPS(Imm(0x88), b, a, e)
	VSHUFPS(Imm(0xdd), b, a, o)
	VPERMPD(Imm(0xd8), e, e)
	VPERMPD(Imm(0xd8), o, o)
	VMOVUPS(e, Mem{Base: even, Index: i, Scale: 4})
	VMOVUPS(o, Mem{Base: odd, Index: i, Scale: 4})
	ADDQ(Imm(8), i)
	CMPQ(i, n)
	JLT(LabelRef("next"))
	VZEROUPPER()
	RET()
}

func join() {
	TEXT("joinAVX2", NOSPLIT, "func(dst, even, odd *float32, n int)")
	Pragma("noescape")
	Doc("joinAVX2 sets dst[2i] = even[i] and dst[2i+1] = odd[i]; n > 0 is a multiple of eight.")
	dst, n := Load(Param("dst"), GP64()), Load(Param("n"), GP64())
	even, odd := Load(Param("even"), GP64()), Load(Param("odd"), GP64())
	i := GP64()
	XORQ(i, i)
	Label("next")
	e, o, low, high, a := YMM(), YMM(), YMM(), YMM(), YMM()
	VMOVUPS(Mem{Base: even, Index: i, Scale: 4}, e)
	VMOVUPS(Mem{Base: odd, Index: i, Scale: 4}, o)
	VUNPCKLPS(o, e, low)
	VUNPCKHPS(o, e, high)
	VPERM2F128(Imm(0x20), high, low, a)
	VPERM2F128(Imm(0x31), high, low, high)
	VMOVUPS(a, Mem{Base: dst, Index: i, Scale: 8})
	VMOVUPS(high, Mem{Base: dst, Index: i, Scale: 8, Disp: 32})
	ADDQ(Imm(8), i)
	CMPQ(i, n)
	JLT(LabelRef("next"))
	VZEROUPPER()
	RET()
}

// transpose turns squares of eight, one after the other along rows of dst.
func transpose() {
	TEXT("transposeAVX2", NOSPLIT, "func(dst, src *float32, dstStride, srcStride, n int)")
	Pragma("noescape")
	Doc("transposeAVX2 sets dst[i*dstStride + j] = src[j*srcStride + i] for i < 8 and j < n; n > 0 is a multiple of eight.")
	dst, src := Load(Param("dst"), GP64()), Load(Param("src"), GP64())
	ds, ss := Load(Param("dstStride"), GP64()), Load(Param("srcStride"), GP64())
	n := Load(Param("n"), GP64())
	SHLQ(Imm(2), ds)
	SHLQ(Imm(2), ss)
	ds3, ss3 := GP64(), GP64()
	LEAQ(Mem{Base: ds, Index: ds, Scale: 2}, ds3)
	LEAQ(Mem{Base: ss, Index: ss, Scale: 2}, ss3)
	half := GP64()
	Label("next")
	LEAQ(Mem{Base: src, Index: ss, Scale: 4}, half)
	out := turned(fourRows(src, ss, ss3), fourRows(half, ss, ss3))
	LEAQ(Mem{Base: dst, Index: ds, Scale: 4}, half)
	for i, base := range []reg.Register{dst, half} {
		for k, at := range fourPlaces(base, ds, ds3) {
			VMOVUPS(out[4*i+k], at)
		}
	}
	LEAQ(Mem{Base: src, Index: ss, Scale: 8}, src)
	ADDQ(Imm(32), dst)
	SUBQ(Imm(8), n)
	JNZ(LabelRef("next"))
	VZEROUPPER()
	RET()
}

func fourPlaces(base, stride, stride3 reg.Register) []Mem {
	return []Mem{{Base: base}, {Base: base, Index: stride, Scale: 1}, {Base: base, Index: stride, Scale: 2}, {Base: base, Index: stride3, Scale: 1}}
}

func fourRows(base, stride, stride3 reg.Register) [4]reg.VecVirtual {
	var r [4]reg.VecVirtual
	for i, at := range fourPlaces(base, stride, stride3) {
		r[i] = YMM()
		VMOVUPS(at, r[i])
	}
	return r
}

// turned transposes 8 x 8: within the halves of registers first, then across.
func turned(a, b [4]reg.VecVirtual) [8]reg.VecVirtual {
	var out [8]reg.VecVirtual
	a, b = quarter(a), quarter(b)
	for i := range 4 {
		out[i], out[i+4] = YMM(), b[i]
		VPERM2F128(Imm(0x20), b[i], a[i], out[i])
		VPERM2F128(Imm(0x31), b[i], a[i], out[i+4])
	}
	return out
}

// quarter transposes the 4 x 4 in either half of four rows.
func quarter(r [4]reg.VecVirtual) [4]reg.VecVirtual {
	ab0, ab1, cd0, cd1 := YMM(), YMM(), YMM(), YMM()
	VUNPCKLPS(r[1], r[0], ab0)
	VUNPCKHPS(r[1], r[0], ab1)
	VUNPCKLPS(r[3], r[2], cd0)
	VUNPCKHPS(r[3], r[2], cd1)
	VSHUFPS(Imm(0x44), cd0, ab0, r[0])
	VSHUFPS(Imm(0xee), cd0, ab0, r[1])
	VSHUFPS(Imm(0x44), cd1, ab1, r[2])
	VSHUFPS(Imm(0xee), cd1, ab1, r[3])
	return r
}

// weigh is the sum of taps along a row: eight results at once, gathered.
func weigh() {
	TEXT("weighAVX2", NOSPLIT, "func(dst, src *float32, index *int32, weight *float32, taps, stride, n int)")
	Pragma("noescape")
	Doc("weighAVX2 sets dst[o] to the sum over k < taps of weight[k*stride + o] * src[index[k*stride + o]].",
		"Elements of weight 0 are not read. n > 0 is a multiple of eight.")
	dst, src := Load(Param("dst"), GP64()), Load(Param("src"), GP64())
	index, weight := Load(Param("index"), GP64()), Load(Param("weight"), GP64())
	taps, n := Load(Param("taps"), GP64()), Load(Param("n"), GP64())
	stride := Load(Param("stride"), GP64())
	zero, o, k, at := YMM(), GP64(), GP64(), GP64()
	VXORPS(zero, zero, zero)
	XORQ(o, o)
	Label("next")
	total := YMM()
	VXORPS(total, total, total)
	MOVQ(taps, k)
	MOVQ(o, at)
	Label("tap")
	w, mask, v, where := YMM(), YMM(), YMM(), YMM()
	VMOVUPS(Mem{Base: weight, Index: at, Scale: 4}, w)
	VMOVDQU(Mem{Base: index, Index: at, Scale: 4}, where)
	VCMPPS(notEqual, zero, w, mask)
	VXORPS(v, v, v)
	VGATHERDPS(mask, Mem{Base: src, Index: where, Scale: 4}, v)
	VMULPS(w, v, v)
	VADDPS(v, total, total)
	ADDQ(stride, at)
	DECQ(k)
	JNZ(LabelRef("tap"))
	VMOVUPS(total, Mem{Base: dst, Index: o, Scale: 4})
	ADDQ(Imm(8), o)
	CMPQ(o, n)
	JLT(LabelRef("next"))
	VZEROUPPER()
	RET()
}
