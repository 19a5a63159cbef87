package ops

import (
	"gorgonia.org/tensor"

	"github.com/tailorbird/tailorbird/internal/fault"
)

// Elementwise works on each element alone. Unless it says otherwise a result may
// share its memory with an operand of its own shape.
type Elementwise interface {
	// Fill sets every element of dst.
	Fill(dst *tensor.Dense, value float32) error
	// Scale sets dst = alpha x. x broadcasts to the shape of dst.
	Scale(dst, x *tensor.Dense, alpha float32) error
	// Accumulate sets dst += alpha x, of one shape.
	Accumulate(dst, x *tensor.Dense, alpha float32) error
	// Add sets dst = a + b. Shapes broadcast as in NumPy.
	Add(dst, a, b *tensor.Dense) error
	// Binary sets dst = a OP b. Shapes broadcast as in NumPy.
	Binary(dst, a, b *tensor.Dense, op Binary) error
	// Select sets dst = a where cond is not 0, b elsewhere. Shapes broadcast; a
	// nil a or b stands for zeros.
	Select(dst, cond, a, b *tensor.Dense) error
	// Unary sets dst = F(x), of one shape.
	Unary(dst, x *tensor.Dense, f Unary, p UnaryParams) error
	// UnaryGrad sets dx = dy F'. v is the result F(x) where f.FromResult, otherwise x.
	UnaryGrad(dx, dy, v *tensor.Dense, f Unary, p UnaryParams) error
	// GatedGELU sets y = a GELU(g), a and g being the first and the second half
	// of the last axis of x (Shazeer, arXiv:2002.05202: GEGLU).
	GatedGELU(y, x *tensor.Dense) error
	// GatedGELUGrad sets dx, of the shape of x, given the gradient dy of y.
	GatedGELUGrad(dx, dy, x *tensor.Dense) error
	// Dropout sets dst to x with values zeroed and scaled as d says. The
	// gradient is the same function of the gradient.
	Dropout(dst, x *tensor.Dense, d Dropout) error
}

// Binary is a function of two values.
type Binary uint8

// Binary functions. BinaryMax and BinaryMin are NaN where an operand is.
const (
	BinaryAdd         Binary = iota
	BinarySub                // a - b
	BinaryMul                // a b
	BinaryDiv                // a / b
	BinaryMax                // the larger
	BinaryMin                // the smaller
	BinaryAddReLU            // max(a + b, 0)
	BinaryPow                // a to the power of b
	BinaryDivOrZero          // a / b, 0 where b is 0
	BinaryGreater            // 1 where a > b, otherwise 0
	BinaryEqual              // 1 where a = b, otherwise 0
	BinaryGreaterHalf        // 1 where a > b, 1/2 where a = b, otherwise 0
	numBinary
)

// Unary is a function of one value.
type Unary uint8

// Unary functions. p are the UnaryParams.
const (
	UnaryAffine      Unary = iota // p.A x + p.B
	UnaryReLU                     // max(x, 0)
	UnaryReLU6                    // min(max(x, 0), 6)
	UnaryLeakyReLU                // x, p.A x below 0
	UnaryClamp                    // min(max(x, p.A), p.B)
	UnaryAbs                      // |x|
	UnarySquare                   // x x
	UnarySqrt                     // sqrt x
	UnaryRsqrt                    // 1 / sqrt x
	UnaryReciprocal               // 1 / x
	UnaryExp                      // e to the power of x
	UnaryExpm1                    // exp(x) - 1
	UnaryLog                      // natural logarithm
	UnaryLog1p                    // log(1 + x)
	UnarySin                      // sine
	UnaryCos                      // cosine
	UnaryAtan                     // inverse tangent
	UnaryErf                      // error function
	UnaryPower                    // x to the power of p.A
	UnarySigmoid                  // 1 / (1 + exp(-x))
	UnaryTanh                     // hyperbolic tangent
	UnaryELU                      // x, p.A (exp(x) - 1) below 0
	UnaryGELU                     // x Phi(x), Phi the standard normal distribution (arXiv:1606.08415)
	UnaryGELUTanh                 // x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3)))
	UnaryQuickGELU                // x sigmoid(1.702 x)
	UnarySiLU                     // x sigmoid(x)
	UnaryMish                     // x tanh(softplus(x))
	UnaryHardSwish                // x relu6(x + 3) / 6
	UnaryHardSigmoid              // relu6(x + 3) / 6
	UnarySoftplus                 // log(1 + exp(p.A x)) / p.A; x where p.A x > p.B
	UnaryLogSigmoid               // log(sigmoid(x))
	UnaryHuber                    // x^2/2, p.A (|x| - p.A/2) where |x| > p.A
	UnarySmoothL1                 // x^2/(2 p.A), |x| - p.A/2 where |x| >= p.A
	numUnary
)

// UnaryParams are the numbers that some functions need; each says which.
type UnaryParams struct{ A, B float32 }

// FromResult says whether the derivative is computed from the result F(x).
func (f Unary) FromResult() bool {
	switch f {
	case UnaryReLU, UnarySqrt, UnaryRsqrt, UnaryReciprocal, UnaryExp, UnaryExpm1, UnarySigmoid, UnaryTanh:
		return true
	}
	return false
}

// Valid refuses what is not a function of the list.
func (f Unary) Valid() error {
	if f >= numUnary {
		return fault.New(fault.Usage, "unary: function %d is unknown", f)
	}
	return nil
}

// Valid refuses what is not a function of the list.
func (f Binary) Valid() error {
	if f >= numBinary {
		return fault.New(fault.Usage, "binary: function %d is unknown", f)
	}
	return nil
}

// Dropout zeroes values at random and scales the others by 1/(1-P), so that the
// mean stays. Which ones depends on Seed and their index alone.
type Dropout struct {
	P     float32 // of being zeroed, 0 to 1
	Seed  uint64
	Group int // so many consecutive elements share one draw; 0 means 1
}

// Valid refuses a probability outside 0 to 1 and a negative group.
func (d Dropout) Valid() error {
	if !(d.P >= 0 && d.P <= 1) || d.Group < 0 {
		return fault.New(fault.Usage, "dropout: probability %v, groups of %d", d.P, d.Group)
	}
	return nil
}

// Keeps says whether the draw of a group is kept. It is SplitMix64 (Steele, Lea
// and Flood, OOPSLA 2014) on seed and index; every engine draws the same.
func (d Dropout) Keeps(group uint64) bool {
	z := d.Seed + (group+1)*0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	z ^= z >> 31
	return float64(z>>40) >= float64(d.P)*(1<<24)
}

// Broadcast returns the shape that operands of shapes a and b broadcast to: axes
// are aligned at the last one, and an axis of size 1 repeats.
func Broadcast(op string, a, b []int) ([]int, error) {
	out := make([]int, max(len(a), len(b)))
	for i := range out {
		da, db := axisFromEnd(a, len(out)-i), axisFromEnd(b, len(out)-i)
		switch {
		case da == db || db == 1:
			out[i] = da
		case da == 1:
			out[i] = db
		default:
			return nil, fault.New(fault.Usage, "%s: shapes %v and %v do not broadcast", op, tensor.Shape(a), tensor.Shape(b))
		}
	}
	return out, nil
}

// axisFromEnd returns the size of the axis that is i before the end, 1 where
// there is none.
func axisFromEnd(s []int, i int) int {
	if i > len(s) {
		return 1
	}
	return s[len(s)-i]
}
