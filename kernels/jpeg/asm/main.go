// Command asm writes dct_amd64.s and dct_amd64.go, the AVX2 form of the inverse
// and forward DCT. Run it with go generate in the folder above.
//
// A pass works on eight columns at once. Rows come in pairs, [row k | row k+4],
// as 16-bit words; where the transform multiplies two rows by constants and adds,
// the rows' words are interleaved and VPMADDWD does it in 32 bits. At the end of a
// pass words are packed with saturation and transposed, which gives the pairs that
// the other direction begins with.
package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// The constants of ../idct.go.
const (
	fix0298 = 2446
	fix0390 = 3196
	fix0541 = 4433
	fix0765 = 6270
	fix0899 = 7373
	fix1175 = 9633
	fix1501 = 12299
	fix1847 = 15137
	fix1961 = 16069
	fix2053 = 16819
	fix2562 = 20995
	fix3072 = 25172

	dctBits = 13
	midBits = 2
)

func main() {
	ConstraintExpr("amd64")
	weave := GLOBL("weave", RODATA|NOPTR) // words of the two halves of a lane in turn
	for i := range 32 {
		w := i % 16 / 2
		DATA(i, U8(8*(w%2)+w/2*2+i%2))
	}
	t := &tables{weave: weave, pairs: map[[2]int]Mem{}}
	t.level = GLOBL("level", RODATA|NOPTR)
	for i := range 4 {
		DATA(8*i, U64(0x8080808080808080))
	}
	inverse(t)
	forward(t)
	write()
	Generate()
}

type tables struct {
	weave, level Mem
	pairs        map[[2]int]Mem
}

// pair is a table of two 16-bit constants in turn.
func (t *tables) pair(a, b int) Mem {
	if m, ok := t.pairs[[2]int{a, b}]; ok {
		return m
	}
	m := GLOBL("pair"+name(a)+name(b), RODATA|NOPTR)
	for i := range 8 {
		DATA(4*i, U32(uint32(uint16(int16(a)))|uint32(uint16(int16(b)))<<16))
	}
	t.pairs[[2]int{a, b}] = m
	return m
}

func name(v int) string {
	if v < 0 {
		return "m" + name(-v)
	}
	s := ""
	for ; v > 0 || s == ""; v /= 10 {
		s = string(rune('0'+v%10)) + s
	}
	return s
}

// wide is a table of one 32-bit constant.
func wide(name string, v int) Mem {
	m := GLOBL(name, RODATA|NOPTR)
	for i := range 8 {
		DATA(4*i, U32(uint32(int32(v))))
	}
	return m
}

func ymm() reg.VecVirtual { return YMM() }

// inverse writes a function that dequantises and transforms a block.
func inverse(t *tables) {
	round1, round2 := wide("inverseRound1", 1<<(dctBits-midBits-1)), wide("inverseRound2", 1<<(dctBits+midBits+2))
	TEXT("inverseAVX2", NOSPLIT, "func(dst *byte, stride int, block *[64]int16, q *[64]uint16)")
	Pragma("noescape")
	Doc("inverseAVX2 is inverse.")
	dst, stride := Load(Param("dst"), GP64()), Load(Param("stride"), GP64())
	block, q := Load(Param("block"), GP64()), Load(Param("q"), GP64())
	in := make([]reg.VecVirtual, 4)
	for k := range in {
		in[k] = ymm()
		m := ymm()
		VMOVDQU(Mem{Base: block, Disp: 16 * k}, in[k])
		VINSERTI128(Imm(1), Mem{Base: block, Disp: 16 * (k + 4)}, in[k], in[k])
		VMOVDQU(Mem{Base: q, Disp: 16 * k}, m)
		VINSERTI128(Imm(1), Mem{Base: q, Disp: 16 * (k + 4)}, m, m)
		VPMULLW(m, in[k], in[k])
	}
	// a..d are the packed rows 0|2, 1|3, 4|6, 5|7.
	packed := [4]reg.VecVirtual{ymm(), ymm(), ymm(), ymm()}
	rest, below := ymm(), ymm()
	VPOR(in[1], in[2], rest)
	VPOR(in[3], rest, rest)
	VEXTRACTI128(Imm(1), in[0], below.AsX())
	VPOR(below, rest, rest)
	VPTEST(rest, rest)
	JNZ(LabelRef("full"))
	VPSLLW(Imm(midBits), in[0], packed[0])
	VPERMQ(Imm(0x50), packed[0], packed[0])
	for _, p := range packed[1:] {
		VMOVDQA(packed[0], p)
	}
	JMP(LabelRef("rows"))
	Label("full")
	t.inversePass(in, packed, round1, dctBits-midBits)
	Label("rows")
	in = transpose(packed)
	t.inversePass(in, packed, round2, dctBits+midBits+3)
	in = transpose(packed)

	three := GP64()
	LEAQ(Mem{Base: stride, Index: stride, Scale: 2}, three)
	low := GP64()
	LEAQ(Mem{Base: dst, Index: stride, Scale: 4}, low)
	VPACKSSWB(in[1], in[0], in[0])
	VPACKSSWB(in[3], in[2], in[2])
	level := ymm()
	VMOVDQU(t.level, level)
	VPXOR(level, in[0], in[0])
	VPXOR(level, in[2], in[2])
	store := func(v reg.VecVirtual, base reg.Register) {
		VMOVQ(v.AsX(), Mem{Base: base})
		VMOVHPS(v.AsX(), Mem{Base: base, Index: stride, Scale: 1})
	}
	store2 := func(v reg.VecVirtual, base reg.Register) {
		VMOVQ(v.AsX(), Mem{Base: base, Index: stride, Scale: 2})
		VMOVHPS(v.AsX(), Mem{Base: base, Index: three, Scale: 1})
	}
	store(in[0], dst)
	store2(in[2], dst)
	VEXTRACTI128(Imm(1), in[0], in[0].AsX())
	VEXTRACTI128(Imm(1), in[2], in[2].AsX())
	store(in[0], low)
	store2(in[2], low)
	VZEROUPPER()
	RET()
}

// weaved interleaves the words of the two halves of v: lanes of pairs, columns 0
// to 3 in the lower and 4 to 7 in the upper half.
func (t *tables) weaved(v reg.VecVirtual) reg.VecVirtual {
	w := ymm()
	VPERMQ(Imm(0xD8), v, w)
	VPSHUFB(t.weave, w, w)
	return w
}

// madd is a*first + b*second of woven pairs.
func (t *tables) madd(v reg.VecVirtual, a, b int) reg.VecVirtual {
	out := ymm()
	VPMADDWD(t.pair(a, b), v, out)
	return out
}

// inversePass transforms columns. in holds [row k | row k+4].
func (t *tables) inversePass(in []reg.VecVirtual, packed [4]reg.VecVirtual, round Mem, shift int) {
	swapped, sum, diff := ymm(), ymm(), ymm()
	VPERM2I128(Imm(0x01), in[0], in[0], swapped)
	VPADDW(swapped, in[0], sum)
	VPSUBW(swapped, in[0], diff)
	even := [2]reg.VecVirtual{ymm(), ymm()}
	VPMOVSXWD(sum.AsX(), even[0])
	VPMOVSXWD(diff.AsX(), even[1])
	for _, e := range even {
		VPSLLD(Imm(dctBits), e, e)
		VPADDD(round, e, e)
	}
	two := t.weaved(in[2])
	even3 := t.madd(two, fix0541+fix0765, fix0541)
	even2 := t.madd(two, fix0541, fix0541-fix1847)
	t10, t13, t11, t12 := ymm(), ymm(), ymm(), ymm()
	VPADDD(even3, even[0], t10)
	VPSUBD(even3, even[0], t13)
	VPADDD(even2, even[1], t11)
	VPSUBD(even2, even[1], t12)

	y71, y35, z := ymm(), ymm(), ymm()
	VPERM2I128(Imm(0x21), in[1], in[3], y71) // [in3's upper: row 7 | in1's lower: row 1]
	VPERM2I128(Imm(0x30), in[1], in[3], y35) // [row 3 | row 5]
	VPADDW(y35, y71, z)
	z, y71, y35 = t.weaved(z), t.weaved(y71), t.weaved(y35)
	z3 := t.madd(z, fix1175-fix1961, fix1175)
	z4 := t.madd(z, fix1175, fix1175-fix0390)
	odd0 := t.madd(y71, fix0298-fix0899, -fix0899)
	odd3 := t.madd(y71, -fix0899, fix1501-fix0899)
	odd2 := t.madd(y35, fix3072-fix2562, -fix2562)
	odd1 := t.madd(y35, -fix2562, fix2053-fix2562)
	VPADDD(z3, odd0, odd0)
	VPADDD(z4, odd1, odd1)
	VPADDD(z3, odd2, odd2)
	VPADDD(z4, odd3, odd3)

	pack := func(e1, o1, e2, o2 reg.VecVirtual, upper bool, out reg.VecVirtual) {
		a, b := ymm(), ymm()
		if upper {
			VPADDD(o1, e1, a)
			VPADDD(o2, e2, b)
		} else {
			VPSUBD(o1, e1, a)
			VPSUBD(o2, e2, b)
		}
		VPSRAD(Imm(uint64(shift)), a, a)
		VPSRAD(Imm(uint64(shift)), b, b)
		VPACKSSDW(b, a, out)
	}
	pack(t10, odd3, t12, odd1, true, packed[0])  // rows 0, 2
	pack(t11, odd2, t13, odd0, true, packed[1])  // rows 1, 3
	pack(t13, odd0, t11, odd2, false, packed[2]) // rows 4, 6
	pack(t12, odd1, t10, odd3, false, packed[3]) // rows 5, 7
}

// forward writes a function that transforms and quantises a block.
func forward(t *tables) {
	round1, round2 := wide("forwardRound1", 1<<(dctBits-midBits-1)), wide("forwardRound2", 1<<(dctBits+midBits-1))
	middle := wide("middle", 128<<16|128)
	TEXT("forwardAVX2", NOSPLIT, "func(out *[64]int16, src *byte, stride int, recip, corr, scale *[64]uint16) uint64")
	Pragma("noescape")
	Doc("forwardAVX2 is forwardPortable. It also returns a bit for each coefficient, row by row from the lowest: whether it is not zero.")
	out, src, stride := Load(Param("out"), GP64()), Load(Param("src"), GP64()), Load(Param("stride"), GP64())
	rows := make([]reg.VecVirtual, 8)
	for y := range rows {
		rows[y] = ymm()
		VPMOVZXBW(Mem{Base: src}, rows[y].AsX())
		PREFETCHT0(Mem{Base: src, Disp: 64}) // more rows than the processor foresees
		if y < 7 {
			ADDQ(stride, src)
		}
	}
	level := ymm()
	VMOVDQU(middle, level)
	packed := [4]reg.VecVirtual{}
	for i, pair := range [4][2]int{{0, 2}, {1, 3}, {4, 6}, {5, 7}} {
		packed[i] = ymm()
		VINSERTI128(Imm(1), rows[pair[1]].AsX(), rows[pair[0]], packed[i])
		VPSUBW(level, packed[i], packed[i])
		VPERMQ(Imm(0xD8), packed[i], packed[i])
	}
	in := transpose(packed)
	t.forwardPass(in, packed, round1, dctBits-midBits)
	in = transpose(packed)
	t.forwardPass(in, packed, round2, dctBits+midBits)

	recip, corr, scale := Load(Param("recip"), GP64()), Load(Param("corr"), GP64()), Load(Param("scale"), GP64())
	zero := ymm()
	VPXOR(zero, zero, zero)
	empty := make([]reg.VecVirtual, 4)
	for i, p := range [4][2]int{{0, 2}, {1, 3}, {4, 6}, {5, 7}} {
		v, size := ymm(), ymm()
		VPERMQ(Imm(0xD8), packed[i], v)
		VPABSW(v, size)
		VPADDW(Mem{Base: corr, Disp: 32 * i}, size, size)
		VPMULHUW(Mem{Base: recip, Disp: 32 * i}, size, size)
		VPMULHUW(Mem{Base: scale, Disp: 32 * i}, size, size)
		VPSIGNW(v, size, size)
		VMOVDQU(size.AsX(), Mem{Base: out, Disp: 16 * p[0]})
		VEXTRACTI128(Imm(1), size, Mem{Base: out, Disp: 16 * p[1]})
		empty[i] = ymm()
		VPCMPEQW(zero, size, empty[i])
	}
	// Bytes of rows 0, 1 | 2, 3 and 4, 5 | 6, 7.
	VPACKSSWB(empty[1], empty[0], empty[0])
	VPACKSSWB(empty[3], empty[2], empty[2])
	low, high := GP64(), GP64()
	VPMOVMSKB(empty[0], low.As32())
	VPMOVMSKB(empty[2], high.As32())
	SHLQ(Imm(32), high)
	ORQ(high, low)
	NOTQ(low)
	Store(low, ReturnIndex(0))
	VZEROUPPER()
	RET()
}

// write writes a function that encodes the coefficients of a block after the first.
func write() {
	zigzag := GLOBL("zigzagBytes", RODATA|NOPTR)
	for k, at := range scanOrder() {
		DATA(k, U8(at))
	}
	TEXT("writeBMI", NOSPLIT, "func(out *byte, acc uint64, n int, block *[64]int16, order uint64, codes *[256]uint32) (outEnd *byte, accEnd uint64, nEnd int)")
	Pragma("noescape")
	Doc("writeBMI appends to the bits in acc, n of them, the codes of the coefficients whose places in a scan order has, and the end of the block.",
		"It writes bytes to out, at most 512, four at a time.")
	out, acc, n := Load(Param("out"), GP64()), Load(Param("acc"), GP64()), Load(Param("n"), GP64())
	block, order, codes := Load(Param("block"), GP64()), Load(Param("order"), GP64()), Load(Param("codes"), GP64())
	places, last := GP64(), GP64()
	LEAQ(zigzag, places)
	XORQ(last, last)
	k, run, v, sign, size, code, length, w, ff := GP64(), GP64(), GP64(), GP64(), GP64(), GP64(), GP64(), GP64(), GP64()

	// emit writes four bytes where there are 32 bits.
	emit := func(label string) {
		CMPQ(n, Imm(32))
		JLT(LabelRef(label))
		SUBQ(Imm(32), n)
		SHRXQ(n, acc, w)
		MOVL(w.As32(), ff.As32())
		ANDL(U32(0x7f7f7f7f), ff.As32())
		ADDL(U32(0x01010101), ff.As32())
		ANDL(w.As32(), ff.As32())
		ANDL(U32(0x80808080), ff.As32())
		JNZ(LabelRef(label + "Stuffed"))
		BSWAPL(w.As32())
		MOVL(w.As32(), Mem{Base: out})
		ADDQ(Imm(4), out)
		JMP(LabelRef(label))
		Label(label + "Stuffed")
		for i := range 4 {
			MOVL(w.As32(), ff.As32())
			SHRL(U8(24-8*i), ff.As32())
			MOVB(ff.As8(), Mem{Base: out})
			INCQ(out)
			CMPB(ff.As8(), Imm(0xFF))
			JNE(LabelRef(label + name(i)))
			MOVB(Imm(0), Mem{Base: out})
			INCQ(out)
			Label(label + name(i))
		}
		Label(label)
	}
	put := func() {
		MOVL(code.As32(), length.As32())
		ANDL(Imm(63), length.As32())
		SHRL(Imm(8), code.As32())
		SHLXQ(length, acc, acc)
		ORQ(code, acc)
		ADDQ(length, n)
	}
	TESTQ(order, order)
	JZ(LabelRef("end"))
	Label("next")
	emit("room")
	TZCNTQ(order, k)
	BLSRQ(order, order)
	MOVQ(k, run)
	SUBQ(last, run)
	DECQ(run)
	MOVQ(k, last)
	CMPQ(run, Imm(15))
	JLE(LabelRef("short"))
	Label("long")
	MOVL(Mem{Base: codes, Disp: 4 * 0xF0}, code.As32())
	put()
	emit("roomAfterRun")
	SUBQ(Imm(16), run)
	CMPQ(run, Imm(15))
	JGT(LabelRef("long"))
	Label("short")
	MOVBQZX(Mem{Base: places, Index: k, Scale: 1}, v)
	MOVWQSX(Mem{Base: block, Index: v, Scale: 2}, v)
	MOVQ(v, sign)
	SARQ(Imm(63), sign)
	MOVQ(v, size)
	XORQ(sign, size)
	SUBQ(sign, size)
	LZCNTQ(size, size)
	NEGQ(size)
	ADDQ(Imm(64), size)
	ADDQ(sign, v)
	BZHIQ(size, v, v)
	SHLQ(Imm(4), run)
	ORQ(size, run)
	MOVL(Mem{Base: codes, Index: run, Scale: 4}, code.As32())
	put()
	SHLXQ(size, acc, acc)
	ORQ(v, acc)
	ADDQ(size, n)
	TESTQ(order, order)
	JNZ(LabelRef("next"))
	Label("end")
	emit("roomForEnd")
	CMPQ(last, Imm(63))
	JE(LabelRef("done"))
	MOVL(Mem{Base: codes}, code.As32())
	put()
	Label("done")
	Store(out, ReturnIndex(0))
	Store(acc, ReturnIndex(1))
	Store(n, ReturnIndex(2))
	RET()
}

// scanOrder gives the place in a block of the k-th coefficient of a scan.
func scanOrder() (z [64]uint8) {
	x, y := 0, 0
	for k := range z {
		z[k] = uint8(8*y + x)
		switch up := (x+y)%2 == 0; {
		case up && x == 7, !up && y < 7 && x == 0:
			y++
		case up && y == 0, !up && y == 7:
			x++
		case up:
			x, y = x+1, y-1
		default:
			x, y = x-1, y+1
		}
	}
	return z
}

// forwardPass transforms columns. in holds [row k | row k+4].
func (t *tables) forwardPass(in []reg.VecVirtual, packed [4]reg.VecVirtual, round Mem, shift int) {
	turned := func(v reg.VecVirtual) reg.VecVirtual {
		w := ymm()
		VPERM2I128(Imm(0x01), v, v, w)
		return w
	}
	d73, d62 := turned(in[3]), turned(in[2])
	p, q, m, n := ymm(), ymm(), ymm(), ymm()
	VPADDW(d73, in[0], p) // t0 | t3
	VPADDW(d62, in[1], q) // t1 | t2
	VPSUBW(d73, in[0], m) // t7 | -t4
	VPSUBW(d62, in[1], n) // t6 | -t5
	a, b, sum, diff := ymm(), ymm(), ymm(), ymm()
	VPERM2I128(Imm(0x20), q, p, a) // t0 | t1
	VPERM2I128(Imm(0x31), q, p, b) // t3 | t2
	VPADDW(b, a, sum)              // t10 | t11
	VPSUBW(b, a, diff)             // t13 | t12
	z := ymm()
	VPSUBW(turned(n), m, z) // z4 | -z3
	sum, diff = t.weaved(sum), t.weaved(diff)
	z, m, n = t.weaved(z), t.weaved(m), t.weaved(n)
	o0, o4 := t.madd(sum, 1<<dctBits, 1<<dctBits), t.madd(sum, 1<<dctBits, -1<<dctBits)
	o2, o6 := t.madd(diff, fix0541+fix0765, fix0541), t.madd(diff, fix0541, fix0541-fix1847)
	z3, z4 := t.madd(z, fix1175, fix1961-fix1175), t.madd(z, fix1175-fix0390, -fix1175)
	r := ymm()
	VMOVDQU(round, r)
	VPADDD(r, z3, z3)
	VPADDD(r, z4, z4)
	for _, o := range []reg.VecVirtual{o0, o2, o4, o6} {
		VPADDD(r, o, o)
	}
	o7, o1 := t.madd(m, -fix0899, fix0899-fix0298), t.madd(m, fix1501-fix0899, fix0899)
	o5, o3 := t.madd(n, -fix2562, fix2562-fix2053), t.madd(n, fix3072-fix2562, fix2562)
	VPADDD(z3, o7, o7)
	VPADDD(z4, o5, o5)
	VPADDD(z3, o3, o3)
	VPADDD(z4, o1, o1)
	for i, o := range [4][2]reg.VecVirtual{{o0, o2}, {o1, o3}, {o4, o6}, {o5, o7}} {
		VPSRAD(Imm(uint64(shift)), o[0], o[0])
		VPSRAD(Imm(uint64(shift)), o[1], o[1])
		VPACKSSDW(o[1], o[0], packed[i])
	}
}

// transpose turns the packed rows 0|2, 1|3, 4|6, 5|7 into [column k | column k+4].
func transpose(p [4]reg.VecVirtual) []reg.VecVirtual {
	e, f, g, h := ymm(), ymm(), ymm(), ymm()
	VPUNPCKLWD(p[1], p[0], e)
	VPUNPCKHWD(p[1], p[0], f)
	VPUNPCKLWD(p[3], p[2], g)
	VPUNPCKHWD(p[3], p[2], h)
	el, eh, gl, gh := ymm(), ymm(), ymm(), ymm()
	VPUNPCKLDQ(f, e, el)
	VPUNPCKHDQ(f, e, eh)
	VPUNPCKLDQ(h, g, gl)
	VPUNPCKHDQ(h, g, gh)
	out := []reg.VecVirtual{ymm(), ymm(), ymm(), ymm()}
	VPUNPCKLQDQ(gl, el, out[0])
	VPUNPCKHQDQ(gl, el, out[1])
	VPUNPCKLQDQ(gh, eh, out[2])
	VPUNPCKHQDQ(gh, eh, out[3])
	return out
}
