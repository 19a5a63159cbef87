package nn

import (
	"gorgonia.org/tensor"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/ops"
)

// Optimiser changes the parameters of its groups by their gradients.
//
//	opt, err := nn.NewOptimiser(e, nn.SGD{Momentum: 0.9}, nn.Group{Params: nn.Params(net), LR: 0.1, Decay: 5e-4})
//	...
//	opt.SetLR(schedule.At(epoch))
//	err = opt.Step()
//	opt.ZeroGrad(t)
//
// State is made at a parameter's first step. A parameter that is frozen or has no
// gradient is left alone, and its count of steps stands still.
type Optimiser struct {
	Groups []Group

	// MaxNorm > 0 scales the gradients down to this norm over all of them, as
	// ClipGradNorm does, but within the step: the gradients stay as they are.
	// A gradient that is not finite then makes Step a NotFinite error.
	MaxNorm float64
	Norm    float64 // of the gradients of the last step, where it was needed

	e     ops.Engine
	rule  Rule
	state map[*Var]*paramState
	now   slot          // the parameter that steps now
	sums  *tensor.Dense // receives norms and inner products
	host  []float32     // and their copy
}

// Group is a set of parameters that share a learning rate.
type Group struct {
	Params []Entry
	LR     float64 // learning rate of the next step
	Scale  float64 // what SetLR multiplies by; 0 means 1
	Decay  float64 // weight decay
	Rule   Rule    // nil: the optimiser's
}

// Rule is an algorithm with its options: SGD, Adam, AdamW, NAdam, RAdam, Adamax,
// AdamP, Adan, Adagrad, RMSprop, RMSpropTF, Lion, LARS, LAMB, or Lookahead around one.
type Rule interface {
	// slots lists the state that a parameter has beside its count of steps.
	slots() []slotSpec
	// step changes one parameter.
	step(s *slot) error
}

// clipper is a Rule that scales gradients by their norm over all parameters.
type clipper interface{ maxNorm() float64 }

// slotSpec is one state tensor: its name, its first value, and whether it is one
// number instead of one an element.
type slotSpec struct {
	name   string
	value  float32
	scalar bool
}

// paramState is the state of one parameter.
type paramState struct {
	steps   *Var // count, int64
	specs   []slotSpec
	tensors []*tensor.Dense
}

// slot is one parameter at one step.
type slot struct {
	o         *Optimiser
	e         ops.Engine
	p, g      *tensor.Dense
	lr, decay float64
	scale     float64         // of the gradient
	n         int64           // number of this step, from 1
	state     []*tensor.Dense // in the order of the rule's slots
}

// NewOptimiser returns an optimiser. A parameter in two groups, or two of one
// name, is a fault.Usage.
func NewOptimiser(e ops.Engine, rule Rule, groups ...Group) (*Optimiser, error) {
	o := &Optimiser{Groups: groups, e: e, rule: rule, state: map[*Var]*paramState{}}
	vars, names := map[*Var]string{}, map[string]bool{}
	for _, g := range groups {
		for _, p := range g.Params {
			if other, ok := vars[p.Var]; ok {
				return nil, fault.New(fault.Usage, "optimiser: parameter %s comes twice, also as %s", p.Name, other)
			}
			if names[p.Name] {
				return nil, fault.New(fault.Usage, "optimiser: two parameters named %s", p.Name)
			}
			vars[p.Var], names[p.Name] = p.Name, true
		}
	}
	return o, nil
}

// SetLR sets the learning rate of every group: lr times its Scale.
func (o *Optimiser) SetLR(lr float64) {
	for i := range o.Groups {
		g := &o.Groups[i]
		g.LR = lr
		if g.Scale != 0 {
			g.LR *= g.Scale
		}
	}
}

// ZeroGrad forgets all gradients.
func (o *Optimiser) ZeroGrad(t *Tape) {
	for _, g := range o.Groups {
		for _, p := range g.Params {
			t.ZeroGrad(p.Var)
		}
	}
}

// Step changes every parameter that has a gradient.
func (o *Optimiser) Step() error {
	if err := o.measureGradients(); err != nil {
		return err
	}
	for i := range o.Groups {
		g := &o.Groups[i]
		rule, scale := o.ruleOf(g), 1.0
		if o.MaxNorm > 0 {
			scale = clipFactor(o.MaxNorm, o.Norm)
		}
		if c, ok := rule.(clipper); ok && c.maxNorm() > 0 {
			scale = min(scale, c.maxNorm()/o.Norm) // of timm: without torch's 1e-6
		}
		for _, p := range g.Params {
			if p.Var.Frozen || p.Var.Grad == nil {
				continue
			}
			if err := o.stepParam(rule, g, p, scale); err != nil {
				return fault.At(err, fault.Place{Key: p.Name})
			}
		}
	}
	return nil
}

func (o *Optimiser) ruleOf(g *Group) Rule {
	if g.Rule != nil {
		return g.Rule
	}
	return o.rule
}

func (o *Optimiser) stepParam(rule Rule, g *Group, p Entry, scale float64) error {
	ps, err := o.stateOf(rule, p.Var)
	if err != nil {
		return err
	}
	count := ps.steps.Value.Int64s()
	s := &o.now
	*s = slot{o: o, e: o.e, p: p.Var.Value, g: p.Var.Grad, lr: g.LR, decay: g.Decay, scale: scale, n: count[0] + 1, state: ps.tensors}
	if err := rule.step(s); err != nil {
		return err
	}
	count[0]++
	return nil
}

// stateOf returns the state of a parameter, a new one before its first step.
func (o *Optimiser) stateOf(rule Rule, p *Var) (*paramState, error) {
	if ps := o.state[p]; ps != nil {
		return ps, nil
	}
	ps := &paramState{steps: NewCounter(), specs: rule.slots()}
	for _, spec := range ps.specs {
		x := hostTensor([]float32{spec.value}, []int{1})
		if !spec.scalar {
			x = o.e.Borrow(p.Shape()...)
			if err := o.e.Fill(x, spec.value); err != nil {
				return nil, err
			}
		}
		ps.tensors = append(ps.tensors, x)
	}
	o.state[p] = ps
	return ps, nil
}

// measureGradients sets Norm where a limit on it is set.
func (o *Optimiser) measureGradients() error {
	if !o.clips() {
		return nil
	}
	var all []Entry
	for _, g := range o.Groups {
		all = append(all, g.Params...)
	}
	norm, err := GradNorm(o.e, all, 2)
	o.Norm = norm
	return err
}

func (o *Optimiser) clips() bool {
	for i := range o.Groups {
		if c, ok := o.ruleOf(&o.Groups[i]).(clipper); ok && c.maxNorm() > 0 {
			return true
		}
	}
	return o.MaxNorm > 0
}

// measure lets f write n numbers into a tensor and returns them on the host. The
// result is valid until the next call.
func (s *slot) measure(n int, f func(dst *tensor.Dense) error) ([]float32, error) {
	o := s.o
	if o.sums == nil || ops.Size(o.sums.Shape()) < n {
		s.e.Release(o.sums)
		o.sums, o.host = s.e.Borrow(n), make([]float32, n)
	}
	if err := f(o.sums); err != nil {
		return nil, err
	}
	err := s.e.Download(hostTensor(o.host, []int{len(o.host)}), o.sums)
	return o.host[:n], err
}

// Release gives the state's memory back to the engine. The optimiser is not used
// afterwards.
func (o *Optimiser) Release() {
	for _, g := range o.Groups {
		for _, p := range g.Params {
			o.forget(p.Var)
		}
	}
	o.e.Release(o.sums)
	o.sums = nil
}
