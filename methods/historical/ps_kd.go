package historical

import (
	"github.com/tailorbird/tailorbird/methods/nn"
	"github.com/tailorbird/tailorbird/methods/training"
)

// M7: Kim et al., "Self-Knowledge Distillation with Progressive Refinement of Targets",
// arXiv:2006.12000.

// PSKDAlpha is the weight of the last epoch's prediction in epoch e, from 1, of all:
// alpha e / epochs.
func PSKDAlpha(alpha float64, e, epochs int64) float64 { return alpha * float64(e) / float64(epochs) }

// SoftTarget writes (1-a) onehot(label) + a p to dst.
func SoftTarget(dst, p []float32, label int64, a float64) {
	for j := range dst {
		dst[j] = float32(a * float64(p[j]))
	}
	dst[label] = float32(1 - a + a*float64(p[label]))
}

// psKD trains against labels that are mixed with the sample's prediction of the last
// epoch: that of the augmented training pass, as the authors' code stores it.
type psKD struct {
	base
	alpha float64
	table *Table
}

// Begin implements Mechanism.
func (m *psKD) Begin(r *training.Run) error {
	m.run = r
	m.table = NewTable(r.Samples, r.Classes)
	m.keep("predictions", m.table)
	return nil
}

// Targets implements the interface of that name. A sample without a prediction has
// its label; where none has one there are no targets.
func (m *psKD) Targets(s *Step) (*nn.Var, error) {
	if err := checkIDs("ps_kd", s.Batch.IDs, m.table.Rows); err != nil || s.Batch.Epoch == 0 || m.alpha == 0 {
		return nil, err
	}
	a := PSKDAlpha(m.alpha, s.Batch.Epoch+1, int64(m.run.Epochs))
	return mixedTargets(s, func(i int, id int64) ([]float32, float64) {
		if !m.table.Valid(id) {
			return nil, 0
		}
		return m.table.Row(id), a
	}), nil
}

// mixedTargets are the labels mixed with what history returns for each sample, with
// its weight; nil where no sample has any.
func mixedTargets(s *Step, history func(i int, id int64) ([]float32, float64)) *nn.Var {
	k := s.Run.Classes
	out := make([]float32, s.Count()*k)
	any := false
	for i, id := range s.Batch.IDs {
		row := out[i*k:][:k]
		if p, a := history(i, id); p != nil {
			SoftTarget(row, p, s.Labels[i], a)
			any = true
		} else {
			row[s.Labels[i]] = 1
		}
	}
	if !any {
		return nil
	}
	return s.Tape.Upload(out, s.Count(), k)
}

// Commit implements Mechanism.
func (m *psKD) Commit(s *Step) error {
	p := Softmax(s.Scores, m.run.Classes)
	for i, id := range s.Batch.IDs {
		m.table.Set(id, p[i*m.run.Classes:][:m.run.Classes], s.Now())
	}
	return nil
}

func init() {
	key := Key{Prediction, OnLoss, DE}
	Register(Info{
		Name: "ps_kd", Spec: "M7", Key: key, Formula: "n K s",
		Summary: "softens the labels by each sample's prediction of the last epoch",
		Paper:   "Self-Knowledge Distillation with Progressive Refinement of Targets, arXiv:2006.12000",
		New: func(k Knobs) Mechanism {
			return &psKD{base: base{key: key}, alpha: k.Float("alpha", 0.8, 0, 1)}
		},
	})
}
