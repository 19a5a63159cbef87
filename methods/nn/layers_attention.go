package nn

import "github.com/tailorbird/tailorbird/internal/fault"

// MultiheadAttention is torch.nn.MultiheadAttention on (B, N, dim), batch first:
// in_proj_weight (3 dim, dim), in_proj_bias (3 dim), out_proj.
type MultiheadAttention struct {
	InWeight, InBias *Var // InBias may be nil
	Out              *Linear
	Heads            int
}

// NewMultiheadAttention returns attention of so many heads with torch's initial
// distributions.
func NewMultiheadAttention(dim, heads int, bias bool) *MultiheadAttention {
	l := &MultiheadAttention{
		InWeight: NewParam(XavierUniform(1), 3*dim, dim),
		Out:      NewLinear(dim, dim, bias).Init(nil, Zeros),
		Heads:    heads,
	}
	if bias {
		l.InBias = NewParam(Zeros, 3*dim)
	}
	return l
}

// Collect implements Module.
func (l *MultiheadAttention) Collect(c *Collector) {
	c.Param("in_proj_weight", l.InWeight)
	c.Param("in_proj_bias", l.InBias)
	c.Module("out_proj", l.Out)
}

// Forward implements Layer: self-attention.
func (l *MultiheadAttention) Forward(t *Tape, x *Var) *Var { return l.Attend(t, x, x, x, Attention{}) }

// Attend returns what queries (B, N, dim) read from values (B, M, dim) under keys
// (B, M, dim): (B, N, dim).
func (l *MultiheadAttention) Attend(t *Tape, q, k, v *Var, a Attention) *Var {
	if !t.ready("multi-head attention", q, k, v) {
		return failed()
	}
	dim := l.InWeight.Dim(1)
	if len(q.Shape()) != 3 || q.Dim(2) != dim || l.Heads < 1 || dim%l.Heads != 0 {
		return t.Fail(fault.New(fault.Usage, "multi-head attention: input %v, weight %v, %d heads", q.Shape(), l.InWeight.Shape(), l.Heads))
	}
	if q == k && k == v {
		return l.Out.Forward(t, t.SelfAttention(t.Linear(q, l.InWeight, l.InBias), l.Heads, a))
	}
	var in [3]*Var
	for i, x := range []*Var{q, k, v} {
		in[i] = l.project(t, x, i)
	}
	return l.Out.Forward(t, t.AttentionTokens(in[0], in[1], in[2], l.Heads, a))
}

// project applies third i of the projection to x.
func (l *MultiheadAttention) project(t *Tape, x *Var, i int) *Var {
	dim := l.InWeight.Dim(1)
	w := t.Slice(l.InWeight, 0, i*dim, (i+1)*dim)
	if l.InBias == nil {
		return t.Linear(x, w, nil)
	}
	return t.Linear(x, w, t.Slice(l.InBias, 0, i*dim, (i+1)*dim))
}
