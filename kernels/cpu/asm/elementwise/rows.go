package main

import (
	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/reg"
)

func softmaxes() {
	begin("softmaxAVX2", "y, x *float32, n int)", "softmaxAVX2 is the softmax of one row of n >= 1 values.")
	p := pointers("y", "x", "n")
	y, x, n := p[0], p[1], p[2]
	top := rowMax(x, n)
	e := newExpBelow1()
	sum := zeros(1)
	eachGroup(n, 2, func(vs []io) {
		d := e.exp(loadAll(vs, x).to(VSUBPS, top))
		addAll(vs, d, sum[0])
		storeAll(vs, d, y)
	})
	scale := hold(f(1))
	total := fold(sum, VADDPS)
	VDIVSS(total.AsX(), scale.AsX(), scale.AsX())
	VBROADCASTSS(scale.AsX(), scale)
	each(n, 4, func(v io) {
		d := v.load(y)
		VMULPS(scale, d, d)
		v.store(d, y)
	})
	end()

	begin("sumExpAVX2", "x *float32, top float32, n int) (sum float32)", "sumExpAVX2 returns the sum of exp(x - top).")
	p = pointers("x", "n")
	top = spread("top")
	e = newExpBelow1()
	sum = zeros(1)
	eachGroup(p[1], 2, func(vs []io) { addAll(vs, e.exp(loadAll(vs, p[0]).to(VSUBPS, top)), sum[0]) })
	give(fold(sum, VADDPS), "sum")
	end()

	begin("softmaxGradAVX2", "dx, dy, y *float32, n int)", "softmaxGradAVX2 sets dx = y (dy - sum dy y) of one row.")
	p = pointers("dx", "dy", "y", "n")
	acc := zeros(4)
	each(p[3], 4, func(v io) { VFMADD231PS(v.load(p[1]), v.load(p[2]), acc[v.turn]) })
	s := fold(acc, VADDPS)
	VBROADCASTSS(s.AsX(), s)
	each(p[3], 4, func(v io) {
		d := v.load(p[1])
		VSUBPS(s, d, d)
		VMULPS(v.load(p[2]), d, d)
		v.store(d, p[0])
	})
	end()
}

// addAll adds the lanes that count to sum.
func addAll(vs []io, d group, sum reg.VecVirtual) {
	for i, v := range vs {
		v.keep(d[i])
		VADDPS(d[i], sum, sum)
	}
}

// rowMax returns the largest value in all lanes.
func rowMax(x, n reg.GPVirtual) reg.VecVirtual {
	least := hold(f(negInf))
	acc := []reg.VecVirtual{hold(f(negInf)), hold(f(negInf)), hold(f(negInf)), hold(f(negInf))}
	each(n, 4, func(v io) {
		d := v.load(x)
		if v.mask != nil {
			VBLENDVPS(v.mask, d, least, d)
		}
		VMAXPS(d, acc[v.turn], acc[v.turn])
	})
	top := fold(acc, VMAXPS)
	VBROADCASTSS(top.AsX(), top)
	return top
}

func layerNorms() {
	for _, rms := range []bool{false, true} {
		layerNorm(rms)
	}
	layerNormGrad()
}

func layerNorm(rms bool) {
	name := "layerNormAVX2"
	if rms {
		name = "rmsNormAVX2"
	}
	begin(name, "y, x, w, b *float32, n int, inverse, eps float32) (mean, rstd float32)",
		name+" normalises one row; inverse is 1/n.")
	p := pointers("y", "x", "w", "b", "n")
	y, x, w, b, n := p[0], p[1], p[2], p[3], p[4]
	inverse, eps := spread("inverse"), spread("eps")
	mean := zeros(1)[0]
	if !rms {
		acc := zeros(4)
		each(n, 4, func(v io) { VADDPS(v.load(x), acc[v.turn], acc[v.turn]) })
		mean = fold(acc, VADDPS)
		VMULSS(inverse.AsX(), mean.AsX(), mean.AsX())
		VBROADCASTSS(mean.AsX(), mean)
	}
	acc := zeros(4)
	each(n, 4, func(v io) {
		d := v.load(x)
		VSUBPS(mean, d, d)
		v.keep(d)
		VFMADD231PS(d, d, acc[v.turn])
	})
	r := fold(acc, VADDPS)
	VMULSS(inverse.AsX(), r.AsX(), r.AsX())
	VADDSS(eps.AsX(), r.AsX(), r.AsX())
	VSQRTSS(r.AsX(), r.AsX(), r.AsX())
	one := hold(f(1))
	VDIVSS(r.AsX(), one.AsX(), r.AsX())
	VBROADCASTSS(r.AsX(), r)
	each(n, 4, func(v io) {
		d := v.load(x)
		VSUBPS(mean, d, d)
		VMULPS(r, d, d)
		VFMADD213PS(v.load(b), v.load(w), d)
		v.store(d, y)
	})
	give(mean, "mean")
	give(r, "rstd")
	end()
}

func layerNormGrad() {
	begin("layerNormGradAVX2", "dx, dw, db, dy, x, w *float32, n int, mean, rstd, inverse0, inverse1 float32)",
		"layerNormGradAVX2 sets dx and adds to dw and db, of one row. inverse1 is 1/n, inverse0 too or 0 for RMS.")
	p := pointers("dx", "dw", "db", "dy", "x", "w", "n")
	dx, dw, db, dy, x, w, n := p[0], p[1], p[2], p[3], p[4], p[5], p[6]
	mean, rstd := spread("mean"), spread("rstd")
	s0, s1 := zeros(2), zeros(2)
	each(n, 2, func(v io) {
		h, d, g := v.load(x), v.load(dy), YMM()
		VSUBPS(mean, h, h)
		VMULPS(rstd, h, h)
		VMULPS(v.load(w), d, g)
		VADDPS(g, s0[v.turn], s0[v.turn])
		VFMADD231PS(g, h, s1[v.turn])
		sum := v.load(db)
		VADDPS(d, sum, sum)
		v.store(sum, db)
		sum = v.load(dw)
		VFMADD231PS(d, h, sum)
		v.store(sum, dw)
	})
	a, b := fold(s0, VADDPS), fold(s1, VADDPS)
	i0, i1 := spread("inverse0"), spread("inverse1")
	VBROADCASTSS(a.AsX(), a)
	VBROADCASTSS(b.AsX(), b)
	VMULPS(i0, a, a)
	VMULPS(i1, b, b)
	each(n, 2, func(v io) {
		h, g := v.load(x), v.load(dy)
		VSUBPS(mean, h, h)
		VMULPS(rstd, h, h)
		VMULPS(v.load(w), g, g)
		VSUBPS(a, g, g)
		VFNMADD231PS(b, h, g)
		VMULPS(rstd, g, g)
		v.store(g, dx)
	})
	end()
}
