package zoo

import (
	"fmt"

	"github.com/tailorbird/tailorbird/kernels/ops"
	"github.com/tailorbird/tailorbird/methods/nn"
)

// VGGStagesConfig describes the VGG for CIFAR of specs/teskd.md section 3: a stem
// of two convolutions and four stages, each with max pooling at its end, and a
// classifier of three linear layers. Convolutions are 3x3 with bias, batch norm and
// ReLU. Everything begins as the framework's default. The weight names are ours.
type VGGStagesConfig struct {
	Stem    []int   // widths of the stem's convolutions
	Stages  [][]int // widths of the convolutions of each stage
	Hidden  []int   // widths of the classifier's rectified layers
	Classes int
}

// NewVGGStages returns the network that c describes.
func NewVGGStages(c VGGStagesConfig) (*Network, error) {
	m := &maker{bias: true}
	net := &Network{layout: Layout{Classes: c.Classes}}
	in := 3
	var groups []*vggGroup
	for i, widths := range append([][]int{c.Stem}, c.Stages...) {
		if err := positive("vgg", append([]int{c.Classes, len(widths)}, widths...)...); err != nil {
			return nil, err
		}
		g := &vggGroup{}
		for _, width := range widths {
			g.units = append(g.units, m.pair(in, width, 3, 1, 1))
			in = width
		}
		groups = append(groups, g)
		if i == 0 {
			net.stem, net.layout.Stem = halved{g}, in
			continue
		}
		net.stages, net.layout.Stages = append(net.stages, halved{g}), append(net.layout.Stages, in)
	}
	net.layout.Map = in
	if err := positive("vgg", append([]int{len(c.Stages)}, c.Hidden...)...); err != nil {
		return nil, err
	}
	var head nn.Sequence
	for _, width := range c.Hidden {
		head = append(head, nn.NewLinear(in, width, true), nn.Func((*nn.Tape).ReLU))
		in = width
	}
	net.head, net.units = append(head, nn.NewLinear(in, c.Classes, true)), m.units
	net.names = func(col *nn.Collector) {
		col.Module("stem", groups[0])
		for i, g := range groups[1:] {
			col.Module(fmt.Sprintf("layer%d", i+1), g)
		}
		col.Module("classifier", net.head)
	}
	return net, nil
}

// halved is a group with 2x2 max pooling after it.
type halved struct{ *vggGroup }

// Forward implements nn.Layer.
func (h halved) Forward(t *nn.Tape, x *nn.Var) *nn.Var {
	y := h.vggGroup.Forward(t, x)
	z := t.MaxPool2D(y, ops.Pool{Kernel: [2]int{2, 2}})
	t.Done(y)
	return z
}
