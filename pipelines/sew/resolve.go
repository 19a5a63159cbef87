package sew

import (
	"context"
	"fmt"
	"slices"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/datasets/built"
	"github.com/tailorbird/tailorbird/datasets/formats"
	"github.com/tailorbird/tailorbird/internal/blob"
	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/internal/manifest"
	"github.com/tailorbird/tailorbird/internal/recipe"
	"github.com/tailorbird/tailorbird/kernels/jpeg"
	"github.com/tailorbird/tailorbird/methods/addsd"
	"github.com/tailorbird/tailorbird/methods/addsd/copypaste"
	"github.com/tailorbird/tailorbird/pipelines/build"
	"github.com/tailorbird/tailorbird/transforms/sew"
	"github.com/tailorbird/tailorbird/transforms/shards"
)

// Resolve checks the section and turns it into a job. Mistakes are fault.Usage
// with the recipe's line; a target that holds something else is fault.Occupied; a
// server that does not answer is fault.Transient.
func Resolve(ctx context.Context, r *recipe.Sew) (sew.Job, error) {
	job, err := resolve(ctx, r)
	if err != nil {
		return job, err
	}
	return job, build.CheckTarget(ctx, &job.Shards)
}

// resolve is Resolve without a look at the target.
func resolve(ctx context.Context, r *recipe.Sew) (sew.Job, error) {
	for _, name := range r.Formats {
		if _, ok := formats.Lookup(name); !ok {
			return sew.Job{}, r.Errorf("formats", "no format %q%s", name, recipe.Suggest(name, formats.Names()))
		}
	}
	d, err := built.Open(ctx, r.From)
	if err != nil {
		return sew.Job{}, r.Errorf("from", "from: %w", err)
	}
	if err := checkSource(r, d.Manifest); err != nil {
		return sew.Job{}, err
	}
	wanted, err := chosen(r, d.Manifest)
	if err != nil {
		return sew.Job{}, err
	}
	exclude, err := blob.SHA256(ctx, r.Plan.Exclude)
	if err != nil {
		return sew.Job{}, r.Errorf("plan", "plan.exclude: %w", err)
	}
	model, deterministic, err := identify(ctx, r)
	if err != nil {
		return sew.Job{}, err
	}
	job := sew.Job{Recipe: *r, Wanted: wanted, Deterministic: deterministic, Shards: shards.Job{
		RunID: build.NewRunID(), Dataset: d.Manifest.Dataset, Source: sew.SourceName, Splits: []string{r.Split}, Transforms: "keep",
		Formats: r.Formats, Shards: int(r.Shards), ShardBytes: r.ShardBytes, Out: r.Out, Seed: r.Seed,
		RecipeHash: r.Hash(d.Manifest.RootHash, exclude, model), RecipeYAML: string(r.Encode(r.Out)), Codec: jpeg.Codec(),
		ErrorBudget: r.ErrorBudget, ClassErrorBudget: 1, ReportImages: build.ReportImages,
	}}
	job.Shards.Inputs = sew.Inputs(&job)
	return job, nil
}

func checkSource(r *recipe.Sew, m *manifest.Manifest) error {
	if m.Task != string(datasets.Detection) {
		return r.Errorf("from", "from: %s is a dataset of %s; sew needs objects with boxes and masks: lvis or coco", m.Dataset, m.Task)
	}
	if slices.ContainsFunc(m.Inputs, func(in manifest.Input) bool { return in.Role == "from" }) {
		return r.Errorf("from", "from: the dataset is sewn already; sew into the one that it was made from")
	}
	if _, ok := m.Splits[r.Split]; !ok {
		return r.Errorf("split", "the dataset has no split %q%s", r.Split, recipe.Suggest(r.Split, m.SplitNames()))
	}
	return nil
}

// chosen lists the categories that the recipe asks for, by how often the split
// shows them.
func chosen(r *recipe.Sew, m *manifest.Manifest) ([]int64, error) {
	stats := m.Statistics.Splits[r.Split]
	if stats == nil || len(stats.ImagesByClass) != len(m.Classes) {
		return nil, r.Errorf("from", "from: the manifest does not count the images of every class of split %s", r.Split)
	}
	images := make(map[int64]int64, len(m.Classes))
	for i, c := range m.Classes {
		images[c.ID] = stats.ImagesByClass[i]
	}
	ids, err := addsd.ChooseClasses(m.Classes, images, r.Plan.Classes)
	if err != nil {
		return nil, r.Errorf("plan", "plan.classes: %w", err)
	}
	if r.Plan.Sampling == addsd.SuperlabelSampling && slices.ContainsFunc(m.Classes, func(c manifest.Class) bool { return c.Supercategory == "" }) {
		return nil, r.Errorf("plan", "plan.sampling: superlabel needs supercategories, which dataset %s has not; take uniform or scene", m.Dataset)
	}
	return ids, nil
}

// identify asks what will make the pictures.
func identify(ctx context.Context, r *recipe.Sew) (model string, deterministic bool, err error) {
	var g addsd.Generator
	if r.Generator.Kind == "copy_paste" {
		o := sew.CopyPasteOptions(&r.Generator)
		if err := o.Validate(); err != nil {
			return "", false, r.Errorf("generator", "generator: %w", err)
		}
		g = copypaste.New(nil, nil, o)
	} else if s, err := sew.OpenServed(ctx, &r.Generator); err == nil {
		g = s
	} else {
		if fault.CodeOf(err) == fault.Usage {
			return "", false, r.Errorf("generator", "generator: %w", err)
		}
		return "", false, err
	}
	defer g.Close()
	id := g.Identity()
	return fmt.Sprintf("%s %s %s", id.Name, id.Version, id.WeightsSHA256), g.Deterministic(), nil
}
