package cpu

import (
	"gorgonia.org/tensor"

	"github.com/tailorbird/tailorbird/kernels/ops"
)

// stepState holds the tasks of this family.
type stepState struct {
	step      stepTask
	stepNorms normsTask
}

// stepTask is one pass over a parameter and its state. Which slice is which is
// said where loop is set.
type stepTask struct {
	n, parts int
	p, g     []float32
	a, b, c  []float32
	d        []float32
	k        [16]float32 // coefficients
	loop     func(t *stepTask, from, to int)
}

func (t *stepTask) part(i int, _ *scratch) {
	from, to := split(t.n, t.parts, i)
	t.loop(t, from, to)
}

// stepOver runs loop over all elements of p. cost is about how many operations
// an element takes.
func (e *Engine) stepOver(loop func(t *stepTask, from, to int), cost int) {
	t := &e.step
	t.n, t.loop = len(t.p), loop
	t.parts = partsOf(t.n, cost)
	e.run(t.parts, t)
	*t = stepTask{}
}

// floatsOrNil returns the values of a tensor that may be nil.
func floatsOrNil(t *tensor.Dense) []float32 {
	if t == nil {
		return nil
	}
	return t.Float32s()
}

// StepSGD implements ops.Stepper.
func (e *Engine) StepSGD(p, g, m *tensor.Dense, o ops.SGD) error {
	if err := ops.CheckStep("sgd", p, []*tensor.Dense{g}, m); err != nil {
		return err
	}
	t := &e.step
	t.p, t.g, t.a = p.Float32s(), g.Float32s(), floatsOrNil(m)
	t.k = [16]float32{o.Scale, o.Decay, o.Keep, o.Take, o.Direct, o.Momentum, o.Rate}
	e.stepOver(sgdStep, 4)
	return nil
}

// StepAdam implements ops.Stepper.
func (e *Engine) StepAdam(s ops.AdamState, o ops.Adam) error {
	if err := ops.CheckStep("adam", s.P, []*tensor.Dense{s.G, s.V}, s.M, s.W, s.U); err != nil {
		return err
	}
	t := &e.step
	t.p, t.g, t.a, t.b = s.P.Float32s(), s.G.Float32s(), floatsOrNil(s.M), s.V.Float32s()
	t.c, t.d = floatsOrNil(s.W), floatsOrNil(s.U)
	t.k = [16]float32{o.Scale, o.Decay, o.M1, o.M2, o.V1, o.V2, o.A, o.B, o.Root, o.Eps, o.Shrink, o.Add}
	loop := adamStep
	if o.Max {
		loop = adamaxPortable
	}
	e.stepOver(loop, 8)
	return nil
}

// StepRMS implements ops.Stepper.
func (e *Engine) StepRMS(s ops.RMSState, o ops.RMS) error {
	if err := ops.CheckStep("rmsprop", s.P, []*tensor.Dense{s.G, s.V}, s.C, s.M); err != nil {
		return err
	}
	t := &e.step
	t.p, t.g, t.b = s.P.Float32s(), s.G.Float32s(), s.V.Float32s()
	t.a, t.c = floatsOrNil(s.M), floatsOrNil(s.C)
	t.k = [16]float32{o.Scale, o.Decay, o.V1, o.V2, o.Inside, o.Outside, o.Momentum, o.A, o.B, o.Shrink}
	e.stepOver(rmsStep, 8)
	return nil
}

// StepLion implements ops.Stepper.
func (e *Engine) StepLion(p, g, m *tensor.Dense, o ops.Lion) error {
	if err := ops.CheckStep("lion", p, []*tensor.Dense{g, m}); err != nil {
		return err
	}
	t := &e.step
	t.p, t.g, t.a = p.Float32s(), g.Float32s(), m.Float32s()
	t.k = [16]float32{o.Scale, o.Decay, o.Beta1, 1 - o.Beta1, o.Beta2, 1 - o.Beta2, o.Shrink, o.Rate}
	e.stepOver(lionStep, 6)
	return nil
}

// StepAdan implements ops.Stepper.
func (e *Engine) StepAdan(s ops.AdanState, o ops.Adan) error {
	if err := ops.CheckStep("adan", s.P, []*tensor.Dense{s.G, s.M, s.D, s.N, s.Last}); err != nil {
		return err
	}
	t := &e.step
	t.p, t.g, t.a, t.b = s.P.Float32s(), s.G.Float32s(), s.M.Float32s(), s.D.Float32s()
	t.c, t.d = s.N.Float32s(), s.Last.Float32s()
	t.k = [16]float32{o.Scale, o.Decay, o.M1, o.M2, o.D1, o.D2, o.N1, o.N2, o.A, o.B, o.Root, o.Eps, o.Before, o.After}
	e.stepOver(adanStep, 10)
	return nil
}

// Lerp implements ops.Stepper.
func (e *Engine) Lerp(dst, x *tensor.Dense, weight float32) error {
	if err := ops.CheckStep("lerp", dst, []*tensor.Dense{x}); err != nil {
		return err
	}
	t := &e.step
	t.p, t.g = dst.Float32s(), x.Float32s()
	t.k[0] = weight
	e.stepOver(lerpStep, 3)
	return nil
}
