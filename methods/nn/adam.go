package nn

import (
	"math"

	"gorgonia.org/tensor"

	"github.com/tailorbird/tailorbird/kernels/ops"
)

// Adam is torch.optim.Adam (Kingma and Ba, arXiv:1412.6980, algorithm 1), with
// weight decay added to the gradient.
type Adam struct {
	Betas     [2]float64 // zeros mean 0.9, 0.999
	Eps       float64    // 0 means 1e-8
	AMSGrad   bool       // the largest second moment so far (Reddi et al., ICLR 2018)
	Decoupled bool       // weight decay apart from the gradient: AdamW
	Maximise  bool
}

// AdamW is Adam with decoupled weight decay (Loshchilov and Hutter,
// arXiv:1711.05101), as torch.optim.AdamW.
type AdamW Adam

func (r AdamW) adam() Adam {
	r.Decoupled = true
	return Adam(r)
}

func (r AdamW) slots() []slotSpec  { return r.adam().slots() }
func (r AdamW) step(s *slot) error { return r.adam().step(s) }

// twoMoments is the state of the whole family.
var twoMoments = []slotSpec{{name: "exp_avg"}, {name: "exp_avg_sq"}}

func (r Adam) slots() []slotSpec {
	if r.AMSGrad {
		return append(twoMoments[:2:2], slotSpec{name: "max_exp_avg_sq"})
	}
	return twoMoments
}

func (r Adam) step(s *slot) error {
	k, c1, c2 := s.adam(r.Betas, r.Eps, r.Decoupled, r.Maximise)
	k.A, k.Root = float32(s.lr/c1), float32(1/math.Sqrt(c2))
	var largest *tensor.Dense
	if r.AMSGrad {
		largest = s.state[2]
	}
	return s.stepAdam(largest, nil, k)
}

// betas returns the two decay rates, torch's where both are zero.
func betas(b [2]float64) (b1, b2 float64) {
	if b == [2]float64{} {
		return 0.9, 0.999
	}
	return b[0], b[1]
}

// adam returns the coefficients that the family has in common, and the bias
// corrections 1-beta^n. A, B and Root are the algorithm's.
func (s *slot) adam(b [2]float64, eps float64, decoupled, maximise bool) (k ops.Adam, c1, c2 float64) {
	b1, b2 := betas(b)
	k = ops.Adam{
		Scale: float32(signed(s.scale, maximise)),
		M1:    float32(b1), M2: float32(1 - b1),
		V1: float32(b2), V2: float32(1 - b2),
		Root: 1, Eps: float32(or(eps, 1e-8)), Shrink: 1,
	}
	if decoupled {
		k.Shrink = float32(1 - s.lr*s.decay)
	} else {
		k.Decay = float32(s.decay)
	}
	n := float64(s.n)
	return k, 1 - math.Pow(b1, n), 1 - math.Pow(b2, n)
}

// stepAdam runs the kernel on the two moments.
func (s *slot) stepAdam(largest, update *tensor.Dense, k ops.Adam) error {
	return s.e.StepAdam(ops.AdamState{P: s.p, G: s.g, M: s.state[0], V: s.state[1], W: largest, U: update}, k)
}

// NAdam is torch.optim.NAdam: Adam with Nesterov's momentum (Dozat, 2016).
type NAdam struct {
	Betas         [2]float64 // zeros mean 0.9, 0.999
	Eps           float64    // 0 means 1e-8
	MomentumDecay float64    // 0 means 0.004
	Decoupled     bool       // weight decay apart from the gradient
	Maximise      bool
}

func (NAdam) slots() []slotSpec {
	return append(twoMoments[:2:2], slotSpec{name: "mu_product", value: 1, scalar: true})
}

func (r NAdam) step(s *slot) error {
	k, _, c2 := s.adam(r.Betas, r.Eps, r.Decoupled, r.Maximise)
	b1, _ := betas(r.Betas)
	mu := func(n float64) float64 { return b1 * (1 - 0.5*math.Pow(0.96, n*or(r.MomentumDecay, 4e-3))) }
	now, next := mu(float64(s.n)), mu(float64(s.n+1))
	product := s.state[2].Float32s()
	product[0] *= float32(now)
	done := float64(product[0])
	k.A = float32(s.lr * next / (1 - done*next))
	k.B = float32(s.lr * (1 - now) / (1 - done))
	k.Root = float32(1 / math.Sqrt(c2))
	return s.stepAdam(nil, nil, k)
}

// RAdam is torch.optim.RAdam (Liu et al., arXiv:1908.03265, algorithm 2): plain
// momentum until the variance of the second moment is known well enough.
type RAdam struct {
	Betas     [2]float64 // zeros mean 0.9, 0.999
	Eps       float64    // 0 means 1e-8
	Decoupled bool       // weight decay apart from the gradient
	Maximise  bool
}

func (RAdam) slots() []slotSpec { return twoMoments }

func (r RAdam) step(s *slot) error {
	k, c1, c2 := s.adam(r.Betas, r.Eps, r.Decoupled, r.Maximise)
	_, b2 := betas(r.Betas)
	longest := 2/(1-b2) - 1
	length := longest - 2*float64(s.n)*math.Pow(b2, float64(s.n))/c2
	k.A = float32(s.lr / c1)
	if length > 5 {
		rectify := math.Sqrt((length - 4) * (length - 2) * longest / ((longest - 4) * (longest - 2) * length))
		k.A = float32(s.lr / c1 * rectify * math.Sqrt(c2))
	} else {
		k.Root, k.Eps = 0, 1 // a denominator of one
	}
	return s.stepAdam(nil, nil, k)
}

// Adamax is torch.optim.Adamax: Adam with the infinity norm (section 7.1).
type Adamax struct {
	Betas    [2]float64 // zeros mean 0.9, 0.999
	Eps      float64    // 0 means 1e-8
	Maximise bool
}

func (Adamax) slots() []slotSpec { return []slotSpec{{name: "exp_avg"}, {name: "exp_inf"}} }

func (r Adamax) step(s *slot) error {
	k, c1, _ := s.adam(r.Betas, r.Eps, false, r.Maximise)
	k.A, k.Max = float32(s.lr/c1), true
	return s.stepAdam(nil, nil, k)
}
