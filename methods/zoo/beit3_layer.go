package zoo

import "github.com/tailorbird/tailorbird/methods/nn"

// experts are two modules of one form: A for the tokens of images, B for those of
// text.
type experts[M nn.Module] struct{ A, B M }

func twice[M nn.Module](create func() M) experts[M] { return experts[M]{create(), create()} }

// Collect implements nn.Module.
func (e experts[M]) Collect(c *nn.Collector) {
	c.Module("A", e.A)
	c.Module("B", e.B)
}

// modal holds the tokens of images and those of text (N, T, C). Either may be nil.
type modal struct{ a, b *nn.Var }

// divide takes tokens apart behind the first split ones.
func divide(t *nn.Tape, x *nn.Var, split int) modal {
	switch {
	case split <= 0:
		return modal{b: x}
	case split >= x.Dim(1):
		return modal{a: x}
	}
	parts := t.Split(x, 1, split, x.Dim(1)-split)
	if len(parts) != 2 {
		return modal{a: x} // after an error
	}
	return modal{parts[0], parts[1]}
}

// join is the inverse of divide.
func (p modal) join(t *nn.Tape) *nn.Var {
	switch {
	case p.b == nil:
		return p.a
	case p.a == nil:
		return p.b
	}
	return t.Concat(1, p.a, p.b)
}

// each applies f to the parts that are there.
func (p modal) each(f func(x *nn.Var, b bool) *nn.Var) modal {
	if p.a != nil {
		p.a = f(p.a, false)
	}
	if p.b != nil {
		p.b = f(p.b, true)
	}
	return p
}

// apply runs the expert of each part.
func (e experts[M]) apply(t *nn.Tape, p modal) modal {
	return p.each(func(x *nn.Var, b bool) *nn.Var {
		m := any(e.A)
		if b {
			m = e.B
		}
		return m.(nn.Layer).Forward(t, x)
	})
}

// forward runs the experts on tokens of which the first split are an image's.
func (e experts[M]) forward(t *nn.Tape, x *nn.Var, split int) *nn.Var {
	return e.apply(t, divide(t, x, split)).join(t)
}

// BEiT3Layer is a transformer layer of BEiT-3: pre-norm, with a second norm inside
// each branch (sub-LN, Wang et al., arXiv:2210.06423).
type BEiT3Layer struct {
	K, V, Q, Out experts[*nn.Linear]
	InnerNorm    experts[*nn.LayerNorm] // of what was attended, before Out
	AttnNorm     experts[*nn.LayerNorm]
	FFN          experts[*BEiT3FFN]
	FFNNorm      experts[*nn.LayerNorm]
	Heads        int
	DropPath     float32
}

func newBEiT3Layer(c BEiT3Config, rate float32) *BEiT3Layer {
	linear := func() *nn.Linear { return beit3Linear(c.Width, c.Width) }
	norm := func() *nn.LayerNorm { return layerNorm(c.Width, c.NormEps) }
	return &BEiT3Layer{
		K: twice(linear), V: twice(linear), Q: twice(linear), Out: twice(linear),
		InnerNorm: twice(norm), AttnNorm: twice(norm), FFNNorm: twice(norm),
		FFN: twice(func() *BEiT3FFN {
			return &BEiT3FFN{beit3Linear(c.Width, c.Hidden), beit3Linear(c.Hidden, c.Width), layerNorm(c.Hidden, c.NormEps)}
		}),
		Heads: c.Heads, DropPath: rate,
	}
}

// beit3Linear returns a Linear with the initial values of the released code: a
// normal distribution of deviation 0.02 that is cut there.
func beit3Linear(in, out int) *nn.Linear {
	return nn.NewLinear(in, out, true).Init(nn.TruncNormalWithin(0, 0.02, -0.02, 0.02), nn.Zeros)
}

// Collect implements nn.Module.
func (l *BEiT3Layer) Collect(c *nn.Collector) {
	c.Module("self_attn.k_proj", l.K)
	c.Module("self_attn.v_proj", l.V)
	c.Module("self_attn.q_proj", l.Q)
	c.Module("self_attn.out_proj", l.Out)
	c.Module("self_attn.inner_attn_ln", l.InnerNorm)
	c.Module("self_attn_layer_norm", l.AttnNorm)
	c.Module("ffn", l.FFN)
	c.Module("final_layer_norm", l.FFNNorm)
}

// Run returns the layer's output for tokens (N, T, C) of which the first split are
// an image's. All attend to all, as a allows.
func (l *BEiT3Layer) Run(t *nn.Tape, x *nn.Var, split int, a nn.Attention) *nn.Var {
	if t.Err() != nil {
		return x
	}
	p := divide(t, x, split)
	h := l.AttnNorm.apply(t, p)
	all := func(e experts[*nn.Linear]) *nn.Var { return e.apply(t, h).join(t) }
	y := t.AttentionTokens(all(l.Q), all(l.K), all(l.V), l.Heads, a)
	p = l.add(t, p, l.Out.apply(t, l.InnerNorm.apply(t, divide(t, y, split))))
	return l.add(t, p, l.FFN.apply(t, l.FFNNorm.apply(t, p))).join(t)
}

// add returns p + y. A sample's branch is dropped for all of its tokens or none.
func (l *BEiT3Layer) add(t *nn.Tape, p, y modal) modal {
	if l.DropPath > 0 && t.Training && p.a != nil && p.b != nil {
		split := p.a.Dim(1)
		y = divide(t, t.DropPath(y.join(t), l.DropPath), split)
	} else {
		y = y.each(func(x *nn.Var, _ bool) *nn.Var {
			if l.DropPath > 0 && t.Training {
				return t.DropPath(x, l.DropPath)
			}
			return x
		})
	}
	return p.each(func(x *nn.Var, b bool) *nn.Var {
		if b {
			return t.Add(x, y.b)
		}
		return t.Add(x, y.a)
	})
}

// BEiT3FFN is the MLP of a layer with a norm between its two halves.
type BEiT3FFN struct {
	FC1, FC2 *nn.Linear
	Norm     *nn.LayerNorm
}

// Collect implements nn.Module.
func (f *BEiT3FFN) Collect(c *nn.Collector) {
	c.Module("fc1", f.FC1)
	c.Module("fc2", f.FC2)
	c.Module("ffn_layernorm", f.Norm)
}

// Forward implements nn.Layer.
func (f *BEiT3FFN) Forward(t *nn.Tape, x *nn.Var) *nn.Var {
	return f.FC2.Forward(t, f.Norm.Forward(t, t.GELU(f.FC1.Forward(t, x))))
}
