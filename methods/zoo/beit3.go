package zoo

import (
	"math"

	"gorgonia.org/tensor"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/methods/nn"
)

// BEiT3Config describes BEiT-3 (Wang et al., arXiv:2208.10442) as torchscale has
// it: one transformer over image and text tokens whose linear layers and norms
// exist twice, for each kind of token its own.
type BEiT3Config struct {
	ImageSize, PatchSize int
	Width, Heads         int
	Hidden               int // width inside the MLPs
	Layers               int
	Vocabulary           int
	TextPositions        int     // rows of the text's position table
	Channels             int     // of images; 0: 3
	NormEps              float32 // 0: 1e-5
	DropPath             float32 // largest rate of stochastic depth
	Recompute            bool    // keep the inputs of layers alone while training
}

// BEiT3Base is BEiT-3's base model at 224 pixels, BEiT3Large its large one.
var (
	BEiT3Base  = BEiT3Config{ImageSize: 224, PatchSize: 16, Width: 768, Heads: 12, Hidden: 3072, Layers: 12, Vocabulary: 64010, TextPositions: 1024}
	BEiT3Large = BEiT3Config{ImageSize: 224, PatchSize: 16, Width: 1024, Heads: 16, Hidden: 4096, Layers: 24, Vocabulary: 64010, TextPositions: 1024}
)

// firstPosition is the row of the first token in a position table; the rows before
// belong to nobody, a habit of fairseq.
const firstPosition = 2

// BEiT3 encodes images, texts, or both together.
type BEiT3 struct {
	Config     BEiT3Config
	Text       *nn.Embedding
	MaskToken  *nn.Var // (1, 1, Width); stands for hidden patches in pretraining
	ClassToken *nn.Var // (1, 1, Width)
	Patches    *nn.Conv2d
	Positions  experts[*nn.Embedding]
	Layers     []*BEiT3Layer
	Norm       experts[*nn.LayerNorm]
}

// NewBEiT3 returns the network with zero weights.
func NewBEiT3(c BEiT3Config) (*BEiT3, error) {
	setDefault(&c.Channels, 3)
	setDefault(&c.NormEps, 1e-5)
	if err := c.check(); err != nil {
		return nil, err
	}
	m := &BEiT3{
		Config:     c,
		Text:       table(c.Vocabulary, c.Width, 1/math.Sqrt(float64(c.Width))),
		MaskToken:  nn.NewParam(nn.Zeros, 1, 1, c.Width),
		ClassToken: nn.NewParam(nn.Zeros, 1, 1, c.Width),
		Patches:    nn.NewConv2d(c.Channels, c.Width, c.PatchSize, stride(c.PatchSize), true),
		Positions:  experts[*nn.Embedding]{table(c.imageTokens()+firstPosition, c.Width, 1), table(c.TextPositions, c.Width, 1)},
		Norm:       twice(func() *nn.LayerNorm { return layerNorm(c.Width, c.NormEps) }),
	}
	for _, rate := range pathRates(c.DropPath, c.Layers) {
		m.Layers = append(m.Layers, newBEiT3Layer(c, rate))
	}
	return m, nil
}

func (c BEiT3Config) check() error {
	if err := positive("beit3", c.ImageSize, c.PatchSize, c.Width, c.Heads, c.Hidden, c.Layers, c.Vocabulary, c.TextPositions-firstPosition, c.Channels); err != nil {
		return err
	}
	if err := divisible("beit3", c.Width, c.Heads); err != nil {
		return err
	}
	if c.ImageSize%c.PatchSize != 0 {
		return fault.New(fault.Usage, "zoo: beit3: an image of %d pixels does not split into patches of %d", c.ImageSize, c.PatchSize)
	}
	if c.DropPath < 0 || c.DropPath >= 1 || c.NormEps < 0 {
		return fault.New(fault.Usage, "zoo: beit3: drop path %g, eps %g", c.DropPath, c.NormEps)
	}
	return nil
}

// imageTokens is the number of patches and the class token.
func (c BEiT3Config) imageTokens() int { return 1 + c.ImageSize/c.PatchSize*(c.ImageSize/c.PatchSize) }

func table(rows, width int, deviation float64) *nn.Embedding {
	e := nn.NewEmbedding(rows, width)
	e.Weight = nn.NewParam(nn.Normal(0, deviation), rows, width)
	return e
}

// Collect implements nn.Module.
func (m *BEiT3) Collect(c *nn.Collector) {
	c.Param("text_embed.weight", m.Text.Weight)
	c.Param("vision_embed.mask_token", m.MaskToken)
	c.Param("vision_embed.cls_token", m.ClassToken)
	c.Module("vision_embed.proj", m.Patches)
	c.Module("encoder.embed_positions", m.Positions)
	collectList(c, "encoder.layers", m.Layers)
	c.Module("encoder.layer_norm", m.Norm)
}

// Encode returns the tokens behind the last norm, those of the image first, the
// class token in front: (N, T, Width). images are (N, Channels, S, S), ids (N, L)
// int64 in the engine's memory; either may be nil. padded says of each of the N*L
// ids whether it only fills up; nil: none does. A token that fills up is attended
// by none, but attends.
func (m *BEiT3) Encode(t *nn.Tape, images *nn.Var, ids *tensor.Dense, padded []bool) *nn.Var {
	if images == nil && ids == nil {
		return t.Fail(fault.New(fault.Usage, "beit3: neither images nor text"))
	}
	var x *nn.Var
	split := 0 // tokens of the image
	if images != nil {
		x = t.Scope(func() *nn.Var { return m.embedImages(t, images) })
		split = x.Dim(1)
	}
	if ids != nil {
		text := t.Scope(func() *nn.Var { return m.embedText(t, ids, padded) })
		if x == nil {
			x = text
		} else {
			x = t.Concat(1, x, text)
		}
	}
	var a nn.Attention
	if ids != nil && padded != nil {
		a.Bias = maskKeys(t, x.Dim(0), x.Dim(1), split, padded)
	}
	layers := make([]nn.Layer, len(m.Layers))
	for i, l := range m.Layers {
		layers[i] = nn.Func(func(t *nn.Tape, x *nn.Var) *nn.Var { return l.Run(t, x, split, a) })
	}
	x = runBlocks(t, layers, x, m.Config.Recompute)
	return m.Norm.forward(t, x, split)
}

// embedImages returns the class token and the patches with their positions.
func (m *BEiT3) embedImages(t *nn.Tape, images *nn.Var) *nn.Var {
	y := patchTokens(t, images, m.Patches.Weight, m.Patches.Bias)
	y = t.Concat(1, t.Expand(m.ClassToken, images.Dim(0), 1, m.Config.Width), y)
	if n := m.Positions.A.Weight.Dim(0) - firstPosition; t.Err() == nil && y.Dim(1) != n {
		return t.Fail(fault.New(fault.Usage, "beit3: images %v give %d tokens, there are positions for %d: Resize", images.Shape(), y.Dim(1), n))
	}
	return t.Add(y, t.Slice(m.Positions.A.Weight, 0, firstPosition, firstPosition+y.Dim(1)))
}

// embedText returns the tokens of a text with their positions. Those that fill up
// are zeros.
func (m *BEiT3) embedText(t *nn.Tape, ids *tensor.Dense, padded []bool) *nn.Var {
	shape := ids.Shape()
	most := m.Positions.B.Weight.Dim(0) - firstPosition
	switch {
	case len(shape) != 2 || shape[1] > most:
		return t.Fail(fault.New(fault.Usage, "beit3: ids have shape %v, want (N, L) with at most %d tokens", shape, most))
	case padded != nil && len(padded) != shape[0]*shape[1]:
		return t.Fail(fault.New(fault.Usage, "beit3: %d flags of padding for ids %v", len(padded), shape))
	}
	y := t.Add(m.Text.Lookup(t, ids), t.Slice(m.Positions.B.Weight, 0, firstPosition, firstPosition+shape[1]))
	if padded == nil {
		return y
	}
	keep := make([]float32, len(padded))
	for i, p := range padded {
		if !p {
			keep[i] = 1
		}
	}
	return t.Mul(y, t.Upload(keep, shape[0], shape[1], 1))
}

// maskKeys returns what is added to scores (n, heads, tokens, tokens) so that no
// query sees the padded keys, which lie behind the first split ones.
func maskKeys(t *nn.Tape, n, tokens, split int, padded []bool) *nn.Var {
	if t.Err() != nil {
		return nil
	}
	bias := make([]float32, n*tokens)
	length := tokens - split
	for i, p := range padded {
		if p {
			bias[i/length*tokens+split+i%length] = float32(math.Inf(-1))
		}
	}
	return t.Upload(bias, n, 1, 1, tokens)
}
