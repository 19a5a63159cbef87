package historical

import (
	"math"

	"github.com/tailorbird/tailorbird/methods/nn"
	"github.com/tailorbird/tailorbird/methods/training"
)

// M1: Tarvainen and Valpola, "Mean teachers are better role models", arXiv:1703.01780;
// averaged buffers of norms as in EMAN, arXiv:2101.08482.

// WarmDecay is the share of the old average at update t, from 1: min(alpha, 1 - 1/(t+1)).
// Until that reaches alpha the average is the arithmetic mean of the start and of all
// updates.
func WarmDecay(alpha float64, t int64) float64 { return math.Min(alpha, 1-1/float64(t+1)) }

// WarmEMA is the nn.Averaging of WarmDecay.
type WarmEMA float64

// Weight implements nn.Averaging.
func (a WarmEMA) Weight(n int64) float64 { return 1 - WarmDecay(float64(a), n) }

// fixedWeight takes in the same share at every update, the first one too.
type fixedWeight float64

func (w fixedWeight) Weight(int64) float64 { return float64(w) }

// Consistency is the mean over batch and classes of the squared difference of the
// softmax of student (B, K) and teacher (B, K), through which no gradient flows.
func Consistency(t *nn.Tape, student, teacher *nn.Var) *nn.Var {
	return t.MSE(t.Softmax(student, 1), t.Detach(t.Softmax(teacher, 1)), nn.ReduceMean)
}

// SigmoidRamp is exp(-5 (1 - e/length)^2) until e = length, 1 from there.
func SigmoidRamp(e, length float64) float64 {
	if e >= length {
		return 1
	}
	d := 1 - e/length
	return math.Exp(-5 * d * d)
}

// weightEMA averages the weights after every step and predicts with the average.
type weightEMA struct {
	base
	decay       float64
	copyBuffers bool
	student     bool // predict with the weights that are trained
	average     *Average
}

// Begin implements Mechanism.
func (m *weightEMA) Begin(r *training.Run) (err error) {
	m.run = r
	if m.average, err = newAverage(r.Engine, r.Net, WarmEMA(m.decay), m.copyBuffers); err == nil {
		m.keep("average", m.average)
	}
	return err
}

// Commit implements Mechanism: an update a step of the optimiser.
func (m *weightEMA) Commit(s *Step) error { return m.average.Update(s.Now()) }

// Infer implements Inference.
func (m *weightEMA) Infer(_ *nn.Tape, next func() *nn.Var) (y *nn.Var) {
	if m.student || !m.average.Begun() {
		return next()
	}
	m.average.With(func() { y = next() })
	return y
}

// meanTeacher also asks the student to agree with the average. The teacher runs with
// the averaged running statistics, on the second view where views is 2. The published
// cost of a second student head is left out.
type meanTeacher struct {
	weightEMA
	weight, ramp float64 // of the term at the end of the ramp; epochs
	views        int
}

// TwoViews implements the interface of that name.
func (m *meanTeacher) TwoViews() bool { return m.views == 2 }

// AfterForward implements Loss.
func (m *meanTeacher) AfterForward(s *Step) (*nn.Var, error) {
	if m.weight == 0 || !m.average.Begun() {
		return nil, nil
	}
	x := s.Batch.Images
	if m.views == 2 {
		x = s.Batch.Second
	}
	var teacher *nn.Var
	m.average.With(func() { teacher = evaluate(s, s.Tape.Const(x)) })
	w := m.weight * SigmoidRamp(float64(s.Batch.Epoch), m.ramp)
	return s.Tape.Scale(Consistency(s.Tape, s.Logits, teacher), float32(w)), nil
}

// evaluate runs the network without recording and without batch statistics.
func evaluate(s *Step, x *nn.Var) (y *nn.Var) {
	t := s.Tape
	was := t.Training
	t.Training = false
	t.NoGrad(func() { y = s.Run.Net.Forward(t, x) })
	t.Training = was
	return y
}

func readEMA(k Knobs, key Key) weightEMA {
	return weightEMA{
		base:        base{key: key},
		decay:       k.Float("decay", 0.999, 0, 1),
		copyBuffers: k.Bool("copy_buffers", false),
		student:     k.Text("evaluate", "average", "average", "student") == "student",
	}
}

func init() {
	key := Key{ParameterTeacher, OnModel, MA}
	Register(Info{
		Name: "weight_ema", Spec: "M1", Key: key, Formula: "P s",
		Summary: "predicts with an exponential moving average of the weights",
		Paper:   "Mean teachers are better role models, arXiv:1703.01780",
		New:     func(k Knobs) Mechanism { m := readEMA(k, key); return &m },
	})
	loss := Key{ParameterTeacher, OnLoss, MA}
	Register(Info{
		Name: "mean_teacher", Spec: "M1", Key: loss, Formula: "P s",
		Summary: "agrees with the moving average of its own weights",
		Paper:   "Mean teachers are better role models, arXiv:1703.01780",
		New: func(k Knobs) Mechanism {
			return &meanTeacher{
				weightEMA: readEMA(k, loss), weight: k.Float("weight", 100, 0, 1e6),
				ramp: k.Float("ramp_epochs", 5, 1e-9, 1e6), views: k.Int("views", 1, 1, 2),
			}
		},
	})
}
