package nn

import (
	"gorgonia.org/tensor"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/ops"
)

// Attention are the parameters of Tape.Attention. The zero value is plain
// attention with scale 1/sqrt(D).
type Attention struct {
	Bias   *Var          // added to the scaled scores; broadcasts to (B, H, N, M); nil: none
	Mask   *tensor.Dense // int64, 0 where a query may not attend; broadcasts likewise; nil: none
	Causal bool          // query i attends to keys 0 .. i only
	Scale  float32       // 0 means 1/sqrt(D)
}

// Attention returns softmax(scale q k^T + bias) v, as
// torch.nn.functional.scaled_dot_product_attention: q is (B, H, N, D), k is
// (B, G, M, D), v is (B, G, M, E), G divides H, the result is (B, H, N, E). A query
// that may attend to no key gives zeros.
func (t *Tape) Attention(q, k, v *Var, a Attention) *Var { return t.attention(q, k, v, 0, a) }

// AttentionTokens is Attention on tokens as linear layers leave them: q is
// (B, N, heads*D), k is (B, M, heads*D), v is (B, M, heads*E), the result is
// (B, N, heads*E). Nothing is copied to bring the heads apart.
func (t *Tape) AttentionTokens(q, k, v *Var, heads int, a Attention) *Var {
	if heads < 1 || k == nil || v == nil {
		return t.Fail(fault.New(fault.Usage, "attention: %d heads of q, k and v", heads))
	}
	return t.attention(q, k, v, heads, a)
}

// SelfAttention is AttentionTokens where one tensor (B, N, 3*heads*D) holds q, k
// and v of every token in this order, as a joint projection leaves them.
func (t *Tape) SelfAttention(qkv *Var, heads int, a Attention) *Var {
	if heads < 1 {
		return t.Fail(fault.New(fault.Usage, "attention: %d heads", heads))
	}
	return t.attention(qkv, nil, nil, heads, a)
}

func (t *Tape) attention(q, k, v *Var, heads int, a Attention) *Var {
	operands := []*Var{q}
	if k != nil || v != nil || heads == 0 {
		operands = append(operands, k, v)
	}
	if a.Bias != nil {
		operands = append(operands, a.Bias)
	}
	if !t.ready("attention", operands...) {
		return failed()
	}
	p := ops.Attention{Heads: heads, Scale: a.Scale, Causal: a.Causal, Mask: a.Mask, Bias: valueOf(a.Bias)}
	shape, err := p.Shape(q.Shape(), shapeOf(k), shapeOf(v))
	if !t.try("attention", err) {
		return failed()
	}
	y := t.E.Borrow(shape...)
	var lse *tensor.Dense
	if t.Recording() && anyWants(operands) {
		if heads != 0 {
			lse = t.E.Borrow(shape[0], heads, shape[1])
		} else {
			lse = t.E.Borrow(shape[:3]...)
		}
	}
	if !t.try("attention", t.E.Attention(y, lse, q.Value, valueOf(k), valueOf(v), p)) {
		t.E.Release(y)
		t.E.Release(lse)
		return failed()
	}
	var saved *Var
	if lse != nil {
		saved = t.save(lse)
	}
	return t.result(y, func(dy *tensor.Dense) {
		t.attentionGrad(dy, y, saved, q, k, v, a.Bias, p)
		t.release(saved)
	}, operands...)
}

func (t *Tape) attentionGrad(dy, y *tensor.Dense, lse *Var, q, k, v, bias *Var, p ops.Attention) {
	borrow := func(x *Var) *tensor.Dense {
		if !t.wants(x) {
			return nil
		}
		return t.E.Borrow(x.Shape()...)
	}
	g := ops.AttentionGrads{Q: borrow(q), K: borrow(k), V: borrow(v), Bias: borrow(bias)}
	ok := t.try("attention", t.E.AttentionGrad(g, dy, y, lse.Value, q.Value, valueOf(k), valueOf(v), p))
	for _, x := range []struct {
		of *Var
		dx *tensor.Dense
	}{{q, g.Q}, {k, g.K}, {v, g.V}, {bias, g.Bias}} {
		switch {
		case x.dx == nil:
		case ok:
			t.give(x.of, x.dx)
		default:
			t.E.Release(x.dx)
		}
	}
}
