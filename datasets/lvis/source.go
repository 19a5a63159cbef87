package lvis

import (
	"context"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/datasets/coco"
	"github.com/tailorbird/tailorbird/internal/fault"
)

func init() { datasets.Register(Source{}) }

// Source is LVIS, v1 and v0.5.
type Source struct{}

// Spec describes the source.
func (Source) Spec() datasets.Spec {
	return datasets.Spec{
		Name:    "lvis",
		Task:    datasets.Detection,
		Summary: "LVIS v1 and v0.5: long-tail instance masks over COCO 2017 images",
		Inputs: []datasets.Input{
			{Role: "images", Doc: "directory that holds train2017 and val2017, or one of them", Required: true},
			{Role: "annotations", Doc: "lvis_v1_*.json or lvis_v0.5_*.json", Required: true},
		},
	}
}

// Plan implements datasets.Source.
func (s Source) Plan(ctx context.Context, in datasets.Inputs, p *datasets.Planner) error {
	return coco.Plan(ctx, s.Spec(), in, p, coco.ByURL)
}

// Example implements datasets.Source.
func (Source) Example(ref *datasets.Ref, rows [][]byte, m *datasets.Meta) (*datasets.Example, error) {
	ex, im, err := coco.Detection(ref, rows)
	if err != nil {
		return nil, err
	}
	switch {
	case im.NegCategoryIDs == nil:
		return nil, fault.New(fault.InvalidAnnotation, "image %d: no neg_category_ids", im.ID)
	case im.NotExhaustiveCategoryIDs == nil:
		return nil, fault.New(fault.InvalidAnnotation, "image %d: no not_exhaustive_category_ids", im.ID)
	}
	for _, a := range *ex.Annotations {
		if a.Segmentation == nil {
			return nil, fault.New(fault.InvalidAnnotation, "annotation %d: no segmentation", a.ID)
		}
	}
	ex.NegCategoryIDs, ex.NotExhaustiveCategoryIDs = &im.NegCategoryIDs, &im.NotExhaustiveCategoryIDs
	return ex, nil
}
