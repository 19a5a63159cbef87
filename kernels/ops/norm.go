package ops

import (
	"gorgonia.org/tensor"

	"github.com/tailorbird/tailorbird/internal/fault"
)

// Normaliser normalises to mean 0 and variance 1 over a part of the axes and
// applies a scale w and a shift b, both of which may be nil. The variance is the
// biased one. A result does not share memory with an operand.
type Normaliser interface {
	// BatchNorm normalises each channel of x (N, C, ...) over the other axes:
	// y = (x - mean) / sqrt(variance + eps) w + b. mean and variance (C) are
	// results, or operands where p.Given.
	BatchNorm(y, mean, variance, x, w, b *tensor.Dense, p BatchNorm) error
	// BatchNormGrad sets the gradients of x, w and b, of which any may be nil, and
	// through mean and variance unless p.Given. y, the result of BatchNorm, is
	// needed where p.ReLU.
	BatchNormGrad(dx, dw, db, dy, x, y, w, mean, variance *tensor.Dense, p BatchNorm) error
	// LayerNorm normalises x (R, K, L) over K at each of R and L, with w and b (K):
	// y = (x - mean) rstd w + b, and sets mean and rstd = 1 / sqrt(variance + eps),
	// (R, L). Where p.RMS it divides by sqrt(mean of x^2 + eps) alone and mean is nil.
	LayerNorm(y, mean, rstd, x, w, b *tensor.Dense, p LayerNorm) error
	// LayerNormGrad sets the gradients of x, w and b, of which any may be nil.
	LayerNormGrad(dx, dw, db, dy, x, w, mean, rstd *tensor.Dense, p LayerNorm) error
	// GroupNorm normalises each of p.Groups groups of consecutive channels of an
	// image x (N, C, ...), with w and b (C), and sets mean and rstd (N, Groups).
	GroupNorm(y, mean, rstd, x, w, b *tensor.Dense, p GroupNorm) error
	// GroupNormGrad sets the gradients of x, w and b, of which any may be nil.
	GroupNormGrad(dx, dw, db, dy, x, w, mean, rstd *tensor.Dense, p GroupNorm) error
}

// BatchNorm are the parameters of Ioffe and Szegedy, arXiv:1502.03167.
type BatchNorm struct {
	Eps   float32
	Given bool // mean and variance are given, as in evaluation
	ReLU  bool // y = max(the normalised value, 0)
}

// LayerNorm are the parameters of Ba et al., arXiv:1607.06450.
type LayerNorm struct {
	Eps float32
	RMS bool // Zhang and Sennrich, arXiv:1910.07467
}

// GroupNorm are the parameters of Wu and He, arXiv:1803.08494.
type GroupNorm struct {
	Groups int
	Eps    float32
}

// Channels splits the shape of x (N, C, ...) into N, C and the product of the
// other axes. Vectors, each nil or of shape (C), are checked against it.
func Channels(op string, x *tensor.Dense, vectors ...*tensor.Dense) (n, c, inner int, err error) {
	s := x.Shape()
	if len(s) < 2 {
		return 0, 0, 0, fault.New(fault.Usage, "%s: x has shape %v, want (N, C, ...)", op, s)
	}
	for _, v := range vectors {
		if v != nil && (len(v.Shape()) != 1 || v.Shape()[0] != s[1]) {
			return 0, 0, 0, fault.New(fault.Usage, "%s: a vector has shape %v, x %v", op, v.Shape(), s)
		}
	}
	return s[0], s[1], Size(s[2:]), nil
}
