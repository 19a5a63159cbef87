package historical

import (
	"cmp"
	"math"
	"slices"

	"github.com/tailorbird/tailorbird/methods/training"
)

// M15: Huang et al., "O2U-Net: A Simple Noisy Label Detection Approach for Deep Neural
// Networks", ICCV 2019.

// o2u adds up, over the epochs of its second stage, by how much each sample's loss
// exceeds the epoch's mean, and in its third stage leaves the top share of them out.
type o2u struct {
	base
	warm, watch int     // epochs of stages 1 and 2
	forget      float64 // share of the samples
	scores      *Sum
	seen        *Sum // this epoch's loss of each sample
	chosen      []bool
}

// Begin implements Mechanism.
func (m *o2u) Begin(r *training.Run) error {
	m.run = r
	m.scores, m.seen = NewSum(r.Samples), NewSum(r.Samples)
	m.keep("scores", m.scores)
	m.keep("epoch", m.seen)
	return nil
}

// Bytes is 8 n: what an epoch in the making keeps beside is bookkeeping.
func (m *o2u) Bytes() int64 { return m.scores.Bytes() }

// Scores are the cumulative centred losses.
func (m *o2u) Scores() []float64 {
	out := make([]float64, m.scores.Len())
	for i := range out {
		out[i] = m.scores.At(i)
	}
	return out
}

// watching says whether losses of an epoch count.
func (m *o2u) watching(epoch int64) bool {
	return epoch >= int64(m.warm) && epoch < int64(m.warm+m.watch)
}

// AfterLoss implements Weigher.
func (m *o2u) AfterLoss(s *Step, losses []float64) ([]float32, error) {
	if err := checkIDs("o2u", s.Batch.IDs, m.scores.Len()); err != nil {
		return nil, err
	}
	if s.Batch.Epoch < int64(m.warm+m.watch) || m.forget == 0 {
		return nil, nil
	}
	if m.chosen == nil {
		m.chosen = TopShare(m.Scores(), m.forget)
	}
	w := make([]float32, s.Count())
	for i, id := range s.Batch.IDs {
		if !m.chosen[id] {
			w[i] = 1
		}
	}
	return w, nil
}

// Commit implements Mechanism.
func (m *o2u) Commit(s *Step) error {
	if m.watching(s.Batch.Epoch) {
		for i, id := range s.Batch.IDs {
			m.seen.Set(int(id), s.losses[i], s.Now())
		}
	}
	return nil
}

// EndEpoch implements EpochEnd: scores of the samples that the epoch had.
func (m *o2u) EndEpoch(epoch int64) error {
	if !m.watching(epoch) {
		return nil
	}
	var sum ExactSum
	n := 0
	for i := range m.seen.Len() {
		if m.seen.Valid(i) {
			sum.Add(m.seen.At(i))
			n++
		}
	}
	mean := sum.Value() / float64(n)
	last := (epoch+1)*int64(m.run.StepsPerEpoch) - 1
	for i := range m.seen.Len() {
		if m.seen.Valid(i) {
			m.scores.Add(i, m.seen.At(i)-mean, last)
		}
	}
	m.seen.Reset()
	m.chosen = nil
	return nil
}

// CenteredScores are the sums over epochs of losses (epochs, n) minus each epoch's mean.
func CenteredScores(losses [][]float64) []float64 {
	var out []float64
	for _, epoch := range losses {
		if out == nil {
			out = make([]float64, len(epoch))
		}
		var sum ExactSum
		for _, l := range epoch {
			sum.Add(l)
		}
		mean := sum.Value() / float64(len(epoch))
		for i, l := range epoch {
			out[i] += l - mean
		}
	}
	return out
}

// TopShare marks the share of the highest scores, of equal ones the first.
func TopShare(scores []float64, share float64) []bool {
	order := make([]int, len(scores))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(scores[b], scores[a]) })
	out := make([]bool, len(scores))
	for _, i := range order[:int(math.Round(share*float64(len(scores))))] {
		out[i] = true
	}
	return out
}

// O2USchedule is the cyclic rate of the second stage over epochs: (1-tau) High + tau
// Low, tau = (mod(e, Cycle) + 1)/Cycle.
type O2USchedule struct{ High, Low, Cycle float64 }

// At implements nn.Schedule.
func (s O2USchedule) At(t float64) float64 {
	tau := (math.Floor(math.Mod(t, s.Cycle)) + 1) / s.Cycle
	return (1-tau)*s.High + tau*s.Low
}

func init() {
	key := Key{LossValue, OnData, MA}
	Register(Info{
		Name: "o2u", Spec: "M15", Key: key, Formula: "8 n",
		Summary: "leaves out the samples whose losses stayed above the mean",
		Paper:   "O2U-Net: A Simple Noisy Label Detection Approach for Deep Neural Networks, ICCV 2019",
		New: func(k Knobs) Mechanism {
			return &o2u{
				base: base{key: key}, warm: k.Int("warm_epochs", 0, 0, 1e6), watch: k.Int("watch_epochs", 1e6, 0, 1e6),
				forget: k.Float("forget_rate", 0, 0, 1),
			}
		},
	})
}
