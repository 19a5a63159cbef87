package trainingtest

import (
	"testing"

	"github.com/tailorbird/tailorbird/methods/nn"
	"github.com/tailorbird/tailorbird/methods/training"
)

func TestTheBaselineGoesOn(t *testing.T) {
	t.Parallel()
	Resumes(t, func() training.Method { return &training.Plain{Smoothing: 0.1} })
}

func TestAMethodWithStateGoesOn(t *testing.T) {
	t.Parallel()
	Resumes(t, func() training.Method { return &heavier{keep: true} })
}

// heavier multiplies the loss by a number that grows from step to step.
type heavier struct {
	training.Plain
	keep    bool // the number is in checkpoints
	factors *training.State64
}

func (m *heavier) Collect(c *nn.Collector) {
	if m.keep {
		c.Buffer("factor", m.factors.Var())
	}
}

func (m *heavier) Begin(r *training.Run) error {
	m.factors = training.NewState64(1)
	m.factors.SetFloat(0, 1)
	return m.Plain.Begin(r)
}

func (m *heavier) Loss(t *nn.Tape, b *training.Batch) (*training.Loss, error) {
	l, err := m.Plain.Loss(t, b)
	if err == nil {
		l.Total = t.Affine(l.Total, float32(m.factors.AddFloat(0, 0.01)), 0)
	}
	return l, err
}

// A check that could not fail would be none: a method that keeps its state from
// checkpoints ends elsewhere.
func TestStateThatIsNotCollectedShows(t *testing.T) {
	t.Parallel()
	method := func() training.Method { return &heavier{} }
	want, err := ended(Config(t, t.TempDir(), method()))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	breakOff(t, Config(t, dir, method()), 9)
	got, err := ended(Config(t, dir, method()))
	if err != nil {
		t.Fatal(err)
	}
	if got == want {
		t.Error("the lost state did not show")
	}
}
