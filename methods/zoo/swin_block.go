package zoo

import (
	"github.com/tailorbird/tailorbird/methods/nn"
)

// SwinBlock is a transformer block whose attention stays inside windows, every
// other time of a shifted grid.
type SwinBlock struct {
	Norm1, Norm2  *nn.LayerNorm
	Attn          *SelfAttention
	Bias          *nn.Var // relative_position_bias_table ((2w-1)^2, heads)
	MLP           *MLP
	Window, Shift int
	DropPath      float32
}

// NewSwinBlock returns a block for maps of side x side tokens. A map that is not
// larger than the window is one window and nothing is shifted.
func NewSwinBlock(c SwinConfig, width, heads, side int, shifted bool) *SwinBlock {
	b := &SwinBlock{
		Norm1: layerNorm(width, c.NormEps), Norm2: layerNorm(width, c.NormEps),
		Attn: NewSelfAttention(width, heads, !c.NoQKVBias), MLP: NewMLP(width, hiddenWidth(width, c.MLPRatio)),
		Window: min(c.Window, side),
	}
	if shifted && side > c.Window {
		b.Shift = c.Window / 2
	}
	b.Bias = nn.NewParam(nn.TruncNormal(0.02), (2*b.Window-1)*(2*b.Window-1), heads)
	return b
}

// Collect implements nn.Module.
func (b *SwinBlock) Collect(c *nn.Collector) {
	c.Module("norm1", b.Norm1)
	c.Param("attn.relative_position_bias_table", b.Bias)
	c.Module("attn", b.Attn)
	c.Module("norm2", b.Norm2)
	c.Module("mlp", b.MLP)
}

func (b *SwinBlock) forward(t *nn.Tape, m tokenMap) *nn.Var {
	y := b.attend(t, tokenMap{b.Norm1.Forward(t, m.x), m.rows, m.cols})
	x := addBranch(t, m.x, y, nil, b.DropPath)
	y = b.MLP.Forward(t, b.Norm2.Forward(t, x))
	return addBranch(t, x, y, nil, b.DropPath)
}

// attend attends inside the windows: tokens are put in the order of windows of the
// rolled and padded map, and back.
func (b *SwinBlock) attend(t *nn.Tape, m tokenMap) *nn.Var {
	w := newWindows(m.rows, m.cols, b.Window, b.Shift)
	n, width := m.x.Dim(0), m.x.Dim(2)
	x := m.x
	if w.padded() {
		x = t.Pad(t.Reshape(x, n, m.rows, m.cols, width), [][2]int{{}, {0, w.rows - m.rows}, {0, w.cols - m.cols}, {}})
		x = t.Reshape(x, n, w.rows*w.cols, width)
	}
	x = t.IndexSelect(x, 1, w.order())
	x = t.Reshape(x, n*w.count(), w.size*w.size, width)
	y := b.Attn.inWindows(t, x, w.count(), b.bias(t, w))
	return t.IndexSelect(t.Reshape(y, n, w.rows*w.cols, width), 1, w.places())
}

// bias returns what is added to the scores: (1, heads, T, T), T tokens of a
// window, or (1, windows*heads, T, T) where windows are shifted, with -100 between
// tokens that are no neighbours in the image.
func (b *SwinBlock) bias(t *nn.Tape, w windows) *nn.Var {
	heads, tokens := b.Attn.Heads, w.size*w.size
	table := t.IndexSelect(b.Bias, 0, relativeIndex(w.size))
	bias := t.Permute(t.Reshape(table, tokens, tokens, heads), 2, 0, 1)
	if w.shift == 0 {
		return t.Reshape(bias, 1, heads, tokens, tokens)
	}
	mask := t.Upload(w.mask(), w.count(), 1, tokens, tokens)
	return t.Reshape(t.Add(bias, mask), 1, w.count()*heads, tokens, tokens)
}

// inWindows attends inside windows (N*windows, T, C). bias is for one window or
// for each of the windows.
func (a *SelfAttention) inWindows(t *nn.Tape, x *nn.Var, windows int, bias *nn.Var) *nn.Var {
	if bias.Dim(1) == a.Heads {
		return a.Attend(t, x, nn.Attention{Bias: bias})
	}
	// The windows of an image become heads of it, so that one bias serves all images.
	n, tokens, width := x.Dim(0)/windows, x.Dim(1), x.Dim(2)
	qkv := t.Reshape(a.QKV.Forward(t, x), n, windows, tokens, 3, a.Heads, -1)
	qkvs := t.Split(t.Permute(qkv, 3, 0, 1, 4, 2, 5), 0, 1, 1, 1)
	for i := range qkvs {
		qkvs[i] = t.Reshape(qkvs[i], n, windows*a.Heads, tokens, -1)
	}
	y := t.Reshape(t.Attention(qkvs[0], qkvs[1], qkvs[2], nn.Attention{Bias: bias}), n*windows, a.Heads, tokens, -1)
	return a.Proj.Forward(t, mergeHeads(t, y, width))
}

// windows are squares of size tokens a side on a map of rows x cols, which was
// padded to whole windows and rolled up and left by shift.
type windows struct {
	inRows, inCols int // before padding
	rows, cols     int
	size, shift    int
}

func newWindows(rows, cols, size, shift int) windows {
	up := func(n int) int { return (n + size - 1) / size * size }
	return windows{rows, cols, up(rows), up(cols), size, shift}
}

func (w windows) padded() bool { return w.rows != w.inRows || w.cols != w.inCols }
func (w windows) count() int   { return w.rows / w.size * (w.cols / w.size) }

// forEach calls f for every token in the order of the windows with its place in
// the rolled map.
func (w windows) forEach(f func(r, c int)) {
	for top := 0; top < w.rows; top += w.size {
		for left := 0; left < w.cols; left += w.size {
			for i := range w.size * w.size {
				f(top+i/w.size, left+i%w.size)
			}
		}
	}
}

// source returns where a place of the rolled map lies in the padded map. The map is
// rolled before it is padded: the padding stays at the right and at the bottom.
func (w windows) source(r, c int) int {
	if r < w.inRows && c < w.inCols {
		r, c = (r+w.shift)%w.inRows, (c+w.shift)%w.inCols
	}
	return r*w.cols + c
}

// order lists the tokens of the padded map in the order of the windows.
func (w windows) order() []int {
	ids := make([]int, 0, w.rows*w.cols)
	w.forEach(func(r, c int) { ids = append(ids, w.source(r, c)) })
	return ids
}

// places lists where each token of the map without padding is in that order.
func (w windows) places() []int {
	at := make([]int, w.rows*w.cols)
	for i, id := range w.order() {
		at[id] = i
	}
	ids := make([]int, 0, w.inRows*w.inCols)
	for r := range w.inRows {
		ids = append(ids, at[r*w.cols:][:w.inCols]...)
	}
	return ids
}

// mask returns (windows, T, T): -100 where two tokens of a window come from
// regions that the roll has brought together.
func (w windows) mask() []float32 {
	region := func(i, n int) int {
		switch {
		case i < n-w.size:
			return 0
		case i < n-w.shift:
			return 1
		}
		return 2
	}
	var of []int
	w.forEach(func(r, c int) { of = append(of, 3*region(r, w.rows)+region(c, w.cols)) })
	tokens := w.size * w.size
	out := make([]float32, 0, len(of)*tokens)
	for i, a := range of {
		for _, b := range of[i/tokens*tokens:][:tokens] {
			if a == b {
				out = append(out, 0)
			} else {
				out = append(out, -100)
			}
		}
	}
	return out
}

// relativeIndex lists for each pair of tokens of a window, query first, the row of
// the table for their distance.
func relativeIndex(size int) []int {
	ids := make([]int, 0, size*size*size*size)
	for q := range size * size {
		for k := range size * size {
			down, right := q/size-k/size+size-1, q%size-k%size+size-1
			ids = append(ids, down*(2*size-1)+right)
		}
	}
	return ids
}

// PatchMerging joins 2x2 tokens to one of twice the width, in timm's names: norm,
// reduction.
type PatchMerging struct {
	Norm      *nn.LayerNorm
	Reduction *nn.Linear
}

// NewPatchMerging returns a merging of tokens of the given width.
func NewPatchMerging(width int, eps float32) *PatchMerging {
	return &PatchMerging{layerNorm(4*width, eps), transformerLinear(4*width, 2*width, false)}
}

// Collect implements nn.Module.
func (p *PatchMerging) Collect(c *nn.Collector) {
	c.Module("norm", p.Norm)
	c.Module("reduction", p.Reduction)
}

// forward halves the map. An odd row or column is completed with zeros. The four
// tokens come column by column.
func (p *PatchMerging) forward(t *nn.Tape, m tokenMap) tokenMap {
	n, width := m.x.Dim(0), m.x.Dim(2)
	x := t.Reshape(m.x, n, m.rows, m.cols, width)
	if m.rows%2+m.cols%2 > 0 {
		x = t.Pad(x, [][2]int{{}, {0, m.rows % 2}, {0, m.cols % 2}, {}})
	}
	rows, cols := (m.rows+1)/2, (m.cols+1)/2
	x = t.Permute(t.Reshape(x, n, rows, 2, cols, 2, width), 0, 1, 3, 4, 2, 5)
	x = p.Norm.Forward(t, t.Reshape(x, n, rows*cols, 4*width))
	return tokenMap{p.Reduction.Forward(t, x), rows, cols}
}
