package zoo

import (
	"math"

	"github.com/tailorbird/tailorbird/methods/nn"
)

// CLIPBlock is a pre-norm transformer block of CLIP's towers.
type CLIPBlock struct {
	Norm1, Norm2 *nn.LayerNorm
	Attn         *CLIPAttention
	FC1, FC2     *nn.Linear
	quick        bool
	names        CLIPNames
}

// CLIPAttention is multi-head self-attention with a bias everywhere. Queries, keys
// and values have one projection in OpenAI's weights, three in Hugging Face's.
type CLIPAttention struct {
	Packed  *nn.Linear // in_proj; nil where there are three
	Q, K, V *nn.Linear
	Out     *nn.Linear
	Heads   int
}

// newCLIPBlock returns a block of a tower of so many layers, with the initial
// values of the released code: deviations that fall with width and depth.
func newCLIPBlock(width, heads, layers int, ratio float64, eps float32, quick bool, names CLIPNames) *CLIPBlock {
	in := 1 / math.Sqrt(float64(width))
	out := in / math.Sqrt(2*float64(layers))
	linear := func(from, to int, std float64) *nn.Linear {
		return nn.NewLinear(from, to, true).Init(nn.Normal(0, std), nn.Zeros)
	}
	a := &CLIPAttention{Out: linear(width, width, out), Heads: heads}
	if names == HuggingFaceNames {
		a.Q, a.K, a.V = linear(width, width, in), linear(width, width, in), linear(width, width, in)
	} else {
		a.Packed = linear(width, 3*width, in)
	}
	hidden := hiddenWidth(width, ratio)
	return &CLIPBlock{
		Norm1: layerNorm(width, eps), Norm2: layerNorm(width, eps), Attn: a,
		FC1: linear(width, hidden, in/math.Sqrt2), FC2: linear(hidden, width, out),
		quick: quick, names: names,
	}
}

// Collect implements nn.Module.
func (b *CLIPBlock) Collect(c *nn.Collector) {
	if b.names == HuggingFaceNames {
		c.Module("self_attn", b.Attn)
		c.Module("layer_norm1", b.Norm1)
		c.Module("mlp.fc1", b.FC1)
		c.Module("mlp.fc2", b.FC2)
		c.Module("layer_norm2", b.Norm2)
		return
	}
	c.Module("ln_1", b.Norm1)
	c.Module("attn", b.Attn)
	c.Module("ln_2", b.Norm2)
	c.Module("mlp.c_fc", b.FC1)
	c.Module("mlp.c_proj", b.FC2)
}

// Collect implements nn.Module.
func (a *CLIPAttention) Collect(c *nn.Collector) {
	if a.Packed != nil {
		c.Param("in_proj_weight", a.Packed.Weight)
		c.Param("in_proj_bias", a.Packed.Bias)
	} else {
		c.Module("k_proj", a.K)
		c.Module("v_proj", a.V)
		c.Module("q_proj", a.Q)
	}
	c.Module("out_proj", a.Out)
}

// Attend returns the attended tokens of (N, T, C).
func (a *CLIPAttention) Attend(t *nn.Tape, x *nn.Var, p nn.Attention) *nn.Var {
	if a.Packed != nil {
		return a.Out.Forward(t, t.SelfAttention(a.Packed.Forward(t, x), a.Heads, p))
	}
	q, k, v := a.Q.Forward(t, x), a.K.Forward(t, x), a.V.Forward(t, x)
	return a.Out.Forward(t, t.AttentionTokens(q, k, v, a.Heads, p))
}

// Run returns the block's output for tokens (N, T, C).
func (b *CLIPBlock) Run(t *nn.Tape, x *nn.Var, p nn.Attention) *nn.Var {
	x = t.Add(x, b.Attn.Attend(t, b.Norm1.Forward(t, x), p))
	h := b.FC1.Forward(t, b.Norm2.Forward(t, x))
	if b.quick {
		h = t.QuickGELU(h)
	} else {
		h = t.GELU(h)
	}
	return t.Add(x, b.FC2.Forward(t, h))
}

// runCLIP runs a tower's blocks.
func runCLIP(t *nn.Tape, blocks []*CLIPBlock, x *nn.Var, causal bool) *nn.Var {
	layers := make([]nn.Layer, len(blocks))
	for i, b := range blocks {
		layers[i] = nn.Func(func(t *nn.Tape, x *nn.Var) *nn.Var { return b.Run(t, x, nn.Attention{Causal: causal}) })
	}
	return runBlocks(t, layers, x, false)
}
