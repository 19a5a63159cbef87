package ctkd

import (
	"github.com/tailorbird/tailorbird/methods/nn"
)

// Temperature is what logits are divided by.
type Temperature interface {
	nn.Module
	// Of returns the temperature for logits (B, C) of student and teacher: (1) for
	// all samples or (B, 1) for each. What it learns from is the gradient of the loss
	// times -lambda.
	Of(t *nn.Tape, student, teacher *nn.Var, lambda float32) *nn.Var
}

// Fixed is a temperature that stays as it is.
type Fixed float32

// Collect implements nn.Module: nothing.
func (Fixed) Collect(*nn.Collector) {}

// Of implements Temperature.
func (f Fixed) Of(t *nn.Tape, _, _ *nn.Var, _ float32) *nn.Var {
	return t.Upload([]float32{float32(f)}, 1)
}

// Range maps a number u to a temperature Start + Width sigmoid(u), so that it stays
// in (Start, Start + Width). The release calls Width t_end.
type Range struct{ Start, Width float32 }

// Map returns the temperatures for what GRL(u) gives: forward u itself, backward
// -lambda times the gradient.
func (r Range) Map(t *nn.Tape, u *nn.Var, lambda float32) *nn.Var {
	return t.Affine(t.Sigmoid(t.ReverseGrad(u, lambda)), r.Width, r.Start)
}

// Global is one learned temperature for all samples and steps.
type Global struct {
	Range
	Theta *nn.Var // (1)
}

// NewGlobal returns a Global that begins at theta = 1, 15.62 in the range (1, 21).
func NewGlobal(r Range) *Global { return &Global{r, nn.NewParam(nn.Ones, 1)} }

// Collect implements nn.Module: global_T, the name in the released checkpoints.
func (g *Global) Collect(c *nn.Collector) { c.Param("global_T", g.Theta) }

// Of implements Temperature.
func (g *Global) Of(t *nn.Tape, _, _ *nn.Var, lambda float32) *nn.Var {
	return g.Map(t, g.Theta, lambda)
}

// Instance gives each sample a temperature, from the logits of both networks:
// T = Start + Width sigmoid(GRL(W2 relu(W1 [teacher; student] + b1) + b2)). No
// gradient flows into the logits by this way: the student would get the reversed one.
type Instance struct {
	Range
	FC1, FC2 *nn.Linear // 2C to C, C to 1
}

// NewInstance returns an Instance for so many classes that begins as Global does:
// W2 = 0, b2 = 1.
func NewInstance(r Range, classes int) *Instance {
	return &Instance{r, nn.NewLinear(2*classes, classes, true), nn.NewLinear(classes, 1, true).Init(nn.Zeros, nn.Ones)}
}

// Collect implements nn.Module.
func (i *Instance) Collect(c *nn.Collector) {
	c.Module("fc1", i.FC1)
	c.Module("fc2", i.FC2)
}

// Of implements Temperature.
func (i *Instance) Of(t *nn.Tape, student, teacher *nn.Var, lambda float32) *nn.Var {
	x := t.Concat(1, t.Detach(teacher), t.Detach(student))
	return i.Map(t, i.FC2.Forward(t, t.ReLU(i.FC1.Forward(t, x))), lambda)
}
