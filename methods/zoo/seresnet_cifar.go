package zoo

import (
	"fmt"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/methods/nn"
)

// SEResNetCIFARConfig describes the CIFAR form of SE-ResNet (Hu et al.,
// arXiv:1709.01507) of specs/teskd.md section 3: convolutions with bias, residual
// branches that end in a ReLU before the gate, and gates of linear layers with a
// sixteenth of the channels hidden. Everything begins as the framework's default.
type SEResNetCIFARConfig struct {
	Layers     []int // blocks of each stage
	Planes     []int // width of each stage; a bottleneck stage leaves four times as many channels
	Bottleneck bool
	Classes    int
}

// gateRatio is how many channels share a hidden one.
const gateRatio = 16

// NewSEResNetCIFAR returns the network that c describes.
func NewSEResNetCIFAR(c SEResNetCIFARConfig) (*Network, error) {
	if len(c.Layers) == 0 {
		return nil, fault.New(fault.Usage, "zoo: seresnet_cifar: no stages")
	}
	if err := want("seresnet_cifar", "widths", len(c.Planes), len(c.Layers)); err != nil {
		return nil, err
	}
	if err := positive("seresnet_cifar", append(append([]int{c.Classes}, c.Layers...), c.Planes...)...); err != nil {
		return nil, err
	}
	m := &maker{bias: true}
	in := c.Planes[0]
	pre := m.pair(3, in, 3, 1, 1)
	net := &Network{stem: rectified(pre), layout: Layout{Stem: in, Classes: c.Classes}}
	for i, n := range c.Layers {
		stage := make(nn.Sequence, n)
		for j := range stage {
			stride := 1
			if i > 0 && j == 0 {
				stride = 2
			}
			b, err := m.gatedBlock(in, c.Planes[i], stride, c.Bottleneck)
			if err != nil {
				return nil, err
			}
			stage[j], in = b, b.out
		}
		net.stages = append(net.stages, stage)
		net.layout.Stages = append(net.layout.Stages, in)
	}
	linear := nn.NewLinear(in, c.Classes, true)
	net.layout.Map, net.head, net.units = in, linear, m.units
	net.names = func(col *nn.Collector) {
		pre.collect(col, "pre.0", "pre.1")
		for i, stage := range net.stages {
			col.Module(fmt.Sprintf("stage%d", i+1), stage)
		}
		col.Module("linear", linear)
	}
	return net, nil
}

// gatedBlock is relu(gate(branch) branch + shortcut).
type gatedBlock struct {
	branch   []*convBN // each rectified
	fc1, fc2 *nn.Linear
	shortcut *convBN // nil: the input
	out      int
}

func (m *maker) gatedBlock(in, planes, stride int, bottleneck bool) (*gatedBlock, error) {
	b := &gatedBlock{out: planes}
	if bottleneck {
		b.out = 4 * planes
		b.branch = []*convBN{m.pair(in, planes, 1, 1, 1), m.pair(planes, planes, 3, stride, 1), m.pair(planes, b.out, 1, 1, 1)}
	} else {
		b.branch = []*convBN{m.pair(in, planes, 3, stride, 1), m.pair(planes, planes, 3, 1, 1)}
	}
	hidden := b.out / gateRatio
	if hidden < 1 {
		return nil, fault.New(fault.Usage, "zoo: seresnet_cifar: %d channels leave none hidden in a gate", b.out)
	}
	b.fc1, b.fc2 = nn.NewLinear(b.out, hidden, true), nn.NewLinear(hidden, b.out, true)
	if stride != 1 || in != b.out {
		b.shortcut = m.pair(in, b.out, 1, stride, 1)
	}
	return b, nil
}

// Collect implements nn.Module: the branch's places in a sequence with its ReLUs.
func (b *gatedBlock) Collect(c *nn.Collector) {
	for i, u := range b.branch {
		u.collect(c, fmt.Sprintf("residual.%d", 3*i), fmt.Sprintf("residual.%d", 3*i+1))
	}
	if b.shortcut != nil {
		b.shortcut.collect(c, "shortcut.0", "shortcut.1")
	}
	c.Module("excitation.0", b.fc1)
	c.Module("excitation.2", b.fc2)
}

// Forward implements nn.Layer.
func (b *gatedBlock) Forward(t *nn.Tape, x *nn.Var) *nn.Var {
	y := x
	for _, u := range b.branch {
		y = u.relu(t, y)
	}
	gate := t.Sigmoid(b.fc2.Forward(t, t.ReLU(b.fc1.Forward(t, t.GlobalAvgPool(y)))))
	y = t.Mul(y, t.Reshape(gate, y.Dim(0), y.Dim(1), 1, 1))
	if b.shortcut != nil {
		x = b.shortcut.forward(t, x)
	}
	return t.AddReLU(y, x)
}
