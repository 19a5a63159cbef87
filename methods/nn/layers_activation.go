package nn

// Activation functions as layers. Tape's operations of the same names say what
// each one is.
type (
	// ReLU is max(x, 0).
	ReLU struct{ bare }
	// ReLU6 is min(max(x, 0), 6).
	ReLU6 struct{ bare }
	// LeakyReLU is x, and Slope x below 0.
	LeakyReLU struct {
		bare
		Slope float32 // 0 means 0.01
	}
	// ELU is x, and Alpha (exp(x) - 1) below 0.
	ELU struct {
		bare
		Alpha float32 // 0 means 1
	}
	// GELU is x Phi(x), with the error function or, where Tanh, without it.
	GELU struct {
		bare
		Tanh bool
	}
	// QuickGELU is x sigmoid(1.702 x), of CLIP.
	QuickGELU struct{ bare }
	// SiLU is x sigmoid(x).
	SiLU struct{ bare }
	// Mish is x tanh(softplus(x)).
	Mish struct{ bare }
	// HardSwish is x relu6(x + 3)/6.
	HardSwish struct{ bare }
	// HardSigmoid is relu6(x + 3)/6.
	HardSigmoid struct{ bare }
	// Sigmoid is the logistic function.
	Sigmoid struct{ bare }
	// Tanh is the hyperbolic tangent.
	Tanh struct{ bare }
)

// Forward implements Layer.
func (ReLU) Forward(t *Tape, x *Var) *Var { return t.ReLU(x) }

// Forward implements Layer.
func (ReLU6) Forward(t *Tape, x *Var) *Var { return t.ReLU6(x) }

// Forward implements Layer.
func (l LeakyReLU) Forward(t *Tape, x *Var) *Var {
	return t.LeakyReLU(x, float32(or(float64(l.Slope), 0.01)))
}

// Forward implements Layer.
func (l ELU) Forward(t *Tape, x *Var) *Var { return t.ELU(x, float32(or(float64(l.Alpha), 1))) }

// Forward implements Layer.
func (l GELU) Forward(t *Tape, x *Var) *Var {
	if l.Tanh {
		return t.GELUTanh(x)
	}
	return t.GELU(x)
}

// Forward implements Layer.
func (QuickGELU) Forward(t *Tape, x *Var) *Var { return t.QuickGELU(x) }

// Forward implements Layer.
func (SiLU) Forward(t *Tape, x *Var) *Var { return t.SiLU(x) }

// Forward implements Layer.
func (Mish) Forward(t *Tape, x *Var) *Var { return t.Mish(x) }

// Forward implements Layer.
func (HardSwish) Forward(t *Tape, x *Var) *Var { return t.HardSwish(x) }

// Forward implements Layer.
func (HardSigmoid) Forward(t *Tape, x *Var) *Var { return t.HardSigmoid(x) }

// Forward implements Layer.
func (Sigmoid) Forward(t *Tape, x *Var) *Var { return t.Sigmoid(x) }

// Forward implements Layer.
func (Tanh) Forward(t *Tape, x *Var) *Var { return t.Tanh(x) }

// Dropout zeroes values with probability P in training and scales the others by
// 1/(1-P).
type Dropout struct {
	bare
	P float32
}

// Forward implements Layer.
func (l Dropout) Forward(t *Tape, x *Var) *Var { return t.Dropout(x, l.P) }

// DropPath zeroes whole examples with probability P in training and scales the
// others by 1/(1-P): stochastic depth.
type DropPath struct {
	bare
	P float32
}

// Forward implements Layer.
func (l DropPath) Forward(t *Tape, x *Var) *Var { return t.DropPath(x, l.P) }
