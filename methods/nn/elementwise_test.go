package nn

import (
	"math"
	"testing"

	"github.com/tailorbird/tailorbird/internal/fault"
)

func TestGradientsOfFunctionsOfOneOperand(t *testing.T) {
	positive := func(tp *Tape, x *Var) *Var { return tp.AddScalar(tp.Square(x), 0.3) }
	tests := map[string]func(tp *Tape, x *Var) *Var{
		"affine":       func(tp *Tape, x *Var) *Var { return tp.Affine(x, -1.5, 2) },
		"add scalar":   func(tp *Tape, x *Var) *Var { return tp.AddScalar(x, 3) },
		"neg":          (*Tape).Neg,
		"exp":          (*Tape).Exp,
		"expm1":        (*Tape).Expm1,
		"log":          func(tp *Tape, x *Var) *Var { return tp.Log(positive(tp, x)) },
		"log1p":        func(tp *Tape, x *Var) *Var { return tp.Log1p(positive(tp, x)) },
		"sqrt":         func(tp *Tape, x *Var) *Var { return tp.Sqrt(positive(tp, x)) },
		"rsqrt":        func(tp *Tape, x *Var) *Var { return tp.Rsqrt(positive(tp, x)) },
		"reciprocal":   func(tp *Tape, x *Var) *Var { return tp.Reciprocal(positive(tp, x)) },
		"power":        func(tp *Tape, x *Var) *Var { return tp.PowScalar(positive(tp, x), 1.7) },
		"square":       (*Tape).Square,
		"abs":          (*Tape).Abs,
		"sin":          (*Tape).Sin,
		"cos":          (*Tape).Cos,
		"atan":         (*Tape).Atan,
		"erf":          (*Tape).Erf,
		"sigmoid":      (*Tape).Sigmoid,
		"tanh":         (*Tape).Tanh,
		"relu":         (*Tape).ReLU,
		"relu6":        func(tp *Tape, x *Var) *Var { return tp.ReLU6(tp.Affine(x, 5, 0.3)) },
		"leaky relu":   func(tp *Tape, x *Var) *Var { return tp.LeakyReLU(x, 0.2) },
		"elu":          func(tp *Tape, x *Var) *Var { return tp.ELU(x, 1.3) },
		"gelu":         (*Tape).GELU,
		"gelu tanh":    (*Tape).GELUTanh,
		"quick gelu":   (*Tape).QuickGELU,
		"silu":         (*Tape).SiLU,
		"mish":         (*Tape).Mish,
		"hard swish":   func(tp *Tape, x *Var) *Var { return tp.HardSwish(tp.Affine(x, 2.5, 0.1)) },
		"hard sigmoid": func(tp *Tape, x *Var) *Var { return tp.HardSigmoid(tp.Affine(x, 2.5, 0.1)) },
		"softplus":     (*Tape).Softplus,
		"softplus 3":   func(tp *Tape, x *Var) *Var { return tp.SoftplusBeta(x, 3, 4.37) },
		"log sigmoid":  (*Tape).LogSigmoid,
		"clamp":        func(tp *Tape, x *Var) *Var { return tp.Clamp(x, -0.51, 0.83) },
		"dropout":      func(tp *Tape, x *Var) *Var { return tp.Dropout(x, 0.4) },
		"drop path":    func(tp *Tape, x *Var) *Var { return tp.DropPath(x, 0.5) },
		"geglu":        func(tp *Tape, x *Var) *Var { return tp.GEGLU(tp.Concat(-1, x, tp.Affine(x, -1, 0.2))) },
		"timestep":     func(tp *Tape, x *Var) *Var { return tp.TimestepEmbedding(tp.Reshape(x, -1), 6) },
	}
	for name, f := range tests {
		t.Run(name, func(t *testing.T) {
			for _, shape := range [][]int{{7}, {3, 5}, {2, 3, 9}} {
				checkGradients(t, func(tp *Tape, xs []*Var) *Var { return f(tp, xs[0]) }, shape)
			}
		})
	}
}

func TestGradientsOfFunctionsOfTwoOperands(t *testing.T) {
	positive := func(tp *Tape, x *Var) *Var { return tp.AddScalar(tp.Square(x), 0.5) }
	tests := map[string]func(tp *Tape, a, b *Var) *Var{
		"add":         (*Tape).Add,
		"sub":         (*Tape).Sub,
		"mul":         (*Tape).Mul,
		"div":         func(tp *Tape, a, b *Var) *Var { return tp.Div(a, positive(tp, b)) },
		"div or zero": func(tp *Tape, a, b *Var) *Var { return tp.DivOrZero(a, positive(tp, b)) },
		"maximum":     func(tp *Tape, a, b *Var) *Var { return tp.Maximum(a, tp.AddScalar(b, 0.0131)) },
		"minimum":     func(tp *Tape, a, b *Var) *Var { return tp.Minimum(tp.Affine(a, 3, 0), b) },
		"add relu":    func(tp *Tape, a, b *Var) *Var { return tp.AddReLU(a, tp.Affine(b, 0.1, 0.0171)) },
		"pow":         func(tp *Tape, a, b *Var) *Var { return tp.Pow(positive(tp, a), b) },
		"where":       func(tp *Tape, a, b *Var) *Var { return tp.Where(tp.Greater(b, tp.Scale(b, 0)), a, b) },
	}
	shapes := [][2][]int{
		{{4, 5}, {4, 5}}, {{3, 4}, {4}}, {{4}, {3, 4}}, {{2, 3, 4, 5}, {3, 1, 1}}, {{2, 3, 4}, {3, 1}}, {{2, 1, 3}, {4, 1}},
		{{6}, {1}}, {{2, 3}, {}}, {{1, 3}, {3}}, {{2, 3, 1, 4}, {2, 1, 5, 1}},
	}
	for name, f := range tests {
		t.Run(name, func(t *testing.T) {
			for _, s := range shapes {
				checkGradients(t, func(tp *Tape, xs []*Var) *Var { return f(tp, xs[0], xs[1]) }, s[0], s[1])
			}
		})
	}
}

func TestEqualValuesShareTheGradient(t *testing.T) {
	tp := newTape(t)
	a, b := param(1, 5, 2), param(1, 3, 4)
	if err := tp.Backward(tp.Sum(tp.Maximum(a, b), false)); err != nil {
		t.Fatal(err)
	}
	wantGrad(t, a, 0.5, 1, 0)
	wantGrad(t, b, 0.5, 0, 1)
	x := param(3, 1, 3)
	if err := tp.Backward(tp.Max(x, false)); err != nil {
		t.Fatal(err)
	}
	wantGrad(t, x, 0.5, 0, 0.5)
}

func TestPowAtZero(t *testing.T) {
	tp := newTape(t)
	a, b := param(0, 0, 2), param(0, 2, 0)
	y := tp.Keep(tp.Pow(a, b))
	if err := tp.BackwardFrom([]*Var{y}, ones(tp, y)); err != nil {
		t.Fatal(err)
	}
	wantGrad(t, a, 0, 0, 0)
	wantGrad(t, b, float32(math.Inf(-1)), 0, float32(math.Log(2)))
}

func TestDropoutKeepsTheMeanAndIsOffInEvaluation(t *testing.T) {
	tp := newTape(t)
	x := NewParam(nil, 100, 100)
	for i := range x.Value.Float32s() {
		x.Value.Float32s()[i] = 1
	}
	y := tp.Host(tp.Dropout(x, 0.3))
	kept := 0
	for i, v := range y {
		if v != 0 {
			kept++
			if math.Abs(float64(v)-1/0.7) > 1e-6 {
				t.Fatalf("value %d is %v", i, v)
			}
		}
	}
	if kept < 6800 || kept > 7200 {
		t.Errorf("%d of 10000 kept at 0.3", kept)
	}
	if again := tp.Host(tp.Dropout(x, 0.3)); sameBits(y, again) {
		t.Error("two draws of a step are equal")
	}
	rows := tp.Host(tp.DropPath(x, 0.5))
	for i := range rows {
		if rows[i] != rows[i/100*100] {
			t.Fatalf("sample %d is not dropped as a whole", i/100)
		}
	}
	tp.Reset()
	if again := tp.Host(tp.Dropout(x, 0.3)); !sameBits(y, again) {
		t.Error("the same seed drops other values")
	}
	tp.Training = false
	if tp.Dropout(x, 0.3) != x {
		t.Error("dropout in evaluation")
	}
}

func TestBadShapesAreErrorsThatNameThem(t *testing.T) {
	labels := hostTensor([]int64{0, 1, 9}, []int{3})
	tests := map[string]func(tp *Tape, a, b *Var) *Var{
		"add":         (*Tape).Add,
		"where":       func(tp *Tape, a, b *Var) *Var { return tp.Where(a, a, b) },
		"sum":         func(tp *Tape, a, b *Var) *Var { return tp.Sum(a, false, 2) },
		"sum twice":   func(tp *Tape, a, b *Var) *Var { return tp.Sum(a, false, 0, -2) },
		"cumsum":      func(tp *Tape, a, b *Var) *Var { return tp.CumSum(a, -3) },
		"var":         func(tp *Tape, a, b *Var) *Var { return tp.Var(a, 5, false, 1) },
		"geglu":       func(tp *Tape, a, b *Var) *Var { return tp.GEGLU(a) },
		"softmax":     func(tp *Tape, a, b *Var) *Var { return tp.Softmax(a, 5) },
		"logsumexp":   func(tp *Tape, a, b *Var) *Var { return tp.LogSumExp(a, -4) },
		"batch norm":  func(tp *Tape, a, b *Var) *Var { return tp.BatchNorm(a, b, nil, nil, nil, BatchNorm{}) },
		"layer norm":  func(tp *Tape, a, b *Var) *Var { return tp.LayerNorm(a, b, nil, 1e-5) },
		"rms norm":    func(tp *Tape, a, b *Var) *Var { return tp.RMSNorm(a, b, 1e-5) },
		"group norm":  func(tp *Tape, a, b *Var) *Var { return tp.GroupNorm(a, nil, nil, 2, 1e-5) },
		"norm of one": func(tp *Tape, a, b *Var) *Var { return tp.InstanceNorm(b, nil, nil, 1e-5) },
		"channels":    func(tp *Tape, a, b *Var) *Var { return tp.LayerNormChannels(a, b, nil, 1e-5) },
		"entropy":     func(tp *Tape, a, b *Var) *Var { return tp.CrossEntropy(a, labels, CrossEntropy{}) },
		"no labels":   func(tp *Tape, a, b *Var) *Var { return tp.CrossEntropy(a, nil, CrossEntropy{}) },
		"soft":        func(tp *Tape, a, b *Var) *Var { return tp.SoftCrossEntropy(a, b, CrossEntropy{}) },
		"boxes":       func(tp *Tape, a, b *Var) *Var { return tp.GIoULoss(a, b, 1e-7, ReduceMean) },
		"dropout":     func(tp *Tape, a, b *Var) *Var { return tp.Dropout(a, 1.5) },
		"timestep":    func(tp *Tape, a, b *Var) *Var { return tp.TimestepEmbedding(b, 3) },
		"huber":       func(tp *Tape, a, b *Var) *Var { return tp.Huber(a, a, 0, ReduceMean) },
	}
	for name, f := range tests {
		tp := newTape(t)
		f(tp, NewParam(nil, 3, 5), NewParam(nil, 7))
		if err := tp.Err(); fault.CodeOf(err) != fault.Usage {
			t.Errorf("%s: %v", name, err)
		}
		tp.Reset()
		if n := tp.E.InUse(); n != 0 {
			t.Errorf("%s: %d bytes in use after the error", name, n)
		}
	}
}
