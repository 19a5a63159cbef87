package ctkd

import (
	"math"
	"slices"
	"testing"

	"github.com/tailorbird/tailorbird/methods/nn"
)

func TestLambdaHasTheReleasesValues(t *testing.T) {
	cifar := []float64{0, 0.0244717419, 0.0954915028, 0.2061073739, 0.3454915028, 0.5, 0.6545084972, 0.7938926261, 0.9045084972, 0.9755282581, 1, 1, 1}
	for e, want := range cifar {
		near(t, "lambda of 10 loops", Curriculum{To: 1, Loops: 10}.Lambda(int64(e)), want, 1e-9)
	}
	for e, want := range []float64{0, 0.0954915028, 0.3454915028, 0.6545084972, 0.9045084972, 1, 1} {
		near(t, "lambda of 5 loops", Curriculum{To: 1, Loops: 5}.Lambda(int64(e)), want, 1e-9)
	}
	for e, want := range []float64{0, .1, .2, .3, .4, .5, .6, .7, .8, .9, .9, .9} {
		near(t, "the straight line", Curriculum{To: 1, Loops: 10, Linear: true}.Lambda(int64(e)), want, 1e-12)
	}
}

func TestLambdaRisesToItsEndAndStays(t *testing.T) {
	for _, n := range []int{1, 2, 5, 10, 37} {
		c := Curriculum{From: 0.25, To: 3, Loops: n}
		for e := range int64(n) {
			if !(c.Lambda(e) < c.Lambda(e+1)) {
				t.Errorf("%d loops: epoch %d has %v, the next one %v", n, e, c.Lambda(e), c.Lambda(e+1))
			}
		}
		for _, e := range []int64{int64(n), int64(n) + 1, 1 << 40} {
			if c.Lambda(e) != 3 {
				t.Errorf("%d loops: epoch %d has %v, want exactly 3", n, e, c.Lambda(e))
			}
		}
		if c.Lambda(0) != 0.25 || c.Lambda(-5) != 0.25 {
			t.Errorf("%d loops begin at %v", n, c.Lambda(0))
		}
	}
	if (Curriculum{To: 2}).Lambda(1) != 2 {
		t.Error("without loops lambda is not what it ends at")
	}
}

func TestGlobalBeginsAsTheRelease(t *testing.T) {
	tape := newTape(t)
	g := NewGlobal(release)
	nn.Initialise(g, 5)
	near(t, "T", number(t, tape, g.Of(tape, nil, nil, 1)), 15.6211715726, 1e-5)
	if e := nn.Entries(g); len(e) != 1 || e[0].Name != "global_T" || !slices.Equal(e[0].Var.Shape(), []int{1}) {
		t.Errorf("entries %+v", e)
	}
}

func TestTheTemperatureStaysInItsRange(t *testing.T) {
	for _, tt := range []struct{ theta, temperature, slope float64 }{
		{0, 11, 5}, {1, 15.6211715726, 3.9322386648}, {2, 18.6159415596, 2.0998717081}, {-2, 3.3840584404, 2.0998717081}, {40, 21, 0}, {-40, 1, 0},
	} {
		tape := newTape(t)
		loss, g := gradients(t, tape, [][]float32{{float32(tt.theta)}}, [][]int{{1}}, func(xs []*nn.Var) *nn.Var {
			return (&Global{release, xs[0]}).Of(tape, nil, nil, -1)
		})
		near(t, "T", loss, tt.temperature, 1e-5)
		near(t, "dT/dtheta", float64(g[0][0]), tt.slope, 1e-5)
		kd := number(t, tape, kd4(tape, tape.Upload([]float32{float32(loss)}, 1)))
		if math.IsNaN(kd) || math.IsInf(kd, 0) {
			t.Errorf("KD at theta %v is %v", tt.theta, kd)
		}
	}
}

func TestTheGradientOfThetaIsReversedAndScaledByLambda(t *testing.T) {
	of := func(lambda float32) float64 {
		tape := newTape(t)
		_, g := gradients(t, tape, [][]float32{{1}}, [][]int{{1}}, func(xs []*nn.Var) *nn.Var {
			return kd4(tape, (&Global{release, xs[0]}).Of(tape, nil, nil, lambda))
		})
		return float64(g[0][0])
	}
	plain := of(-1) // -1 turns the reversal back
	near(t, "the gradient itself", plain, -0.0024928608*3.9322386648, 5e-5)
	for _, lambda := range []float32{1, 0.5, 0.25} { // powers of two are exact
		if got := of(lambda); got != -float64(lambda)*plain {
			t.Errorf("lambda %v: %v, want %v exactly", lambda, got, -float64(lambda)*plain)
		}
	}
	near(t, "of lambda 0.3", of(0.3), -0.3*plain, 1e-7*math.Abs(plain))
	if of(0) != 0 {
		t.Errorf("lambda 0: %v", of(0))
	}
}

func TestTheReversalDoesNotReachTheStudent(t *testing.T) {
	s, teacher := normal(20, 2, 5*7), normal(21, 2, 5*7)
	student := func(module Temperature, lambda float32) []float32 {
		tape := newTape(t)
		_, g := gradients(t, tape, [][]float32{s}, [][]int{{5, 7}}, func(xs []*nn.Var) *nn.Var {
			zt := tape.Upload(teacher, 5, 7)
			return KD(tape, xs[0], zt, module.Of(tape, xs[0], zt, lambda), 0)
		})
		return g[0]
	}
	global, instance := NewGlobal(release), NewInstance(release, 7)
	nn.Initialise(global, 1)
	nn.Initialise(instance, 1)
	copy(instance.FC2.Weight.Value.Float32s(), normal(22, 1, 7))
	for _, module := range []Temperature{global, instance} {
		want := student(module, 0)
		for _, lambda := range []float32{1, 7} {
			if got := student(module, lambda); !slices.Equal(got, want) {
				t.Errorf("%T: lambda %v changes the student's gradient", module, lambda)
			}
		}
	}
	tape := newTape(t)
	fixed := Fixed(number(t, tape, global.Of(tape, nil, nil, 1)))
	if !slices.Equal(student(fixed, 0), student(global, 1)) {
		t.Error("the student's gradient is not that of a fixed temperature")
	}
}

func TestInstanceBeginsAsGlobal(t *testing.T) {
	tape := newTape(t)
	s, teacher := tape.Upload(normal(23, 2, 5*7), 5, 7), tape.Upload(normal(24, 2, 5*7), 5, 7)
	global, instance := NewGlobal(release), NewInstance(release, 7)
	nn.Initialise(global, 3)
	nn.Initialise(instance, 3)
	ti := instance.Of(tape, s, teacher, 1)
	if !slices.Equal(ti.Shape(), []int{5, 1}) {
		t.Fatalf("temperatures of shape %v", ti.Shape())
	}
	tg := global.Of(tape, s, teacher, 1)
	for _, x := range tape.Host(ti) {
		near(t, "T of a sample", float64(x), number(t, tape, tg), 0)
	}
	want := number(t, tape, KD(tape, s, teacher, tg, 0))
	near(t, "KD", number(t, tape, KD(tape, s, teacher, ti, 0)), want, 1e-7*want)
	// What is added to probabilities moves the loss by about T^2 C eps.
	near(t, "KD of the release", number(t, tape, KD(tape, s, teacher, ti, instanceEps)), want, 15.7*15.7*7*1.1e-7+1e-5)
}

func TestGradientsOfInstanceAreTheDerivatives(t *testing.T) {
	s, teacher := normal(25, 2, 4*5), normal(26, 2, 4*5)
	values := [][]float32{normal(27, 0.1, 5*10), {1, -1, 1, 1, -1}, normal(29, 0.3, 5), {-2}} // near T = 3.4, where T^2 KL has enough digits
	shapes := [][]int{{5, 10}, {5}, {1, 5}, {1}}
	checkGradients(t, values, shapes, func(tape *nn.Tape, xs []*nn.Var) *nn.Var {
		m := &Instance{release, &nn.Linear{Weight: xs[0], Bias: xs[1]}, &nn.Linear{Weight: xs[2], Bias: xs[3]}}
		zs, zt := tape.Upload(s, 4, 5), tape.Upload(teacher, 4, 5)
		return KD(tape, zs, zt, m.Of(tape, zs, zt, -1), instanceEps)
	})
}
