package zoo

import (
	"fmt"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/methods/nn"
)

// SwinConfig describes a Swin transformer (Liu et al., arXiv:2103.14030). Fields
// that are zero take the values of the paper's models.
type SwinConfig struct {
	ImageSize int // pixels a side
	Width     int // of the first stage; each stage doubles it
	Depths    []int
	Heads     []int
	Window    int // tokens a side of an attention window
	Classes   int // 0: no classifier

	PatchSize int     // 0: 4
	Channels  int     // of the image; 0: 3
	MLPRatio  float64 // 0: 4
	NormEps   float32 // 0: 1e-5
	NoQKVBias bool
	DropPath  float32 // rate of stochastic depth of the last block
	Recompute bool    // blocks run again in the backward pass instead of keeping their inside
}

// Swin is a Swin transformer in timm's names. It is a Backbone. The image's size
// decides where windows are shifted and is part of the network, but other sizes
// run as well: maps that windows do not fill are padded with zeros.
type Swin struct {
	Config     SwinConfig
	PatchEmbed *PatchEmbed
	Stages     []*SwinStage
	Norm       *nn.LayerNorm
	Head       *nn.Linear // may be nil
}

var _ Backbone = (*Swin)(nil)

// SwinStage is a stage: merging of 2x2 patches, but in the first, and blocks.
type SwinStage struct {
	Merge  *PatchMerging // nil in the first stage
	Blocks []*SwinBlock
}

// NewSwin returns a Swin transformer with zero weights.
func NewSwin(c SwinConfig) (*Swin, error) {
	setDefault(&c.PatchSize, 4)
	setDefault(&c.Channels, 3)
	setDefault(&c.MLPRatio, 4)
	setDefault(&c.NormEps, 1e-5)
	if err := c.check(); err != nil {
		return nil, err
	}
	s := &Swin{Config: c, PatchEmbed: NewPatchEmbed(c.Channels, c.Width, c.PatchSize)}
	s.PatchEmbed.Norm = layerNorm(c.Width, c.NormEps)
	rates, width, side := pathRates(c.DropPath, sum(c.Depths)), c.Width, c.ImageSize/c.PatchSize
	for i, depth := range c.Depths {
		stage := &SwinStage{}
		if i > 0 {
			stage.Merge = NewPatchMerging(width, c.NormEps)
			width, side = 2*width, (side+1)/2
		}
		for j := range depth {
			b := NewSwinBlock(c, width, c.Heads[i], side, j%2 == 1)
			b.DropPath, rates = rates[0], rates[1:]
			stage.Blocks = append(stage.Blocks, b)
		}
		s.Stages = append(s.Stages, stage)
	}
	s.Norm = layerNorm(width, c.NormEps)
	if c.Classes > 0 {
		s.Head = transformerLinear(width, c.Classes, true)
	}
	return s, nil
}

func (c SwinConfig) check() error {
	sizes := append([]int{c.ImageSize, c.Width, c.Window, c.PatchSize, c.Channels, hiddenWidth(c.Width, c.MLPRatio), len(c.Depths)}, append(c.Depths, c.Heads...)...)
	if err := positive("swin", sizes...); err != nil {
		return err
	}
	if err := want("swin", "numbers of heads", len(c.Heads), len(c.Depths)); err != nil {
		return err
	}
	for i, heads := range c.Heads {
		if err := divisible("swin", c.Width<<i, heads); err != nil {
			return err
		}
	}
	if c.ImageSize%c.PatchSize != 0 || c.DropPath < 0 || c.DropPath >= 1 || c.Classes < 0 || c.NormEps < 0 {
		return fault.New(fault.Usage, "zoo: swin: image %d, patches of %d, drop path %g, %d classes, eps %g", c.ImageSize, c.PatchSize, c.DropPath, c.Classes, c.NormEps)
	}
	return nil
}

// Collect implements nn.Module.
func (s *Swin) Collect(c *nn.Collector) {
	c.Module("patch_embed", s.PatchEmbed)
	for i, stage := range s.Stages {
		if stage.Merge != nil {
			c.Module(fmt.Sprintf("layers.%d.downsample", i), stage.Merge)
		}
		collectList(c, fmt.Sprintf("layers.%d.blocks", i), stage.Blocks)
	}
	c.Module("norm", s.Norm)
	if s.Head != nil {
		c.Module("head.fc", s.Head)
	}
}

// Layout implements Backbone.
func (s *Swin) Layout() Layout {
	l := Layout{Stem: s.Config.Width, Classes: s.Config.Classes}
	for i := range s.Stages {
		l.Map = s.Config.Width << i
		l.Stages = append(l.Stages, l.Map)
	}
	return l
}

// Forward implements nn.Layer: logits (N, Classes) of images, or pooled features
// where there is no classifier.
func (s *Swin) Forward(t *nn.Tape, x *nn.Var) *nn.Var {
	m := s.tokens(t, x, nil)
	return s.Logits(t, t.Mean(m.x, false, 1))
}

// Features implements Backbone.
func (s *Swin) Features(t *nn.Tape, x *nn.Var) Features {
	var f Features
	f.Map = s.tokens(t, x, func(stage int, m tokenMap) {
		if stage < 0 {
			f.Stem = m.image(t)
		} else {
			f.Stages = append(f.Stages, m.image(t))
		}
	}).image(t)
	return f
}

// Pool implements Backbone.
func (s *Swin) Pool(t *nn.Tape, f *nn.Var) *nn.Var { return t.GlobalAvgPool(f) }

// Logits implements Backbone.
func (s *Swin) Logits(t *nn.Tape, pooled *nn.Var) *nn.Var {
	if s.Head == nil {
		return pooled
	}
	return s.Head.Forward(t, pooled)
}

// Fold implements Backbone: there is no batch normalisation to fold.
func (s *Swin) Fold() error { return nil }

// tokens returns the normalised tokens of the last stage. see is called with the
// output of the embedding, as stage -1, and of each stage; it may be nil.
func (s *Swin) tokens(t *nn.Tape, x *nn.Var, see func(stage int, m tokenMap)) tokenMap {
	m := embedMap(t, x, s.PatchEmbed, s.Config.PatchSize)
	if see != nil {
		see(-1, m)
	}
	for i, stage := range s.Stages {
		if stage.Merge != nil {
			m = stage.Merge.forward(t, m)
		}
		layers, rows, cols := make([]nn.Layer, len(stage.Blocks)), m.rows, m.cols
		for j, b := range stage.Blocks {
			layers[j] = nn.Func(func(t *nn.Tape, x *nn.Var) *nn.Var { return b.forward(t, tokenMap{x, rows, cols}) })
		}
		m.x = runBlocks(t, layers, m.x, s.Config.Recompute)
		if see != nil {
			see(i, m)
		}
	}
	m.x = s.Norm.Forward(t, m.x)
	return m
}

// tokenMap is a map of tokens (N, rows*cols, C) in raster order.
type tokenMap struct {
	x          *nn.Var
	rows, cols int
}

// embedMap cuts images into patches of size pixels.
func embedMap(t *nn.Tape, x *nn.Var, embed nn.Layer, size int) tokenMap {
	rows, cols := x.Dim(2)/size, x.Dim(3)/size
	return tokenMap{t.Scope(func() *nn.Var { return embed.Forward(t, x) }), rows, cols}
}

// image returns the map as (N, C, rows, cols).
func (m tokenMap) image(t *nn.Tape) *nn.Var {
	return t.Permute(t.Reshape(m.x, m.x.Dim(0), m.rows, m.cols, -1), 0, 3, 1, 2)
}

func sum(v []int) int {
	n := 0
	for _, x := range v {
		n += x
	}
	return n
}
