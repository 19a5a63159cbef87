package zoo

import (
	"fmt"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/ops"
	"github.com/tailorbird/tailorbird/methods/nn"
)

// SAMDecoder turns an image's embedding and prompts into masks.
type SAMDecoder struct {
	Config     SAMConfig
	IoUToken   *nn.Var // (1, Width)
	MaskTokens *nn.Var // (1+MultiMasks, Width)
	Layers     []*SAMDecoderLayer
	Final      *SAMAttention
	FinalNorm  *nn.LayerNorm
	Up1, Up2   *nn.ConvTranspose2d
	UpNorm     *nn.LayerNorm2d
	Hyper      []*SAMHead // one a mask token
	IoU        *SAMHead
}

func newSAMDecoder(c SAMConfig) *SAMDecoder {
	masks := 1 + c.MultiMasks
	d := &SAMDecoder{
		Config:     c,
		IoUToken:   nn.NewParam(nn.Normal(0, 1), 1, c.Width),
		MaskTokens: nn.NewParam(nn.Normal(0, 1), masks, c.Width),
		Final:      newSAMAttention(c.Width, c.Width/2, c.DecoderHeads),
		FinalNorm:  nn.NewLayerNorm(c.Width),
		Up1:        nn.NewConvTranspose2d(c.Width, c.Width/4, 2, stride(2), true),
		Up2:        nn.NewConvTranspose2d(c.Width/4, c.Width/8, 2, stride(2), true),
		UpNorm:     nn.NewLayerNorm2d(c.Width / 4),
		IoU:        newSAMHead(c.Width, c.IoUHidden, masks),
	}
	for range c.DecoderLayers {
		d.Layers = append(d.Layers, newSAMDecoderLayer(c))
	}
	for range masks {
		d.Hyper = append(d.Hyper, newSAMHead(c.Width, c.Width, c.Width/8))
	}
	return d
}

// Collect implements nn.Module.
func (d *SAMDecoder) Collect(c *nn.Collector) {
	c.Param("iou_token.weight", d.IoUToken)
	c.Param("mask_tokens.weight", d.MaskTokens)
	collectList(c, "transformer.layers", d.Layers)
	c.Module("transformer.final_attn_token_to_image", d.Final)
	c.Module("transformer.layer_norm_final_attn", d.FinalNorm)
	c.Module("upscale_conv1", d.Up1)
	c.Module("upscale_conv2", d.Up2)
	c.Module("upscale_layer_norm", d.UpNorm)
	collectList(c, "output_hypernetworks_mlps", d.Hyper)
	c.Module("iou_prediction_head", d.IoU)
}

// SAMQuery is what the decoder answers: P prompts for each of N images.
type SAMQuery struct {
	Image  *nn.Var // (N, Width, G, G)
	Places *nn.Var // (1, Width, G, G), of the prompt encoder
	Sparse *nn.Var // (N*P, K, Width); nil: no tokens, and P is 1
	Dense  *nn.Var // (N or 1, Width, G, G)
	Multi  bool    // the masks for ambiguous prompts in place of the single one
}

// Decode returns the masks' logits (N, P, M, 4G, 4G) and their predicted IoUs
// (N, P, M).
func (d *SAMDecoder) Decode(t *nn.Tape, q SAMQuery) (masks, ious *nn.Var) {
	n, width, grid := q.Image.Dim(0), d.Config.Width, q.Image.Dim(2)
	prompts := 1
	if q.Sparse != nil {
		prompts = q.Sparse.Dim(0) / n
	}
	if s := q.Image.Shape(); t.Err() == nil && (len(s) != 4 || s[1] != width || prompts*n != max(q.rows(), n)) {
		y := t.Fail(fault.New(fault.Usage, "sam: image embedding %v and %d rows of prompts, width %d", s, q.rows(), width))
		return y, y
	}
	tokens := t.Expand(t.Concat(0, d.IoUToken, d.MaskTokens), n*prompts, 1+d.MaskTokens.Dim(0), width)
	if q.Sparse != nil {
		tokens = t.Concat(1, tokens, q.Sparse)
	}
	flat := func(x *nn.Var) *nn.Var { return t.Permute(t.Reshape(x, x.Dim(0), width, -1), 0, 2, 1) }
	keys := flat(t.Add(q.Image, q.Dense))
	if prompts > 1 {
		keys = t.RepeatInterleave(keys, prompts, 0)
	}
	tokens, keys = d.transform(t, tokens, keys, flat(q.Places))
	from, to := 0, 1
	if q.Multi {
		from, to = 1, d.MaskTokens.Dim(0)
	}
	masks = t.Scope(func() *nn.Var {
		pixels := t.Reshape(t.Permute(keys, 0, 2, 1), n*prompts, width, grid, -1)
		return d.mask(t, tokens, pixels, n, from, to)
	})
	t.Done(keys)
	ious = t.Slice(d.IoU.Forward(t, t.Slice(tokens, 1, 0, 1)), 2, from, to)
	return masks, t.Reshape(ious, n, prompts, to-from)
}

// mask draws masks from to to: the product of what a mask's token says about
// channels with the enlarged pixels (B, Width, G, G).
func (d *SAMDecoder) mask(t *nn.Tape, tokens, pixels *nn.Var, images, from, to int) *nn.Var {
	pixels = t.Scope(func() *nn.Var { return t.GELU(d.UpNorm.Forward(t, d.Up1.Forward(t, pixels))) })
	pixels = t.Scope(func() *nn.Var { return t.GELU(d.Up2.Forward(t, pixels)) })
	var filters []*nn.Var
	for i := from; i < to; i++ {
		filters = append(filters, d.Hyper[i].Forward(t, t.Slice(tokens, 1, 1+i, 2+i)))
	}
	b, h, w := pixels.Dim(0), pixels.Dim(2), pixels.Dim(3)
	masks := t.MatMul(t.Concat(1, filters...), t.Reshape(pixels, b, pixels.Dim(1), -1))
	return t.Reshape(masks, images, b/images, to-from, h, w)
}

// rows is the number of prompts of all images, 0 without tokens.
func (q SAMQuery) rows() int {
	if q.Sparse == nil {
		return 0
	}
	return q.Sparse.Dim(0)
}

// transform lets tokens (B, K, C) and the image's keys (B, HW, C) attend to each
// other, in both directions. What the tokens were at first serves as their place.
func (d *SAMDecoder) transform(t *nn.Tape, tokens, keys, places *nn.Var) (*nn.Var, *nn.Var) {
	first := tokens
	for i, l := range d.Layers {
		before := keys
		tokens, keys = l.Run(t, tokens, keys, first, places, i == 0)
		t.Done(before)
	}
	y := d.Final.Attend(t, t.Add(tokens, first), t.Add(keys, places), keys)
	return d.FinalNorm.Forward(t, t.Add(tokens, y)), keys
}

// SAMDecoderLayer is a two-way attention layer, post-norm.
type SAMDecoderLayer struct {
	Self, ToImage, ToTokens *SAMAttention
	Norms                   [4]*nn.LayerNorm
	Lin1, Lin2              *nn.Linear
}

func newSAMDecoderLayer(c SAMConfig) *SAMDecoderLayer {
	l := &SAMDecoderLayer{
		Self:     newSAMAttention(c.Width, c.Width, c.DecoderHeads),
		ToImage:  newSAMAttention(c.Width, c.Width/2, c.DecoderHeads),
		ToTokens: newSAMAttention(c.Width, c.Width/2, c.DecoderHeads),
		Lin1:     nn.NewLinear(c.Width, c.DecoderHidden, true), Lin2: nn.NewLinear(c.DecoderHidden, c.Width, true),
	}
	for i := range l.Norms {
		l.Norms[i] = layerNorm(c.Width, c.DecoderEps)
	}
	return l
}

// Collect implements nn.Module.
func (l *SAMDecoderLayer) Collect(c *nn.Collector) {
	c.Module("self_attn", l.Self)
	c.Module("cross_attn_token_to_image", l.ToImage)
	c.Module("cross_attn_image_to_token", l.ToTokens)
	c.Module("mlp.lin1", l.Lin1)
	c.Module("mlp.lin2", l.Lin2)
	for i, norm := range l.Norms {
		c.Module(fmt.Sprint("layer_norm", i+1), norm)
	}
}

// Run returns tokens and keys behind the layer. In the first one the tokens are
// their own places: it adds neither those nor its input.
func (l *SAMDecoderLayer) Run(t *nn.Tape, tokens, keys, first, places *nn.Var, isFirst bool) (*nn.Var, *nn.Var) {
	tokens = t.Scope(func() *nn.Var {
		if isFirst {
			return l.Norms[0].Forward(t, l.Self.Attend(t, tokens, tokens, tokens))
		}
		q := t.Add(tokens, first)
		return l.Norms[0].Forward(t, t.Add(tokens, l.Self.Attend(t, q, q, tokens)))
	})
	placed := t.Add(keys, places)
	tokens = t.Scope(func() *nn.Var {
		y := l.Norms[1].Forward(t, t.Add(tokens, l.ToImage.Attend(t, t.Add(tokens, first), placed, keys)))
		return l.Norms[2].Forward(t, t.Add(y, l.Lin2.Forward(t, t.ReLU(l.Lin1.Forward(t, y)))))
	})
	keys = t.Scope(func() *nn.Var {
		return l.Norms[3].Forward(t, t.Add(keys, l.ToTokens.Attend(t, placed, t.Add(tokens, first), tokens)))
	})
	t.Done(placed)
	return tokens, keys
}

// SAMAttention is multi-head attention in a space that may be narrower than the
// tokens.
type SAMAttention struct {
	Q, K, V, Out *nn.Linear
	Heads        int
}

func newSAMAttention(width, inner, heads int) *SAMAttention {
	return &SAMAttention{
		Q: nn.NewLinear(width, inner, true), K: nn.NewLinear(width, inner, true), V: nn.NewLinear(width, inner, true),
		Out: nn.NewLinear(inner, width, true), Heads: heads,
	}
}

// Collect implements nn.Module.
func (a *SAMAttention) Collect(c *nn.Collector) {
	c.Module("q_proj", a.Q)
	c.Module("k_proj", a.K)
	c.Module("v_proj", a.V)
	c.Module("out_proj", a.Out)
}

// Attend returns what queries (B, N, C) read from values (B, M, C) by keys (B, M, C).
func (a *SAMAttention) Attend(t *nn.Tape, q, k, v *nn.Var) *nn.Var {
	q, k, v = a.Q.Forward(t, q), a.K.Forward(t, k), a.V.Forward(t, v)
	return a.Out.Forward(t, t.AttentionTokens(q, k, v, a.Heads, nn.Attention{}))
}

// SAMHead is an MLP of three layers with ReLU between them.
type SAMHead struct{ In, Middle, Out *nn.Linear }

func newSAMHead(in, hidden, out int) *SAMHead {
	return &SAMHead{nn.NewLinear(in, hidden, true), nn.NewLinear(hidden, hidden, true), nn.NewLinear(hidden, out, true)}
}

// Collect implements nn.Module.
func (h *SAMHead) Collect(c *nn.Collector) {
	c.Module("proj_in", h.In)
	c.Module("layers.0", h.Middle)
	c.Module("proj_out", h.Out)
}

// Forward implements nn.Layer.
func (h *SAMHead) Forward(t *nn.Tape, x *nn.Var) *nn.Var {
	return h.Out.Forward(t, t.ReLU(h.Middle.Forward(t, t.ReLU(h.In.Forward(t, x)))))
}

// SAMUpsample turns logits of masks (N, M, 4G, 4G) into ones of the original image:
// bilinear to the network's input of side pixels, cut to what the image covers
// there, resized (height, width), then to its original size. Masks are what is
// above 0.
func SAMUpsample(t *nn.Tape, masks *nn.Var, side int, resized, original [2]int) *nn.Var {
	to := func(x *nn.Var, h, w int) *nn.Var {
		return t.Interpolate(x, ops.Interpolation{Mode: ops.Bilinear, Size: [2]int{h, w}})
	}
	y := to(masks, side, side)
	y = t.Slice(t.Slice(y, 2, 0, resized[0]), 3, 0, resized[1])
	return to(y, original[0], original[1])
}
