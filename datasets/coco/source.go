package coco

import (
	"context"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/internal/fault"
)

func init() { datasets.Register(Source{}) }

// Source is COCO instances.
type Source struct{}

// Spec describes the source.
func (Source) Spec() datasets.Spec {
	return datasets.Spec{
		Name:    "coco",
		Task:    datasets.Detection,
		Summary: "COCO 2014 / 2017 instances: boxes, masks and 80 categories",
		Inputs: []datasets.Input{
			{Role: "images", Doc: "directory of the images (train2017), or the one above it", Required: true},
			{Role: "annotations", Doc: "instances_*.json", Required: true},
		},
	}
}

// Plan implements datasets.Source.
func (s Source) Plan(ctx context.Context, in datasets.Inputs, p *datasets.Planner) error {
	return Plan(ctx, s.Spec(), in, p, ByFileName(in["annotations"]))
}

// Example implements datasets.Source.
func (Source) Example(ref *datasets.Ref, rows [][]byte, m *datasets.Meta) (*datasets.Example, error) {
	ex, _, err := Detection(ref, rows)
	return ex, err
}

// Plan plans a dataset of one images directory and one COCO-shaped annotation
// file: a Ref for each image in order of id, its rows as Index.Rows gives them.
func Plan(ctx context.Context, spec datasets.Spec, in datasets.Inputs, p *datasets.Planner, locate Locate) error {
	if err := datasets.CheckInputs(spec, in); err != nil {
		return err
	}
	split, err := SplitOf(in["annotations"], p.Splits)
	if err != nil {
		return err
	}
	images, err := List(ctx, in["images"], p)
	if err != nil {
		return err
	}
	x, err := Scan(ctx, in["annotations"], split, p)
	if err != nil {
		return err
	}
	for i, im := range x.Images {
		if err := ctx.Err(); err != nil {
			return err
		}
		var names []string
		err := x.Broken(i)
		if err == nil {
			if names, err = locate(im); err != nil {
				err = fault.At(err, x.at(im.Offset))
			}
		}
		if err != nil {
			err = p.Reject(rejection(Key(im.ID), split, err))
		} else {
			err = p.Emit(datasets.Ref{Key: Key(im.ID), Split: split, Image: images.Find(names), Rows: x.Rows(i), Label: -1})
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Detection builds the example of rows that Index.Rows describes: the image
// object, which is returned too, then its annotations, kept in their order. What
// is missing or of the wrong type is fault.InvalidAnnotation.
func Detection(ref *datasets.Ref, rows [][]byte) (*datasets.Example, ImageObject, error) {
	if len(rows) == 0 {
		return nil, ImageObject{}, fault.New(fault.Bug, "%s: planned without rows", ref.Key)
	}
	im, err := ParseImage(rows[0])
	if err != nil {
		return nil, im, err
	}
	anns := make([]datasets.Annotation, 0, len(rows)-1)
	for _, raw := range rows[1:] {
		a, image, err := ParseAnnotation(raw)
		if err == nil && image != im.ID {
			err = fault.New(fault.InvalidAnnotation, "annotation %d: of image %d, not %d", a.ID, image, im.ID)
		}
		if err != nil {
			return nil, im, err
		}
		anns = append(anns, a)
	}
	return &datasets.Example{
		Key: ref.Key, Split: ref.Split,
		OriginalWidth: im.Width, OriginalHeight: im.Height,
		ImageID: &im.ID, Annotations: &anns, License: im.License,
	}, im, nil
}
