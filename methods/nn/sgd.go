package nn

import "github.com/tailorbird/tailorbird/kernels/ops"

// SGD is stochastic gradient descent as torch.optim.SGD: momentum whose first
// step is not dampened, Nesterov's form, weight decay added to the gradient.
type SGD struct {
	Momentum, Dampening float64
	Nesterov            bool
	Maximise            bool // climb instead
}

func (r SGD) slots() []slotSpec {
	if r.Momentum == 0 {
		return nil
	}
	return []slotSpec{{name: "momentum_buffer"}}
}

func (r SGD) step(s *slot) error {
	return r.scaled(s, signed(s.scale, r.Maximise), s.decay)
}

// scaled is a step along scale g + decay p.
func (r SGD) scaled(s *slot, scale, decay float64) error {
	o := ops.SGD{Rate: float32(s.lr), Scale: float32(scale), Decay: float32(decay), Direct: 1}
	if r.Momentum == 0 {
		return s.e.StepSGD(s.p, s.g, nil, o)
	}
	if s.n > 1 {
		o.Keep, o.Take = float32(r.Momentum), float32(1-r.Dampening)
	} else {
		o.Take = 1
	}
	if r.Nesterov {
		o.Momentum = float32(r.Momentum)
	} else {
		o.Direct, o.Momentum = 0, 1
	}
	return s.e.StepSGD(s.p, s.g, s.state[0], o)
}

// signed turns the gradient round where the objective is to grow.
func signed(scale float64, maximise bool) float64 {
	if maximise {
		return -scale
	}
	return scale
}
