package zoo

import (
	"fmt"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/methods/nn"
)

// PreActResNetConfig describes the CIFAR form of a residual network with
// pre-activation basic blocks (He et al., arXiv:1603.05027): four stages, no norm
// before the classifier. Convolutions begin as the framework's default.
type PreActResNetConfig struct {
	Layers  []int // blocks of each stage
	Width   int   // channels of the stem and the first stage, doubled at each further one; 0: 64
	Classes int
}

// NewPreActResNet returns the network that c describes.
func NewPreActResNet(c PreActResNetConfig) (*Network, error) {
	if c.Width == 0 {
		c.Width = 64
	}
	if len(c.Layers) == 0 {
		return nil, fault.New(fault.Usage, "zoo: preact_resnet: no stages")
	}
	if err := positive("preact_resnet", append([]int{c.Width, c.Classes}, c.Layers...)...); err != nil {
		return nil, err
	}
	m := &maker{}
	conv1 := m.conv(3, c.Width, 3, 1, 1)
	net := &Network{stem: conv1, layout: Layout{Stem: c.Width, Classes: c.Classes}}
	in := c.Width
	for i, n := range c.Layers {
		out, stage := c.Width<<i, make(nn.Sequence, n)
		for j := range stage {
			stride := 1
			if i > 0 && j == 0 {
				stride = 2
			}
			stage[j] = m.preActBlock(in, out, stride)
			in = out
		}
		net.stages = append(net.stages, stage)
		net.layout.Stages = append(net.layout.Stages, in)
	}
	linear := nn.NewLinear(in, c.Classes, true)
	net.layout.Map, net.head, net.units = in, linear, m.units
	net.names = func(col *nn.Collector) {
		col.Module("conv1", conv1)
		for i, stage := range net.stages {
			col.Module(fmt.Sprintf("layer%d", i+1), stage)
		}
		col.Module("linear", linear)
	}
	return net, nil
}

// preActBlock is a wideBlock under its own names, with a shortcut wherever the
// size changes.
type preActBlock struct{ wideBlock }

func (m *maker) preActBlock(in, out, stride int) *preActBlock {
	b := &preActBlock{*m.wideBlock(in, out, stride)}
	if stride != 1 && b.shortcut == nil {
		b.shortcut = m.conv(in, out, 1, stride, 1)
	}
	return b
}

// Collect implements nn.Module.
func (b *preActBlock) Collect(c *nn.Collector) {
	c.Module("bn1", b.bn1)
	b.conv1.collect(c, "conv1", "bn2")
	c.Module("conv2", b.conv2)
	if b.shortcut != nil {
		c.Module("shortcut.0", b.shortcut)
	}
}
