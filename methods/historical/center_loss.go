package historical

import (
	"github.com/tailorbird/tailorbird/methods/nn"
	"github.com/tailorbird/tailorbird/methods/training"
)

// M13: Wen et al., "A Discriminative Feature Learning Approach for Deep Face
// Recognition", ECCV 2016, equations 2 to 4.

// CenterTerm is the mean over the batch of half the squared distance of features x (B,
// d) from centres c (B, d), through which no gradient flows.
func CenterTerm(t *nn.Tape, x, c *nn.Var) *nn.Var {
	return t.Scale(t.Sum(t.Square(t.Sub(x, t.Detach(c))), false), 0.5/float32(x.Dim(0)))
}

// CenterUpdate moves the centres (K, d) of the classes in a batch of features x (B, d):
// c_j <- c_j + alpha sum over y=j of (x - c_j) / (1 + n_j).
func CenterUpdate(centers, x []float32, labels []int64, d int, alpha float64) {
	sums := map[int64][]float64{}
	var order []int64
	count := map[int64]float64{}
	for i, l := range labels {
		if sums[l] == nil {
			sums[l] = make([]float64, d)
			order = append(order, l)
		}
		count[l]++
		for j := range d {
			sums[l][j] += float64(x[i*d+j]) - float64(centers[int(l)*d+j])
		}
	}
	for _, l := range order {
		for j := range d {
			c := &centers[int(l)*d+j]
			*c = float32(float64(*c) + alpha*sums[l][j]/(1+count[l]))
		}
	}
}

// centerLoss draws features to the centre of their class. A class has no term before
// its first sample, which begins its centre from zero.
type centerLoss struct {
	base
	weight, alpha float64
	centers       *Table
	features      []float32
}

// Begin implements Mechanism.
func (m *centerLoss) Begin(r *training.Run) error {
	m.run = r
	m.centers = NewTable(r.Classes, r.Net.Layout().Map)
	m.keep("centers", m.centers)
	return nil
}

// AfterForward implements Loss. A sample whose class has no centre is its own.
func (m *centerLoss) AfterForward(s *Step) (*nn.Var, error) {
	m.features = s.Tape.Host(s.Pooled)
	if m.weight == 0 || m.features == nil {
		return nil, s.Tape.Err()
	}
	d, any := m.centers.Width, false
	c := append([]float32{}, m.features...)
	for i, l := range s.Labels {
		if m.centers.Valid(l) {
			any = true
			copy(c[i*d:], m.centers.Row(l))
		}
	}
	if !any {
		return nil, nil
	}
	return s.Tape.Scale(CenterTerm(s.Tape, s.Pooled, s.Tape.Upload(c, s.Count(), d)), float32(m.weight)), nil
}

// Commit implements Mechanism.
func (m *centerLoss) Commit(s *Step) error {
	CenterUpdate(m.centers.values.Value.Float32s(), m.features, s.Labels, m.centers.Width, m.alpha)
	for _, l := range s.Labels {
		m.centers.written.set(int(l), s.Now())
	}
	return nil
}

func init() {
	key := Key{FeatureStatistics, OnLoss, MA}
	Register(Info{
		Name: "center_loss", Spec: "M13", Key: key, Formula: "K d s",
		Summary: "draws features to the moving centre of their class",
		Paper:   "A Discriminative Feature Learning Approach for Deep Face Recognition, ECCV 2016",
		New: func(k Knobs) Mechanism {
			return &centerLoss{base: base{key: key}, weight: k.Float("weight", 0.003, 0, 1e6), alpha: k.Float("alpha", 0.5, 0, 1)}
		},
	})
}
