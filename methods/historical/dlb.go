package historical

import (
	"gorgonia.org/tensor"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/ops"
	"github.com/tailorbird/tailorbird/methods/nn"
	"github.com/tailorbird/tailorbird/methods/training"
)

// M8: Shen et al., "Self-Distillation from the Last Mini-Batch for Consistency
// Regularization", arXiv:2203.16172.

// DLBLoss is the cross-entropy over the logits of both passes, now (B, K) of this batch
// and then (B', K) of the last one, and alpha tau^2 KL(softmax(last/tau) ||
// softmax(then/tau)), the mean over B'. last is what was said of the last batch then: no
// gradient flows into it.
func DLBLoss(t *nn.Tape, now *nn.Var, labels *tensor.Dense, then *nn.Var, lastLabels *tensor.Dense, last *nn.Var, alpha, tau float64) *nn.Var {
	a, b := float32(now.Dim(0)), float32(then.Dim(0))
	first := t.Scale(t.CrossEntropy(now, labels, nn.CrossEntropy{}), a/(a+b))
	second := t.Scale(t.CrossEntropy(then, lastLabels, nn.CrossEntropy{}), b/(a+b))
	term := t.Scale(t.KDLoss(then, t.Detach(last), float32(tau)), float32(alpha))
	return t.Add(t.Add(first, second), term)
}

// dlb runs the network on the last batch once more, in its other augmentation and with
// batch statistics of its own, and asks it for the predictions of then. The history
// goes on over the end of an epoch. With alpha 0 there is no second pass.
type dlb struct {
	base
	alpha, tau float64
	size       int // side of the images; 0: what the run says
	logits     *Slot
	images     *Slot
	labels     *Counts
}

// pixelsOf is the number of values of a picture: of the side that an option names, or
// of the run's.
func pixelsOf(r *training.Run, side int) int {
	if side > 0 {
		return 3 * side * side
	}
	return 3 * r.Height * r.Width
}

// Begin implements Mechanism.
func (m *dlb) Begin(r *training.Run) error {
	m.run = r
	m.logits = NewSlot(r.Batch, r.Classes)
	m.images = NewSlot(r.Batch, pixelsOf(r, m.size))
	m.labels = NewCounts(r.Batch, 64)
	m.keep("logits", m.logits)
	m.keep("images", m.images)
	m.keep("labels", m.labels)
	return nil
}

// TwoViews implements the interface of that name.
func (m *dlb) TwoViews() bool { return true }

// Criterion implements the interface of that name: the cross-entropy over the outputs
// of both passes, and the term.
func (m *dlb) Criterion(s *Step) (*nn.Var, error) {
	t, b := s.Tape, s.Batch
	if b.Second == nil || ops.Size(b.Second.Shape()) != s.Count()*m.images.Width {
		return nil, fault.New(fault.Usage, "dlb: second view of %v, want %d samples of %d values", shapeOf(b.Second), s.Count(), m.images.Width)
	}
	last, ok := m.logits.Get()
	if !ok || m.alpha == 0 {
		return t.CrossEntropy(s.Logits, b.Labels, nn.CrossEntropy{}), nil
	}
	old, _ := m.images.Get()
	n := len(last) / m.run.Classes
	then := s.Run.Net.Forward(t, t.Upload(old, append([]int{n}, b.Images.Shape()[1:]...)...))
	labels := tensor.New(tensor.WithShape(n), tensor.WithBacking(append([]int64{}, m.labels.Ints()[:n]...)))
	return DLBLoss(t, s.Logits, b.Labels, then, labels, t.Upload(last, n, m.run.Classes), m.alpha, m.tau), nil
}

func shapeOf(x *tensor.Dense) any {
	if x == nil {
		return "nothing"
	}
	return []int(x.Shape())
}

// Commit implements Mechanism.
func (m *dlb) Commit(s *Step) error {
	second, err := download(m.run.Engine, s.Batch.Second)
	if err != nil {
		return err
	}
	m.logits.Put(s.Scores, s.Now())
	m.images.Put(second, s.Now())
	copy(m.labels.Ints(), s.Labels)
	return nil
}

func init() {
	key := Key{Prediction, OnLoss, DE}
	Register(Info{
		Name: "dlb", Spec: "M8", Key: key, Formula: "B (K s + 3WH s + 8)",
		Summary: "agrees with what it said of the last batch in another augmentation",
		Paper:   "Self-Distillation from the Last Mini-Batch for Consistency Regularization, arXiv:2203.16172",
		New: func(k Knobs) Mechanism {
			return &dlb{
				base: base{key: key}, alpha: k.Float("alpha", 0.5, 0, 1e6), tau: k.Float("tau", 3, 1e-3, 1e3),
				size: k.Int("size", 0, 0, 1<<14),
			}
		},
	})
}
