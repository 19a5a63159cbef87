package train

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"sync"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"

	"github.com/tailorbird/tailorbird/internal/blob"
	"github.com/tailorbird/tailorbird/internal/failpoint"
	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/internal/recipe"
)

func init() {
	beam.RegisterDoFn(reflect.TypeOf((*configsFn)(nil)).Elem())
	beam.RegisterDoFn(reflect.TypeOf((*trainFn)(nil)).Elem())
	register.Emitter1[[]byte]()
	register.Emitter2[string, []byte]()
	register.Iter1[[]byte]()
}

// Configs yields the runs under their names.
func Configs(s beam.Scope, runs []recipe.Run) beam.PCollection {
	s = s.Scope("train.Configs")
	fn := &configsFn{}
	for i := range runs {
		b, err := json.Marshal(&runs[i])
		if err != nil {
			panic(fmt.Sprintf("train: a run that was decoded does not encode: %v", err))
		}
		fn.Runs, fn.Names = append(fn.Runs, b), append(fn.Names, runs[i].Name)
	}
	return beam.ParDo(s, fn, beam.Impulse(s))
}

type configsFn struct {
	Names []string
	Runs  [][]byte
}

func (fn *configsFn) ProcessElement(_ context.Context, _ []byte, emit func(string, []byte)) error {
	for i, name := range fn.Names {
		emit(name, fn.Runs[i])
	}
	return nil
}

// Train runs every configuration and yields a Result each, as JSON. configs is
// KV<name, JSON of recipe.Run>; a name comes once.
func Train(s beam.Scope, job Job, configs beam.PCollection) beam.PCollection {
	s = s.Scope("train.Train")
	return beam.ParDo(s, &trainFn{Job: job}, beam.GroupByKey(s, configs)) // grouped, so that runs are spread over workers
}

type trainFn struct {
	Job Job
	run *bundle
}

// bundle is the runs of a bundle that are under way.
type bundle struct {
	wg   sync.WaitGroup
	mu   sync.Mutex
	rows [][]byte
	err  error
}

// The runs of a process, over all bundles.
var (
	slotsMu sync.Mutex
	slots   = map[string]chan struct{}{}
)

func slotsOf(job *Job) chan struct{} {
	slotsMu.Lock()
	defer slotsMu.Unlock()
	if slots[job.RunID] == nil {
		slots[job.RunID] = make(chan struct{}, job.together())
	}
	return slots[job.RunID]
}

func (fn *trainFn) ProcessElement(ctx context.Context, name string, configs func(*[]byte) bool, _ func([]byte)) error {
	var list [][]byte
	var b []byte
	for configs(&b) {
		list = append(list, append([]byte(nil), b...))
	}
	if len(list) != 1 {
		return fault.New(fault.Bug, "%d configurations are named %s", len(list), name)
	}
	run, err := recipe.DecodeRun(list[0])
	if err != nil {
		return err
	}
	if fn.run == nil {
		fn.run = new(bundle)
	}
	fn.run.start(ctx, &fn.Job, run)
	return nil
}

// FinishBundle waits for the runs.
func (fn *trainFn) FinishBundle(_ context.Context, emit func([]byte)) error {
	if fn.run == nil {
		return nil
	}
	b := fn.run
	fn.run = nil
	b.wg.Wait()
	if b.err != nil {
		return b.err
	}
	for _, row := range b.rows {
		emit(row)
	}
	return nil
}

func (b *bundle) start(ctx context.Context, job *Job, run *recipe.Run) {
	slot := slotsOf(job)
	slot <- struct{}{}
	b.wg.Add(1)
	go func() {
		defer func() { <-slot; b.wg.Done() }()
		row, err := one(ctx, job, run)
		b.mu.Lock()
		defer b.mu.Unlock()
		b.rows = append(b.rows, row)
		b.err = errors.Join(b.err, err)
	}()
}

// one returns the row of a run. A run that an earlier attempt has ended is not
// run again: its folder says what came of it.
func one(ctx context.Context, job *Job, run *recipe.Run) ([]byte, error) {
	result, err := RunOne(ctx, job, run)
	if err != nil {
		return nil, fault.At(err, fault.Place{Path: blob.Join(job.Out, run.Name)})
	}
	failpoint.Hit("train.run")
	row, err := json.Marshal(result)
	return row, fault.Wrap(fault.Bug, err)
}
