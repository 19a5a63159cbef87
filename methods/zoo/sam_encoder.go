package zoo

import (
	"math"
	"slices"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/ops"
	"github.com/tailorbird/tailorbird/methods/nn"
)

// SAMEncoder is SAM's image encoder: a plain ViT with windows (Li et al.,
// arXiv:2203.16527), then a neck that reduces the channels.
type SAMEncoder struct {
	Config     SAMConfig
	Patches    *nn.Conv2d
	Positions  *nn.Var // (1, G, G, EncoderWidth)
	Layers     []*SAMLayer
	Neck1      *nn.Conv2d
	NeckNorm1  *nn.LayerNorm2d
	Neck2      *nn.Conv2d
	NeckNorm2  *nn.LayerNorm2d
	tokensSide int
}

func newSAMEncoder(c SAMConfig) *SAMEncoder {
	grid := c.grid()
	e := &SAMEncoder{
		Config:     c,
		Patches:    nn.NewConv2d(3, c.EncoderWidth, c.PatchSize, stride(c.PatchSize), true),
		Positions:  nn.NewParam(nn.Zeros, 1, grid, grid, c.EncoderWidth),
		Neck1:      nn.NewConv2d(c.EncoderWidth, c.Width, 1, ops.Conv{}, false),
		NeckNorm1:  nn.NewLayerNorm2d(c.Width),
		Neck2:      nn.NewConv2d(c.Width, c.Width, 3, ops.Conv{Padding: [2]int{1, 1}}, false),
		NeckNorm2:  nn.NewLayerNorm2d(c.Width),
		tokensSide: grid,
	}
	for i := range c.EncoderLayers {
		e.Layers = append(e.Layers, newSAMLayer(c, slices.Contains(c.Global, i)))
	}
	return e
}

// Collect implements nn.Module.
func (e *SAMEncoder) Collect(c *nn.Collector) {
	c.Param("pos_embed", e.Positions)
	c.Module("patch_embed.projection", e.Patches)
	collectList(c, "layers", e.Layers)
	c.Module("neck.conv1", e.Neck1)
	c.Module("neck.layer_norm1", e.NeckNorm1)
	c.Module("neck.conv2", e.Neck2)
	c.Module("neck.layer_norm2", e.NeckNorm2)
}

// Forward implements nn.Layer: embeddings (N, Width, G, G) of images (N, 3, S, S).
func (e *SAMEncoder) Forward(t *nn.Tape, images *nn.Var) *nn.Var {
	x := t.Scope(func() *nn.Var { return e.embed(t, images) })
	x = runBlocks(t, e.Layers, x, e.Config.Recompute)
	return t.Scope(func() *nn.Var {
		y := e.NeckNorm1.Forward(t, e.Neck1.Forward(t, t.Permute(x, 0, 3, 1, 2)))
		return e.NeckNorm2.Forward(t, e.Neck2.Forward(t, y))
	})
}

// embed returns the patches with their positions: (N, G, G, C).
func (e *SAMEncoder) embed(t *nn.Tape, images *nn.Var) *nn.Var {
	y := patchTokens(t, images, e.Patches.Weight, e.Patches.Bias)
	if t.Err() == nil && y.Dim(1) != e.tokensSide*e.tokensSide {
		return t.Fail(fault.New(fault.Usage, "sam: images %v, want %d pixels a side", images.Shape(), e.Config.ImageSize))
	}
	return t.Add(t.Reshape(y, images.Dim(0), e.tokensSide, e.tokensSide, -1), e.Positions)
}

// SAMLayer is a layer of the encoder. Window 0 means that all tokens attend to all.
type SAMLayer struct {
	Norm1, Norm2 *nn.LayerNorm
	QKV, Proj    *nn.Linear
	Rows, Cols   *nn.Var // (2s-1, C/heads): what a distance in rows and in columns adds to scores
	Lin1, Lin2   *nn.Linear
	Window       int
	Heads        int
}

func newSAMLayer(c SAMConfig, global bool) *SAMLayer {
	width, hidden := c.EncoderWidth, hiddenWidth(c.EncoderWidth, c.MLPRatio)
	side, window := c.Window, c.Window
	if global {
		side, window = c.grid(), 0
	}
	return &SAMLayer{
		Norm1: layerNorm(width, 1e-6), Norm2: layerNorm(width, 1e-6),
		QKV: transformerLinear(width, 3*width, true), Proj: transformerLinear(width, width, true),
		Rows: nn.NewParam(nn.Zeros, 2*side-1, width/c.EncoderHeads), Cols: nn.NewParam(nn.Zeros, 2*side-1, width/c.EncoderHeads),
		Lin1: transformerLinear(width, hidden, true), Lin2: transformerLinear(hidden, width, true),
		Window: window, Heads: c.EncoderHeads,
	}
}

// Collect implements nn.Module.
func (l *SAMLayer) Collect(c *nn.Collector) {
	c.Module("layer_norm1", l.Norm1)
	c.Param("attn.rel_pos_h", l.Rows)
	c.Param("attn.rel_pos_w", l.Cols)
	c.Module("attn.qkv", l.QKV)
	c.Module("attn.proj", l.Proj)
	c.Module("layer_norm2", l.Norm2)
	c.Module("mlp.lin1", l.Lin1)
	c.Module("mlp.lin2", l.Lin2)
}

// Forward implements nn.Layer on tokens (N, H, W, C).
func (l *SAMLayer) Forward(t *nn.Tape, x *nn.Var) *nn.Var {
	if t.Err() != nil {
		return x
	}
	y := l.Norm1.Forward(t, x)
	if l.Window == 0 {
		y = l.attend(t, y)
	} else {
		y = joinWindows(t, l.attend(t, cutWindows(t, y, l.Window)), x.Shape(), l.Window)
	}
	x = t.Add(x, y)
	return t.Add(x, l.Lin2.Forward(t, t.GELU(l.Lin1.Forward(t, l.Norm2.Forward(t, x)))))
}

// cutWindows turns (N, H, W, C) into windows (N*windows, s, s, C), with zeros behind
// the last rows and columns where s does not divide the sides.
func cutWindows(t *nn.Tape, x *nn.Var, s int) *nn.Var {
	n, h, w, c := x.Dim(0), x.Dim(1), x.Dim(2), x.Dim(3)
	rows, cols := (h+s-1)/s, (w+s-1)/s
	if rows*s != h || cols*s != w {
		x = t.Pad(x, [][2]int{{}, {0, rows*s - h}, {0, cols*s - w}, {}})
	}
	x = t.Permute(t.Reshape(x, n, rows, s, cols, s, c), 0, 1, 3, 2, 4, 5)
	return t.Reshape(x, n*rows*cols, s, s, c)
}

// joinWindows is the inverse of cutWindows for tokens of the given shape.
func joinWindows(t *nn.Tape, x *nn.Var, shape []int, s int) *nn.Var {
	n, h, w, c := shape[0], shape[1], shape[2], shape[3]
	rows, cols := (h+s-1)/s, (w+s-1)/s
	x = t.Reshape(t.Permute(t.Reshape(x, n, rows, cols, s, s, c), 0, 1, 3, 2, 4, 5), n, rows*s, cols*s, c)
	if rows*s != h || cols*s != w {
		x = t.Slice(t.Slice(x, 1, 0, h), 2, 0, w)
	}
	return x
}

// attend lets the tokens (B, H, W, C) of each window attend to each other. A
// distance of i rows and j columns adds q·Rows[i] + q·Cols[j] to a score.
//
// That sum is itself a product of vectors: of (q·Rows, q·Cols), one number for each
// row and column that a key may be in, and the key's row and column as ones among
// zeros. So they go along as further dimensions of queries and keys, and no matrix
// of tokens by tokens is made.
func (l *SAMLayer) attend(t *nn.Tape, x *nn.Var) *nn.Var {
	b, h, w, c := x.Dim(0), x.Dim(1), x.Dim(2), x.Dim(3)
	if n := l.Rows.Dim(0); t.Err() == nil && (n != 2*h-1 || n != 2*w-1) {
		return t.Fail(fault.New(fault.Usage, "sam: tokens %v, distances %v", x.Shape(), l.Rows.Shape()))
	}
	d := c / l.Heads
	parts := t.Split(t.Reshape(l.QKV.Forward(t, x), b, h, w, 3*l.Heads, d), 3, l.Heads, l.Heads, l.Heads)
	if t.Err() != nil {
		return x
	}
	q, k, v := parts[0], parts[1], parts[2] // (B, H, W, heads, d)
	long := t.Concat(4, t.Scale(q, float32(1/math.Sqrt(float64(d)))), l.distances(t, q))
	places := t.Expand(t.Upload(rowsAndColumns(h, w), 1, h, w, 1, h+w), b, h, w, l.Heads, h+w)
	flat := func(x *nn.Var) *nn.Var { return t.Reshape(x, b, h*w, -1) }
	y := t.AttentionTokens(flat(long), flat(t.Concat(4, k, places)), flat(v), l.Heads, nn.Attention{Scale: 1})
	return l.Proj.Forward(t, t.Reshape(y, b, h, w, c))
}

// distances returns for queries (B, H, W, heads, d) what keys in each row and in
// each column add to the score: (B, H, W, heads, H+W).
func (l *SAMLayer) distances(t *nn.Tape, q *nn.Var) *nn.Var {
	b, h, w, heads, d := q.Dim(0), q.Dim(1), q.Dim(2), q.Dim(3), q.Dim(4)
	// All queries of one row see the same vectors: a product for each row.
	rows := t.MatMulT(t.Reshape(t.Permute(q, 1, 0, 2, 3, 4), h, -1, d), relative(t, l.Rows, h), false, true)
	rows = t.Permute(t.Reshape(rows, h, b, w, heads, h), 1, 0, 2, 3, 4)
	cols := t.MatMulT(t.Reshape(t.Permute(q, 2, 0, 1, 3, 4), w, -1, d), relative(t, l.Cols, w), false, true)
	cols = t.Permute(t.Reshape(cols, w, b, h, heads, w), 1, 2, 0, 3, 4)
	return t.Concat(4, rows, cols)
}

// relative returns the vectors of a table by places: (n, n, d), [query][key].
func relative(t *nn.Tape, table *nn.Var, n int) *nn.Var {
	ids := make([]int, n*n)
	for q := range n {
		for k := range n {
			ids[q*n+k] = q - k + n - 1
		}
	}
	return t.Reshape(t.IndexSelect(table, 0, ids), n, n, -1)
}

// rowsAndColumns marks for each place of a grid its row and its column.
func rowsAndColumns(h, w int) []float32 {
	out := make([]float32, h*w*(h+w))
	for y := range h {
		for x := range w {
			at := out[(y*w+x)*(h+w):]
			at[y], at[h+x] = 1, 1
		}
	}
	return out
}
