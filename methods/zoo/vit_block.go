package zoo

import (
	"fmt"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/methods/nn"
)

// SelfAttention is multi-head self-attention over tokens (N, T, C) with one
// projection for queries, keys and values, in timm's names: qkv, proj.
type SelfAttention struct {
	QKV, Proj *nn.Linear
	Heads     int
}

// NewSelfAttention returns the attention of a ViT block.
func NewSelfAttention(width, heads int, qkvBias bool) *SelfAttention {
	return &SelfAttention{QKV: transformerLinear(width, 3*width, qkvBias), Proj: transformerLinear(width, width, true), Heads: heads}
}

// Collect implements nn.Module.
func (a *SelfAttention) Collect(c *nn.Collector) {
	c.Module("qkv", a.QKV)
	c.Module("proj", a.Proj)
}

// Attend returns the attended tokens. The parameters may bring a bias, a mask or
// causality.
func (a *SelfAttention) Attend(t *nn.Tape, x *nn.Var, p nn.Attention) *nn.Var {
	return a.Proj.Forward(t, t.SelfAttention(a.QKV.Forward(t, x), a.Heads, p))
}

// mergeHeads turns (N, heads, T, C/heads) into (N, T, C).
func mergeHeads(t *nn.Tape, x *nn.Var, width int) *nn.Var {
	return t.Reshape(t.Permute(x, 0, 2, 1, 3), x.Dim(0), x.Dim(2), width)
}

// MLP is the two linear layers of a transformer block with GELU between them:
// fc1, fc2.
type MLP struct{ FC1, FC2 *nn.Linear }

// NewMLP returns an MLP from width through hidden back to width.
func NewMLP(width, hidden int) *MLP {
	return &MLP{transformerLinear(width, hidden, true), transformerLinear(hidden, width, true)}
}

// Collect implements nn.Module.
func (m *MLP) Collect(c *nn.Collector) {
	c.Module("fc1", m.FC1)
	c.Module("fc2", m.FC2)
}

// Forward implements nn.Layer.
func (m *MLP) Forward(t *nn.Tape, x *nn.Var) *nn.Var {
	return m.FC2.Forward(t, t.GELU(m.FC1.Forward(t, x)))
}

// Block is a pre-norm transformer block over tokens (N, T, C): attention, then an
// MLP, each added to its input.
type Block struct {
	Norm1, Norm2 *nn.LayerNorm
	Attn         *SelfAttention
	MLP          *MLP
	Scale1       *nn.Var // (C), of the branches (Touvron et al., arXiv:2103.17239); nil: none
	Scale2       *nn.Var
	DropPath     float32 // rate of stochastic depth while training
}

// NewBlock returns a block of the network that c describes.
func NewBlock(c ViTConfig) *Block {
	b := &Block{
		Norm1: layerNorm(c.Width, c.NormEps), Norm2: layerNorm(c.Width, c.NormEps),
		Attn: NewSelfAttention(c.Width, c.Heads, !c.NoQKVBias),
		MLP:  NewMLP(c.Width, hiddenWidth(c.Width, c.MLPRatio)),
	}
	if c.LayerScale != 0 {
		b.Scale1 = nn.NewParam(nn.Constant(c.LayerScale), c.Width)
		b.Scale2 = nn.NewParam(nn.Constant(c.LayerScale), c.Width)
	}
	return b
}

// Collect implements nn.Module.
func (b *Block) Collect(c *nn.Collector) {
	c.Module("norm1", b.Norm1)
	c.Module("attn", b.Attn)
	c.Param("ls1.gamma", b.Scale1)
	c.Module("norm2", b.Norm2)
	c.Module("mlp", b.MLP)
	c.Param("ls2.gamma", b.Scale2)
}

// Forward implements nn.Layer.
func (b *Block) Forward(t *nn.Tape, x *nn.Var) *nn.Var {
	y := b.Attn.Attend(t, b.Norm1.Forward(t, x), nn.Attention{})
	x = addBranch(t, x, y, b.Scale1, b.DropPath)
	y = b.MLP.Forward(t, b.Norm2.Forward(t, x))
	return addBranch(t, x, y, b.Scale2, b.DropPath)
}

// addBranch returns x + y, y scaled by channel and dropped for whole samples.
func addBranch(t *nn.Tape, x, y, scale *nn.Var, rate float32) *nn.Var {
	if scale != nil {
		y = t.Mul(y, scale)
	}
	if rate > 0 && t.Training {
		y = t.DropPath(y, rate)
	}
	return t.Add(x, y)
}

// transformerLinear returns a Linear with the initial values of the ViT paper's
// PyTorch ports: normal with deviation 0.02 and no bias.
func transformerLinear(in, out int, bias bool) *nn.Linear {
	return nn.NewLinear(in, out, bias).Init(nn.TruncNormal(0.02), nn.Zeros)
}

func layerNorm(width int, eps float32) *nn.LayerNorm {
	l := nn.NewLayerNorm(width)
	l.Eps = eps
	return l
}

// hiddenWidth is the width between the two layers of an MLP, rounded as timm does.
func hiddenWidth(width int, ratio float64) int { return int(float64(width) * ratio) }

// pathRates returns the rates of stochastic depth of n blocks, rising from 0 to last.
func pathRates(last float32, n int) []float32 {
	rates := make([]float32, n)
	for i := range rates {
		if n > 1 {
			rates[i] = last * float32(i) / float32(n-1)
		}
	}
	return rates
}

// divisible refuses a width that its heads do not divide.
func divisible(family string, width, heads int) error {
	if heads > 0 && width%heads == 0 {
		return nil
	}
	return fault.New(fault.Usage, "zoo: %s: width %d does not split into %d heads", family, width, heads)
}

// runBlocks runs blocks one after the other. recompute makes each keep its input
// alone and run again in the backward pass.
func runBlocks[B nn.Layer](t *nn.Tape, blocks []B, x *nn.Var, recompute bool) *nn.Var {
	for i, b := range blocks {
		if t.Err() != nil {
			break
		}
		f := func(x *nn.Var) *nn.Var { return b.Forward(t, x) }
		var y *nn.Var
		if recompute {
			y = t.Checkpoint(f, x)
		} else {
			y = t.Scope(func() *nn.Var { return f(x) })
		}
		if i > 0 {
			t.Done(x)
		}
		x = y
	}
	return x
}

// collectList names modules name.0, name.1, and so on.
func collectList[M nn.Module](c *nn.Collector, name string, ms []M) {
	for i, m := range ms {
		c.Module(fmt.Sprintf("%s.%d", name, i), m)
	}
}
