package zoo

import (
	"fmt"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/ops"
	"github.com/tailorbird/tailorbird/methods/nn"
)

// ResNetConfig describes a residual network with post-activation blocks (He et
// al., arXiv:1512.03385) as torchvision.models.ResNet builds and names it, and its
// relatives: ResNeXt (arXiv:1611.05431), wide ResNet (arXiv:1605.07146), the
// three-stage CIFAR networks of specs/ctkd.md section 8, and SE-ResNet
// (arXiv:1709.01507) as timm builds it.
type ResNetConfig struct {
	Layers     []int // blocks of each stage
	Planes     []int // width of each stage; a bottleneck stage leaves four times as many channels
	Stem       int   // channels of the stem; 0: Planes[0]
	Bottleneck bool  // 1x1, 3x3, 1x1 with the stride on the 3x3; otherwise 3x3, 3x3
	CIFAR      bool  // 3x3 stem of stride 1 without pooling; otherwise 7x7 of stride 2, max-pooled
	Groups     int   // of the 3x3 of a bottleneck; 0: 1
	GroupWidth int   // width of a group where Planes is 64, torchvision's width_per_group; 0: 64
	BasicWidth int   // the first 3x3 of a basic block has this many times the planes; 0: 1
	SE         bool  // squeeze and excitation at the end of each residual branch
	Classes    int

	DefaultInit bool // convolutions begin as the framework's default; otherwise Kaiming normal by fan out
	ZeroInit    bool // the last scale of each residual branch begins at 0
}

func (c *ResNetConfig) check() error {
	if len(c.Layers) == 0 {
		return fault.New(fault.Usage, "zoo: resnet: no stages")
	}
	if err := want("resnet", "widths", len(c.Planes), len(c.Layers)); err != nil {
		return err
	}
	for _, n := range []*int{&c.Groups, &c.BasicWidth} {
		*n = max(*n, 1)
	}
	if c.GroupWidth == 0 {
		c.GroupWidth = 64
	}
	if c.Stem == 0 {
		c.Stem = c.Planes[0]
	}
	if err := positive("resnet", append(append([]int{c.Stem, c.Classes, c.GroupWidth}, c.Layers...), c.Planes...)...); err != nil {
		return err
	}
	for _, planes := range c.Planes {
		if c.Bottleneck && planes*c.GroupWidth < 64 {
			return fault.New(fault.Usage, "zoo: resnet: groups of width %d at 64 have none at %d", c.GroupWidth, planes)
		}
	}
	return nil
}

// NewResNet returns the network that c describes.
func NewResNet(c ResNetConfig) (*Network, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	m := &maker{weights: nn.KaimingNormalOut()}
	if c.DefaultInit {
		m.weights = nil
	}
	net := &Network{layout: Layout{Stem: c.Stem, Classes: c.Classes}}
	var stem *convBN
	if c.CIFAR {
		stem = m.pair(3, c.Stem, 3, 1, 1)
		net.stem = rectified(stem)
	} else {
		stem = m.pair(3, c.Stem, 7, 2, 1)
		net.stem = pooledStem(stem)
	}
	in := c.Stem
	for i, n := range c.Layers {
		stage := make(nn.Sequence, n)
		for j := range stage {
			stride := 1
			if i > 0 && j == 0 {
				stride = 2
			}
			b := m.resNetBlock(c, in, c.Planes[i], stride)
			stage[j], in = b, b.out
		}
		net.stages = append(net.stages, stage)
		net.layout.Stages = append(net.layout.Stages, in)
	}
	net.layout.Map = in
	fc := nn.NewLinear(in, c.Classes, true)
	net.head, net.units = fc, m.units
	net.names = func(col *nn.Collector) {
		stem.collect(col, "conv1", "bn1")
		for i, stage := range net.stages {
			col.Module(fmt.Sprintf("layer%d", i+1), stage)
		}
		col.Module("fc", fc)
	}
	return net, nil
}

// pooledStem is a rectified pair and the 3x3 max pooling after it.
func pooledStem(u *convBN) nn.Layer {
	return nn.Func(func(t *nn.Tape, x *nn.Var) *nn.Var {
		y := u.relu(t, x)
		z := t.MaxPool2D(y, ops.Pool{Kernel: [2]int{3, 3}, Stride: [2]int{2, 2}, Padding: [2]int{1, 1}})
		t.Done(y)
		return z
	})
}

// resNetBlock is relu(branch(x) + shortcut(x)), where every pair but the branch's
// last is rectified.
type resNetBlock struct {
	branch   []*convBN
	gate     *excitation // may be nil
	shortcut *convBN     // nil: x itself
	out      int
}

func (m *maker) resNetBlock(c ResNetConfig, in, planes, stride int) *resNetBlock {
	b := &resNetBlock{}
	if c.Bottleneck {
		b.out = 4 * planes
		width := planes * c.GroupWidth / 64 * c.Groups
		b.branch = []*convBN{m.pair(in, width, 1, 1, 1), m.pair(width, width, 3, stride, c.Groups), m.pair(width, b.out, 1, 1, 1)}
	} else {
		b.out = planes
		width := planes * c.BasicWidth
		b.branch = []*convBN{m.pair(in, width, 3, stride, 1), m.pair(width, planes, 3, 1, 1)}
	}
	if c.ZeroInit {
		b.branch[len(b.branch)-1].norm.Init(nn.Zeros, nil)
	}
	if c.SE {
		b.gate = newExcitation(b.out, m.weights)
	}
	if stride != 1 || in != b.out {
		b.shortcut = m.pair(in, b.out, 1, stride, 1)
	}
	return b
}

// Collect implements nn.Module.
func (b *resNetBlock) Collect(c *nn.Collector) {
	collectNumbered(c, b.branch)
	if b.gate != nil {
		c.Module("se", b.gate)
	}
	if b.shortcut != nil {
		b.shortcut.collect(c, "downsample.0", "downsample.1")
	}
}

// Forward implements nn.Layer.
func (b *resNetBlock) Forward(t *nn.Tape, x *nn.Var) *nn.Var {
	y, last := x, len(b.branch)-1
	for _, u := range b.branch[:last] {
		z := u.relu(t, y)
		if y != x {
			t.Done(y)
		}
		y = z
	}
	y = b.branch[last].forward(t, y)
	if b.gate != nil {
		y = b.gate.Forward(t, y)
	}
	if b.shortcut != nil {
		x = b.shortcut.forward(t, x)
	}
	return t.AddReLU(y, x)
}
