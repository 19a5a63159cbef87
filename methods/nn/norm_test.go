package nn

import "testing"

func TestGradientsOfReductions(t *testing.T) {
	tests := map[string]func(tp *Tape, x *Var, axes ...int) *Var{
		"sum":       func(tp *Tape, x *Var, axes ...int) *Var { return tp.Sum(x, false, axes...) },
		"sum kept":  func(tp *Tape, x *Var, axes ...int) *Var { return tp.Sum(x, true, axes...) },
		"mean":      func(tp *Tape, x *Var, axes ...int) *Var { return tp.Mean(x, false, axes...) },
		"max":       func(tp *Tape, x *Var, axes ...int) *Var { return tp.Max(x, false, axes...) },
		"min":       func(tp *Tape, x *Var, axes ...int) *Var { return tp.Min(x, true, axes...) },
		"var":       func(tp *Tape, x *Var, axes ...int) *Var { return tp.Var(x, 1, false, axes...) },
		"norm":      func(tp *Tape, x *Var, axes ...int) *Var { return tp.Norm(x, false, axes...) },
		"logsumexp": func(tp *Tape, x *Var, axes ...int) *Var { return tp.LogSumExp(x, axes[0]) },
		"cumsum":    func(tp *Tape, x *Var, axes ...int) *Var { return tp.CumSum(x, axes[0]) },
		"softmax":   func(tp *Tape, x *Var, axes ...int) *Var { return tp.Softmax(x, axes[0]) },
		"log softmax": func(tp *Tape, x *Var, axes ...int) *Var {
			return tp.LogSoftmax(x, axes[0])
		},
		"l2 normalise": func(tp *Tape, x *Var, axes ...int) *Var { return tp.L2Normalize(x, axes[0], 1e-12) },
	}
	for name, f := range tests {
		t.Run(name, func(t *testing.T) {
			for _, axes := range [][]int{{0}, {1}, {-1}, {1, 3}, {3, 0, 1}} {
				checkGradients(t, func(tp *Tape, xs []*Var) *Var { return f(tp, xs[0], axes...) }, []int{2, 4, 3, 5})
			}
			checkGradients(t, func(tp *Tape, xs []*Var) *Var { return f(tp, xs[0], 0) }, []int{9})
		})
	}
}

func TestGradientsOfLargeReductions(t *testing.T) {
	for _, axes := range [][]int{{0}, {1}} {
		checkGradients(t, func(tp *Tape, xs []*Var) *Var { return tp.Scale(tp.Sum(tp.Square(xs[0]), false, axes...), 0.01) }, []int{700, 3})
	}
}

func TestGradientsOfNorms(t *testing.T) {
	images := [][]int{{3, 4, 2, 3}, {2, 4, 5, 5}, {5, 4}, {2, 4, 7}}
	for _, s := range images {
		c := []int{4}
		for _, relu := range []bool{false, true} {
			for _, training := range []bool{true, false} {
				checkGradients(t, func(tp *Tape, xs []*Var) *Var {
					tp.Training = training
					mean, variance := NewBuffer(0.1, 4), NewBuffer(1.3, 4)
					return tp.BatchNorm(xs[0], xs[1], xs[2], mean, variance, BatchNorm{ReLU: relu})
				}, s, c, c)
			}
		}
		checkGradients(t, func(tp *Tape, xs []*Var) *Var { return tp.BatchNorm(xs[0], nil, nil, nil, nil, BatchNorm{Eps: 1e-3}) }, s)
		checkGradients(t, func(tp *Tape, xs []*Var) *Var { return tp.LayerNormChannels(xs[0], xs[1], xs[2], 1e-5) }, s, c, c)
		checkGradients(t, func(tp *Tape, xs []*Var) *Var { return tp.GroupNorm(xs[0], xs[1], xs[2], 2, 1e-5) }, s, c, c)
		if len(s) > 2 {
			checkGradients(t, func(tp *Tape, xs []*Var) *Var { return tp.InstanceNorm(xs[0], xs[1], xs[2], 1e-5) }, s, c, c)
		}
	}
}

func TestGradientsOfRowNorms(t *testing.T) {
	for _, s := range [][]int{{3, 7}, {2, 3, 16}, {4, 33}} {
		last := s[len(s)-1:]
		checkGradients(t, func(tp *Tape, xs []*Var) *Var { return tp.LayerNorm(xs[0], xs[1], xs[2], 1e-5) }, s, last, last)
		checkGradients(t, func(tp *Tape, xs []*Var) *Var { return tp.LayerNorm(xs[0], nil, nil, 1e-5) }, s)
		checkGradients(t, func(tp *Tape, xs []*Var) *Var { return tp.RMSNorm(xs[0], xs[1], 1e-5) }, s, last)
	}
	s := []int{3, 4, 5}
	checkGradients(t, func(tp *Tape, xs []*Var) *Var { return tp.LayerNorm(xs[0], xs[1], xs[2], 1e-5) }, s, s[1:], s[1:])
	checkGradients(t, func(tp *Tape, xs []*Var) *Var { return tp.LayerNorm(xs[0], nil, xs[1], 1e-5) }, s, s[2:])
}

func TestRunningStatisticsAreUpdatedInTrainingOnly(t *testing.T) {
	tp := newTape(t)
	x := NewParam(nil, 4, 1)
	copy(x.Value.Float32s(), []float32{1, 2, 3, 6})
	mean, variance := NewBuffer(0, 1), NewBuffer(1, 1)
	tp.BatchNorm(x, nil, nil, mean, variance, BatchNorm{})
	wantValues(t, mean, 0.3)
	wantValues(t, variance, 0.9+0.1*14/3)
	tp.BatchNorm(x, nil, nil, mean, variance, BatchNorm{Momentum: -1})
	tp.Training = false
	tp.BatchNorm(x, nil, nil, mean, variance, BatchNorm{})
	wantValues(t, mean, 0.3)
	tp.Training = true
	tp.Checkpoint(func(x *Var) *Var { return tp.BatchNorm(x, nil, nil, mean, variance, BatchNorm{Momentum: 1}) }, x)
	wantValues(t, mean, 3)
	if err := tp.Err(); err != nil {
		t.Fatal(err)
	}
	one := NewParam(nil, 1, 3)
	if tp.BatchNorm(one, nil, nil, nil, nil, BatchNorm{}); tp.Err() == nil {
		t.Error("one value a channel has no variance")
	}
}

func wantValues(t *testing.T, v *Var, want ...float32) {
	t.Helper()
	for i, x := range v.Value.Float32s() {
		if d := x - want[i]; d > 1e-6 || d < -1e-6 {
			t.Errorf("values %v, want %v", v.Value.Float32s(), want)
			return
		}
	}
}
