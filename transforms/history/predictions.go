package history

import (
	"reflect"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"

	"github.com/tailorbird/tailorbird/methods/historical"
)

func init() {
	beam.RegisterDoFn(reflect.TypeOf((*foldFn)(nil)).Elem())
	beam.RegisterDoFn(reflect.TypeOf((*lastFn)(nil)).Elem())
	register.Emitter1[Row]()
}

// TemporalTargets folds each sample's predictions by epoch, v <- alpha v + (1-alpha) p,
// and corrects for the start at zero: the targets of temporal ensembling
// (arXiv:1610.02242), a Row a sample.
func TemporalTargets(s beam.Scope, observations beam.PCollection, alpha float64) beam.PCollection {
	s = s.Scope("history.TemporalTargets")
	return beam.ParDo(s, &foldFn{Alpha: alpha}, byID(s, observations))
}

type foldFn struct{ Alpha float64 }

// ProcessElement emits the sample's target.
func (fn *foldFn) ProcessElement(id int64, next func(*Observation) bool, emit func(Row)) error {
	all, err := inOrder(id, next)
	if err != nil || len(all) == 0 {
		return err
	}
	table := historical.NewEMA(1, len(all[0].Prediction), fn.Alpha, true)
	for _, o := range all {
		table.Update(0, o.Prediction, o.Epoch)
	}
	row := Row{ID: id, Values: make([]float32, table.Width), Updates: int64(len(all))}
	table.Value(row.Values, 0)
	emit(row)
	return nil
}

// LastPredictions keeps each sample's prediction of its last epoch: the table of PS-KD
// (arXiv:2006.12000), a Row a sample.
func LastPredictions(s beam.Scope, observations beam.PCollection) beam.PCollection {
	s = s.Scope("history.LastPredictions")
	return beam.ParDo(s, &lastFn{}, byID(s, observations))
}

type lastFn struct{}

// ProcessElement emits the sample's prediction.
func (fn *lastFn) ProcessElement(id int64, next func(*Observation) bool, emit func(Row)) error {
	all, err := inOrder(id, next)
	if err != nil || len(all) == 0 {
		return err
	}
	emit(Row{ID: id, Values: all[len(all)-1].Prediction, Updates: int64(len(all))})
	return nil
}
