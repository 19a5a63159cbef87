package ops

import (
	"gorgonia.org/tensor"

	"github.com/tailorbird/tailorbird/internal/fault"
)

// Softmaxer is the family of functions of exponentials along an axis.
type Softmaxer interface {
	// Softmax sets y = exp(x) / sum exp(x) along an axis, or the logarithm of it.
	Softmax(y, x *tensor.Dense, axis int, log bool) error
	// SoftmaxGrad sets dx given the result y and its gradient. dx may be dy.
	SoftmaxGrad(dx, dy, y *tensor.Dense, axis int, log bool) error
	// LogSumExp sets dst = log sum exp(x) along an axis; its shape is as Reduce's.
	LogSumExp(dst, x *tensor.Dense, axis int) error
	// CrossEntropy sets, for logits x (N, K, ...) and labels (N, ...) of int64,
	//	loss = (1-s) w[label] (z - x[label]) + s/K sum over k of w[k] (z - x[k])
	// with z = logsumexp = log sum over k of exp x[k], s = p.Smoothing and w = 1 where
	// weight (K) is nil; and share = w[label], what the element counts in a mean.
	// Both are 0 where the label is p.Ignore. loss, logsumexp and share have
	// the shape of labels. Another label outside 0..K-1 is an error.
	CrossEntropy(loss, logsumexp, share, x, labels, weight *tensor.Dense, p CrossEntropy) error
	// CrossEntropyGrad sets dx, given the gradient of loss: one number, or the shape
	// of labels.
	CrossEntropyGrad(dx, dloss, x, logsumexp, labels, weight *tensor.Dense, p CrossEntropy) error
}

// CrossEntropy are the parameters of torch.nn.functional.cross_entropy that do
// not concern its reduction.
type CrossEntropy struct {
	Ignore    int64 // a label that is left out
	Smoothing float32
}

// Labelled checks logits x (N, K, ...) against labels (N, ...) and a weight that is nil or
// (K), and returns N, K and the product of the other axes. A vector x (K) with a
// scalar label counts as N = 1.
func Labelled(op string, x, labels, weight *tensor.Dense) (n, k, inner int, err error) {
	s, l := x.Shape(), labels.Shape()
	if len(s) == 1 && len(l) == 0 {
		n, k, inner = 1, s[0], 1
	} else {
		ok := len(s) >= 2 && len(l) == len(s)-1 && l[0] == s[0]
		for i := 1; ok && i < len(l); i++ {
			ok = l[i] == s[i+1]
		}
		if !ok {
			return 0, 0, 0, fault.New(fault.Usage, "%s: logits %v and labels %v", op, s, l)
		}
		n, k, inner = s[0], s[1], Size(s[2:])
	}
	if weight != nil && Size(weight.Shape()) != k {
		return 0, 0, 0, fault.New(fault.Usage, "%s: logits %v and class weights %v", op, s, weight.Shape())
	}
	return n, k, inner, nil
}
