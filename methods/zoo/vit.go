package zoo

import (
	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/methods/nn"
)

// ViTConfig describes a vision transformer (Dosovitskiy et al., arXiv:2010.11929).
// Fields that are zero take the values of the paper's models.
type ViTConfig struct {
	ImageSize, PatchSize int // pixels a side
	Width, Depth, Heads  int
	Classes              int // 0: no classifier

	Channels     int     // of the image; 0: 3
	MLPRatio     float64 // 0: 4
	NormEps      float32 // 0: 1e-6
	NoClassToken bool
	NoQKVBias    bool
	MeanPool     bool    // classify the mean of the patches' tokens, normalised after it
	PreNorm      bool    // normalise before the first block, and embed without a bias, as CLIP does
	LayerScale   float64 // initial scale of the branches; 0: no scales
	DropPath     float32 // rate of stochastic depth of the last block
	Recompute    bool    // blocks run again in the backward pass instead of keeping their inside
}

// ViT is a vision transformer in timm's names.
type ViT struct {
	Config     ViTConfig
	PatchEmbed *PatchEmbed
	ClassToken *nn.Var // (1, 1, C); may be nil
	Positions  *nn.Var // (1, class token + patches, C)
	PreNorm    *nn.LayerNorm
	Blocks     []*Block
	Norm       *nn.LayerNorm // of the tokens; nil with MeanPool
	FCNorm     *nn.LayerNorm // of their mean; nil without
	Head       *nn.Linear    // may be nil
}

// NewViT returns a vision transformer with zero weights.
func NewViT(c ViTConfig) (*ViT, error) {
	setDefault(&c.Channels, 3)
	setDefault(&c.MLPRatio, 4)
	setDefault(&c.NormEps, 1e-6)
	if err := c.check(); err != nil {
		return nil, err
	}
	grid := c.ImageSize / c.PatchSize
	v := &ViT{Config: c, PatchEmbed: NewPatchEmbed(c.Channels, c.Width, c.PatchSize)}
	if !c.NoClassToken {
		v.ClassToken = nn.NewParam(nn.Normal(0, 1e-6), 1, 1, c.Width)
	}
	v.Positions = nn.NewParam(nn.TruncNormal(0.02), 1, v.prefix()+grid*grid, c.Width)
	if c.PreNorm {
		v.PreNorm, v.PatchEmbed.Proj.Bias = layerNorm(c.Width, c.NormEps), nil
	}
	for _, rate := range pathRates(c.DropPath, c.Depth) {
		b := NewBlock(c)
		b.DropPath = rate
		v.Blocks = append(v.Blocks, b)
	}
	if c.MeanPool {
		v.FCNorm = layerNorm(c.Width, c.NormEps)
	} else {
		v.Norm = layerNorm(c.Width, c.NormEps)
	}
	if c.Classes > 0 {
		v.Head = transformerLinear(c.Width, c.Classes, true)
	}
	return v, nil
}

func (c ViTConfig) check() error {
	if err := positive("vit", c.ImageSize, c.PatchSize, c.Width, c.Depth, c.Heads, c.Channels, hiddenWidth(c.Width, c.MLPRatio)); err != nil {
		return err
	}
	if err := divisible("vit", c.Width, c.Heads); err != nil {
		return err
	}
	switch {
	case c.ImageSize%c.PatchSize != 0:
		return fault.New(fault.Usage, "zoo: vit: an image of %d pixels does not split into patches of %d", c.ImageSize, c.PatchSize)
	case c.NoClassToken && !c.MeanPool:
		return fault.New(fault.Usage, "zoo: vit: without a class token there is only the mean to classify")
	case c.DropPath < 0 || c.DropPath >= 1 || c.Classes < 0 || c.NormEps < 0:
		return fault.New(fault.Usage, "zoo: vit: drop path %g, %d classes, eps %g", c.DropPath, c.Classes, c.NormEps)
	}
	return nil
}

// prefix is the number of tokens before those of the patches.
func (v *ViT) prefix() int {
	if v.ClassToken == nil {
		return 0
	}
	return 1
}

// Collect implements nn.Module.
func (v *ViT) Collect(c *nn.Collector) {
	c.Param("cls_token", v.ClassToken)
	c.Param("pos_embed", v.Positions)
	c.Module("patch_embed", v.PatchEmbed)
	if v.PreNorm != nil {
		c.Module("norm_pre", v.PreNorm)
	}
	collectList(c, "blocks", v.Blocks)
	if v.Norm != nil {
		c.Module("norm", v.Norm)
	}
	if v.FCNorm != nil {
		c.Module("fc_norm", v.FCNorm)
	}
	if v.Head != nil {
		c.Module("head", v.Head)
	}
}

// Forward implements nn.Layer: logits (N, Classes) of images (N, Channels, S, S),
// or the pooled features (N, Width) where there is no classifier.
func (v *ViT) Forward(t *nn.Tape, x *nn.Var) *nn.Var {
	y := v.Pool(t, v.Tokens(t, x))
	if v.Head == nil {
		return y
	}
	return v.Head.Forward(t, y)
}

// Embed returns the tokens that go into the first block: (N, T, Width).
func (v *ViT) Embed(t *nn.Tape, x *nn.Var) *nn.Var {
	y := v.PatchEmbed.Forward(t, x)
	if v.ClassToken != nil {
		y = t.Concat(1, t.Expand(v.ClassToken, x.Dim(0), 1, v.Config.Width), y)
	}
	if y.Dim(1) != v.Positions.Dim(1) {
		return t.Fail(fault.New(fault.Usage, "vit: image %v gives %d tokens, positions are %v: SetImageSize", x.Shape(), y.Dim(1), v.Positions.Shape()))
	}
	y = t.Add(y, v.Positions)
	if v.PreNorm != nil {
		y = v.PreNorm.Forward(t, y)
	}
	return y
}

// Tokens returns the tokens behind the last block, normalised where the network
// does so before pooling: (N, T, Width), the class token first.
func (v *ViT) Tokens(t *nn.Tape, x *nn.Var) *nn.Var {
	y := runBlocks(t, v.Blocks, t.Scope(func() *nn.Var { return v.Embed(t, x) }), v.Config.Recompute)
	if v.Norm != nil {
		y = v.Norm.Forward(t, y)
	}
	return y
}

// Pool returns what is classified: (N, Width).
func (v *ViT) Pool(t *nn.Tape, tokens *nn.Var) *nn.Var {
	if !v.Config.MeanPool {
		return t.Reshape(t.Slice(tokens, 1, 0, 1), tokens.Dim(0), v.Config.Width)
	}
	mean := t.Mean(t.Slice(tokens, 1, v.prefix(), tokens.Dim(1)), false, 1)
	return v.FCNorm.Forward(t, mean)
}

// SetImageSize makes the network take images of another size. The position table
// is resampled from the values that it has now.
func (v *ViT) SetImageSize(size int) error {
	c := v.Config
	c.ImageSize = size
	if err := c.check(); err != nil {
		return err
	}
	from, to := v.Config.ImageSize/c.PatchSize, size/c.PatchSize
	table, err := ResizePositions(v.Positions.Value.Float32s(), c.Width, v.prefix(), [2]int{from, from}, [2]int{to, to}, true)
	if err != nil {
		return err
	}
	positions := nn.NewParam(nn.TruncNormal(0.02), 1, v.prefix()+to*to, c.Width)
	copy(positions.Value.Float32s(), table)
	v.Config, v.Positions = c, positions
	return nil
}

// LayerOf returns the layer that an entry of Collect belongs to, for layer-wise
// decay of the learning rate: 0 the embedding, block i is i+1, and what follows
// the blocks is Depth+1 (specs/um_mae.md section 7).
func (v *ViT) LayerOf(name string) int { return layerOf(name, "blocks.", v.Config.Depth) }

// PatchEmbed cuts an image into squares and maps each to a token: a convolution
// whose stride is its kernel, in timm's names: proj and, in Swin, norm.
type PatchEmbed struct {
	Proj *nn.Conv2d
	Norm *nn.LayerNorm // may be nil
}

// NewPatchEmbed returns an embedding of patches of size pixels a side.
func NewPatchEmbed(channels, width, size int) *PatchEmbed {
	return &PatchEmbed{Proj: nn.NewConv2d(channels, width, size, stride(size), true)}
}

// Collect implements nn.Module.
func (p *PatchEmbed) Collect(c *nn.Collector) {
	c.Module("proj", p.Proj)
	if p.Norm != nil {
		c.Module("norm", p.Norm)
	}
}

// Forward implements nn.Layer: tokens (N, patches in rows, width) of images
// (N, channels, H, W).
func (p *PatchEmbed) Forward(t *nn.Tape, x *nn.Var) *nn.Var {
	y := patchTokens(t, x, p.Proj.Weight, p.Proj.Bias)
	if p.Norm != nil {
		y = p.Norm.Forward(t, y)
	}
	return y
}

// patchTokens is the convolution of x by w (C, channels, P, P) with stride P as a
// matrix product, which gives tokens (N, patches, C) and not channels first.
func patchTokens(t *nn.Tape, x, w, b *nn.Var) *nn.Var {
	if t.Err() != nil {
		return x
	}
	s, size := x.Shape(), w.Dim(-1)
	if len(s) != 4 || s[1] != w.Dim(1) || s[2]%size != 0 || s[3]%size != 0 {
		return t.Fail(fault.New(fault.Usage, "patch embedding: images %v do not split into patches of kernel %v", s, w.Shape()))
	}
	n, channels, rows, cols := s[0], s[1], s[2]/size, s[3]/size
	patches := t.Permute(t.Reshape(x, n, channels, rows, size, cols, size), 0, 2, 4, 1, 3, 5)
	return t.Linear(t.Reshape(patches, n, rows*cols, channels*size*size), t.Reshape(w, w.Dim(0), -1), b)
}
