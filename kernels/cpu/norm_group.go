package cpu

import (
	"math"

	"gorgonia.org/tensor"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/ops"
)

// groupNormTask does one group of channels of one image at a time.
type groupNormTask struct {
	y, x, dy, dx, w, b, mean, rstd []float32
	sums                           []float32 // of dw, then of db, (N, C) each
	n, c, inner, groups            int
	p                              ops.GroupNorm
	back                           bool
	parts                          int
}

func (t *groupNormTask) part(i int, _ *scratch) {
	from, to := split(t.n*t.groups, t.parts, i)
	for u := from; u < to; u++ {
		if t.back {
			t.backward(u)
		} else {
			t.forward(u)
		}
	}
}

// channel returns channel j of group u as a plane.
func (t *groupNormTask) channel(v []float32, u, j int) plane {
	if v == nil {
		return plane{}
	}
	at := (u*(t.c/t.groups) + j) * t.inner
	return plane{v[at : at+t.inner], 1, t.inner, t.inner}
}

// scale returns the weight of channel j of group u.
func (t *groupNormTask) scale(u, j int) float64 {
	if t.w == nil {
		return 1
	}
	return float64(t.w[u%t.groups*(t.c/t.groups)+j])
}

func (t *groupNormTask) forward(u int) {
	per := t.c / t.groups
	all := plane{t.x[u*per*t.inner:], per, t.inner, t.inner}
	mean, variance := all.moments()
	rstd := 1 / math.Sqrt(variance+float64(t.p.Eps))
	t.mean[u], t.rstd[u] = float32(mean), float32(rstd)
	for j := range per {
		shift := float32(0)
		if t.b != nil {
			shift = t.b[u%t.groups*per+j]
		}
		t.channel(t.y, u, j).normalise(t.channel(t.x, u, j), t.mean[u], float32(rstd*t.scale(u, j)), shift, false)
	}
}

// backward is batchNormTask's with a weight that differs within the group.
func (t *groupNormTask) backward(u int) {
	per := t.c / t.groups
	rstd := float64(t.rstd[u])
	g0, g1 := 0.0, 0.0
	for j := range per {
		s0, s1 := t.channel(t.x, u, j).gradientSums(t.channel(t.dy, u, j), plane{}, t.mean[u])
		at := u*per + j
		t.sums[at], t.sums[t.n*t.c+at] = float32(s1*rstd), float32(s0)
		g0 += t.scale(u, j) * s0
		g1 += t.scale(u, j) * s1
	}
	if t.dx == nil {
		return
	}
	n := float64(per * t.inner)
	k1, k0 := float32(-rstd*rstd*rstd*g1/n), float32(-rstd*g0/n)
	for j := range per {
		k := float32(rstd * t.scale(u, j))
		t.channel(t.dx, u, j).normaliseGrad(t.channel(t.dy, u, j), t.channel(t.x, u, j), plane{}, t.mean[u], k, k1, k0)
	}
}

func checkGroupNorm(op string, x, mean, rstd *tensor.Dense, p ops.GroupNorm, vectors ...*tensor.Dense) (n, c, inner int, err error) {
	if err := wantFloats(op, x, mean, rstd); err != nil {
		return 0, 0, 0, err
	}
	if err := wantSome(op, vectors...); err != nil {
		return 0, 0, 0, err
	}
	n, c, inner, err = ops.Channels(op, x, vectors...)
	if err != nil {
		return 0, 0, 0, err
	}
	if p.Groups <= 0 || c%p.Groups != 0 {
		return 0, 0, 0, fault.New(fault.Usage, "%s: shape %v has no %d groups of channels", op, x.Shape(), p.Groups)
	}
	for _, v := range [2]*tensor.Dense{mean, rstd} {
		if len(v.Float32s()) != n*p.Groups {
			return 0, 0, 0, fault.New(fault.Usage, "%s: statistics of shape %v, x %v in %d groups", op, v.Shape(), x.Shape(), p.Groups)
		}
	}
	return n, c, inner, nil
}

// GroupNorm implements ops.Normaliser.
func (e *Engine) GroupNorm(y, mean, rstd, x, w, b *tensor.Dense, p ops.GroupNorm) error {
	const op = "group norm"
	n, c, inner, err := checkGroupNorm(op, x, mean, rstd, p, w, b)
	if err != nil {
		return err
	}
	if err := wantFloats(op, y); err != nil {
		return err
	}
	if err := ops.SameShape(op, x, y); err != nil {
		return err
	}
	e.groupNormTask = groupNormTask{y: y.Float32s(), x: x.Float32s(), w: optional(w), b: optional(b),
		mean: mean.Float32s(), rstd: rstd.Float32s(), n: n, c: c, inner: inner, groups: p.Groups, p: p}
	t := &e.groupNormTask
	t.parts = partsOf(n*p.Groups, 3*c/p.Groups*inner)
	e.run(t.parts, t)
	return nil
}

// GroupNormGrad implements ops.Normaliser.
func (e *Engine) GroupNormGrad(dx, dw, db, dy, x, w, mean, rstd *tensor.Dense, p ops.GroupNorm) error {
	const op = "group norm gradient"
	n, c, inner, err := checkGroupNorm(op, x, mean, rstd, p, w, dw, db)
	if err != nil {
		return err
	}
	if err := wantFloats(op, dy); err != nil {
		return err
	}
	for _, t := range [2]*tensor.Dense{dy, dx} {
		if t != nil {
			if err := ops.SameShape(op, x, t); err != nil {
				return err
			}
		}
	}
	e.groupNormTask = groupNormTask{dy: dy.Float32s(), x: x.Float32s(), dx: optional(dx), w: optional(w),
		mean: mean.Float32s(), rstd: rstd.Float32s(), n: n, c: c, inner: inner, groups: p.Groups, p: p, back: true}
	t := &e.groupNormTask
	t.sums = e.normMemory(2 * n * c)
	t.parts = partsOf(n*p.Groups, 5*c/p.Groups*inner)
	e.run(t.parts, t)
	for half, d := range [2][]float32{optional(dw), optional(db)} {
		if d != nil {
			e.reduceAxis(d, t.sums[half*n*c:(half+1)*n*c], 1, n, c, ops.ReduceSum)
		}
	}
	return nil
}
