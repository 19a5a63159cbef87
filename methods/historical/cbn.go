package historical

import (
	"math"
	"math/rand/v2"

	"github.com/tailorbird/tailorbird/methods/nn"
	"github.com/tailorbird/tailorbird/methods/training"
)

// M14: Ioffe and Szegedy, arXiv:1502.03167 (running moments); Yao et al., "Cross-
// Iteration Batch Normalization", arXiv:2002.05712, equations 6 to 10.

// CBNEntry is what one earlier step leaves of a linear layer y = x w^T, w (C, in): the
// moments E[y] and E[y^2] of its batch, their derivatives by each channel's own filter,
// and the filters of then.
type CBNEntry struct {
	Mean, Square   []float32 // (C)
	DMean, DSquare []float32 // (C, in)
	Weight         []float32 // (C, in)
}

// Corrected returns the entry's moments for the filters w, to first order. The mean is
// exact; the square is short of the truth by E[((w-w_old) x)^2].
func (c *CBNEntry) Corrected(w []float32) (mean, square []float64) {
	channels := len(c.Mean)
	in := len(w) / channels
	mean, square = make([]float64, channels), make([]float64, channels)
	for k := range channels {
		m, v := float64(c.Mean[k]), float64(c.Square[k])
		for j := k * in; j < (k+1)*in; j++ {
			d := float64(w[j]) - float64(c.Weight[j])
			m += float64(float64(c.DMean[j]) * d)
			v += float64(float64(c.DSquare[j]) * d)
		}
		mean[k], square[k] = m, v
	}
	return mean, square
}

// NewCBNEntry takes the moments of a batch x (N, in) of a layer with filters w (C, in).
func NewCBNEntry(x, w []float32, in int) CBNEntry {
	n, channels := len(x)/in, len(w)/in
	e := CBNEntry{
		Mean: make([]float32, channels), Square: make([]float32, channels),
		DMean: make([]float32, len(w)), DSquare: make([]float32, len(w)), Weight: append([]float32{}, w...),
	}
	dMean, dSquare := make([]float64, in), make([]float64, in)
	for k := range channels {
		clear(dMean)
		clear(dSquare)
		var mean, square float64
		for i := range n {
			row, y := x[i*in:][:in], 0.0
			for j, v := range row {
				y += float64(v) * float64(w[k*in+j])
			}
			mean += y
			square += y * y
			for j, v := range row {
				dMean[j] += float64(v)
				dSquare[j] += 2 * y * float64(v)
			}
		}
		e.Mean[k], e.Square[k] = float32(mean/float64(n)), float32(square/float64(n))
		for j := range in {
			e.DMean[k*in+j], e.DSquare[k*in+j] = float32(dMean[j]/float64(n)), float32(dSquare[j]/float64(n))
		}
	}
	return e
}

// CBNMoments returns the mean (C) and the biased variance (C) of y (N, C) over the
// window of this batch and the entries, corrected for the filters w. An entry's square
// is at least that of its mean: the variance of no batch is negative. Gradients flow
// through the moments of y only.
func CBNMoments(t *nn.Tape, y *nn.Var, w []float32, entries []CBNEntry) (mean, variance *nn.Var) {
	c := y.Dim(1)
	sumMean, sumSquare := make([]float32, c), make([]float32, c)
	for i := range entries {
		m, v := entries[i].Corrected(w)
		for k := range c {
			sumMean[k] += float32(m[k])
			sumSquare[k] += float32(math.Max(v[k], m[k]*m[k]))
		}
	}
	mean, square := t.Mean(y, false, 0), t.Mean(t.Square(y), false, 0)
	if n := len(entries); n > 0 {
		mean = t.Scale(t.Add(mean, t.Upload(sumMean, c)), 1/float32(n+1))
		square = t.Scale(t.Add(square, t.Upload(sumSquare, c)), 1/float32(n+1))
	}
	return mean, t.Sub(square, t.Square(mean))
}

// CBNNormalise is (y - mean) / sqrt(variance + eps), or with eps added to the root.
func CBNNormalise(t *nn.Tape, y, mean, variance *nn.Var, eps float64, inside bool) *nn.Var {
	d := t.Sub(y, mean)
	if inside {
		return t.Div(d, t.Sqrt(t.AddScalar(variance, float32(eps))))
	}
	return t.Div(d, t.AddScalar(t.Sqrt(variance), float32(eps)))
}

// cbn puts a linear layer, normalised over a window of batches, and a ReLU behind the
// pooling. With a window of 1 that is batch normalisation. Evaluation takes the running
// moments, which follow the current batches alone.
type cbn struct {
	base
	window, burnIn int
	momentum       float64

	weight, scale, shift *nn.Var
	mean, variance       *nn.Var // running
	moments, filters     *Ring   // of earlier steps: rows of mean and square; rows of the other three
	x                    []float32
	now                  int64
}

// eye is the identity, cut to the shape.
func eye(values []float32, shape []int, _ *rand.Rand) {
	clear(values)
	for i := range min(shape[0], shape[1]) {
		values[i*shape[1]+i] = 1
	}
}

// Begin implements Mechanism.
func (m *cbn) Begin(r *training.Run) error {
	m.run = r
	c := r.Net.Layout().Map
	m.weight, m.scale, m.shift = nn.NewParam(eye, c, c), nn.NewParam(nn.Ones, c), nn.NewParam(nn.Zeros, c)
	m.mean, m.variance = nn.NewBuffer(0, c), nn.NewBuffer(1, c)
	m.moments, m.filters = NewRing(m.window-1, 2*c), NewRing(m.window-1, 3*c*c)
	if m.window > 1 {
		m.keep("moments", m.moments)
		m.keep("filters", m.filters)
	}
	return nil
}

// Bytes is (window-1) (2C + 3|w|) s, and for running moments alone 2C s.
func (m *cbn) Bytes() int64 {
	if len(m.stores) == 0 {
		return 8 * int64(m.mean.Dim(0))
	}
	return m.moments.Bytes() + m.filters.Bytes() - 16*int64(m.window-1)
}

// Reset implements Mechanism.
func (m *cbn) Reset() {
	m.base.Reset()
	clear(m.mean.Value.Float32s())
	for i := range m.variance.Value.Float32s() {
		m.variance.Value.Float32s()[i] = 1
	}
}

// Collect implements nn.Module.
func (m *cbn) Collect(c *nn.Collector) {
	c.Param("weight", m.weight)
	c.Param("scale", m.scale)
	c.Param("shift", m.shift)
	c.Buffer("running_mean", m.mean)
	c.Buffer("running_var", m.variance)
	m.base.Collect(c)
}

// entries are the stored steps.
func (m *cbn) entries() []CBNEntry {
	a, held := m.moments.Held()
	b, _ := m.filters.Held()
	c := m.mean.Dim(0)
	out := make([]CBNEntry, len(held))
	for i := range out {
		p, f := a[i*2*c:], b[i*3*c*c:]
		out[i] = CBNEntry{Mean: p[:c], Square: p[c : 2*c], DMean: f[:c*c], DSquare: f[c*c : 2*c*c], Weight: f[2*c*c : 3*c*c]}
	}
	return out
}

// AfterPool implements Neck.
func (m *cbn) AfterPool(t *nn.Tape, x *nn.Var) *nn.Var {
	y := t.Linear(x, m.weight, nil)
	mean, variance := t.Const(m.mean.Value), t.Const(m.variance.Value)
	if t.Training {
		m.x = t.Host(x)
		if m.now < int64(m.burnIn)*int64(m.run.StepsPerEpoch) && y.Dim(0) > 1 {
			mean, variance = t.Mean(y, false, 0), t.Var(y, 1, false, 0)
		} else {
			mean, variance = CBNMoments(t, y, t.Host(m.weight), m.entries())
		}
	}
	y = CBNNormalise(t, y, mean, variance, 1e-5, true)
	return t.ReLU(t.Add(t.Mul(y, m.scale), m.shift))
}

// BeforeForward implements Data: it notes the step for the burn-in.
func (m *cbn) BeforeForward(s *Step) error {
	m.now = s.Now()
	return nil
}

// AfterBackward implements Gradient: before the weights move their moments are taken.
func (m *cbn) AfterBackward(s *Step, _ []*nn.Var) error {
	w, err := download(m.run.Engine, m.weight.Value)
	if err != nil {
		return err
	}
	c := m.mean.Dim(0)
	e := NewCBNEntry(m.x, w, c)
	if m.window > 1 {
		label := []int64{0}
		m.moments.Push(append(append([]float32{}, e.Mean...), e.Square...), label, s.Now())
		m.filters.Push(append(append(append([]float32{}, e.DMean...), e.DSquare...), e.Weight...), label, s.Now())
	}
	n := float64(len(m.x) / c)
	mean, variance := m.mean.Value.Float32s(), m.variance.Value.Float32s()
	for k := range c {
		mu := float64(e.Mean[k])
		v := math.Max(float64(e.Square[k])-mu*mu, 0) * n / math.Max(n-1, 1)
		mean[k] += float32(m.momentum * (mu - float64(mean[k])))
		variance[k] += float32(m.momentum * (v - float64(variance[k])))
	}
	return nil
}

func init() {
	register := func(name, summary, paper, formula string, window int, key Key) {
		Register(Info{
			Name: name, Spec: "M14", Key: key, Formula: formula, Summary: summary, Paper: paper,
			New: func(k Knobs) Mechanism {
				m := &cbn{base: base{key: key}, window: window, momentum: k.Float("momentum", 0.1, 0, 1)}
				if window > 1 {
					m.window, m.burnIn = k.Int("window", window, 1, 1000), k.Int("burn_in_epochs", 8, 0, 1e6)
				}
				return m
			},
		})
	}
	register("bn_moments", "normalises features by the batch, in evaluation by moving moments",
		"Batch Normalization, arXiv:1502.03167", "2 C s", 1, Key{FeatureStatistics, OnModel, MA})
	register("cbn", "normalises features over the last batches, corrected for the changed weights",
		"Cross-Iteration Batch Normalization, arXiv:2002.05712", "3 (2C + 3|w|) s", 4, Key{FeatureStatistics, OnModel, DE})
}
