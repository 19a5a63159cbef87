package historical

import (
	"github.com/tailorbird/tailorbird/methods/nn"
	"github.com/tailorbird/tailorbird/methods/training"
)

// M17, first: Johnson and Zhang, "Accelerating Stochastic Gradient Descent using
// Predictive Variance Reduction", NIPS 2013.

// SVRGStep writes g - old + mean to dst: the gradient of a batch at the weights, that at
// the stored weights, and the mean of the latter over all batches.
func SVRGStep(dst, g, old, mean []float32) {
	for i := range dst {
		dst[i] = float32(float64(g[i]) - float64(old[i]) + float64(mean[i]))
	}
}

// svrg goes in rounds of two epochs. The first stores the weights it begins with, and
// gathers the mean gradient there while it trains as ever; the second corrects its
// gradients. The published form takes the mean in a pass of its own, which a method
// of this loop cannot ask for. Augmented images make the mean approximate.
type svrg struct {
	base
	correct bool
	old     *Snapshot
	mean    *Slot
	probe   *probe
}

// Begin implements Mechanism.
func (m *svrg) Begin(r *training.Run) error {
	m.run, m.probe = r, newProbe(r)
	m.old = NewSnapshot(r.Engine, r.Net, 1)
	m.mean = NewSlot(1, m.probe.size)
	m.keep("weights", m.old)
	m.keep("mean", m.mean)
	return nil
}

// AfterBackward implements Gradient.
func (m *svrg) AfterBackward(s *Step, _ []*nn.Var) error {
	if !m.correct {
		return nil
	}
	if s.Batch.Epoch%2 == 0 && s.Now()%int64(m.run.StepsPerEpoch) == 0 {
		if err := m.old.Take(0, s.Now()); err != nil {
			return err
		}
		m.mean.Put(make([]float32, m.probe.size), s.Now())
	}
	g, err := m.probe.read()
	if err != nil || !m.old.Valid(0) {
		return err
	}
	m.old.Swap(0)
	old, err := m.probe.measure(s, s.Batch.Images, s.Batch.Labels)
	m.old.Swap(0)
	if err != nil {
		return err
	}
	mean, _ := m.mean.Get()
	if s.Batch.Epoch%2 == 0 {
		w := float64(s.Count()) / float64(m.run.Samples)
		for i, v := range old {
			mean[i] += float32(w * float64(v))
		}
		return m.probe.write(g)
	}
	SVRGStep(g, g, old, mean)
	return m.probe.write(g)
}

func init() {
	key := Key{GradientParameter, OnOptimizer, DE}
	Register(Info{
		Name: "svrg", Spec: "M17", Key: key, Formula: "2 P s",
		Summary: "takes the noise of the batch out of its gradient with the help of stored weights",
		Paper:   "Accelerating Stochastic Gradient Descent using Predictive Variance Reduction, NIPS 2013",
		New:     func(k Knobs) Mechanism { return &svrg{base: base{key: key}, correct: k.Bool("correct", true)} },
	})
}
