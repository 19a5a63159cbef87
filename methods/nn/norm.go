package nn

import (
	"gorgonia.org/tensor"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/ops"
)

// BatchNorm are the options of Tape.BatchNorm.
type BatchNorm struct {
	Eps      float32 // 0: 1e-5
	Momentum float32 // weight of this batch in the running statistics; 0: 0.1, negative: they stay as they are
	ReLU     bool    // follow with max(y, 0), at no cost
}

// grads borrows a gradient for each of xs that wants one, nil for the others.
func (t *Tape) grads(xs ...*Var) []*tensor.Dense {
	out := make([]*tensor.Dense, len(xs))
	for i, x := range xs {
		if t.wants(x) {
			out[i] = t.E.Borrow(x.Shape()...)
		}
	}
	return out
}

// giveGrads gives what grads has borrowed and f has filled.
func (t *Tape) giveGrads(op string, err error, grads []*tensor.Dense, xs ...*Var) {
	ok := t.try(op, err)
	for i, g := range grads {
		switch {
		case g == nil:
		case ok:
			t.give(xs[i], g)
		default:
			t.E.Release(g)
		}
	}
}

// present returns those of vs that are not nil.
func present(vs ...*Var) []*Var {
	var out []*Var
	for _, v := range vs {
		if v != nil {
			out = append(out, v)
		}
	}
	return out
}

// BatchNorm normalises each channel of x (N, C, ...) (Ioffe and Szegedy,
// arXiv:1502.03167). While the tape trains it takes the statistics of the batch
// and moves the running ones, mean and variance, towards them in place, the
// variance towards the unbiased one, as torch.nn.BatchNorm2d does. Otherwise it
// takes the running ones. w, b, and mean with variance may be nil; without
// running statistics those of the batch serve always.
func (t *Tape) BatchNorm(x, w, b, mean, variance *Var, p BatchNorm) *Var {
	const op = "batch norm"
	if !t.ready(op, append(present(w, b, mean, variance), x)...) {
		return failed()
	}
	if (mean == nil) != (variance == nil) {
		return t.Fail(fault.New(fault.Usage, "%s: one of the running statistics is missing", op))
	}
	if p.Eps == 0 {
		p.Eps = 1e-5
	}
	if p.Momentum == 0 {
		p.Momentum = 0.1
	}
	q := ops.BatchNorm{Eps: p.Eps, ReLU: p.ReLU}
	if !t.Training && mean != nil {
		q.Given = true
		return t.batchNorm(op, x, w, b, mean, variance, q)
	}
	count := ops.Size(x.Shape()) / max(1, x.Dim(1))
	if t.Training && count < 2 {
		return t.Fail(fault.New(fault.Usage, "%s: shape %v has one value a channel", op, x.Shape()))
	}
	m, v := t.save(t.E.Borrow(x.Dim(1))), t.save(t.E.Borrow(x.Dim(1)))
	y := t.batchNorm(op, x, w, b, m, v, q)
	if t.err == nil && mean != nil && t.updatesStatistics() && p.Momentum > 0 {
		t.moveTowards(op, mean, m, p.Momentum, 1)
		t.moveTowards(op, variance, v, p.Momentum, float32(count)/float32(count-1))
	}
	return y
}

// batchNorm normalises by the statistics m and v, which it computes unless
// q.Given; those it releases after the gradient.
func (t *Tape) batchNorm(op string, x, w, b, m, v *Var, q ops.BatchNorm) *Var {
	y := t.borrowed(op, x.Shape(), func(y *tensor.Dense) error {
		return t.E.BatchNorm(y, m.Value, v.Value, x.Value, valueOf(w), valueOf(b), q)
	})
	if y == nil {
		return failed()
	}
	return t.result(y, func(dy *tensor.Dense) {
		g := t.grads(x, w, b)
		err := t.E.BatchNormGrad(g[0], g[1], g[2], dy, x.Value, y, valueOf(w), m.Value, v.Value, q)
		t.giveGrads(op, err, g, x, w, b)
		if !q.Given {
			t.release(m)
			t.release(v)
		}
	}, append(present(w, b), x)...)
}

// moveTowards sets running = (1-m) running + m factor batch.
func (t *Tape) moveTowards(op string, running, batch *Var, m, factor float32) {
	if t.try(op, t.E.Scale(running.Value, running.Value, 1-m)) {
		t.try(op, t.E.Accumulate(running.Value, batch.Value, m*factor))
	}
}

// LayerNorm normalises x over its last axes, as many as w has, with scale w and
// shift b (Ba et al., arXiv:1607.06450). b may be nil; a nil w means the last
// axis and no scale.
func (t *Tape) LayerNorm(x, w, b *Var, eps float32) *Var {
	return t.layerNorm("layer norm", x, w, b, ops.LayerNorm{Eps: eps})
}

// RMSNorm divides x by its root mean square over its last axes, as many as w has,
// and scales it by w (Zhang and Sennrich, arXiv:1910.07467). A nil w means the last
// axis and no scale.
func (t *Tape) RMSNorm(x, w *Var, eps float32) *Var {
	return t.layerNorm("rms norm", x, w, nil, ops.LayerNorm{Eps: eps, RMS: true})
}

func (t *Tape) layerNorm(op string, x, w, b *Var, p ops.LayerNorm) *Var {
	if !t.ready(op, append(present(w, b), x)...) {
		return failed()
	}
	axes := 1
	if w != nil {
		axes = len(w.Shape())
	} else if b != nil {
		axes = len(b.Shape())
	}
	s := x.Shape()
	if axes == 0 || axes > len(s) {
		return t.Fail(fault.New(fault.Usage, "%s: shape %v over the last %d axes", op, s, axes))
	}
	for _, v := range present(w, b) {
		if !t.try(op, ops.WantShape(op, "a vector", v.Value, s[len(s)-axes:]...)) {
			return failed()
		}
	}
	rows := ops.Size(s[:len(s)-axes])
	return t.normalised(op, x, w, b, [3]int{rows, ops.Size(s) / max(1, rows), 1}, p)
}

// LayerNormChannels normalises x (N, C, H, W) over its channels at each position.
func (t *Tape) LayerNormChannels(x, w, b *Var, eps float32) *Var {
	const op = "layer norm over channels"
	if !t.ready(op, append(present(w, b), x)...) {
		return failed()
	}
	n, c, inner, err := ops.Channels(op, x.Value, valueOf(w), valueOf(b))
	if !t.try(op, err) {
		return failed()
	}
	return t.normalised(op, x, w, b, [3]int{n, c, inner}, ops.LayerNorm{Eps: eps})
}

// normalised is a layer norm of x seen in three axes, over the middle one.
func (t *Tape) normalised(op string, x, w, b *Var, shape [3]int, p ops.LayerNorm) *Var {
	view := func(d *tensor.Dense) *tensor.Dense {
		if d == nil {
			return nil
		}
		v, err := t.E.View(d, shape[0], shape[1], shape[2])
		t.try(op, err)
		return v
	}
	rstd := t.save(t.E.Borrow(shape[0], shape[2]))
	var mean *Var
	if !p.RMS {
		mean = t.save(t.E.Borrow(shape[0], shape[2]))
	}
	x3 := view(x.Value)
	y := t.borrowed(op, x.Shape(), func(y *tensor.Dense) error {
		return t.E.LayerNorm(view(y), valueOf(mean), rstd.Value, x3, valueOf(w), valueOf(b), p)
	})
	if y == nil {
		return failed()
	}
	return t.result(y, func(dy *tensor.Dense) {
		g := t.grads(x, w, b)
		err := t.E.LayerNormGrad(view(g[0]), g[1], g[2], view(dy), x3, valueOf(w), valueOf(mean), rstd.Value, p)
		t.giveGrads(op, err, g, x, w, b)
		t.release(rstd)
		if mean != nil {
			t.release(mean)
		}
	}, append(present(w, b), x)...)
}

// GroupNorm normalises groups of consecutive channels of each sample of x
// (N, C, ...) (Wu and He, arXiv:1803.08494). w and b (C) may be nil.
func (t *Tape) GroupNorm(x, w, b *Var, groups int, eps float32) *Var {
	return t.groupNorm("group norm", x, w, b, groups, eps)
}

// InstanceNorm normalises each channel of each sample (arXiv:1607.08022). w and b
// (C) may be nil.
func (t *Tape) InstanceNorm(x, w, b *Var, eps float32) *Var {
	if !t.ready("instance norm", x) {
		return failed()
	}
	return t.groupNorm("instance norm", x, w, b, x.Dim(1), eps)
}

func (t *Tape) groupNorm(op string, x, w, b *Var, groups int, eps float32) *Var {
	if !t.ready(op, append(present(w, b), x)...) {
		return failed()
	}
	if groups <= 0 {
		return t.Fail(fault.New(fault.Usage, "%s: shape %v in %d groups", op, x.Shape(), groups))
	}
	p := ops.GroupNorm{Groups: groups, Eps: eps}
	mean, rstd := t.save(t.E.Borrow(x.Dim(0), groups)), t.save(t.E.Borrow(x.Dim(0), groups))
	y := t.borrowed(op, x.Shape(), func(y *tensor.Dense) error {
		return t.E.GroupNorm(y, mean.Value, rstd.Value, x.Value, valueOf(w), valueOf(b), p)
	})
	if y == nil {
		return failed()
	}
	return t.result(y, func(dy *tensor.Dense) {
		g := t.grads(x, w, b)
		err := t.E.GroupNormGrad(g[0], g[1], g[2], dy, x.Value, valueOf(w), mean.Value, rstd.Value, p)
		t.giveGrads(op, err, g, x, w, b)
		t.release(mean)
		t.release(rstd)
	}, append(present(w, b), x)...)
}
