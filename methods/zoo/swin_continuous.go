package zoo

import (
	"math"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/methods/nn"
)

// ContinuousSwin is UM-MAE's variant of Swin: a small MLP in each block turns the
// distance of two tokens into the bias of their score, so that tokens need not lie
// on a grid.
type ContinuousSwin struct {
	Config   PyramidConfig
	Stem     *nn.Conv2d
	StemNorm *nn.LayerNorm
	Blocks   []*ContinuousBlock
	Norm     *nn.LayerNorm // of the tokens, or of their mean where there is a Head
	Head     *nn.Linear
}

// ContinuousBlock is a transformer block with attention in windows, behind a norm
// and a convolution that halves the map where a stage begins.
type ContinuousBlock struct {
	DownNorm     *nn.LayerNorm // nil with Down
	Down         *nn.Conv2d
	Norm1, Norm2 *nn.LayerNorm
	Attn         *SelfAttention
	Pos0, Pos1   *nn.Linear // the MLP: 2 to PositionHidden to heads
	MLP          *MLP
	Shifted      bool
	DropPath     float32
}

// NewContinuousSwin returns the network with zero weights.
func NewContinuousSwin(c PyramidConfig) (*ContinuousSwin, error) {
	if err := c.check([]int{c.Window, c.PositionHidden}); err != nil {
		return nil, err
	}
	s := &ContinuousSwin{Config: c, Stem: umConv(3, c.Widths[0], c.TokenSize).Init(umStem, nil), StemNorm: layerNorm(c.Widths[0], umOuterEps)}
	rates := pathRates(c.DropPath, sum(c.Depths))
	for stage, depth := range c.Depths {
		for j := range depth {
			b := newContinuousBlock(c, stage)
			if j == 0 && stage > 0 {
				before := c.Widths[stage-1]
				b.DownNorm, b.Down = layerNorm(before, umOuterEps), umConv(before, c.Widths[stage], 2)
			}
			b.Shifted, b.DropPath = j%2 == 1, rates[len(s.Blocks)]
			s.Blocks = append(s.Blocks, b)
		}
	}
	s.Norm, s.Head = c.head()
	return s, nil
}

func newContinuousBlock(c PyramidConfig, stage int) *ContinuousBlock {
	width := c.Widths[stage]
	return &ContinuousBlock{
		Norm1: layerNorm(width, umBlockEps), Norm2: layerNorm(width, umBlockEps),
		Attn: &SelfAttention{QKV: umLinear(width, 3*width), Proj: umLinear(width, width), Heads: c.Heads[stage]},
		Pos0: umLinear(2, c.PositionHidden), Pos1: umLinear(c.PositionHidden, c.Heads[stage]),
		MLP: umMLP(width, hiddenWidth(width, c.MLPRatios[stage])),
	}
}

// Collect implements nn.Module.
func (s *ContinuousSwin) Collect(c *nn.Collector) {
	c.Module("stem", s.Stem)
	c.Module("stem_norm", s.StemNorm)
	collectList(c, "blocks", s.Blocks)
	collectHead(c, s.Norm, s.Head)
}

// Collect implements nn.Module.
func (b *ContinuousBlock) Collect(c *nn.Collector) {
	if b.Down != nil {
		c.Module("down_norm", b.DownNorm)
		c.Module("down", b.Down)
	}
	c.Module("norm1", b.Norm1)
	c.Module("attn", b.Attn)
	c.Module("attn.pos.0", b.Pos0)
	c.Module("attn.pos.1", b.Pos1)
	c.Module("norm2", b.Norm2)
	c.Module("mlp", b.MLP)
}

// Forward implements nn.Layer: logits (N, Classes) of images, or the mean of the
// normalised tokens where there is no classifier.
func (s *ContinuousSwin) Forward(t *nn.Tape, x *nn.Var) *nn.Var {
	side := s.Config.ImageSize / s.Config.TokenSize
	y := s.Encode(t, s.Tokens(t, x), GridCoordinates(side, side), side, side, s.Config.Window)
	if s.Head == nil {
		return t.Mean(s.Norm.Forward(t, y), false, 1)
	}
	return s.Head.Forward(t, s.Norm.Forward(t, t.Mean(y, false, 1)))
}

// SetImageSize makes the network take images of another size.
func (s *ContinuousSwin) SetImageSize(size int) error {
	c := s.Config
	c.ImageSize = size
	if err := c.check(nil); err != nil {
		return err
	}
	s.Config = c
	return nil
}

// Tokens returns the normalised tokens (N, T, C) of the stem.
func (s *ContinuousSwin) Tokens(t *nn.Tape, x *nn.Var) *nn.Var {
	return s.StemNorm.Forward(t, patchTokens(t, x, s.Stem.Weight, s.Stem.Bias))
}

// Encode runs the blocks on a map of tokens (N, rows*cols, C). coords holds each
// token's row and column in the image, in tokens: for all images (2 rows cols
// values) or for each. It returns the last stage's tokens, before the last norm.
func (s *ContinuousSwin) Encode(t *nn.Tape, x *nn.Var, coords []float32, rows, cols, window int) *nn.Var {
	maps := len(coords) / max(2*rows*cols, 1)
	if t.Err() == nil && (rows < 1 || cols < 1 || window < 1 || x.Dim(1) != rows*cols || len(coords) != 2*maps*rows*cols || maps != 1 && maps != x.Dim(0)) {
		return t.Fail(fault.New(fault.Usage, "continuous swin: tokens %v on a map of %dx%d with %d coordinates, windows of %d", x.Shape(), rows, cols, len(coords), window))
	}
	layers, known := make([]nn.Layer, len(s.Blocks)), map[windows]pairs{}
	for i, b := range s.Blocks {
		if b.Down != nil {
			coords = halveCoordinates(coords, rows, cols)
			rows, cols = rows/2, cols/2
		}
		size, shift := min(window, rows, cols), 0
		if b.Shifted && min(rows, cols) > window {
			shift = window / 2
		}
		w := newWindows(rows, cols, size, shift)
		if w.padded() {
			return t.Fail(fault.New(fault.Usage, "continuous swin: windows of %d do not fill a map of %dx%d", size, rows, cols))
		}
		if _, ok := known[w]; !ok {
			known[w] = pairsOf(coords, w)
		}
		far := known[w]
		layers[i] = nn.Func(func(t *nn.Tape, x *nn.Var) *nn.Var { return b.forward(t, x, far, w) })
	}
	return runBlocks(t, layers, x, s.Config.Recompute)
}

func (b *ContinuousBlock) forward(t *nn.Tape, x *nn.Var, far pairs, w windows) *nn.Var {
	if b.Down != nil {
		m := tokenMap{b.DownNorm.Forward(t, x), 2 * w.rows, 2 * w.cols}
		x = patchTokens(t, m.image(t), b.Down.Weight, b.Down.Bias)
	}
	n, width, tokens := x.Dim(0), x.Dim(2), w.size*w.size
	y := t.IndexSelect(b.Norm1.Forward(t, x), 1, w.order())
	y = b.Attn.inWindows(t, t.Reshape(y, n*w.count(), tokens, width), w.count(), b.bias(t, far, w))
	y = t.IndexSelect(t.Reshape(y, n, w.rows*w.cols, width), 1, w.places())
	x = addBranch(t, x, y, nil, b.DropPath)
	return addBranch(t, x, b.MLP.Forward(t, b.Norm2.Forward(t, x)), nil, b.DropPath)
}

// bias returns what is added to the scores: (maps, windows*heads, T, T). The MLP
// runs once for each distance that there is and not for each pair of tokens.
func (b *ContinuousBlock) bias(t *nn.Tape, far pairs, w windows) *nn.Var {
	tokens, count := w.size*w.size, w.count()
	maps := len(far.index) / (count * tokens * tokens)
	bias := b.Pos1.Forward(t, t.ReLU(b.Pos0.Forward(t, t.Upload(far.distances, len(far.distances)/2, 2))))
	bias = t.Reshape(t.IndexSelect(bias, 0, far.index), maps, count, tokens, tokens, b.Attn.Heads)
	bias = t.Permute(bias, 0, 1, 4, 2, 3)
	if w.shift > 0 {
		bias = t.Add(bias, t.Upload(w.mask(), count, 1, tokens, tokens))
	}
	return t.Reshape(bias, maps, count*b.Attn.Heads, tokens, tokens)
}

// pairs tells for each pair of tokens of a window, query first, how far the key
// lies below and to the right of the query, as sign(x) ln(1 + |x|): index is the
// row of distances, two values each.
type pairs struct {
	distances []float32
	index     []int
}

func pairsOf(coords []float32, w windows) pairs {
	order, tokens, all := w.order(), w.size*w.size, w.rows*w.cols
	p := pairs{index: make([]int, 0, len(coords)/2*tokens)}
	rows := map[[2]float32]int{}
	for ; len(coords) > 0; coords = coords[2*all:] {
		for i, q := range order {
			for _, k := range order[i/tokens*tokens:][:tokens] {
				d := [2]float32{coords[2*k] - coords[2*q], coords[2*k+1] - coords[2*q+1]}
				row, ok := rows[d]
				if !ok {
					row = len(rows)
					rows[d] = row
					p.distances = append(p.distances, logDistance(d[0]), logDistance(d[1]))
				}
				p.index = append(p.index, row)
			}
		}
	}
	return p
}

func logDistance(x float32) float32 {
	return float32(math.Copysign(math.Log1p(math.Abs(float64(x))), float64(x)))
}

// GridCoordinates returns the row and the column of each token of a map.
func GridCoordinates(rows, cols int) []float32 {
	out := make([]float32, 0, 2*rows*cols)
	for i := range rows * cols {
		out = append(out, float32(i/cols), float32(i%cols))
	}
	return out
}

// halveCoordinates keeps the coordinates of even rows and columns, in units of the
// halved map.
func halveCoordinates(coords []float32, rows, cols int) []float32 {
	var out []float32
	for ; len(coords) > 0; coords = coords[2*rows*cols:] {
		for r := 0; r+1 < rows; r += 2 {
			for c := 0; c+1 < cols; c += 2 {
				at := 2 * (r*cols + c)
				out = append(out, coords[at]/2, coords[at+1]/2)
			}
		}
	}
	return out
}
