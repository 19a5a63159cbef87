package sew

import (
	"slices"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/kernels/rle"
	"github.com/tailorbird/tailorbird/methods/addsd"
)

// take makes the example of a picture that passed.
func (m *Maker) take(b *bench, w *sampleWork, base *datasets.Example, req *addsd.Request, made *addsd.Made, data []byte, found *addsd.Found, verdicts []datasets.Verdict) error {
	s := w.sample
	object, iou, maskIoU, err := describe(s, made, found)
	if err != nil {
		return err
	}
	objects := append(make([]datasets.Annotation, 0, len(made.Objects)+1), object)
	for i, o := range made.Objects {
		o.ID = s.AnnotationID + 1 + int64(i)
		objects = append(objects, o)
	}
	identity := m.generator.Identity()
	w.example = &datasets.Example{
		Key: s.Key, Split: m.job.Recipe.Split, Width: made.Image.Width, Height: made.Image.Height,
		OriginalWidth: made.Image.Width, OriginalHeight: made.Image.Height,
		Source:  datasets.Origin{Name: identity.Name, Bytes: int64(len(data)), SHA256: sum(data)},
		ImageID: &s.ImageID, Annotations: &objects, License: base.License,
		NegCategoryIDs: without(base.NegCategoryIDs, s.Category), NotExhaustiveCategoryIDs: base.NotExhaustiveCategoryIDs,
		Synthetic: &datasets.Synthetic{
			BaseKey: base.Key, BaseSHA256: req.Base.SHA256, CategoryID: s.Category, Annotation: s.AnnotationID, Prompt: s.Instruction,
			Generator: identity, Seed: req.Seed, Attempt: req.Attempt, Steps: req.Steps, Guidance: req.Guidance,
			Localiser: b.loc.Name(), Score: found.Score, Verdicts: verdicts, Donor: made.Donor, Truth: made.Truth, Found: &found.Box, FoundIoU: iou,
		},
		Image: data, Ext: "jpg",
	}
	w.record.Accepted = &accepted{Base: base.Key, Box: object.BBox, Width: made.Image.Width, Height: made.Image.Height,
		Hash: uint64(b.region.Hash(&b.seen, object.BBox)), IoU: iou, MaskIoU: maskIoU, Objects: categories(objects)}
	return nil
}

// describe is the annotation of the added object: the truth where the generator
// knows it, else what the localiser found. With a truth it also says how well the
// localiser did.
func describe(s *Sample, made *addsd.Made, found *addsd.Found) (a datasets.Annotation, iou, maskIoU *float64, err error) {
	a = datasets.Annotation{ID: s.AnnotationID, CategoryID: s.Category}
	if t := made.Truth; t != nil {
		a.BBox, a.Area, a.Segmentation = t.BBox, t.Area, t.Segmentation
		v := rle.BoxIoU(t.BBox, found.Box, false)
		iou = &v
		if t.Segmentation != nil && found.Mask.Counts != nil {
			mask, err := t.Segmentation.Mask(made.Image.Width, made.Image.Height, nil)
			if err != nil {
				return a, nil, nil, err
			}
			u, err := rle.IoU(found.Mask, mask, false)
			if err != nil {
				return a, nil, nil, err
			}
			maskIoU = &u
		}
		return a, iou, maskIoU, nil
	}
	a.BBox, a.Area = found.Box, found.Box[2]*found.Box[3]
	if found.Mask.Counts != nil {
		a.Area, a.Segmentation = float64(found.Mask.Area()), datasets.SegmentationOf(found.Mask)
	}
	return a, nil, nil, nil
}

// without takes an added class out of the list of those that a picture is known
// not to show; nil stays nil.
func without(ids *[]int64, category int64) *[]int64 {
	if ids == nil || !slices.Contains(*ids, category) {
		return ids
	}
	out := []int64{}
	for _, id := range *ids {
		if id != category {
			out = append(out, id)
		}
	}
	return &out
}
