package nn

import (
	"math"

	"github.com/tailorbird/tailorbird/kernels/ops"
)

// Adan is Nesterov momentum estimated from differences of gradients (Xie et al.,
// arXiv:2208.06677, algorithm 1), as timm.optim.Adan.
type Adan struct {
	Betas  [3]float64 // zeros mean 0.98, 0.92, 0.99
	Eps    float64    // 0 means 1e-8
	NoProx bool       // weight decay before the update, as AdamW, not as a proximal step after it
}

func (Adan) slots() []slotSpec {
	return []slotSpec{{name: "exp_avg"}, {name: "exp_avg_diff"}, {name: "exp_avg_sq"}, {name: "pre_grad"}}
}

func (r Adan) step(s *slot) error {
	b := r.Betas
	if b == [3]float64{} {
		b = [3]float64{0.98, 0.92, 0.99}
	}
	if s.n == 1 { // there is no difference yet
		if err := s.e.Scale(s.state[3], s.g, float32(s.scale)); err != nil {
			return err
		}
	}
	n := float64(s.n)
	o := ops.Adan{
		Scale: float32(s.scale),
		M1:    float32(b[0]), M2: float32(1 - b[0]),
		D1: float32(b[1]), D2: float32(1 - b[1]),
		N1: float32(b[2]), N2: float32(1 - b[2]),
		A:    float32(s.lr / (1 - math.Pow(b[0], n))),
		B:    float32(s.lr * b[1] / (1 - math.Pow(b[1], n))),
		Root: float32(1 / math.Sqrt(1-math.Pow(b[2], n))), Eps: float32(or(r.Eps, 1e-8)),
		Before: 1, After: 1,
	}
	if r.NoProx {
		o.Before = float32(1 - s.lr*s.decay)
	} else {
		o.After = float32(1 / (1 + s.lr*s.decay))
	}
	t := ops.AdanState{P: s.p, G: s.g, M: s.state[0], D: s.state[1], N: s.state[2], Last: s.state[3]}
	return s.e.StepAdan(t, o)
}
