package zoo

import (
	"github.com/tailorbird/tailorbird/methods/nn"
)

// MobileNetV2Config describes a MobileNetV2 (Sandler et al., arXiv:1801.04381) for
// CIFAR distillation as specs/ctkd.md section 8 gives it: ReLU in place of ReLU6,
// a stem of stride 2, and an expansion in every block, the first stage's too.
type MobileNetV2Config struct {
	Stem    int
	Rows    [][4]int // expansion, channels, blocks, stride of the first block
	Last    int      // channels of the closing 1x1 convolution
	Classes int
}

// NewMobileNetV2 returns the network that c describes.
func NewMobileNetV2(c MobileNetV2Config) (*Network, error) {
	if err := positive("mobilenetv2", c.Stem, c.Last, c.Classes, len(c.Rows)); err != nil {
		return nil, err
	}
	m := &maker{weights: nn.KaimingNormalOut()}
	stem := m.pair(3, c.Stem, 3, 2, 1)
	net := &Network{stem: rectified(stem), layout: Layout{Stem: c.Stem, Map: c.Last, Classes: c.Classes}}
	rows, in := make(nn.Sequence, len(c.Rows)), c.Stem
	for i, r := range c.Rows {
		if err := positive("mobilenetv2", r[:]...); err != nil {
			return nil, err
		}
		blocks := make(nn.Sequence, r[2])
		for j := range blocks {
			stride := 1
			if j == 0 {
				stride = r[3]
			}
			blocks[j] = m.invertedResidual(in, r[1], r[0], stride)
			in = r[1]
		}
		rows[i] = blocks
	}
	from := 0
	for to := 1; to <= len(rows); to++ {
		if to == len(rows) || c.Rows[to][3] > 1 { // a stage ends before the next that makes the map smaller
			net.stages = append(net.stages, rows[from:to])
			net.layout.Stages = append(net.layout.Stages, c.Rows[to-1][1])
			from = to
		}
	}
	last := m.pair(in, c.Last, 1, 1, 1)
	linear := nn.NewLinear(c.Last, c.Classes, true).Init(nn.Normal(0, 0.01), nn.Zeros)
	net.last, net.head, net.units = rectified(last), linear, m.units
	net.names = func(col *nn.Collector) {
		stem.collect(col, "conv1.0", "conv1.1")
		col.Module("blocks", rows)
		last.collect(col, "conv2.0", "conv2.1")
		col.Module("classifier.0", linear)
	}
	return net, nil
}

// invertedResidual widens, filters each channel alone, and narrows again without
// a ReLU; the input is added where it has the size of the result.
type invertedResidual struct {
	expand, depthwise, project *convBN
	residual                   bool
}

func (m *maker) invertedResidual(in, out, expansion, stride int) *invertedResidual {
	hidden := in * expansion
	return &invertedResidual{
		m.pair(in, hidden, 1, 1, 1), m.pair(hidden, hidden, 3, stride, hidden), m.pair(hidden, out, 1, 1, 1),
		stride == 1 && in == out,
	}
}

// Collect implements nn.Module: the places in a sequence with two ReLUs.
func (b *invertedResidual) Collect(c *nn.Collector) {
	b.expand.collect(c, "conv.0", "conv.1")
	b.depthwise.collect(c, "conv.3", "conv.4")
	b.project.collect(c, "conv.6", "conv.7")
}

// Forward implements nn.Layer.
func (b *invertedResidual) Forward(t *nn.Tape, x *nn.Var) *nn.Var {
	y := b.expand.relu(t, x)
	z := b.depthwise.relu(t, y)
	t.Done(y)
	y = b.project.forward(t, z)
	t.Done(z)
	if b.residual {
		return t.Add(y, x)
	}
	return y
}
