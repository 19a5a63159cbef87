package zoo

import (
	"fmt"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/ops"
	"github.com/tailorbird/tailorbird/methods/nn"
)

// ShuffleNetV1Config describes a ShuffleNet (Zhang et al., arXiv:1707.01083) for
// CIFAR distillation as specs/ctkd.md section 8 gives it: a 1x1 stem of stride 1,
// and a ReLU after the depthwise convolution too. Convolutions begin as the
// framework's default.
type ShuffleNetV1Config struct {
	Stem    int   // 0: 24
	Planes  []int // channels that each stage leaves
	Blocks  []int // blocks of each stage
	Groups  int
	Classes int
}

// NewShuffleNetV1 returns the network that c describes.
func NewShuffleNetV1(c ShuffleNetV1Config) (*Network, error) {
	if c.Stem == 0 {
		c.Stem = ungroupedInput
	}
	if err := want("shufflenetv1", "numbers of blocks", len(c.Blocks), len(c.Planes)); err != nil {
		return nil, err
	}
	if err := positive("shufflenetv1", append(append([]int{c.Stem, c.Groups, c.Classes, len(c.Planes)}, c.Planes...), c.Blocks...)...); err != nil {
		return nil, err
	}
	m := &maker{}
	stem := m.pair(3, c.Stem, 1, 1, 1)
	net := &Network{stem: rectified(stem), layout: Layout{Stem: c.Stem, Classes: c.Classes}}
	in := c.Stem
	for i, out := range c.Planes {
		stage := make(nn.Sequence, c.Blocks[i])
		for j := range stage {
			b, err := m.shuffleBlock(in, out, c.Groups, j == 0)
			if err != nil {
				return nil, err
			}
			stage[j], in = b, out
		}
		net.stages = append(net.stages, stage)
		net.layout.Stages = append(net.layout.Stages, in)
	}
	linear := nn.NewLinear(in, c.Classes, true)
	net.layout.Map, net.head, net.units = in, linear, m.units
	net.names = func(col *nn.Collector) {
		stem.collect(col, "conv1", "bn1")
		for i, stage := range net.stages {
			col.Module(fmt.Sprintf("layer%d", i+1), stage)
		}
		col.Module("linear", linear)
	}
	return net, nil
}

// ungroupedInput is the width from which the first convolution of a block is not
// grouped: the published stem's.
const ungroupedInput = 24

// shuffleBlock is a bottleneck of grouped 1x1 convolutions around a depthwise
// 3x3. Where it halves the map, its result stands beside the pooled input, and
// makes the channels that this leaves to make.
type shuffleBlock struct {
	reduce, depthwise, expand *convBN
	groups                    int // of reduce
	halves                    bool
}

func (m *maker) shuffleBlock(in, out, groups int, halves bool) (*shuffleBlock, error) {
	stride, branch := 1, out
	if halves {
		stride, branch = 2, out-in
	}
	mid, first := branch/4, groups
	if in == ungroupedInput {
		first = 1
	}
	if mid < 1 || mid%first != 0 || mid%groups != 0 || branch%groups != 0 || in%first != 0 {
		return nil, fault.New(fault.Usage, "zoo: shufflenetv1: a block from %d to %d channels in %d groups", in, out, groups)
	}
	return &shuffleBlock{
		m.pair(in, mid, 1, 1, first), m.pair(mid, mid, 3, stride, mid), m.pair(mid, branch, 1, 1, groups),
		first, halves,
	}, nil
}

// Collect implements nn.Module.
func (b *shuffleBlock) Collect(c *nn.Collector) {
	b.reduce.collect(c, "conv1", "bn1")
	b.depthwise.collect(c, "conv2", "bn2")
	b.expand.collect(c, "conv3", "bn3")
}

// Forward implements nn.Layer.
func (b *shuffleBlock) Forward(t *nn.Tape, x *nn.Var) *nn.Var {
	y := b.reduce.relu(t, x)
	if b.groups > 1 {
		y = t.ChannelShuffle(y, b.groups)
	}
	y = b.expand.forward(t, b.depthwise.relu(t, y))
	if !b.halves {
		return t.AddReLU(y, x)
	}
	pooled := t.AvgPool2D(x, ops.Pool{Kernel: [2]int{3, 3}, Stride: [2]int{2, 2}, Padding: [2]int{1, 1}})
	return t.ReLU(t.Concat(1, y, pooled))
}
