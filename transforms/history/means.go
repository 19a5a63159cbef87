package history

import (
	"reflect"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/methods/historical"
)

// Vector is one of the vectors that Means averages: a checkpoint's tensor under its
// name (SWA), or a feature under its class (centres). The vectors of a name have one
// length.
type Vector struct {
	Name   string
	Values []float32
}

// VectorMean is the mean of the vectors of a name.
type VectorMean struct {
	Name  string
	Mean  []float32
	Count int64
}

func init() {
	beam.RegisterType(reflect.TypeOf((*Vector)(nil)).Elem())
	beam.RegisterType(reflect.TypeOf((*VectorMean)(nil)).Elem())
	beam.RegisterType(reflect.TypeOf((*vectorMeanFn)(nil)).Elem())
	beam.RegisterType(reflect.TypeOf((*vectorSum)(nil)).Elem())
	beam.RegisterDoFn(reflect.TypeOf((*nameFn)(nil)).Elem())
	beam.RegisterDoFn(reflect.TypeOf((*unnameFn)(nil)).Elem())
	register.Emitter2[string, Vector]()
	register.Emitter1[VectorMean]()
}

// Means averages the vectors of each name: a VectorMean a name.
func Means(s beam.Scope, vectors beam.PCollection) beam.PCollection {
	s = s.Scope("history.Means")
	return beam.ParDo(s, &unnameFn{}, beam.CombinePerKey(s, &vectorMeanFn{}, beam.ParDo(s, &nameFn{}, vectors)))
}

type nameFn struct{}

// ProcessElement keys a vector by its name.
func (fn *nameFn) ProcessElement(v Vector, emit func(string, Vector)) { emit(v.Name, v) }

// vectorSum holds the exact sums of all places one behind the other: Parts, of which
// each place has as many as Lengths says.
type vectorSum struct {
	Parts   []float64
	Lengths []int64
	Count   int64
}

func (a vectorSum) unpack() []historical.ExactSum {
	out := make([]historical.ExactSum, len(a.Lengths))
	at := int64(0)
	for i, n := range a.Lengths {
		out[i].Parts = append([]float64{}, a.Parts[at:at+n]...)
		at += n
	}
	return out
}

func packSums(sums []historical.ExactSum, count int64) vectorSum {
	a := vectorSum{Count: count, Lengths: make([]int64, len(sums))}
	for i, s := range sums {
		a.Parts = append(a.Parts, s.Parts...)
		a.Lengths[i] = int64(len(s.Parts))
	}
	return a
}

type vectorMeanFn struct{}

func (fn *vectorMeanFn) CreateAccumulator() vectorSum { return vectorSum{} }

func (fn *vectorMeanFn) AddInput(a vectorSum, v Vector) (vectorSum, error) {
	one := make([]historical.ExactSum, len(v.Values))
	for i, x := range v.Values {
		one[i].Add(float64(x))
	}
	return fn.MergeAccumulators(a, packSums(one, 1))
}

func (fn *vectorMeanFn) MergeAccumulators(a, b vectorSum) (vectorSum, error) {
	switch {
	case a.Count == 0:
		return b, nil
	case b.Count == 0:
		return a, nil
	case len(a.Lengths) != len(b.Lengths):
		return a, fault.New(fault.Conflict, "history: vectors of one name with %d and with %d values", len(a.Lengths), len(b.Lengths))
	}
	sums, others := a.unpack(), b.unpack()
	for i := range sums {
		sums[i].Merge(others[i])
	}
	return packSums(sums, a.Count+b.Count), nil
}

func (fn *vectorMeanFn) ExtractOutput(a vectorSum) VectorMean {
	out := VectorMean{Count: a.Count, Mean: make([]float32, len(a.Lengths))}
	for i, s := range a.unpack() {
		out.Mean[i] = float32(s.Value() / float64(a.Count))
	}
	return out
}

type unnameFn struct{}

// ProcessElement puts the name in.
func (fn *unnameFn) ProcessElement(name string, m VectorMean, emit func(VectorMean)) {
	m.Name = name
	emit(m)
}
