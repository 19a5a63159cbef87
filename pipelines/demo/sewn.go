package demo

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/datasets/built"
	"github.com/tailorbird/tailorbird/datasets/report"
	"github.com/tailorbird/tailorbird/datasets/report/sewn"
	"github.com/tailorbird/tailorbird/internal/blob"
	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/internal/recipe"
	"github.com/tailorbird/tailorbird/pipelines/sew"
	steps "github.com/tailorbird/tailorbird/transforms/sew"
)

// The dataset that is sewn from the demo's first one, and what the page says.
const (
	sewnName = "lvis-sewn"
	sewnWhat = "The first dataset with objects of its rare classes pasted into other pictures: every label follows, and one picture was made again to the same bytes."
)

// sewnText and removedText are the recipes, as a user would write them; the
// first is run here.
const (
	sewnText    = "version: 1\nseed: %d\nsew:\n  from: lvis\n  plan: {classes: rare, images_per_class: 3}\n  generator: {kind: copy_paste}\n  shards: 2\nout: lvis-sewn\n"
	removedText = "version: 1\nseed: %d\nremove:\n  dataset: lvis\n  inputs: {images: raw/coco, annotations: raw/lvis/lvis_v1_train.json}\n" +
		"  transforms: decode | resize(long=256) | encode(jpeg, quality=90)\n  holdout: 10%%\n  error_budget: 25%%\nout: lvis-removed\n"
)

// sewnPictures is how many synthetic pictures the page shows large.
const sewnPictures = 8

// sewRare sews, verifies and makes one picture again.
func sewRare(ctx context.Context, o Options) (Step, error) {
	start := time.Now()
	s := Step{Name: sewnName, Out: filepath.Join(o.Out, sewnName), what: sewnWhat}
	if _, err := blob.Put(ctx, filepath.Join(o.Out, "lvis-removed.yaml"), fmt.Appendf(nil, removedText, o.Seed)); err != nil {
		return s, err
	}
	file := filepath.Join(o.Out, sewnName+".yaml")
	if _, err := blob.Put(ctx, file, fmt.Appendf(nil, sewnText, o.Seed)); err != nil {
		return s, err
	}
	r, err := recipe.Load(file, nil)
	if err == nil {
		err = r.Place("")
	}
	if err != nil {
		return s, err
	}
	job, err := sew.Resolve(ctx, r.Sew)
	if err != nil {
		return s, err
	}
	job.Shards.Workers, job.Shards.Runner = o.Workers, o.Runner
	if s.Manifest, err = sew.Run(ctx, job, o.Execute); err != nil {
		return s, err
	}
	s.RootHash, s.Examples, s.SetAside = s.Manifest.RootHash, s.Manifest.Examples(), s.Manifest.Quarantine.Examples
	if err := s.verify(ctx); err != nil {
		return s, err
	}
	if err := s.replay(ctx); err != nil {
		return s, err
	}
	s.more, err = s.sewnBlocks(ctx, &job)
	s.Seconds = time.Since(start).Seconds()
	return s, err
}

// replay makes one synthetic picture again: the same bytes, or a bug.
func (s *Step) replay(ctx context.Context) error {
	keys, err := sew.SyntheticKeys(ctx, s.Out, 1)
	if err != nil {
		return err
	}
	again, err := sew.Replay(ctx, s.Out, keys[0])
	if err == nil && !again.Same {
		err = fault.At(fault.New(fault.Bug, "made again it is another picture"), fault.Place{Path: s.Out, Key: keys[0]})
	}
	return err
}

// sewnBlocks are the sections about the sewing.
func (s *Step) sewnBlocks(ctx context.Context, job *steps.Job) ([]report.Block, error) {
	plan, err := steps.ReadPlan(ctx, job)
	if err != nil {
		return nil, err
	}
	outcome, err := sew.Acceptance(ctx, s.Out)
	if err != nil {
		return nil, err
	}
	in := sewn.Input{Classes: steps.PageClasses(plan.Classes)}
	names := map[int64]string{}
	for i := range in.Classes {
		c := &in.Classes[i]
		names[c.ID] = c.Name
		if o := outcome[c.Name]; o != nil {
			c.Generated, c.Accepted, c.Rejected = o.Generated, o.Accepted, map[string]int64{}
			for reason, n := range o.Rejected {
				c.Rejected[string(reason)] = n
			}
		}
	}
	keys, err := sew.SyntheticKeys(ctx, s.Out, sewnPictures)
	if err != nil {
		return nil, err
	}
	d, err := built.Open(ctx, s.Out)
	if err != nil {
		return nil, err
	}
	for _, key := range keys {
		ex, err := d.Find(ctx, key)
		if err != nil {
			return nil, err
		}
		in.Accepted = append(in.Accepted, sewnPicture(ex, names))
	}
	return sewn.Sections(in)
}

func sewnPicture(ex *datasets.Example, names map[int64]string) sewn.Picture {
	made := ex.Synthetic
	p := sewn.Picture{Key: ex.Key, Class: names[made.CategoryID], Score: &made.Score, IoU: made.FoundIoU,
		Image: ex.Image, Width: ex.Width, Height: ex.Height, Found: &sewn.Place{Box: made.Found}}
	if t := made.Truth; t != nil {
		p.Truth = &sewn.Place{Box: &t.BBox, Mask: t.Segmentation}
	}
	for _, a := range *ex.Annotations {
		if a.ID != made.Annotation {
			p.Existing = append(p.Existing, a)
		}
	}
	return p
}
