package nn

import (
	"github.com/tailorbird/tailorbird/kernels/ops"
)

// Lion is timm.optim.Lion: the sign of an interpolated momentum (Chen et al.,
// arXiv:2302.06675, algorithm 2), with decoupled weight decay.
type Lion struct {
	Betas    [2]float64 // zeros mean 0.9, 0.99
	Maximise bool
}

func (Lion) slots() []slotSpec { return []slotSpec{{name: "exp_avg"}} }

func (r Lion) step(s *slot) error {
	b := r.Betas
	if b == [2]float64{} {
		b = [2]float64{0.9, 0.99}
	}
	return s.e.StepLion(s.p, s.g, s.state[0], ops.Lion{
		Rate: float32(s.lr), Scale: float32(signed(s.scale, r.Maximise)),
		Shrink: float32(1 - s.lr*s.decay), Beta1: float32(b[0]), Beta2: float32(b[1]),
	})
}

// Adagrad is torch.optim.Adagrad (Duchi et al., JMLR 2011): the rate over the root
// of the sum of squares.
type Adagrad struct {
	LRDecay  float64
	Initial  float64 // first value of the sum
	Eps      float64 // 0 means 1e-10
	Maximise bool
}

func (r Adagrad) slots() []slotSpec { return []slotSpec{{name: "sum", value: float32(r.Initial)}} }

func (r Adagrad) step(s *slot) error {
	k := ops.Adam{
		Scale: float32(signed(s.scale, r.Maximise)), Decay: float32(s.decay),
		V1: 1, V2: 1, B: float32(s.lr / (1 + float64(s.n-1)*r.LRDecay)),
		Root: 1, Eps: float32(or(r.Eps, 1e-10)), Shrink: 1,
	}
	return s.e.StepAdam(ops.AdamState{P: s.p, G: s.g, V: s.state[0]}, k)
}

// Lookahead moves slow weights a part of the way to the weights that Base has
// reached in K steps, and sets those back to them (Zhang et al., arXiv:1907.08610,
// algorithm 1). The slow weights start where the first K steps end, as in
// timm.optim.Lookahead, or where training starts, as in the paper, with FromStart.
type Lookahead struct {
	Base      Rule
	K         int     // 0 means 6
	Alpha     float64 // 0 means 0.5
	FromStart bool
}

func (r Lookahead) slots() []slotSpec {
	base := r.Base.slots()
	return append(base[:len(base):len(base)], slotSpec{name: "lookahead_slow_buff"})
}

func (r Lookahead) step(s *slot) error {
	slow := s.state[len(s.state)-1]
	if r.FromStart && s.n == 1 {
		if err := s.e.Scale(slow, s.p, 1); err != nil {
			return err
		}
	}
	all := s.state
	s.state = all[:len(all)-1]
	err := r.Base.step(s)
	s.state = all
	k := int64(r.K)
	if k <= 0 {
		k = 6
	}
	if err != nil || s.n%k != 0 {
		return err
	}
	if s.n == k && !r.FromStart {
		return s.e.Scale(slow, s.p, 1)
	}
	if err := s.e.Lerp(slow, s.p, float32(or(r.Alpha, 0.5))); err != nil {
		return err
	}
	return s.e.Scale(s.p, slow, 1)
}

// maxNorm is the base's.
func (r Lookahead) maxNorm() float64 {
	if c, ok := r.Base.(clipper); ok {
		return c.maxNorm()
	}
	return 0
}
