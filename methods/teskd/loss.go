package teskd

import "github.com/tailorbird/tailorbird/methods/nn"

// Epsilon is what the release adds to the backbone's probabilities.
const Epsilon = 1e-7

// Softened is the backbone's side of the distillation, made once for all students.
type Softened struct {
	p, logp     *nn.Var // (B, C)
	temperature float32
}

// Soften returns p = softmax(logits/T) + eps, which no longer adds up to 1, and its
// logarithm, for logits (B, C). Gradients reach the logits: with the students the
// backbone, too, moves towards agreement.
func Soften(t *nn.Tape, logits *nn.Var, temperature, eps float32) Softened {
	p := t.Softmax(t.Scale(logits, 1/temperature), 1)
	if eps != 0 {
		p = t.AddScalar(p, eps)
	}
	return Softened{p, t.Log(p), temperature}
}

// KL is T^2/B times the sum of p (log p - log softmax(student/T)) over the batch and
// the classes (specs/teskd.md section 5), for the logits (B, C) of a student.
func (s Softened) KL(t *nn.Tape, student *nn.Var) *nn.Var {
	logq := t.LogSoftmax(t.Scale(student, 1/s.temperature), 1)
	kl := t.Sum(t.Mul(s.p, t.Sub(s.logp, logq)), false)
	if t.Err() != nil {
		return kl
	}
	return t.Scale(kl, s.temperature*s.temperature/float32(student.Dim(0)))
}

// FeatureLoss is the sum over batch and channels of (student - teacher)^2 where one of
// the two is above 0 (specs/teskd.md section 5), for features (B, D). No gradient
// reaches the teacher's.
func FeatureLoss(t *nn.Tape, student, teacher *nn.Var) *nn.Var {
	teacher = t.Detach(teacher)
	var mask *nn.Var
	t.NoGrad(func() { mask = t.Greater(t.Maximum(student, teacher), t.Upload([]float32{0}, 1)) })
	return t.Sum(t.Mul(t.Square(t.Sub(student, teacher)), mask), false)
}
