// Command elementwise writes vec_amd64.s, the AVX2 and FMA form of the loops over
// elements and rows. Run it with go generate in kernels/cpu.
//
// A kernel takes any n: whole vectors first, then what is left under a mask, so
// that an element's result does not depend on its place.
package main

import (
	"fmt"
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

const lanes = 8

func main() {
	ConstraintExpr("amd64")
	maskTable()
	binaries()
	unaries()
	reductions()
	softmaxes()
	layerNorms()
	planes()
	Generate()
}

var masks Mem

// maskTable is eight words of ones and eight of zeros: the mask of k lanes
// begins 8-k words before the zeros.
func maskTable() {
	masks = GLOBL("vecMasks", RODATA|NOPTR)
	for i := range 2 * lanes {
		v := uint32(0)
		if i < lanes {
			v = math.MaxUint32
		}
		DATA(4*i, U32(v))
	}
}

var constants = map[uint32]Mem{}

// word returns memory that holds eight copies of a 32-bit word.
func word(v uint32) Mem {
	m, ok := constants[v]
	if !ok {
		m = GLOBL(fmt.Sprintf("vec%08x", v), RODATA|NOPTR)
		for i := range lanes {
			DATA(4*i, U32(v))
		}
		constants[v] = m
	}
	return m
}

// f returns memory that holds eight copies of a number.
func f(v float64) Mem { return word(math.Float32bits(float32(v))) }

// hold loads a constant into a register.
func hold(m Mem) reg.VecVirtual {
	y := YMM()
	VMOVUPS(m, y)
	return y
}

// spread loads a float32 parameter into all lanes, without the legacy instruction
// that Load would use: beside AVX it costs more than the whole kernel.
func spread(name string) reg.VecVirtual {
	p, err := Param(name).Resolve()
	if err != nil {
		panic(err)
	}
	y := YMM()
	VBROADCASTSS(p.Addr, y)
	return y
}

// give returns lane 0 as the named result.
func give(y reg.VecVirtual, name string) {
	p, err := Return(name).Resolve()
	if err != nil {
		panic(err)
	}
	VMOVSS(y.AsX(), p.Addr)
}

func pointers(names ...string) []reg.GPVirtual {
	out := make([]reg.GPVirtual, len(names))
	for i, n := range names {
		out[i] = GP64()
		Load(Param(n), out[i])
	}
	return out
}

// io addresses one vector of the step that a loop's body does: loads and stores go
// through it.
type io struct {
	at   reg.GPVirtual
	disp int
	mask reg.VecVirtual // nil: whole
	turn int            // which of the unrolled vectors
}

func (v io) mem(p reg.GPVirtual) Mem { return Mem{Base: p, Index: v.at, Scale: 1, Disp: v.disp} }

// load returns the vector at p, 0 where masked out.
func (v io) load(p reg.GPVirtual) reg.VecVirtual {
	y := YMM()
	if v.mask != nil {
		VMASKMOVPS(v.mem(p), v.mask, y)
	} else {
		VMOVUPS(v.mem(p), y)
	}
	return y
}

// loadAll returns the vectors of a group at p.
func loadAll(vs []io, p reg.GPVirtual) group {
	out := make(group, len(vs))
	for i, v := range vs {
		out[i] = v.load(p)
	}
	return out
}

func storeAll(vs []io, y group, p reg.GPVirtual) {
	for i, v := range vs {
		v.store(y[i], p)
	}
}

func (v io) store(y reg.VecVirtual, p reg.GPVirtual) {
	if v.mask != nil {
		VMASKMOVPS(y, v.mask, v.mem(p))
	} else {
		VMOVUPS(y, v.mem(p))
	}
}

// keep zeroes the lanes that do not count.
func (v io) keep(y reg.VecVirtual) {
	if v.mask != nil {
		VANDPS(v.mask, y, y)
	}
}

var labels int

func label(what string) string {
	labels++
	return fmt.Sprintf("%s%d", what, labels)
}

// each emits a loop over n elements at the same places of several vectors; n is
// not changed. unroll vectors are done in a step, then
// one at a time, then the masked rest.
func each(n reg.Register, unroll int, body func(v io)) {
	at, left := GP64(), GP64()
	XORQ(at, at)
	MOVQ(n, left)
	if unroll > 1 {
		eachBlock(at, left, unroll, body)
	}
	eachBlock(at, left, 1, body)
	rest(at, left, body)
}

// rest emits what is left, fewer than eight elements, under a mask.
func rest(at, left reg.GPVirtual, body func(v io)) {
	done := label("done")
	TESTQ(left, left)
	JZ(LabelRef(done))
	table, mask := GP64(), YMM()
	LEAQ(masks.Offset(4*lanes), table)
	NEGQ(left)
	VMOVUPS(Mem{Base: table, Index: left, Scale: 4}, mask)
	body(io{at: at, mask: mask})
	Label(done)
}

// eachGroup is each for bodies that do several vectors in step.
func eachGroup(n reg.Register, size int, body func(vs []io)) {
	at, left := GP64(), GP64()
	XORQ(at, at)
	MOVQ(n, left)
	if size > 1 {
		groupBlock(at, left, size, body)
	}
	groupBlock(at, left, 1, body)
	rest(at, left, func(v io) { body([]io{v}) })
}

func eachBlock(at, left reg.GPVirtual, unroll int, body func(v io)) {
	groupBlock(at, left, unroll, func(vs []io) {
		for _, v := range vs {
			body(v)
		}
	})
}

func groupBlock(at, left reg.GPVirtual, unroll int, body func(vs []io)) {
	loop, end := label("loop"), label("end")
	Label(loop)
	CMPQ(left, Imm(uint64(unroll*lanes)))
	JLT(LabelRef(end))
	vs := make([]io, unroll)
	for i := range vs {
		vs[i] = io{at: at, disp: 4 * lanes * i, turn: i}
	}
	body(vs)
	ADDQ(Imm(uint64(4*lanes*unroll)), at)
	SUBQ(Imm(uint64(unroll*lanes)), left)
	JMP(LabelRef(loop))
	Label(end)
}

// zeros returns cleared registers.
func zeros(n int) []reg.VecVirtual {
	out := make([]reg.VecVirtual, n)
	for i := range out {
		out[i] = YMM()
		VXORPS(out[i], out[i], out[i])
	}
	return out
}

// fold adds the registers up pairwise and then the lanes, into lane 0 of the result.
func fold(acc []reg.VecVirtual, op func(...Op)) reg.VecVirtual {
	for len(acc) > 1 {
		half := len(acc) / 2
		for i := range half {
			op(acc[i+half], acc[i], acc[i])
		}
		acc = acc[:half]
	}
	y := acc[0]
	high := XMM()
	VEXTRACTF128(Imm(1), y, high)
	op(high, y.AsX(), y.AsX())
	VMOVHLPS(y.AsX(), y.AsX(), high)
	op(high, y.AsX(), y.AsX())
	VMOVSHDUP(y.AsX(), high)
	op(high, y.AsX(), y.AsX())
	return y
}

func begin(name, signature string, doc ...string) {
	TEXT(name, NOSPLIT, "func("+signature)
	Pragma("noescape")
	Doc(doc...)
}

func end() {
	VZEROUPPER()
	RET()
}
