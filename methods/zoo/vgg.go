package zoo

import (
	"fmt"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/ops"
	"github.com/tailorbird/tailorbird/methods/nn"
)

// VGGConfig describes a VGG for CIFAR distillation (Simonyan and Zisserman,
// arXiv:1409.1556) as specs/ctkd.md section 8 gives it: groups of 3x3
// convolutions with bias, batch norm and ReLU, 2x2 max pooling after the first
// three groups, after the fourth too where the image has 64 rows, and a linear
// classifier. The first group counts as the stem.
type VGGConfig struct {
	Groups  [][]int // widths of the convolutions of each group, published with five
	Classes int
}

// NewVGG returns the network that c describes.
func NewVGG(c VGGConfig) (*Network, error) {
	if len(c.Groups) == 0 {
		return nil, fault.New(fault.Usage, "zoo: vgg: no groups")
	}
	m := &maker{weights: nn.KaimingNormalOut(), bias: true}
	net := &Network{layout: Layout{Classes: c.Classes}}
	groups := make([]*vggGroup, len(c.Groups))
	in := 3
	for i, widths := range c.Groups {
		if err := positive("vgg", append([]int{c.Classes, len(widths)}, widths...)...); err != nil {
			return nil, err
		}
		g := &vggGroup{pool: 1 <= i && i <= 3, pool8: i == 4}
		for _, width := range widths {
			g.units = append(g.units, m.pair(in, width, 3, 1, 1))
			in = width
		}
		groups[i] = g
		if i == 0 {
			net.stem, net.layout.Stem = g, in
			continue
		}
		net.stages, net.layout.Stages = append(net.stages, g), append(net.layout.Stages, in)
	}
	classifier := nn.NewLinear(in, c.Classes, true).Init(nn.Normal(0, 0.01), nn.Zeros)
	net.layout.Map, net.head, net.units = in, classifier, m.units
	net.names = func(col *nn.Collector) {
		for i, g := range groups {
			col.Module(fmt.Sprintf("block%d", i), g)
		}
		col.Module("classifier", classifier)
	}
	return net, nil
}

// vggGroup is a run of rectified pairs. Pooling belongs to the group after it, so
// that a stage's output is what its last convolution made.
type vggGroup struct {
	units []*convBN
	pool  bool // pools first
	pool8 bool // pools first where its input has 8 rows, as those of a 64 pixel image have
}

// Collect implements nn.Module: the places in a sequence of convolution, norm and ReLU.
func (g *vggGroup) Collect(c *nn.Collector) {
	for i, u := range g.units {
		u.collect(c, fmt.Sprint(3*i), fmt.Sprint(3*i+1))
	}
}

// Forward implements nn.Layer.
func (g *vggGroup) Forward(t *nn.Tape, x *nn.Var) *nn.Var {
	y := x
	if g.pool || g.pool8 && x.Dim(2) == 8 {
		y = t.MaxPool2D(x, ops.Pool{Kernel: [2]int{2, 2}, Stride: [2]int{2, 2}})
	}
	for _, u := range g.units {
		z := u.relu(t, y)
		if y != x {
			t.Done(y)
		}
		y = z
	}
	return y
}
