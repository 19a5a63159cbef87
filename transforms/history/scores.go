package history

import (
	"reflect"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/methods/historical"
)

// Score is a sample's cumulative centred loss.
type Score struct {
	ID     int64
	Score  float64
	Epochs int64
}

// Mean is the mean loss of an epoch.
type Mean struct {
	Epoch int64
	Loss  float64
}

func init() {
	beam.RegisterType(reflect.TypeOf((*Score)(nil)).Elem())
	beam.RegisterType(reflect.TypeOf((*Mean)(nil)).Elem())
	beam.RegisterType(reflect.TypeOf((*meanFn)(nil)).Elem())
	beam.RegisterType(reflect.TypeOf((*meanState)(nil)).Elem())
	beam.RegisterDoFn(reflect.TypeOf((*lossFn)(nil)).Elem())
	beam.RegisterDoFn(reflect.TypeOf((*epochFn)(nil)).Elem())
	beam.RegisterDoFn(reflect.TypeOf((*scoreFn)(nil)).Elem())
	register.Emitter2[int64, float64]()
	register.Emitter1[Mean]()
	register.Emitter1[Score]()
	register.Iter1[Mean]()
}

// O2UScores are two combines: the mean loss of each epoch, as a side input, and the sum
// over a sample's epochs of its loss minus that mean (O2U-Net, ICCV 2019). A Score a sample.
func O2UScores(s beam.Scope, observations beam.PCollection) beam.PCollection {
	s = s.Scope("history.O2UScores")
	losses := beam.ParDo(s, &lossFn{}, observations)
	means := beam.ParDo(s, &epochFn{}, beam.CombinePerKey(s, &meanFn{}, losses))
	return beam.ParDo(s, &scoreFn{}, byID(s, observations), beam.SideInput{Input: means})
}

type lossFn struct{}

// ProcessElement emits the loss under its epoch.
func (fn *lossFn) ProcessElement(o Observation, emit func(int64, float64)) { emit(o.Epoch, o.Loss) }

// meanFn is the mean of doubles, summed without rounding.
type meanFn struct{}

type meanState struct {
	Parts []float64
	Count int64
}

func (fn *meanFn) CreateAccumulator() meanState { return meanState{} }

func (fn *meanFn) AddInput(a meanState, x float64) meanState {
	sum := historical.ExactSum{Parts: a.Parts}
	sum.Add(x)
	return meanState{sum.Parts, a.Count + 1}
}

func (fn *meanFn) MergeAccumulators(a, b meanState) meanState {
	sum := historical.ExactSum{Parts: a.Parts}
	sum.Merge(historical.ExactSum{Parts: b.Parts})
	return meanState{sum.Parts, a.Count + b.Count}
}

func (fn *meanFn) ExtractOutput(a meanState) float64 {
	sum := historical.ExactSum{Parts: a.Parts}
	return sum.Value() / float64(max(a.Count, 1))
}

type epochFn struct{}

// ProcessElement turns a pair into a Mean.
func (fn *epochFn) ProcessElement(epoch int64, mean float64, emit func(Mean)) {
	emit(Mean{epoch, mean})
}

type scoreFn struct{}

// ProcessElement emits the sample's score: its losses, centred, added up epoch by epoch.
func (fn *scoreFn) ProcessElement(id int64, next func(*Observation) bool, means func(*Mean) bool, emit func(Score)) error {
	all, err := inOrder(id, next)
	if err != nil {
		return err
	}
	mean := map[int64]float64{}
	var m Mean
	for means(&m) {
		mean[m.Epoch] = m.Loss
	}
	out := Score{ID: id, Epochs: int64(len(all))}
	for _, o := range all {
		l, ok := mean[o.Epoch]
		if !ok {
			return fault.New(fault.Bug, "history: epoch %d has no mean loss", o.Epoch)
		}
		out.Score += o.Loss - l
	}
	emit(out)
	return nil
}
