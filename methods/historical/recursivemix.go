package historical

import (
	"github.com/tailorbird/tailorbird/kernels/ops"
	"github.com/tailorbird/tailorbird/methods/nn"
	"github.com/tailorbird/tailorbird/methods/recursivemix"
	"github.com/tailorbird/tailorbird/methods/training"
)

// M9: Yang et al., "RecursiveMix: Mixed Learning with History", arXiv:2203.06844. The
// mechanism is that package's History; these are its hooks.

const recursiveMixName = "recursivemix"

// recursiveMix pastes the last mixed batch into this one.
type recursiveMix struct {
	base
	options recursivemix.Options
	size    int
	history *recursivemix.History
}

// mixStore is a History as a store.
type mixStore struct{ *recursivemix.History }

func (s mixStore) Bookkeeping() int64 { return 24 }

func (s mixStore) Ages(now int64) []int64 {
	if age, ok := s.Age(now); ok {
		return []int64{age}
	}
	return nil
}

// Begin implements Mechanism.
func (m *recursiveMix) Begin(r *training.Run) (err error) {
	m.run = r
	m.history, err = recursivemix.NewHistory(r.Engine, m.options, recursivemix.Shape{
		Batch: r.Batch, Height: m.size, Width: m.size, Classes: r.Classes, Features: r.Net.Layout().Map,
	})
	if err == nil {
		m.keep("mix", mixStore{m.history})
	}
	return err
}

// BeforeForward implements Data.
func (m *recursiveMix) BeforeForward(s *Step) error {
	b := s.Batch
	mixed, err := m.history.BeforeForward(b.Epoch, b.Step, m.history.Draw(m.run.Seed, b.Step), b.Images, b.Labels)
	if err == nil {
		b.Images = mixed.Images
	}
	return err
}

// Criterion implements the interface of that name: the cross-entropy of the mixed labels.
func (m *recursiveMix) Criterion(s *Step) (*nn.Var, error) {
	return m.history.Loss(s.Tape, s.Logits), nil
}

// AfterForward implements Loss: the consistency of the ROI branch.
func (m *recursiveMix) AfterForward(s *Step) (*nn.Var, error) {
	term, _ := m.history.AfterForward(s.Tape, s.Run.Net, s.Map, s.Logits)
	return term, nil
}

// EndEpoch implements EpochEnd: the history does not outlive its epoch.
func (m *recursiveMix) EndEpoch(int64) error {
	m.history.Reset()
	return nil
}

func init() {
	key := Key{Prediction, OnData, DE}
	Register(Info{
		Name: recursiveMixName, Spec: "M9", Key: key, Formula: "B (3WH + 2K) s",
		Summary: "pastes the last mixed batch into this one",
		Paper:   "RecursiveMix: Mixed Learning with History, arXiv:2203.06844",
		New: func(k Knobs) Mechanism {
			d := recursivemix.DefaultOptions()
			return &recursiveMix{base: base{key: key}, size: k.Int("size", 32, 1, 1<<14), options: recursivemix.Options{
				Alpha: k.Float("alpha", d.Alpha, 0, 1), Omega: k.Float("omega", d.Omega, 0, 1e6),
				Resize:     k.Text("interpolation", d.Resize, string(ops.Nearest), string(ops.Bilinear)),
				SharedHead: k.Bool("share_fc", d.SharedHead), Smoothing: k.Float("smoothing", d.Smoothing, 0, 0.999),
				SwappedAxes: k.Bool("swapped_axes", d.SwappedAxes),
			}}
		},
	})
}
