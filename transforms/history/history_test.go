package history

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"
	_ "github.com/apache/beam/sdks/v2/go/pkg/beam/runners/direct"
	_ "github.com/apache/beam/sdks/v2/go/pkg/beam/runners/prism"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/testing/passert"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/testing/ptest"

	"github.com/tailorbird/tailorbird/kernels/cpu"
	"github.com/tailorbird/tailorbird/methods/historical"
	"github.com/tailorbird/tailorbird/methods/nn"
)

func TestMain(m *testing.M) { ptest.MainWithDefault(m, "prism") }

const (
	samples = 23
	epochs  = 7
	classes = 5
)

// textFn spells results, every bit of their numbers.
type textFn struct{}

func (fn *textFn) ProcessElement(x beam.X, emit func(string)) error {
	b, err := json.Marshal(x)
	emit(string(b))
	return err
}

func init() {
	beam.RegisterDoFn(reflect.TypeOf((*textFn)(nil)).Elem())
	register.Emitter1[string]()
}

func observed() [][]Observation {
	rng := rand.New(rand.NewPCG(3, 1))
	all := make([][]Observation, samples)
	for id := range all {
		for e := range epochs {
			if rng.IntN(9) == 0 && e > 0 {
				continue // not visited
			}
			scores := make([]float32, classes)
			for j := range scores {
				scores[j] = float32(rng.NormFloat64())
			}
			all[id] = append(all[id], Observation{
				ID: int64(id), Epoch: int64(e), Prediction: historical.Softmax(scores, classes),
				Loss: rng.ExpFloat64(), Right: rng.IntN(5) < id%6,
			})
		}
	}
	return all
}

// onEachRunner checks that a transform gives the wanted results, on both runners, from
// elements in several orders and groups.
func onEachRunner[T any](t *testing.T, elements []T, transform func(beam.Scope, beam.PCollection) beam.PCollection, want []any) {
	t.Helper()
	lines := make([]string, len(want))
	for i, w := range want {
		b, err := json.Marshal(w)
		if err != nil {
			t.Fatal(err)
		}
		lines[i] = string(b)
	}
	for _, runner := range []string{"direct", "prism"} {
		for order := range 3 {
			t.Run(fmt.Sprint(runner, " order ", order), func(t *testing.T) {
				mixed := append([]T{}, elements...)
				rand.New(rand.NewPCG(uint64(order), 8)).Shuffle(len(mixed), func(i, j int) { mixed[i], mixed[j] = mixed[j], mixed[i] })
				p, s := beam.NewPipelineWithRoot()
				cut := len(mixed) / (order + 2)
				all := beam.Flatten(s, beam.CreateList(s, mixed[:cut]), beam.Reshuffle(s, beam.CreateList(s, mixed[cut:])))
				passert.EqualsList(s, beam.ParDo(s, &textFn{}, transform(s, all)), lines)
				if _, err := beam.Run(context.Background(), runner, p); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

func flat(all [][]Observation) []Observation {
	var out []Observation
	for _, list := range all {
		out = append(out, list...)
	}
	return out
}

func TestTemporalTargetsAreTheTrainers(t *testing.T) {
	all := observed()
	table := historical.NewEMA(samples, classes, 0.6, true)
	var want []any
	for id, list := range all {
		row := Row{ID: int64(id), Values: make([]float32, classes), Updates: int64(len(list))}
		for _, o := range list {
			table.Update(o.ID, o.Prediction, o.Epoch)
		}
		table.Value(row.Values, row.ID)
		want = append(want, row)
	}
	onEachRunner(t, flat(all), func(s beam.Scope, c beam.PCollection) beam.PCollection { return TemporalTargets(s, c, 0.6) }, want)
}

func TestLastPredictionsAreTheTrainers(t *testing.T) {
	all := observed()
	table := historical.NewTable(samples, classes)
	var want []any
	for id, list := range all {
		for _, o := range list {
			table.Set(o.ID, o.Prediction, o.Epoch)
		}
		want = append(want, Row{ID: int64(id), Values: table.Row(int64(id)), Updates: int64(len(list))})
	}
	onEachRunner(t, flat(all), LastPredictions, want)
}

func TestO2UScoresAreTheTrainers(t *testing.T) {
	all := observed()
	scores := make([]Score, samples)
	for e := range int64(epochs) {
		var sum historical.ExactSum
		n := 0
		for _, o := range flat(all) {
			if o.Epoch == e {
				sum.Add(o.Loss)
				n++
			}
		}
		for _, o := range flat(all) {
			if o.Epoch == e {
				s := &scores[o.ID]
				s.ID, s.Epochs, s.Score = o.ID, s.Epochs+1, s.Score+(o.Loss-sum.Value()/float64(n))
			}
		}
	}
	var want []any
	for _, s := range scores {
		want = append(want, s)
	}
	onEachRunner(t, flat(all), O2UScores, want)
}

func TestForgettingEventsAreTheTrainers(t *testing.T) {
	all := observed()
	var want []any
	for id, list := range all {
		var f historical.Forgetting
		for _, o := range list {
			f = f.Add(o.Right)
		}
		want = append(want, Forgets{int64(id), f.Count()})
	}
	onEachRunner(t, flat(all), ForgettingEvents, want)
}

func TestMeansAreTheAverageOfTheTrainer(t *testing.T) {
	e := cpu.New(cpu.Options{Workers: 1})
	defer e.Close()
	rng := rand.New(rand.NewPCG(4, 4))
	var vectors []Vector
	sums := map[string][]historical.ExactSum{}
	p := nn.NewParam(nil, 6)
	average, err := nn.NewAverage(e, one{p}, nn.SWA{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 31 {
		v := Vector{Name: fmt.Sprint("w", i%2), Values: make([]float32, 6)}
		for j := range v.Values {
			v.Values[j] = float32(rng.NormFloat64() * float64(j+1))
			if sums[v.Name] == nil {
				sums[v.Name] = make([]historical.ExactSum, 6)
			}
			sums[v.Name][j].Add(float64(v.Values[j]))
		}
		vectors = append(vectors, v)
		if v.Name == "w0" {
			copy(p.Value.Float32s(), v.Values)
			if err := average.Update(); err != nil {
				t.Fatal(err)
			}
		}
	}
	var want []any
	for i, n := range []int64{16, 15} {
		m := VectorMean{Name: fmt.Sprint("w", i), Count: n}
		for j := range 6 {
			x := float32(sums[m.Name][j].Value() / float64(n))
			m.Mean = append(m.Mean, x)
			trained := nn.Entries(average)[0].Var.Value.Float32s()[j]
			if d := x - trained; i == 0 && (d > 1e-6 || d < -1e-6) {
				t.Errorf("value %d: mean %v, the trainer's running mean %v", j, x, trained)
			}
		}
		want = append(want, m)
	}
	onEachRunner(t, vectors, Means, want)
}

type one struct{ v *nn.Var }

func (o one) Collect(c *nn.Collector) { c.Param("w", o.v) }

func TestASampleTwiceInAnEpochIsRefused(t *testing.T) {
	p, s := beam.NewPipelineWithRoot()
	o := Observation{ID: 1, Epoch: 2, Prediction: []float32{1}}
	LastPredictions(s, beam.CreateList(s, []Observation{o, o}))
	if _, err := beam.Run(context.Background(), "direct", p); err == nil {
		t.Error("no error")
	}
}
