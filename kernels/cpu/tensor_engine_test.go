package cpu

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"gorgonia.org/tensor"
)

func dense(e tensor.Engine, v []float32, shape ...int) *tensor.Dense {
	return tensor.New(tensor.WithShape(shape...), tensor.WithBacking(slices.Clone(v)), tensor.WithEngine(e))
}

type binaryFunc func(a, b any, opts ...tensor.FuncOpt) (tensor.Tensor, error)

var packageBinaries = map[string]binaryFunc{"add": tensor.Add, "sub": tensor.Sub, "mul": tensor.Mul, "div": tensor.Div}

func TestTensorArithmeticEqualsStandardEngine(t *testing.T) {
	e := New(Options{Workers: 2})
	defer e.Close()
	rng := rand.New(rand.NewPCG(1, 1))
	for name, f := range packageBinaries {
		for _, form := range []string{"new", "reuse", "unsafe", "incr", "scalar", "scalar first", "scalar tensor", "scalar reuse", "scalar incr", "transposed"} {
			av, bv, rv := sample(rng, 12, 2), sample(rng, 12, 2), sample(rng, 12, 2)
			run := func(eng tensor.Engine) (got []float32, operand []float32) {
				a, b, r := dense(eng, av, 3, 4), dense(eng, bv, 3, 4), dense(eng, rv, 3, 4)
				x, y, opts := any(a), any(b), []tensor.FuncOpt{}
				switch form {
				case "reuse", "scalar reuse":
					opts = append(opts, tensor.WithReuse(r))
				case "unsafe":
					opts = append(opts, tensor.UseUnsafe())
				case "incr", "scalar incr":
					opts = append(opts, tensor.WithIncr(r))
				case "transposed":
					a.T()
					b.T()
				}
				switch form {
				case "scalar", "scalar reuse", "scalar incr":
					y = float32(1.5)
				case "scalar first":
					x = float32(1.5)
				case "scalar tensor":
					y = tensor.New(tensor.FromScalar(float32(-2)), tensor.WithEngine(eng))
				}
				z, err := f(x, y, opts...)
				if err != nil {
					t.Fatalf("%s, %s: %v", name, form, err)
				}
				if (form == "reuse" || form == "incr") && z != tensor.Tensor(r) || form == "unsafe" && z != tensor.Tensor(a) {
					t.Errorf("%s, %s: the result is elsewhere", name, form)
				}
				return z.Data().([]float32), a.Data().([]float32)
			}
			got, operand := run(e.TensorEngine())
			want, wantOperand := run(tensor.StdEng{})
			if !alike(got, want) || !alike(operand, wantOperand) {
				t.Errorf("%s, %s: %v, want %v", name, form, got, want)
			}
		}
	}
	if e.InUse() != 0 {
		t.Errorf("%d bytes in use", e.InUse())
	}
}

func alike(a, b []float32) bool {
	return slices.EqualFunc(a, b, func(x, y float32) bool { return math.Abs(float64(x-y)) <= 1e-6*(1+math.Abs(float64(y))) })
}

func TestTensorFunctionsEqualStandardEngine(t *testing.T) {
	e := New(Options{Workers: 2})
	defer e.Close()
	rng := rand.New(rand.NewPCG(2, 2))
	v, w := sample(rng, 12, 2), sample(rng, 20, 2)
	for i := range v {
		v[i] = float32(math.Abs(float64(v[i]))) + 0.1
	}
	tests := map[string]func(a, b *tensor.Dense) (tensor.Tensor, error){
		"exp":         func(a, b *tensor.Dense) (tensor.Tensor, error) { return tensor.Exp(a) },
		"tanh":        func(a, b *tensor.Dense) (tensor.Tensor, error) { return tensor.Tanh(a) },
		"sqrt":        func(a, b *tensor.Dense) (tensor.Tensor, error) { return tensor.Sqrt(a) },
		"square":      func(a, b *tensor.Dense) (tensor.Tensor, error) { return tensor.Square(a, tensor.UseUnsafe()) },
		"neg":         func(a, b *tensor.Dense) (tensor.Tensor, error) { return tensor.Neg(a) },
		"softmax":     func(a, b *tensor.Dense) (tensor.Tensor, error) { return tensor.SoftMax(a, 1) },
		"log softmax": func(a, b *tensor.Dense) (tensor.Tensor, error) { return tensor.LogSoftMax(a, 0) },
		"sum":         func(a, b *tensor.Dense) (tensor.Tensor, error) { return tensor.Sum(a, 0) },
		"matmul":      func(a, b *tensor.Dense) (tensor.Tensor, error) { return tensor.MatMul(a, b) },
	}
	for name, f := range tests {
		var out [2]tensor.Tensor
		for i, eng := range []tensor.Engine{e.TensorEngine(), tensor.StdEng{}} {
			z, err := f(dense(eng, v, 3, 4), dense(eng, w, 4, 5))
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			out[i] = z
		}
		if !out[0].Shape().Eq(out[1].Shape()) || !alike(out[0].Data().([]float32), out[1].Data().([]float32)) {
			t.Errorf("%s: %v, want %v", name, out[0], out[1])
		}
	}
	total, err := tensor.Sum(dense(e.TensorEngine(), v, 3, 4))
	if err != nil || !alike(total.(*tensor.Dense).Float32s(), []float32{portableSum(v)}) {
		t.Errorf("sum of all: %v, %v", total, err)
	}
}

func TestOtherTypesGoToTheStandardEngine(t *testing.T) {
	e := New(Options{Workers: 1})
	defer e.Close()
	a := tensor.New(tensor.WithShape(3), tensor.WithBacking([]float64{1, 2, 3}), tensor.WithEngine(e.TensorEngine()))
	z, err := a.Add(a)
	if err != nil || !slices.Equal(z.Data().([]float64), []float64{2, 4, 6}) {
		t.Errorf("%v, %v", z, err)
	}
	x := dense(e.TensorEngine(), []float32{1, 2, 3}, 3)
	if _, err := x.Add(dense(e.TensorEngine(), []float32{1, 2}, 2)); err == nil {
		t.Error("shapes (3) and (2) were added")
	}
	reuse := dense(e.TensorEngine(), make([]float32, 3), 3)
	y, err := tensor.SoftMax(x, 0, tensor.WithReuse(reuse))
	if err != nil || y != tensor.Tensor(reuse) || reuse.Float32s()[2] < 0.6 {
		t.Errorf("softmax with reuse: %v, %v", y, err)
	}
}
