package ops

import (
	"math"

	"gorgonia.org/tensor"

	"github.com/tailorbird/tailorbird/internal/fault"
)

// Attender computes scaled dot product attention,
//
//	y = softmax(scale q k^T + bias) v
//
// as torch.nn.functional.scaled_dot_product_attention defines it: q is
// (B, H, N, D), k is (B, G, M, D), v is (B, G, M, E) and y is (B, H, N, E). G
// divides H: H/G heads of q share one of k and v. A query that may attend to no
// key gives zeros. The N x M scores are never held as a whole.
//
// With Attention.Heads the operands are tokens as linear layers leave them: q is
// (B, N, H*D), k is (B, M, H*D), v is (B, M, H*E), y is (B, N, H*E). Without k and v,
// which are nil then, q is (B, N, 3*H*D) and holds all three in this order.
type Attender interface {
	// Attention computes y, and in lse, (B, H, N), the logarithm of the sum of
	// the exponentials of each query's scores, which the gradient needs. lse may
	// be nil.
	Attention(y, lse, q, k, v *tensor.Dense, p Attention) error
	// AttentionGrad computes the gradients of the operands from that of y. A nil
	// result is left out. dbias has the shape of the bias.
	AttentionGrad(g AttentionGrads, dy, y, lse, q, k, v *tensor.Dense, p Attention) error
}

// Attention are the parameters of attention. The zero value is plain attention
// with scale 1/sqrt(D).
type Attention struct {
	Heads  int           // of operands that are tokens; 0: the operands have an axis of heads
	Scale  float32       // 0 means 1/sqrt(D)
	Causal bool          // query i attends to keys 0 .. i only
	Bias   *tensor.Dense // added to the scaled scores; broadcasts to (B, H, N, M); nil: none
	Mask   *tensor.Dense // int64, 0 where a query may not attend; broadcasts likewise; nil: none
}

// AttentionGrads are the results of AttentionGrad, with the shapes of what they
// are gradients of.
type AttentionGrads struct{ Q, K, V, Bias *tensor.Dense }

// AttentionSize are the sizes of attention: batch, heads of q, heads of k and v,
// queries, keys, and the lengths of the vectors of q and k and of those of v.
type AttentionSize struct{ B, H, G, N, M, D, E int }

// Factor returns the scale for vectors of d values.
func (p Attention) Factor(d int) float32 {
	if p.Scale != 0 {
		return p.Scale
	}
	return float32(1 / math.Sqrt(float64(d)))
}

// Shape returns the shape of y for operands of these shapes.
func (p Attention) Shape(q, k, v []int) ([]int, error) {
	s, err := p.Size(q, k, v)
	if err != nil {
		return nil, err
	}
	if p.Heads != 0 {
		return []int{s.B, s.N, s.H * s.E}, nil
	}
	return []int{s.B, s.H, s.N, s.E}, nil
}

// Size returns the sizes of attention on operands of these shapes, or what does
// not fit.
func (p Attention) Size(q, k, v []int) (AttentionSize, error) {
	s, err := p.sizeOfHeads(q, k, v)
	if p.Heads != 0 {
		s, err = p.sizeOfTokens(q, k, v)
	}
	if err != nil {
		return s, err
	}
	for _, t := range [...]*tensor.Dense{p.Bias, p.Mask} {
		scores := [...]int{s.B, s.H, s.N, s.M}
		if t != nil && !broadcasts(t.Shape(), scores[:]) {
			return s, fault.New(fault.Usage, "attention: mask or bias %v does not broadcast to scores [%d %d %d %d]",
				t.Shape(), s.B, s.H, s.N, s.M)
		}
	}
	return s, nil
}

func (p Attention) sizeOfHeads(q, k, v []int) (s AttentionSize, err error) {
	switch {
	case len(q) != 4 || len(k) != 4 || len(v) != 4:
		return s, fault.New(fault.Usage, "attention: q %v, k %v, v %v, want four axes each", q, k, v)
	case q[0] != k[0] || k[0] != v[0]:
		return s, fault.New(fault.Usage, "attention: q %v, k %v, v %v differ in the batch", q, k, v)
	case q[3] != k[3]:
		return s, fault.New(fault.Usage, "attention: q %v and k %v differ in the last axis", q, k)
	case k[2] != v[2]:
		return s, fault.New(fault.Usage, "attention: k %v and v %v differ in length", k, v)
	case k[1] != v[1] || k[1] == 0 || q[1]%k[1] != 0:
		return s, fault.New(fault.Usage, "attention: heads of q %v, k %v and v %v do not fit", q, k, v)
	}
	return AttentionSize{B: q[0], H: q[1], G: k[1], N: q[2], M: k[2], D: q[3], E: v[3]}, nil
}

func (p Attention) sizeOfTokens(q, k, v []int) (s AttentionSize, err error) {
	h := p.Heads
	if k == nil && v == nil {
		if h < 1 || len(q) != 3 || q[2]%(3*h) != 0 {
			return s, fault.New(fault.Usage, "attention: q, k and v in one %v, %d heads", q, h)
		}
		d := q[2] / (3 * h)
		return AttentionSize{B: q[0], H: h, G: h, N: q[1], M: q[1], D: d, E: d}, nil
	}
	switch {
	case h < 1 || len(q) != 3 || len(k) != 3 || len(v) != 3:
		return s, fault.New(fault.Usage, "attention: q %v, k %v, v %v, %d heads, want three axes each", q, k, v, h)
	case q[0] != k[0] || k[0] != v[0]:
		return s, fault.New(fault.Usage, "attention: q %v, k %v, v %v differ in the batch", q, k, v)
	case q[2] != k[2] || q[2]%h != 0 || v[2]%h != 0:
		return s, fault.New(fault.Usage, "attention: widths of q %v, k %v, v %v do not fit %d heads", q, k, v, h)
	case k[1] != v[1]:
		return s, fault.New(fault.Usage, "attention: k %v and v %v differ in length", k, v)
	}
	return AttentionSize{B: q[0], H: h, G: h, N: q[1], M: k[1], D: q[2] / h, E: v[2] / h}, nil
}

// broadcasts says whether a tensor of shape from broadcasts to shape to.
func broadcasts(from, to []int) bool {
	if len(from) > len(to) {
		return false
	}
	for i, d := range from {
		if d != 1 && d != to[len(to)-len(from)+i] {
			return false
		}
	}
	return true
}
