package zoo

import (
	"fmt"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/methods/nn"
)

// WRNConfig describes a wide residual network for CIFAR (Zagoruyko and Komodakis,
// arXiv:1605.07146) as specs/ctkd.md section 8 gives it: pre-activation blocks of
// two 3x3 convolutions in three stages.
type WRNConfig struct {
	Depth   int // 6n + 4
	Widen   int
	Base    int // channels of the stem; 0: 16
	Classes int
}

// NewWRN returns the network that c describes.
func NewWRN(c WRNConfig) (*Network, error) {
	if c.Base == 0 {
		c.Base = 16
	}
	if err := positive("wrn", c.Widen, c.Base, c.Classes); err != nil {
		return nil, err
	}
	n := (c.Depth - 4) / 6
	if n < 1 || c.Depth != 6*n+4 {
		return nil, fault.New(fault.Usage, "zoo: wrn: depth %d is not 6n + 4", c.Depth)
	}
	m := &maker{weights: nn.KaimingNormalOut()}
	conv1 := m.conv(3, c.Base, 3, 1, 1)
	net := &Network{stem: conv1, layout: Layout{Stem: c.Base, Classes: c.Classes}}
	in := c.Base
	for i := range 3 {
		out, stage := c.Base*c.Widen<<i, make(nn.Sequence, n)
		for j := range stage {
			stride := 1
			if i > 0 && j == 0 {
				stride = 2
			}
			stage[j] = m.wideBlock(in, out, stride)
			in = out
		}
		net.stages = append(net.stages, stage)
		net.layout.Stages = append(net.layout.Stages, in)
	}
	bn1, fc := nn.NewBatchNorm2d(in), nn.NewLinear(in, c.Classes, true).Init(nil, nn.Zeros)
	net.last, net.layout.Map, net.head, net.units = normalised(bn1), in, fc, m.units
	net.names = func(col *nn.Collector) {
		col.Module("conv1", conv1)
		for i, stage := range net.stages {
			col.Module(fmt.Sprintf("block%d.layer", i+1), stage)
		}
		col.Module("bn1", bn1)
		col.Module("fc", fc)
	}
	return net, nil
}

// wideBlock normalises and rectifies before each of its convolutions. Where the
// width changes, the shortcut is a convolution of the rectified input.
type wideBlock struct {
	bn1      *nn.BatchNorm2d
	conv1    *convBN // with bn2
	conv2    *nn.Conv2d
	shortcut *nn.Conv2d // nil: the raw input
}

func (m *maker) wideBlock(in, out, stride int) *wideBlock {
	b := &wideBlock{bn1: nn.NewBatchNorm2d(in), conv1: m.pair(in, out, 3, stride, 1), conv2: m.conv(out, out, 3, 1, 1)}
	if in != out {
		b.shortcut = m.conv(in, out, 1, stride, 1)
	}
	return b
}

// Collect implements nn.Module.
func (b *wideBlock) Collect(c *nn.Collector) {
	c.Module("bn1", b.bn1)
	b.conv1.collect(c, "conv1", "bn2")
	c.Module("conv2", b.conv2)
	if b.shortcut != nil {
		c.Module("convShortcut", b.shortcut)
	}
}

// Forward implements nn.Layer.
func (b *wideBlock) Forward(t *nn.Tape, x *nn.Var) *nn.Var {
	a := b.bn1.ForwardReLU(t, x)
	if b.shortcut != nil {
		x = b.shortcut.Forward(t, a)
	}
	y := b.conv1.relu(t, a)
	t.Done(a)
	return t.Add(b.conv2.Forward(t, y), x)
}
