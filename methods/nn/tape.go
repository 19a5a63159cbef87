package nn

import (
	"fmt"
	"slices"

	"gorgonia.org/tensor"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/ops"
)

// Tape records operations as they are computed, so that Backward can walk them
// in reverse. Operations are its methods. The first error sticks: operations
// after it do nothing and Err returns it, so that a network reads as a formula.
// A Tape serves one goroutine.
type Tape struct {
	E        ops.Engine
	Training bool   // batch statistics, dropout
	Seed     uint64 // of this step's random draws, such as dropout masks

	nodes   []node
	running *Var   // whose back runs now
	made    []*Var // every Var since the last Reset, in order
	paused  int    // > 0: nothing is recorded
	replays int    // > 0: a checkpointed part runs again
	draws   uint64 // random draws so far in this step
	err     error
}

// node is one recorded operation: its result, and how the gradient of the result
// becomes gradients of the operands.
type node struct {
	out  *Var
	back func(dy *tensor.Dense)
}

// Var is a value in a computation: a parameter, an input or a result. A result's
// Value is released by Backward as soon as no gradient needs it, and by Reset,
// unless it was kept with Keep.
type Var struct {
	Value *tensor.Dense
	Grad  *tensor.Dense // of a leaf, from Backward until ZeroGrad; nil where none flowed

	Frozen bool // a parameter that takes no gradient

	leaf    bool // gradients stay: a parameter or an input
	wants   bool // a gradient is asked of it or of what it came from
	kept    bool
	failed  bool
	mem     *memory // what Value lies in; nil for memory that the tape does not own
	gradMem *memory // what Grad lies in

	init Initialiser // of a parameter
}

// memory is a borrowed tensor that several Vars may share.
type memory struct {
	t    *tensor.Dense
	refs int
}

// NewTape returns a tape that computes on e and is training.
func NewTape(e ops.Engine) *Tape { return &Tape{E: e, Training: true} }

// Err returns the first error since the last Reset.
func (t *Tape) Err() error { return t.err }

// Fail makes err the tape's error unless there is one. It returns the Var that
// stands for a result that could not be computed.
func (t *Tape) Fail(err error) *Var {
	if t.err == nil {
		t.err = err
	}
	return failed()
}

// Const returns a Var for a tensor in the engine's memory that wants no gradient.
func (t *Tape) Const(x *tensor.Dense) *Var { return &Var{Value: x} }

// Input returns a leaf for a tensor in the engine's memory whose gradient is wanted.
func (t *Tape) Input(x *tensor.Dense) *Var { return &Var{Value: x, leaf: true, wants: true} }

// Upload copies values from the host into a constant of the given shape.
func (t *Tape) Upload(values []float32, shape ...int) *Var {
	if t.err != nil {
		return failed()
	}
	if ops.Size(shape) != len(values) || len(values) == 0 {
		return t.Fail(fault.New(fault.Usage, "upload: %d values for shape %v", len(values), shape))
	}
	host := tensor.New(tensor.WithShape(shape...), tensor.WithBacking(values))
	x := t.E.Borrow(shape...)
	if err := t.E.Upload(x, host); err != nil {
		return t.Fail(err)
	}
	return t.own(x)
}

// Shape returns the shape of the value, nil after an error.
func (v *Var) Shape() tensor.Shape {
	if v.Value == nil {
		return nil
	}
	return v.Value.Shape()
}

// Dim returns the size of an axis, negative ones counting from the last. It is 1
// where there is no such axis, as after an error.
func (v *Var) Dim(axis int) int {
	s := v.Shape()
	if axis < 0 {
		axis += len(s)
	}
	if axis < 0 || axis >= len(s) {
		return 1
	}
	return s[axis]
}

// Host copies the value to the host, nil after an error.
func (t *Tape) Host(v *Var) []float32 {
	if t.err != nil || v.Value == nil {
		return nil
	}
	return t.hostOf(v.Value)
}

func (t *Tape) hostOf(x *tensor.Dense) []float32 {
	out := make([]float32, ops.Size(x.Shape()))
	host := tensor.New(tensor.WithShape(len(out)), tensor.WithBacking(out))
	if err := t.E.Download(host, x); err != nil {
		t.Fail(err)
		return nil
	}
	return out
}

// ready says whether an operation on these operands can run. It is the first
// thing that an operation asks; a false answer means: return failed().
func (t *Tape) ready(op string, xs ...*Var) bool {
	if t.err != nil {
		return false
	}
	for i, x := range xs {
		switch {
		case x == nil:
			t.Fail(fault.New(fault.Usage, "%s: operand %d is nil", op, i))
			return false
		case x.failed:
			t.Fail(fault.New(fault.Usage, "%s: operand %d belongs to a step that failed", op, i))
			return false
		case x.Value == nil:
			t.Fail(fault.New(fault.Usage, "%s: operand %d was released: Keep it", op, i))
			return false
		}
	}
	return true
}

// try makes err the tape's error and says whether there was none.
func (t *Tape) try(op string, err error) bool {
	if err != nil {
		if fault.CodeOf(err) == "" {
			err = fmt.Errorf("%s: %w", op, err)
		}
		t.Fail(err)
		return false
	}
	return true
}

// own wraps a borrowed tensor as a result without a gradient.
func (t *Tape) own(x *tensor.Dense) *Var {
	v := &Var{Value: x, mem: &memory{t: x, refs: 1}}
	t.made = append(t.made, v)
	return v
}

// result wraps a borrowed tensor as the result of an operation on xs. back is
// called with the gradient of the result, and passes gradients to the operands
// that want one, through give and pass; it does not keep dy. It is recorded only
// where an operand wants a gradient, so that it may assume at least one does.
func (t *Tape) result(y *tensor.Dense, back func(dy *tensor.Dense), xs ...*Var) *Var {
	v := t.own(y)
	t.record(v, back, xs...)
	return v
}

// view wraps a view of x's memory as the result of an operation on x.
func (t *Tape) view(y *tensor.Dense, x *Var, back func(dy *tensor.Dense)) *Var {
	v := &Var{Value: y, mem: x.mem.share()}
	t.made = append(t.made, v)
	t.record(v, back, x)
	return v
}

func (t *Tape) record(v *Var, back func(dy *tensor.Dense), xs ...*Var) {
	if t.Recording() && anyWants(xs) {
		v.wants = true
		t.nodes = append(t.nodes, node{v, back})
	}
}

// Recording says whether operations are recorded now.
func (t *Tape) Recording() bool { return t.paused == 0 }

func anyWants(xs []*Var) bool {
	for _, x := range xs {
		if x.wants && !x.Frozen {
			return true
		}
	}
	return false
}

// wants says whether x takes a gradient. Operations ask before they compute one.
func (t *Tape) wants(x *Var) bool { return x != nil && x.wants && !x.Frozen }

// give adds dx to x's gradient and takes dx over: the caller borrowed it and
// does not use it again.
func (t *Tape) give(x *Var, dx *tensor.Dense) { t.add(x, dx, &memory{t: dx, refs: 1}) }

// pass adds the gradient that the running back was called with to x's gradient,
// unchanged but for the shape: x has as many elements as the result.
func (t *Tape) pass(x *Var) {
	d, mem := t.running.Grad, t.running.gradMem
	if !slices.Equal(d.Shape(), x.Shape()) {
		var err error
		if d, err = t.E.View(d, x.Shape()...); !t.try("gradient", err) {
			return
		}
	}
	t.add(x, d, mem.share())
}

// add adds dx, which lies in mem, to x's gradient.
func (t *Tape) add(x *Var, dx *tensor.Dense, mem *memory) {
	switch {
	case !t.wants(x):
		mem.release(t.E)
	case x.Grad == nil:
		x.Grad, x.gradMem = dx, mem
	case x.gradMem.refs == 1:
		t.try("gradient", t.E.Accumulate(x.Grad, dx, 1))
		mem.release(t.E)
	default: // somebody else reads this memory
		sum := t.E.Borrow(x.Grad.Shape()...)
		if t.try("gradient", t.E.Add(sum, x.Grad, dx)) {
			x.gradMem.release(t.E)
			x.Grad, x.gradMem = sum, &memory{t: sum, refs: 1}
		}
		mem.release(t.E)
	}
}

func (m *memory) share() *memory {
	if m != nil {
		m.refs++
	}
	return m
}

func (m *memory) release(e ops.Engine) {
	if m == nil {
		return
	}
	if m.refs--; m.refs == 0 {
		e.Release(m.t)
	}
}

// ZeroGrad forgets the gradient.
func (t *Tape) ZeroGrad(vs ...*Var) {
	for _, v := range vs {
		v.gradMem.release(t.E)
		v.Grad, v.gradMem = nil, nil
	}
}

// Keep keeps values readable after Backward, until Reset. It returns the first.
func (t *Tape) Keep(vs ...*Var) *Var {
	for _, v := range vs {
		v.kept = true
	}
	return vs[0]
}

// failed returns the Var that stands for a result that could not be computed.
func failed() *Var { return &Var{failed: true} }
