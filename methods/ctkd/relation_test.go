package ctkd

import (
	"math"
	"slices"
	"testing"

	"github.com/tailorbird/tailorbird/methods/nn"
)

func TestGradientsOfPKTAreTheDerivatives(t *testing.T) {
	teacher := normal(30, 1, 5*8)
	checkGradients(t, [][]float32{normal(31, 1, 5*6)}, [][]int{{5, 6}}, func(tape *nn.Tape, xs []*nn.Var) *nn.Var {
		return tape.Scale(PKT(tape, xs[0], tape.Upload(teacher, 5, 8)), 30000)
	})
}

func TestGradientsOfSPAreTheDerivatives(t *testing.T) {
	teacher := normal(32, 1, 5*3*4)
	checkGradients(t, [][]float32{normal(33, 1, 5*2*9)}, [][]int{{5, 2, 3, 3}}, func(tape *nn.Tape, xs []*nn.Var) *nn.Var {
		return tape.Scale(SP(tape, xs[0], tape.Upload(teacher, 5, 3, 2, 2)), 3000)
	})
}

func TestPKTAndSPOfEqualFeaturesAreZero(t *testing.T) {
	tape := newTape(t)
	x := tape.Upload(normal(34, 1, 6*8), 6, 8)
	near(t, "PKT", number(t, tape, PKT(tape, x, x)), 0, 0)
	near(t, "SP", number(t, tape, SP(tape, x, x)), 0, 0)
	// Both look at angles: the scale of the features does not matter.
	near(t, "PKT of three times the features", number(t, tape, PKT(tape, tape.Scale(x, 3), x)), 0, 1e-8)
	near(t, "SP of three times the features", number(t, tape, SP(tape, tape.Scale(x, 3), x)), 0, 1e-12)
}

func TestPKTAndSPOfZeroFeaturesAreFinite(t *testing.T) {
	tape := newTape(t)
	x := make([]float32, 4*8)
	y := tape.Upload(normal(35, 1, 4*8), 4, 8)
	loss, g := gradients(t, tape, [][]float32{x}, [][]int{{4, 8}}, func(xs []*nn.Var) *nn.Var {
		return tape.Add(PKT(tape, xs[0], y), SP(tape, xs[0], y))
	})
	for _, v := range append(g[0], float32(loss)) {
		if math.IsNaN(float64(v)) {
			t.Fatalf("loss %v, gradients %v", loss, g[0])
		}
	}
}

func TestVIDBeginsWithVarianceFive(t *testing.T) {
	tape := newTape(t)
	v := NewVID(3, 4)
	nn.Initialise(v, 1)
	variance := tape.Host(tape.AddScalar(tape.Softplus(v.LogScale), vidEps))
	for _, x := range variance {
		near(t, "the variance", float64(x), 5, 1e-5)
	}
	// A regressor that gives 0 has the loss (t^2/5 + log 5)/2.
	for i := range 3 {
		clear(v.Regressor[2*i].(*nn.Conv2d).Weight.Value.Float32s())
	}
	s, teacher := tape.Upload(normal(36, 1, 2*3*4*4), 2, 3, 4, 4), tape.Upload(slices.Repeat([]float32{3}, 2*4*4*4), 2, 4, 4, 4)
	near(t, "the loss", number(t, tape, v.Loss(tape, s, teacher)), (9.0/5+math.Log(5))/2, 1e-5)
}

func TestGradientsOfVIDAreTheDerivatives(t *testing.T) {
	for _, tt := range []struct {
		name             string
		student, teacher int // sides
	}{{"maps of one size", 3, 3}, {"a larger student", 6, 3}, {"a larger teacher", 2, 4}} {
		t.Run(tt.name, func(t *testing.T) {
			v := NewVID(2, 3)
			nn.Initialise(v, 4)
			teacher := normal(37, 1, 2*3*tt.teacher*tt.teacher)
			values := [][]float32{normal(38, 1, 2*2*tt.student*tt.student), {0.5, 1, -1}}
			checkGradients(t, values, [][]int{{2, 2, tt.student, tt.student}, {3}}, func(tape *nn.Tape, xs []*nn.Var) *nn.Var {
				v.LogScale = xs[1]
				return v.Loss(tape, xs[0], tape.Upload(teacher, 2, 3, tt.teacher, tt.teacher))
			})
		})
	}
}

func TestGradientsOfSRRLAreTheDerivatives(t *testing.T) {
	s := NewSRRL(4, 5)
	nn.Initialise(s, 4)
	teacher, logits := normal(40, 1, 6*5), normal(41, 1, 6*3)
	head := &nn.Linear{Weight: nn.NewParam(nn.Normal(0, 1), 3, 5), Bias: nn.NewParam(nn.Normal(0, 1), 3)}
	nn.Initialise(head, 2)
	head.Weight.Frozen, head.Bias.Frozen = true, true
	values := [][]float32{normal(42, 1, 6*4), normal(43, 1, 5*4)}
	checkGradients(t, values, [][]int{{6, 4}, {5, 4}}, func(tape *nn.Tape, xs []*nn.Var) *nn.Var {
		s.Map.Weight = xs[1]
		classify := func(f *nn.Var) *nn.Var { return head.Forward(tape, f) }
		return s.Loss(tape, xs[0], tape.Upload(teacher, 6, 5), tape.Upload(logits, 6, 3), classify)
	})
	if head.Weight.Grad != nil || head.Bias.Grad != nil {
		t.Error("the frozen classifier has a gradient")
	}
}
