package zoo

import (
	"fmt"

	"github.com/tailorbird/tailorbird/kernels/ops"
	"github.com/tailorbird/tailorbird/methods/nn"
)

// convBN is a convolution and the batch normalisation of its output. Blocks hold
// such pairs so that Fold finds them.
type convBN struct {
	conv *nn.Conv2d
	norm *nn.BatchNorm2d // nil in the inference form, where conv does its work
}

// collect names the two where they are entries of one block.
func (u *convBN) collect(c *nn.Collector, conv, norm string) {
	c.Module(conv, u.conv)
	if u.norm != nil {
		c.Module(norm, u.norm)
	}
}

// forward returns the normalised convolution of x.
func (u *convBN) forward(t *nn.Tape, x *nn.Var) *nn.Var {
	y := u.conv.Forward(t, x)
	if u.norm == nil {
		return y
	}
	z := u.norm.Forward(t, y)
	t.Done(y)
	return z
}

// relu returns the rectified, normalised convolution of x.
func (u *convBN) relu(t *nn.Tape, x *nn.Var) *nn.Var {
	if u.norm == nil {
		c := u.conv.Conv
		c.ReLU = true
		return t.Conv2D(x, u.conv.Weight, u.conv.Bias, c)
	}
	y := u.conv.Forward(t, x)
	z := u.norm.ForwardReLU(t, y)
	t.Done(y)
	return z
}

// collectNumbered names pairs conv1 and bn1, conv2 and bn2, and so on.
func collectNumbered(c *nn.Collector, units []*convBN) {
	for i, u := range units {
		u.collect(c, fmt.Sprintf("conv%d", i+1), fmt.Sprintf("bn%d", i+1))
	}
}

// rectified is a convBN with its ReLU as a layer; its entries are named elsewhere.
func rectified(u *convBN) nn.Layer { return nn.Func(u.relu) }

// normalised is a rectified norm as a layer; its entries are named elsewhere.
func normalised(norm *nn.BatchNorm2d) nn.Layer { return nn.Func(norm.ForwardReLU) }

// maker makes the layers of one network and remembers its pairs.
type maker struct {
	weights nn.Initialiser // of convolutions; nil: as the framework begins
	bias    bool           // convolutions have one, from 0 where weights is set
	units   []*convBN
}

// conv returns a convolution with a square kernel that keeps the size of its
// input but for the stride.
func (m *maker) conv(in, out, kernel, stride, groups int) *nn.Conv2d {
	c := ops.Conv{Stride: [2]int{stride, stride}, Padding: [2]int{kernel / 2, kernel / 2}, Groups: groups}
	l := nn.NewConv2d(in, out, kernel, c, m.bias)
	if m.weights != nil {
		l.Init(m.weights, nn.Zeros)
	}
	return l
}

// pair returns a convolution with batch normalisation.
func (m *maker) pair(in, out, kernel, stride, groups int) *convBN {
	return m.join(m.conv(in, out, kernel, stride, groups), nn.NewBatchNorm2d(out))
}

// join makes a pair of a convolution and the normalisation of its output.
func (m *maker) join(conv *nn.Conv2d, norm *nn.BatchNorm2d) *convBN {
	u := &convBN{conv, norm}
	m.units = append(m.units, u)
	return u
}
