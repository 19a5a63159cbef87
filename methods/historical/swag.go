package historical

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/methods/nn"
	"github.com/tailorbird/tailorbird/methods/training"
)

// M19: Maddox et al., "A Simple Baseline for Bayesian Uncertainty in Deep Learning",
// arXiv:1902.02476, algorithm 1.

// SWAGSample writes mean + sqrt(diag/2) z1 + D z2 / sqrt(2 (K-1)) to dst: diag = square -
// mean^2, at least 0, D the K deviations (K, P), z standard normal.
func SWAGSample(dst, mean, square, deviations []float32, rng *rand.Rand) {
	k := len(deviations) / len(mean)
	z := make([]float64, k)
	for i := range z {
		z[i] = rng.NormFloat64()
	}
	for i, m := range mean {
		diag := math.Max(float64(square[i])-float64(m)*float64(m), 0)
		x := float64(m) + math.Sqrt(diag/2)*rng.NormFloat64()
		if k > 1 {
			for j, y := range z {
				x += float64(deviations[j*len(mean)+i]) * y / math.Sqrt(2*float64(k-1))
			}
		}
		dst[i] = float32(x)
	}
}

// swag keeps the moments and the last deviations of the weights at the end of epochs,
// and predicts with the mean softmax of networks drawn from them. The running statistics
// of norms stay the trained ones.
type swag struct {
	base
	start         float64
	rank, samples int
	moments       *Slot // mean, square
	deviations    *Ring
	collected     *Counts
	drawn         *Snapshot
	probe         *probe
}

// Begin implements Mechanism.
func (m *swag) Begin(r *training.Run) error {
	m.run, m.probe = r, newProbe(r)
	m.moments, m.deviations, m.collected = NewSlot(2, m.probe.size), NewRing(m.rank, m.probe.size), NewCounts(1, 0)
	m.drawn = NewSnapshot(r.Engine, r.Net, 1)
	m.keep("moments", m.moments)
	m.keep("deviations", m.deviations)
	m.keep("collected", m.collected)
	return nil
}

// Bytes is (2 + rank) P s.
func (m *swag) Bytes() int64 { return m.moments.Bytes() + m.deviations.Bytes() - 8*int64(m.rank) }

// EndEpoch implements EpochEnd.
func (m *swag) EndEpoch(epoch int64) error {
	if epoch < int64(m.start*float64(m.run.Epochs)) || m.samples == 0 {
		return nil
	}
	var w []float32
	for _, p := range m.probe.params {
		v, err := download(m.run.Engine, p.Var.Value)
		if err != nil {
			return fault.At(err, fault.Place{Key: p.Name})
		}
		w = append(w, v...)
	}
	both, ok := m.moments.Get()
	if !ok {
		both = make([]float32, 2*len(w))
	}
	next := append([]float32{}, both...)
	n := float64(m.collected.Ints()[0])
	deviation := make([]float32, len(w))
	for i, x := range w {
		x := float64(x)
		mean := (float64(both[i])*n + x) / (n + 1)
		next[i] = float32(mean)
		next[len(w)+i] = float32((float64(both[len(w)+i])*n + x*x) / (n + 1))
		deviation[i] = float32(x - mean)
	}
	now := (epoch+1)*int64(m.run.StepsPerEpoch) - 1
	m.moments.Put(next, now)
	m.deviations.Push(deviation, []int64{0}, now)
	m.collected.Ints()[0]++
	return nil
}

// Infer implements Inference.
func (m *swag) Infer(t *nn.Tape, next func() *nn.Var) *nn.Var {
	both, ok := m.moments.Get()
	if !ok || m.samples == 0 {
		return next()
	}
	p := m.probe.size
	deviations, _ := m.deviations.Held()
	w := make([]float32, p)
	var outs []*nn.Var
	for i := range m.samples {
		rng := nn.Rand(m.run.Seed, fmt.Sprint(m.collected.Ints()[0], i), "weights of swag")
		SWAGSample(w, both[:p], both[p:], deviations, rng)
		err := m.drawn.Take(0, 0)
		at, j := 0, 0
		for _, entry := range m.drawn.model {
			if !entry.Buffer && err == nil {
				n := sizeOf(entry.Var) / 4
				err = upload(m.run.Engine, m.drawn.copies[0][j].Value, w[at:at+n])
				at += n
			}
			j++
		}
		if err != nil {
			return t.Fail(err)
		}
		m.drawn.Swap(0)
		outs = append(outs, next())
		m.drawn.Swap(0)
	}
	return EnsembleLogits(t, outs)
}

func init() {
	key := Key{ParameterUnitary, OnInference, MA}
	Register(Info{
		Name: "swag", Spec: "M19", Key: key, Formula: "(2 + 20) P s",
		Summary: "predicts with weights drawn around the mean of the last epochs",
		Paper:   "A Simple Baseline for Bayesian Uncertainty in Deep Learning, arXiv:1902.02476",
		New: func(k Knobs) Mechanism {
			return &swag{base: base{key: key}, start: k.Float("start", 0.75, 0, 1), rank: k.Int("rank", 20, 1, 1000), samples: k.Int("samples", 10, 0, 1000)}
		},
	})
}
