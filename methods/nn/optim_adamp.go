package nn

import (
	"math"

	"gorgonia.org/tensor"

	"github.com/tailorbird/tailorbird/kernels/ops"
)

// AdamP is Adam whose update loses the part that would only make the weights
// longer, where the gradient says that they are scale-invariant (Heo et al.,
// arXiv:2006.08217, algorithm 2), as timm.optim.AdamP.
type AdamP struct {
	Betas      [2]float64 // zeros mean 0.9, 0.999
	Eps        float64    // 0 means 1e-8
	Delta      float64    // 0 means 0.1
	DecayRatio float64    // of the weight decay of projected weights; 0 means 0.1
	Nesterov   bool
}

func (AdamP) slots() []slotSpec { return twoMoments }

func (r AdamP) step(s *slot) error {
	k, c1, c2 := s.adam(r.Betas, r.Eps, true, false)
	k.A, k.Root, k.Shrink = 1, float32(1/math.Sqrt(c2)), 1
	if b1, _ := betas(r.Betas); r.Nesterov {
		k.A, k.B = float32(b1), float32(1-b1)
	}
	u := s.e.Borrow(s.p.Shape()...)
	defer s.e.Release(u)
	if err := s.stepAdam(nil, u, k); err != nil {
		return err
	}
	decay := s.decay
	if shape := s.p.Shape(); len(shape) > 1 {
		for _, rows := range []int{shape[0], 1} {
			done, err := r.project(s, u, rows)
			if err != nil {
				return err
			}
			if done {
				decay *= or(r.DecayRatio, 0.1)
				break
			}
		}
	}
	if decay > 0 {
		if err := s.e.Scale(s.p, s.p, float32(1-s.lr*decay)); err != nil {
			return err
		}
	}
	return s.e.Accumulate(s.p, u, float32(-s.lr/c1))
}

// project takes the component along the weights out of u, row by row, if no row
// has a gradient that points along its weights.
func (r AdamP) project(s *slot, u *tensor.Dense, rows int) (bool, error) {
	v, err := s.measure(4*rows, func(dst *tensor.Dense) error {
		if err := s.e.Norms(dst, 0, rows, s.p, 2); err != nil {
			return err
		}
		if err := s.e.Norms(dst, rows, rows, s.g, 2); err != nil {
			return err
		}
		if err := s.e.Dots(dst, 2*rows, rows, s.g, s.p); err != nil {
			return err
		}
		return s.e.Dots(dst, 3*rows, rows, u, s.p)
	})
	if err != nil {
		return false, err
	}
	eps := or(r.Eps, 1e-8)
	limit := or(r.Delta, 0.1) / math.Sqrt(float64(ops.Size(s.p.Shape())/rows))
	along := make([]float32, rows)
	for i := range along {
		p, g := float64(v[i]), float64(v[rows+i])
		cosine := float64(v[2*rows+i]) / (max(p, eps) * max(g, eps))
		if !(math.Abs(cosine) < limit) {
			return false, nil
		}
		along[i] = float32(float64(v[3*rows+i]) / ((p + eps) * (p + eps)))
	}
	part := s.e.Borrow(s.p.Shape()...)
	defer s.e.Release(part)
	if err := scaleRows(s.e, part, s.p, along); err != nil {
		return false, err
	}
	return true, s.e.Accumulate(u, part, -1)
}
