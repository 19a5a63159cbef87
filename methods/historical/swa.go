package historical

import (
	"github.com/tailorbird/tailorbird/methods/nn"
	"github.com/tailorbird/tailorbird/methods/training"
)

// M2: Izmailov et al., "Averaging Weights Leads to Wider Optima and Better
// Generalization", arXiv:1803.05407.

// swa collects the weights at the end of epochs from a start on and predicts with their
// mean. The running statistics of norms are averaged with them; nn.UpdateBatchNorm gives
// the published ones, where the training data can be read once more.
type swa struct {
	base
	start   float64 // share of the epochs before the first collection
	every   int
	average *Average
}

// Begin implements Mechanism.
func (m *swa) Begin(r *training.Run) (err error) {
	m.run = r
	if m.average, err = newAverage(r.Engine, r.Net, nn.SWA{}, false); err == nil {
		m.keep("average", m.average)
	}
	return err
}

// EndEpoch implements EpochEnd.
func (m *swa) EndEpoch(epoch int64) error {
	first := int64(m.start * float64(m.run.Epochs))
	if m.every == 0 || epoch < first || (epoch-first)%int64(m.every) != 0 {
		return nil
	}
	return m.average.Update((epoch+1)*int64(m.run.StepsPerEpoch) - 1)
}

// Infer implements Inference.
func (m *swa) Infer(_ *nn.Tape, next func() *nn.Var) (y *nn.Var) {
	if !m.average.Begun() {
		return next()
	}
	m.average.With(func() { y = next() })
	return y
}

// SWASchedule is the published rate over time in epochs: LR until half of Start, in a
// straight line down to Low at 0.9 Start, Low after it.
type SWASchedule struct{ LR, Low, Start float64 }

// At implements nn.Schedule.
func (s SWASchedule) At(t float64) float64 {
	switch x := t / s.Start; {
	case x < 0.5:
		return s.LR
	case x < 0.9:
		return s.LR + (s.Low-s.LR)*(x-0.5)/0.4
	}
	return s.Low
}

func init() {
	key := Key{ParameterUnitary, OnModel, MA}
	Register(Info{
		Name: "swa", Spec: "M2", Key: key, Formula: "P s",
		Summary: "predicts with the mean of the weights of the last epochs",
		Paper:   "Averaging Weights Leads to Wider Optima and Better Generalization, arXiv:1803.05407",
		New: func(k Knobs) Mechanism {
			return &swa{base: base{key: key}, start: k.Float("start", 0.5334, 0, 1), every: k.Int("every", 1, 0, 1e6)}
		},
	})
}
