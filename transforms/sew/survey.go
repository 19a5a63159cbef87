package sew

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/datasets/built"
	"github.com/tailorbird/tailorbird/internal/blob"
	"github.com/tailorbird/tailorbird/internal/failpoint"
	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/internal/manifest"
	"github.com/tailorbird/tailorbird/internal/progress"
	"github.com/tailorbird/tailorbird/kernels/picture"
	"github.com/tailorbird/tailorbird/kernels/raster"
	"github.com/tailorbird/tailorbird/methods/addsd"
	"github.com/tailorbird/tailorbird/methods/addsd/copypaste"
	"github.com/tailorbird/tailorbird/transforms/shards"
)

func init() {
	beam.RegisterDoFn(reflect.TypeOf((*listFn)(nil)).Elem())
	beam.RegisterDoFn(reflect.TypeOf((*surveyFn)(nil)).Elem())
	register.Emitter2[string, int]()
	register.Emitter2[int, string]()
	register.Iter1[int]()
	register.Iter1[string]()
}

// Survey reads the annotations of every shard of the source and yields the
// shard's number under one key.
func Survey(s beam.Scope, job Job) beam.PCollection {
	s = s.Scope("sew.Survey")
	list := beam.ParDo(s, &listFn{Job: job}, beam.Impulse(s))
	return beam.ParDo(s, &surveyFn{Job: job}, beam.GroupByKey(s, list))
}

type listFn struct{ Job Job }

// ProcessElement yields a key a shard, so that shards are spread over workers.
func (fn *listFn) ProcessElement(ctx context.Context, _ []byte, emit func(string, int)) error {
	_, list, err := fn.Job.source(ctx)
	if err == nil {
		err = begin(ctx, &fn.Job)
	}
	if err != nil {
		return report(ctx, &fn.Job, err)
	}
	progress.Local.Phase("surveying the source")
	progress.Local.Unit("shards")
	progress.Local.Planned.Store(int64(len(list)))
	for i := range list {
		emit(strconv.Itoa(i), i)
	}
	return nil
}

// begin marks the target as one of this recipe, before anything else lies there:
// without state a target with files in it is somebody else's.
func begin(ctx context.Context, job *Job) error {
	err := putJSON(ctx, job.state(beginFile), map[string]string{"recipe_hash": job.Shards.RecipeHash})
	if fault.CodeOf(err) == fault.Conflict {
		return fault.New(fault.Occupied, "holds an unfinished run of another recipe or source; finish it, or remove it with --fresh")
	}
	return err
}

// beginFile is the first file of a run.
const beginFile = "begin.json"

// report leaves what is wrong with the inputs for whoever started the run.
func report(ctx context.Context, job *Job, err error) error {
	if code := fault.CodeOf(err); code != "" && ctx.Err() == nil {
		return errors.Join(err, shards.PublishOutcome(ctx, &job.Shards, shards.Outcome{Code: code, Message: err.Error()}))
	}
	return err
}

type surveyFn struct{ Job Job }

func (fn *surveyFn) ProcessElement(ctx context.Context, _ string, numbers func(*int) bool, emit func(int, string)) error {
	var i int
	for numbers(&i) {
		if err := RunSurvey(ctx, &fn.Job, i); err != nil {
			return report(ctx, &fn.Job, err)
		}
		progress.Local.Done.Add(1)
		emit(0, strconv.Itoa(i))
	}
	return nil
}

// survey is what a shard's task finds: survey-NNNNNN.json.
type survey struct {
	Recipe     string            `json:"recipe_hash"`
	Rows       []row             `json:"rows"`
	Statistics *addsd.Statistics `json:"statistics"`
	Broken     int               `json:"broken"` // examples that cannot be read; the last steps set them aside
}

// row is one picture of the source.
type row struct {
	Place           built.Place `json:"place"`
	ImageID         int64       `json:"image_id"`
	Width           int         `json:"width"`
	Height          int         `json:"height"`
	Categories      []int64     `json:"categories"` // in order, each once
	Annotations     int         `json:"annotations"`
	MaxAnnotationID int64       `json:"max_annotation_id"`
}

// RunSurvey surveys one shard, unless an earlier run did.
func RunSurvey(ctx context.Context, job *Job, number int) error {
	place := job.state(surveyName(number))
	switch _, err := blob.Stat(ctx, place); {
	case err == nil:
		return nil
	case fault.CodeOf(err) != fault.NotFound:
		return err
	}
	d, list, err := job.source(ctx)
	if err != nil {
		return err
	}
	s := &surveyor{job: job, wanted: job.wanted(), out: survey{Recipe: job.Shards.RecipeHash, Statistics: new(addsd.Statistics)}}
	if job.copies() {
		err = s.withBank(ctx, d, list[number], job.extra(bankName(number)))
	} else {
		err = s.walk(ctx, d, list[number])
	}
	if err != nil {
		return err
	}
	failpoint.Hit("survey.bank")
	if err := putJSON(ctx, place, &s.out); err != nil {
		return err
	}
	failpoint.Hit("survey.done")
	return nil
}

// surveyor walks one shard.
type surveyor struct {
	job    *Job
	wanted map[int64]bool
	out    survey
	ahead  *decodeAhead         // nil where no cut-outs are taken
	bank   *copypaste.Collector // nil likewise
}

// withBank walks the shard and publishes its cut-outs.
func (s *surveyor) withBank(ctx context.Context, d *built.Dataset, shard manifest.Shard, addr string) error {
	w, err := blob.Create(ctx, addr)
	if err != nil {
		return err
	}
	defer w.Close()
	s.bank = copypaste.NewCollector(w, s.wanted, copypaste.Limits{})
	s.ahead = newDecodeAhead(s.job.Shards.Cores(), s.bank.Add)
	err = errors.Join(s.walk(ctx, d, shard), s.ahead.close())
	if err != nil {
		return err
	}
	if err := s.bank.Close(); err != nil {
		return err
	}
	_, err = w.Publish(ctx)
	return err
}

func (s *surveyor) walk(ctx context.Context, d *built.Dataset, shard manifest.Shard) error {
	return d.Walk(ctx, shard, s.visit, func(err error) error {
		if fault.CodeOf(err).IsData() {
			s.out.Broken++
			return nil
		}
		return err
	})
}

func (s *surveyor) visit(r *built.Row) error {
	ex := r.Example
	if ex.Annotations == nil || ex.ImageID == nil {
		return fault.At(fault.New(fault.Usage, "the example has no objects: sew needs a dataset of detection (lvis, coco)"), fault.Place{Key: r.Key})
	}
	if ex.Synthetic != nil {
		return fault.At(fault.New(fault.Usage, "the dataset is sewn already"), fault.Place{Key: r.Key})
	}
	out := row{Place: r.Place, ImageID: *ex.ImageID, Width: ex.Width, Height: ex.Height, Annotations: len(*ex.Annotations)}
	cut := false
	for _, a := range *ex.Annotations {
		out.MaxAnnotationID = max(out.MaxAnnotationID, a.ID)
		out.Categories = append(out.Categories, a.CategoryID)
		cut = cut || s.wanted[a.CategoryID]
	}
	slices.Sort(out.Categories)
	out.Categories = slices.Compact(out.Categories)
	s.out.Statistics.Add(ex.Width, ex.Height, *ex.Annotations)
	s.out.Rows = append(s.out.Rows, out)
	if !cut || s.ahead == nil {
		return nil
	}
	data, err := r.Image()
	if err != nil {
		return err
	}
	return s.ahead.add(ex, slices.Clone(data))
}

// decodeAhead decodes pictures on several cores and hands them on in order.
type decodeAhead struct {
	use   func(*addsd.Scene) error
	queue chan chan decoded
	slots chan *picture.Decoder
	done  chan error
	stop  chan struct{}
}

type decoded struct {
	scene *addsd.Scene
	err   error
}

func newDecodeAhead(cores int, use func(*addsd.Scene) error) *decodeAhead {
	d := &decodeAhead{use: use, queue: make(chan chan decoded, cores), slots: make(chan *picture.Decoder, cores), done: make(chan error, 1), stop: make(chan struct{})}
	for range cores {
		d.slots <- picture.NewDecoder(picture.Limits{})
	}
	go func() {
		var err error
		for c := range d.queue {
			r := <-c
			if err == nil && r.err == nil {
				err = d.use(r.scene)
			} else if err == nil && !fault.CodeOf(r.err).IsData() {
				err = r.err
			}
			if err != nil {
				select {
				case <-d.stop:
				default:
					close(d.stop)
				}
			}
		}
		d.done <- err
	}()
	return d
}

// add takes one picture; it fails as soon as an earlier one was refused.
func (d *decodeAhead) add(ex *datasets.Example, data []byte) error {
	select {
	case <-d.stop:
		return fmt.Errorf("cut-outs: %w", errStopped)
	default:
	}
	dec := <-d.slots
	c := make(chan decoded, 1)
	d.queue <- c
	go func() {
		scene := &addsd.Scene{Key: ex.Key, SHA256: sum(data), Image: new(raster.RGB), Objects: *ex.Annotations}
		err := dec.RGB(scene.Image, data)
		if err == nil && (scene.Image.Width != ex.Width || scene.Image.Height != ex.Height) {
			err = fault.New(fault.InvalidAnnotation, "the picture has %d x %d pixels, its record says %d x %d", scene.Image.Width, scene.Image.Height, ex.Width, ex.Height)
		}
		d.slots <- dec
		c <- decoded{scene, fault.At(err, fault.Place{Key: ex.Key})}
	}()
	return nil
}

// errStopped is what add returns once use has failed; close tells why.
var errStopped = errors.New("an earlier picture was refused")

func (d *decodeAhead) close() error {
	close(d.queue)
	err := <-d.done
	for range cap(d.slots) {
		(<-d.slots).Close()
	}
	return err
}
