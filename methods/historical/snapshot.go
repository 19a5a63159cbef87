package historical

import (
	"math"

	"github.com/tailorbird/tailorbird/methods/nn"
	"github.com/tailorbird/tailorbird/methods/training"
)

// M4: Huang et al., "Snapshot Ensembles: Train 1, get M for free", arXiv:1704.00109;
// Garipov et al., "Loss Surfaces, Mode Connectivity, and Fast Ensembling of DNNs",
// arXiv:1802.10026 (FGE).

// snapshot keeps the weights at the end of each of m cycles and predicts with the mean
// of their softmax. The cyclic rate is the loop's: SnapshotSchedule, or nn.CosineRestarts.
type snapshot struct {
	base
	members int
	store   *Snapshot
}

// Begin implements Mechanism.
func (m *snapshot) Begin(r *training.Run) error {
	m.run = r
	m.store = NewSnapshot(r.Engine, r.Net, m.members)
	m.keep("snapshots", m.store)
	return nil
}

// EndEpoch implements EpochEnd.
func (m *snapshot) EndEpoch(epoch int64) error {
	if m.members == 0 {
		return nil
	}
	cycle := int64(math.Ceil(float64(m.run.Epochs) / float64(m.members)))
	done := epoch + 1
	if done%cycle != 0 && done != int64(m.run.Epochs) {
		return nil
	}
	i := int((done + cycle - 1) / cycle)
	return m.store.Take(i-1, done*int64(m.run.StepsPerEpoch)-1)
}

// Infer implements Inference: the logarithm of the mean softmax over the snapshots.
func (m *snapshot) Infer(t *nn.Tape, next func() *nn.Var) *nn.Var {
	var outs []*nn.Var
	for i := range m.members {
		if m.store.Valid(i) {
			m.store.Swap(i)
			outs = append(outs, next())
			m.store.Swap(i)
		}
	}
	if len(outs) == 0 {
		return next()
	}
	return EnsembleLogits(t, outs)
}

// EnsembleLogits is log((1/M) sum softmax(z_m)) of logits (B, K): the mean of the
// predictions as logits, as they came where there is one.
func EnsembleLogits(t *nn.Tape, outs []*nn.Var) *nn.Var {
	if len(outs) == 1 {
		return outs[0]
	}
	logs := make([]*nn.Var, len(outs))
	for i, z := range outs {
		logs[i] = t.LogSoftmax(z, 1)
	}
	return t.AddScalar(t.LogSumExp(t.Stack(0, logs...), 0), float32(-math.Log(float64(len(outs)))))
}

// SnapshotSchedule is the cyclic cosine over epochs counted from 0: with t from 1,
// LR/2 (1 + cos(pi mod(t-1, C)/C)), C = ceil(Epochs/Cycles).
type SnapshotSchedule struct {
	LR             float64
	Epochs, Cycles int
}

// At implements nn.Schedule.
func (s SnapshotSchedule) At(t float64) float64 {
	c := math.Ceil(float64(s.Epochs) / float64(s.Cycles))
	return s.LR / 2 * (1 + math.Cos(math.Pi*math.Mod(t, c)/c))
}

// FGESchedule falls in a straight line from High to Low in half a cycle and rises
// again. Weights are collected at the minimum. Time and Cycle are in epochs.
type FGESchedule struct{ High, Low, Cycle float64 }

// At implements nn.Schedule.
func (s FGESchedule) At(t float64) float64 {
	x := math.Mod(t, s.Cycle) / s.Cycle
	return s.High + (s.Low-s.High)*(1-math.Abs(2*x-1))
}

func init() {
	key := Key{ParameterEnsemble, OnInference, DE}
	Register(Info{
		Name: "snapshot", Spec: "M4", Key: key, Formula: "M P s",
		Summary: "predicts with the weights at the end of each cycle together",
		Paper:   "Snapshot Ensembles: Train 1, get M for free, arXiv:1704.00109",
		New: func(k Knobs) Mechanism {
			return &snapshot{base: base{key: key}, members: k.Int("members", 5, 0, 1000)}
		},
	})
}
