package training

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/ops"
	"github.com/tailorbird/tailorbird/methods/metrics"
	"github.com/tailorbird/tailorbird/methods/nn"
)

// Evaluation measures a classifier on a split. It follows from the weights, the
// split and the size of its batches alone.
type Evaluation struct {
	Samples   int       `json:"samples"`
	Loss      float64   `json:"loss"` // mean negative log likelihood, nats
	Top1      float64   `json:"top1"`
	Top5      float64   `json:"top5"`
	ECE       float64   `json:"ece"` // expected calibration error, 15 bins
	Classes   []string  `json:"classes"`
	Confusion [][]int64 `json:"confusion"` // [true class][predicted class]
	Mistakes  []Mistake `json:"mistakes"`  // the most confident ones, worst first
}

// Mistake is a sample that was given a wrong class.
type Mistake struct {
	Key        string  `json:"key"`
	ID         int64   `json:"id"`
	Truth      int64   `json:"truth"`
	Predicted  int64   `json:"predicted"`
	Confidence float64 `json:"confidence"` // probability of the predicted class
}

// mistakesKept is how many mistakes an Evaluation names.
const mistakesKept = 32

// calibrationBins is the number of bins of the calibration error.
const calibrationBins = 15

// evaluator sums over the batches of a split.
type evaluator struct {
	c        *metrics.Classification
	mistakes []Mistake
}

// evaluate measures the network as it is.
func (t *Trainer) evaluate(ctx context.Context, src Eval) (*Evaluation, error) {
	c, err := metrics.NewClassification(t.run.Classes, calibrationBins)
	if err != nil {
		return nil, err
	}
	if err := src.Epoch(0); err != nil {
		return nil, err
	}
	ev := &evaluator{c: c}
	host := &Batch{Want: t.c.EvalBatch, Views: 1}
	images, labels := &borrowed{}, &borrowed{index: true}
	defer func() {
		t.e.Release(images.t)
		t.e.Release(labels.t)
		t.tape.Reset()
	}()
	t.tape.Training = false
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := src.Next(ctx, host); errors.Is(err, io.EOF) {
			return ev.done(src.Classes()), nil
		} else if err != nil {
			return nil, err
		}
		x, err := images.hold(t.e, host.Images)
		if err != nil {
			return nil, err
		}
		var logits []float32
		t.tape.NoGrad(func() {
			y := t.method.Predict(t.tape, t.tape.Const(x))
			if t.tape.Err() == nil && ops.Size(y.Shape()) == len(host.Keys)*t.run.Classes {
				logits = t.tape.Host(y)
			}
		})
		if err := t.tape.Err(); err != nil {
			return nil, err
		}
		if logits == nil {
			return nil, fault.New(fault.Bug, "training: method %s predicts no (%d, %d) logits", t.method.Name(), len(host.Keys), t.run.Classes)
		}
		t.tape.Reset()
		if err := ev.add(logits, host); err != nil {
			var d *Diverged
			if errors.As(err, &d) {
				d.Step, d.Epoch = t.state.Step, t.state.Epoch
				d.Where, d.Layer = t.badWeights()
			}
			return nil, err
		}
	}
}

// badWeights names the first entry that is not finite; logits where all are.
func (t *Trainer) badWeights() (where, layer string) {
	for _, e := range nn.Entries(model{t.net, t.method}) {
		if !t.isFinite(e.Var.Value) {
			return "weights", e.Name
		}
	}
	return "logits", ""
}

// add counts a batch.
func (ev *evaluator) add(logits []float32, b *Batch) error {
	classes, labels := ev.c.Classes, b.Labels.Int64s()
	for i, label := range labels {
		if label < 0 || label >= int64(classes) {
			return fault.At(fault.New(fault.InvalidAnnotation, "training: label %d, there are %d classes", label, classes), fault.Place{Key: b.Keys[i]})
		}
	}
	for i, v := range logits {
		if !finite(float64(v)) {
			return &Diverged{What: "evaluation", Value: fmt.Sprint(v), Keys: []string{b.Keys[i/classes]}}
		}
	}
	if err := ev.c.Add(logits, labels); err != nil {
		return err
	}
	for i, label := range labels {
		row := logits[i*classes : (i+1)*classes]
		if p := argmax(row); p != int(label) {
			ev.mistakes = append(ev.mistakes, Mistake{b.Keys[i], b.IDs[i], label, int64(p), confidence(row, p)})
		}
	}
	ev.trim()
	return nil
}

// confidence is the softmax of logit p.
func confidence(logits []float32, p int) float64 {
	sum := 0.0
	for _, v := range logits {
		sum += math.Exp(float64(v) - float64(logits[p]))
	}
	return 1 / sum
}

// trim keeps the worst mistakes. Equal ones go by key, so that the order in which
// they came does not count.
func (ev *evaluator) trim() {
	slices.SortStableFunc(ev.mistakes, func(a, b Mistake) int {
		switch {
		case a.Confidence > b.Confidence:
			return -1
		case a.Confidence < b.Confidence:
			return 1
		}
		return strings.Compare(a.Key, b.Key)
	})
	ev.mistakes = ev.mistakes[:min(len(ev.mistakes), mistakesKept)]
}

func (ev *evaluator) done(classes []string) *Evaluation {
	c := ev.c
	out := &Evaluation{
		Samples: c.Count, Loss: c.NLL(), Top1: c.TopK(1), Top5: c.TopK(5), ECE: c.ECE(),
		Classes: classes, Mistakes: ev.mistakes, Confusion: make([][]int64, c.Classes),
	}
	for i := range out.Confusion {
		out.Confusion[i] = c.Confusion[i*c.Classes : (i+1)*c.Classes]
	}
	return out
}
