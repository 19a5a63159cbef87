package cpu

import (
	"math"

	"github.com/tailorbird/tailorbird/kernels/ops"
)

// The portable form computes in float64 and rounds once: it is what the assembly
// is compared with.

// unaryFunc is F(x), derivative F' of x or, where Unary.FromResult, of F(x).
type unaryFunc func(x float64, p ops.UnaryParams) float64

var unaryFuncs = [...]struct{ value, derivative unaryFunc }{
	ops.UnaryAffine: {
		func(x float64, p ops.UnaryParams) float64 { return float64(p.A)*x + float64(p.B) },
		func(_ float64, p ops.UnaryParams) float64 { return float64(p.A) }},
	ops.UnaryReLU: {
		func(x float64, _ ops.UnaryParams) float64 { return max(x, 0) },
		func(y float64, _ ops.UnaryParams) float64 { return unless(y <= 0, 1) }},
	ops.UnaryReLU6: {
		func(x float64, _ ops.UnaryParams) float64 { return min(max(x, 0), 6) },
		func(x float64, _ ops.UnaryParams) float64 { return unless(x <= 0 || x >= 6, 1) }},
	ops.UnaryLeakyReLU: {
		func(x float64, p ops.UnaryParams) float64 { return choose(x > 0, x, x*float64(p.A)) },
		func(x float64, p ops.UnaryParams) float64 { return choose(x > 0, 1, float64(p.A)) }},
	ops.UnaryClamp: {
		func(x float64, p ops.UnaryParams) float64 { return min(max(x, float64(p.A)), float64(p.B)) },
		func(x float64, p ops.UnaryParams) float64 {
			return choose(x >= float64(p.A) && x <= float64(p.B), 1, 0)
		}},
	ops.UnaryAbs: {
		func(x float64, _ ops.UnaryParams) float64 { return math.Abs(x) },
		func(x float64, _ ops.UnaryParams) float64 { return sign(x) }},
	ops.UnarySquare: {
		func(x float64, _ ops.UnaryParams) float64 { return x * x },
		func(x float64, _ ops.UnaryParams) float64 { return 2 * x }},
	ops.UnarySqrt: {
		func(x float64, _ ops.UnaryParams) float64 { return math.Sqrt(x) },
		func(y float64, _ ops.UnaryParams) float64 { return 0.5 / y }},
	ops.UnaryRsqrt: {
		func(x float64, _ ops.UnaryParams) float64 { return 1 / math.Sqrt(x) },
		func(y float64, _ ops.UnaryParams) float64 { return -0.5 * y * y * y }},
	ops.UnaryReciprocal: {
		func(x float64, _ ops.UnaryParams) float64 { return 1 / x },
		func(y float64, _ ops.UnaryParams) float64 { return -y * y }},
	ops.UnaryExp: {
		func(x float64, _ ops.UnaryParams) float64 { return math.Exp(x) },
		func(y float64, _ ops.UnaryParams) float64 { return y }},
	ops.UnaryExpm1: {
		func(x float64, _ ops.UnaryParams) float64 { return math.Expm1(x) },
		func(y float64, _ ops.UnaryParams) float64 { return y + 1 }},
	ops.UnaryLog: {
		func(x float64, _ ops.UnaryParams) float64 { return math.Log(x) },
		func(x float64, _ ops.UnaryParams) float64 { return 1 / x }},
	ops.UnaryLog1p: {
		func(x float64, _ ops.UnaryParams) float64 { return math.Log1p(x) },
		func(x float64, _ ops.UnaryParams) float64 { return 1 / (1 + x) }},
	ops.UnarySin: {
		func(x float64, _ ops.UnaryParams) float64 { return math.Sin(x) },
		func(x float64, _ ops.UnaryParams) float64 { return math.Cos(x) }},
	ops.UnaryCos: {
		func(x float64, _ ops.UnaryParams) float64 { return math.Cos(x) },
		func(x float64, _ ops.UnaryParams) float64 { return -math.Sin(x) }},
	ops.UnaryAtan: {
		func(x float64, _ ops.UnaryParams) float64 { return math.Atan(x) },
		func(x float64, _ ops.UnaryParams) float64 { return 1 / (1 + x*x) }},
	ops.UnaryErf: {
		func(x float64, _ ops.UnaryParams) float64 { return math.Erf(x) },
		func(x float64, _ ops.UnaryParams) float64 { return 2 / math.SqrtPi * math.Exp(-x*x) }},
	ops.UnaryPower: {
		func(x float64, p ops.UnaryParams) float64 { return math.Pow(x, float64(p.A)) },
		func(x float64, p ops.UnaryParams) float64 {
			return unless(p.A == 0, float64(p.A)*math.Pow(x, float64(p.A)-1))
		}},
	ops.UnarySigmoid: {
		func(x float64, _ ops.UnaryParams) float64 { return sigmoid(x) },
		func(y float64, _ ops.UnaryParams) float64 { return y * (1 - y) }},
	ops.UnaryTanh: {
		func(x float64, _ ops.UnaryParams) float64 { return math.Tanh(x) },
		func(y float64, _ ops.UnaryParams) float64 { return 1 - y*y }},
	ops.UnaryELU: {
		func(x float64, p ops.UnaryParams) float64 {
			return choose(x > 0, x, float64(p.A)*math.Expm1(min(x, 0)))
		},
		func(x float64, p ops.UnaryParams) float64 {
			return choose(x > 0, 1, float64(p.A)*math.Exp(x))
		}},
	ops.UnaryGELU:      {gelu, geluSlope},
	ops.UnaryGELUTanh:  {geluTanh, geluTanhSlope},
	ops.UnaryQuickGELU: {quickGELU, quickGELUSlope},
	ops.UnarySiLU:      {silu, siluSlope},
	ops.UnaryMish:      {mish, mishSlope},
	ops.UnaryHardSwish: {
		func(x float64, _ ops.UnaryParams) float64 { return x * min(max(x+3, 0), 6) / 6 },
		func(x float64, _ ops.UnaryParams) float64 {
			return unless(x <= -3, choose(x >= 3, 1, x/3+0.5))
		}},
	ops.UnaryHardSigmoid: {
		func(x float64, _ ops.UnaryParams) float64 { return min(max(x+3, 0), 6) / 6 },
		func(x float64, _ ops.UnaryParams) float64 { return choose(x > -3 && x < 3, 1.0/6, 0) }},
	ops.UnarySoftplus:   {softplusOf, softplusSlope},
	ops.UnaryLogSigmoid: {logSigmoid, func(x float64, _ ops.UnaryParams) float64 { return sigmoid(-x) }},
	ops.UnaryHuber: {
		func(x float64, p ops.UnaryParams) float64 {
			a, d := math.Abs(x), float64(p.A)
			return choose(a <= d, x*x/2, d*(a-d/2))
		},
		func(x float64, p ops.UnaryParams) float64 {
			d := float64(p.A)
			return choose(math.Abs(x) <= d, x, d*sign(x))
		}},
	ops.UnarySmoothL1: {
		func(x float64, p ops.UnaryParams) float64 {
			a, d := math.Abs(x), float64(p.A)
			return choose(a < d, x*x/2/d, a-d/2)
		},
		func(x float64, p ops.UnaryParams) float64 {
			d := float64(p.A)
			return choose(math.Abs(x) < d, x/d, sign(x))
		}},
}

func choose(yes bool, a, b float64) float64 {
	if yes {
		return a
	}
	return b
}

func unless(no bool, v float64) float64 { return choose(no, 0, v) }

// sign is -1, 0 or 1, and NaN for NaN.
func sign(x float64) float64 {
	if x == 0 || x != x {
		return x
	}
	return math.Copysign(1, x)
}

func sigmoid(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

func gelu(x float64, _ ops.UnaryParams) float64 { return 0.5 * x * math.Erfc(-x/math.Sqrt2) }

func geluSlope(x float64, _ ops.UnaryParams) float64 {
	density := math.Exp(-x*x/2) / math.Sqrt(2*math.Pi)
	return 0.5*math.Erfc(-x/math.Sqrt2) + x*density
}

// The tanh form equals x sigmoid(2u), u = sqrt(2/pi) (x + 0.044715 x^3), which
// does not cancel for negative x.
const (
	geluScale = 0.79788456080286535588 // sqrt(2/pi)
	geluCubic = 0.044715
)

func geluTanh(x float64, _ ops.UnaryParams) float64 {
	return x * sigmoid(2*geluScale*(x+geluCubic*x*x*x))
}

func geluTanhSlope(x float64, _ ops.UnaryParams) float64 {
	s := sigmoid(2 * geluScale * (x + geluCubic*x*x*x))
	return s + x*s*(1-s)*2*geluScale*(1+3*geluCubic*x*x)
}

func quickGELU(x float64, _ ops.UnaryParams) float64 { return x * sigmoid(1.702*x) }

func quickGELUSlope(x float64, _ ops.UnaryParams) float64 {
	s := sigmoid(1.702 * x)
	return s + 1.702*x*s*(1-s)
}

func silu(x float64, _ ops.UnaryParams) float64 { return x * sigmoid(x) }

func siluSlope(x float64, _ ops.UnaryParams) float64 {
	s := sigmoid(x)
	return s + x*s*(1-s)
}

func softplus(x float64) float64 { return max(x, 0) + math.Log1p(math.Exp(-math.Abs(x))) }

func mish(x float64, _ ops.UnaryParams) float64 { return x * math.Tanh(softplus(x)) }

func mishSlope(x float64, _ ops.UnaryParams) float64 {
	t := math.Tanh(softplus(x))
	return t + x*(1-t*t)*sigmoid(x)
}

func softplusOf(x float64, p ops.UnaryParams) float64 {
	beta := float64(p.A)
	return choose(beta*x > float64(p.B), x, softplus(beta*x)/beta)
}

func softplusSlope(x float64, p ops.UnaryParams) float64 {
	beta := float64(p.A)
	return choose(beta*x > float64(p.B), 1, sigmoid(beta*x))
}

func logSigmoid(x float64, _ ops.UnaryParams) float64 { return -softplus(-x) }

// binaryScalar is ops.Binary for two numbers.
func binaryScalar(op ops.Binary, a, b float32) float32 {
	switch op {
	case ops.BinaryAdd:
		return a + b
	case ops.BinarySub:
		return a - b
	case ops.BinaryMul:
		return a * b
	case ops.BinaryDiv:
		return a / b
	case ops.BinaryMax:
		return max(a, b)
	case ops.BinaryMin:
		return min(a, b)
	case ops.BinaryAddReLU:
		return max(a+b, 0)
	case ops.BinaryPow:
		return float32(math.Pow(float64(a), float64(b)))
	case ops.BinaryDivOrZero:
		if b == 0 {
			return 0
		}
		return a / b
	case ops.BinaryGreater:
		return float32(choose(a > b, 1, 0))
	case ops.BinaryEqual:
		return float32(choose(a == b, 1, 0))
	}
	return float32(choose(a > b, 1, choose(a == b, 0.5, 0)))
}
