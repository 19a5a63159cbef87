package historical

import (
	"math"

	"github.com/tailorbird/tailorbird/methods/nn"
	"github.com/tailorbird/tailorbird/methods/training"
)

// M16: Tan et al., "Equalization Loss v2: A New Gradient Balance Approach for
// Long-tailed Object Detection", arXiv:2012.08548, equations 4 to 6.

// EQLv2Weights are the weights of a class's positives and negatives by the ratio of the
// sums of their gradients.
func EQLv2Weights(ratio, gamma, mu, alpha float64) (positive, negative float64) {
	negative = 1 / (1 + math.Exp(-gamma*(ratio-mu)))
	return 1 + alpha*(1-negative), negative
}

// eqlV2 is a sigmoid cross-entropy, summed over classes and averaged over the batch,
// whose positives and negatives are weighted class by class. In a run of several
// replicas the sums are added over all of them: Sum's elements.
type eqlV2 struct {
	base
	gamma, mu, alpha float64
	sums             *Sum // positives of all classes, then negatives
	weights          []float32
}

// Begin implements Mechanism.
func (m *eqlV2) Begin(r *training.Run) error {
	m.run = r
	m.sums = NewSum(2 * r.Classes)
	m.keep("gradients", m.sums)
	return nil
}

// Bytes is 2 K s with doubles.
func (m *eqlV2) Bytes() int64 { return m.sums.Bytes() }

// ratio is 100 until a class has had gradients of both kinds.
func (m *eqlV2) ratio(class int) float64 {
	pos, neg := m.sums.At(class), m.sums.At(m.run.Classes+class)
	if !m.sums.Valid(class) || neg == 0 {
		return 100
	}
	return pos / neg
}

// Criterion implements the interface of that name.
func (m *eqlV2) Criterion(s *Step) (loss *nn.Var, err error) {
	pos, neg := make([]float64, m.run.Classes), make([]float64, m.run.Classes)
	for c := range pos {
		pos[c], neg[c] = EQLv2Weights(m.ratio(c), m.gamma, m.mu, m.alpha)
	}
	loss, m.weights = EQLv2Loss(s.Tape, s.Logits, s.Labels, pos, neg)
	return loss, nil
}

// EQLv2Loss is the sigmoid cross-entropy of logits (B, K), summed over the classes and
// averaged over B, with a weight for each class's positives and negatives. It also
// returns the weight (B, K) that each logit got.
func EQLv2Loss(t *nn.Tape, logits *nn.Var, labels []int64, positive, negative []float64) (*nn.Var, []float32) {
	k := len(positive)
	targets, weights := make([]float32, len(labels)*k), make([]float32, len(labels)*k)
	for i, l := range labels {
		for c, w := range negative {
			weights[i*k+c] = float32(w)
		}
		weights[i*k+int(l)], targets[i*k+int(l)] = float32(positive[l]), 1
	}
	weight := t.Upload(weights, len(labels), k)
	return t.BCEWithLogits(logits, t.Upload(targets, len(labels), k), nn.BCE{Weight: weight, Reduction: nn.ReduceBatchMean}), weights
}

// Commit implements Mechanism: |sigmoid(z) - y| w of every class.
func (m *eqlV2) Commit(s *Step) error {
	k := m.run.Classes
	for i, l := range s.Labels {
		for c := range k {
			p := 1 / (1 + math.Exp(-float64(s.Scores[i*k+c])))
			w := float64(m.weights[i*k+c])
			if int(l) == c {
				m.sums.Add(c, (1-p)*w, s.Now())
			} else {
				m.sums.Add(k+c, p*w, s.Now())
			}
		}
	}
	return nil
}

func init() {
	key := Key{GradientFeature, OnLoss, MA}
	Register(Info{
		Name: "eqlv2", Spec: "M16", Key: key, Formula: "2 K s (s = 8)",
		Summary: "balances the gradients of each class's positives and negatives",
		Paper:   "Equalization Loss v2: A New Gradient Balance Approach for Long-tailed Object Detection, arXiv:2012.08548",
		New: func(k Knobs) Mechanism {
			return &eqlV2{base: base{key: key}, gamma: k.Float("gamma", 12, 0, 1e3), mu: k.Float("mu", 0.8, -1e3, 1e3), alpha: k.Float("alpha", 4, 0, 1e3)}
		},
	})
}
