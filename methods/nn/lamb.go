package nn

import (
	"math"

	"gorgonia.org/tensor"
)

// LAMB is Adam whose update, weight decay included, is scaled to the norm of the
// parameter (You et al., arXiv:1904.00962, algorithm 2), as timm.optim.Lamb.
// Parameters without weight decay are not scaled unless AlwaysAdapt.
type LAMB struct {
	Betas            [2]float64 // zeros mean 0.9, 0.999
	Eps              float64    // 0 means 1e-6
	MaxGradNorm      float64    // of all gradients together; 0: not clipped (timm: 1)
	NoBiasCorrection bool
	NoAveraging      bool // the gradient enters the first moment with weight 1
	TrustClip        bool // the ratio is at most 1
	AlwaysAdapt      bool
	Decoupled        bool // weight decay apart from the update
}

func (LAMB) slots() []slotSpec { return twoMoments }

func (r LAMB) maxNorm() float64 { return r.MaxGradNorm }

func (r LAMB) step(s *slot) error {
	k, c1, c2 := s.adam(r.Betas, or(r.Eps, 1e-6), false, false)
	if r.NoAveraging {
		k.M2 = 1
	}
	if r.NoBiasCorrection {
		c1, c2 = 1, 1
	}
	k.Decay = 0
	k.A, k.Root = float32(1/c1), float32(1/math.Sqrt(c2))
	if r.Decoupled && s.decay != 0 {
		if err := s.e.Scale(s.p, s.p, float32(1-s.lr*s.decay)); err != nil {
			return err
		}
	} else {
		k.Add = float32(s.decay)
	}
	if s.decay == 0 && !r.AlwaysAdapt {
		k.A = float32(s.lr / c1)
		return s.stepAdam(nil, nil, k)
	}
	u := s.e.Borrow(s.p.Shape()...)
	defer s.e.Release(u)
	if err := s.stepAdam(nil, u, k); err != nil {
		return err
	}
	ratio, err := r.trust(s, u)
	if err != nil {
		return err
	}
	return s.e.Accumulate(s.p, u, float32(-s.lr*ratio))
}

func (r LAMB) trust(s *slot, u *tensor.Dense) (float64, error) {
	p, norm, err := s.norms(u)
	ratio := 1.0
	if p > 0 && norm > 0 {
		ratio = p / norm
	}
	if r.TrustClip {
		ratio = min(ratio, 1)
	}
	return ratio, err
}
