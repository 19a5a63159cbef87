package zoo

import (
	"fmt"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/ops"
	"github.com/tailorbird/tailorbird/methods/nn"
)

// SKRes2NetConfig describes the Res2Net (Gao et al., arXiv:1904.01169) with
// selective kernels (Li et al., arXiv:1903.06586) of specs/dynamic_mlp.md section
// 3.5: a stem of three 3x3 convolutions, bottlenecks that convolve three quarters
// of their channels one after the other, and average pooling in place of strides.
// Weights have the names of Res2Net's checkpoints, the gate's are ours.
type SKRes2NetConfig struct {
	Layers  []int // blocks of each stage
	Planes  []int // a block of width P splits into widths 26 P / 64 and leaves 4 P channels
	Stem    int   // channels of the stem's first two convolutions; it leaves twice as many
	Classes int
}

// NewSKRes2Net returns the network that c describes.
func NewSKRes2Net(c SKRes2NetConfig) (*Network, error) {
	if len(c.Layers) == 0 {
		return nil, fault.New(fault.Usage, "zoo: sk_res2net: no stages")
	}
	if err := want("sk_res2net", "widths", len(c.Planes), len(c.Layers)); err != nil {
		return nil, err
	}
	if err := positive("sk_res2net", append(append([]int{c.Stem, c.Classes}, c.Layers...), c.Planes...)...); err != nil {
		return nil, err
	}
	m := &maker{weights: nn.KaimingNormalOut()}
	stem := [3]*convBN{m.pair(3, c.Stem, 3, 2, 1), m.pair(c.Stem, c.Stem, 3, 1, 1), m.pair(c.Stem, 2*c.Stem, 3, 1, 1)}
	net := &Network{layout: Layout{Stem: 2 * c.Stem, Classes: c.Classes}}
	net.stem = nn.Sequence{rectified(stem[0]), rectified(stem[1]), pooledStem(stem[2])}
	in := 2 * c.Stem
	for i, n := range c.Layers {
		if c.Planes[i]*scaleWidth < 64 {
			return nil, fault.New(fault.Usage, "zoo: sk_res2net: width %d leaves none for a split", c.Planes[i])
		}
		stage := make(nn.Sequence, n)
		for j := range stage {
			stage[j] = m.scaleBlock(in, c.Planes[i], j == 0, i > 0)
			in = 4 * c.Planes[i]
		}
		net.stages = append(net.stages, stage)
		net.layout.Stages = append(net.layout.Stages, in)
	}
	fc := nn.NewLinear(in, c.Classes, true)
	net.layout.Map, net.head, net.units = in, fc, m.units
	net.names = func(col *nn.Collector) {
		stem[0].collect(col, "conv1.0", "conv1.1")
		stem[1].collect(col, "conv1.3", "conv1.4")
		stem[2].collect(col, "conv1.6", "bn1")
		for i, stage := range net.stages {
			col.Module(fmt.Sprintf("layer%d", i+1), stage)
		}
		col.Module("fc", fc)
	}
	return net, nil
}

// scaleWidth over 64 is the part of a block's width that each split has.
const scaleWidth = 26

// scaleBlock splits its reduced input t into four; three of them are convolved, and
// but in a first block each takes up what the one before it made.
type scaleBlock struct {
	reduce   *convBN
	convs    [3]*convBN
	kernels  *selectiveKernel
	expand   *convBN
	shortcut *convBN // nil: the input
	halves   bool
}

func (m *maker) scaleBlock(in, planes int, first, later bool) *scaleBlock {
	w := scaleWidth * planes / 64
	b := &scaleBlock{reduce: m.pair(in, 4*w, 1, 1, 1), halves: first && later}
	for i := range b.convs {
		b.convs[i] = m.pair(w, w, 3, 1, 1)
	}
	b.kernels = m.selectiveKernel(4*w, max(32, w))
	b.expand = m.pair(4*w, 4*planes, 1, 1, 1)
	if first {
		b.shortcut = m.pair(in, 4*planes, 1, 1, 1)
	}
	return b
}

// Collect implements nn.Module.
func (b *scaleBlock) Collect(c *nn.Collector) {
	b.reduce.collect(c, "conv1", "bn1")
	for i, u := range b.convs {
		u.collect(c, fmt.Sprintf("convs.%d", i), fmt.Sprintf("bns.%d", i))
	}
	c.Module("sk", b.kernels)
	b.expand.collect(c, "conv3", "bn3")
	if b.shortcut != nil {
		b.shortcut.collect(c, "downsample.1", "downsample.2")
	}
}

// Forward implements nn.Layer.
func (b *scaleBlock) Forward(t *nn.Tape, x *nn.Var) *nn.Var {
	y := b.reduce.relu(t, x)
	w := y.Dim(1) / 4
	parts := t.Split(y, 1, w, w, w, w)
	if len(parts) != 4 {
		return t.Fail(fault.New(fault.Usage, "zoo: sk_res2net: input %v", x.Shape()))
	}
	for i, u := range b.convs {
		s := parts[i]
		if i > 0 && b.shortcut == nil {
			s = t.Add(parts[i-1], s)
		}
		parts[i] = u.relu(t, s)
	}
	z := b.kernels.mix(t, y, t.Concat(1, parts...))
	if b.halves {
		z = t.AvgPool2D(z, ops.Pool{Kernel: [2]int{3, 3}, Stride: [2]int{2, 2}, Padding: [2]int{1, 1}})
		x = t.AvgPool2D(x, ops.Pool{Kernel: [2]int{2, 2}, Ceil: true, ExcludePad: true})
	}
	if b.shortcut != nil {
		x = b.shortcut.forward(t, x)
	}
	return t.AddReLU(b.expand.forward(t, z), x)
}

// selectiveKernel chooses, channel by channel, between two maps.
type selectiveKernel struct {
	alpha *nn.Var // a = sigmoid(alpha) weighs the maps' means
	fc1   *convBN
	fc2   *nn.Conv2d
}

func (m *maker) selectiveKernel(channels, hidden int) *selectiveKernel {
	fc2 := nn.NewConv2d(hidden, channels, 1, ops.Conv{}, true).Init(m.weights, nil)
	return &selectiveKernel{nn.NewParam(nn.Zeros, 1), m.pair(channels, hidden, 1, 1, 1), fc2}
}

// Collect implements nn.Module.
func (s *selectiveKernel) Collect(c *nn.Collector) {
	c.Param("alpha", s.alpha)
	s.fc1.collect(c, "fc1", "bn")
	c.Module("fc2", s.fc2)
}

// mix returns a + gate (b - a), for maps (N, C, H, W), where the gate depends on
// the mean of each channel of both.
func (s *selectiveKernel) mix(t *nn.Tape, a, b *nn.Var) *nn.Var {
	pa, pb := t.GlobalAvgPool(a), t.GlobalAvgPool(b)
	q := t.Add(pb, t.Mul(t.Sigmoid(s.alpha), t.Sub(pa, pb)))
	h := s.fc1.relu(t, t.Reshape(q, a.Dim(0), a.Dim(1), 1, 1))
	gate := t.Sigmoid(s.fc2.Forward(t, h))
	return t.Add(a, t.Mul(gate, t.Sub(b, a)))
}
