package historical

import (
	"math"

	"github.com/tailorbird/tailorbird/methods/nn"
	"github.com/tailorbird/tailorbird/methods/training"
)

// M18: Chen et al., "GradNorm: Gradient Normalization for Adaptive Loss Balancing in Deep
// Multitask Networks", arXiv:1711.02257, equations 1 and 2.

// GradNormStep moves weights w, in place, by rate along the slope of sum |G_i - target_i|,
// G_i = w_i norms_i, target_i = mean(G) r_i^alpha held constant, r_i the loss over its
// initial value over the mean of these; then it scales the sum of w to their number.
func GradNormStep(w, norms, losses, initial []float64, alpha, rate float64) {
	n := float64(len(w))
	var meanG, meanR float64
	ratio := make([]float64, len(w))
	for i := range w {
		ratio[i] = losses[i] / initial[i]
		meanG += w[i] * norms[i] / n
		meanR += ratio[i] / n
	}
	var sum float64
	for i := range w {
		d := w[i]*norms[i] - meanG*math.Pow(ratio[i]/meanR, alpha)
		if d != 0 {
			w[i] = math.Max(w[i]-rate*math.Copysign(norms[i], d), 1e-6)
		}
		sum += w[i]
	}
	for i := range w {
		w[i] *= n / sum
	}
}

// gradNorm weighs the terms of a run: the base loss and those of the other mechanisms.
// Gradients are measured at the pooled features, the last values that all terms share.
// Until as many terms as tasks are there, all weights are 1.
type gradNorm struct {
	base
	tasks       int
	alpha, rate float64
	initial     *Sum
	weights     *Sum // w_i - 1
}

// Begin implements Mechanism.
func (m *gradNorm) Begin(r *training.Run) error {
	m.run = r
	m.initial, m.weights = NewSum(m.tasks), NewSum(m.tasks)
	m.keep("initial", m.initial)
	m.keep("weights", m.weights)
	return nil
}

// Bytes is that of the initial losses; the weights are parameters.
func (m *gradNorm) Bytes() int64 { return m.initial.Bytes() }

// AfterForward implements Loss: no term, but the pooled features are wanted.
func (m *gradNorm) AfterForward(*Step) (*nn.Var, error) { return nil, nil }

// Balance implements Balancer. The weights of a step follow from the steps before it.
func (m *gradNorm) Balance(s *Step, terms []*nn.Var, again func(*Step) ([]*nn.Var, error)) ([]float32, error) {
	out := make([]float32, len(terms))
	for i := range out {
		out[i] = 1
	}
	if len(terms) != m.tasks || m.tasks < 2 {
		return out, nil
	}
	w, losses, initial := make([]float64, m.tasks), make([]float64, m.tasks), make([]float64, m.tasks)
	for i, term := range terms {
		host := s.Tape.Host(term)
		if host == nil {
			return nil, s.Tape.Err()
		}
		losses[i] = float64(host[0])
		if !m.initial.Valid(i) {
			m.initial.Set(i, losses[i], s.Now())
		}
		w[i], initial[i] = 1+m.weights.At(i), m.initial.At(i)
		out[i] = float32(w[i])
	}
	if m.rate == 0 {
		return out, nil
	}
	norms, err := m.norms(s, again)
	if err != nil {
		return nil, err
	}
	GradNormStep(w, norms, losses, initial, m.alpha, m.rate)
	for i := range w {
		m.weights.Set(i, w[i]-1, s.Now())
	}
	return out, nil
}

// norms are those of each term's gradient at the pooled features. The terms are made
// again on a tape on which nothing else wants a gradient.
func (m *gradNorm) norms(s *Step, again func(*Step) ([]*nn.Var, error)) ([]float64, error) {
	var thawed []*nn.Var
	for _, p := range nn.Params(m.run.Net) {
		if !p.Var.Frozen {
			p.Var.Frozen = true
			thawed = append(thawed, p.Var)
		}
	}
	defer func() {
		for _, v := range thawed {
			v.Frozen = false
		}
	}()
	out := make([]float64, m.tasks)
	for i := range out {
		t := nn.NewTape(m.run.Engine)
		t.Seed = s.Tape.Seed
		at := *s
		at.Tape, at.Pooled = t, t.Input(s.Pooled.Value)
		at.Logits = m.run.Net.Logits(t, at.Pooled)
		terms, err := again(&at)
		if err != nil {
			return nil, err
		}
		if err := t.Backward(terms[i]); err != nil {
			return nil, err
		}
		if at.Pooled.Grad != nil {
			g, err := download(m.run.Engine, at.Pooled.Grad)
			if err != nil {
				return nil, err
			}
			out[i] = math.Sqrt(dot(g, g))
		}
		t.ZeroGrad(at.Pooled)
		t.Reset()
	}
	return out, nil
}

func init() {
	key := Key{LossValue, OnLoss, DE}
	Register(Info{
		Name: "gradnorm", Spec: "M18", Key: key, Formula: "T s (s = 8)",
		Summary: "weighs the terms of a run so that they train at one pace",
		Paper:   "GradNorm: Gradient Normalization for Adaptive Loss Balancing in Deep Multitask Networks, arXiv:1711.02257",
		New: func(k Knobs) Mechanism {
			return &gradNorm{base: base{key: key}, tasks: k.Int("tasks", 2, 1, 64), alpha: k.Float("alpha", 1.5, 0, 100), rate: k.Float("rate", 0.025, 0, 1e6)}
		},
	})
}
