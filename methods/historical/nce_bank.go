package historical

import (
	"fmt"
	"math"

	"github.com/tailorbird/tailorbird/methods/nn"
	"github.com/tailorbird/tailorbird/methods/training"
)

// M12: Wu et al., "Unsupervised Feature Learning via Non-Parametric Instance
// Discrimination", arXiv:1805.01978, equations 4 to 7.

// BankUpdate moves a row: v <- normalise(momentum v + (1 - momentum) f).
func BankUpdate(v, f []float32, momentum float64) {
	for i, x := range f {
		v[i] = float32(float64(momentum*float64(v[i])) + float64((1-momentum)*float64(x)))
	}
	normalise(v)
}

// NCELoss tells samples f (B, d) at their own rows (B, d) from noise rows (m, d) that all
// of them share: the mean over B of -log h(own) - sum log(1 - h(noise)), h = P/(P +
// m/n), P = exp(v.f/tau)/z. Gradients flow into f only.
func NCELoss(t *nn.Tape, f, own, noise *nn.Var, tau, z float64, n int) *nn.Var {
	shift := float32(-math.Log(z) - math.Log(float64(noise.Dim(0))/float64(n)))
	u := t.Affine(t.Sum(t.Mul(f, t.Detach(own)), false, 1), float32(1/tau), shift)
	v := t.Affine(t.MatMulT(f, t.Detach(noise), false, true), float32(1/tau), shift)
	positive := t.Mean(t.Softplus(t.Neg(u)), false)
	return t.Add(positive, t.Scale(t.Sum(t.Softplus(v), false), 1/float32(f.Dim(0))))
}

// nceBank keeps a unit vector a sample. The first step sets the normalising constant
// and has no term.
type nceBank struct {
	base
	momentum, tau, weight float64
	noise                 int
	bank                  *Table
	z                     *Sum
}

// Begin implements Mechanism: rows are drawn from U(-a, a), a = 1/sqrt(d/3), and scaled
// to norm 1.
func (m *nceBank) Begin(r *training.Run) error {
	m.run = r
	m.bank = NewTable(r.Samples, r.Net.Layout().Map)
	m.z = NewSum(1)
	m.keep("bank", m.bank)
	m.keep("z", m.z)
	m.fill()
	return nil
}

func (m *nceBank) fill() {
	rng := nn.Rand(m.run.Seed, "bank", "first rows of nce_bank")
	a := 1 / math.Sqrt(float64(m.bank.Width)/3)
	for id := range m.bank.Rows {
		row := m.bank.Row(int64(id))
		for i := range row {
			row[i] = float32((2*rng.Float64() - 1) * a)
		}
		normalise(row)
	}
}

// Bytes is that of the bank.
func (m *nceBank) Bytes() int64 { return m.bank.Bytes() }

// Reset implements Mechanism.
func (m *nceBank) Reset() {
	m.base.Reset()
	m.fill()
}

// AfterForward implements Loss.
func (m *nceBank) AfterForward(s *Step) (*nn.Var, error) {
	if err := checkIDs("nce_bank", s.Batch.IDs, m.bank.Rows); err != nil {
		return nil, err
	}
	f := s.Vectors()
	if m.weight == 0 {
		return nil, s.Tape.Err()
	}
	d := m.bank.Width
	noise := make([]float32, 0, m.noise*d)
	rng := nn.Rand(m.run.Seed, fmt.Sprint(s.Now()), "noise of nce_bank")
	for range m.noise {
		noise = append(noise, m.bank.Row(rng.Int64N(int64(m.bank.Rows)))...)
	}
	if !m.z.Valid(0) {
		return nil, s.Tape.Err()
	}
	own := make([]float32, 0, len(f))
	for _, id := range s.Batch.IDs {
		own = append(own, m.bank.Row(id)...)
	}
	t := s.Tape
	loss := NCELoss(t, s.Features(), t.Upload(own, s.Count(), d), t.Upload(noise, m.noise, d), m.tau, m.z.At(0), m.bank.Rows)
	return t.Scale(loss, float32(m.weight)), nil
}

// Commit implements Mechanism.
func (m *nceBank) Commit(s *Step) error {
	f, d := s.Vectors(), m.bank.Width
	if !m.z.Valid(0) {
		m.z.Set(0, m.constant(f), s.Now())
	}
	for i, id := range s.Batch.IDs {
		BankUpdate(m.bank.Row(id), f[i*d:][:d], m.momentum)
		m.bank.written.set(int(id), s.Now())
	}
	return nil
}

// constant is n times the mean of exp(v.f/tau) over the samples and the bank.
func (m *nceBank) constant(f []float32) float64 {
	d := m.bank.Width
	var sum float64
	for at := 0; at < len(f); at += d {
		for id := range m.bank.Rows {
			var dot float64
			for j, v := range m.bank.Row(int64(id)) {
				dot += float64(v) * float64(f[at+j])
			}
			sum += math.Exp(dot / m.tau)
		}
	}
	return sum / float64(len(f)/d)
}

func init() {
	key := Key{FeatureInstance, OnLoss, MA}
	Register(Info{
		Name: "nce_bank", Spec: "M12", Key: key, Formula: "n d s",
		Summary: "tells each sample from others by a bank of their averaged features",
		Paper:   "Unsupervised Feature Learning via Non-Parametric Instance Discrimination, arXiv:1805.01978",
		New: func(k Knobs) Mechanism {
			return &nceBank{
				base: base{key: key}, momentum: k.Float("momentum", 0.5, 0, 1), tau: k.Float("tau", 0.07, 1e-6, 1e3),
				weight: k.Float("weight", 1, 0, 1e6), noise: k.Int("noise", 4096, 1, 1<<20),
			}
		},
	})
}
