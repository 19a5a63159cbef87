package ctkd

import (
	"math"
	"slices"
	"testing"

	"github.com/tailorbird/tailorbird/methods/nn"
)

// The logits of specs/ctkd.md section 12.
var (
	teacher4 = []float32{3, 1, 0, -1}
	student4 = []float32{1, 2, 0, -2}
)

func kd4(tape *nn.Tape, temperature *nn.Var) *nn.Var {
	return KD(tape, tape.Upload(student4, 1, 4), tape.Upload(teacher4, 1, 4), temperature, 0)
}

func TestKDHasTheClosedFormsOfTheSpecification(t *testing.T) {
	tape := newTape(t)
	at := func(temperature float32) (loss, slope float64) {
		loss, g := gradients(t, tape, [][]float32{{temperature}}, [][]int{{1}}, func(xs []*nn.Var) *nn.Var { return kd4(tape, xs[0]) })
		return loss, float64(g[0][0])
	}
	for _, tt := range []struct{ temperature, loss, slope float64 }{
		{1, 0.7992017300, 0.2862578536},
		{2, 0.8498712626, -0.0421351406},
		{4, 0.7674009337, -0.0298628677},
		{15.6211716, 0.6645515509, -0.0024928608},
	} {
		loss, slope := at(float32(tt.temperature))
		near(t, "T^2 KL", loss, tt.loss, 3e-7*(1+tt.temperature*tt.temperature)) // T^2 times what float32 rounds
		near(t, "its slope", slope, tt.slope, 2e-5)
	}
	// In float32 the limit of large T is seen at 50 only: 0.625 + O(1/T).
	loss, _ := at(50)
	near(t, "T^2 KL near the limit", loss, 0.6376, 2e-3)

	best, where := 0.0, 0.0
	for temperature := 1.0; temperature < 3; temperature += 0.01 {
		if loss, _ := at(float32(temperature)); loss > best {
			best, where = loss, temperature
		}
	}
	near(t, "the maximum", best, 0.86087, 2e-5)
	near(t, "its place", where, 1.579, 0.1)
}

func TestDKDHasTheClosedFormsOfTheSpecification(t *testing.T) {
	tape := newTape(t)
	target, nontarget := DKD(tape, tape.Upload(student4, 1, 4), tape.Upload(teacher4, 1, 4), tape.Upload([]float32{4}, 1), ints(0))
	tckd, nckd := number(t, tape, target), number(t, tape, nontarget)
	near(t, "TCKD", tckd, 0.5810882729, 1e-5)
	near(t, "NCKD", nckd, 0.3150904237, 1e-5)
	sum := 0.0
	for _, z := range teacher4 {
		sum += math.Exp(float64(z) / 4)
	}
	p := math.Exp(float64(teacher4[0])/4) / sum
	near(t, "TCKD + (1-p_y) NCKD", tckd+(1-p)*nckd, 0.7674009337, 2e-5)
}

func TestKDIsThePlainLossAtTemperatureOne(t *testing.T) {
	tape := newTape(t)
	s, teacher := tape.Upload(normal(1, 2, 6*9), 6, 9), tape.Upload(normal(2, 2, 6*9), 6, 9)
	for _, temperature := range []float32{1, 4} {
		got := number(t, tape, KD(tape, s, teacher, Fixed(temperature).Of(tape, s, teacher, 0), 0))
		near(t, "the loss", got, number(t, tape, tape.KDLoss(s, teacher, temperature)), 1e-5)
	}
}

func TestKDOfEqualLogitsIsZeroWithItsGradients(t *testing.T) {
	z := normal(3, 2, 5*7)
	for _, temperature := range []float32{1.01, 4, 20.9} {
		tape := newTape(t)
		loss, g := gradients(t, tape, [][]float32{z, {temperature}}, [][]int{{5, 7}, {1}}, func(xs []*nn.Var) *nn.Var {
			return KD(tape, xs[0], tape.Upload(z, 5, 7), xs[1], 0)
		})
		near(t, "the loss", loss, 0, 0)
		for _, x := range append(g[0], g[1]...) {
			near(t, "a gradient", float64(x), 0, 1e-6)
		}
	}
}

func TestAConstantOnAllLogitsChangesNothing(t *testing.T) {
	tape := newTape(t)
	s, teacher := normal(4, 2, 5*7), normal(5, 2, 5*7)
	at := func(off float32, labels ...int64) (kd, tckd, nckd float64) {
		zs, zt := tape.AddScalar(tape.Upload(s, 5, 7), off), tape.Upload(teacher, 5, 7)
		temperature := tape.Upload([]float32{3}, 1)
		a, b := DKD(tape, zs, zt, temperature, ints(labels...))
		return number(t, tape, KD(tape, zs, zt, temperature, 0)), number(t, tape, a), number(t, tape, b)
	}
	k0, t0, n0 := at(0, 0, 1, 2, 3, 4)
	k1, t1, n1 := at(8, 0, 1, 2, 3, 4)
	near(t, "KD", k1, k0, 1e-4)
	near(t, "TCKD", t1, t0, 1e-4)
	near(t, "NCKD", n1, n0, 1e-4)
}

func TestCopiesOfASampleHaveItsLoss(t *testing.T) {
	tape := newTape(t)
	temperature := tape.Upload([]float32{4}, 1)
	want := number(t, tape, kd4(tape, temperature))
	s, teacher := slices.Repeat(student4, 6), slices.Repeat(teacher4, 6)
	got := number(t, tape, KD(tape, tape.Upload(s, 6, 4), tape.Upload(teacher, 6, 4), temperature, 0))
	near(t, "the loss of six", got, want, 1e-6)
}

func TestGradientsOfKDAreTheDerivatives(t *testing.T) {
	teacher := normal(6, 2, 4*6)
	checkGradients(t, [][]float32{normal(7, 2, 4*6), {2.5}}, [][]int{{4, 6}, {1}}, func(tape *nn.Tape, xs []*nn.Var) *nn.Var {
		return KD(tape, xs[0], tape.Upload(teacher, 4, 6), xs[1], 0)
	})
	t.Run("of theta", func(t *testing.T) {
		checkGradients(t, [][]float32{{-2}}, [][]int{{1}}, func(tape *nn.Tape, xs []*nn.Var) *nn.Var {
			g := &Global{release, xs[0]}
			return kd4(tape, g.Of(tape, nil, nil, -1)) // lambda -1: the gradient as it is
		})
	})
	t.Run("of a temperature for each sample", func(t *testing.T) {
		checkGradients(t, [][]float32{{1.5, 2, 4, 9}}, [][]int{{4, 1}}, func(tape *nn.Tape, xs []*nn.Var) *nn.Var {
			return KD(tape, tape.Upload(normal(7, 2, 4*6), 4, 6), tape.Upload(teacher, 4, 6), xs[0], instanceEps)
		})
	})
}

// TestTheSlopeInTHasItsAnalyticForm: d(T^2 KL)/dT = 2T KL - Cov_p(z_t, z_t-z_s)/T +
// (E_p[z_s] - E_q[z_s]).
func TestTheSlopeInTHasItsAnalyticForm(t *testing.T) {
	const c = 8
	for _, temperature := range []float64{1.3, 4, 12} {
		s, teacher := normal(8, 2, c), normal(9, 2, c)
		p, q := softmax64(teacher, temperature), softmax64(s, temperature)
		var kl, ep, et, eq, ett, ets float64
		for i := range c {
			zt, zs := float64(teacher[i]), float64(s[i])
			kl += p[i] * math.Log(p[i]/q[i])
			et, ep, eq = et+p[i]*zt, ep+p[i]*zs, eq+q[i]*zs
			ett, ets = ett+p[i]*zt*zt, ets+p[i]*zt*zs
		}
		want := 2*temperature*kl - ((ett-et*et)-(ets-et*ep))/temperature + ep - eq
		tape := newTape(t)
		_, g := gradients(t, tape, [][]float32{{float32(temperature)}}, [][]int{{1}}, func(xs []*nn.Var) *nn.Var {
			return KD(tape, tape.Upload(s, 1, c), tape.Upload(teacher, 1, c), xs[0], 0)
		})
		near(t, "the slope", float64(g[0][0]), want, 1e-4*max(1, math.Abs(want)))
	}
}

func softmax64(z []float32, temperature float64) []float64 {
	p, sum := make([]float64, len(z)), 0.0
	for i, x := range z {
		p[i] = math.Exp(float64(x) / temperature)
		sum += p[i]
	}
	for i := range p {
		p[i] /= sum
	}
	return p
}

func TestGradientsOfDKDAreTheDerivatives(t *testing.T) {
	teacher := normal(10, 2, 4*6)
	for part, name := range []string{"target", "nontarget"} {
		t.Run(name, func(t *testing.T) {
			checkGradients(t, [][]float32{normal(11, 2, 4*6), {2.5}}, [][]int{{4, 6}, {1}}, func(tape *nn.Tape, xs []*nn.Var) *nn.Var {
				a, b := DKD(tape, xs[0], tape.Upload(teacher, 4, 6), xs[1], ints(0, 5, 2, 2))
				return []*nn.Var{a, b}[part]
			})
		})
	}
}

// TestDKDStaysFiniteWhereAProbabilityRoundsTo0Or1 is the release's NaN in the first
// iterations (specs/ctkd.md section 11, point 5).
func TestDKDStaysFiniteWhereAProbabilityRoundsTo0Or1(t *testing.T) {
	far := []float32{300, -300, 0, 10}
	other := []float32{-300, 300, 5, 0}
	for _, label := range []int64{0, 1, 2} {
		tape := newTape(t)
		loss, g := gradients(t, tape, [][]float32{far, {1}}, [][]int{{1, 4}, {1}}, func(xs []*nn.Var) *nn.Var {
			a, b := DKD(tape, xs[0], tape.Upload(other, 1, 4), xs[1], ints(label))
			return tape.Add(a, b)
		})
		for _, x := range append(append([]float32{float32(loss)}, g[0]...), g[1]...) {
			if f := float64(x); math.IsNaN(f) || math.IsInf(f, 0) {
				t.Errorf("label %d: %v, gradients %v", label, loss, g)
			}
		}
	}
}
