package nn

import (
	"gorgonia.org/tensor"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/ops"
)

// Reduction says how a loss becomes a number.
type Reduction uint8

// Reductions of a loss.
const (
	ReduceMean      Reduction = iota // the mean
	ReduceSum                        // the sum
	ReduceNone                       // element values
	ReduceBatchMean                  // the sum divided by the size of the first axis
)

// reduceLoss applies r to element values.
func (t *Tape) reduceLoss(l *Var, r Reduction) *Var {
	switch {
	case t.err != nil:
		return failed()
	case r == ReduceMean:
		return t.Mean(l, false)
	case r == ReduceSum:
		return t.Sum(l, false)
	case r == ReduceBatchMean:
		return t.Scale(t.Sum(l, false), 1/float32(l.Dim(0)))
	case r == ReduceNone:
		return l
	}
	return t.Fail(fault.New(fault.Usage, "loss: reduction %d is unknown", r))
}

// MSE returns the squared differences of x and target.
func (t *Tape) MSE(x, target *Var, r Reduction) *Var {
	return t.reduceLoss(t.Square(t.Sub(x, target)), r)
}

// L1 returns the absolute differences of x and target.
func (t *Tape) L1(x, target *Var, r Reduction) *Var {
	return t.reduceLoss(t.Abs(t.Sub(x, target)), r)
}

// SmoothL1 returns d^2/(2 beta) where |d| < beta, |d| - beta/2 elsewhere, of the
// differences d (Girshick, arXiv:1504.08083, equation 3). beta 0 is L1.
func (t *Tape) SmoothL1(x, target *Var, beta float32, r Reduction) *Var {
	if beta == 0 {
		return t.L1(x, target, r)
	}
	return t.piecewise("smooth l1", ops.UnarySmoothL1, x, target, beta, r)
}

// Huber returns d^2/2 where |d| <= delta, delta (|d| - delta/2) elsewhere, of the
// differences d.
func (t *Tape) Huber(x, target *Var, delta float32, r Reduction) *Var {
	return t.piecewise("huber", ops.UnaryHuber, x, target, delta, r)
}

func (t *Tape) piecewise(op string, f ops.Unary, x, target *Var, at float32, r Reduction) *Var {
	if !t.ready(op, x, target) {
		return failed()
	}
	if !(at > 0) {
		return t.Fail(fault.New(fault.Usage, "%s: threshold %v is not positive", op, at))
	}
	return t.reduceLoss(t.apply(op, t.Sub(x, target), f, ops.UnaryParams{A: at}), r)
}

// BCE are the options of BCEWithLogits. The weights broadcast to the logits.
type BCE struct {
	Weight    *Var // of each element; nil: 1
	PosWeight *Var // of the positive part; nil: 1
	Reduction Reduction
}

// BCEWithLogits returns -(pos t log sigmoid(x) + (1-t) log(1 - sigmoid(x))) for
// targets t, as torch.nn.functional.binary_cross_entropy_with_logits.
func (t *Tape) BCEWithLogits(x, target *Var, p BCE) *Var {
	if !t.ready("bce with logits", append(present(p.Weight, p.PosWeight), x, target)...) {
		return failed()
	}
	return t.reduceLoss(t.bce(x, target, p), p.Reduction)
}

// bce is (1-t) x - (1 + (pos-1) t) log sigmoid(x), which equals the definition and
// does not overflow.
func (t *Tape) bce(x, target *Var, p BCE) *Var {
	logs := t.LogSigmoid(x)
	if p.PosWeight != nil {
		logs = t.Mul(logs, t.AddScalar(t.Mul(t.AddScalar(p.PosWeight, -1), target), 1))
	}
	l := t.Sub(t.Mul(t.Affine(target, -1, 1), x), logs)
	if p.Weight != nil {
		l = t.Mul(l, p.Weight)
	}
	return l
}

// FocalLoss is torchvision.ops.sigmoid_focal_loss (Lin et al., arXiv:1708.02002,
// equation 5): cross entropy times (1 - p_t)^gamma, and alpha_t unless alpha is
// negative.
func (t *Tape) FocalLoss(x, target *Var, alpha, gamma float32, r Reduction) *Var {
	if !t.ready("focal loss", x, target) {
		return failed()
	}
	p := t.Sigmoid(x)
	miss := t.Add(t.Mul(p, t.Affine(target, -1, 1)), t.Mul(t.Affine(p, -1, 1), target)) // 1 - p_t
	l := t.Mul(t.bce(x, target, BCE{}), t.PowScalar(miss, gamma))
	if alpha >= 0 {
		l = t.Mul(l, t.Affine(target, 2*alpha-1, 1-alpha))
	}
	return t.reduceLoss(l, r)
}

// KLDiv returns p (log p - logq), 0 where p is 0, of probabilities p and
// log-probabilities logq. torch.nn.functional.kl_div.
func (t *Tape) KLDiv(logq, p *Var, r Reduction) *Var {
	const op = "kl divergence"
	if !t.ready(op, logq, p) {
		return failed()
	}
	one := t.Upload([]float32{1}, 1)
	zero := t.Upload([]float32{0}, 1)
	logp := t.Log(t.Where(t.Greater(p, zero), p, one))
	return t.reduceLoss(t.Mul(p, t.Sub(logp, logq)), r)
}

// KLDivLog is KLDiv for a target that is given by its logarithm.
func (t *Tape) KLDivLog(logq, logp *Var, r Reduction) *Var {
	return t.reduceLoss(t.Mul(t.Exp(logp), t.Sub(logp, logq)), r)
}

// KDLoss is T^2 KL(softmax(teacher/T) || softmax(student/T)) over axis 1 of
// (N, K, ...), summed and divided by N (Hinton et al., arXiv:1503.02531).
func (t *Tape) KDLoss(student, teacher *Var, temperature float32) *Var {
	return t.KDLossBy(student, teacher, temperature, ReduceBatchMean)
}

// KDLossBy is KDLoss with another reduction.
func (t *Tape) KDLossBy(student, teacher *Var, temperature float32, r Reduction) *Var {
	logq := t.LogSoftmax(t.Scale(student, 1/temperature), 1)
	logp := t.LogSoftmax(t.Scale(teacher, 1/temperature), 1)
	return t.Scale(t.KLDivLog(logq, logp, r), temperature*temperature)
}

// CosineSimilarity returns a.b / (max(|a|, eps) max(|b|, eps)) along an axis.
func (t *Tape) CosineSimilarity(a, b *Var, axis int, eps float32) *Var {
	return t.Sum(t.Mul(t.L2Normalize(a, axis, eps), t.L2Normalize(b, axis, eps)), false, axis)
}

// L2Normalize returns x / max(|x|, eps) along an axis.
func (t *Tape) L2Normalize(x *Var, axis int, eps float32) *Var {
	return t.Div(x, t.atLeast(t.Norm(x, true, axis), eps))
}

// atLeast returns max(x, lo), with the gradient of x where x >= lo.
func (t *Tape) atLeast(x *Var, lo float32) *Var { return t.Clamp(x, lo, inf) }

// CrossEntropy are the options of torch.nn.functional.cross_entropy.
type CrossEntropy struct {
	Weight         *Var   // of the classes, (K); nil: 1
	IgnoreIndex    *int64 // a label that is left out; nil: -100
	LabelSmoothing float32
	Reduction      Reduction // ReduceMean divides by the weights of the labels
}

// CrossEntropy returns the cross entropy of the softmax of logits x (N, K, ...) and
// labels (N, ...) of int64. A mean over no label at all is NaN, as in torch.
func (t *Tape) CrossEntropy(x *Var, labels *tensor.Dense, p CrossEntropy) *Var {
	const op = "cross entropy"
	if !t.ready(op, append(present(p.Weight), x)...) {
		return failed()
	}
	if !t.try(op, ops.WantType(op, tensor.Int64, labels)) {
		return failed()
	}
	q := ops.CrossEntropy{Ignore: -100, Smoothing: p.LabelSmoothing}
	if p.IgnoreIndex != nil {
		q.Ignore = *p.IgnoreIndex
	}
	shape := labels.Shape()
	loss, z, share := t.own(t.E.Borrow(shape...)), t.save(t.E.Borrow(shape...)), t.own(t.E.Borrow(shape...))
	if !t.try(op, t.E.CrossEntropy(loss.Value, z.Value, share.Value, x.Value, labels, valueOf(p.Weight), q)) {
		return failed()
	}
	y, total := loss, share
	t.NoGrad(func() {
		switch p.Reduction {
		case ReduceNone:
		case ReduceMean:
			total = t.Sum(share, false)
			y = t.Div(t.Sum(loss, false), total)
		default:
			y = t.reduceLoss(loss, p.Reduction)
		}
	})
	if t.err != nil {
		return failed()
	}
	if y != loss {
		t.release(loss)
	}
	t.release(share)
	t.record(y, func(dy *tensor.Dense) {
		t.giveNew(op, x, func(dx *tensor.Dense) error {
			g, err := t.entropyScale(op, dy, total.Value, x.Dim(0), p.Reduction)
			if err != nil {
				return err
			}
			defer t.E.Release(g)
			return t.E.CrossEntropyGrad(dx, g, x.Value, z.Value, labels, valueOf(p.Weight), q)
		})
		t.release(z)
	}, x)
	return y
}

// entropyScale borrows the gradient of the element losses, given that of the
// reduced loss.
func (t *Tape) entropyScale(op string, dy, total *tensor.Dense, n int, r Reduction) (*tensor.Dense, error) {
	g := t.E.Borrow(dy.Shape()...)
	var err error
	switch r {
	case ReduceMean:
		err = t.E.Binary(g, dy, total, ops.BinaryDiv)
	case ReduceBatchMean:
		err = t.E.Scale(g, dy, 1/float32(n))
	default:
		err = t.E.Scale(g, dy, 1)
	}
	if err != nil {
		t.E.Release(g)
	}
	return g, err
}

// SoftCrossEntropy is CrossEntropy for targets that are probabilities, of the
// shape of the logits x (N, K, ...). Gradients flow into both. The mean is over N
// and the positions. p.IgnoreIndex has no meaning here.
func (t *Tape) SoftCrossEntropy(x, probs *Var, p CrossEntropy) *Var {
	const op = "cross entropy"
	if !t.ready(op, append(present(p.Weight), x, probs)...) {
		return failed()
	}
	if !t.try(op, ops.SameShape(op, x.Value, probs.Value)) {
		return failed()
	}
	axis := min(1, len(x.Shape())-1)
	if axis < 0 {
		return t.Fail(fault.New(fault.Usage, "%s: logits of shape %v", op, x.Shape()))
	}
	if s := p.LabelSmoothing; s != 0 {
		probs = t.Affine(probs, 1-s, s/float32(x.Dim(axis)))
	}
	if p.Weight != nil {
		if ops.Size(p.Weight.Shape()) != x.Dim(axis) {
			return t.Fail(fault.New(fault.Usage, "%s: logits %v and class weights %v", op, x.Shape(), p.Weight.Shape()))
		}
		wide := make([]int, len(x.Shape())-axis)
		for i := range wide {
			wide[i] = 1
		}
		wide[0] = x.Dim(axis)
		probs = t.Mul(probs, t.Reshape(p.Weight, wide...))
	}
	l := t.Neg(t.Sum(t.Mul(t.LogSoftmax(x, axis), probs), false, axis))
	return t.reduceLoss(l, p.Reduction)
}
