package zoo

import (
	"fmt"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/ops"
	"github.com/tailorbird/tailorbird/methods/nn"
)

// DenseNetConfig describes a densely connected network with bottleneck layers and
// compression one half (Huang et al., arXiv:1608.06993) as
// torchvision.models.DenseNet builds and names it, and its CIFAR form of
// specs/recursivemix.md section 4.
type DenseNetConfig struct {
	Growth  int
	Blocks  []int // layers of each dense block
	Init    int   // channels of the stem; 0: 2 Growth
	BNSize  int   // a layer's bottleneck has this many times Growth channels; 0: 4
	CIFAR   bool  // 3x3 stem of stride 1 without norm or pooling, transitions without ReLU
	Classes int
}

// NewDenseNet returns the network that c describes.
func NewDenseNet(c DenseNetConfig) (*Network, error) {
	if c.Init == 0 {
		c.Init = 2 * c.Growth
	}
	if c.BNSize == 0 {
		c.BNSize = 4
	}
	if len(c.Blocks) == 0 {
		return nil, fault.New(fault.Usage, "zoo: densenet: no blocks")
	}
	if err := positive("densenet", append([]int{c.Growth, c.Init, c.BNSize, c.Classes}, c.Blocks...)...); err != nil {
		return nil, err
	}
	m := &maker{weights: nn.KaimingNormal()}
	net := &Network{layout: Layout{Stem: c.Init, Classes: c.Classes}}
	collectStem := net.denseStem(m, c)
	var blocks []*denseBlock
	in := c.Init
	for i, n := range c.Blocks {
		b := m.denseBlock(in, n, c)
		in += n * c.Growth
		net.layout.Stages = append(net.layout.Stages, in)
		stage := nn.Layer(b)
		if i > 0 { // a transition opens the stage, so that a stage's output is what its block made
			stage = nn.Sequence{blocks[i-1].transition, b}
		}
		if i+1 < len(c.Blocks) {
			b.transition = &transition{nn.NewBatchNorm2d(in), m.conv(in, in/2, 1, 1, 1), !c.CIFAR}
			in /= 2
		}
		blocks, net.stages = append(blocks, b), append(net.stages, stage)
	}
	final, classifier := nn.NewBatchNorm2d(in), nn.NewLinear(in, c.Classes, true).Init(nil, nn.Zeros)
	net.last, net.layout.Map, net.head, net.units = normalised(final), in, classifier, m.units
	net.names = func(col *nn.Collector) {
		collectStem(col)
		for i, b := range blocks {
			col.Module(fmt.Sprintf("features.denseblock%d", i+1), b)
			if b.transition != nil {
				col.Module(fmt.Sprintf("features.transition%d", i+1), b.transition)
			}
		}
		col.Module("features.norm5", final) // so named for any number of blocks
		col.Module("classifier", classifier)
	}
	return net, nil
}

// denseStem sets the stem and returns what names its entries.
func (n *Network) denseStem(m *maker, c DenseNetConfig) func(*nn.Collector) {
	if c.CIFAR {
		conv := m.conv(3, c.Init, 3, 1, 1)
		n.stem = conv
		return func(col *nn.Collector) { col.Module("features.conv0", conv) }
	}
	u := m.pair(3, c.Init, 7, 2, 1)
	n.stem = pooledStem(u)
	return func(col *nn.Collector) { u.collect(col, "features.conv0", "features.norm0") }
}

// denseBlock appends to its input what each layer makes of all before it.
type denseBlock struct {
	layers     []denseLayer
	transition *transition // to the next block; nil after the last
}

// denseLayer is norm, ReLU, 1x1, norm, ReLU, 3x3.
type denseLayer struct {
	norm1  *nn.BatchNorm2d
	reduce *convBN // conv1 with norm2
	conv2  *nn.Conv2d
}

func (m *maker) denseBlock(in, n int, c DenseNetConfig) *denseBlock {
	b := &denseBlock{}
	for range n {
		b.layers = append(b.layers, denseLayer{
			nn.NewBatchNorm2d(in), m.pair(in, c.BNSize*c.Growth, 1, 1, 1), m.conv(c.BNSize*c.Growth, c.Growth, 3, 1, 1),
		})
		in += c.Growth
	}
	return b
}

// Collect implements nn.Module.
func (b *denseBlock) Collect(c *nn.Collector) {
	for i, l := range b.layers {
		c.Module(fmt.Sprintf("denselayer%d", i+1), l)
	}
}

// Forward implements nn.Layer.
func (b *denseBlock) Forward(t *nn.Tape, x *nn.Var) *nn.Var {
	all := x
	for _, l := range b.layers {
		next := t.Scope(func() *nn.Var { return t.Concat(1, all, l.Forward(t, all)) })
		if all != x {
			t.Done(all)
		}
		all = next
	}
	return all
}

// Collect implements nn.Module.
func (l denseLayer) Collect(c *nn.Collector) {
	c.Module("norm1", l.norm1)
	l.reduce.collect(c, "conv1", "norm2")
	c.Module("conv2", l.conv2)
}

// Forward returns what the layer adds to x.
func (l denseLayer) Forward(t *nn.Tape, x *nn.Var) *nn.Var {
	a := l.norm1.ForwardReLU(t, x)
	y := l.reduce.relu(t, a)
	t.Done(a)
	return l.conv2.Forward(t, y)
}

// transition halves the channels and the size of a map.
type transition struct {
	norm *nn.BatchNorm2d
	conv *nn.Conv2d
	relu bool
}

// Collect implements nn.Module.
func (l *transition) Collect(c *nn.Collector) {
	c.Module("norm", l.norm)
	c.Module("conv", l.conv)
}

// Forward implements nn.Layer.
func (l *transition) Forward(t *nn.Tape, x *nn.Var) *nn.Var {
	var y *nn.Var
	if l.relu {
		y = l.norm.ForwardReLU(t, x)
	} else {
		y = l.norm.Forward(t, x)
	}
	return t.AvgPool2D(l.conv.Forward(t, y), ops.Pool{Kernel: [2]int{2, 2}, Stride: [2]int{2, 2}})
}
