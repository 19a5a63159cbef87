package history

import (
	"cmp"
	"reflect"
	"slices"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"

	"github.com/tailorbird/tailorbird/internal/fault"
)

// Observation is what one epoch saw of one sample.
type Observation struct {
	ID         int64
	Epoch      int64
	Prediction []float32 // probabilities of the classes
	Loss       float64
	Right      bool
}

// Row is a sample's entry in a table.
type Row struct {
	ID      int64
	Values  []float32
	Updates int64 // epochs that went into it
}

func init() {
	beam.RegisterType(reflect.TypeOf((*Observation)(nil)).Elem())
	beam.RegisterType(reflect.TypeOf((*Row)(nil)).Elem())
	beam.RegisterDoFn(reflect.TypeOf((*keyFn)(nil)).Elem())
	register.Emitter2[int64, Observation]()
	register.Iter1[Observation]()
}

// byID groups observations by sample.
func byID(s beam.Scope, observations beam.PCollection) beam.PCollection {
	return beam.GroupByKey(s, beam.ParDo(s, &keyFn{}, observations))
}

// keyFn keys observations by their sample, or by their epoch.
type keyFn struct{ Epoch bool }

// ProcessElement emits the observation under its key.
func (fn *keyFn) ProcessElement(o Observation, emit func(int64, Observation)) {
	if fn.Epoch {
		emit(o.Epoch, o)
		return
	}
	emit(o.ID, o)
}

// inOrder reads a sample's observations in the order of the epochs.
func inOrder(id int64, next func(*Observation) bool) ([]Observation, error) {
	var all []Observation
	var o Observation
	for next(&o) {
		o.Prediction = slices.Clone(o.Prediction)
		all = append(all, o)
	}
	slices.SortFunc(all, func(a, b Observation) int { return cmp.Compare(a.Epoch, b.Epoch) })
	for i := 1; i < len(all); i++ {
		if all[i].Epoch == all[i-1].Epoch {
			return nil, fault.New(fault.Conflict, "history: sample %d comes twice in epoch %d", id, all[i].Epoch)
		}
		if len(all[i].Prediction) != len(all[0].Prediction) {
			return nil, fault.New(fault.Conflict, "history: sample %d has predictions of %d and of %d classes", id, len(all[0].Prediction), len(all[i].Prediction))
		}
	}
	return all, nil
}
