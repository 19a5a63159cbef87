package historical

import (
	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/ops"
	"github.com/tailorbird/tailorbird/methods/nn"
	"github.com/tailorbird/tailorbird/methods/training"
)

// M3: Zhang et al., "Lookahead Optimizer: k steps forward, 1 step back",
// arXiv:1907.08610, algorithm 1.

// SlowWeights begin with a network's parameters and move, after steps k, 2k, .., by alpha
// of the way to the trained ones, which then go back to them. A wide-spread
// implementation begins them at step 1 and synchronises at steps 1, 6, 11, ..; ours is
// the paper's. nn.Lookahead does the same inside an optimiser.
type SlowWeights struct {
	*Average
	k int64
}

// NewSlowWeights returns slow weights that begin as a copy of m's parameters.
func NewSlowWeights(e ops.Engine, m nn.Module, k int, alpha float64) (*SlowWeights, error) {
	a, err := newAverage(e, parameters{m}, fixedWeight(alpha), false)
	return &SlowWeights{a, int64(k)}, err
}

// Stepped is called after step number step, from 0, of the optimiser.
func (w *SlowWeights) Stepped(step int64) error {
	if (step+1)%w.k != 0 {
		return nil
	}
	if err := w.Update(step); err != nil {
		return err
	}
	own := w.own()
	for i, p := range distinct(w.m) {
		if err := w.e.Upload(p.Var.Value, own[i].Var.Value); err != nil {
			return fault.At(err, fault.Place{Key: p.Name})
		}
	}
	return nil
}

// lookahead keeps the network's slow weights.
type lookahead struct {
	base
	k     int
	alpha float64
	slow  *SlowWeights
}

// Begin implements Mechanism.
func (m *lookahead) Begin(r *training.Run) (err error) {
	m.run = r
	if m.slow, err = NewSlowWeights(r.Engine, r.Net, m.k, m.alpha); err == nil {
		m.keep("slow", m.slow)
	}
	return err
}

// AfterStep implements Weights.
func (m *lookahead) AfterStep(s *Step) error { return m.slow.Stepped(s.Now()) }

func init() {
	key := Key{ParameterUnitary, OnOptimizer, MA}
	Register(Info{
		Name: "lookahead", Spec: "M3", Key: key, Formula: "P s",
		Summary: "goes back part of the way after every k steps",
		Paper:   "Lookahead Optimizer: k steps forward, 1 step back, arXiv:1907.08610",
		New: func(k Knobs) Mechanism {
			return &lookahead{base: base{key: key}, k: k.Int("k", 5, 1, 1e6), alpha: k.Float("alpha", 0.5, 0, 1)}
		},
	})
}
