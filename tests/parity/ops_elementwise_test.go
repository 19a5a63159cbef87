package parity

import (
	"github.com/tailorbird/tailorbird/methods/nn"
)

func init() {
	for kind, f := range map[string]func(t *nn.Tape, x *nn.Var) *nn.Var{
		"relu": (*nn.Tape).ReLU, "relu6": (*nn.Tape).ReLU6, "sigmoid": (*nn.Tape).Sigmoid, "tanh": (*nn.Tape).Tanh,
		"silu": (*nn.Tape).SiLU, "mish": (*nn.Tape).Mish, "hardswish": (*nn.Tape).HardSwish, "hardsigmoid": (*nn.Tape).HardSigmoid,
		"log_sigmoid": (*nn.Tape).LogSigmoid, "quick_gelu": (*nn.Tape).QuickGELU, "gelu_tanh": (*nn.Tape).GELUTanh,
		"erf": (*nn.Tape).Erf, "geglu": (*nn.Tape).GEGLU,
	} {
		registerOp(kind, func(r *run) map[string]*nn.Var { return y(f(r.tape, r.x("x"))) })
	}
	registerOp("gelu", func(r *run) map[string]*nn.Var {
		if config[struct{ Approximate string }](r).Approximate == "tanh" {
			return y(r.tape.GELUTanh(r.x("x")))
		}
		return y(r.tape.GELU(r.x("x")))
	})
	registerOp("leaky_relu", func(r *run) map[string]*nn.Var {
		p := struct {
			Slope float32 `json:"negative_slope"`
		}{0.01}
		r.c.DecodeConfig(r.t, &p)
		return y(r.tape.LeakyReLU(r.x("x"), p.Slope))
	})
	registerOp("elu", func(r *run) map[string]*nn.Var {
		p := struct{ Alpha float32 }{1}
		r.c.DecodeConfig(r.t, &p)
		return y(r.tape.ELU(r.x("x"), p.Alpha))
	})
	registerOp("softplus", func(r *run) map[string]*nn.Var {
		p := struct{ Beta, Threshold float32 }{1, 20}
		r.c.DecodeConfig(r.t, &p)
		return y(r.tape.SoftplusBeta(r.x("x"), p.Beta, p.Threshold))
	})
	registerOp("unary_math", unaryMath)
	registerOp("broadcast_arith", func(r *run) map[string]*nn.Var {
		a, b := r.x("a"), r.x("b")
		return map[string]*nn.Var{"add": r.tape.Add(a, b), "sub": r.tape.Sub(a, b), "mul": r.tape.Mul(a, b), "div": r.tape.Div(a, b)}
	})
	registerOp("clamp_where_minmax", clampWhereMinMax)
	registerOp("reductions", reductions)
	registerOp("cumsum", func(r *run) map[string]*nn.Var {
		return y(r.tape.CumSum(r.x("x"), config[dimension](r).Dim))
	})
	registerOp("sinusoid_timestep", func(r *run) map[string]*nn.Var {
		return y(r.tape.TimestepEmbedding(r.x("t"), config[dimension](r).Dim))
	})
}

// dimension is the configuration of kinds that work along an axis.
type dimension struct{ Dim int }

// y is the outputs of a kind that has one.
func y(v *nn.Var) map[string]*nn.Var { return map[string]*nn.Var{"y": v} }

// unaryMath: the reference takes the absolute value of x - 1, all x being positive.
func unaryMath(r *run) map[string]*nn.Var {
	t, x := r.tape, r.x("x")
	return map[string]*nn.Var{
		"exp": t.Exp(x), "log": t.Log(x), "sqrt": t.Sqrt(x), "rsqrt": t.Rsqrt(x), "sin": t.Sin(x), "cos": t.Cos(x), "abs": t.Abs(t.AddScalar(x, -1)),
		"pow": t.PowScalar(x, 1.7), "reciprocal": t.Reciprocal(x), "log1p": t.Log1p(x), "expm1": t.Expm1(x),
	}
}

func clampWhereMinMax(r *run) map[string]*nn.Var {
	t, a, b := r.tape, r.x("a"), r.x("b")
	return map[string]*nn.Var{
		"clamp":   t.Clamp(a, -0.5, 0.8),
		"where":   t.Where(t.Greater(a, b), a, t.Scale(b, 2)),
		"maximum": t.Maximum(a, b),
		"minimum": t.Minimum(a, b),
	}
}

func reductions(r *run) map[string]*nn.Var {
	t, x := r.tape, r.x("x")
	axes := config[struct{ Axes []int }](r).Axes
	return map[string]*nn.Var{
		"sum": t.Sum(x, false, axes...), "mean": t.Mean(x, false, axes...),
		"var0": t.Var(x, 0, false, axes...), "var1": t.Var(x, 1, false, axes...),
		"norm": t.Norm(x, false, axes...), "max": t.Max(x, false, axes...), "min": t.Min(x, false, axes...),
	}
}
