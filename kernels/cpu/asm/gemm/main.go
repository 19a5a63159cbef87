// Command gemm writes gemm_amd64.s and gemm_stub_amd64.go, the AVX2 form of the
// tiles that matrix products are made of. Run it with go generate in kernels/cpu.
//
// A tile of up to 6 x 16 sums is 12 of the 16 registers; two hold a row of B and
// two values of A, broadcast. A step of k is 12 multiply-adds for 8 loads, so that
// the two units for multiply-adds are what limits it.
package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

const (
	tileRows = 6
	unroll   = 4
)

func main() {
	ConstraintExpr("amd64")
	mask := GLOBL("gemmMask", RODATA|NOPTR)
	for i := range 8 {
		DATA(4*i, U32(0xffffffff))
	}
	for i := range 8 {
		DATA(32+4*i, U32(0))
	}
	packed(mask)
	for rows := 1; rows <= tileRows; rows++ {
		strided(rows, mask)
	}
	packs()
	Generate()
}

// tile is the state of one kernel while it is written.
type tile struct {
	rows    int
	sums    [][2]reg.VecVirtual
	k, a, b reg.GPVirtual
	c, crs  reg.Register
	low     reg.GPVirtual // rows 3, 4 and 5 of C are addressed from here
}

// begin loads the size and the operands, touches C and clears the sums.
func begin(rows int, c, crs reg.Register) *tile {
	t := &tile{rows: rows, c: c, crs: crs, k: GP64(), a: GP64(), b: GP64(), low: GP64()}
	Load(Param("k"), t.k)
	Load(Param("a"), t.a)
	Load(Param("b"), t.b)
	LEAQ(Mem{Base: c, Index: crs, Scale: 2}, t.low)
	ADDQ(crs, t.low)
	for i := range rows {
		PREFETCHT0(t.at(i, 0))
		PREFETCHT0(t.at(i, 0).Offset(4 * 15))
	}
	for range rows {
		s := [2]reg.VecVirtual{YMM(), YMM()}
		VXORPS(s[0], s[0], s[0])
		VXORPS(s[1], s[1], s[1])
		t.sums = append(t.sums, s)
	}
	return t
}

// at addresses half a row of C.
func (t *tile) at(i, half int) Mem { return row(t.c, t.low, t.crs, i).Offset(32 * half) }

// step adds the product of one column of A and one row of B.
func (t *tile) step(b0, b1 Mem, a func(i int) Mem) {
	y0, y1 := YMM(), YMM()
	VMOVUPS(b0, y0)
	VMOVUPS(b1, y1)
	for i := range t.rows {
		x := YMM()
		VBROADCASTSS(a(i), x)
		VFMADD231PS(y0, x, t.sums[i][0])
		VFMADD231PS(y1, x, t.sums[i][1])
	}
}

// loop writes body unroll times a round, and once a round for what remains.
func (t *tile) loop(body func(step int), advance func(steps int)) {
	rest := GP64()
	MOVQ(t.k, rest)
	ANDQ(Imm(unroll-1), rest)
	SHRQ(Imm(2), t.k)
	JZ(LabelRef("rest"))
	Label("round")
	for i := range unroll {
		body(i)
	}
	advance(unroll)
	DECQ(t.k)
	JNZ(LabelRef("round"))
	Label("rest")
	TESTQ(rest, rest)
	JZ(LabelRef("store"))
	Label("single")
	body(0)
	advance(1)
	DECQ(rest)
	JNZ(LabelRef("single"))
	Label("store")
}

// packed is the tile on panels that packA and packB wrote, for a column of tiles.
func packed(mask Mem) {
	TEXT("gemmPackedAVX2", NOSPLIT, "func(tiles, k int, a *float32, astep int, b, c *float32, crs, cols int, alpha, beta float32, bias *float32)")
	Pragma("noescape")
	Doc("gemmPackedAVX2 is gemmTile on whole panels of 6 rows, astep apart, and one of 16 columns.",
		"The sums begin with the 16 values of bias where it is not nil.")
	tiles, c, crs := Load(Param("tiles"), GP64()), Load(Param("c"), GP64()), Load(Param("crs"), GP64())
	a, astep := Load(Param("a"), GP64()), Load(Param("astep"), GP64())
	SHLQ(Imm(2), crs)
	SHLQ(Imm(2), astep)
	Label("tile")
	t := begin(tileRows, c, crs)
	MOVQ(a, t.a)
	bias := GP64()
	Load(Param("bias"), bias)
	TESTQ(bias, bias)
	JZ(LabelRef("sums"))
	first, second := t.sums[0][0], t.sums[0][1]
	VMOVUPS(Mem{Base: bias}, first)
	VMOVUPS(Mem{Base: bias, Disp: 32}, second)
	for _, s := range t.sums[1:] {
		VMOVAPS(first, s[0])
		VMOVAPS(second, s[1])
	}
	Label("sums")
	t.loop(func(step int) {
		t.step(Mem{Base: t.b, Disp: 64 * step}, Mem{Base: t.b, Disp: 64*step + 32}, func(i int) Mem {
			return Mem{Base: t.a, Disp: 4 * (tileRows*step + i)}
		})
	}, func(steps int) {
		ADDQ(U32(4*tileRows*steps), t.a)
		ADDQ(U32(64*steps), t.b)
	})
	t.store(mask)
	Label("done")
	ADDQ(astep, a)
	LEAQ(Mem{Base: c, Index: crs, Scale: 4}, c)
	LEAQ(Mem{Base: c, Index: crs, Scale: 2}, c)
	DECQ(tiles)
	JNZ(LabelRef("tile"))
	VZEROUPPER()
	RET()
}

// strided is the tile on operands with any strides.
func strided(rows int, mask Mem) {
	TEXT(fmt.Sprintf("gemmTile%dAVX2", rows), NOSPLIT,
		"func(k int, a *float32, ars, acs int, b *float32, brs int, c *float32, crs, cols int, alpha, beta float32)")
	Pragma("noescape")
	Doc(fmt.Sprintf("gemmTile%dAVX2 is gemmTile for %d rows.", rows, rows))
	c, crs := Load(Param("c"), GP64()), Load(Param("crs"), GP64())
	SHLQ(Imm(2), crs)
	t := begin(rows, c, crs)
	ars, acs, brs := Load(Param("ars"), GP64()), Load(Param("acs"), GP64()), Load(Param("brs"), GP64())
	SHLQ(Imm(2), ars)
	SHLQ(Imm(2), acs)
	SHLQ(Imm(2), brs)
	low := GP64()
	if rows > 3 {
		LEAQ(Mem{Base: t.a, Index: ars, Scale: 2}, low)
		ADDQ(ars, low)
	}
	t.loop(func(int) {
		t.step(Mem{Base: t.b}, Mem{Base: t.b, Disp: 32}, func(i int) Mem {
			return row(t.a, low, ars, i)
		})
		ADDQ(acs, t.a)
		if rows > 3 {
			ADDQ(acs, low)
		}
		ADDQ(brs, t.b)
	}, func(int) {})
	t.store(mask)
	Label("done")
	VZEROUPPER()
	RET()
}

// row addresses row i of up to six from the addresses of rows 0 and 3.
func row(first, fourth, stride reg.Register, i int) Mem {
	base := first
	if i >= 3 {
		base = fourth
	}
	switch i % 3 {
	case 0:
		return Mem{Base: base}
	case 1:
		return Mem{Base: base, Index: stride, Scale: 1}
	}
	return Mem{Base: base, Index: stride, Scale: 2}
}

// store writes alpha times the sums, plus beta C, to the first cols columns, and
// goes to the label done.
func (t *tile) store(mask Mem) {
	alpha := YMM()
	broadcast("alpha", alpha)
	for _, s := range t.sums {
		VMULPS(alpha, s[0], s[0])
		VMULPS(alpha, s[1], s[1])
	}
	cols := GP64()
	Load(Param("cols"), cols)
	beta, zero := YMM(), XMM()
	broadcast("beta", beta)
	VXORPS(zero, zero, zero)
	VUCOMISS(zero, beta.AsX())
	JNE(LabelRef("add"))
	JP(LabelRef("add"))

	put := func(i, half int, m reg.VecVirtual) {
		if m == nil {
			VMOVUPS(t.sums[i][half], t.at(i, half))
			return
		}
		VMASKMOVPS(t.sums[i][half], m, t.at(i, half))
	}
	t.columns(cols, mask, "edge", "right", put)

	Label("add")
	t.columns(cols, mask, "addEdge", "addRight", func(i, half int, m reg.VecVirtual) {
		if m == nil {
			VFMADD231PS(t.at(i, half), beta, t.sums[i][half])
		} else {
			old := YMM()
			VMASKMOVPS(t.at(i, half), m, old)
			VFMADD231PS(old, beta, t.sums[i][half])
		}
		put(i, half, m)
	})
}

// columns puts 16 columns, or fewer: the left half masked, or the left half whole
// and the right half masked.
func (t *tile) columns(cols reg.GPVirtual, mask Mem, edge, right string, put func(i, half int, m reg.VecVirtual)) {
	CMPQ(cols, Imm(16))
	JNE(LabelRef(edge))
	for i := range t.rows {
		put(i, 0, nil)
		put(i, 1, nil)
	}
	JMP(LabelRef("done"))

	Label(edge)
	table, m := GP64(), YMM()
	LEAQ(mask.Offset(32), table)
	CMPQ(cols, Imm(8))
	JGE(LabelRef(right))
	SHLQ(Imm(2), cols)
	SUBQ(cols, table)
	VMOVUPS(Mem{Base: table}, m)
	for i := range t.rows {
		put(i, 0, m)
	}
	JMP(LabelRef("done"))

	Label(right)
	SUBQ(Imm(8), cols)
	SHLQ(Imm(2), cols)
	SUBQ(cols, table)
	VMOVUPS(Mem{Base: table}, m)
	for i := range t.rows {
		put(i, 0, nil)
		put(i, 1, m)
	}
	JMP(LabelRef("done"))
}

// broadcast loads a float parameter into all lanes.
func broadcast(name string, to reg.VecVirtual) {
	p, err := Param(name).Resolve()
	if err != nil {
		panic(err)
	}
	VBROADCASTSS(p.Addr, to)
}
