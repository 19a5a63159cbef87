package ctkd

import (
	"math/rand/v2"
	"testing"

	"github.com/tailorbird/tailorbird/methods/nn"
)

// The first micro experiment of specs/ctkd.md section 12: frozen random logits, the
// temperature alone learns.
const (
	frozenBatch   = 64
	frozenClasses = 100
)

// frozenLogits are a teacher's, of deviation 2.5 and the true class 12 above, and a
// student's, a part of them and noise.
func frozenLogits(part float64) (student, teacher []float32) {
	rng := rand.New(rand.NewPCG(17, 4))
	for range frozenBatch {
		label := rng.IntN(frozenClasses)
		for c := range frozenClasses {
			z := 2.5 * rng.NormFloat64()
			if c == label {
				z += 12
			}
			teacher = append(teacher, float32(z))
			student = append(student, float32(part*z+rng.NormFloat64()))
		}
	}
	return student, teacher
}

// learnedT is the temperature after so many steps on these logits, ten an epoch.
func learnedT(t *testing.T, student, teacher []float32, sign float64, steps int) float64 {
	t.Helper()
	tape := newTape(t)
	g := NewGlobal(release)
	nn.Initialise(g, 1)
	opt, err := nn.NewOptimiser(tape.E, nn.SGD{Momentum: 0.9}, nn.Group{Params: nn.Params(g), LR: 0.05, Decay: 5e-4})
	if err != nil {
		t.Fatal(err)
	}
	s := Curriculum{To: 1, Loops: 10}
	at := 0.0
	for i := range steps {
		lambda := float32(sign * s.Lambda(int64(i/10)+1))
		temperature := g.Of(tape, nil, nil, lambda)
		at = number(t, tape, temperature)
		loss := KD(tape, tape.Upload(student, frozenBatch, frozenClasses), tape.Upload(teacher, frozenBatch, frozenClasses), temperature, 0)
		if err := tape.Backward(tape.Scale(loss, 0.9)); err != nil {
			t.Fatal(err)
		}
		if err := opt.Step(); err != nil {
			t.Fatal(err)
		}
		opt.ZeroGrad(tape)
		tape.Reset()
	}
	return at
}

// hardestT is where the loss is greatest, by a grid of 0.02.
func hardestT(t *testing.T, student, teacher []float32) float64 {
	t.Helper()
	tape := newTape(t)
	best, where := 0.0, 0.0
	for temperature := 1.0; temperature < 6; temperature += 0.02 {
		s, z := tape.Upload(student, frozenBatch, frozenClasses), tape.Upload(teacher, frozenBatch, frozenClasses)
		if loss := number(t, tape, KD(tape, s, z, tape.Upload([]float32{float32(temperature)}, 1), 0)); loss > best {
			best, where = loss, temperature
		}
		tape.Reset()
	}
	return where
}

func TestTheTemperatureLearnsToBeTheHardest(t *testing.T) {
	if testing.Short() {
		t.Skip("trains for a second")
	}
	for _, part := range []float64{0.1, 0.5, 0.9} {
		student, teacher := frozenLogits(part)
		hardest := hardestT(t, student, teacher)
		if hardest < 1.5 || hardest > 5 {
			t.Errorf("part %v: the loss is greatest at %v: not inside the range", part, hardest)
		}
		near(t, "the learned temperature", learnedT(t, student, teacher, 1, 1500), hardest, 0.1)
	}
}

func TestWithoutReversalTheTemperatureRunsToItsBound(t *testing.T) {
	student, teacher := frozenLogits(0.5)
	if got := learnedT(t, student, teacher, -1, 150); got < 18 {
		t.Errorf("T ends at %v", got)
	}
}

// mixture are points of 20 classes of 3 clusters each in 16 dimensions.
func mixture(n int) (x []float32, labels []int64) {
	const dim, classes, modes = 16, 20, 3
	rng := rand.New(rand.NewPCG(5, 6))
	var centres [classes][modes][dim]float64
	for c := range centres {
		for m := range modes {
			for d := range dim {
				centres[c][m][d] = 1.2 * rng.NormFloat64()
			}
		}
	}
	for range n {
		c, m := rng.IntN(classes), rng.IntN(modes)
		labels = append(labels, int64(c))
		for d := range dim {
			x = append(x, float32(centres[c][m][d]+rng.NormFloat64()))
		}
	}
	return x, labels
}

// perceptron is rectified layers of the given widths and a linear last one.
func perceptron(seed uint64, widths ...int) nn.Sequence {
	var s nn.Sequence
	for i := 1; i < len(widths); i++ {
		if i > 1 {
			s = append(s, nn.Func((*nn.Tape).ReLU))
		}
		s = append(s, nn.NewLinear(widths[i-1], widths[i], true))
	}
	nn.Initialise(s, seed)
	return s
}

// TestTheTemperatureFallsAndStaysInside is the second micro experiment: networks
// that learn, and what the reversal does to the temperature.
func TestTheTemperatureFallsAndStaysInside(t *testing.T) {
	if testing.Short() {
		t.Skip("trains for a second")
	}
	const n, batch, epochs = 1280, 64, 24
	x, labels := mixture(n)
	teacher := perceptron(1, 16, 128, 128, 20)
	tape := newTape(t)
	at := func(i int) (*nn.Var, []int64) {
		return tape.Upload(x[i*16:(i+batch)*16], batch, 16), labels[i : i+batch]
	}
	// fit trains params; loss gets lambda of the epoch.
	fit := func(params []nn.Entry, loss func(in *nn.Var, y []int64, lambda float64) *nn.Var) {
		opt, err := nn.NewOptimiser(tape.E, nn.SGD{Momentum: 0.9}, nn.Group{Params: params, LR: 0.05, Decay: 5e-4})
		if err != nil {
			t.Fatal(err)
		}
		for e := range epochs {
			lambda := Curriculum{To: 1, Loops: 10}.Lambda(int64(e) + 1)
			for i := 0; i < n; i += batch {
				in, y := at(i)
				if err := tape.Backward(loss(in, y, lambda)); err != nil {
					t.Fatal(err)
				}
				if err := opt.Step(); err != nil {
					t.Fatal(err)
				}
				opt.ZeroGrad(tape)
				tape.Reset()
			}
		}
	}
	fit(nn.Params(teacher), func(in *nn.Var, y []int64, _ float64) *nn.Var {
		return tape.CrossEntropy(teacher.Forward(tape, in), ints(y...), nn.CrossEntropy{})
	})
	end := func(sign float64) float64 {
		student, g := perceptron(2, 16, 24, 20), NewGlobal(release)
		nn.Initialise(g, 1)
		temperature := 0.0
		fit(append(nn.Params(student), nn.Params(g)...), func(in *nn.Var, y []int64, lambda float64) *nn.Var {
			var zt *nn.Var
			tape.NoGrad(func() { zt = teacher.Forward(tape, in) })
			zs := student.Forward(tape, in)
			v := g.Of(tape, zs, zt, float32(sign*lambda))
			temperature = number(t, tape, v)
			ce := tape.CrossEntropy(zs, ints(y...), nn.CrossEntropy{})
			return tape.Add(tape.Scale(ce, 0.1), tape.Scale(KD(tape, zs, zt, v, 0), 0.9))
		})
		return temperature
	}
	if got := end(1); got < 1.5 || got > 12 {
		t.Errorf("with reversal T ends at %v, want it well inside (1, 21)", got)
	}
	if got := end(-1); got < 20 {
		t.Errorf("without reversal T ends at %v, want the upper bound", got)
	}
}
