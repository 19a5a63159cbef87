package nn

import (
	"gorgonia.org/tensor"

	"github.com/tailorbird/tailorbird/kernels/ops"
)

// apply computes f of each element.
func (t *Tape) apply(op string, x *Var, f ops.Unary, p ops.UnaryParams) *Var {
	if !t.ready(op, x) {
		return failed()
	}
	y := t.borrowed(op, x.Shape(), func(y *tensor.Dense) error { return t.E.Unary(y, x.Value, f, p) })
	if y == nil {
		return failed()
	}
	return t.result(y, func(dy *tensor.Dense) {
		v := x.Value
		if f.FromResult() {
			v = y
		}
		t.giveNew(op, x, func(dx *tensor.Dense) error { return t.E.UnaryGrad(dx, dy, v, f, p) })
	}, x)
}

// AddScalar returns x + c.
func (t *Tape) AddScalar(x *Var, c float32) *Var {
	return t.apply("add scalar", x, ops.UnaryAffine, ops.UnaryParams{A: 1, B: c})
}

// Scale returns c x.
func (t *Tape) Scale(x *Var, c float32) *Var {
	return t.apply("scale", x, ops.UnaryAffine, ops.UnaryParams{A: c})
}

// Affine returns a x + c.
func (t *Tape) Affine(x *Var, a, c float32) *Var {
	return t.apply("affine", x, ops.UnaryAffine, ops.UnaryParams{A: a, B: c})
}

// Neg returns -x.
func (t *Tape) Neg(x *Var) *Var { return t.Scale(x, -1) }

// Exp returns e to the power of x.
func (t *Tape) Exp(x *Var) *Var { return t.apply("exp", x, ops.UnaryExp, ops.UnaryParams{}) }

// Expm1 returns exp(x) - 1 without cancellation.
func (t *Tape) Expm1(x *Var) *Var { return t.apply("expm1", x, ops.UnaryExpm1, ops.UnaryParams{}) }

// Log returns the natural logarithm.
func (t *Tape) Log(x *Var) *Var { return t.apply("log", x, ops.UnaryLog, ops.UnaryParams{}) }

// Log1p returns log(1 + x) without cancellation.
func (t *Tape) Log1p(x *Var) *Var { return t.apply("log1p", x, ops.UnaryLog1p, ops.UnaryParams{}) }

// Sqrt returns the square root.
func (t *Tape) Sqrt(x *Var) *Var { return t.apply("sqrt", x, ops.UnarySqrt, ops.UnaryParams{}) }

// Rsqrt returns 1 / sqrt(x).
func (t *Tape) Rsqrt(x *Var) *Var { return t.apply("rsqrt", x, ops.UnaryRsqrt, ops.UnaryParams{}) }

// Reciprocal returns 1 / x.
func (t *Tape) Reciprocal(x *Var) *Var {
	return t.apply("reciprocal", x, ops.UnaryReciprocal, ops.UnaryParams{})
}

// Square returns x x.
func (t *Tape) Square(x *Var) *Var { return t.apply("square", x, ops.UnarySquare, ops.UnaryParams{}) }

// PowScalar returns x to the power of c.
func (t *Tape) PowScalar(x *Var, c float32) *Var {
	return t.apply("power", x, ops.UnaryPower, ops.UnaryParams{A: c})
}

// Abs returns |x|; its gradient at 0 is 0.
func (t *Tape) Abs(x *Var) *Var { return t.apply("abs", x, ops.UnaryAbs, ops.UnaryParams{}) }

// Sin returns the sine.
func (t *Tape) Sin(x *Var) *Var { return t.apply("sin", x, ops.UnarySin, ops.UnaryParams{}) }

// Cos returns the cosine.
func (t *Tape) Cos(x *Var) *Var { return t.apply("cos", x, ops.UnaryCos, ops.UnaryParams{}) }

// Atan returns the inverse tangent.
func (t *Tape) Atan(x *Var) *Var { return t.apply("atan", x, ops.UnaryAtan, ops.UnaryParams{}) }

// Erf returns the error function.
func (t *Tape) Erf(x *Var) *Var { return t.apply("erf", x, ops.UnaryErf, ops.UnaryParams{}) }

// Clamp returns min(max(x, lo), hi). The gradient passes where lo <= x <= hi.
func (t *Tape) Clamp(x *Var, lo, hi float32) *Var {
	return t.apply("clamp", x, ops.UnaryClamp, ops.UnaryParams{A: lo, B: hi})
}

// TimestepEmbedding embeds times x (N) as (N, dim): the cosines and then the
// sines of x 10000^(-i/half), i = 0..half-1, half = dim/2; dim is even. It is
// get_timestep_embedding of diffusers with flip_sin_to_cos and shift 0 (DDPM,
// arXiv:2006.11239, the positions of arXiv:1706.03762).
func (t *Tape) TimestepEmbedding(x *Var, dim int) *Var {
	const op = "timestep embedding"
	if !t.ready(op, x) {
		return failed()
	}
	if !t.try(op, ops.WantRank(op, "x", x.Value, 1)) {
		return failed()
	}
	frequencies, err := timestepFrequencies(dim)
	if !t.try(op, err) {
		return failed()
	}
	angles := t.Mul(t.Reshape(x, x.Dim(0), 1), t.Upload(frequencies, 1, len(frequencies)))
	return t.Concat(1, t.Cos(angles), t.Sin(angles))
}
