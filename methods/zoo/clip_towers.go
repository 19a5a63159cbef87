package zoo

import (
	"math"

	"gorgonia.org/tensor"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/ops"
	"github.com/tailorbird/tailorbird/methods/nn"
)

// CLIPVisionTower is CLIP's vision transformer.
type CLIPVisionTower struct {
	Config         CLIPVision
	Patches        *nn.Var // (C, 3, P, P): a convolution without bias
	Class          *nn.Var // (C)
	Positions      *nn.Var // (1 + patches, C)
	NormIn, NormTo *nn.LayerNorm
	Blocks         []*CLIPBlock
	names          CLIPNames
}

// NewCLIPVisionTower returns the tower with zero weights.
func NewCLIPVisionTower(c CLIPVision, quick bool, names CLIPNames) (*CLIPVisionTower, error) {
	setDefault(&c.MLPRatio, 4)
	setDefault(&c.NormEps, 1e-5)
	if err := positive("clip vision", c.ImageSize, c.PatchSize, c.Width, c.Heads, c.Layers, hiddenWidth(c.Width, c.MLPRatio)); err != nil {
		return nil, err
	}
	if err := divisible("clip vision", c.Width, c.Heads); err != nil {
		return nil, err
	}
	if c.ImageSize%c.PatchSize != 0 {
		return nil, fault.New(fault.Usage, "zoo: clip: an image of %d pixels does not split into patches of %d", c.ImageSize, c.PatchSize)
	}
	grid, std := c.ImageSize/c.PatchSize, nn.Normal(0, 1/math.Sqrt(float64(c.Width)))
	v := &CLIPVisionTower{
		Config: c, names: names,
		Patches: nn.NewParam(nn.KaimingUniform(math.Sqrt(5)), c.Width, 3, c.PatchSize, c.PatchSize),
		Class:   nn.NewParam(std, c.Width), Positions: nn.NewParam(std, 1+grid*grid, c.Width),
		NormIn: layerNorm(c.Width, c.NormEps), NormTo: layerNorm(c.Width, c.NormEps),
	}
	for range c.Layers {
		v.Blocks = append(v.Blocks, newCLIPBlock(c.Width, c.Heads, c.Layers, c.MLPRatio, c.NormEps, quick, names))
	}
	return v, nil
}

// Collect implements nn.Module.
func (v *CLIPVisionTower) Collect(c *nn.Collector) {
	if v.names == HuggingFaceNames {
		c.Param("embeddings.class_embedding", v.Class)
		c.Param("embeddings.patch_embedding.weight", v.Patches)
		c.Param("embeddings.position_embedding.weight", v.Positions)
		c.Module("pre_layrnorm", v.NormIn) // sic: the published spelling
		collectList(c, "encoder.layers", v.Blocks)
		c.Module("post_layernorm", v.NormTo)
		return
	}
	c.Param("class_embedding", v.Class)
	c.Param("positional_embedding", v.Positions)
	c.Param("conv1.weight", v.Patches)
	c.Module("ln_pre", v.NormIn)
	collectList(c, "transformer.resblocks", v.Blocks)
	c.Module("ln_post", v.NormTo)
}

// Encode returns all tokens (N, T, Width) as they leave the last block, the class
// token first, and the normalised class token (N, Width).
func (v *CLIPVisionTower) Encode(t *nn.Tape, x *nn.Var) (tokens, pooled *nn.Var) {
	tokens = runCLIP(t, v.Blocks, t.Scope(func() *nn.Var { return v.embed(t, x) }), false)
	class := t.Reshape(t.Slice(tokens, 1, 0, 1), tokens.Dim(0), v.Config.Width)
	return tokens, v.NormTo.Forward(t, class)
}

func (v *CLIPVisionTower) embed(t *nn.Tape, x *nn.Var) *nn.Var {
	y := patchTokens(t, x, v.Patches, nil)
	y = t.Concat(1, t.Expand(v.Class, x.Dim(0), 1, v.Config.Width), y)
	if t.Err() == nil && y.Dim(1) != v.Positions.Dim(0) {
		return t.Fail(fault.New(fault.Usage, "clip: image %v gives %d tokens, positions are %v", x.Shape(), y.Dim(1), v.Positions.Shape()))
	}
	return v.NormIn.Forward(t, t.Add(y, v.Positions))
}

// CLIPTextTower is CLIP's text transformer: each token sees those before it.
// Alone, under Hugging Face's names, it is Stable Diffusion's text encoder.
type CLIPTextTower struct {
	Config    CLIPText
	Tokens    *nn.Var // (Vocabulary, C)
	Positions *nn.Var // (Context, C)
	Blocks    []*CLIPBlock
	Norm      *nn.LayerNorm
	names     CLIPNames
}

// NewCLIPTextTower returns the tower with zero weights.
func NewCLIPTextTower(c CLIPText, quick bool, names CLIPNames) (*CLIPTextTower, error) {
	setDefault(&c.MLPRatio, 4)
	setDefault(&c.NormEps, 1e-5)
	if err := positive("clip text", c.Context, c.Vocabulary, c.Width, c.Heads, c.Layers, hiddenWidth(c.Width, c.MLPRatio)); err != nil {
		return nil, err
	}
	if err := divisible("clip text", c.Width, c.Heads); err != nil {
		return nil, err
	}
	m := &CLIPTextTower{
		Config: c, names: names,
		Tokens: nn.NewParam(nn.Normal(0, 0.02), c.Vocabulary, c.Width), Positions: nn.NewParam(nn.Normal(0, 0.01), c.Context, c.Width),
		Norm: layerNorm(c.Width, c.NormEps),
	}
	for range c.Layers {
		m.Blocks = append(m.Blocks, newCLIPBlock(c.Width, c.Heads, c.Layers, c.MLPRatio, c.NormEps, quick, names))
	}
	return m, nil
}

// Collect implements nn.Module.
func (m *CLIPTextTower) Collect(c *nn.Collector) {
	if m.names == HuggingFaceNames {
		c.Param("embeddings.token_embedding.weight", m.Tokens)
		c.Param("embeddings.position_embedding.weight", m.Positions)
		collectList(c, "encoder.layers", m.Blocks)
		c.Module("final_layer_norm", m.Norm)
		return
	}
	c.Param("positional_embedding", m.Positions)
	collectList(c, "transformer.resblocks", m.Blocks)
	c.Param("token_embedding.weight", m.Tokens)
	c.Module("ln_final", m.Norm)
}

// Encode returns the normalised last hidden state (N, T, Width) of token ids
// (N, T), T at most Context. Padding is not masked: nothing before it sees it.
func (m *CLIPTextTower) Encode(t *nn.Tape, ids *tensor.Dense) *nn.Var {
	return m.Run(t, t.Embedding(m.Tokens, ids, -1))
}

// Run is Encode for embedded tokens (N, T, Width) without positions, as prompt
// learning puts them together.
func (m *CLIPTextTower) Run(t *nn.Tape, x *nn.Var) *nn.Var {
	if t.Err() == nil && (len(x.Shape()) != 3 || x.Dim(1) > m.Config.Context) {
		return t.Fail(fault.New(fault.Usage, "clip text: tokens %v, want (N, T, %d) with T <= %d", x.Shape(), m.Config.Width, m.Config.Context))
	}
	x = t.Add(x, t.Slice(m.Positions, 0, 0, x.Dim(1)))
	return m.Norm.Forward(t, runCLIP(t, m.Blocks, x, true))
}

// Pool returns the hidden states (N, Width) of the tokens at which sentences end.
func (m *CLIPTextTower) Pool(t *nn.Tape, hidden *nn.Var, ids *tensor.Dense) *nn.Var {
	if t.Err() != nil {
		return hidden
	}
	s := hidden.Shape()
	if len(s) != 3 || ops.Size(ids.Shape()) != s[0]*s[1] {
		return t.Fail(fault.New(fault.Usage, "clip text: ids %v do not fit hidden states %v", ids.Shape(), s))
	}
	at, err := m.ends(t.E, ids, s[1])
	if err != nil {
		return t.Fail(err)
	}
	return t.IndexSelect(t.Reshape(hidden, s[0]*s[1], s[2]), 0, at)
}

// ends lists where in the flat ids each row of n ends: at its first End, or at
// the first of the largest ids where End is 0. A row without End is read at 0,
// as the reference does.
func (m *CLIPTextTower) ends(e ops.Engine, ids *tensor.Dense, n int) ([]int, error) {
	host := tensor.New(tensor.WithShape(ids.Shape()...), tensor.Of(tensor.Int64))
	if err := e.Download(host, ids); err != nil {
		return nil, err
	}
	var out []int
	for row := host.Int64s(); len(row) > 0; row = row[n:] {
		best := 0
		for i, id := range row[:n] {
			if m.Config.End == 0 && id > row[best] || m.Config.End != 0 && id == m.Config.End && row[best] != m.Config.End {
				best = i
			}
		}
		out = append(out, len(out)*n+best)
	}
	return out, nil
}
