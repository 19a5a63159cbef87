package zoo

import (
	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/ops"
	"github.com/tailorbird/tailorbird/methods/nn"
)

// UNetConfig describes the denoiser of Stable Diffusion (Rombach et al.,
// arXiv:2112.10752), diffusers' UNet2DConditionModel.
type UNetConfig struct {
	In, Out  int    // channels
	Widths   []int  // of the levels, from the finest
	Layers   int    // residual blocks a level on the way down; one more on the way up
	Heads    []int  // of each level's attention, or one number for all; diffusers' attention_head_dim
	Context  int    // width of the text's tokens
	DownAttn []bool // levels that attend on the way down
	UpAttn   []bool // and on the way up, from the coarsest
	Groups   int    // of the norms; 0: 32
	NormEps  float32
}

// The denoisers of Stable Diffusion 1.5, of InstructPix2Pix, whose input has the
// latent of the image to edit behind the noisy one, and of inpainting (noisy latent,
// mask, latent of the masked image).
var (
	UNetSD15    = unetSD(4)
	UNetIP2P    = unetSD(8)
	UNetInpaint = unetSD(9)
)

func unetSD(in int) UNetConfig {
	return UNetConfig{
		In: in, Out: 4, Widths: []int{320, 640, 1280, 1280}, Layers: 2, Heads: []int{8}, Context: 768,
		DownAttn: []bool{true, true, true, false}, UpAttn: []bool{false, true, true, true},
	}
}

// UNet predicts the noise in a latent image at a time, under a text.
type UNet struct {
	Config       UNetConfig
	ConvIn       *nn.Conv2d
	Time1, Time2 *nn.Linear
	Down, Up     []*unetLevel
	Mid          *unetLevel // resnet, attention, resnet
	NormOut      *nn.GroupNorm
	ConvOut      *nn.Conv2d
}

// unetLevel is a level on one of the two ways: residual blocks, each followed by
// attention where the level attends, then a change of size.
type unetLevel struct {
	resnets    []*DiffusionResNet
	attentions []*SpatialTransformer
	resize     *nn.Conv2d // nil at the end of a way
	up         bool       // what resize belongs to: the upsampler
}

// NewUNet returns the network with zero weights.
func NewUNet(c UNetConfig) (*UNet, error) {
	setDefault(&c.Groups, 32)
	setDefault(&c.NormEps, 1e-5)
	if len(c.Heads) == 1 {
		one := c.Heads[0]
		c.Heads = make([]int, len(c.Widths))
		for i := range c.Heads {
			c.Heads[i] = one
		}
	}
	if err := c.check(); err != nil {
		return nil, err
	}
	first, last := c.Widths[0], c.Widths[len(c.Widths)-1]
	u := &UNet{
		Config:  c,
		ConvIn:  conv3x3(c.In, first),
		Time1:   nn.NewLinear(first, 4*first, true),
		Time2:   nn.NewLinear(4*first, 4*first, true),
		NormOut: groupNorm(c.Groups, first, c.NormEps),
		ConvOut: conv3x3(first, c.Out),
	}
	u.Mid = &unetLevel{resnets: []*DiffusionResNet{c.resnet(last, last), c.resnet(last, last)}}
	u.Mid.attentions = []*SpatialTransformer{c.transformer(len(c.Widths) - 1)}
	u.down()
	u.up()
	return u, nil
}

func (u *UNet) down() {
	c, width := u.Config, u.Config.Widths[0]
	for i, out := range c.Widths {
		l := &unetLevel{}
		for range c.Layers {
			l.resnets = append(l.resnets, c.resnet(width, out))
			if c.DownAttn[i] {
				l.attentions = append(l.attentions, c.transformer(i))
			}
			width = out
		}
		if i+1 < len(c.Widths) {
			l.resize = nn.NewConv2d(out, out, 3, ops.Conv{Stride: [2]int{2, 2}, Padding: [2]int{1, 1}}, true)
		}
		u.Down = append(u.Down, l)
	}
}

// up mirrors down. Each residual block also takes what one step of the way down
// left: its input is wider by that.
func (u *UNet) up() {
	c := u.Config
	skips := []int{c.Widths[0]} // widths of what the way down leaves, in its order
	for i, out := range c.Widths {
		for range c.Layers {
			skips = append(skips, out)
		}
		if i+1 < len(c.Widths) {
			skips = append(skips, out)
		}
	}
	width := c.Widths[len(c.Widths)-1]
	for i := range c.Widths {
		level := len(c.Widths) - 1 - i
		l := &unetLevel{up: true}
		for range c.Layers + 1 {
			skip := skips[len(skips)-1]
			skips = skips[:len(skips)-1]
			l.resnets = append(l.resnets, c.resnet(width+skip, c.Widths[level]))
			if c.UpAttn[i] {
				l.attentions = append(l.attentions, c.transformer(level))
			}
			width = c.Widths[level]
		}
		if level > 0 {
			l.resize = conv3x3(width, width)
		}
		u.Up = append(u.Up, l)
	}
}

func (c UNetConfig) resnet(in, out int) *DiffusionResNet {
	return newDiffusionResNet(in, out, 4*c.Widths[0], c.Groups, c.NormEps)
}

func (c UNetConfig) transformer(level int) *SpatialTransformer {
	return newSpatialTransformer(c.Widths[level], c.Heads[level], c.Context, c.Groups)
}

func (c UNetConfig) check() error {
	if err := positive("unet", append([]int{c.In, c.Out, len(c.Widths), c.Layers, c.Context, c.Groups}, c.Widths...)...); err != nil {
		return err
	}
	n := len(c.Widths)
	if len(c.Heads) != n || len(c.DownAttn) != n || len(c.UpAttn) != n {
		return fault.New(fault.Usage, "zoo: unet: %d widths, %d numbers of heads, attention of %d levels down and %d up", n, len(c.Heads), len(c.DownAttn), len(c.UpAttn))
	}
	for i, w := range c.Widths {
		if err := divisible("unet", w, c.Heads[i]); err != nil {
			return err
		}
		if w%c.Groups != 0 {
			return fault.New(fault.Usage, "zoo: unet: width %d does not split into %d groups", w, c.Groups)
		}
	}
	if c.Widths[0]%2 != 0 {
		return fault.New(fault.Usage, "zoo: unet: width %d of the times' sines and cosines is odd", c.Widths[0])
	}
	return nil
}

// Collect implements nn.Module.
func (u *UNet) Collect(c *nn.Collector) {
	c.Module("conv_in", u.ConvIn)
	c.Module("time_embedding.linear_1", u.Time1)
	c.Module("time_embedding.linear_2", u.Time2)
	collectList(c, "down_blocks", u.Down)
	collectList(c, "up_blocks", u.Up)
	c.Module("mid_block", u.Mid)
	c.Module("conv_norm_out", u.NormOut)
	c.Module("conv_out", u.ConvOut)
}

// Collect implements nn.Module.
func (l *unetLevel) Collect(c *nn.Collector) {
	collectList(c, "attentions", l.attentions)
	collectList(c, "resnets", l.resnets)
	switch {
	case l.resize == nil:
	case l.up:
		c.Module("upsamplers.0.conv", l.resize)
	default:
		c.Module("downsamplers.0.conv", l.resize)
	}
}

// Predict returns the noise (N, Out, H, W) in latents x (N, In, H, W) at times (N),
// which may be fractions, under texts (N, L, Context). The sides may be any.
func (u *UNet) Predict(t *nn.Tape, x, times, text *nn.Var) *nn.Var {
	if t.Err() != nil {
		return x
	}
	if s, c := x.Shape(), text.Shape(); len(s) != 4 || s[1] != u.Config.In || len(c) != 3 || c[2] != u.Config.Context || c[0] != s[0] || times.Dim(0) != s[0] {
		return t.Fail(fault.New(fault.Usage, "unet: latents %v, times %v, texts %v", s, times.Shape(), c))
	}
	// Each residual block reads the activated time.
	time := t.Scope(func() *nn.Var {
		h := t.SiLU(u.Time1.Forward(t, t.TimestepEmbedding(times, u.Config.Widths[0])))
		return t.SiLU(u.Time2.Forward(t, h))
	})
	h := u.ConvIn.Forward(t, x)
	skips := []*nn.Var{h}
	for _, l := range u.Down {
		for i := range l.resnets {
			h = t.Scope(func() *nn.Var { return l.step(t, i, h, time, text) })
			skips = append(skips, h)
		}
		if l.resize != nil {
			h = l.resize.Forward(t, h)
			skips = append(skips, h)
		}
	}
	h = t.Scope(func() *nn.Var { return u.Mid.resnets[1].Run(t, u.Mid.step(t, 0, h, time, text), time) })
	for _, l := range u.Up {
		h, skips = l.rise(t, h, time, text, skips)
	}
	return u.ConvOut.Forward(t, t.SiLU(u.NormOut.Forward(t, h)))
}

// step runs residual block i and, where the level attends, its attention.
func (l *unetLevel) step(t *nn.Tape, i int, h, time, text *nn.Var) *nn.Var {
	h = l.resnets[i].Run(t, h, time)
	if len(l.attentions) > 0 {
		h = l.attentions[i].Run(t, h, text)
	}
	return h
}

// rise runs a level on the way up, which takes the last of the skips. It ends at
// the size of the next one.
func (l *unetLevel) rise(t *nn.Tape, h, time, text *nn.Var, skips []*nn.Var) (*nn.Var, []*nn.Var) {
	for i := range l.resnets {
		skip := skips[len(skips)-1]
		skips = skips[:len(skips)-1]
		y := t.Scope(func() *nn.Var { return l.step(t, i, t.Concat(1, h, skip), time, text) })
		t.Done(h)
		t.Done(skip)
		h = y
	}
	if l.resize != nil {
		next := skips[len(skips)-1]
		h = t.Scope(func() *nn.Var { return l.resize.Forward(t, enlarge(t, h, next.Dim(2), next.Dim(3))) })
	}
	return h, skips
}

// enlarge repeats pixels up to another size.
func enlarge(t *nn.Tape, x *nn.Var, h, w int) *nn.Var {
	return t.Interpolate(x, ops.Interpolation{Mode: ops.Nearest, Size: [2]int{h, w}})
}

// WidenInput returns the network of a config that differs in In alone and is
// wider, with u's weights: the kernels of the further input channels are 0, so that
// it computes the same until it is trained (InstructPix2Pix, arXiv:2211.09800,
// section 3.2).
func (u *UNet) WidenInput(in int) (*UNet, error) {
	if in < u.Config.In {
		return nil, fault.New(fault.Usage, "zoo: unet: %d input channels cannot become %d", u.Config.In, in)
	}
	c := u.Config
	c.In = in
	wide, err := NewUNet(c)
	if err != nil {
		return nil, err
	}
	from, to := nn.Entries(u), nn.Entries(wide)
	for i, e := range to {
		if e.Name != from[i].Name {
			return nil, fault.New(fault.Bug, "zoo: unet: entry %s became %s", from[i].Name, e.Name)
		}
		dst, src := e.Var.Value.Float32s(), from[i].Var.Value.Float32s()
		if e.Name != "conv_in.weight" {
			copy(dst, src)
			continue
		}
		old, new := u.Config.In*9, in*9
		for o := range c.Widths[0] {
			copy(dst[o*new:], src[o*old:(o+1)*old])
		}
	}
	return wide, nil
}
