package historical

import (
	"cmp"
	"slices"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/methods/training"
)

// M15, second: Toneva et al., "An Empirical Study of Example Forgetting during Deep
// Neural Network Learning", arXiv:1812.05159.

// Forgetting counts, in an interval of epochs, how often a sample went from right to
// wrong. The zero value is an empty interval.
type Forgetting struct {
	Epochs  int64 // length of the interval
	First   bool  // right in its first epoch
	Last    bool  // right in its last
	Learned bool  // right in any
	Forgets int64
}

// Add appends an epoch.
func (f Forgetting) Add(right bool) Forgetting {
	return f.Then(Forgetting{Epochs: 1, First: right, Last: right, Learned: right})
}

// Then joins the interval that follows. It is associative; the order matters.
func (f Forgetting) Then(g Forgetting) Forgetting {
	if f.Epochs == 0 {
		return g
	}
	if g.Epochs == 0 {
		return f
	}
	out := Forgetting{Epochs: f.Epochs + g.Epochs, First: f.First, Last: g.Last, Learned: f.Learned || g.Learned, Forgets: f.Forgets + g.Forgets}
	if f.Last && !g.First {
		out.Forgets++
	}
	return out
}

// Count is the number of forgets; of a sample that was never right the number of epochs.
func (f Forgetting) Count() int64 {
	if !f.Learned {
		return f.Epochs
	}
	return f.Forgets
}

// Interval is a Forgetting from an epoch on.
type Interval struct {
	From   int64
	Events Forgetting
}

// MergeIntervals joins intervals of one sample that do not overlap, in whatever order
// they come: those that follow each other become one, others stay apart.
func MergeIntervals(all []Interval) []Interval {
	slices.SortFunc(all, func(a, b Interval) int { return cmp.Compare(a.From, b.From) })
	var out []Interval
	for _, next := range all {
		if n := len(out) - 1; n >= 0 && out[n].From+out[n].Events.Epochs == next.From {
			out[n].Events = out[n].Events.Then(next.Events)
		} else {
			out = append(out, next)
		}
	}
	return out
}

// forgetting counts the forgets of each sample, at its own step of each epoch, and from
// the epoch `after` on leaves out samples with fewer than `least`.
type forgetting struct {
	base
	after, least int
	words        *Counts // a word a sample: see pack
}

// Begin implements Mechanism.
func (m *forgetting) Begin(r *training.Run) error {
	if r.Epochs > maxForgetEpochs {
		return fault.New(fault.Usage, "forgetting: %d epochs, a sample's word counts to %d", r.Epochs, maxForgetEpochs)
	}
	m.run = r
	m.words = NewCounts(r.Samples, 17)
	m.keep("events", m.words)
	return nil
}

// maxForgetEpochs is what 15 bits count: with whether a sample was learned they make the
// two bytes of the formula, beside the bit of its last epoch.
const maxForgetEpochs = 1<<15 - 1

// pack keeps last and learned in the lowest bits, then, of a sample that was never
// right, its epochs, of another its forgets. First is not kept.
func pack(f Forgetting) int64 {
	w := f.Count() << 2
	if f.Learned {
		w |= 2
	}
	if f.Last {
		w |= 1
	}
	return w
}

func unpack(w int64) Forgetting {
	f := Forgetting{Epochs: 1, Last: w&1 != 0, Learned: w&2 != 0}
	switch {
	case w == 0:
		return Forgetting{}
	case f.Learned:
		f.Forgets = w >> 2
	default:
		f.Epochs = w >> 2
	}
	return f
}

// Counts are the numbers of forgets so far.
func (m *forgetting) Counts() []int64 {
	out := make([]int64, m.words.Len())
	for i, w := range m.words.Ints() {
		out[i] = w >> 2
	}
	return out
}

// AfterLoss implements Weigher.
func (m *forgetting) AfterLoss(s *Step, _ []float64) ([]float32, error) {
	if err := checkIDs("forgetting", s.Batch.IDs, m.words.Len()); err != nil {
		return nil, err
	}
	if m.least == 0 || s.Batch.Epoch < int64(m.after) {
		return nil, nil
	}
	w := make([]float32, s.Count())
	for i, id := range s.Batch.IDs {
		if m.words.Ints()[id]>>2 >= int64(m.least) {
			w[i] = 1
		}
	}
	return w, nil
}

// Commit implements Mechanism.
func (m *forgetting) Commit(s *Step) error {
	k := m.run.Classes
	for i, id := range s.Batch.IDs {
		right := argmax(s.Scores[i*k:][:k]) == int(s.Labels[i])
		m.words.Ints()[id] = pack(unpack(m.words.Ints()[id]).Add(right))
	}
	return nil
}

// argmax is the place of the greatest number, of equal ones the first.
func argmax(row []float32) int {
	best := 0
	for i, v := range row {
		if v > row[best] {
			best = i
		}
	}
	return best
}

func init() {
	key := Key{LossValue, OnData, DE}
	Register(Info{
		Name: "forgetting", Spec: "M15", Key: key, Formula: "n (1 bit + 2 B)",
		Summary: "counts how often samples went from right to wrong, leaves out those that did not",
		Paper:   "An Empirical Study of Example Forgetting during Deep Neural Network Learning, arXiv:1812.05159",
		New: func(k Knobs) Mechanism {
			return &forgetting{base: base{key: key}, after: k.Int("after_epochs", 0, 0, 1e6), least: k.Int("least", 0, 0, 1e6)}
		},
	})
}
