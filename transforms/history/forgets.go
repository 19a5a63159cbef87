package history

import (
	"reflect"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"

	"github.com/tailorbird/tailorbird/methods/historical"
)

// Forgets is how often a sample went from right to wrong; of one that was never right
// the number of its epochs.
type Forgets struct {
	ID    int64
	Count int64
}

func init() {
	beam.RegisterType(reflect.TypeOf((*Forgets)(nil)).Elem())
	beam.RegisterType(reflect.TypeOf((*forgetFn)(nil)).Elem())
	beam.RegisterType(reflect.TypeOf((*intervals)(nil)).Elem())
	beam.RegisterDoFn(reflect.TypeOf((*forgetsFn)(nil)).Elem())
	register.Emitter1[Forgets]()
}

// ForgettingEvents counts each sample's forgets (arXiv:1812.05159). Accumulators are
// intervals of epochs: only those that follow each other are joined, so that elements
// may come in any order. A Forgets a sample.
func ForgettingEvents(s beam.Scope, observations beam.PCollection) beam.PCollection {
	s = s.Scope("history.ForgettingEvents")
	return beam.ParDo(s, &forgetsFn{}, beam.CombinePerKey(s, &forgetFn{}, beam.ParDo(s, &keyFn{}, observations)))
}

type forgetFn struct{}

// intervals of one sample, in order; a gap is an epoch that has not come yet. They are
// lists of equal length because a row coder takes lists of numbers.
type intervals struct {
	From, Epochs, Forgets []int64
	First, Last, Learned  []bool
}

func (a intervals) unpack() []historical.Interval {
	out := make([]historical.Interval, len(a.From))
	for i := range out {
		out[i] = historical.Interval{From: a.From[i], Events: historical.Forgetting{
			Epochs: a.Epochs[i], Forgets: a.Forgets[i], First: a.First[i], Last: a.Last[i], Learned: a.Learned[i],
		}}
	}
	return out
}

func packIntervals(all []historical.Interval) (a intervals) {
	for _, i := range all {
		e := i.Events
		a.From, a.Epochs, a.Forgets = append(a.From, i.From), append(a.Epochs, e.Epochs), append(a.Forgets, e.Forgets)
		a.First, a.Last, a.Learned = append(a.First, e.First), append(a.Last, e.Last), append(a.Learned, e.Learned)
	}
	return a
}

func (fn *forgetFn) CreateAccumulator() intervals { return intervals{} }

func (fn *forgetFn) AddInput(a intervals, o Observation) intervals {
	one := historical.Interval{From: o.Epoch, Events: historical.Forgetting{}.Add(o.Right)}
	return packIntervals(historical.MergeIntervals(append(a.unpack(), one)))
}

func (fn *forgetFn) MergeAccumulators(a, b intervals) intervals {
	return packIntervals(historical.MergeIntervals(append(a.unpack(), b.unpack()...)))
}

// ExtractOutput joins the intervals over the epochs that never came.
func (fn *forgetFn) ExtractOutput(a intervals) int64 {
	var f historical.Forgetting
	for _, i := range a.unpack() {
		f = f.Then(i.Events)
	}
	return f.Count()
}

type forgetsFn struct{}

// ProcessElement turns a pair into a Forgets.
func (fn *forgetsFn) ProcessElement(id, count int64, emit func(Forgets)) { emit(Forgets{id, count}) }
