package ctkd

import (
	"gorgonia.org/tensor"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/methods/nn"
)

// instanceEps is added to the teacher's probabilities inside the logarithm where each
// sample has its own temperature: a temperature near the lower bound may make one 0.
const instanceEps = 1e-7

// KD is the mean over the batch of T^2 KL(softmax(teacher/T) || softmax(student/T)),
// for logits (B, C) and a temperature (1) or (B, 1) (Hinton et al., arXiv:1503.02531).
// T^2 is part of the graph: its derivative reaches the temperature, without which
// the adversary would have another objective. eps is added to the teacher's
// probabilities inside the logarithm.
func KD(t *nn.Tape, student, teacher, temperature *nn.Var, eps float32) *nn.Var {
	inverse := t.Reciprocal(temperature)
	logq := t.LogSoftmax(t.Mul(student, inverse), 1)
	logp := t.LogSoftmax(t.Mul(teacher, inverse), 1)
	p := t.Exp(logp)
	if eps > 0 {
		logp = t.Log(t.AddScalar(p, eps))
	}
	kl := t.Sum(t.Mul(p, t.Sub(logp, logq)), true, 1)
	return t.Mean(t.Mul(kl, t.Square(temperature)), false)
}

// masked is taken from the logit of the true class, behind the temperature, where
// that class is left out: its probability is then exactly 0 in float32.
const masked = 1000

// DKD returns the two parts of decoupled distillation (Zhao et al.,
// arXiv:2203.08679, equation 7), both means over the batch and times T^2: the
// divergence of the true class against the others together, and that among the
// others. labels (B) are int64. KD is target + (1 - p_y) nontarget, sample by sample.
//
// All is computed from logarithms of sums: a probability of the true class that
// rounds to 0 or 1 gives no NaN.
func DKD(t *nn.Tape, student, teacher, temperature *nn.Var, labels *tensor.Dense) (target, nontarget *nn.Var) {
	if labels == nil || len(student.Shape()) != 2 {
		v := t.Fail(fault.New(fault.Usage, "dkd: logits %v and labels", student.Shape()))
		return v, v
	}
	column, err := t.E.View(labels, student.Dim(0), 1)
	if err != nil {
		v := t.Fail(err)
		return v, v
	}
	inverse, square := t.Reciprocal(temperature), t.Square(temperature)
	mask := hot(t, teacher, column, masked)
	p := decoupled(t, t.Mul(teacher, inverse), mask, column)
	q := decoupled(t, t.Mul(student, inverse), mask, column)
	two := t.Add(divergence(t, p.hit, q.hit), divergence(t, p.miss, q.miss))
	others := t.Sum(divergence(t, p.others, q.others), true, 1)
	return t.Mean(t.Mul(two, square), false), t.Mean(t.Mul(others, square), false)
}

// split holds logarithms of probabilities: of the true class and of not it (B, 1),
// and of the others among themselves (B, C).
type split struct{ hit, miss, others *nn.Var }

func decoupled(t *nn.Tape, z, mask *nn.Var, labels *tensor.Dense) split {
	rest := t.Sub(z, mask)
	n := z.Dim(0)
	all := t.Reshape(t.LogSumExp(z, 1), n, 1)
	return split{
		hit:    t.Sub(t.Gather(z, 1, labels), all),
		miss:   t.Sub(t.Reshape(t.LogSumExp(rest, 1), n, 1), all),
		others: t.LogSoftmax(rest, 1),
	}
}

// divergence is p (log p - log q) of each element, given logarithms.
func divergence(t *nn.Tape, logp, logq *nn.Var) *nn.Var {
	return t.Mul(t.Exp(logp), t.Sub(logp, logq))
}

// hot returns value at the labels (B, 1) and 0 elsewhere, in the shape of like.
func hot(t *nn.Tape, like *nn.Var, labels *tensor.Dense, value float32) *nn.Var {
	var y *nn.Var
	t.NoGrad(func() {
		zeros := t.Scale(like, 0)
		values := t.AddScalar(t.Scale(t.Slice(like, 1, 0, 1), 0), value)
		y = t.ScatterAdd(zeros, 1, labels, values)
	})
	return y
}
