package nn

import (
	"math"

	"gorgonia.org/tensor"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/ops"
)

// Sigmoid returns 1 / (1 + exp(-x)).
func (t *Tape) Sigmoid(x *Var) *Var {
	return t.apply("sigmoid", x, ops.UnarySigmoid, ops.UnaryParams{})
}

// Tanh returns the hyperbolic tangent.
func (t *Tape) Tanh(x *Var) *Var { return t.apply("tanh", x, ops.UnaryTanh, ops.UnaryParams{}) }

// ReLU returns max(x, 0).
func (t *Tape) ReLU(x *Var) *Var { return t.apply("relu", x, ops.UnaryReLU, ops.UnaryParams{}) }

// ReLU6 returns min(max(x, 0), 6).
func (t *Tape) ReLU6(x *Var) *Var { return t.apply("relu6", x, ops.UnaryReLU6, ops.UnaryParams{}) }

// LeakyReLU returns x where it is positive, otherwise slope x.
func (t *Tape) LeakyReLU(x *Var, slope float32) *Var {
	return t.apply("leaky relu", x, ops.UnaryLeakyReLU, ops.UnaryParams{A: slope})
}

// ELU returns x where it is positive, otherwise alpha (exp(x) - 1).
func (t *Tape) ELU(x *Var, alpha float32) *Var {
	return t.apply("elu", x, ops.UnaryELU, ops.UnaryParams{A: alpha})
}

// GELU returns x Phi(x), Phi the standard normal distribution (arXiv:1606.08415).
func (t *Tape) GELU(x *Var) *Var { return t.apply("gelu", x, ops.UnaryGELU, ops.UnaryParams{}) }

// GELUTanh is the approximation of GELU by a tanh in the same paper.
func (t *Tape) GELUTanh(x *Var) *Var {
	return t.apply("gelu tanh", x, ops.UnaryGELUTanh, ops.UnaryParams{})
}

// QuickGELU returns x sigmoid(1.702 x), as OpenAI's CLIP has it.
func (t *Tape) QuickGELU(x *Var) *Var {
	return t.apply("quick gelu", x, ops.UnaryQuickGELU, ops.UnaryParams{})
}

// SiLU returns x sigmoid(x).
func (t *Tape) SiLU(x *Var) *Var { return t.apply("silu", x, ops.UnarySiLU, ops.UnaryParams{}) }

// Mish returns x tanh(softplus(x)) (arXiv:1908.08681).
func (t *Tape) Mish(x *Var) *Var { return t.apply("mish", x, ops.UnaryMish, ops.UnaryParams{}) }

// HardSwish returns x relu6(x + 3) / 6 (arXiv:1905.02244).
func (t *Tape) HardSwish(x *Var) *Var {
	return t.apply("hard swish", x, ops.UnaryHardSwish, ops.UnaryParams{})
}

// HardSigmoid returns relu6(x + 3) / 6.
func (t *Tape) HardSigmoid(x *Var) *Var {
	return t.apply("hard sigmoid", x, ops.UnaryHardSigmoid, ops.UnaryParams{})
}

// Softplus returns log(1 + exp(x)), and x above 20, as torch's default does.
func (t *Tape) Softplus(x *Var) *Var { return t.SoftplusBeta(x, 1, 20) }

// SoftplusBeta returns log(1 + exp(beta x)) / beta, and x where beta x > threshold.
func (t *Tape) SoftplusBeta(x *Var, beta, threshold float32) *Var {
	return t.apply("softplus", x, ops.UnarySoftplus, ops.UnaryParams{A: beta, B: threshold})
}

// LogSigmoid returns log(sigmoid(x)).
func (t *Tape) LogSigmoid(x *Var) *Var {
	return t.apply("log sigmoid", x, ops.UnaryLogSigmoid, ops.UnaryParams{})
}

// GEGLU returns a GELU(g), a and g the first and the second half of the last axis.
func (t *Tape) GEGLU(x *Var) *Var {
	const op = "geglu"
	if !t.ready(op, x) {
		return failed()
	}
	n := len(x.Shape())
	if n == 0 || x.Dim(-1)%2 != 0 {
		return t.Fail(fault.New(fault.Usage, "%s: the last axis of shape %v has no halves", op, x.Shape()))
	}
	shape := append([]int(nil), x.Shape()...)
	shape[n-1] /= 2
	y := t.borrowed(op, shape, func(y *tensor.Dense) error { return t.E.GatedGELU(y, x.Value) })
	if y == nil {
		return failed()
	}
	return t.result(y, func(dy *tensor.Dense) {
		t.giveNew(op, x, func(dx *tensor.Dense) error { return t.E.GatedGELUGrad(dx, dy, x.Value) })
	}, x)
}

// timestepFrequencies returns 10000^(-i/half) as float32 arithmetic gives it in
// the reference: the exponent is rounded before exp.
func timestepFrequencies(dim int) ([]float32, error) {
	if dim < 2 || dim%2 != 0 {
		return nil, fault.New(fault.Usage, "timestep embedding: dimension %d is not even and positive", dim)
	}
	f := make([]float32, dim/2)
	for i := range f {
		exponent := -float32(math.Log(10000)) * float32(i) / float32(len(f))
		f[i] = float32(math.Exp(float64(exponent)))
	}
	return f, nil
}
