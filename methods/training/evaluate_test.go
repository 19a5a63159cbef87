package training

import (
	"fmt"
	"math"
	"math/rand/v2"
	"sort"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tailorbird/tailorbird/methods/metrics"
)

// measured counts logits in batches of a size.
func measured(t *testing.T, logits []float32, labels []int64, classes, batch int) *Evaluation {
	t.Helper()
	c, err := metrics.NewClassification(classes, calibrationBins)
	if err != nil {
		t.Fatal(err)
	}
	ev := &evaluator{c: c}
	for from := 0; from < len(labels); from += batch {
		to := min(from+batch, len(labels))
		var b Batch
		b.Reserve(to-from, 1, 1)
		copy(b.Labels.Int64s(), labels[from:to])
		for i := range b.Keys {
			b.Keys[i], b.IDs[i] = fmt.Sprintf("k%04d", from+i), int64(from+i)
		}
		if err := ev.add(logits[from*classes:to*classes], &b); err != nil {
			t.Fatal(err)
		}
	}
	return ev.done(nil)
}

func TestAnEvaluationCountsMistakesByTheirDefinition(t *testing.T) {
	t.Parallel()
	const n, classes = 500, 7
	rng := rand.New(rand.NewPCG(1, 1))
	logits, labels := make([]float32, n*classes), make([]int64, n)
	for i := range logits {
		logits[i] = float32(rng.IntN(9)) // whole numbers: many equal confidences
	}
	for i := range labels {
		labels[i] = rng.Int64N(classes)
	}
	got := measured(t, logits, labels, classes, 64)
	for _, batch := range []int{1, 499, 500} {
		if d := cmp.Diff(got, measured(t, logits, labels, classes, batch)); d != "" {
			t.Errorf("batches of %d: %s", batch, d)
		}
	}
	var want []Mistake
	right := 0
	for i, label := range labels {
		row, sum, best := logits[i*classes:(i+1)*classes], 0.0, 0
		for k, v := range row {
			sum += math.Exp(float64(v))
			if v > row[best] {
				best = k
			}
		}
		if best == int(label) {
			right++
			continue
		}
		want = append(want, Mistake{fmt.Sprintf("k%04d", i), int64(i), label, int64(best), math.Exp(float64(row[best])) / sum})
	}
	if got.Top1 != float64(right)/n || got.Samples != n {
		t.Errorf("top1 %g of %d, want %d of %d", got.Top1, got.Samples, right, n)
	}
	sort.Slice(want, func(i, j int) bool {
		a, b := want[i], want[j]
		if math.Abs(a.Confidence-b.Confidence) > 1e-12 {
			return a.Confidence > b.Confidence
		}
		return a.Key < b.Key
	})
	if len(got.Mistakes) != mistakesKept {
		t.Fatalf("%d mistakes", len(got.Mistakes))
	}
	for i, m := range got.Mistakes {
		if math.Abs(m.Confidence-want[i].Confidence) > 1e-12 || m.Predicted != labelsOf(logits, m.ID, classes) || m.Truth != labels[m.ID] {
			t.Errorf("mistake %d is %+v, want %+v", i, m, want[i])
		}
	}
}

func labelsOf(logits []float32, id int64, classes int) int64 {
	return int64(argmax(logits[id*int64(classes) : (id+1)*int64(classes)]))
}

func TestARunWithoutEvaluationEnds(t *testing.T) {
	t.Parallel()
	c := small(t, t.TempDir())
	c.Eval = nil
	r := trained(t, c)
	if r.Eval != nil || r.Best != nil || r.Steps != 18 || lines(text(t, c.Dir, metricsFile)) != 3 {
		t.Errorf("%+v", r)
	}
}
