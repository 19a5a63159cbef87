package nn

import "math"

// bare is embedded by layers that hold no values.
type bare struct{}

// Collect implements Module: nothing.
func (bare) Collect(*Collector) {}

// Func is a layer without values, from a function such as (*Tape).ReLU.
type Func func(t *Tape, x *Var) *Var

// Collect implements Module: nothing.
func (Func) Collect(*Collector) {}

// Forward implements Layer.
func (f Func) Forward(t *Tape, x *Var) *Var { return f(t, x) }

// Identity returns its operand.
type Identity struct{ bare }

// Forward implements Layer.
func (Identity) Forward(_ *Tape, x *Var) *Var { return x }

// Linear is y = x W^T + b on the last axis: weight (out, in), bias (out).
type Linear struct {
	Weight, Bias *Var // Bias may be nil
}

// NewLinear returns a Linear with torch's initial distributions.
func NewLinear(in, out int, bias bool) *Linear {
	l := &Linear{Weight: NewParam(KaimingUniform(math.Sqrt(5)), out, in)}
	if bias {
		l.Bias = NewParam(biasUniform(in), out)
	}
	return l
}

// Collect implements Module.
func (l *Linear) Collect(c *Collector) {
	c.Param("weight", l.Weight)
	c.Param("bias", l.Bias)
}

// Init replaces the initial distributions; nil leaves one as it is. It returns l.
func (l *Linear) Init(weight, bias Initialiser) *Linear {
	setInit(l.Weight, weight)
	setInit(l.Bias, bias)
	return l
}

// setInit makes init the distribution of a parameter that may be nil.
func setInit(v *Var, init Initialiser) {
	if v != nil && init != nil {
		v.init = init
	}
}

// Forward implements Layer.
func (l *Linear) Forward(t *Tape, x *Var) *Var { return t.Linear(x, l.Weight, l.Bias) }

// Flatten joins the axes from From, 0 meaning 1, to the last.
type Flatten struct {
	bare
	From int
}

// Forward implements Layer.
func (l Flatten) Forward(t *Tape, x *Var) *Var { return t.Flatten(x, max(l.From, 1)) }
