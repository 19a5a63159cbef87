package zoo

import (
	"fmt"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/methods/nn"
)

// ShuffleNetV2Config describes a ShuffleNet V2 (Ma et al., arXiv:1807.11164) for
// CIFAR distillation as specs/ctkd.md section 8 gives it: a 1x1 stem of stride 1.
// Convolutions begin as the framework's default.
type ShuffleNetV2Config struct {
	Stem    int   // 0: 24
	Planes  []int // channels that each stage leaves, even
	Blocks  []int // blocks of each stage after the one that halves the map
	Last    int   // channels of the closing 1x1 convolution
	Classes int
}

// NewShuffleNetV2 returns the network that c describes.
func NewShuffleNetV2(c ShuffleNetV2Config) (*Network, error) {
	if c.Stem == 0 {
		c.Stem = 24
	}
	if err := want("shufflenetv2", "numbers of blocks", len(c.Blocks), len(c.Planes)); err != nil {
		return nil, err
	}
	if err := positive("shufflenetv2", append([]int{c.Stem, c.Last, c.Classes, len(c.Planes)}, c.Planes...)...); err != nil {
		return nil, err
	}
	m := &maker{}
	stem := m.pair(3, c.Stem, 1, 1, 1)
	net := &Network{stem: rectified(stem), layout: Layout{Stem: c.Stem, Map: c.Last, Classes: c.Classes}}
	in := c.Stem
	for i, out := range c.Planes {
		if c.Blocks[i] < 0 || out%2 != 0 {
			return nil, fault.New(fault.Usage, "zoo: shufflenetv2: stage %d: %d channels, %d blocks", i, out, c.Blocks[i])
		}
		stage := nn.Sequence{m.halvingBlock(in, out)}
		for range c.Blocks[i] {
			stage = append(stage, m.splitBlock(out))
		}
		in = out
		net.stages = append(net.stages, stage)
		net.layout.Stages = append(net.layout.Stages, in)
	}
	last, linear := m.pair(in, c.Last, 1, 1, 1), nn.NewLinear(c.Last, c.Classes, true)
	net.last, net.head, net.units = rectified(last), linear, m.units
	net.names = func(col *nn.Collector) {
		stem.collect(col, "conv1", "bn1")
		for i, stage := range net.stages {
			col.Module(fmt.Sprintf("layer%d", i+1), stage)
		}
		last.collect(col, "conv2", "bn2")
		col.Module("linear", linear)
	}
	return net, nil
}

// splitBlock convolves the second half of the channels and leaves the first.
type splitBlock struct{ branch [3]*convBN }

func (m *maker) splitBlock(channels int) *splitBlock {
	half := channels / 2
	return &splitBlock{[3]*convBN{m.pair(half, half, 1, 1, 1), m.pair(half, half, 3, 1, half), m.pair(half, half, 1, 1, 1)}}
}

// Collect implements nn.Module.
func (b *splitBlock) Collect(c *nn.Collector) { collectNumbered(c, b.branch[:]) }

// Forward implements nn.Layer.
func (b *splitBlock) Forward(t *nn.Tape, x *nn.Var) *nn.Var {
	half := x.Dim(1) / 2
	y := b.branch[0].relu(t, t.Slice(x, 1, half, 2*half))
	y = b.branch[2].relu(t, b.branch[1].forward(t, y))
	return t.ChannelShuffle(t.Concat(1, t.Slice(x, 1, 0, half), y), 2)
}

// halvingBlock halves the map on two branches, each of which makes half of the
// channels.
type halvingBlock struct {
	left  [2]*convBN
	right [3]*convBN
}

func (m *maker) halvingBlock(in, out int) *halvingBlock {
	half := out / 2
	return &halvingBlock{
		[2]*convBN{m.pair(in, in, 3, 2, in), m.pair(in, half, 1, 1, 1)},
		[3]*convBN{m.pair(in, half, 1, 1, 1), m.pair(half, half, 3, 2, half), m.pair(half, half, 1, 1, 1)},
	}
}

// Collect implements nn.Module.
func (b *halvingBlock) Collect(c *nn.Collector) {
	collectNumbered(c, append(b.left[:], b.right[:]...))
}

// Forward implements nn.Layer.
func (b *halvingBlock) Forward(t *nn.Tape, x *nn.Var) *nn.Var {
	left := b.left[1].relu(t, b.left[0].forward(t, x))
	right := b.right[2].relu(t, b.right[1].forward(t, b.right[0].relu(t, x)))
	return t.ChannelShuffle(t.Concat(1, left, right), 2)
}
