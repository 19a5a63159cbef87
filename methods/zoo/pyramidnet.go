package zoo

import (
	"fmt"
	"math"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/ops"
	"github.com/tailorbird/tailorbird/methods/nn"
)

// PyramidNetConfig describes a pyramidal residual network for CIFAR with bottleneck
// blocks (Han et al., arXiv:1610.02915) as specs/recursivemix.md section 4 gives
// it: the width grows by the same amount in every block.
type PyramidNetConfig struct {
	Depth   int     // 9n + 2
	Alpha   float64 // what the width grows by in all
	Base    int     // channels of the stem; 0: 16
	Classes int

	ZeroInit bool // the last scale of each residual branch begins at 0
}

// NewPyramidNet returns the network that c describes.
func NewPyramidNet(c PyramidNetConfig) (*Network, error) {
	if c.Base == 0 {
		c.Base = 16
	}
	if err := positive("pyramidnet", c.Base, c.Classes); err != nil {
		return nil, err
	}
	n := (c.Depth - 2) / 9
	if n < 1 || c.Depth != 9*n+2 || !(c.Alpha >= 0) || math.IsInf(c.Alpha, 1) {
		return nil, fault.New(fault.Usage, "zoo: pyramidnet: depth %d, alpha %v, want 9n + 2 and a growth", c.Depth, c.Alpha)
	}
	m := &maker{weights: nn.KaimingNormalOut()}
	stem := m.pair(3, c.Base, 3, 1, 1)
	net := &Network{stem: nn.Func(stem.forward), layout: Layout{Stem: c.Base, Classes: c.Classes}}
	in, width := c.Base, float64(c.Base)
	for i := range 3 {
		stage := make(nn.Sequence, n)
		for j := range stage {
			stride := 1
			if i > 0 && j == 0 {
				stride = 2
			}
			width += c.Alpha / float64(3*n)
			planes := int(math.RoundToEven(width))
			b := m.pyramidBlock(in, planes, stride)
			if c.ZeroInit {
				b.branch[2].norm.Init(nn.Zeros, nil)
			}
			stage[j] = b
			in = pyramidExpansion * planes
		}
		net.stages = append(net.stages, stage)
		net.layout.Stages = append(net.layout.Stages, in)
	}
	final, fc := nn.NewBatchNorm2d(in), nn.NewLinear(in, c.Classes, true)
	net.last, net.layout.Map, net.head, net.units = normalised(final), in, fc, m.units
	net.names = func(col *nn.Collector) {
		stem.collect(col, "conv1", "bn1")
		for i, stage := range net.stages {
			col.Module(fmt.Sprintf("layer%d", i+1), stage)
		}
		col.Module("bn_final", final)
		col.Module("fc", fc)
	}
	return net, nil
}

// pyramidExpansion is how many times its width a block leaves.
const pyramidExpansion = 4

// pyramidBlock is bn1, then three convolutions of which each has a norm after it,
// with a ReLU after the first two. The shortcut is an average where the size
// changes, and zeros for the channels that are new.
type pyramidBlock struct {
	bn1    *nn.BatchNorm2d
	branch [3]*convBN // with bn2, bn3 and bn4
	stride int
}

func (m *maker) pyramidBlock(in, planes, stride int) *pyramidBlock {
	return &pyramidBlock{nn.NewBatchNorm2d(in), [3]*convBN{
		m.pair(in, planes, 1, 1, 1), m.pair(planes, planes, 3, stride, 1), m.pair(planes, pyramidExpansion*planes, 1, 1, 1),
	}, stride}
}

// Collect implements nn.Module.
func (b *pyramidBlock) Collect(c *nn.Collector) {
	c.Module("bn1", b.bn1)
	for i, u := range b.branch {
		u.collect(c, fmt.Sprintf("conv%d", i+1), fmt.Sprintf("bn%d", i+2))
	}
}

// Forward implements nn.Layer.
func (b *pyramidBlock) Forward(t *nn.Tape, x *nn.Var) *nn.Var {
	a := b.bn1.Forward(t, x)
	y := b.branch[0].relu(t, a)
	t.Done(a)
	z := b.branch[1].relu(t, y)
	t.Done(y)
	y = b.branch[2].forward(t, z)
	t.Done(z)
	if b.stride > 1 {
		s := [2]int{b.stride, b.stride}
		x = t.AvgPool2D(x, ops.Pool{Kernel: s, Stride: s, Ceil: true})
	}
	return t.Add(y, padChannels(t, x, y.Dim(1)))
}

// padChannels appends channels of zeros to x (N, C, H, W).
func padChannels(t *nn.Tape, x *nn.Var, channels int) *nn.Var {
	if extra := channels - x.Dim(1); extra > 0 {
		return t.Pad(x, [][2]int{{0, 0}, {0, extra}, {0, 0}, {0, 0}})
	}
	return x
}
