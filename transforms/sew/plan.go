package sew

import (
	"bufio"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"

	"github.com/tailorbird/tailorbird/datasets/built"
	"github.com/tailorbird/tailorbird/internal/blob"
	"github.com/tailorbird/tailorbird/internal/failpoint"
	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/internal/jsonstream"
	"github.com/tailorbird/tailorbird/internal/progress"
	"github.com/tailorbird/tailorbird/methods/addsd"
	"github.com/tailorbird/tailorbird/methods/addsd/copypaste"
)

func init() {
	beam.RegisterType(reflect.TypeOf((*Sample)(nil)).Elem())
	beam.RegisterDoFn(reflect.TypeOf((*planFn)(nil)).Elem())
	register.Emitter2[string, Sample]()
	register.Iter1[Sample]()
}

// Sample is one picture to be made: what is shuffled.
type Sample struct {
	Key          string
	Category     int64
	Seed         uint64
	Instruction  string
	ImageID      int64         // of the picture to be
	AnnotationID int64         // the first of its annotations
	Bases        []built.Place // by attempt
}

// Plan decides what is made of which picture, on one worker, when every shard is
// surveyed. It yields every sample under its batch.
func Plan(s beam.Scope, job Job, surveyed beam.PCollection) beam.PCollection {
	s = s.Scope("sew.Plan")
	return beam.ParDo(s, &planFn{Job: job}, surveyed)
}

type planFn struct{ Job Job }

func (fn *planFn) ProcessElement(ctx context.Context, _ int, names func(*string) bool, emit func(string, Sample)) error {
	n := 0
	for name := ""; names(&name); n++ {
	}
	p, err := MakePlan(ctx, &fn.Job)
	if err != nil {
		return report(ctx, &fn.Job, err)
	}
	if n != p.Shards {
		return fault.New(fault.Bug, "%d shards were surveyed, the source has %d", n, p.Shards)
	}
	if err := p.publish(ctx, &fn.Job); err != nil {
		return report(ctx, &fn.Job, err)
	}
	progress.Local.Done.Store(0)
	progress.Local.Planned.Store(int64(len(p.Samples)))
	progress.Local.Unit("samples")
	for i, s := range p.Samples {
		emit(batchName(i/int(fn.Job.Recipe.Batch)), s)
	}
	if len(p.Samples) == 0 {
		emit(batchName(0), Sample{}) // Select must run all the same
	}
	return nil
}

// Planned is extra/plan.json: what is to be made, and of every class why not
// more. Samples are in the order of their keys.
type Planned struct {
	Recipe  string            `json:"recipe_hash"`
	Hash    string            `json:"hash"` // of the samples
	Shards  int               `json:"shards"`
	Images  int               `json:"images"` // of the split
	Broken  int               `json:"broken"`
	Classes []addsd.ClassPlan `json:"classes"`
	Samples []Sample          `json:"samples"`

	statistics *addsd.Statistics
	rows       []row
	plan       *addsd.Plan
}

// MakePlan reads the surveys of all shards and plans.
func MakePlan(ctx context.Context, job *Job) (*Planned, error) {
	progress.Local.Phase(progress.Planning)
	d, list, err := job.source(ctx)
	if err != nil {
		return nil, err
	}
	p := &Planned{Recipe: job.Shards.RecipeHash, Shards: len(list), statistics: new(addsd.Statistics)}
	for i := range list {
		var s survey
		if err := readJSON(ctx, job.state(surveyName(i)), &s); err != nil {
			return nil, err
		}
		if s.Recipe != job.Shards.RecipeHash {
			return nil, fault.New(fault.Occupied, "holds an unfinished run of another recipe or source; finish or remove it first")
		}
		p.rows = append(p.rows, s.Rows...)
		p.statistics.Merge(s.Statistics)
		p.Broken += s.Broken
	}
	p.Images = len(p.rows)
	usable, refused, err := usableCutouts(ctx, job, len(list))
	if err != nil {
		return nil, err
	}
	others, err := readOthers(ctx, job, d)
	if err != nil {
		return nil, err
	}
	r := &job.Recipe
	p.plan, err = addsd.NewPlan(sceneRows(p.rows), d.Manifest.Classes, p.statistics, usable, addsd.PlanOptions{
		Seed: r.Seed, Classes: r.Plan.Classes, ImagesPerClass: int(r.Plan.ImagesPerClass), TargetImages: int(r.Plan.TargetImages), Budget: int(r.Plan.Budget),
		Sampling: r.Plan.Sampling, NewOnly: r.Plan.NewOnly, Exclude: others.has, Attempts: int(r.Plan.Attempts),
		AboveImage: others.image, AboveAnnotation: others.annotation,
	})
	if err != nil {
		return nil, err
	}
	p.Classes = p.plan.Classes
	for i := range p.Classes {
		if c := &p.Classes[i]; c.Chosen && c.Cutouts == 0 {
			c.Note = cmp.Or(whyUnusable(refused[c.ID]), c.Note)
		}
	}
	p.Hash = p.plan.Hash()
	for i := range p.plan.Samples {
		p.Samples = append(p.Samples, p.sample(&p.plan.Samples[i]))
	}
	return p, nil
}

func sceneRows(rows []row) []addsd.SceneRow {
	out := make([]addsd.SceneRow, len(rows))
	for i := range rows {
		r := &rows[i]
		out[i] = addsd.SceneRow{Key: r.Place.Key, ImageID: r.ImageID, Width: r.Width, Height: r.Height, Categories: r.Categories,
			Annotations: r.Annotations, MaxAnnotationID: r.MaxAnnotationID}
	}
	return out
}

func (p *Planned) sample(s *addsd.Planned) Sample {
	out := Sample{Key: s.Key, Category: s.Category, Seed: s.Seed, Instruction: s.Instruction, ImageID: s.ImageID, AnnotationID: s.AnnotationID}
	for _, b := range s.Bases {
		out.Bases = append(out.Bases, p.rows[b].Place)
	}
	return out
}

// publish leaves plan and statistics beside the dataset to be.
func (p *Planned) publish(ctx context.Context, job *Job) error {
	if err := putJSON(ctx, job.extra(statisticsFile), p.statistics); err != nil {
		return err
	}
	if err := putJSON(ctx, job.extra(planFile), p); err != nil {
		return err
	}
	failpoint.Hit("sew.planned")
	return nil
}

// usableCutouts counts the cut-outs of every class, and why others were not
// taken; nil where none are pasted.
func usableCutouts(ctx context.Context, job *Job, shards int) (map[int64]int, map[int64]map[string]int, error) {
	if !job.copies() {
		return nil, nil, nil
	}
	bank, closeBank, err := openBank(ctx, job, shards)
	if err != nil {
		return nil, nil, err
	}
	return bank.Usable(), bank.Excluded(), closeBank()
}

// whyUnusable says why a class has no cut-out, by reason.
func whyUnusable(reasons map[string]int) string {
	var parts []string
	for _, r := range slices.Sorted(maps.Keys(reasons)) {
		parts = append(parts, fmt.Sprintf("%d %s", reasons[r], r))
	}
	if len(parts) == 0 {
		return ""
	}
	return "no usable cut-out: " + strings.Join(parts, ", ")
}

// openBank opens the parts that Survey has published.
func openBank(ctx context.Context, job *Job, shards int) (*copypaste.Bank, func() error, error) {
	var parts []copypaste.Part
	var objects []blob.Object
	closeAll := func() error {
		var err error
		for _, o := range objects {
			err = errors.Join(err, o.Close())
		}
		return err
	}
	for i := range shards {
		o, err := blob.Open(ctx, job.extra(bankName(i)))
		if err != nil {
			return nil, nil, errors.Join(err, closeAll())
		}
		objects = append(objects, o)
		parts = append(parts, copypaste.Part{Name: bankName(i), Data: o, Size: o.Size()})
	}
	bank, err := copypaste.OpenBank(parts, copypaste.Limits{})
	if err != nil {
		return nil, nil, errors.Join(err, closeAll())
	}
	return bank, closeAll, nil
}

// others are the pictures that must not be touched: those of the other splits of
// the source, and those that the recipe lists.
type others struct {
	keys              map[string]bool
	ids               map[int64]bool
	image, annotation int64 // the largest ids of the other splits
}

func (o *others) has(r *addsd.SceneRow) bool { return o.keys[r.Key] || o.ids[r.ImageID] }

func readOthers(ctx context.Context, job *Job, d *built.Dataset) (*others, error) {
	o := &others{keys: map[string]bool{}, ids: map[int64]bool{}}
	for _, split := range d.Manifest.SplitNames() {
		if split == job.Recipe.Split {
			continue
		}
		for _, shard := range d.Shards(split) {
			if err := d.Walk(ctx, shard, o.see, skipBroken); err != nil {
				return nil, err
			}
		}
	}
	if job.Recipe.Plan.Exclude == "" {
		return o, nil
	}
	return o, eachImageID(ctx, job.Recipe.Plan.Exclude, func(id int64) { o.ids[id] = true })
}

func (o *others) see(r *built.Row) error {
	o.keys[r.Key] = true
	if r.Example.ImageID != nil {
		o.image = max(o.image, *r.Example.ImageID)
	}
	for _, a := range r.Example.Objects() {
		o.annotation = max(o.annotation, a.ID)
	}
	return nil
}

// skipBroken passes over examples that cannot be read.
func skipBroken(err error) error {
	if fault.CodeOf(err).IsData() {
		return nil
	}
	return err
}

// eachImageID reads a list of image ids: the images of an annotation file in
// COCO's form, or one number a line.
func eachImageID(ctx context.Context, addr string, visit func(int64)) error {
	o, err := blob.Open(ctx, addr)
	if err != nil {
		return err
	}
	defer o.Close()
	r := bufio.NewReaderSize(io.NewSectionReader(o, 0, o.Size()), 1<<16)
	if head, _ := r.Peek(64); !strings.HasPrefix(strings.TrimLeft(string(head), "\ufeff \t\r\n"), "{") {
		return eachLineID(r, addr, visit)
	}
	s := jsonstream.NewScanner(r, jsonstream.Options{Name: blob.Base(addr)})
	return s.Object(func(section string) error {
		if section != "images" {
			return nil
		}
		return s.Array(func(int) error {
			rec, err := s.Record()
			if err != nil {
				return err
			}
			id, err := jsonstream.Int(jsonstream.Lookup(rec.Fields, "id"))
			if err != nil {
				return fault.At(fault.New(fault.Usage, "an image without an id: %w", err), fault.Offset(blob.Base(addr), rec.Offset))
			}
			visit(id)
			return nil
		})
	})
}

func eachLineID(r *bufio.Reader, addr string, visit func(int64)) error {
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		text := strings.TrimSpace(lines.Text())
		if text == "" || strings.HasPrefix(text, "#") {
			continue
		}
		id, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return fault.New(fault.Usage, "%s: line %d: %q is no image id", addr, n, text)
		}
		visit(id)
	}
	return lines.Err()
}

func sum(b []byte) string {
	s := sha256.Sum256(b)
	return hex.EncodeToString(s[:])
}

// PlanLocally surveys every shard and plans, in this process and without a
// pipeline. It leaves surveys, bank and plan where a run would.
func PlanLocally(ctx context.Context, job *Job) (*Planned, error) {
	_, list, err := job.source(ctx)
	if err == nil {
		err = begin(ctx, job)
	}
	if err != nil {
		return nil, err
	}
	for i := range list {
		if err := RunSurvey(ctx, job, i); err != nil {
			return nil, err
		}
	}
	p, err := MakePlan(ctx, job)
	if err != nil {
		return nil, err
	}
	return p, p.publish(ctx, job)
}

// Write prints the plan's classes and frequencies for a terminal.
func (p *Planned) Write(w io.Writer) error { return p.plan.WriteText(w) }
