package zoo

import (
	"math"

	"github.com/tailorbird/tailorbird/kernels/ops"
	"github.com/tailorbird/tailorbird/methods/nn"
)

// PVTBlock is a transformer block whose keys and values come from a reduced map,
// and whose MLP has a depthwise convolution inside.
type PVTBlock struct {
	Norm1, Norm2 *nn.LayerNorm
	Attn         *ReducedAttention
	FC1, FC2     *nn.Linear
	DWConv       *nn.Conv2d
	DropPath     float32
}

func newPVTBlock(c PVTConfig, stage int) *PVTBlock {
	width := c.Widths[stage]
	hidden := hiddenWidth(width, c.MLPRatios[stage])
	return &PVTBlock{
		Norm1: layerNorm(width, pvtBlockEps), Norm2: layerNorm(width, pvtBlockEps),
		Attn: newReducedAttention(c, stage),
		FC1:  transformerLinear(width, hidden, true), FC2: transformerLinear(hidden, width, true),
		DWConv: depthwise(hidden),
	}
}

// depthwise returns a 3x3 convolution of each channel alone: one unit's outputs go
// to 9 places.
func depthwise(width int) *nn.Conv2d {
	c := ops.Conv{Padding: [2]int{1, 1}, Groups: width}
	return nn.NewConv2d(width, width, 3, c, true).Init(nn.Normal(0, math.Sqrt(2.0/9)), nn.Zeros)
}

// Collect implements nn.Module.
func (b *PVTBlock) Collect(c *nn.Collector) {
	c.Module("norm1", b.Norm1)
	c.Module("attn", b.Attn)
	c.Module("norm2", b.Norm2)
	c.Module("mlp.fc1", b.FC1)
	c.Module("mlp.dwconv", b.DWConv)
	c.Module("mlp.fc2", b.FC2)
}

func (b *PVTBlock) forward(t *nn.Tape, m tokenMap) *nn.Var {
	y := b.Attn.forward(t, tokenMap{b.Norm1.Forward(t, m.x), m.rows, m.cols})
	x := addBranch(t, m.x, y, nil, b.DropPath)
	inner := tokenMap{b.FC1.Forward(t, b.Norm2.Forward(t, x)), m.rows, m.cols}
	if b.Attn.Pooled { // linear attention comes with a rectifier here
		inner.x = t.ReLU(inner.x)
	}
	inner = mapTokens(t, b.DWConv.Forward(t, inner.image(t)))
	return addBranch(t, x, b.FC2.Forward(t, t.GELU(inner.x)), nil, b.DropPath)
}

// ReducedAttention is attention of all tokens to those of a smaller map, in timm's
// names: q, kv, proj, and sr and norm where the map is reduced.
type ReducedAttention struct {
	Q, KV, Proj *nn.Linear
	SR          *nn.Conv2d // nil: keys and values come from the whole map
	Norm        *nn.LayerNorm
	Heads       int
	Pooled      bool // the map is averaged to 7x7 first
}

func newReducedAttention(c PVTConfig, stage int) *ReducedAttention {
	width, r := c.Widths[stage], c.Reductions[stage]
	a := &ReducedAttention{
		Q:    transformerLinear(width, width, !c.NoQKVBias),
		KV:   transformerLinear(width, 2*width, !c.NoQKVBias),
		Proj: transformerLinear(width, width, true), Heads: c.Heads[stage], Pooled: c.Linear,
	}
	if c.Linear {
		r = 1
	}
	if r > 1 || c.Linear {
		a.SR, a.Norm = pvtConv(width, width, r, stride(r)), layerNorm(width, pvtEmbedEps)
	}
	return a
}

// Collect implements nn.Module.
func (a *ReducedAttention) Collect(c *nn.Collector) {
	c.Module("q", a.Q)
	c.Module("kv", a.KV)
	c.Module("proj", a.Proj)
	if a.SR != nil {
		c.Module("sr", a.SR)
		c.Module("norm", a.Norm)
	}
}

func (a *ReducedAttention) forward(t *nn.Tape, m tokenMap) *nn.Var {
	return a.Proj.Forward(t, attendReduced(t, a.Q.Forward(t, m.x), a.KV.Forward(t, a.reduced(t, m)), a.Heads))
}

// reduced returns the tokens that keys and values are made of.
func (a *ReducedAttention) reduced(t *nn.Tape, m tokenMap) *nn.Var {
	switch {
	case a.SR == nil:
		return m.x
	case a.Pooled:
		y := a.SR.Forward(t, t.AdaptiveAvgPool2D(m.image(t), pvtPooled, pvtPooled))
		return t.GELU(a.Norm.Forward(t, mapTokens(t, y).x))
	case m.rows%a.SR.Weight.Dim(-1) == 0 && m.cols%a.SR.Weight.Dim(-1) == 0:
		return a.Norm.Forward(t, patchTokens(t, m.image(t), a.SR.Weight, a.SR.Bias))
	}
	return a.Norm.Forward(t, mapTokens(t, a.SR.Forward(t, m.image(t))).x)
}
