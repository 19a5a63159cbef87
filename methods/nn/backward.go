package nn

import (
	"gorgonia.org/tensor"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/ops"
)

// Backward computes the gradient of the sum of the losses, which are scalars,
// with respect to every leaf and adds it to the leaf's Grad. It ends the
// recording: what the gradients needed is released on the way.
func (t *Tape) Backward(losses ...*Var) error {
	seeds := make([]*tensor.Dense, len(losses))
	for i, loss := range losses {
		if !t.ready("backward", loss) {
			return t.err
		}
		if ops.Size(loss.Shape()) != 1 {
			t.Fail(fault.New(fault.Usage, "backward: loss %d has shape %v, want one number", i, loss.Shape()))
			return t.err
		}
		seeds[i] = t.E.Borrow(loss.Shape()...)
		if !t.try("backward", t.E.Fill(seeds[i], 1)) {
			return t.err
		}
	}
	return t.BackwardFrom(losses, seeds)
}

// BackwardFrom is Backward from results of any shape, given the gradients that
// flow into them. It takes the gradients over: they were borrowed from the engine.
func (t *Tape) BackwardFrom(outs []*Var, dys []*tensor.Dense) error {
	if !t.ready("backward", outs...) {
		return t.err
	}
	for i, out := range outs {
		if err := ops.SameShape("backward", out.Value, dys[i]); err != nil {
			t.Fail(err)
			return err
		}
		out.kept = true
		t.give(out, dys[i])
	}
	t.walk(0)
	return t.err
}

// walk runs the recorded operations from the last down to the one at index from.
func (t *Tape) walk(from int) {
	for i := len(t.nodes) - 1; i >= from; i-- {
		n := t.nodes[i]
		t.nodes[i] = node{}
		if n.out.Grad != nil && t.err == nil {
			t.running = n.out
			n.back(n.out.Grad)
			t.running = nil
		}
		t.ZeroGrad(n.out)
		if !n.out.kept {
			t.release(n.out)
		}
	}
	t.nodes = t.nodes[:from]
}

// release gives a result's value back.
func (t *Tape) release(v *Var) {
	if v.mem == nil || v.leaf {
		return
	}
	v.mem.release(t.E)
	v.Value, v.mem = nil, nil
}

// save keeps a borrowed tensor for back, which ends with release of what save
// returned. Reset releases it where back never ran.
func (t *Tape) save(x *tensor.Dense) *Var { return t.own(x) }

// updatesStatistics says whether layers update running statistics now: while
// training, and not when a checkpointed part runs a second time.
func (t *Tape) updatesStatistics() bool { return t.Training && t.replays == 0 }

// Reset ends a step: it releases all results, kept ones too, and forgets the
// error. Parameters, their gradients and the caller's tensors stay.
func (t *Tape) Reset() {
	t.nodes = clearAll(t.nodes)
	for _, v := range t.made {
		t.ZeroGrad(v)
		t.release(v)
	}
	t.made = clearAll(t.made)
	t.draws, t.paused, t.replays, t.err = 0, 0, 0, nil
}

func clearAll[T any](s []T) []T {
	clear(s)
	return s[:0]
}

// NoGrad runs f without recording.
func (t *Tape) NoGrad(f func()) {
	t.paused++
	defer func() { t.paused-- }()
	f()
}

// Scope runs f, a part of a network such as a block. Where nothing is recorded,
// everything that f made but its result is released when f returns, so that
// inference needs the memory of a block and not of the network.
func (t *Tape) Scope(f func() *Var) *Var {
	from := len(t.made)
	y := f()
	if t.Recording() || t.err != nil {
		return y
	}
	kept := t.made[:from]
	for _, v := range t.made[from:] {
		if v == y || v.kept {
			kept = append(kept, v)
		} else {
			t.release(v)
		}
	}
	clear(t.made[len(kept):])
	t.made = kept
	return y
}

// Done says that x is not used any more. Where nothing is recorded its memory is
// given back at once.
func (t *Tape) Done(x *Var) {
	if !t.Recording() && !x.kept {
		t.release(x)
	}
}

// Detach returns x's value as a constant: no gradient flows through it.
func (t *Tape) Detach(x *Var) *Var {
	if !t.ready("detach", x) {
		return failed()
	}
	v := &Var{Value: x.Value, mem: x.mem.share()}
	t.made = append(t.made, v)
	return v
}

// ReverseGrad returns x; the gradient that flows back through it is multiplied
// by -scale (Ganin and Lempitsky, arXiv:1409.7495, equation 13).
func (t *Tape) ReverseGrad(x *Var, scale float32) *Var {
	if !t.ready("reverse gradient", x) {
		return failed()
	}
	return t.view(x.Value, x, func(dy *tensor.Dense) {
		dx := t.E.Borrow(x.Shape()...)
		if t.try("reverse gradient", t.E.Scale(dx, dy, -scale)) {
			t.give(x, dx)
		}
	})
}

// Checkpoint runs f on x and keeps nothing of it but x and the result; Backward
// runs f again to get what the gradients need (Chen et al., arXiv:1604.06174).
// f draws the same random numbers and updates no running statistics the second
// time. What f reads beside x are parameters.
func (t *Tape) Checkpoint(f func(x *Var) *Var, x *Var) *Var {
	if !t.ready("checkpoint", x) || !t.Recording() {
		return f(x)
	}
	draws := t.draws
	var y *Var
	t.NoGrad(func() { y = t.Scope(func() *Var { return f(x) }) })
	if t.err != nil {
		return y
	}
	mem := y.mem.share()
	out := &Var{Value: y.Value, mem: mem}
	t.made = append(t.made, out)
	out.wants = true // f's parameters want gradients even where x does not
	t.nodes = append(t.nodes, node{out, func(dy *tensor.Dense) { t.replay(f, x, draws) }})
	return out
}

// replay runs a checkpointed part again, recorded, and walks it back.
func (t *Tape) replay(f func(x *Var) *Var, x *Var, draws uint64) {
	running, nodes, after := t.running, t.nodes, t.draws
	t.nodes, t.draws = nil, draws
	t.replays++
	leaf := &Var{Value: x.Value, leaf: true, wants: t.wants(x)}
	y := f(leaf)
	t.replays--
	t.draws = after
	if t.err == nil && y.wants {
		t.running = running
		t.pass(y)
		t.walk(0)
	}
	t.nodes, t.running = nodes, running
	if leaf.Grad != nil {
		t.add(x, leaf.Grad, leaf.gradMem)
	}
}

// draw returns the seed of the next random draw of this step. A checkpointed part
// that runs again draws the same.
func (t *Tape) draw() uint64 {
	t.draws++
	return mix(t.Seed, t.draws)
}

// mix is a step of SplitMix64 (Steele, Lea and Flood, OOPSLA 2014) on both words.
func mix(a, b uint64) uint64 {
	z := a + b*0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}
