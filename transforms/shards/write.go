package shards

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"sort"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/datasets/formats"
	"github.com/tailorbird/tailorbird/internal/blob"
	"github.com/tailorbird/tailorbird/internal/failpoint"
	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/internal/manifest"
	"github.com/tailorbird/tailorbird/internal/progress"
)

func init() {
	beam.RegisterDoFn(reflect.TypeOf((*writeFn)(nil)).Elem())
	register.Emitter1[[]byte]()
	register.Iter1[Item]()
}

// Write makes every shard from its items and yields a Row each, as JSON. items
// is grouped by shard.
func Write(s beam.Scope, job Job, items beam.PCollection) beam.PCollection {
	s = s.Scope("shards.Write")
	return beam.ParDo(s, &writeFn{Job: job}, items)
}

type writeFn struct {
	Job Job
	run *Writer
}

// ProcessElement hands a shard to the pool and returns when all of its items
// are under way; the next shard's first images then keep the cores busy while
// this one's last are finished and its files are made durable.
func (fn *writeFn) ProcessElement(ctx context.Context, key string, items func(*Item) bool, _ func([]byte)) error {
	if fn.run == nil {
		if _, err := blob.Stat(ctx, fn.Job.OutcomePath()); fault.CodeOf(err) != fault.NotFound {
			return err // the plan has found why nothing may be written here
		}
		run, err := NewWriter(ctx, &fn.Job)
		if err != nil {
			return err
		}
		fn.run = run
	}
	var list []Item
	var it Item
	for items(&it) {
		if it.Key != "" {
			list = append(list, it)
		}
	}
	err := fn.run.Start(ctx, key, list)
	if err != nil {
		// The bundle has failed and FinishBundle will not come: what is under way
		// ends by itself and gives its workers back.
		go func(run *Writer) { _, _ = run.Wait() }(fn.run)
		fn.run = nil
	}
	return err
}

// FinishBundle waits for the shards that are under way and yields their rows.
func (fn *writeFn) FinishBundle(ctx context.Context, emit func([]byte)) error {
	if fn.run == nil {
		return nil
	}
	rows, err := fn.run.Wait()
	fn.run = nil
	if err != nil {
		return err
	}
	for _, r := range rows {
		b, err := r.encode()
		if err != nil {
			return err
		}
		emit(b)
	}
	return nil
}

// openShards is how many shards of one bundle may be unfinished at a time.
const openShards = 2

// Writer makes shards, one bundle's at a time, on a pool of workers.
type Writer struct {
	job     *Job
	plan    *PlanState
	source  datasets.Source
	formats []formats.Format
	classes map[int64]int
	pool    *pool
	open    chan struct{}
	wg      sync.WaitGroup
	seen    atomic.Int64 // rejections of the plan and of this bundle; a bundle that is tried again counts from the start

	mu   sync.Mutex
	rows []*Row
	err  error
}

// NewWriter reads the plan and starts the pool.
func NewWriter(ctx context.Context, job *Job) (*Writer, error) {
	w := &Writer{job: job, open: make(chan struct{}, openShards)}
	var err error
	if w.plan, err = ReadPlan(ctx, job); err != nil {
		return nil, err
	}
	if w.plan.RecipeHash != job.RecipeHash || w.plan.Codec != job.Codec {
		return nil, fault.New(fault.Occupied, "plan: is that of another recipe or codec")
	}
	if w.source, err = job.source(); err != nil {
		return nil, err
	}
	if w.formats, err = job.formats(); err != nil {
		return nil, err
	}
	w.seen.Store(int64(w.plan.Rejected))
	w.classes = w.plan.Meta.ClassByID()
	w.pool, err = newPool(ctx, job, w.source, &w.plan.Meta, w.classes)
	return w, err
}

// Start makes the shard of that key from its items.
func (w *Writer) Start(ctx context.Context, key string, items []Item) error {
	split, number, _ := strings.Cut(key, "/")
	shard, err := strconv.Atoi(number)
	if err != nil {
		return fault.New(fault.Bug, "shard key %q", key)
	}
	if err := w.failed(); err != nil {
		return err
	}
	progress.Local.Phase("writing shards")
	if _, err := blob.Stat(ctx, w.job.stopPath()); err == nil {
		w.add(&Row{Done: Done{Split: split, Shard: shard}, Problem: &Outcome{Code: fault.Exhausted}})
		return nil
	}
	if row, err := w.finished(ctx, split, shard, len(items)); err != nil || row != nil {
		w.add(row)
		return err
	}
	sort.Slice(items, func(i, j int) bool {
		a, b := &items[i], &items[j]
		if a.Key != b.Key {
			return a.Key < b.Key
		}
		if a.Name != b.Name {
			return a.Name < b.Name
		}
		return a.Offset < b.Offset
	})
	t, err := w.newTask(ctx, split, shard, items)
	if err != nil {
		return err
	}
	w.open <- struct{}{}
	w.wg.Add(1)
	active.Add(1)
	go func() {
		defer func() { <-w.open; active.Done(); w.wg.Done() }()
		row, err := t.assemble(ctx)
		if fault.CodeOf(err) == fault.Conflict {
			row, err = &Row{Done: Done{Split: split, Shard: shard}, Problem: &Outcome{Code: fault.Occupied,
				Message: fmt.Sprintf("%v; if no other build is at work, an input has changed since the one before: --fresh makes every shard again", err)}}, nil
		}
		if err != nil {
			w.fail(fmt.Errorf("shard %s: %w", key, err))
			return
		}
		w.add(row)
	}()
	w.pool.submit(ctx, t)
	return nil
}

// Wait finishes every shard and stops the pool.
func (w *Writer) Wait() ([]*Row, error) {
	w.wg.Wait()
	w.pool.close()
	return w.rows, w.failed()
}

func (w *Writer) add(r *Row) {
	if r == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.rows = append(w.rows, r)
}

func (w *Writer) fail(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.err = errors.Join(w.err, err)
}

func (w *Writer) failed() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.err
}

// finished returns the row of a shard that an earlier run made, nil if none did.
func (w *Writer) finished(ctx context.Context, split string, shard, items int) (*Row, error) {
	b, err := blob.ReadFile(ctx, w.job.donePath(split, shard), maxPlan)
	if fault.CodeOf(err) == fault.NotFound {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	row := &Row{Resumed: true}
	if err := json.Unmarshal(b, &row.Done); err != nil || row.Done.Plan != w.plan.Hash {
		return &Row{Done: Done{Split: split, Shard: shard}, Problem: &Outcome{Code: fault.Occupied, Message: fmt.Sprintf("holds shard %s %d of another plan", split, shard)}}, nil
	}
	for _, f := range row.Done.Files {
		st, err := blob.Stat(ctx, blob.Join(w.job.Out, f.Path))
		if fault.CodeOf(err) == fault.NotFound {
			return nil, nil // removed since: make it again
		}
		if err != nil {
			return nil, err
		}
		if st.Size != f.Bytes {
			return &Row{Done: Done{Split: split, Shard: shard}, Problem: &Outcome{Code: fault.Occupied, Message: fmt.Sprintf("%s has %d bytes, its record says %d", f.Path, st.Size, f.Bytes)}}, nil
		}
	}
	progress.Local.Resumed.Add(1)
	progress.Local.Done.Add(int64(items))
	w.seen.Add(int64(row.Done.Rejected))
	for reason, n := range row.Done.Reasons {
		for range n {
			progress.Local.Reject(string(reason))
		}
	}
	return row, nil
}

// task is one shard that is being made.
type task struct {
	w       *Writer
	split   string
	shard   int
	items   []Item
	rows    blob.Object // nil where no example has rows
	results chan *result
	rejects blob.Writer // nil until something is set aside
	row     Row
	budget  int // rejections beyond which the run ends
	first   []string
}

// shownRejections is how many rejections a spent budget quotes.
const shownRejections = 5

func (w *Writer) newTask(ctx context.Context, split string, shard int, items []Item) (*task, error) {
	t := &task{w: w, split: split, shard: shard, items: items, results: make(chan *result, w.pool.window)}
	t.row = Row{Nanos: map[string]int64{}, Done: Done{Plan: w.plan.Hash, Split: split, Shard: shard, Reasons: map[fault.Code]int{},
		Classes: map[int]ClassCount{}, Statistics: manifest.NewSplitStatistics(len(w.plan.Meta.Classes))}}
	t.budget = int(math.Floor(w.job.ErrorBudget * float64(w.plan.Examples())))
	for i := range items {
		if len(items[i].Rows) > 0 {
			var err error
			t.rows, err = blob.Open(ctx, w.job.rowsPath(split, shard))
			return t, err
		}
	}
	return t, nil
}

// output is one format's file of a shard.
type output struct {
	format formats.Format
	path   string
	file   blob.Writer
	shard  formats.Writer
}

// assemble writes the results in the order of the items and publishes the
// shard. It takes every result of the task, also after an error, so that the
// pool never waits for it.
func (t *task) assemble(ctx context.Context) (*Row, error) {
	if t.rows != nil {
		defer t.rows.Close()
	}
	outs, err := t.openOutputs(ctx)
	defer func() {
		for _, o := range outs {
			_ = o.file.Close()
		}
	}()
	defer func() {
		if t.rejects != nil {
			_ = t.rejects.Close()
		}
	}()
	waiting := map[int]*result{}
	last := ""
	for next := 0; next < len(t.items); {
		r := <-t.results
		waiting[r.index] = r
		for r := waiting[next]; r != nil; r = waiting[next] {
			delete(waiting, next)
			next++
			if err == nil && t.row.Problem == nil {
				err = t.take(ctx, r, last, outs)
				last = r.item.Key
			}
			t.w.pool.release(r)
		}
	}
	if err != nil || t.row.Problem != nil {
		return &t.row, err
	}
	return &t.row, t.publish(ctx, outs)
}

func (t *task) openOutputs(ctx context.Context) ([]*output, error) {
	var outs []*output
	n := t.w.plan.shards(t.split)
	for _, f := range t.w.formats {
		path := f.Path(t.split, t.shard, n)
		file, err := blob.Create(ctx, blob.Join(t.w.job.Out, path))
		if err != nil {
			return outs, err
		}
		o := &output{format: f, path: path, file: file}
		outs = append(outs, o)
		h := formats.Header{Dataset: t.w.job.Dataset, Task: t.w.source.Spec().Task, Meta: &t.w.plan.Meta, Split: t.split, Shard: t.shard, Shards: n}
		if o.shard, err = f.NewWriter(file, h); err != nil {
			return outs, err
		}
	}
	return outs, nil
}

// take writes one result or sets it aside.
func (t *task) take(ctx context.Context, r *result, last string, outs []*output) error {
	start := time.Now()
	d := &t.row.Done
	if r.err != nil {
		return r.err
	}
	if r.item.Key == last && r.rejection == nil {
		r.rejection = r.reject("plan", fault.New(fault.Conflict, "the key is taken by another example of this split; this one is %s at byte %d", r.item.Name, r.item.Offset))
	}
	d.countClass(r.item.Label, r.rejection != nil)
	if r.rejection != nil {
		d.reject(r.rejection)
		progress.Local.Done.Add(1)
		progress.Local.Reject(string(r.rejection.Reason))
		if len(t.first) < shownRejections {
			t.first = append(t.first, fmt.Sprintf("\n  %s: %s: %s: %s", r.rejection.Key, r.rejection.Stage, r.rejection.Reason, r.rejection.Message))
		}
		if err := t.record(ctx, r.rejection); err != nil {
			return err
		}
		return t.checkBudget(ctx)
	}
	d.count(r.example, t.w.classes)
	for _, o := range outs {
		if err := o.shard.Write(r.example); err != nil {
			return fmt.Errorf("%s: %s: %w", o.path, r.item.Key, err)
		}
	}
	t.row.BytesIn += r.example.Source.Bytes
	r.nanos[stageWrite] = time.Since(start).Nanoseconds()
	t.timing(r)
	progress.Local.Done.Add(1)
	failpoint.Hit("shard.example")
	return nil
}

// record adds a rejection to the shard's list.
func (t *task) record(ctx context.Context, r *datasets.Rejection) error {
	if t.rejects == nil {
		w, err := blob.Create(ctx, t.w.job.quarantinePath(t.split, t.shard))
		if err != nil {
			return err
		}
		t.rejects = w
	}
	return writeLine(t.rejects, r)
}

func (t *task) timing(r *result) {
	var total, most int64
	stage := ""
	for i, n := range r.nanos {
		t.row.Nanos[stageNames[i]] += n
		total += n
		if n > most {
			most, stage = n, stageNames[i]
		}
	}
	if s := t.row.Slowest; len(s) < keepSlowest || total > s[len(s)-1].Nanoseconds {
		e := r.example
		t.row.Slowest = slow(s, manifest.SlowSample{Key: e.Key, Split: e.Split, Nanoseconds: total, Stage: stage, Bytes: e.Source.Bytes, Width: e.OriginalWidth, Height: e.OriginalHeight})
	}
}

// checkBudget counts a rejection and ends the run once the plan and this bundle
// alone are over the budget of the whole.
func (t *task) checkBudget(ctx context.Context) error {
	n := int(t.w.seen.Add(1))
	if n <= t.budget {
		return nil
	}
	total := t.w.plan.Examples()
	t.row.Problem = &Outcome{Code: fault.Exhausted, Message: fmt.Sprintf("the error budget is spent: %d of %d examples set aside by now, at most %d may be; in shard %s %d:%s",
		n, total, t.budget, t.split, t.shard, strings.Join(t.first, ""))}
	_, err := blob.Put(ctx, t.w.job.stopPath(), nil)
	return err
}

// publish makes the shard's files visible, then its record.
func (t *task) publish(ctx context.Context, outs []*output) error {
	start := time.Now()
	d := &t.row.Done
	for _, o := range outs {
		if err := o.shard.Close(); err != nil {
			return err
		}
		digest, err := o.file.Publish(ctx)
		if err != nil {
			return err
		}
		t.row.BytesOut += digest.Bytes
		progress.Local.Written.Add(digest.Bytes)
		d.Files = append(d.Files, manifest.Shard{Format: o.format.Name(), Path: o.path, Bytes: digest.Bytes,
			SHA256: hexSum(digest.SHA256), CRC32C: fmt.Sprintf("%08x", digest.CRC32C), Examples: d.Examples})
		failpoint.Hit("shard.file")
	}
	if t.rejects != nil {
		if _, err := t.rejects.Publish(ctx); err != nil {
			return err
		}
		failpoint.Hit("shard.quarantine")
	}
	b, err := json.Marshal(d)
	if err != nil {
		return fault.Wrap(fault.Bug, err)
	}
	if _, err := blob.Put(ctx, t.w.job.donePath(t.split, t.shard), b); err != nil {
		return err
	}
	failpoint.Hit("shard.done")
	t.row.Nanos["publish"] += time.Since(start).Nanoseconds()
	return nil
}
