package zoo

import (
	"github.com/tailorbird/tailorbird/kernels/ops"
	"github.com/tailorbird/tailorbird/methods/nn"
)

// DiffusionResNet is the residual block of diffusers' networks on (N, C, H, W).
type DiffusionResNet struct {
	Norm1, Norm2 *nn.GroupNorm
	Conv1, Conv2 *nn.Conv2d
	Time         *nn.Linear // nil in an autoencoder
	Shortcut     *nn.Conv2d // nil where the width stays
}

// newDiffusionResNet returns a block that is told a time of so many numbers; 0: none.
func newDiffusionResNet(in, out, time, groups int, eps float32) *DiffusionResNet {
	r := &DiffusionResNet{
		Norm1: groupNorm(groups, in, eps), Conv1: conv3x3(in, out),
		Norm2: groupNorm(groups, out, eps), Conv2: conv3x3(out, out),
	}
	if time > 0 {
		r.Time = nn.NewLinear(time, out, true)
	}
	if in != out {
		r.Shortcut = nn.NewConv2d(in, out, 1, ops.Conv{}, true)
	}
	return r
}

func conv3x3(in, out int) *nn.Conv2d {
	return nn.NewConv2d(in, out, 3, ops.Conv{Padding: [2]int{1, 1}}, true)
}

func groupNorm(groups, width int, eps float32) *nn.GroupNorm {
	g := nn.NewGroupNorm(groups, width)
	g.Eps = eps
	return g
}

// Collect implements nn.Module.
func (r *DiffusionResNet) Collect(c *nn.Collector) {
	c.Module("norm1", r.Norm1)
	c.Module("conv1", r.Conv1)
	if r.Time != nil {
		c.Module("time_emb_proj", r.Time)
	}
	c.Module("norm2", r.Norm2)
	c.Module("conv2", r.Conv2)
	if r.Shortcut != nil {
		c.Module("conv_shortcut", r.Shortcut)
	}
}

// Run returns the block's output at a time (N, T) that was activated; nil where
// the block is told none.
func (r *DiffusionResNet) Run(t *nn.Tape, x, time *nn.Var) *nn.Var {
	h := r.Conv1.Forward(t, t.SiLU(r.Norm1.Forward(t, x)))
	if r.Time != nil {
		shift := r.Time.Forward(t, time)
		h = t.Add(h, t.Reshape(shift, shift.Dim(0), shift.Dim(1), 1, 1))
	}
	h = r.Conv2.Forward(t, t.SiLU(r.Norm2.Forward(t, h)))
	if r.Shortcut != nil {
		x = r.Shortcut.Forward(t, x)
	}
	return t.Add(x, h)
}

// Forward implements nn.Layer for blocks without a time.
func (r *DiffusionResNet) Forward(t *nn.Tape, x *nn.Var) *nn.Var { return r.Run(t, x, nil) }

// SpatialTransformer lets the pixels of (N, C, H, W) attend to each other and to a
// text: one transformer block between two 1 x 1 convolutions.
type SpatialTransformer struct {
	Norm                *nn.GroupNorm
	In, Out             *nn.Conv2d
	Norm1, Norm2, Norm3 *nn.LayerNorm
	Self, Cross         *DiffusionAttention
	Gate, FF            *nn.Linear // C to 8C, of which one half gates the other; 4C to C
}

func newSpatialTransformer(width, heads, context, groups int) *SpatialTransformer {
	return &SpatialTransformer{
		Norm: groupNorm(groups, width, 1e-6),
		In:   nn.NewConv2d(width, width, 1, ops.Conv{}, true), Out: nn.NewConv2d(width, width, 1, ops.Conv{}, true),
		Norm1: nn.NewLayerNorm(width), Norm2: nn.NewLayerNorm(width), Norm3: nn.NewLayerNorm(width),
		Self: newDiffusionAttention(width, width, heads, false), Cross: newDiffusionAttention(width, context, heads, false),
		Gate: nn.NewLinear(width, 8*width, true), FF: nn.NewLinear(4*width, width, true),
	}
}

// Collect implements nn.Module.
func (s *SpatialTransformer) Collect(c *nn.Collector) {
	c.Module("norm", s.Norm)
	c.Module("proj_in", s.In)
	const block = "transformer_blocks.0."
	c.Module(block+"norm1", s.Norm1)
	c.Module(block+"attn1", s.Self)
	c.Module(block+"norm2", s.Norm2)
	c.Module(block+"attn2", s.Cross)
	c.Module(block+"norm3", s.Norm3)
	c.Module(block+"ff.net.0.proj", s.Gate)
	c.Module(block+"ff.net.2", s.FF)
	c.Module("proj_out", s.Out)
}

// Run returns x (N, C, H, W) with what it attends to added, texts (N, L, context).
func (s *SpatialTransformer) Run(t *nn.Tape, x, text *nn.Var) *nn.Var {
	h := pixelTokens(t, s.In.Forward(t, s.Norm.Forward(t, x)))
	y := s.Norm1.Forward(t, h)
	h = t.Add(h, s.Self.Attend(t, y, y))
	h = t.Add(h, s.Cross.Attend(t, s.Norm2.Forward(t, h), text))
	h = t.Add(h, s.FF.Forward(t, t.GEGLU(s.Gate.Forward(t, s.Norm3.Forward(t, h)))))
	return t.Add(x, s.Out.Forward(t, tokenPixels(t, h, x)))
}

// pixelTokens turns (N, C, H, W) into (N, H*W, C), tokenPixels back to the shape
// of like.
func pixelTokens(t *nn.Tape, x *nn.Var) *nn.Var {
	return t.Permute(t.Reshape(x, x.Dim(0), x.Dim(1), -1), 0, 2, 1)
}

func tokenPixels(t *nn.Tape, x, like *nn.Var) *nn.Var {
	return t.Reshape(t.Permute(x, 0, 2, 1), like.Dim(0), like.Dim(1), like.Dim(2), like.Dim(3))
}

// DiffusionAttention is multi-head attention under the names of diffusers.
type DiffusionAttention struct {
	Q, K, V, Out *nn.Linear
	Heads        int
}

func newDiffusionAttention(width, context, heads int, bias bool) *DiffusionAttention {
	return &DiffusionAttention{
		Q: nn.NewLinear(width, width, bias), K: nn.NewLinear(context, width, bias), V: nn.NewLinear(context, width, bias),
		Out: nn.NewLinear(width, width, true), Heads: heads,
	}
}

// Collect implements nn.Module.
func (a *DiffusionAttention) Collect(c *nn.Collector) {
	c.Module("to_q", a.Q)
	c.Module("to_k", a.K)
	c.Module("to_v", a.V)
	c.Module("to_out.0", a.Out)
}

// Attend returns what tokens (N, T, C) read from a context (N, L, context).
func (a *DiffusionAttention) Attend(t *nn.Tape, x, context *nn.Var) *nn.Var {
	q, k, v := a.Q.Forward(t, x), a.K.Forward(t, context), a.V.Forward(t, context)
	return a.Out.Forward(t, t.AttentionTokens(q, k, v, a.Heads, nn.Attention{}))
}
