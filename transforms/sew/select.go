package sew

import (
	"cmp"
	"context"
	"fmt"
	"reflect"
	"slices"
	"sort"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/datasets/built"
	"github.com/tailorbird/tailorbird/datasets/card"
	"github.com/tailorbird/tailorbird/datasets/formats"
	"github.com/tailorbird/tailorbird/datasets/formats/webdataset"
	"github.com/tailorbird/tailorbird/internal/blob"
	"github.com/tailorbird/tailorbird/internal/failpoint"
	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/internal/progress"
	"github.com/tailorbird/tailorbird/kernels/phash"
	"github.com/tailorbird/tailorbird/methods/addsd"
	"github.com/tailorbird/tailorbird/methods/addsd/filter"
	"github.com/tailorbird/tailorbird/transforms/shards"
)

func init() { beam.RegisterDoFn(reflect.TypeOf((*selectFn)(nil)).Elem()) }

// Select decides, on one worker, what only the whole can decide, publishes what
// explains the dataset, and yields source and synthetic examples under their
// shards.
func Select(s beam.Scope, job Job, made beam.PCollection) beam.PCollection {
	s = s.Scope("sew.Select")
	return beam.ParDo(s, &selectFn{Job: job}, made)
}

type selectFn struct{ Job Job }

func (fn *selectFn) ProcessElement(ctx context.Context, _ int, names func(*string) bool, emit func(string, shards.Item)) error {
	var batches []string
	for name := ""; names(&name); {
		batches = append(batches, name)
	}
	slices.Sort(batches)
	if err := RunSelect(ctx, &fn.Job, slices.Compact(batches)); err != nil {
		return report(ctx, &fn.Job, err)
	}
	progress.Local.Unit("images")
	progress.Local.Planned.Store(0)
	progress.Local.Done.Store(0)
	return shards.RunPlan(ctx, &fn.Job.Shards, emit)
}

// selector gathers what the batches have come to.
type selector struct {
	job     *Job
	plan    Planned
	batches []string
	records []sampleRecord // without thumbnails, by key
	classes map[int64]*ClassOutcome
	taken   []*sampleRecord // by key
}

// ClassOutcome is what became of one class: a line of acceptance.json.
type ClassOutcome struct {
	Planned   int64                  `json:"planned"`
	Generated int64                  `json:"generated"` // pictures that were asked for
	Accepted  int64                  `json:"accepted"`
	Rejected  map[addsd.Reason]int64 `json:"rejected"`
}

// RunSelect publishes acceptance.json, the mixing factors, the rejected
// thumbnails, and the selection that the last steps read.
func RunSelect(ctx context.Context, job *Job, batches []string) error {
	progress.Local.Phase("selecting")
	s := &selector{job: job, batches: batches, classes: map[int64]*ClassOutcome{}}
	if err := readJSON(ctx, job.extra(planFile), &s.plan); err != nil {
		return err
	}
	for _, c := range s.plan.Classes {
		s.classes[c.ID] = &ClassOutcome{Planned: int64(c.Planned), Rejected: map[addsd.Reason]int64{}}
	}
	if err := s.read(ctx); err != nil {
		return err
	}
	duplicates, err := s.duplicates()
	if err != nil {
		return err
	}
	s.count(duplicates)
	for _, step := range []func(context.Context) error{
		func(ctx context.Context) error { return s.rejected(ctx, duplicates) }, s.acceptance, s.finish,
	} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	failpoint.Hit("sew.selected")
	return nil
}

// read gathers the records of all batches.
func (s *selector) read(ctx context.Context) error {
	for _, name := range s.batches {
		var r batchRecord
		if err := readJSON(ctx, s.job.batchPath(name), &r); err != nil {
			return err
		}
		for _, x := range r.Samples {
			for i := range x.Tries {
				x.Tries[i].Thumb = nil
			}
			s.records = append(s.records, x)
		}
	}
	sort.Slice(s.records, func(i, j int) bool { return s.records[i].Key < s.records[j].Key })
	if len(s.records) != len(s.plan.Samples) {
		return fault.New(fault.Bug, "the batches hold %d samples, the plan has %d", len(s.records), len(s.plan.Samples))
	}
	return nil
}

// duplicates finds the samples that look like an earlier one, in the order of
// the keys. The map is from key to why.
func (s *selector) duplicates() (map[string]*addsd.Rejection, error) {
	var list []filter.Sample
	for i := range s.records {
		r := &s.records[i]
		if a := r.Accepted; a != nil {
			list = append(list, filter.Sample{Key: r.Key, Base: a.Base, Class: r.Category, Box: a.Box, Hash: phash.Hash(a.Hash)})
		}
	}
	decisions, err := limitsOf(&s.job.Recipe.Filter).Duplicates().Decide(list)
	if err != nil {
		return nil, err
	}
	out := map[string]*addsd.Rejection{}
	for _, d := range decisions {
		if d.Err != nil {
			out[d.Key] = addsd.RejectionOf(d.Err)
		}
	}
	return out, nil
}

func (s *selector) count(duplicates map[string]*addsd.Rejection) {
	for i := range s.records {
		r := &s.records[i]
		c := s.classes[r.Category]
		if c == nil {
			c = &ClassOutcome{Rejected: map[addsd.Reason]int64{}}
			s.classes[r.Category] = c
		}
		c.Generated += int64(len(r.Tries))
		for _, t := range r.Tries {
			c.Rejected[t.Reason]++
		}
		if r.Accepted == nil {
			continue
		}
		c.Generated++
		if d := duplicates[r.Key]; d != nil {
			c.Rejected[d.Reason]++
			continue
		}
		c.Accepted++
		s.taken = append(s.taken, r)
	}
}

// rejected publishes a thumbnail of every rejected picture with its story, in
// the order of the samples: a second pass over the batches, one at a time.
func (s *selector) rejected(ctx context.Context, duplicates map[string]*addsd.Rejection) error {
	w, err := blob.Create(ctx, s.job.extra(rejectedFile))
	if err != nil {
		return err
	}
	defer w.Close()
	out, err := webdataset.Format{}.NewWriter(w, formats.Header{Task: datasets.Detection, Split: s.job.Recipe.Split, Shards: 1})
	if err != nil {
		return err
	}
	m := &thumbs{job: s.job, duplicates: duplicates}
	for _, name := range s.batches {
		list, err := m.of(ctx, name)
		if err != nil {
			return err
		}
		for _, ex := range list {
			if err := out.Write(ex); err != nil {
				return err
			}
		}
	}
	if err := out.Close(); err != nil {
		return err
	}
	_, err = w.Publish(ctx)
	return err
}

// acceptance publishes acceptance.json.
func (s *selector) acceptance(ctx context.Context) error {
	names := map[int64]string{}
	for _, c := range s.plan.Classes {
		names[c.ID] = c.Name
	}
	out := map[string]*ClassOutcome{}
	for id, c := range s.classes {
		if c.Planned+c.Generated > 0 {
			out[cmp.Or(names[id], fmt.Sprint(id))] = c
		}
	}
	text, err := jsonText(out)
	if err != nil {
		return err
	}
	return blob.Replace(ctx, blob.Join(s.job.Shards.Out, AcceptanceFile), text) // it describes: see blob.Replace
}

// finish publishes the mixing factors, the pages' contents and, last, the
// selection.
func (s *selector) finish(ctx context.Context) error {
	rows, err := s.sourceRows(ctx)
	if err != nil {
		return err
	}
	if err := s.mixing(ctx, rows); err != nil {
		return err
	}
	d, _, err := s.job.source(ctx)
	if err != nil {
		return err
	}
	after := s.after(rows)
	if err := s.pages(ctx, after); err != nil {
		return err
	}
	sel := selection{Recipe: s.job.Shards.RecipeHash, Notes: s.notes()}
	for _, c := range d.Manifest.Classes {
		if c.Frequency != "" {
			c.Frequency = datasets.FrequencyGroup(after[c.ID].Images)
		}
		sel.Classes = append(sel.Classes, c)
	}
	for _, r := range s.taken {
		sel.Accepted = append(sel.Accepted, r.Accepted.Place)
	}
	if sel.Made, err = s.made(ctx, d.Manifest.RootHash); err != nil {
		return err
	}
	return putJSON(ctx, s.job.state(selectionFile), &sel)
}

// made tells the dataset's card what was made by what, as the first picture says.
func (s *selector) made(ctx context.Context, source string) ([]card.Synthetic, error) {
	if len(s.taken) == 0 {
		return nil, nil
	}
	pool := built.PoolOf(s.job.madeDir(), webdataset.Format{})
	defer pool.Close()
	ex, err := pool.Get(ctx, s.taken[0].Accepted.Place)
	if err != nil {
		return nil, err
	}
	return []card.Synthetic{{Split: s.job.Recipe.Split, Examples: len(s.taken), Generator: ex.Synthetic.Generator, Localiser: ex.Synthetic.Localiser, Source: source}}, nil
}

func (s *selector) notes() []string {
	planned, taken := len(s.records), len(s.taken)
	list := []string{fmt.Sprintf("%d synthetic examples of %d planned, made by %s from the objects of split %s", taken, planned, s.job.Recipe.Generator.Kind, s.job.Recipe.Split)}
	if s.plan.Broken > 0 {
		list = append(list, fmt.Sprintf("%d examples of the source could not be read and were no base", s.plan.Broken))
	}
	return list
}

func (s *selector) sourceRows(ctx context.Context) ([]row, error) {
	var rows []row
	for i := range s.plan.Shards {
		var v survey
		if err := readJSON(ctx, s.job.state(surveyName(i)), &v); err != nil {
			return nil, err
		}
		rows = append(rows, v.Rows...)
	}
	sort.Slice(rows, func(i, j int) bool { return rows[i].Place.Key < rows[j].Place.Key })
	return rows, nil
}

// mixing publishes how a trainer should mix what is real and what is not, beside
// the merged annotations.
func (s *selector) mixing(ctx context.Context, rows []row) error {
	m := &s.job.Recipe.Mix
	var real, synthetic []addsd.Labelled
	for i := range rows {
		real = append(real, addsd.Labelled{ID: rows[i].ImageID, Categories: rows[i].Categories})
	}
	ids := map[string]int64{}
	for i := range s.plan.Samples {
		ids[s.plan.Samples[i].Key] = s.plan.Samples[i].ImageID
	}
	for _, r := range s.taken {
		synthetic = append(synthetic, addsd.Labelled{ID: ids[r.Key], Categories: slices.Compact(slices.Clone(r.Accepted.Objects))})
	}
	mixing, _, err := addsd.Mix(real, synthetic, m.Threshold, addsd.DatasetFactors{Real: m.Real, Synthetic: m.Synthetic})
	if err != nil {
		return err
	}
	text, err := jsonText(mixing)
	if err != nil {
		return err
	}
	_, err = blob.Put(ctx, blob.Join(s.job.Shards.Out, MixingFile(s.job.Recipe.Split)), text)
	return err
}

// MixingFile is the place of a split's mixing factors below the dataset's root.
func MixingFile(split string) string { return "annotations/" + split + "-mixing.json" }

// frequency is how often a class is seen.
type frequency struct{ Images, Instances int64 }

// after counts every class over source and synthetic pictures.
func (s *selector) after(rows []row) map[int64]frequency {
	out := map[int64]frequency{}
	for _, c := range s.plan.Classes {
		out[c.ID] = frequency{Instances: c.Instances}
	}
	add := func(ids []int64, instances int64) {
		last := int64(-1)
		for _, id := range ids {
			f := out[id]
			f.Instances += instances
			if id != last {
				f.Images++
			}
			out[id], last = f, id
		}
	}
	for i := range rows {
		add(rows[i].Categories, 0) // its instances are in the plan's count
	}
	for _, r := range s.taken {
		add(r.Accepted.Objects, 1)
	}
	return out
}
