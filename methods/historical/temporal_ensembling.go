package historical

import (
	"github.com/tailorbird/tailorbird/methods/nn"
	"github.com/tailorbird/tailorbird/methods/training"
)

// M6: Laine and Aila, "Temporal Ensembling for Semi-Supervised Learning",
// arXiv:1610.02242.

// temporal keeps a moving average of each sample's predictions over the epochs. As a
// consistency term, the published form, the prediction is drawn to the average; as
// targets the labels are mixed with it. The average is that of the epochs before: a
// sample's prediction is taken in after its step.
type temporal struct {
	base
	alpha, weight, ramp float64
	averages            *EMA
}

// Begin implements Mechanism.
func (m *temporal) Begin(r *training.Run) error {
	m.run = r
	m.averages = NewEMA(r.Samples, r.Classes, m.alpha, true)
	m.keep("predictions", m.averages)
	return nil
}

// weightAt is 0 in the first epoch, where there is no history.
func (m *temporal) weightAt(epoch int64) float64 {
	if epoch == 0 {
		return 0
	}
	return m.weight * SigmoidRamp(float64(epoch), m.ramp)
}

// Commit implements Mechanism: a sample comes once an epoch.
func (m *temporal) Commit(s *Step) error {
	k := m.run.Classes
	p := Softmax(s.Scores, k)
	for i, id := range s.Batch.IDs {
		m.averages.Update(id, p[i*k:][:k], s.Now())
	}
	return nil
}

// TemporalTerm is w times the mean over batch and classes of the squared difference of
// softmax(logits) and target, both (B, K).
func TemporalTerm(t *nn.Tape, logits, target *nn.Var, w float64) *nn.Var {
	return t.Scale(t.MSE(t.Softmax(logits, 1), target, nn.ReduceMean), float32(w))
}

// temporalLoss is temporal as a term of the loss.
type temporalLoss struct{ temporal }

// AfterForward implements Loss. A sample without history is its own target.
func (m *temporalLoss) AfterForward(s *Step) (*nn.Var, error) {
	w := m.weightAt(s.Batch.Epoch)
	if err := checkIDs("temporal_ensembling", s.Batch.IDs, m.averages.Rows); err != nil || w == 0 {
		return nil, err
	}
	k, any := m.run.Classes, false
	target := Softmax(s.Scores, k)
	for i, id := range s.Batch.IDs {
		any = m.averages.Value(target[i*k:][:k], id) || any
	}
	if !any {
		return nil, nil
	}
	return TemporalTerm(s.Tape, s.Logits, s.Tape.Upload(target, s.Count(), k), w), nil
}

// temporalTargets is temporal as targets of the cross-entropy.
type temporalTargets struct{ temporal }

// Targets implements the interface of that name.
func (m *temporalTargets) Targets(s *Step) (*nn.Var, error) {
	w := m.weightAt(s.Batch.Epoch)
	if err := checkIDs("temporal_targets", s.Batch.IDs, m.averages.Rows); err != nil || w == 0 {
		return nil, err
	}
	value := make([]float32, m.run.Classes)
	return mixedTargets(s, func(_ int, id int64) ([]float32, float64) {
		if !m.averages.Value(value, id) {
			return nil, 0
		}
		return value, w
	}), nil
}

func init() {
	key := Key{Prediction, OnLoss, MA}
	paper := "Temporal Ensembling for Semi-Supervised Learning, arXiv:1610.02242"
	read := func(k Knobs, weight, most, ramp float64) temporal {
		return temporal{
			base: base{key: key}, alpha: k.Float("alpha", 0.6, 0, 0.999999),
			weight: k.Float("weight", weight, 0, most), ramp: k.Float("ramp_epochs", ramp, 1e-9, 1e6),
		}
	}
	Register(Info{
		Name: "temporal_ensembling", Spec: "M6", Key: key, Formula: "n K s",
		Summary: "agrees with the average of each sample's predictions over the epochs",
		Paper:   paper,
		New:     func(k Knobs) Mechanism { return &temporalLoss{read(k, 30, 1e6, 80)} },
	})
	Register(Info{
		Name: "temporal_targets", Spec: "M6", Key: key, Formula: "n K s",
		Summary: "softens the labels by the average of each sample's predictions over the epochs",
		Paper:   paper,
		New:     func(k Knobs) Mechanism { return &temporalTargets{read(k, 0.7, 1, 10)} },
	})
}
