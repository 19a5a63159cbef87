package zoo

import (
	"math/rand/v2"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/ops"
	"github.com/tailorbird/tailorbird/methods/nn"
)

// PyramidConfig describes the pyramid encoders of UM-MAE (Li et al.,
// arXiv:2205.10063; specs/um_mae.md section 4): PooledPVT and ContinuousSwin. The
// slices have one value a stage.
type PyramidConfig struct {
	ImageSize, TokenSize  int // pixels a side
	Widths, Depths, Heads []int
	MLPRatios             []float64
	Pools                 []int // of PooledPVT: keys and values stand for squares of so many tokens a side
	Window                int   // of ContinuousSwin: tokens a side of an attention window
	PositionHidden        int   // of ContinuousSwin: width of the MLP that turns distances into biases

	// Classes > 0 adds the classifier of fine-tuning: a norm of the mean token in
	// place of that of all tokens, and for PooledPVT a trained table of positions.
	Classes   int
	DropPath  float32 // rate of stochastic depth of the last block
	Recompute bool    // blocks run again in the backward pass instead of keeping their inside
}

// The eps of norms inside the blocks differs from that of all other norms.
const (
	umBlockEps = 1e-5
	umOuterEps = 1e-6
)

// PooledPVT is UM-MAE's variant of PVT: averages take the place of strided
// convolutions, so that its weights do not depend on the size of the pools.
type PooledPVT struct {
	Config    PyramidConfig
	Stem      *nn.Conv2d
	Positions *nn.Var // (1, tokens, C); nil without a classifier
	Blocks    []*PooledBlock
	Norm      *nn.LayerNorm // of the tokens, or of their mean where there is a Head
	Head      *nn.Linear
}

// PooledBlock is a transformer block with pooled keys and values, behind a
// convolution that halves the map where a stage begins.
type PooledBlock struct {
	Down         *nn.Conv2d // may be nil
	Norm1, Norm2 *nn.LayerNorm
	Q, KV, Proj  *nn.Linear
	SR           *nn.Conv2d // 1x1, behind the average
	Norm         *nn.LayerNorm
	MLP          *MLP
	Heads, Stage int
	DropPath     float32
}

// NewPooledPVT returns the network with zero weights.
func NewPooledPVT(c PyramidConfig) (*PooledPVT, error) {
	if err := c.check(append([]int{len(c.Pools)}, c.Pools...)); err != nil {
		return nil, err
	}
	if err := want("pyramid", "pools", len(c.Pools), len(c.Widths)); err != nil {
		return nil, err
	}
	if c.Classes > 0 && c.Widths[0]%4 != 0 {
		return nil, fault.New(fault.Usage, "zoo: pyramid: a position code of width %d, want a multiple of 4", c.Widths[0])
	}
	p := &PooledPVT{Config: c, Stem: umConv(3, c.Widths[0], c.TokenSize)}
	p.Stem.Init(umStem, nil)
	rates := pathRates(c.DropPath, sum(c.Depths))
	for stage, depth := range c.Depths {
		for j := range depth {
			b := newPooledBlock(c, stage, j == 0 && stage > 0)
			b.DropPath = rates[len(p.Blocks)]
			p.Blocks = append(p.Blocks, b)
		}
	}
	if c.Classes > 0 {
		side := c.ImageSize / c.TokenSize
		p.Positions = nn.NewParam(sinCosInit(side), 1, side*side, c.Widths[0])
	}
	p.Norm, p.Head = c.head()
	return p, nil
}

func (c PyramidConfig) check(more []int) error {
	n := len(c.Widths)
	for what, got := range map[string]int{"depths": len(c.Depths), "numbers of heads": len(c.Heads), "MLP ratios": len(c.MLPRatios)} {
		if err := want("pyramid", what, got, n); err != nil {
			return err
		}
	}
	sizes := append([]int{n, c.ImageSize, c.TokenSize}, more...)
	for _, s := range [][]int{c.Widths, c.Depths, c.Heads} {
		sizes = append(sizes, s...)
	}
	for i, r := range c.MLPRatios {
		sizes = append(sizes, hiddenWidth(c.Widths[i], r))
	}
	if err := positive("pyramid", sizes...); err != nil {
		return err
	}
	for i, heads := range c.Heads {
		if err := divisible("pyramid", c.Widths[i], heads); err != nil {
			return err
		}
	}
	if side := c.ImageSize / c.TokenSize; c.ImageSize%c.TokenSize != 0 || side%(1<<(n-1)) != 0 {
		return fault.New(fault.Usage, "zoo: pyramid: image %d in tokens of %d does not halve %d times", c.ImageSize, c.TokenSize, n-1)
	}
	if c.DropPath < 0 || c.DropPath >= 1 || c.Classes < 0 {
		return fault.New(fault.Usage, "zoo: pyramid: drop path %g, %d classes", c.DropPath, c.Classes)
	}
	return nil
}

// head returns the last norm and the classifier, which is nil without classes.
func (c PyramidConfig) head() (*nn.LayerNorm, *nn.Linear) {
	width := c.Widths[len(c.Widths)-1]
	norm := layerNorm(width, umOuterEps)
	if c.Classes == 0 {
		return norm, nil
	}
	return norm, nn.NewLinear(width, c.Classes, true).Init(nn.TruncNormal(2e-5), nn.Zeros)
}

func newPooledBlock(c PyramidConfig, stage int, down bool) *PooledBlock {
	width := c.Widths[stage]
	b := &PooledBlock{
		Norm1: layerNorm(width, umBlockEps), Norm2: layerNorm(width, umBlockEps), Norm: layerNorm(width, umBlockEps),
		Q: umLinear(width, width), KV: umLinear(width, 2*width), Proj: umLinear(width, width),
		SR: umConv(width, width, 1), MLP: umMLP(width, hiddenWidth(width, c.MLPRatios[stage])),
		Heads: c.Heads[stage], Stage: stage,
	}
	if down {
		b.Down = umConv(c.Widths[stage-1], width, 2)
	}
	return b
}

// Collect implements nn.Module.
func (p *PooledPVT) Collect(c *nn.Collector) {
	c.Param("pos_embed", p.Positions)
	c.Module("stem", p.Stem)
	collectList(c, "blocks", p.Blocks)
	collectHead(c, p.Norm, p.Head)
}

// Collect implements nn.Module.
func (b *PooledBlock) Collect(c *nn.Collector) {
	if b.Down != nil {
		c.Module("down", b.Down)
	}
	c.Module("norm1", b.Norm1)
	c.Module("attn.q", b.Q)
	c.Module("attn.sr", b.SR)
	c.Module("attn.norm", b.Norm)
	c.Module("attn.kv", b.KV)
	c.Module("attn.proj", b.Proj)
	c.Module("norm2", b.Norm2)
	c.Module("mlp", b.MLP)
}

// Forward implements nn.Layer: logits (N, Classes) of images, or the mean of the
// normalised tokens where there is no classifier.
func (p *PooledPVT) Forward(t *nn.Tape, x *nn.Var) *nn.Var {
	y := p.Tokens(t, x)
	side := p.Config.ImageSize / p.Config.TokenSize
	if p.Head == nil {
		return t.Mean(p.Norm.Forward(t, p.Encode(t, y, side, side, p.Config.Pools)), false, 1)
	}
	mean := t.Mean(p.Encode(t, t.Add(y, p.Positions), side, side, p.Config.Pools), false, 1)
	return p.Head.Forward(t, p.Norm.Forward(t, mean))
}

// SetImageSize makes the network take images of another size. The position table,
// where there is one, is resampled from the values that it has now.
func (p *PooledPVT) SetImageSize(size int) error {
	c := p.Config
	c.ImageSize = size
	if err := c.check(c.Pools); err != nil {
		return err
	}
	if p.Positions != nil {
		from, to := p.Config.ImageSize/c.TokenSize, size/c.TokenSize
		table, err := ResizePositions(p.Positions.Value.Float32s(), c.Widths[0], 0, [2]int{from, from}, [2]int{to, to}, false)
		if err != nil {
			return err
		}
		p.Positions = nn.NewParam(sinCosInit(to), 1, to*to, c.Widths[0])
		copy(p.Positions.Value.Float32s(), table)
	}
	p.Config = c
	return nil
}

// Tokens returns the tokens (N, T, C) of the stem, without positions.
func (p *PooledPVT) Tokens(t *nn.Tape, x *nn.Var) *nn.Var {
	return patchTokens(t, x, p.Stem.Weight, p.Stem.Bias)
}

// Encode runs the blocks on a map of tokens (N, rows*cols, C), positions added. It
// returns the last stage's tokens, before the last norm. pools takes the place of
// the config's: half of them where the map is half as large.
func (p *PooledPVT) Encode(t *nn.Tape, x *nn.Var, rows, cols int, pools []int) *nn.Var {
	if t.Err() == nil && len(pools) != len(p.Config.Pools) {
		return t.Fail(fault.New(fault.Usage, "pooled pvt: pools %v, want %d", pools, len(p.Config.Pools)))
	}
	layers := make([]nn.Layer, len(p.Blocks))
	for i, b := range p.Blocks {
		if b.Down != nil {
			rows, cols = rows/2, cols/2
		}
		r, c := rows, cols
		layers[i] = nn.Func(func(t *nn.Tape, x *nn.Var) *nn.Var { return b.forward(t, x, r, c, pools[b.Stage]) })
	}
	return runBlocks(t, layers, x, p.Config.Recompute)
}

// forward gives tokens on a map of rows x cols, which Down leads to.
func (b *PooledBlock) forward(t *nn.Tape, x *nn.Var, rows, cols, pool int) *nn.Var {
	if b.Down != nil {
		x = patchTokens(t, tokenMap{x, 2 * rows, 2 * cols}.image(t), b.Down.Weight, b.Down.Bias)
	}
	y := b.Norm1.Forward(t, x)
	q := b.Q.Forward(t, y)
	m := tokenMap{y, rows, cols}
	if pool > 1 {
		m = mapTokens(t, t.AvgPool2D(m.image(t), square(pool)))
	}
	keys := b.Norm.Forward(t, t.Linear(m.x, t.Reshape(b.SR.Weight, b.SR.Weight.Dim(0), -1), b.SR.Bias))
	y = b.Proj.Forward(t, attendReduced(t, q, b.KV.Forward(t, keys), b.Heads))
	x = addBranch(t, x, y, nil, b.DropPath)
	return addBranch(t, x, b.MLP.Forward(t, b.Norm2.Forward(t, x)), nil, b.DropPath)
}

// attendReduced attends from q (N, T, C) to keys and values side by side in
// (N, M, 2C). It returns (N, T, C).
func attendReduced(t *nn.Tape, q, kv *nn.Var, heads int) *nn.Var {
	width := kv.Dim(2) / 2
	kvs := t.Split(kv, 2, width, width)
	return t.AttentionTokens(q, kvs[0], kvs[1], heads, nn.Attention{})
}

// umLinear and the others have the initial values of the released code.
func umLinear(in, out int) *nn.Linear {
	return nn.NewLinear(in, out, true).Init(nn.XavierUniform(1), nn.Zeros)
}

func umMLP(width, hidden int) *MLP { return &MLP{umLinear(width, hidden), umLinear(hidden, width)} }

func umConv(in, out, size int) *nn.Conv2d {
	c := ops.Conv{Stride: [2]int{size, size}}
	return nn.NewConv2d(in, out, size, c, true).Init(nn.KaimingNormalOut(), nn.Zeros)
}

// umStem is Xavier's distribution of a convolution's weight as a matrix.
func umStem(values []float32, shape []int, rng *rand.Rand) {
	nn.XavierUniform(1)(values, []int{shape[0], len(values) / shape[0]}, rng)
}

// sinCosInit starts a table of positions, which are trained, at the fixed code.
func sinCosInit(side int) nn.Initialiser {
	return func(values []float32, shape []int, _ *rand.Rand) {
		width := shape[len(shape)-1]
		for i := range side * side {
			SinCosAt(values[i*width:][:width], float64(i/side), float64(i%side))
		}
	}
}

// collectHead names the last norm and the classifier.
func collectHead(c *nn.Collector, norm *nn.LayerNorm, head *nn.Linear) {
	if head == nil {
		c.Module("norm", norm)
		return
	}
	c.Module("fc_norm", norm)
	c.Module("head", head)
}
