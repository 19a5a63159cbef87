package shards

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"reflect"
	"slices"
	"sort"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/datasets/card"
	"github.com/tailorbird/tailorbird/datasets/formats"
	"github.com/tailorbird/tailorbird/datasets/report"
	"github.com/tailorbird/tailorbird/internal/blob"
	"github.com/tailorbird/tailorbird/internal/failpoint"
	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/internal/manifest"
	"github.com/tailorbird/tailorbird/internal/progress"
)

func init() {
	beam.RegisterDoFn(reflect.TypeOf((*finishFn)(nil)).Elem())
	register.Emitter1[string]()
	register.Iter1[[]byte]()
}

// Finish checks the rows of all shards against the plan and publishes the
// dataset. It yields the root hash, or nothing where an outcome says why not.
func Finish(s beam.Scope, job Job, rows beam.PCollection) beam.PCollection {
	s = s.Scope("shards.Finish")
	return beam.ParDo(s, &finishFn{Job: job}, beam.GroupByKey(s, beam.AddFixedKey(s, rows)))
}

type finishFn struct{ Job Job }

func (fn *finishFn) ProcessElement(ctx context.Context, _ int, encoded func(*[]byte) bool, emit func(string)) error {
	var rows []*Row
	var b []byte
	for encoded(&b) {
		r, err := decodeRow(b)
		if err != nil {
			return err
		}
		rows = append(rows, r)
	}
	m, err := RunFinish(ctx, &fn.Job, rows)
	if m != nil && err == nil {
		emit(m.RootHash)
	}
	return err
}

// Extra is what a source adds to a finished dataset beside its examples.
type Extra struct {
	Files  []manifest.File  // published below the output already
	Blocks []report.Block   // for report.html
	Made   []card.Synthetic // for the dataset's card
}

// Finisher is a datasets.Source that has something to add when all shards are
// made. out is the address of the dataset.
type Finisher interface {
	Finish(ctx context.Context, in datasets.Inputs, out string) (Extra, error)
}

// RunFinish publishes the manifest of finished shards. A nil manifest without an
// error means that an outcome was published instead.
func RunFinish(ctx context.Context, job *Job, rows []*Row) (*manifest.Manifest, error) {
	progress.Local.Phase("finishing")
	plan, err := ReadPlan(ctx, job)
	if fault.CodeOf(err) == fault.NotFound {
		// An attempt that was not heard of may have published and cleared up.
		if m, merr := readManifest(ctx, job.Out); merr == nil && m != nil && m.RecipeHash == job.RecipeHash {
			return m, Clean(ctx, job)
		}
	}
	if err != nil {
		return nil, err
	}
	slices.SortFunc(rows, func(a, b *Row) int {
		return cmp.Or(cmp.Compare(a.Done.Split, b.Done.Split), cmp.Compare(a.Done.Shard, b.Done.Shard))
	})
	if o := problemOf(rows); o != nil {
		return nil, PublishOutcome(ctx, job, *o)
	}
	if err := checkRows(plan, rows); err != nil {
		return nil, err
	}
	f := &finisher{job: job, plan: plan, rows: rows}
	f.add()
	if o := f.budget(); o != nil {
		return nil, PublishOutcome(ctx, job, *o)
	}
	return f.publish(ctx)
}

// problemOf picks the problem to report: what holds the place before what is
// spent.
func problemOf(rows []*Row) *Outcome {
	var o *Outcome
	for _, r := range rows {
		if p := r.Problem; p != nil && (o == nil || p.Code == fault.Occupied && o.Code != fault.Occupied || p.Code == o.Code && o.Message == "") {
			o = p
		}
	}
	return o
}

// checkRows holds the rows against the plan: each shard once, no example lost.
func checkRows(plan *PlanState, rows []*Row) error {
	i := 0
	for _, s := range plan.Splits {
		n := 0
		for k := 0; k < s.Shards; k++ {
			if i >= len(rows) || rows[i].Done.Split != s.Name || rows[i].Done.Shard != k {
				return fault.New(fault.Bug, "shard %s %d is missing or there twice", s.Name, k)
			}
			n += rows[i].Done.Examples + rows[i].Done.Rejected
			i++
		}
		if n != s.Examples {
			return fault.New(fault.Bug, "split %s: the shards account for %d examples, the plan has %d", s.Name, n, s.Examples)
		}
	}
	if i != len(rows) {
		return fault.New(fault.Bug, "%d shards, the plan has %d", len(rows), i)
	}
	return nil
}

// finisher turns rows into a manifest.
type finisher struct {
	job     *Job
	plan    *PlanState
	rows    []*Row
	m       manifest.Manifest
	run     manifest.RunReport
	classes map[int]ClassCount
	extra   Extra
}

// add sums the rows up.
func (f *finisher) add() {
	p, j := f.plan, f.job
	f.classes = map[int]ClassCount{}
	f.m = manifest.Manifest{Dataset: j.Dataset, RecipeHash: j.RecipeHash, Codec: j.Codec, Transforms: j.Transforms, Seed: j.Seed,
		Inputs: p.Inputs, Splits: map[string]manifest.Split{}, Classes: p.Meta.Classes, Licenses: p.Meta.Licenses, Info: p.Meta.Info, Notes: p.Notes,
		Quarantine: manifest.Quarantine{Examples: p.Rejected, Reasons: map[fault.Code]int{}},
		Statistics: manifest.Statistics{Splits: map[string]*manifest.SplitStatistics{}}}
	f.run.StageNanoseconds = map[string]int64{}
	for _, r := range f.rows {
		d := &r.Done
		s := f.m.Splits[d.Split]
		s.Examples += d.Examples
		s.Annotations += d.Annotations
		for _, x := range d.Files {
			if format, _ := formats.Lookup(x.Format); !isMerger(format) {
				s.Shards = append(s.Shards, x)
			}
		}
		f.m.Splits[d.Split] = s
		if f.m.Statistics.Splits[d.Split] == nil {
			f.m.Statistics.Splits[d.Split] = manifest.NewSplitStatistics(len(p.Meta.Classes))
		}
		f.m.Statistics.Splits[d.Split].Merge(d.Statistics)
		f.m.Quarantine.Examples += d.Rejected
		for reason, n := range d.Reasons {
			f.m.Quarantine.Reasons[reason] += n
		}
		for c, n := range d.Classes {
			f.classes[c] = ClassCount{f.classes[c].Examples + n.Examples, f.classes[c].Rejected + n.Rejected}
		}
		for stage, n := range r.Nanos {
			f.run.StageNanoseconds[stage] += n
		}
		f.run.Slowest = slow(f.run.Slowest, r.Slowest...)
		f.run.BytesRead += r.BytesIn
		f.run.BytesWritten += r.BytesOut
		if r.Resumed {
			f.run.ResumedShards++
		}
	}
}

func isMerger(f formats.Format) bool {
	_, ok := f.(formats.Merger)
	return ok
}

// minClass is the number of examples from which on a class has a budget of its
// own: of fewer, one bad image would be too large a share.
const minClass = 4

// budget holds what was set aside against the budgets.
func (f *finisher) budget() *Outcome {
	total, bad := f.plan.Examples(), f.m.Quarantine.Examples
	if float64(bad) > f.job.ErrorBudget*float64(total) {
		return &Outcome{Code: fault.Exhausted, Message: fmt.Sprintf("the error budget is spent: %d of %d examples set aside (%s), %g%% may be",
			bad, total, f.reasons(), 100*f.job.ErrorBudget)}
	}
	labels := make([]int, 0, len(f.classes))
	for c := range f.classes {
		labels = append(labels, c)
	}
	sort.Ints(labels)
	for _, c := range labels {
		if n := f.classes[c]; n.Examples >= minClass && float64(n.Rejected) > f.job.ClassErrorBudget*float64(n.Examples) {
			class := f.plan.Meta.Classes[c]
			return &Outcome{Code: fault.Exhausted, Message: fmt.Sprintf("the error budget of class %d (%s %s) is spent: %d of its %d examples set aside, %g%% may be",
				c, class.Synset, class.Name, n.Rejected, n.Examples, 100*f.job.ClassErrorBudget)}
		}
	}
	return nil
}

func (f *finisher) reasons() string {
	text := ""
	for _, reason := range fault.Reasons {
		if n := f.m.Quarantine.Reasons[reason]; n > 0 {
			if text != "" {
				text += ", "
			}
			text += fmt.Sprintf("%d %s", n, reason)
		}
	}
	return text
}

// publish writes what belongs to the dataset as a whole, the manifest last.
func (f *finisher) publish(ctx context.Context) (*manifest.Manifest, error) {
	source, err := f.job.source()
	if err != nil {
		return nil, err
	}
	f.m.Task = string(source.Spec().Task)
	rejections, err := f.quarantine(ctx)
	if err != nil {
		return nil, err
	}
	failpoint.Hit("finish.quarantine")
	if err := f.merge(ctx); err != nil {
		return nil, err
	}
	failpoint.Hit("finish.merged")
	if err := f.describe(ctx); err != nil {
		return nil, err
	}
	if err := f.seeds(ctx); err != nil {
		return nil, err
	}
	if fin, ok := source.(Finisher); ok {
		if f.extra, err = fin.Finish(ctx, f.job.Inputs, f.job.Out); err != nil {
			return nil, err
		}
		f.m.Files = append(f.m.Files, f.extra.Files...)
	}
	failpoint.Hit("finish.described")
	f.m.Seal()
	switch first, err := readManifest(ctx, f.job.Out); {
	case err != nil:
		return nil, err
	case first != nil && first.RootHash == f.m.RootHash: // another process was first: its pages stay
		return first, Clean(ctx, f.job)
	}
	if err := f.pages(ctx, rejections); err != nil {
		return nil, err
	}
	failpoint.Hit("finish.pages")
	text, err := f.m.Encode()
	if err != nil {
		return nil, err
	}
	if _, err := blob.Put(ctx, blob.Join(f.job.Out, manifest.Name), text); err != nil {
		if fault.CodeOf(err) == fault.Conflict {
			return nil, PublishOutcome(ctx, f.job, Outcome{Code: fault.Occupied, Message: err.Error()})
		}
		return nil, err
	}
	failpoint.Hit("finish.manifest")
	return &f.m, Clean(ctx, f.job)
}

// Clean removes what a finished dataset no longer needs: the state directory and
// what dead attempts left behind.
//
// Another process that builds the same may be at work: what it puts there while
// this one removes is tried again.
func Clean(ctx context.Context, job *Job) error {
	return persist(func() error {
		if err := blob.RemoveAll(ctx, job.state()); err != nil {
			return err
		}
		failpoint.Hit("finish.removed")
		_, err := blob.Sweep(ctx, job.Out)
		return err
	})
}

// attempts is how often a step is tried that another process can disturb.
const attempts = 4

func persist(step func() error) (err error) {
	for range attempts {
		if err = step(); err == nil {
			return nil
		}
	}
	return err
}

// merge joins the fragments of the formats that make one file a split.
func (f *finisher) merge(ctx context.Context) error {
	all, err := f.job.formats()
	if err != nil {
		return err
	}
	for _, format := range all {
		m, ok := format.(formats.Merger)
		if !ok {
			continue
		}
		for _, s := range f.plan.Splits {
			if err := f.mergeSplit(ctx, format, m, s); err != nil {
				return fmt.Errorf("%s: split %s: %w", format.Name(), s.Name, err)
			}
		}
	}
	return nil
}

func (f *finisher) mergeSplit(ctx context.Context, format formats.Format, m formats.Merger, s PlannedSplit) error {
	path := m.MergedPath(s.Name)
	w, err := blob.Create(ctx, blob.Join(f.job.Out, path))
	if err != nil {
		return err
	}
	defer w.Close()
	var fragments iter.Seq2[io.Reader, error] = func(yield func(io.Reader, error) bool) {
		for k := 0; k < s.Shards; k++ {
			o, err := blob.Open(ctx, blob.Join(f.job.Out, format.Path(s.Name, k, s.Shards)))
			if err != nil {
				yield(nil, err)
				return
			}
			more := yield(io.NewSectionReader(o, 0, o.Size()), nil)
			_ = o.Close()
			if !more {
				return
			}
		}
	}
	src, err := f.job.source()
	if err != nil {
		return err
	}
	if err := m.Merge(w, f.job.Dataset, src.Spec().Task, &f.plan.Meta, s.Name, fragments); err != nil {
		return err
	}
	d, err := w.Publish(ctx)
	if err != nil {
		return err
	}
	split := f.m.Splits[s.Name]
	split.Shards = append(split.Shards, manifest.Shard{Format: format.Name(), Path: path, Bytes: d.Bytes, SHA256: hexSum(d.SHA256),
		CRC32C: fmt.Sprintf("%08x", d.CRC32C), Examples: split.Examples})
	f.m.Splits[s.Name] = split
	return nil
}

// describe writes the dataset-wide files of the formats.
func (f *finisher) describe(ctx context.Context) error {
	all, err := f.job.formats()
	if err != nil {
		return err
	}
	src, err := f.job.source()
	if err != nil {
		return err
	}
	for _, format := range all {
		d, ok := format.(formats.Describer)
		if !ok {
			continue
		}
		files, err := d.Describe(f.job.Dataset, src.Spec().Task, &f.plan.Meta, f.splitsOf(format.Name()))
		if err != nil {
			return err
		}
		paths := make([]string, 0, len(files))
		for p := range files {
			paths = append(paths, p)
		}
		sort.Strings(paths)
		for _, p := range paths {
			digest, err := blob.Put(ctx, blob.Join(f.job.Out, p), files[p])
			if err != nil {
				return err
			}
			f.m.Files = append(f.m.Files, manifest.File{Path: p, Bytes: digest.Bytes, SHA256: hexSum(digest.SHA256)})
		}
	}
	return nil
}

func (f *finisher) splitsOf(format string) []formats.Split {
	var out []formats.Split
	for _, s := range f.plan.Splits {
		split := formats.Split{Name: s.Name, Examples: f.m.Splits[s.Name].Examples}
		for _, r := range f.rows {
			if r.Done.Split != s.Name {
				continue
			}
			for _, x := range r.Done.Files {
				if x.Format == format {
					split.ShardCounts = append(split.ShardCounts, x.Examples)
					split.ShardBytes = append(split.ShardBytes, x.Bytes)
				}
			}
		}
		out = append(out, split)
	}
	return out
}

func jsonText(v any) ([]byte, error) {
	b, err := json.MarshalIndent(v, "", " ")
	return append(b, '\n'), fault.Wrap(fault.Bug, err)
}
