package teskd

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/tailorbird/tailorbird/methods/nn"
)

// TestClosedFormsOfTheDivergence has the values and gradients of specs/teskd.md section
// 10, which central differences confirm there.
func TestClosedFormsOfTheDivergence(t *testing.T) {
	tape := nn.NewTape(newEngine(t))
	for _, c := range []struct {
		temperature, eps float32
		want             float64
		zt, zj           []float64 // gradients, where known
	}{
		{4, 0, 0.7674009337,
			[]float64{0.52319244, -0.42633676, -0.13897473, 0.04211906},
			[]float64{-0.50332386, 0.46129043, 0.10897085, -0.06693742}},
		{4, 1e-7, 0.7674072889, nil, nil},
		{3, 0, 0.8034661812, nil, nil},
	} {
		zt := tape.Input(dense([]float32{3, 1, 0, -1}, 1, 4))
		zj := tape.Input(dense([]float32{1, 2, 0, -2}, 1, 4))
		kl := Soften(tape, zt, c.temperature, c.eps).KL(tape, zj)
		if got := float64(tape.Host(kl)[0]); !near(got, c.want, 3e-6) {
			t.Errorf("T %v, eps %v: %.10f, want %.10f", c.temperature, c.eps, got, c.want)
		}
		if err := tape.Backward(kl); err != nil {
			t.Fatal(err)
		}
		for i := range c.zt {
			if got := float64(zt.Grad.Float32s()[i]); !near(got, c.zt[i], 2e-6) {
				t.Errorf("gradient of the backbone's logit %d: %v, want %v", i, got, c.zt[i])
			}
			if got := float64(zj.Grad.Float32s()[i]); !near(got, c.zj[i], 2e-6) {
				t.Errorf("gradient of the student's logit %d: %v, want %v", i, got, c.zj[i])
			}
		}
		tape.ZeroGrad(zt, zj)
		tape.Reset()
	}
}

// Identical logits leave T^2 C eps.
func TestEpsilonOfIdenticalLogits(t *testing.T) {
	tape := nn.NewTape(newEngine(t))
	z := tape.Const(numbers(rand.New(rand.NewPCG(3, 3)), 6, 100))
	kl := tape.Host(Soften(tape, z, 4, Epsilon).KL(tape, z))[0]
	if !near(float64(kl), 16*100*1e-7, 1e-5) {
		t.Errorf("%v, want %v", kl, 16*100*1e-7)
	}
}

// A divergence is a mean over the batch, a feature loss a sum.
func TestReductionsOfABatchTwiceAsLarge(t *testing.T) {
	tape := nn.NewTape(newEngine(t))
	rng := rand.New(rand.NewPCG(4, 4))
	a, b := tape.Const(numbers(rng, 3, 7)), tape.Const(numbers(rng, 3, 7))
	twice := func(x *nn.Var) *nn.Var { return tape.Concat(0, x, x) }
	one, two := Soften(tape, a, 4, Epsilon).KL(tape, b), Soften(tape, twice(a), 4, Epsilon).KL(tape, twice(b))
	if x, y := tape.Host(one)[0], tape.Host(two)[0]; !near(float64(x), float64(y), 1e-5) {
		t.Errorf("divergences %v and %v", x, y)
	}
	one, two = FeatureLoss(tape, a, b), FeatureLoss(tape, twice(a), twice(b))
	if x, y := tape.Host(one)[0], tape.Host(two)[0]; !near(2*float64(x), float64(y), 1e-4) {
		t.Errorf("feature losses %v and %v", x, y)
	}
}

func TestFeatureLossClosedForms(t *testing.T) {
	tape := nn.NewTape(newEngine(t))
	fill := func(value float32) []float32 {
		v := make([]float32, 2*512)
		for i := range v {
			v[i] = value
		}
		return v
	}
	for _, c := range []struct{ student, teacher, want float32 }{
		{0.7, 0.7, 0}, {0, 1, 1024}, {1, 0, 1024}, {-1, 1, 4 * 1024}, {-1, -2, 0}, {-1, 0, 0},
	} {
		f, ft := tape.Input(dense(fill(c.student), 2, 512)), tape.Input(dense(fill(c.teacher), 2, 512))
		loss := FeatureLoss(tape, f, ft)
		if got := tape.Host(loss)[0]; got != c.want {
			t.Errorf("student %v, backbone %v: %v, want %v", c.student, c.teacher, got, c.want)
		}
		if err := tape.Backward(loss); err != nil {
			t.Fatal(err)
		}
		if ft.Grad != nil && !allZero(ft.Grad.Float32s()) {
			t.Error("a gradient reaches the backbone's feature")
		}
		want := 2 * (c.student - c.teacher)
		if c.want == 0 {
			want = 0
		}
		if got := f.Grad.Float32s()[5]; got != want {
			t.Errorf("student %v, backbone %v: gradient %v, want %v", c.student, c.teacher, got, want)
		}
		tape.ZeroGrad(f, ft)
		tape.Reset()
	}
}

func TestUpsamplingAlignCornersRamp(t *testing.T) {
	tape := nn.NewTape(newEngine(t))
	for _, n := range []int{1, 2, 4} {
		ramp := make([]float32, n*n)
		for i := range ramp {
			ramp[i] = float32(i % n)
		}
		x := tape.Input(dense(ramp, 1, 1, n, n))
		y := resize(tape, x, 2*n, 2*n)
		for i, got := range tape.Host(y) {
			if want := float64(i%(2*n)) * float64(n-1) / float64(2*n-1); !near(float64(got), want, 1e-6) {
				t.Errorf("length %d, element %d: %v, want %v", n, i, got, want)
			}
		}
		// Backward the weights of each result add up to 1.
		if err := tape.Backward(tape.Mean(y, false)); err != nil {
			t.Fatal(err)
		}
		sum := 0.0
		for _, g := range x.Grad.Float32s() {
			sum += float64(g) * float64(n*n)
		}
		if !near(sum, float64(n*n), 1e-5) {
			t.Errorf("length %d: weights add up to %v, want %d", n, sum, n*n)
		}
		tape.ZeroGrad(x)
		tape.Reset()
	}
	flat := tape.Const(dense([]float32{2.5, 2.5, 2.5, 2.5}, 1, 1, 2, 2))
	for _, got := range tape.Host(resize(tape, flat, 4, 4)) {
		if !near(float64(got), 2.5, 1e-6) {
			t.Errorf("a constant map becomes %v", got)
		}
	}
}

// The convolution comes before the interpolation; the definition has it behind.
func TestUpsamplingCommutesWithItsConvolution(t *testing.T) {
	tape := nn.NewTape(newEngine(t))
	rng := rand.New(rand.NewPCG(5, 5))
	u := newUnit(6, 6, 1, false)
	nn.Initialise(u, 5)
	for _, size := range [][3]int{{2, 4, 4}, {3, 6, 6}, {1, 2, 2}, {4, 7, 9}, {4, 4, 4}} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			x := tape.Const(numbers(rng, 2, 6, size[0], size[0]))
			like := tape.Const(numbers(rng, 2, 1, size[1], size[2]))
			got := tape.Host(u.enlarge(tape, x, like))
			want := tape.Host(u.forward(tape, resize(tape, x, size[1], size[2])))
			if err := tape.Err(); err != nil {
				t.Fatal(err)
			}
			worst := 0.0
			for i := range got {
				worst = max(worst, math.Abs(float64(got[i]-want[i])))
			}
			if len(got) != len(want) || worst > 1e-5 {
				t.Errorf("%d results, want %d; they differ by %v", len(got), len(want), worst)
			}
			tape.Reset()
		})
	}
}
