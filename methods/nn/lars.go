package nn

import "gorgonia.org/tensor"

// LARS is SGD whose gradient, weight decay included, is multiplied by a trust
// ratio a parameter (You et al., arXiv:1708.03888, equation 6), as timm.optim.Lars.
// Parameters without weight decay have ratio 1 unless AlwaysAdapt.
type LARS struct {
	SGD
	Trust       float64 // coefficient; 0 means 0.001
	Eps         float64 // 0 means 1e-8
	TrustClip   bool    // LARC: the ratio over the learning rate, at most 1
	AlwaysAdapt bool
}

func (r LARS) step(s *slot) error {
	if s.decay == 0 && !r.AlwaysAdapt {
		return r.SGD.step(s)
	}
	w, g, err := s.norms(s.g)
	if err != nil {
		return err
	}
	ratio := 1.0
	if g *= s.scale; w > 0 && g > 0 {
		ratio = or(r.Trust, 0.001) * w / (g + w*s.decay + or(r.Eps, 1e-8))
	}
	if r.TrustClip {
		ratio = min(ratio/s.lr, 1)
	}
	return r.scaled(s, ratio*signed(s.scale, r.Maximise), ratio*s.decay)
}

// norms returns the norms of the parameter and of u, a tensor of its shape.
func (s *slot) norms(u *tensor.Dense) (p, other float64, err error) {
	v, err := s.measure(2, func(dst *tensor.Dense) error {
		if err := s.e.Norms(dst, 0, 1, s.p, 2); err != nil {
			return err
		}
		return s.e.Norms(dst, 1, 1, u, 2)
	})
	if err != nil {
		return 0, 0, err
	}
	return float64(v[0]), float64(v[1]), nil
}

// or returns x, or its default where x is zero.
func or(x, def float64) float64 {
	if x == 0 {
		return def
	}
	return x
}
