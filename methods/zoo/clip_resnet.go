package zoo

import (
	"fmt"
	"math"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/ops"
	"github.com/tailorbird/tailorbird/methods/nn"
)

// CLIPResNet is CLIP's modified ResNet: a stem of three convolutions, average
// pooling wherever a ResNet strides, and attention instead of the last pooling
// (specs/fgvp.md section 5).
type CLIPResNet struct {
	Config CLIPVision
	Stem   [3]*convBN
	Stages [4][]*clipBottleneck
	Pool   *AttentionPool
}

// clipBottleneck is a bottleneck block that strides by average pooling.
type clipBottleneck struct {
	units  [3]*convBN
	short  *convBN // nil: the identity
	stride int
}

// NewCLIPResNet returns the tower with zero weights; it leads to embed dimensions.
func NewCLIPResNet(c CLIPVision, embed int) (*CLIPResNet, error) {
	if err := want("clip resnet", "stages", len(c.Blocks), 4); err != nil {
		return nil, err
	}
	if err := positive("clip resnet", append([]int{c.ImageSize, c.Width, c.Heads, embed}, c.Blocks...)...); err != nil {
		return nil, err
	}
	if err := divisible("clip resnet", 32*c.Width, c.Heads); err != nil {
		return nil, err
	}
	if c.ImageSize%32 != 0 || c.Width%2 != 0 {
		return nil, fault.New(fault.Usage, "zoo: clip: a ResNet of width %d for images of %d, want an even width and a multiple of 32", c.Width, c.ImageSize)
	}
	r := &CLIPResNet{Config: c}
	half := c.Width / 2
	r.Stem = [3]*convBN{clipConv(3, half, 3, 2), clipConv(half, half, 3, 1), clipConv(half, c.Width, 3, 1)}
	in := c.Width
	for i, n := range c.Blocks {
		planes, stride := c.Width<<i, min(i+1, 2)
		for range n {
			r.Stages[i] = append(r.Stages[i], newCLIPBottleneck(in, planes, stride))
			in, stride = 4*planes, 1
		}
	}
	r.Pool = newAttentionPool(c.ImageSize/32, in, c.Heads, embed)
	return r, nil
}

func clipConv(in, out, kernel, stride int) *convBN {
	c := ops.Conv{Stride: [2]int{stride, stride}, Padding: [2]int{kernel / 2, kernel / 2}}
	return &convBN{conv: nn.NewConv2d(in, out, kernel, c, false), norm: nn.NewBatchNorm2d(out)}
}

func newCLIPBottleneck(in, planes, stride int) *clipBottleneck {
	b := &clipBottleneck{stride: stride}
	b.units = [3]*convBN{clipConv(in, planes, 1, 1), clipConv(planes, planes, 3, 1), clipConv(planes, 4*planes, 1, 1)}
	b.units[2].norm.Init(nn.Zeros, nil) // as the released code begins
	if stride > 1 || in != 4*planes {
		b.short = clipConv(in, 4*planes, 1, 1)
	}
	return b
}

// Collect implements nn.Module.
func (r *CLIPResNet) Collect(c *nn.Collector) {
	collectNumbered(c, r.Stem[:])
	for i, stage := range r.Stages {
		collectList(c, fmt.Sprintf("layer%d", i+1), stage)
	}
	c.Module("attnpool", r.Pool)
}

// Collect implements nn.Module.
func (b *clipBottleneck) Collect(c *nn.Collector) {
	collectNumbered(c, b.units[:])
	if b.short != nil {
		b.short.collect(c, "downsample.0", "downsample.1")
	}
}

// Forward implements nn.Layer: features (N, embed) of images.
func (r *CLIPResNet) Forward(t *nn.Tape, x *nn.Var) *nn.Var { return r.Pool.Forward(t, r.Map(t, x)) }

// Map returns the map (N, 32 Width, S/32, S/32) that is pooled.
func (r *CLIPResNet) Map(t *nn.Tape, x *nn.Var) *nn.Var {
	layers := nn.Sequence{nn.Func(r.stem)}
	for _, stage := range r.Stages {
		for _, b := range stage {
			layers = append(layers, b)
		}
	}
	return layers.Forward(t, x)
}

func (r *CLIPResNet) stem(t *nn.Tape, x *nn.Var) *nn.Var {
	for _, u := range r.Stem {
		x = u.relu(t, x)
	}
	return t.AvgPool2D(x, square(2))
}

// Forward implements nn.Layer.
func (b *clipBottleneck) Forward(t *nn.Tape, x *nn.Var) *nn.Var {
	y := b.units[1].relu(t, b.units[0].relu(t, x))
	if b.stride > 1 {
		y = t.AvgPool2D(y, square(b.stride))
	}
	y = b.units[2].forward(t, y)
	if b.short != nil {
		if b.stride > 1 {
			x = t.AvgPool2D(x, square(b.stride))
		}
		x = b.short.forward(t, x)
	}
	return t.AddReLU(y, x)
}

func square(n int) ops.Pool { return ops.Pool{Kernel: [2]int{n, n}, Stride: [2]int{n, n}} }

// AttentionPool reads a map by attention: the mean of its positions asks all of
// them and itself.
type AttentionPool struct {
	Positions  *nn.Var // (1 + positions, C)
	Q, K, V, C *nn.Linear
	Heads      int
}

func newAttentionPool(side, width, heads, embed int) *AttentionPool {
	std := nn.Normal(0, 1/math.Sqrt(float64(width)))
	linear := func(out int) *nn.Linear { return nn.NewLinear(width, out, true).Init(std, nil) }
	return &AttentionPool{
		Positions: nn.NewParam(std, 1+side*side, width),
		Q:         linear(width), K: linear(width), V: linear(width), C: linear(embed), Heads: heads,
	}
}

// Collect implements nn.Module.
func (p *AttentionPool) Collect(c *nn.Collector) {
	c.Param("positional_embedding", p.Positions)
	c.Module("k_proj", p.K)
	c.Module("q_proj", p.Q)
	c.Module("v_proj", p.V)
	c.Module("c_proj", p.C)
}

// Forward implements nn.Layer: (N, embed) of maps (N, C, H, W).
func (p *AttentionPool) Forward(t *nn.Tape, x *nn.Var) *nn.Var {
	tokens := mapTokens(t, x).x
	n, width := tokens.Dim(0), tokens.Dim(2)
	tokens = t.Concat(1, t.Mean(tokens, true, 1), tokens)
	if t.Err() == nil && tokens.Dim(1) != p.Positions.Dim(0) {
		return t.Fail(fault.New(fault.Usage, "clip: map %v gives %d tokens, positions are %v", x.Shape(), tokens.Dim(1), p.Positions.Shape()))
	}
	tokens = t.Add(tokens, p.Positions)
	q := p.Q.Forward(t, t.Slice(tokens, 1, 0, 1))
	y := t.AttentionTokens(q, p.K.Forward(t, tokens), p.V.Forward(t, tokens), p.Heads, nn.Attention{})
	return p.C.Forward(t, t.Reshape(y, n, width))
}
