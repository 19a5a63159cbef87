package ops

import "gorgonia.org/tensor"

// Elementwise works on each element alone.
type Elementwise interface {
	// Fill sets every element of dst.
	Fill(dst *tensor.Dense, value float32) error
	// Scale sets dst = alpha x. dst may be x.
	Scale(dst, x *tensor.Dense, alpha float32) error
	// Accumulate sets dst += alpha x, of one shape.
	Accumulate(dst, x *tensor.Dense, alpha float32) error
	// Add sets dst = a + b. Shapes broadcast as in NumPy; dst may be an operand of its shape.
	Add(dst, a, b *tensor.Dense) error
}
