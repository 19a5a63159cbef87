// Command winograd writes the AVX2 and FMA form of the transforms of Winograd's
// convolution. Run it with go generate in kernels/cpu; winograd.go there says what
// the matrices are.
//
// Each kernel transforms n small blocks of vectors of 8 lanes on both sides,
// T X T^T: the columns of a block into the stack frame, then the rows of that.
package main

import (
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// The interpolation points are 0, +-a, +-b and infinity.
const (
	a = 0.75
	b = 1.5
)

func main() {
	ConstraintExpr("amd64")
	kernel("winogradInputAVX2", 6, 6, input, false, "B^T d B of 6 x 6 values")
	kernel("winogradOutputAVX2", 6, 4, output, true, "A^T m A of 6 x 6 products, plus edge[0:8], at least edge[8:16]")
	kernel("winogradFilterAVX2", 3, 6, filter, false, "G g G^T of 3 x 3 filters")
	kernel("winogradGradAVX2", 4, 6, grad, false, "A dy A^T of 4 x 4 gradients")
	kernel("winogradFilterGradAVX2", 6, 3, filterGrad, false, "G^T u G of 6 x 6 sums")
	Generate()
}

// transform computes one column: it reads the operands in x and hands results to out.
type transform func(x func(i int) Op, out func(i int, v reg.VecVirtual))

func kernel(name string, in, out int, f transform, edge bool, what string) {
	signature := "func(dst *float32, dstRow, dstCol, dstNext int, src *float32, srcRow, srcCol, srcNext, n int)"
	if edge {
		signature = "func(dst *float32, dstRow, dstCol, dstNext int, src *float32, srcRow, srcCol, srcNext, n int, edge *float32)"
	}
	TEXT(name, 0, signature) // the frame is too large for NOSPLIT
	Pragma("noescape")
	Doc(name+" writes "+what+", for n blocks.", "Strides of rows, columns and blocks are in bytes.")
	dst, src, n := Load(Param("dst"), GP64()), Load(Param("src"), GP64()), Load(Param("n"), GP64())
	dstRow, dstCol := Load(Param("dstRow"), GP64()), Load(Param("dstCol"), GP64())
	srcRow, srcCol := Load(Param("srcRow"), GP64()), Load(Param("srcCol"), GP64())
	frame := AllocLocal(32 * in * out) // in columns of out values

	Label("block")
	TESTQ(n, n)
	JZ(LabelRef("done"))
	p := GP64()
	MOVQ(src, p)
	for col := range in {
		at := walk(p, srcRow, in)
		f(func(i int) Op { return at[i] }, func(i int, v reg.VecVirtual) {
			VMOVUPS(v, frame.Offset(32*(i*in+col)))
		})
		if col < in-1 {
			ADDQ(srcCol, p)
		}
	}
	q := GP64()
	MOVQ(dst, q)
	for row := range out {
		at := walk(q, dstCol, out)
		f(func(i int) Op { return frame.Offset(32 * (row*in + i)) }, func(i int, v reg.VecVirtual) {
			if edge {
				e := GP64()
				Load(Param("edge"), e)
				VADDPS(Mem{Base: e}, v, v)
				floor := YMM()
				VMOVUPS(Mem{Base: e, Disp: 32}, floor)
				VMAXPS(v, floor, v) // a NaN in v stays: the last operand is returned
			}
			VMOVUPS(v, at[i])
		})
		if row < out-1 {
			ADDQ(dstRow, q)
		}
	}
	next := GP64()
	Load(Param("srcNext"), next)
	ADDQ(next, src)
	Load(Param("dstNext"), next)
	ADDQ(next, dst)
	DECQ(n)
	JMP(LabelRef("block"))
	Label("done")
	VZEROUPPER()
	RET()
}

// walk returns the addresses p, p+stride, ... of n vectors.
func walk(p, stride reg.Register, n int) []Mem {
	at := []Mem{{Base: p}, {Base: p, Index: stride, Scale: 1}, {Base: p, Index: stride, Scale: 2}}
	if n > 3 {
		third := GP64()
		LEAQ(Mem{Base: p, Index: stride, Scale: 2}, third)
		ADDQ(stride, third)
		at = append(at, Mem{Base: third}, Mem{Base: third, Index: stride, Scale: 1}, Mem{Base: third, Index: stride, Scale: 2})
	}
	return at[:n]
}

var constants = map[float32]Mem{}

// constant returns memory with eight times v.
func constant(v float64) Mem {
	f := float32(v)
	if m, ok := constants[f]; ok {
		return m
	}
	m := GLOBL("constant"+hex(math.Float32bits(f)), RODATA|NOPTR)
	for i := range 8 {
		DATA(4*i, F32(f))
	}
	constants[f] = m
	return m
}

func hex(u uint32) string {
	s := ""
	for range 8 {
		s = string("0123456789abcdef"[u&15]) + s
		u >>= 4
	}
	return s
}

func load(m Op) reg.VecVirtual {
	v := YMM()
	VMOVUPS(m, v)
	return v
}

func clone(v reg.VecVirtual) reg.VecVirtual {
	c := YMM()
	VMOVAPS(v, c)
	return c
}

// madd adds c*x to sum.
func madd(sum, x reg.VecVirtual, c float64) reg.VecVirtual {
	if c < 0 {
		VFNMADD231PS(constant(-c), x, sum)
	} else {
		VFMADD231PS(constant(c), x, sum)
	}
	return sum
}

// pair hands e + c*o to out(i) and e - c*o to out(i+1).
func pair(out func(int, reg.VecVirtual), i int, e, o reg.VecVirtual, c float64) {
	minus := clone(e)
	out(i, madd(e, o, c))
	out(i+1, madd(minus, o, -c))
}

func input(x func(int) Op, out func(int, reg.VecVirtual)) {
	const s, p = a*a + b*b, a * a * b * b
	d1, d2, d3, d4 := load(x(1)), load(x(2)), load(x(3)), load(x(4))
	out(0, madd(madd(clone(d4), d2, -s), load(x(0)), p))
	out(5, madd(madd(load(x(5)), d3, -s), d1, p))
	e, o := clone(d4), clone(d3)
	pair(out, 1, madd(e, d2, -b*b), madd(o, d1, -b*b), a)
	pair(out, 3, madd(d4, d2, -a*a), madd(d3, d1, -a*a), b)
}

// sums returns x+y and x-y.
func sums(x, y Op) (plus, minus reg.VecVirtual) {
	minus = load(x)
	plus = YMM()
	t := load(y)
	VADDPS(t, minus, plus)
	VSUBPS(t, minus, minus)
	return plus, minus
}

func times(v reg.VecVirtual, c float64) reg.VecVirtual {
	p := YMM()
	VMULPS(constant(c), v, p)
	return p
}

func output(x func(int) Op, out func(int, reg.VecVirtual)) {
	sa, da := sums(x(1), x(2))
	sb, db := sums(x(3), x(4))
	first := load(x(0))
	VADDPS(sa, first, first)
	VADDPS(sb, first, first)
	out(0, first)
	out(1, madd(times(da, a), db, b))
	out(2, madd(times(sa, a*a), sb, b*b))
	out(3, madd(madd(load(x(5)), da, a*a*a), db, b*b*b))
}

const (
	na = 2 * a * a * (a*a - b*b)
	nb = 2 * b * b * (b*b - a*a)
	n0 = a * a * b * b
)

func filter(x func(int) Op, out func(int, reg.VecVirtual)) {
	g0, g1, g2 := load(x(0)), load(x(1)), load(x(2))
	out(5, g2)
	out(0, times(g0, 1/n0))
	pair(out, 1, madd(times(g0, 1/na), g2, a*a/na), g1, a/na)
	pair(out, 3, madd(times(g0, 1/nb), g2, b*b/nb), g1, b/nb)
}

func grad(x func(int) Op, out func(int, reg.VecVirtual)) {
	d0, d1, d2, d3 := load(x(0)), load(x(1)), load(x(2)), load(x(3))
	out(0, d0)
	out(5, d3)
	e, o := clone(d0), clone(d1)
	pair(out, 1, madd(e, d2, a*a), madd(o, d3, a*a), a)
	pair(out, 3, madd(d0, d2, b*b), madd(d1, d3, b*b), b)
}

func filterGrad(x func(int) Op, out func(int, reg.VecVirtual)) {
	sa, da := sums(x(1), x(2))
	sb, db := sums(x(3), x(4))
	out(0, madd(madd(times(load(x(0)), 1/n0), sa, 1/na), sb, 1/nb))
	out(1, madd(times(da, a/na), db, b/nb))
	out(2, madd(madd(load(x(5)), sa, a*a/na), sb, b*b/nb))
}
