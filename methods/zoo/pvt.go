package zoo

import (
	"fmt"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/ops"
	"github.com/tailorbird/tailorbird/methods/nn"
)

// PVTConfig describes a pyramid vision transformer, version 2 (Wang et al.,
// arXiv:2106.13797). The slices have one value a stage.
type PVTConfig struct {
	Widths, Depths, Heads []int
	Reductions            []int     // keys and values stand for squares of so many tokens a side
	MLPRatios             []float64 // nil: 8, 8, 4, 4 as far as there are stages
	Classes               int       // 0: no classifier

	Channels  int  // of the image; 0: 3
	Linear    bool // keys and values come from a 7x7 average of the map
	NoQKVBias bool
	DropPath  float32 // rate of stochastic depth of the last block
	Recompute bool    // blocks run again in the backward pass instead of keeping their inside
}

// Values that PVT v2 fixes: the eps of the blocks' and stages' norms differs from
// that of the embeddings and of the reduced keys.
const (
	pvtBlockEps = 1e-6
	pvtEmbedEps = 1e-5
	pvtPooled   = 7 // side of the map that linear attention reads
)

// PVT is a pyramid vision transformer v2 in timm's names. It is a Backbone.
type PVT struct {
	Config     PVTConfig
	PatchEmbed *OverlapEmbed
	Stages     []*PVTStage
	Head       *nn.Linear // may be nil
}

var _ Backbone = (*PVT)(nil)

// PVTStage is a stage: an embedding that halves the map, but in the first, then
// blocks and a norm.
type PVTStage struct {
	Downsample *OverlapEmbed // nil in the first stage
	Blocks     []*PVTBlock
	Norm       *nn.LayerNorm
}

// NewPVT returns a pyramid vision transformer v2 with zero weights.
func NewPVT(c PVTConfig) (*PVT, error) {
	setDefault(&c.Channels, 3)
	if c.MLPRatios == nil {
		c.MLPRatios = []float64{8, 8, 4, 4}[:min(4, len(c.Widths))]
	}
	if err := c.check(); err != nil {
		return nil, err
	}
	p := &PVT{Config: c, PatchEmbed: NewOverlapEmbed(c.Channels, c.Widths[0], 7, 4)}
	rates := pathRates(c.DropPath, sum(c.Depths))
	for i, depth := range c.Depths {
		stage := &PVTStage{Norm: layerNorm(c.Widths[i], pvtBlockEps)}
		if i > 0 {
			stage.Downsample = NewOverlapEmbed(c.Widths[i-1], c.Widths[i], 3, 2)
		}
		for range depth {
			b := newPVTBlock(c, i)
			b.DropPath, rates = rates[0], rates[1:]
			stage.Blocks = append(stage.Blocks, b)
		}
		p.Stages = append(p.Stages, stage)
	}
	if c.Classes > 0 {
		p.Head = transformerLinear(c.Widths[len(c.Widths)-1], c.Classes, true)
	}
	return p, nil
}

func (c PVTConfig) check() error {
	n := len(c.Widths)
	for what, got := range map[string]int{"depths": len(c.Depths), "numbers of heads": len(c.Heads), "reductions": len(c.Reductions), "MLP ratios": len(c.MLPRatios)} {
		if err := want("pvt", what, got, n); err != nil {
			return err
		}
	}
	sizes := []int{n, c.Channels}
	for _, s := range [][]int{c.Widths, c.Depths, c.Heads, c.Reductions} {
		sizes = append(sizes, s...)
	}
	for i, r := range c.MLPRatios {
		sizes = append(sizes, hiddenWidth(c.Widths[i], r))
	}
	if err := positive("pvt", sizes...); err != nil {
		return err
	}
	for i, heads := range c.Heads {
		if err := divisible("pvt", c.Widths[i], heads); err != nil {
			return err
		}
	}
	if c.DropPath < 0 || c.DropPath >= 1 || c.Classes < 0 {
		return fault.New(fault.Usage, "zoo: pvt: drop path %g, %d classes", c.DropPath, c.Classes)
	}
	return nil
}

// Collect implements nn.Module.
func (p *PVT) Collect(c *nn.Collector) {
	c.Module("patch_embed", p.PatchEmbed)
	for i, s := range p.Stages {
		if s.Downsample != nil {
			c.Module(fmt.Sprintf("stages.%d.downsample", i), s.Downsample)
		}
		collectList(c, fmt.Sprintf("stages.%d.blocks", i), s.Blocks)
		c.Module(fmt.Sprintf("stages.%d.norm", i), s.Norm)
	}
	if p.Head != nil {
		c.Module("head", p.Head)
	}
}

// Layout implements Backbone.
func (p *PVT) Layout() Layout {
	w := p.Config.Widths
	return Layout{Stem: w[0], Stages: append([]int(nil), w...), Map: w[len(w)-1], Classes: p.Config.Classes}
}

// Forward implements nn.Layer: logits (N, Classes) of images, or pooled features
// where there is no classifier.
func (p *PVT) Forward(t *nn.Tape, x *nn.Var) *nn.Var {
	return p.Logits(t, p.Pool(t, p.stages(t, p.PatchEmbed.embed(t, x), nil)))
}

// Features implements Backbone.
func (p *PVT) Features(t *nn.Tape, x *nn.Var) Features {
	m := p.PatchEmbed.embed(t, x)
	f := Features{Stem: m.image(t)}
	f.Map = p.stages(t, m, func(y *nn.Var) { f.Stages = append(f.Stages, y) })
	return f
}

// Pool implements Backbone.
func (p *PVT) Pool(t *nn.Tape, f *nn.Var) *nn.Var { return t.GlobalAvgPool(f) }

// Logits implements Backbone.
func (p *PVT) Logits(t *nn.Tape, pooled *nn.Var) *nn.Var {
	if p.Head == nil {
		return pooled
	}
	return p.Head.Forward(t, pooled)
}

// Fold implements Backbone: there is no batch normalisation to fold.
func (p *PVT) Fold() error { return nil }

// stages returns the map (N, C, rows, cols) of the last stage. see is called with
// that of each; it may be nil.
func (p *PVT) stages(t *nn.Tape, m tokenMap, see func(y *nn.Var)) *nn.Var {
	var y *nn.Var
	for _, s := range p.Stages {
		if s.Downsample != nil {
			m = s.Downsample.embed(t, y)
		}
		layers, rows, cols := make([]nn.Layer, len(s.Blocks)), m.rows, m.cols
		for j, b := range s.Blocks {
			layers[j] = nn.Func(func(t *nn.Tape, x *nn.Var) *nn.Var { return b.forward(t, tokenMap{x, rows, cols}) })
		}
		m.x = s.Norm.Forward(t, runBlocks(t, layers, m.x, p.Config.Recompute))
		y = m.image(t)
		if see != nil {
			see(y)
		}
	}
	return y
}

// OverlapEmbed turns a map into a smaller one of tokens by a convolution whose
// kernel is wider than its stride, in timm's names: proj, norm.
type OverlapEmbed struct {
	Proj *nn.Conv2d
	Norm *nn.LayerNorm
}

// NewOverlapEmbed returns an embedding with a square kernel.
func NewOverlapEmbed(in, width, kernel, stride int) *OverlapEmbed {
	c := ops.Conv{Stride: [2]int{stride, stride}, Padding: [2]int{kernel / 2, kernel / 2}}
	return &OverlapEmbed{pvtConv(in, width, kernel, c), layerNorm(width, pvtEmbedEps)}
}

// Collect implements nn.Module.
func (o *OverlapEmbed) Collect(c *nn.Collector) {
	c.Module("proj", o.Proj)
	c.Module("norm", o.Norm)
}

func (o *OverlapEmbed) embed(t *nn.Tape, x *nn.Var) tokenMap {
	m := mapTokens(t, o.Proj.Forward(t, x))
	m.x = o.Norm.Forward(t, m.x)
	return m
}

// mapTokens turns (N, C, rows, cols) into tokens.
func mapTokens(t *nn.Tape, y *nn.Var) tokenMap {
	rows, cols := y.Dim(2), y.Dim(3)
	return tokenMap{t.Transpose(t.Reshape(y, y.Dim(0), y.Dim(1), rows*cols), 1, 2), rows, cols}
}

func pvtConv(in, out, kernel int, c ops.Conv) *nn.Conv2d {
	return nn.NewConv2d(in, out, kernel, c, true).Init(nn.KaimingNormalOut(), nn.Zeros)
}
