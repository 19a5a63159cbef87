package historical

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"gorgonia.org/tensor"

	"github.com/tailorbird/tailorbird/kernels/cpu"
	"github.com/tailorbird/tailorbird/methods/nn"
)

// near checks a number against one of the specification, section 5.
func near(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tolerance) {
		t.Errorf("%s: %.10g, want %.10g", what, got, want)
	}
}

func newTape(t *testing.T) *nn.Tape {
	e := cpu.New(cpu.Options{Workers: 1})
	t.Cleanup(func() { e.Close() })
	return nn.NewTape(e)
}

func vector(values ...float32) *nn.Var {
	v := nn.NewParam(nil, len(values))
	copy(v.Value.Float32s(), values)
	return v
}

func TestM1AveragesOfConstantsAndRamps(t *testing.T) {
	h := Identity()
	ramp := 0.0
	for k := 1; k <= 20; k++ {
		h = h.Then(EMAUpdate(0.9, 3))
		ramp = EMAUpdate(0.9, float64(k)).Of(ramp)
	}
	near(t, "constant 3", h.B, 3*(1-math.Pow(0.9, 20)), 1e-12)
	near(t, "ramp", ramp, 12.0941899, 1e-7)
	tp, p := newTape(t), vector(5)
	avg, err := nn.NewAverage(tp.E, parameterList{p}, WarmEMA(0.999))
	must(t, err)
	sum := 5.0
	for k := 1; k <= 50; k++ {
		p.Value.Float32s()[0] = float32(k * k % 17)
		sum += float64(k * k % 17)
		must(t, avg.Update())
		near(t, "warm-up", float64(nn.Entries(avg)[0].Var.Value.Float32s()[0]), sum/float64(k+1), 2e-6)
	}
	near(t, "half-life", HalfLife(0.999), 692.8, 0.05)
	near(t, "age of a window", MeanAge(DecayOfWindow(9)), 4, 1e-12)
	near(t, "effective number", EffectiveNumber(DecayOfWindow(9)), 9, 1e-12)
	near(t, "ramp at 0", SigmoidRamp(0, 80), 0.0067379, 1e-7)
	near(t, "ramp at 20", SigmoidRamp(20, 80), 0.06005, 1e-5)
	near(t, "ramp at 40", SigmoidRamp(40, 80), 0.2865, 1e-4)
	near(t, "ramp at 80", SigmoidRamp(80, 80), 1, 0)
}

func TestM1RunningStatisticsAreAveragedOrCopied(t *testing.T) {
	for _, copies := range []bool{false, true} {
		r := newRig(t, "weight_ema", options{"decay": 0.5, "copy_buffers": copies}).train(0, 2)
		avg := r.mechanism().(*weightEMA).average
		own, same, seen := avg.own(), true, false
		for i, entry := range distinct(r.net) {
			if entry.Buffer && entry.Var.Value.Dtype() != tensor.Int64 {
				seen = true
				same = same && apart(own[i].Var.Value.Float32s(), entry.Var.Value.Float32s()) == 0
			}
		}
		if !seen || same != copies {
			t.Errorf("copy_buffers %v: equal to the network's: %v", copies, same)
		}
	}
}

func TestM2MeanOfANoisyQuadratic(t *testing.T) {
	const lambda, eta, sigma, n, runs = 1.0, 0.2, 1.0, 200, 4000
	a := 1 - eta*lambda
	s := eta * sigma * sigma / (lambda * (2 - eta*lambda))
	near(t, "variance of the last", s, 0.1111, 1e-4)
	exact := s / n * ((1+a)/(1-a) - 2*a*(1-math.Pow(a, n))/(n*(1-a)*(1-a)))
	near(t, "variance of the mean", exact, 0.004889, 1e-6)
	rng := rand.New(rand.NewPCG(1, 2))
	var square float64
	for range runs {
		w, mean := math.Sqrt(s)*rng.NormFloat64(), 0.0
		for k := range n {
			w = a*w + eta*sigma*rng.NormFloat64()
			mean += (w - mean) / float64(k+1)
		}
		square += mean * mean / runs
	}
	near(t, "simulated", square, exact, 5*exact*math.Sqrt(2.0/runs))
}

func TestM2Schedule(t *testing.T) {
	s := SWASchedule{0.1, 0.05, 160}
	for at, want := range map[float64]float64{0: 0.1, 79: 0.1, 112: 0.075, 144: 0.05, 300: 0.05} {
		near(t, "rate", s.At(at), want, 1e-12)
	}
}

func TestM3ContractionOnAQuadratic(t *testing.T) {
	for _, c := range []struct {
		alpha, want float64
		cycles      int
	}{{0.5, 0.66384, 1}, {0.5, 0.29254, 3}, {1, math.Pow(0.8, 15), 3}} {
		tp, w := newTape(t), vector(1)
		slow, err := NewSlowWeights(tp.E, parameterList{w}, 5, c.alpha)
		must(t, err)
		for step := range int64(5 * c.cycles) {
			w.Value.Float32s()[0] *= 1 - 0.1*2
			must(t, slow.Stepped(step))
		}
		near(t, "weight", float64(w.Value.Float32s()[0]), c.want, 1e-5)
	}
}

func TestM4Schedules(t *testing.T) {
	s := SnapshotSchedule{0.2, 200, 5}
	for at, want := range map[float64]float64{1: 0.2, 21: 0.1, 40: 0.000308, 41: 0.2} {
		near(t, "snapshot rate", s.At(at-1), want, 1e-6)
	}
	f := FGESchedule{0.05, 0.0001, 4}
	for at, want := range map[float64]float64{0: 0.05, 1: 0.02505, 2: 0.0001, 3: 0.02505} {
		near(t, "FGE rate", f.At(at), want, 1e-12)
	}
}

func TestM4EnsembleOfOneModelIsTheModelAndNeverWorseThanTheMean(t *testing.T) {
	tp := newTape(t)
	rng := rand.New(rand.NewPCG(5, 5))
	var outs []*nn.Var
	var mean float64
	labels := []int64{0, 1, 2, 3, 0, 1}
	nll := func(z []float32) (sum float64) {
		for _, l := range CrossEntropies(z, labels, 4) {
			sum += l / float64(len(labels))
		}
		return sum
	}
	for range 3 {
		z := make([]float32, 24)
		for i := range z {
			z[i] = float32(3 * rng.NormFloat64())
		}
		outs = append(outs, tp.Upload(z, 6, 4))
		mean += nll(z) / 3
	}
	if got := nll(tp.Host(EnsembleLogits(tp, outs))); got > mean {
		t.Errorf("NLL of the ensemble %v, mean %v", got, mean)
	}
	same := EnsembleLogits(tp, []*nn.Var{outs[0], outs[0], outs[0]})
	if d := apart(Softmax(tp.Host(same), 4), Softmax(tp.Host(outs[0]), 4)); d > 1e-6 {
		t.Errorf("three times one model is %g from the model", d)
	}
}

func TestM5ConstantGradient(t *testing.T) {
	const g, steps = 0.5, 7
	run := func(rule string) (directions []float64) {
		r := newRig(t, "moments", options{"rule": rule})
		p := nn.Params(r.net)[0].Var
		for range steps {
			p.Grad = r.e.Borrow(p.Shape()...)
			must(t, r.e.Fill(p.Grad, g))
			must(t, r.mechanism().(*moments).AfterBackward(&Step{}, []*nn.Var{p}))
			directions = append(directions, float64(p.Grad.Float32s()[0]))
			p.Grad = nil
		}
		return directions
	}
	sum := 0.0
	for k, d := range run("sgd") {
		n := float64(k + 1)
		near(t, "momentum", d, g*(1-math.Pow(0.9, n))/0.1, 1e-5)
		sum += d
		near(t, "displacement", sum, g/0.1*(n-0.9*(1-math.Pow(0.9, n))/0.1), 1e-4)
	}
	for _, d := range run("adam") {
		near(t, "adam", d, g/(g+1e-8), 1e-4)
	}
	for _, d := range run("adan") {
		near(t, "adan", d, 1, 1e-4)
	}
	for _, d := range run("radam")[:4] {
		near(t, "radam before its variance is known", d, g, 1e-5)
	}
	for k, d := range run("adamod") { // the bound is the average of steps 1/g from zero
		near(t, "adamod", d, (1-math.Pow(0.999, float64(k+1)))/g*g, 1e-5)
	}
}

func TestM6TargetsOfTemporalEnsembling(t *testing.T) {
	m, got := NewEMA(1, 2, 0.6, true), make([]float32, 2)
	for k := range int64(9) {
		m.Update(0, []float32{0.3, 0.7}, k)
		m.Value(got, 0)
		near(t, "constant", float64(got[0]), 0.3, 1e-7)
	}
	m.Reset()
	m.Update(0, []float32{0.1, 0.9}, 0)
	m.Update(0, []float32{0.6, 0.4}, 1)
	m.Value(got, 0)
	near(t, "two epochs", float64(got[0]), (0.24*0.1+0.4*0.6)/0.64, 1e-7)
}

func TestM7FittedTargets(t *testing.T) {
	p, miss := []float32{0.25, 0.75}, 0.75
	for e := int64(1); e <= 10; e++ {
		target := make([]float32, 2)
		SoftTarget(target, p, 0, PSKDAlpha(0.8, e, 10))
		copy(p, target)
		miss *= 0.8 * float64(e) / 10
	}
	near(t, "after ten epochs", 1-float64(p[0]), miss, 1e-7)
	near(t, "product", miss, 0.75*math.Pow(0.8, 10)*3628800/1e10, 1e-12)
}

func TestM8EverySampleIsSeenTwiceInConsecutiveSteps(t *testing.T) {
	r := newRig(t, "dlb", options{"size": int64(side)})
	for step := range int64(7) {
		b := batchOf(step)
		if step > 0 {
			images, _ := r.mechanism().(*dlb).images.Get()
			if apart(images, batchOf(step-1).Second.Float32s()) != 0 {
				t.Fatalf("step %d: the history is not the second view of the last batch", step)
			}
		}
		r.step(b)
	}
	var tracked []int64
	for _, e := range nn.Entries(r.net) {
		if strings.HasSuffix(e.Name, "num_batches_tracked") {
			tracked = append(tracked, e.Var.Value.Int64s()[0])
		}
	}
	if len(tracked) == 0 || tracked[0] != 13 { // one pass in the first step, two in the others
		t.Errorf("%v passes in seven steps, want 13", tracked)
	}
}
