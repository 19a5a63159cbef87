package demo

import (
	"context"
	"fmt"
	"html/template"
	"path/filepath"
	"slices"
	"time"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/datasets/report"
	"github.com/tailorbird/tailorbird/datasets/report/trained"
	"github.com/tailorbird/tailorbird/datasets/scenes"
	"github.com/tailorbird/tailorbird/internal/blob"
	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/internal/recipe"
	"github.com/tailorbird/tailorbird/pipelines/train"
	steps "github.com/tailorbird/tailorbird/transforms/train"
)

// The scenes that are held out to evaluate on: their place below the raw data, how
// many there are, and what tells their seed from that of the others.
const (
	heldOutDir    = "held-out"
	heldOutScenes = 32
	heldOutSeed   = 1 << 32
)

const (
	heldOutName = "lvis-val"
	objectsName = "objects"
)

// trainText is the recipe of the training, allText one that builds, sews and trains
// from the raw data; both as a user would write them. A file's builds come before
// its sewing, so that the objects of allText are those that the demo has sewn.
const (
	trainText = "version: 1\nseed: %d\n" + trainSection + "  out: runs\n"
	allText   = "version: 1\nseed: %d\nbuild:\n" +
		"  - dataset: lvis\n    inputs: {images: raw/coco, annotations: raw/lvis/lvis_v1_train.json}\n    splits: [train]\n    transforms: keep\n    formats: [webdataset]\n    shards: 2\n    error_budget: 25%%\n    out: lvis\n" +
		"  - dataset: objects\n    inputs: {train: lvis-sewn, val: lvis-val}\n    transforms: decode | resize(width=32, height=32) | encode(png)\n    formats: [webdataset]\n    shards: 2\n    out: objects\n" +
		"sew:\n  from: lvis\n  plan: {classes: rare, images_per_class: 2}\n  generator: {kind: copy_paste}\n  out: lvis-sewn-again\n" +
		trainSection + "  out: runs\n"
	trainSection = "train:\n  from: objects\n  splits: {train: train, eval: val}\n  model: {name: resnet20, width: 8}\n" +
		"  augment: pad_crop(4) | flip | normalize\n  optimizer: {name: sgd, lr: 0.05, momentum: 0.9, weight_decay: 5e-4}\n" +
		"  epochs: 6\n  batch: 32\n  sweep: {method.name: [none, recursivemix]}\n"
)

// trainNote says what the training shows and what not.
const trainNote = `<p>A small network learns the class of an object from %d pictures of 32 x 32 pixels and is evaluated on %d of other scenes, once with nothing added and once with RecursiveMix. ` +
	`What this shows is that the pieces fit: drawn, built, sewn, read and trained on in one go. With a few hundred tiny pictures, one seed and a few epochs it does not show which method is better.</p>`

// trainOn cuts the objects of the sewn dataset and of the held-out scenes out, and
// trains on them.
func trainOn(ctx context.Context, o Options, l drawn) (Step, error) {
	start := time.Now()
	objects := plan{objectsName, "The objects of the sewn dataset, and of other scenes for evaluation, each a picture of its class.",
		"decode | resize(width=32, height=32) | encode(png)", []string{"webdataset"}, 2, func(drawn) scenes.Recipe {
			return scenes.Recipe{Dataset: objectsName, Splits: []string{"train", "val"},
				Inputs: datasets.Inputs{"train": filepath.Join(o.Out, sewnName), "val": filepath.Join(o.Out, heldOutName)}}
		}}
	s, err := objects.run(ctx, o, l)
	if err != nil {
		return s, err
	}
	if _, err := blob.Put(ctx, filepath.Join(o.Out, "all.yaml"), fmt.Appendf(nil, allText, o.Seed)); err != nil {
		return s, err
	}
	err = s.train(ctx, o)
	s.Seconds = time.Since(start).Seconds()
	return s, err
}

// train runs train.yaml and keeps its rows and its sections.
func (s *Step) train(ctx context.Context, o Options) error {
	file, text := filepath.Join(o.Out, "train.yaml"), fmt.Sprintf(trainText, o.Seed)
	if _, err := blob.Put(ctx, file, []byte(text)); err != nil {
		return err
	}
	r, err := recipe.Load(file, nil)
	if err == nil {
		err = r.Place("")
	}
	if err != nil {
		return err
	}
	job, runs, err := train.Resolve(ctx, r.Train)
	if err != nil {
		return err
	}
	job.Workers, job.Runner, job.RecipeYAML = o.Workers, o.Runner, text
	results, err := train.Run(ctx, job, runs, o.Execute)
	if err != nil {
		return err
	}
	for i := range results.Runs {
		if r := &results.Runs[i]; !r.OK {
			return fault.New(fault.Bug, "run %s failed: %s", r.Name, r.Error)
		}
	}
	s.Training = results.Runs
	in, err := steps.PageInput(ctx, &job, results)
	if err != nil {
		return err
	}
	blocks, err := trained.Blocks(in)
	if err != nil {
		return err
	}
	note := fmt.Sprintf(trainNote, s.Manifest.Splits["train"].Examples, s.Manifest.Splits["val"].Examples)
	s.more = []report.Block{{ID: "training", Title: "Training: RecursiveMix and none", HTML: template.HTML(note)}}
	for _, b := range blocks {
		if slices.Contains([]string{"results", "curves", "mistakes"}, b.ID) {
			s.more = append(s.more, b)
		}
	}
	return nil
}
