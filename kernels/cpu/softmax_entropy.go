package cpu

import (
	"math"

	"gorgonia.org/tensor"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/ops"
)

// entropyTask does one label at a time: its k logits are inner apart.
type entropyTask struct {
	loss, z, share, x, weight, dx, dloss []float32
	labels                               []int64
	n, k, inner                          int
	p                                    ops.CrossEntropy
	total                                float64 // of the class weights
	parts                                int
}

func (t *entropyTask) part(i int, s *scratch) {
	from, to := split(t.n*t.inner, t.parts, i)
	row := s.floats(t.k)
	for u := from; u < to; u++ {
		base := u/t.inner*t.k*t.inner + u%t.inner
		if t.inner == 1 {
			row = t.x[base : base+t.k]
		} else {
			for c := range row {
				row[c] = t.x[base+c*t.inner]
			}
		}
		if t.dx == nil {
			t.forward(u, row)
		} else {
			t.backward(u, base, row)
		}
	}
}

func (t *entropyTask) classWeight(c int) float64 {
	if t.weight == nil {
		return 1
	}
	return float64(t.weight[c])
}

func (t *entropyTask) forward(u int, row []float32) {
	top := vecMax(row)
	lse := math.Log(rowSumExp(row, top)) // above top
	t.z[u] = float32(float64(top) + lse)
	label := t.labels[u]
	if label == t.p.Ignore {
		t.loss[u], t.share[u] = 0, 0
		return
	}
	w := t.classWeight(int(label))
	smooth := float64(t.p.Smoothing)
	loss := (1 - smooth) * w * (lse - float64(row[label]-top))
	if smooth != 0 {
		sum := 0.0
		for c, v := range row {
			sum += t.classWeight(c) * (lse - float64(v-top))
		}
		loss += smooth / float64(t.k) * sum
	}
	t.loss[u], t.share[u] = float32(loss), float32(w)
}

// backward: with p = exp(x - z), dx[c] = (1-s) w[label] (p[c] - [c is label]) +
// s/K (p[c] sum w - w[c]).
func (t *entropyTask) backward(u, base int, row []float32) {
	label := t.labels[u]
	g := float64(at(t.dloss, u))
	if label == t.p.Ignore {
		for c := range t.k {
			t.dx[base+c*t.inner] = 0
		}
		return
	}
	w := (1 - float64(t.p.Smoothing)) * t.classWeight(int(label))
	s := float64(t.p.Smoothing) / float64(t.k)
	scale := float32(g * (w + s*t.total))
	if t.inner == 1 {
		d := t.dx[base : base+t.k]
		z := [1]float32{t.z[u]}
		vecBinary(ops.BinarySub, d, row, z[:])
		vecUnary(ops.UnaryExp, ops.UnaryParams{}, d, d)
		vecScale(d, d, scale)
	} else {
		for c, v := range row {
			t.dx[base+c*t.inner] = scale * float32(math.Exp(float64(v-t.z[u])))
		}
	}
	t.dx[base+int(label)*t.inner] -= float32(g * w)
	if s == 0 {
		return
	}
	for c := range t.k {
		t.dx[base+c*t.inner] -= float32(g * s * t.classWeight(c))
	}
}

func (e *Engine) runEntropy(x, labels, weight *tensor.Dense, cost int) error {
	const op = "cross entropy"
	if err := wantSome(op, weight); err != nil {
		return err
	}
	n, k, inner, err := ops.Labelled(op, x, labels, weight)
	if err != nil {
		return err
	}
	t := &e.entropyTask
	t.n, t.k, t.inner = n, k, inner
	t.x, t.labels, t.weight = x.Float32s(), labels.Int64s(), optional(weight)
	for i, l := range t.labels {
		if l != t.p.Ignore && (l < 0 || l >= int64(k)) {
			return fault.New(fault.Usage, "%s: label %d at %d, logits %v", op, l, i, x.Shape())
		}
	}
	for c := range k {
		t.total += t.classWeight(c)
	}
	t.parts = partsOf(n*inner, cost*k)
	e.run(t.parts, t)
	*t = entropyTask{}
	return nil
}

// CrossEntropy implements ops.Softmaxer.
func (e *Engine) CrossEntropy(loss, logsumexp, share, x, labels, weight *tensor.Dense, p ops.CrossEntropy) error {
	if err := wantFloats("cross entropy", loss, logsumexp, share, x); err != nil {
		return err
	}
	if err := ops.WantType("cross entropy", tensor.Int64, labels); err != nil {
		return err
	}
	for _, t := range [3]*tensor.Dense{loss, logsumexp, share} {
		if err := ops.SameShape("cross entropy", labels, t); err != nil {
			return err
		}
	}
	e.entropyTask = entropyTask{loss: loss.Float32s(), z: logsumexp.Float32s(), share: share.Float32s(), p: p}
	return e.runEntropy(x, labels, weight, 12)
}

// CrossEntropyGrad implements ops.Softmaxer.
func (e *Engine) CrossEntropyGrad(dx, dloss, x, logsumexp, labels, weight *tensor.Dense, p ops.CrossEntropy) error {
	const op = "cross entropy gradient"
	if err := wantFloats(op, dx, dloss, x, logsumexp); err != nil {
		return err
	}
	if err := ops.WantType(op, tensor.Int64, labels); err != nil {
		return err
	}
	if err := ops.SameShape(op, x, dx); err != nil {
		return err
	}
	if err := ops.SameShape(op, labels, logsumexp); err != nil {
		return err
	}
	if len(dloss.Float32s()) != 1 {
		if err := ops.SameShape(op, labels, dloss); err != nil {
			return err
		}
	}
	e.entropyTask = entropyTask{dx: dx.Float32s(), dloss: dloss.Float32s(), z: logsumexp.Float32s(), p: p}
	return e.runEntropy(x, labels, weight, 12)
}
