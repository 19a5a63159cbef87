package sew

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"sort"
	"strings"
	"sync"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"golang.org/x/sync/errgroup"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/datasets/built"
	"github.com/tailorbird/tailorbird/internal/blob"
	"github.com/tailorbird/tailorbird/internal/failpoint"
	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/internal/progress"
	"github.com/tailorbird/tailorbird/methods/addsd"
)

func init() { beam.RegisterDoFn(reflect.TypeOf((*makeFn)(nil)).Elem()) }

// Make generates, localises and filters the samples of each batch, and yields
// the batch's name under one key.
func Make(s beam.Scope, job Job, batches beam.PCollection) beam.PCollection {
	s = s.Scope("sew.Make")
	return beam.ParDo(s, &makeFn{Job: job}, batches)
}

// openBatches is how many batches of one bundle may be unfinished at a time: the
// next one's first pictures keep the cores busy while the last one's are made.
const openBatches = 2

type makeFn struct {
	Job Job
	run *bundle
}

// bundle is the batches of one bundle that are under way.
type bundle struct {
	maker *Maker
	open  chan struct{}
	wg    sync.WaitGroup
	mu    sync.Mutex
	names []string
	err   error
}

func (fn *makeFn) ProcessElement(ctx context.Context, name string, samples func(*Sample) bool, _ func(int, string)) error {
	if fn.run == nil {
		m, err := borrowMaker(ctx, &fn.Job)
		if err != nil {
			return report(ctx, &fn.Job, err)
		}
		fn.run = &bundle{maker: m, open: make(chan struct{}, openBatches)}
	}
	var list []Sample
	var s Sample
	for samples(&s) {
		if s.Key != "" {
			list = append(list, s)
		}
	}
	if err := fn.run.start(ctx, name, list); err != nil {
		go func(b *bundle) { _, _ = b.wait() }(fn.run)
		fn.run = nil
		return report(ctx, &fn.Job, err)
	}
	return nil
}

// FinishBundle waits for what is under way.
func (fn *makeFn) FinishBundle(ctx context.Context, emit func(int, string)) error {
	if fn.run == nil {
		return nil
	}
	names, err := fn.run.wait()
	fn.run = nil
	if err != nil {
		return report(ctx, &fn.Job, err)
	}
	for _, name := range names {
		emit(0, name)
	}
	return nil
}

// start begins a batch; it fails where an earlier one has.
func (b *bundle) start(ctx context.Context, name string, samples []Sample) error {
	b.open <- struct{}{}
	b.mu.Lock()
	err := b.err
	b.mu.Unlock()
	if err != nil {
		<-b.open
		return err
	}
	b.wg.Add(1)
	go func() {
		defer func() { <-b.open; b.wg.Done() }()
		err := b.maker.Batch(ctx, name, samples)
		b.mu.Lock()
		defer b.mu.Unlock()
		b.names = append(b.names, name)
		b.err = errors.Join(b.err, err)
	}()
	return nil
}

func (b *bundle) wait() ([]string, error) {
	b.wg.Wait()
	err := errors.Join(b.err, b.maker.giveBack())
	slices.Sort(b.names)
	return b.names, err
}

// batchRecord is NNNNNN.json: what became of a batch's samples. It is written
// after the pictures, so that a batch with a record is whole.
type batchRecord struct {
	Recipe  string         `json:"recipe_hash"`
	File    string         `json:"file"` // of the accepted pictures, below the state's sew/made
	Bytes   int64          `json:"bytes"`
	SHA256  string         `json:"sha256"`
	Samples []sampleRecord `json:"samples"` // by key
}

// sampleRecord is one sample: its rejected tries, and the picture that was taken.
type sampleRecord struct {
	Key      string    `json:"key"`
	Category int64     `json:"category_id"`
	Tries    []try     `json:"tries,omitempty"`
	Accepted *accepted `json:"accepted,omitempty"`
}

// try is a picture that was rejected.
type try struct {
	Base     string             `json:"base"`
	Attempt  int                `json:"attempt"`
	Reason   addsd.Reason       `json:"reason"`
	Message  string             `json:"message"`
	Verdicts []datasets.Verdict `json:"verdicts,omitempty"`
	Thumb    []byte             `json:"thumb,omitempty"` // JPEG, of what was made or else of the base
	Width    int                `json:"width,omitempty"` // of Thumb
	Height   int                `json:"height,omitempty"`
}

// accepted is a picture that passed its own checks.
type accepted struct {
	Place   built.Place  `json:"place"` // in the batch's file
	Base    string       `json:"base"`
	Box     datasets.Box `json:"box"`
	Width   int          `json:"width"`
	Height  int          `json:"height"`
	Hash    uint64       `json:"phash"` // of the added object and its surroundings
	IoU     *float64     `json:"iou,omitempty"`
	MaskIoU *float64     `json:"mask_iou,omitempty"`
	Objects []int64      `json:"categories"` // of its annotations, the added one too; in order
}

func (j *Job) batchPath(name string) string { return j.state("made", name+".json") }
func (j *Job) madeDir() string              { return j.state("made") }

// Batch makes one batch durable, unless an earlier run did.
func (m *Maker) Batch(ctx context.Context, name string, samples []Sample) error {
	progress.Local.Phase("making pictures")
	var old batchRecord
	switch err := readJSON(ctx, m.job.batchPath(name), &old); {
	case err == nil && m.whole(ctx, &old, samples):
		progress.Local.Done.Add(int64(len(samples)))
		progress.Local.Resumed.Add(1)
		return nil
	case err == nil:
		return fault.At(fault.New(fault.Occupied, "holds batch %s of another plan; finish or remove it first", name), fault.Place{Path: m.job.Shards.Out})
	case fault.CodeOf(err) != fault.NotFound:
		return err
	}
	sort.Slice(samples, func(i, j int) bool { return samples[i].Key < samples[j].Key })
	work, err := m.attempts(ctx, samples)
	if err != nil {
		return err
	}
	if unanswered(work) {
		return fault.New(fault.Transient, "batch %s: %s answered for none of its %d samples: %s; run the command again when it does", name, m.job.Recipe.Generator.URL, len(work), work[0].record.Tries[0].Message)
	}
	return m.publish(ctx, name, work)
}

// unanswered reports whether a generator was silent for a whole batch: that says
// nothing of its samples, and is not made durable.
func unanswered(work []*sampleWork) bool {
	for _, w := range work {
		if w.example != nil || slices.ContainsFunc(w.record.Tries, func(t try) bool { return t.Reason != addsd.Unreachable }) {
			return false
		}
	}
	return len(work) > 0
}

// whole reports whether a record is that of these samples and its file is there.
func (m *Maker) whole(ctx context.Context, r *batchRecord, samples []Sample) bool {
	if r.Recipe != m.job.Shards.RecipeHash || len(r.Samples) != len(samples) {
		return false
	}
	keys := map[string]bool{}
	for i := range samples {
		keys[samples[i].Key] = true
	}
	for i := range r.Samples {
		if !keys[r.Samples[i].Key] {
			return false
		}
	}
	info, err := blob.Stat(ctx, m.job.state("made", r.File))
	return err == nil && info.Size == r.Bytes
}

// sampleWork is a sample on its way.
type sampleWork struct {
	sample  *Sample
	record  sampleRecord
	example *datasets.Example // of the picture that was taken
}

// attempts makes the samples, one base after the other until one is taken.
func (m *Maker) attempts(ctx context.Context, samples []Sample) ([]*sampleWork, error) {
	work := make([]*sampleWork, len(samples))
	for i := range samples {
		work[i] = &sampleWork{sample: &samples[i], record: sampleRecord{Key: samples[i].Key, Category: samples[i].Category}}
	}
	pending := slices.Clone(work)
	for attempt := 0; len(pending) > 0; attempt++ {
		var g errgroup.Group
		g.SetLimit(m.slots)
		for chunk := range slices.Chunk(pending, m.chunk) {
			g.Go(func() error { return m.try(ctx, chunk, attempt) })
		}
		if err := g.Wait(); err != nil {
			return nil, err
		}
		var left []*sampleWork
		for _, w := range pending {
			if w.example == nil && attempt+1 < len(w.sample.Bases) {
				left = append(left, w)
				continue
			}
			progress.Local.Done.Add(1)
			if w.example == nil {
				t := w.record.Tries
				progress.Local.Reject(string(t[len(t)-1].Reason))
			}
			failpoint.Hit("sew.sample")
		}
		pending = left
	}
	return work, nil
}

// publish writes the batch's pictures, then its record. The file is named by
// what it holds: a generator that makes other pictures each time leaves another
// file when a killed batch is made again, and the record decides which counts.
func (m *Maker) publish(ctx context.Context, name string, work []*sampleWork) error {
	tar, err := packBatch(m.job.Recipe.Split, m.dataset.Manifest.Dataset, work)
	if err != nil {
		return err
	}
	r := batchRecord{Recipe: m.job.Shards.RecipeHash, SHA256: sum(tar), Bytes: int64(len(tar))}
	r.File = name + "-" + r.SHA256[:12] + ".tar"
	if _, err := blob.Put(ctx, m.job.state("made", r.File), tar); err != nil {
		return err
	}
	progress.Local.Written.Add(r.Bytes)
	failpoint.Hit("sew.pictures")
	for _, w := range work {
		if a := w.record.Accepted; a != nil {
			a.Place.Shard = r.File
		}
		r.Samples = append(r.Samples, w.record)
	}
	err = putJSON(ctx, m.job.batchPath(name), &r)
	if fault.CodeOf(err) == fault.Conflict && !m.generator.Deterministic() {
		err = nil // another attempt at this batch was first
	}
	failpoint.Hit("sew.batch")
	return err
}

// label is how a class is asked for.
func label(c *datasets.Class) string { return strings.ReplaceAll(c.Name, "_", " ") }

// rejection is the error that a try was counted for.
func rejection(t *try) error { return addsd.Reject(t.Reason, "%s", t.Message) }
