package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// A plane is rows of n elements, step elements apart.
const planeParams = "rows, n, step int"

// eachRow emits body for each row and moves the pointers on.
func eachRow(p []reg.GPVirtual, unroll int, body func(v io)) {
	rows, n, step := GP64(), GP64(), GP64()
	Load(Param("rows"), rows)
	Load(Param("n"), n)
	Load(Param("step"), step)
	loop := label("row")
	Label(loop)
	each(n, unroll, body)
	for _, r := range p {
		LEAQ(Mem{Base: r, Index: step, Scale: 4}, r)
	}
	DECQ(rows)
	JNZ(LabelRef(loop))
}

func planes() {
	begin("planeSumAVX2", "x *float32, "+planeParams+") (sum float32)", "planeSumAVX2 returns the sum of a plane of rows >= 1.")
	p := pointers("x")
	acc := zeros(4)
	eachRow(p, 2, func(v io) { VADDPS(v.load(p[0]), acc[v.turn], acc[v.turn]) })
	give(fold(acc, VADDPS), "sum")
	end()

	begin("planeSquaresAVX2", "x *float32, "+planeParams+", shift float32) (sum float32)", "planeSquaresAVX2 returns the sum of (x - shift)^2.")
	p = pointers("x")
	shift := spread("shift")
	acc = zeros(4)
	eachRow(p, 2, func(v io) {
		d := v.load(p[0])
		VSUBPS(shift, d, d)
		v.keep(d)
		VFMADD231PS(d, d, acc[v.turn])
	})
	give(fold(acc, VADDPS), "sum")
	end()

	for _, relu := range []bool{false, true} {
		planeNormalise(relu)
		planeGradSums(relu)
		planeNormaliseGrad(relu)
	}
}

func suffix(relu bool) string {
	if relu {
		return "ReLUAVX2"
	}
	return "AVX2"
}

func planeNormalise(relu bool) {
	name := "planeNormalise" + suffix(relu)
	begin(name, "y, x *float32, "+planeParams+", mean, scale, shift float32)", name+" sets y = (x - mean) scale + shift.")
	p := pointers("y", "x")
	mean, scale, shift, zero := spread("mean"), spread("scale"), spread("shift"), zeros(1)[0]
	eachRow(p, 2, func(v io) {
		d := v.load(p[1])
		VSUBPS(mean, d, d)
		VFMADD213PS(shift, scale, d)
		if relu {
			VMAXPS(d, zero, d)
		}
		v.store(d, p[0])
	})
	end()
}

// gradient loads dy, with relu 0 where y is not above 0.
func planeGradient(v io, dy, y reg.GPVirtual, zero reg.VecVirtual) reg.VecVirtual {
	d := v.load(dy)
	if y != nil {
		m := v.load(y)
		VCMPPS(Imm(notLessEqual), zero, m, m)
		VANDPS(m, d, d)
	}
	return d
}

func planeGradSums(relu bool) {
	name := "planeGradSums" + suffix(relu)
	names, params := []string{"x", "dy"}, "x, dy *float32, "
	if relu {
		names, params = []string{"x", "dy", "y"}, "x, dy, y *float32, "
	}
	begin(name, params+planeParams+", mean float32) (s0, s1 float32)", name+" returns the sums of dy and of dy (x - mean).")
	p := pointers(names...)
	var y reg.GPVirtual
	if relu {
		y = p[2]
	}
	mean, zero := spread("mean"), zeros(1)[0]
	s0, s1 := zeros(4), zeros(4)
	eachRow(p, 2, func(v io) {
		x := v.load(p[0])
		VSUBPS(mean, x, x)
		d := planeGradient(v, p[1], y, zero)
		VADDPS(d, s0[v.turn], s0[v.turn])
		VFMADD231PS(d, x, s1[v.turn])
	})
	give(fold(s0, VADDPS), "s0")
	give(fold(s1, VADDPS), "s1")
	end()
}

func planeNormaliseGrad(relu bool) {
	name := "planeNormaliseGrad" + suffix(relu)
	names, params := []string{"dx", "dy", "x"}, "dx, dy, x *float32, "
	if relu {
		names, params = []string{"dx", "dy", "x", "y"}, "dx, dy, x, y *float32, "
	}
	begin(name, params+planeParams+", mean, k, k1, k0 float32)", name+" sets dx = k dy + k1 (x - mean) + k0.")
	p := pointers(names...)
	var y reg.GPVirtual
	if relu {
		y = p[3]
	}
	mean, k, k1, k0, zero := spread("mean"), spread("k"), spread("k1"), spread("k0"), zeros(1)[0]
	eachRow(p, 2, func(v io) {
		x := v.load(p[2])
		VSUBPS(mean, x, x)
		VFMADD213PS(k0, k1, x)
		VFMADD231PS(planeGradient(v, p[1], y, zero), k, x)
		v.store(x, p[0])
	})
	end()
}
