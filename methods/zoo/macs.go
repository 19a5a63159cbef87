package zoo

import (
	"gorgonia.org/tensor"

	"github.com/tailorbird/tailorbird/kernels/ops"
	"github.com/tailorbird/tailorbird/methods/nn"
)

// CountMACs returns the number of multiply-adds of convolutions and matrix
// products, attention's included, in one evaluation of net on an input of the given
// shape. It runs the network on e but leaves out most of the arithmetic, so that it
// costs little; the values that flow mean nothing.
func CountMACs(e ops.Engine, net nn.Layer, shape ...int) (int64, error) {
	c := &counter{Engine: e}
	t := nn.NewTape(c)
	t.Training = false
	defer t.Reset()
	t.NoGrad(func() { net.Forward(t, t.Upload(make([]float32, ops.Size(shape)), shape...)) })
	return c.macs, t.Err()
}

// counter is an engine whose products count themselves instead of being computed.
type counter struct {
	ops.Engine
	macs int64
}

// add counts a result that takes so many multiply-adds an element.
func (c *counter) add(y *tensor.Dense, each int) {
	c.macs += int64(ops.Size(y.Shape())) * int64(each)
}

// Conv2D implements ops.Convolver.
func (c *counter) Conv2D(y, x, w, _ *tensor.Dense, p ops.Conv) error {
	s, err := p.Check("conv2d", x, w, y)
	if err == nil {
		c.add(y, s.Len)
	}
	return err
}

// Conv2DGradInput implements ops.Convolver: forward, it is a transposed convolution.
func (c *counter) Conv2DGradInput(dx, dy, w, _ *tensor.Dense, p ops.Conv) error {
	s, err := p.Check("conv_transpose2d", dx, w, dy)
	if err == nil {
		c.add(dy, s.Len)
	}
	return err
}

// MatMul implements ops.Multiplier.
func (c *counter) MatMul(dst, a, b *tensor.Dense, p ops.MatMul) error {
	if err := p.Check(dst.Shape(), a.Shape(), b.Shape()); err != nil {
		return err
	}
	_, _, k, err := p.Inner(a.Shape(), b.Shape())
	if err == nil {
		c.add(dst, k)
	}
	return err
}

// Attention implements ops.Attender: the products with the keys and with the values.
func (c *counter) Attention(_, _, q, k, v *tensor.Dense, p ops.Attention) error {
	s, err := p.Size(shapeOf(q), shapeOf(k), shapeOf(v))
	if err == nil {
		c.macs += int64(s.B) * int64(s.H) * int64(s.N) * int64(s.M) * int64(s.D+s.E)
	}
	return err
}

// shapeOf returns the shape of an operand that may be nil.
func shapeOf(x *tensor.Dense) []int {
	if x == nil {
		return nil
	}
	return x.Shape()
}

// BatchNorm implements ops.Normaliser: nothing to count.
func (c *counter) BatchNorm(_, _, _, _, _, _ *tensor.Dense, _ ops.BatchNorm) error { return nil }

// Unary implements ops.Elementwise: nothing to count.
func (c *counter) Unary(_, _ *tensor.Dense, _ ops.Unary, _ ops.UnaryParams) error { return nil }

// Binary implements ops.Elementwise: nothing to count.
func (c *counter) Binary(_, _, _ *tensor.Dense, _ ops.Binary) error { return nil }
