package nn

import (
	"math"
	"testing"
)

func TestGradientsOfLosses(t *testing.T) {
	tests := map[string]func(tp *Tape, x, target *Var, r Reduction) *Var{
		"mse":       (*Tape).MSE,
		"l1":        (*Tape).L1,
		"smooth l1": func(tp *Tape, x, y *Var, r Reduction) *Var { return tp.SmoothL1(x, y, 0.53, r) },
		"l1 as smooth": func(tp *Tape, x, y *Var, r Reduction) *Var {
			return tp.SmoothL1(x, y, 0, r)
		},
		"huber": func(tp *Tape, x, y *Var, r Reduction) *Var { return tp.Huber(x, y, 0.71, r) },
		"bce": func(tp *Tape, x, y *Var, r Reduction) *Var {
			return tp.BCEWithLogits(x, tp.Sigmoid(y), BCE{Reduction: r})
		},
		"bce weighted": func(tp *Tape, x, y *Var, r Reduction) *Var {
			w := tp.Upload([]float32{1, 2, 0.5, 3, 1}, 5)
			return tp.BCEWithLogits(x, tp.Sigmoid(y), BCE{w, w, r})
		},
		"focal": func(tp *Tape, x, y *Var, r Reduction) *Var { return tp.FocalLoss(x, tp.Sigmoid(y), 0.25, 2, r) },
		"focal without alpha": func(tp *Tape, x, y *Var, r Reduction) *Var {
			return tp.FocalLoss(x, tp.Sigmoid(y), -1, 1.5, r)
		},
		"kl div": func(tp *Tape, x, y *Var, r Reduction) *Var { return tp.KLDiv(tp.LogSoftmax(x, 1), tp.Softmax(y, 1), r) },
		"kl div log": func(tp *Tape, x, y *Var, r Reduction) *Var {
			return tp.KLDivLog(tp.LogSoftmax(x, 1), tp.LogSoftmax(y, 1), r)
		},
		"kd": func(tp *Tape, x, y *Var, r Reduction) *Var { return tp.KDLossBy(x, y, 4, r) },
		"cosine": func(tp *Tape, x, y *Var, r Reduction) *Var {
			return tp.reduceLoss(tp.CosineSimilarity(x, y, 1, 1e-8), r)
		},
		"soft cross entropy": func(tp *Tape, x, y *Var, r Reduction) *Var {
			w := tp.Upload([]float32{1, 2, 0.5, 3, 1}, 5)
			return tp.SoftCrossEntropy(x, tp.Softmax(y, 1), CrossEntropy{Weight: w, LabelSmoothing: 0.1, Reduction: r})
		},
		"giou": func(tp *Tape, x, y *Var, r Reduction) *Var {
			return tp.GIoULoss(asBoxes(tp, x), asBoxes(tp, y), 1e-7, r)
		},
		"diou": func(tp *Tape, x, y *Var, r Reduction) *Var {
			return tp.DIoULoss(asBoxes(tp, x), asBoxes(tp, y), 1e-7, r)
		},
	}
	for name, f := range tests {
		t.Run(name, func(t *testing.T) {
			for _, r := range []Reduction{ReduceMean, ReduceSum, ReduceNone, ReduceBatchMean} {
				checkGradients(t, func(tp *Tape, xs []*Var) *Var {
					return f(tp, xs[0], tp.Affine(xs[1], 0.9, 0.0137), r)
				}, []int{6, 5}, []int{6, 5})
			}
		})
	}
}

// asBoxes makes boxes of positive size of any (n, 5).
func asBoxes(tp *Tape, x *Var) *Var {
	corner, size := tp.Slice(x, 1, 0, 2), tp.Exp(tp.Slice(x, 1, 2, 4))
	return tp.Concat(1, corner, tp.Add(corner, size))
}

func TestGradientsOfCrossEntropy(t *testing.T) {
	weight := []float32{1, 2, 0.5, 3, 1}
	ignore := int64(3)
	for _, r := range []Reduction{ReduceMean, ReduceSum, ReduceNone, ReduceBatchMean} {
		for _, p := range []CrossEntropy{
			{}, {LabelSmoothing: 0.2}, {Weight: param(weight...)}, {Weight: param(weight...), LabelSmoothing: 0.1, IgnoreIndex: &ignore},
		} {
			p.Reduction = r
			labels := hostTensor([]int64{0, 4, 3, 1, 3, 2}, []int{6})
			build := func(tp *Tape, xs []*Var) *Var { return tp.CrossEntropy(xs[0], labels, p) }
			checkGradients(t, build, []int{6, 5})
			labels = hostTensor([]int64{0, 4, 3, 1, 3, 2}, []int{2, 1, 3})
			checkGradients(t, build, []int{2, 5, 1, 3})
		}
	}
}

func TestCrossEntropyLeavesIgnoredLabelsOut(t *testing.T) {
	tp := newTape(t)
	x := NewParam(nil, 3, 2)
	copy(x.Value.Float32s(), []float32{0, 0, 5, -5, 1000, -1000})
	y := tp.CrossEntropy(x, hostTensor([]int64{1, -100, 0}, []int{3}), CrossEntropy{})
	if got := tp.Host(y)[0]; math.Abs(float64(got)-math.Ln2/2) > 1e-6 {
		t.Errorf("loss %v, want %v", got, math.Ln2/2)
	}
	y = tp.CrossEntropy(x, hostTensor([]int64{-100, -100, -100}, []int{3}), CrossEntropy{})
	if got := tp.Host(y)[0]; got == got {
		t.Errorf("a mean over no label is %v", got)
	}
}

func TestGradientOfCIoUTreatsAlphaAsConstant(t *testing.T) {
	tp := newTape(t)
	a, b := NewParam(nil, 1, 4), NewParam(nil, 1, 4)
	copy(a.Value.Float32s(), []float32{0, 0, 2, 1})
	copy(b.Value.Float32s(), []float32{0.5, 0, 2, 3})
	loss := tp.Keep(tp.CIoULoss(a, b, 1e-7, ReduceSum))
	// intersection 1.5, union 2 + 4.5 - 1.5, centres (1, .5) and (1.25, 1.5), hull 2 x 3
	iou, v := 1.5/5, 4/math.Pi/math.Pi*math.Pow(math.Atan(0.5)-math.Atan(2), 2)
	want := 1 - iou + 1.0625/13 + v*v/(1-iou+v)
	if got := tp.Host(loss)[0]; math.Abs(float64(got)-want) > 1e-5 {
		t.Errorf("loss %v, want %v", got, want)
	}
	if err := tp.Backward(loss); err != nil {
		t.Fatal(err)
	}
	if a.Grad == nil || b.Grad == nil {
		t.Error("no gradient")
	}
}
