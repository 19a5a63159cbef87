package nn

import (
	"math"

	"github.com/tailorbird/tailorbird/kernels/ops"
)

// Conv2d is a convolution of (N, in, H, W): weight (out, in/groups, KH, KW), bias
// (out).
type Conv2d struct {
	Weight, Bias *Var // Bias may be nil
	Conv         ops.Conv
}

// NewConv2d returns a convolution with a square kernel and torch's initial
// distributions.
func NewConv2d(in, out, kernel int, c ops.Conv, bias bool) *Conv2d {
	return NewConv2dSize(in, out, [2]int{kernel, kernel}, c, bias)
}

// NewConv2dSize is NewConv2d with a kernel of so many rows and columns.
func NewConv2dSize(in, out int, kernel [2]int, c ops.Conv, bias bool) *Conv2d {
	in /= max(c.Groups, 1)
	l := &Conv2d{Weight: NewParam(KaimingUniform(math.Sqrt(5)), out, in, kernel[0], kernel[1]), Conv: c}
	if bias {
		l.Bias = NewParam(biasUniform(in*kernel[0]*kernel[1]), out)
	}
	return l
}

// Collect implements Module.
func (l *Conv2d) Collect(c *Collector) {
	c.Param("weight", l.Weight)
	c.Param("bias", l.Bias)
}

// Init replaces the initial distributions; nil leaves one as it is. It returns l.
func (l *Conv2d) Init(weight, bias Initialiser) *Conv2d {
	setInit(l.Weight, weight)
	setInit(l.Bias, bias)
	return l
}

// Forward implements Layer.
func (l *Conv2d) Forward(t *Tape, x *Var) *Var { return t.Conv2D(x, l.Weight, l.Bias, l.Conv) }

// ConvTranspose2d is a transposed convolution of (N, in, H, W): weight
// (in, out/groups, KH, KW), bias (out).
type ConvTranspose2d struct {
	Weight, Bias *Var // Bias may be nil
	Conv         ops.Conv
}

// NewConvTranspose2d returns a transposed convolution with a square kernel and
// torch's initial distributions.
func NewConvTranspose2d(in, out, kernel int, c ops.Conv, bias bool) *ConvTranspose2d {
	part := out / max(c.Groups, 1)
	l := &ConvTranspose2d{Weight: NewParam(KaimingUniform(math.Sqrt(5)), in, part, kernel, kernel), Conv: c}
	if bias {
		l.Bias = NewParam(biasUniform(part*kernel*kernel), out)
	}
	return l
}

// Collect implements Module.
func (l *ConvTranspose2d) Collect(c *Collector) {
	c.Param("weight", l.Weight)
	c.Param("bias", l.Bias)
}

// Init replaces the initial distributions; nil leaves one as it is. It returns l.
func (l *ConvTranspose2d) Init(weight, bias Initialiser) *ConvTranspose2d {
	setInit(l.Weight, weight)
	setInit(l.Bias, bias)
	return l
}

// Forward implements Layer.
func (l *ConvTranspose2d) Forward(t *Tape, x *Var) *Var {
	return t.ConvTranspose2D(x, l.Weight, l.Bias, l.Conv)
}
