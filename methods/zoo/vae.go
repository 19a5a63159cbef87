package zoo

import (
	"strings"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/ops"
	"github.com/tailorbird/tailorbird/methods/nn"
)

// VAEConfig describes the autoencoder of latent diffusion (Rombach et al.,
// arXiv:2112.10752), diffusers' AutoencoderKL.
type VAEConfig struct {
	In, Out, Latent int     // channels
	Widths          []int   // of the levels, from the finest; each but the last halves the sides
	Layers          int     // residual blocks a level in the encoder; one more in the decoder
	Groups          int     // of the norms; 0: 32
	Scaling         float32 // what a diffusion model multiplies latents by
}

// VAESD is the autoencoder of Stable Diffusion 1.5.
var VAESD = VAEConfig{In: 3, Out: 3, Latent: 4, Widths: []int{128, 256, 512, 512}, Layers: 2, Scaling: 0.18215}

// vaeEps is that of the norms.
const vaeEps = 1e-6

// VAE maps images, values from -1 to 1, to normal distributions of latents, and
// latents back to images.
type VAE struct {
	Config         VAEConfig
	Encoder        *vaeHalf
	Decoder        *vaeHalf
	Quant          *nn.Conv2d // 1 x 1 behind the encoder
	PostQuant      *nn.Conv2d // 1 x 1 before the decoder
	downsamplingBy int
}

// vaeHalf is the encoder or the decoder.
type vaeHalf struct {
	in, out *nn.Conv2d
	norm    *nn.GroupNorm
	mid     [2]*DiffusionResNet
	attn    *vaeAttention
	levels  []*vaeLevel
	decodes bool
}

type vaeLevel struct {
	resnets []*DiffusionResNet
	resize  *nn.Conv2d // nil at the last level
	up      bool
}

// NewVAE returns the network with zero weights.
func NewVAE(c VAEConfig) (*VAE, error) {
	setDefault(&c.Groups, 32)
	if err := positive("vae", append([]int{c.In, c.Out, c.Latent, len(c.Widths), c.Layers, c.Groups}, c.Widths...)...); err != nil {
		return nil, err
	}
	for _, w := range c.Widths {
		if w%c.Groups != 0 {
			return nil, fault.New(fault.Usage, "zoo: vae: width %d does not split into %d groups", w, c.Groups)
		}
	}
	first, last := c.Widths[0], c.Widths[len(c.Widths)-1]
	v := &VAE{
		Config:    c,
		Encoder:   &vaeHalf{in: conv3x3(c.In, first), out: conv3x3(last, 2*c.Latent), norm: groupNorm(c.Groups, last, vaeEps)},
		Decoder:   &vaeHalf{in: conv3x3(c.Latent, last), out: conv3x3(first, c.Out), norm: groupNorm(c.Groups, first, vaeEps), decodes: true},
		Quant:     nn.NewConv2d(2*c.Latent, 2*c.Latent, 1, ops.Conv{}, true),
		PostQuant: nn.NewConv2d(c.Latent, c.Latent, 1, ops.Conv{}, true),

		downsamplingBy: 1 << (len(c.Widths) - 1),
	}
	for _, h := range []*vaeHalf{v.Encoder, v.Decoder} {
		h.mid = [2]*DiffusionResNet{c.resnet(last, last), c.resnet(last, last)}
		h.attn = &vaeAttention{groupNorm(c.Groups, last, vaeEps), newDiffusionAttention(last, last, 1, true)}
	}
	v.Encoder.levels = c.levels(first, c.Layers, false, c.Widths)
	coarsest := make([]int, len(c.Widths))
	for i, w := range c.Widths {
		coarsest[len(coarsest)-1-i] = w
	}
	v.Decoder.levels = c.levels(last, c.Layers+1, true, coarsest)
	return v, nil
}

func (c VAEConfig) resnet(in, out int) *DiffusionResNet {
	return newDiffusionResNet(in, out, 0, c.Groups, vaeEps)
}

func (c VAEConfig) levels(width, layers int, up bool, widths []int) (levels []*vaeLevel) {
	for i, out := range widths {
		l := &vaeLevel{up: up}
		for range layers {
			l.resnets = append(l.resnets, c.resnet(width, out))
			width = out
		}
		switch {
		case i+1 == len(widths):
		case up:
			l.resize = conv3x3(out, out)
		default:
			l.resize = nn.NewConv2d(out, out, 3, stride(2), true)
		}
		levels = append(levels, l)
	}
	return levels
}

// Collect implements nn.Module.
func (v *VAE) Collect(c *nn.Collector) {
	c.Module("encoder", v.Encoder)
	c.Module("decoder", v.Decoder)
	c.Module("quant_conv", v.Quant)
	c.Module("post_quant_conv", v.PostQuant)
}

// Collect implements nn.Module.
func (h *vaeHalf) Collect(c *nn.Collector) {
	c.Module("conv_in", h.in)
	if h.decodes {
		collectList(c, "up_blocks", h.levels)
	} else {
		collectList(c, "down_blocks", h.levels)
	}
	c.Module("mid_block.attentions.0", h.attn)
	collectList(c, "mid_block.resnets", h.mid[:])
	c.Module("conv_norm_out", h.norm)
	c.Module("conv_out", h.out)
}

// Collect implements nn.Module.
func (l *vaeLevel) Collect(c *nn.Collector) {
	collectList(c, "resnets", l.resnets)
	switch {
	case l.resize == nil:
	case l.up:
		c.Module("upsamplers.0.conv", l.resize)
	default:
		c.Module("downsamplers.0.conv", l.resize)
	}
}

// Encode returns mean and logarithm of the variance of the latents (N, Latent, h, w)
// of images (N, In, H, W). The sides are multiples of 2 for each level but one.
func (v *VAE) Encode(t *nn.Tape, x *nn.Var) (mean, logvar *nn.Var) {
	if s := x.Shape(); t.Err() == nil && (len(s) != 4 || s[1] != v.Config.In || s[2]%v.downsamplingBy != 0 || s[3]%v.downsamplingBy != 0) {
		y := t.Fail(fault.New(fault.Usage, "vae: images %v, want (N, %d, H, W) with sides that %d divides", s, v.Config.In, v.downsamplingBy))
		return y, y
	}
	e := v.Encoder
	h := runBlocks(t, e.levels, e.in.Forward(t, x), false)
	h = t.Scope(func() *nn.Var { return v.Quant.Forward(t, e.leave(t, e.middle(t, h))) })
	parts := t.Split(h, 1, v.Config.Latent, v.Config.Latent)
	if t.Err() != nil {
		return h, h
	}
	return parts[0], t.Clamp(parts[1], -30, 20)
}

// Sample returns latents of the distribution: mean + exp(logvar/2) noise, the noise
// being standard normal. The mode of the distribution is its mean.
func (v *VAE) Sample(t *nn.Tape, mean, logvar, noise *nn.Var) *nn.Var {
	return t.Add(mean, t.Mul(t.Exp(t.Scale(logvar, 0.5)), noise))
}

// Decode returns images (N, Out, H, W) of latents (N, Latent, h, w), not clamped.
// Latents of a diffusion model are divided by Config.Scaling before.
func (v *VAE) Decode(t *nn.Tape, z *nn.Var) *nn.Var {
	d := v.Decoder
	h := t.Scope(func() *nn.Var { return d.middle(t, d.in.Forward(t, v.PostQuant.Forward(t, z))) })
	h = runBlocks(t, d.levels, h, false)
	return t.Scope(func() *nn.Var { return d.leave(t, h) })
}

func (h *vaeHalf) middle(t *nn.Tape, x *nn.Var) *nn.Var {
	return h.mid[1].Forward(t, h.attn.Forward(t, h.mid[0].Forward(t, x)))
}

func (h *vaeHalf) leave(t *nn.Tape, x *nn.Var) *nn.Var {
	return h.out.Forward(t, t.SiLU(h.norm.Forward(t, x)))
}

// Forward implements nn.Layer.
func (l *vaeLevel) Forward(t *nn.Tape, x *nn.Var) *nn.Var {
	for _, r := range l.resnets {
		x = t.Scope(func() *nn.Var { return r.Forward(t, x) })
	}
	switch {
	case l.resize == nil:
		return x
	case l.up:
		return l.resize.Forward(t, enlarge(t, x, 2*x.Dim(2), 2*x.Dim(3)))
	}
	// Zeros at the right and the bottom only: the kernel stands on even pixels.
	return l.resize.Forward(t, t.Pad(x, [][2]int{{}, {}, {0, 1}, {0, 1}}))
}

// vaeAttention lets all pixels attend to each other, with one head.
type vaeAttention struct {
	norm *nn.GroupNorm
	attn *DiffusionAttention
}

// Collect implements nn.Module.
func (a *vaeAttention) Collect(c *nn.Collector) {
	c.Module("group_norm", a.norm)
	c.Module("", a.attn)
}

// Forward implements nn.Layer.
func (a *vaeAttention) Forward(t *nn.Tape, x *nn.Var) *nn.Var {
	y := pixelTokens(t, a.norm.Forward(t, x))
	return t.Add(x, tokenPixels(t, a.attn.Attend(t, y, y), x))
}

// CurrentVAEName turns the names of attention in old files of the autoencoder,
// such as the one published with Stable Diffusion 1.5, into today's; other names
// stay. It serves as nn.LoadOptions.Rename.
func CurrentVAEName(name string) string {
	if !strings.Contains(name, "mid_block.attentions.0.") {
		return name
	}
	return strings.NewReplacer(".query.", ".to_q.", ".key.", ".to_k.", ".value.", ".to_v.", ".proj_attn.", ".to_out.0.").Replace(name)
}
