package nn

import (
	"gorgonia.org/tensor"

	"github.com/tailorbird/tailorbird/kernels/ops"
)

// RMSprop is torch.optim.RMSprop: eps outside the root, weight decay added to the
// gradient.
type RMSprop struct {
	Alpha    float64 // 0 means 0.99
	Eps      float64 // 0 means 1e-8
	Momentum float64
	Centered bool
	Maximise bool
}

func (r RMSprop) slots() []slotSpec { return rmsSlots(0, r.Momentum, r.Centered) }

func (r RMSprop) step(s *slot) error {
	a := or(r.Alpha, 0.99)
	return s.stepRMS(r.Momentum, r.Centered, ops.RMS{
		Scale: float32(signed(s.scale, r.Maximise)), Decay: float32(s.decay),
		V1: float32(a), V2: float32(1 - a), Outside: float32(or(r.Eps, 1e-8)),
		Momentum: float32(r.Momentum), A: 1, B: float32(s.lr), Shrink: 1,
	})
}

// RMSpropTF is RMSprop as TensorFlow has it and timm.optim.RMSpropTF repeats it:
// eps inside the root, mean squares that start at one, the learning rate inside
// the momentum.
type RMSpropTF struct {
	Alpha     float64 // 0 means 0.9
	Eps       float64 // 0 means 1e-10
	Momentum  float64
	Centered  bool
	Decoupled bool // weight decay apart from the gradient
	LROutside bool // the learning rate multiplies the momentum, as in torch
}

func (r RMSpropTF) slots() []slotSpec { return rmsSlots(1, r.Momentum, r.Centered) }

func (r RMSpropTF) step(s *slot) error {
	a := or(r.Alpha, 0.9)
	o := ops.RMS{
		Scale: float32(s.scale),
		V1:    float32(a), V2: float32(1 - a), Inside: float32(or(r.Eps, 1e-10)),
		Momentum: float32(r.Momentum), A: float32(s.lr), B: 1, Shrink: 1,
	}
	if r.LROutside {
		o.A, o.B = 1, o.A
	}
	if r.Decoupled {
		o.Shrink = float32(1 - s.lr*s.decay)
	} else {
		o.Decay = float32(s.decay)
	}
	return s.stepRMS(r.Momentum, r.Centered, o)
}

func rmsSlots(square float32, momentum float64, centered bool) []slotSpec {
	specs := []slotSpec{{name: "square_avg", value: square}}
	if momentum > 0 {
		specs = append(specs, slotSpec{name: "momentum_buffer"})
	}
	if centered {
		specs = append(specs, slotSpec{name: "grad_avg"})
	}
	return specs
}

func (s *slot) stepRMS(momentum float64, centered bool, o ops.RMS) error {
	var m, c *tensor.Dense
	rest := s.state[1:]
	if momentum > 0 {
		m, rest = rest[0], rest[1:]
	}
	if centered {
		c = rest[0]
	}
	return s.e.StepRMS(ops.RMSState{P: s.p, G: s.g, V: s.state[0], C: c, M: m}, o)
}
