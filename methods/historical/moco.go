package historical

import (
	"github.com/tailorbird/tailorbird/methods/nn"
	"github.com/tailorbird/tailorbird/methods/training"
)

// M11: He et al., "Momentum Contrast for Unsupervised Visual Representation Learning",
// arXiv:1911.05722, equation 1.

// InfoNCE is the mean over queries q (B, d) of -log e^(q.k/tau) / (e^(q.k/tau) + sum
// over the queue e^(q.n/tau)), keys k (B, d), queue (K, d), all of norm 1. Gradients
// flow into q only.
//
// It is computed as softplus(log sum e^(q.n/tau) - q.k/tau): added to the own key's part
// one by one, tens of thousands of small negatives would lose their digits.
func InfoNCE(t *nn.Tape, q, k, queue *nn.Var, tau float64) *nn.Var {
	own := t.Sum(t.Mul(q, t.Detach(k)), false, 1)
	others := t.MatMulT(q, t.Detach(queue), false, true)
	rest := t.LogSumExp(t.Scale(others, float32(1/tau)), 1)
	return t.Mean(t.Softplus(t.Sub(rest, t.Scale(own, float32(1/tau)))), false)
}

// moco tells each sample's other view, seen by an encoder of averaged weights, from
// the keys of earlier batches. Its term joins the cross-entropy. The encoder runs with
// its averaged running statistics, so batches need no shuffling. Batches that do not
// divide the queue wrap around.
type moco struct {
	base
	size     int
	momentum float64
	tau      float64
	weight   float64
	views    int
	queue    *Ring
	encoder  *Average
	keys     []float32 // of this step
}

// Begin implements Mechanism.
func (m *moco) Begin(r *training.Run) (err error) {
	m.run = r
	m.queue = NewRing(m.size, r.Net.Layout().Map)
	m.keep("queue", m.queue)
	if m.encoder, err = newAverage(r.Engine, r.Net, fixedWeight(1-m.momentum), false); err == nil {
		m.keep("encoder", m.encoder)
	}
	return err
}

// Bytes is K d s + P s: the labels of a ring have no use here.
func (m *moco) Bytes() int64 { return m.queue.Bytes() - 8*int64(m.size) + m.encoder.Bytes() }

// TwoViews implements the interface of that name.
func (m *moco) TwoViews() bool { return m.views == 2 }

// AfterForward implements Loss.
func (m *moco) AfterForward(s *Step) (*nn.Var, error) {
	t := s.Tape
	x := s.Batch.Images
	if m.views == 2 {
		x = s.Batch.Second
	}
	var keys *nn.Var
	m.encoder.With(func() {
		was := t.Training
		t.Training = false
		t.NoGrad(func() {
			keys = t.L2Normalize(s.Run.Net.Pool(t, s.Run.Net.Features(t, t.Const(x)).Map), 1, 1e-12)
		})
		t.Training = was
	})
	m.keys = t.Host(keys)
	n := m.queue.Len()
	if n == 0 || m.weight == 0 {
		return nil, t.Err()
	}
	rows, _ := m.queue.Held()
	return t.Scale(InfoNCE(t, s.Features(), keys, t.Upload(rows, n, m.queue.Width), m.tau), float32(m.weight)), nil
}

// Commit implements Mechanism.
func (m *moco) Commit(s *Step) error {
	m.queue.Push(m.keys, make([]int64, s.Count()), s.Now())
	return m.encoder.Update(s.Now())
}

func init() {
	key := Key{FeatureInstance, OnLoss, DE}
	Register(Info{
		Name: "moco", Spec: "M11", Key: key, Formula: "K d s + P s",
		Summary: "tells a sample's other view from a queue of earlier samples",
		Paper:   "Momentum Contrast for Unsupervised Visual Representation Learning, arXiv:1911.05722",
		New: func(k Knobs) Mechanism {
			return &moco{
				base: base{key: key}, size: k.Int("size", 65536, 0, 1<<24), momentum: k.Float("momentum", 0.999, 0, 1),
				tau: k.Float("tau", 0.07, 1e-6, 1e3), weight: k.Float("weight", 1, 0, 1e6), views: k.Int("views", 2, 1, 2),
			}
		},
	})
}
