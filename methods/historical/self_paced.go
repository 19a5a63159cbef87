package historical

import (
	"github.com/tailorbird/tailorbird/methods/training"
)

// M15, third: Kumar, Packer and Koller, "Self-Paced Learning for Latent Variable
// Models", NIPS 2010.

// selfPaced trains on the samples whose loss is below a limit that grows with the
// epochs. What it keeps is the limit.
type selfPaced struct {
	base
	lambda, mu float64
	limit      *Sum
}

// Begin implements Mechanism.
func (m *selfPaced) Begin(r *training.Run) error {
	m.run = r
	m.limit = NewSum(1)
	m.keep("limit", m.limit)
	m.Reset()
	return nil
}

// Bytes is 0: the limit is one number, whatever is trained on.
func (m *selfPaced) Bytes() int64 { return 0 }

// Reset implements Mechanism.
func (m *selfPaced) Reset() { m.limit.Set(0, m.lambda, 0) }

// AfterLoss implements Weigher: [loss < lambda].
func (m *selfPaced) AfterLoss(_ *Step, losses []float64) ([]float32, error) {
	w := make([]float32, len(losses))
	all := true
	for i, l := range losses {
		if l < m.limit.At(0) {
			w[i] = 1
		} else {
			all = false
		}
	}
	if all {
		return nil, nil
	}
	return w, nil
}

// EndEpoch implements EpochEnd: lambda <- mu lambda.
func (m *selfPaced) EndEpoch(epoch int64) error {
	m.limit.Set(0, m.mu*m.limit.At(0), (epoch+1)*int64(m.run.StepsPerEpoch)-1)
	return nil
}

func init() {
	key := Key{LossValue, OnData, DE}
	Register(Info{
		Name: "self_paced", Spec: "M15", Key: key, Formula: "0",
		Summary: "trains on easy samples first: those below a limit that grows",
		Paper:   "Self-Paced Learning for Latent Variable Models, NIPS 2010",
		New: func(k Knobs) Mechanism {
			return &selfPaced{base: base{key: key}, lambda: k.Float("lambda", 1, 0, 1e30), mu: k.Float("mu", 1.3, 1, 1e6)}
		},
	})
}
