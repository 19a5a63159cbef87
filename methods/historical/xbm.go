package historical

import (
	"github.com/tailorbird/tailorbird/methods/nn"
	"github.com/tailorbird/tailorbird/methods/training"
)

// M10: Wang et al., "Cross-Batch Memory for Embedding Learning", arXiv:1912.06798.

// PairReduction says how pairs become a loss.
type PairReduction string

// Reductions. A large ring's negatives outnumber the positives so far that their sum
// may dominate; then the balanced form helps.
const (
	PairSum      PairReduction = "sum"      // of all pairs, divided by the batch: the published form
	PairBalanced PairReduction = "balanced" // mean of positives and mean of active negatives, added
)

// PairLoss is the contrastive loss of embeddings f (B, d) against a memory (M, d), both
// of norm 1: 1 - s for pairs of one label whose similarity s is below 1 - 1e-5, s -
// margin for pairs of two labels above the margin. Gradients flow into f only.
func PairLoss(t *nn.Tape, f *nn.Var, labels []int64, memory *nn.Var, held []int64, margin float64, r PairReduction) *nn.Var {
	b, m := len(labels), len(held)
	same := make([]float32, b*m)
	for i, l := range labels {
		for j, o := range held {
			if l == o {
				same[i*m+j] = 1
			}
		}
	}
	s := t.MatMulT(f, t.Detach(memory), false, true)
	pos := t.Upload(same, b, m)
	isPos := t.Mul(pos, t.Greater(t.Upload([]float32{1 - 1e-5}, 1), s))
	over := t.ReLU(t.AddScalar(s, float32(-margin)))
	positives := t.Sum(t.Mul(isPos, t.Affine(s, -1, 1)), false)
	isNeg := t.Affine(pos, -1, 1)
	negatives := t.Sum(t.Mul(isNeg, over), false)
	if r == PairSum {
		return t.Scale(t.Add(positives, negatives), 1/float32(b))
	}
	zero := t.Upload([]float32{0}, 1)
	active := t.Sum(t.Mul(isNeg, t.Greater(over, zero)), false)
	return t.Add(t.DivOrZero(positives, t.Sum(isPos, false)), t.DivOrZero(negatives, active))
}

// xbm compares the batch with a ring of embeddings of earlier batches, and of itself:
// the batch is enqueued before the loss. Embeddings are the pooled features, scaled to
// norm 1.
type xbm struct {
	base
	size      int
	start     int64
	weight    float64
	margin    float64
	reduction PairReduction
	ring      *Ring
}

// Begin implements Mechanism.
func (m *xbm) Begin(r *training.Run) error {
	m.run = r
	m.ring = NewRing(m.size, r.Net.Layout().Map)
	m.keep("ring", m.ring)
	return nil
}

// AfterForward implements Loss.
func (m *xbm) AfterForward(s *Step) (*nn.Var, error) {
	if !m.ring.holds(s.Now()) { // gradnorm asks for the term twice
		m.ring.Push(s.Vectors(), s.Labels, s.Now())
	}
	if m.size == 0 || m.weight == 0 || s.Now() < m.start {
		return nil, s.Tape.Err()
	}
	rows, held := m.ring.Held()
	memory := s.Tape.Upload(rows, len(held), m.ring.Width)
	return s.Tape.Scale(PairLoss(s.Tape, s.Features(), s.Labels, memory, held, m.margin, m.reduction), float32(m.weight)), nil
}

func init() {
	key := Key{FeatureInstance, OnLoss, DE}
	Register(Info{
		Name: "xbm", Spec: "M10", Key: key, Formula: "K (d s + 8)",
		Summary: "draws each sample to, or away from, the embeddings of earlier batches",
		Paper:   "Cross-Batch Memory for Embedding Learning, arXiv:1912.06798",
		New: func(k Knobs) Mechanism {
			return &xbm{
				base: base{key: key}, size: k.Int("size", 8192, 0, 1<<24), start: int64(k.Int("start", 2000, 0, 1<<30)),
				weight: k.Float("weight", 1, 0, 1e6), margin: k.Float("margin", 0.5, -1, 1),
				reduction: PairReduction(k.Text("pair_reduction", string(PairSum), string(PairSum), string(PairBalanced))),
			}
		},
	})
}
