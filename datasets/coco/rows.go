package coco

import (
	"bytes"
	"math"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/internal/jsonstream"
)

// ImageObject is one element of "images".
type ImageObject struct {
	ID            int64
	Width, Height int // pixels; 0 where the file does not say
	License       *int64
	// LVIS: nil where the object has no such member.
	NegCategoryIDs, NotExhaustiveCategoryIDs []int64
}

// ParseImage reads an element of "images". What is missing or of the wrong type
// is fault.InvalidAnnotation, naming the image.
func ParseImage(raw []byte) (im ImageObject, err error) {
	var store [16]jsonstream.Field
	fields, err := jsonstream.Fields(store[:0], raw)
	if err != nil {
		return im, fault.New(fault.InvalidAnnotation, "image: %w", err)
	}
	if im.ID, err = integer(fields, "id"); err != nil {
		return im, fault.New(fault.InvalidAnnotation, "image: %w", err)
	}
	if err := im.fill(fields); err != nil {
		return im, fault.New(fault.InvalidAnnotation, "image %d: %w", im.ID, err)
	}
	return im, nil
}

func (im *ImageObject) fill(fields []jsonstream.Field) (err error) {
	if im.Width, err = side(fields, "width"); err != nil {
		return err
	}
	if im.Height, err = side(fields, "height"); err != nil {
		return err
	}
	if optional(fields, "license") != nil {
		n, err := integer(fields, "license")
		if err != nil {
			return err
		}
		im.License = &n
	}
	if im.NegCategoryIDs, err = integers(fields, "neg_category_ids"); err != nil {
		return err
	}
	im.NotExhaustiveCategoryIDs, err = integers(fields, "not_exhaustive_category_ids")
	return err
}

// side reads a width or height.
func side(fields []jsonstream.Field, name string) (int, error) {
	if optional(fields, name) == nil {
		return 0, nil
	}
	n, err := integer(fields, name)
	if err == nil && (n < 1 || n > math.MaxInt32) {
		err = fault.New(fault.InvalidAnnotation, "%s: %d", name, n)
	}
	return int(n), err
}

func integers(fields []jsonstream.Field, name string) ([]int64, error) {
	raw := optional(fields, name)
	if raw == nil {
		return nil, nil
	}
	ids := []int64{}
	err := jsonstream.Elements(raw, func(_ int, e []byte) error {
		n, err := jsonstream.Int(e)
		ids = append(ids, n)
		return err
	})
	if err != nil {
		return nil, fault.New(fault.InvalidAnnotation, "%s: %w", name, err)
	}
	return ids, nil
}

// ParseAnnotation reads an element of "annotations": id, image_id, category_id,
// bbox and area must be there; iscrowd is 0 and the segmentation nil where the
// file has none. What is missing or of the wrong type is fault.InvalidAnnotation,
// naming the annotation; geometry is not judged.
func ParseAnnotation(raw []byte) (a datasets.Annotation, imageID int64, err error) {
	var store [16]jsonstream.Field
	fields, err := jsonstream.Fields(store[:0], raw)
	if err != nil {
		return a, 0, fault.New(fault.InvalidAnnotation, "annotation: %w", err)
	}
	if a.ID, err = integer(fields, "id"); err != nil {
		return a, 0, fault.New(fault.InvalidAnnotation, "annotation: %w", err)
	}
	if imageID, err = fill(&a, fields); err != nil {
		return a, 0, fault.New(fault.InvalidAnnotation, "annotation %d: %w", a.ID, err)
	}
	return a, imageID, nil
}

func fill(a *datasets.Annotation, fields []jsonstream.Field) (imageID int64, err error) {
	if imageID, err = integer(fields, "image_id"); err != nil {
		return 0, err
	}
	if a.CategoryID, err = integer(fields, "category_id"); err != nil {
		return 0, err
	}
	if a.BBox, err = box(optional(fields, "bbox")); err != nil {
		return 0, fault.New(fault.InvalidAnnotation, "bbox: %w", err)
	}
	if a.Area, err = jsonstream.Float(optional(fields, "area")); err != nil {
		return 0, fault.New(fault.InvalidAnnotation, "area: %w", err)
	}
	if optional(fields, "iscrowd") != nil {
		n, err := integer(fields, "iscrowd")
		if err == nil && n != 0 && n != 1 {
			err = fault.New(fault.InvalidAnnotation, "iscrowd: %d, want 0 or 1", n)
		}
		if err != nil {
			return 0, err
		}
		a.IsCrowd = int(n)
	}
	if a.Segmentation, err = segmentation(optional(fields, "segmentation")); err != nil {
		return 0, fault.New(fault.InvalidAnnotation, "segmentation: %w", err)
	}
	return imageID, nil
}

func box(raw []byte) (b datasets.Box, err error) {
	v, err := floats(raw)
	if err != nil {
		return b, err
	}
	if len(v) != 4 {
		return b, fault.New(fault.InvalidAnnotation, "%d numbers, want x, y, width, height", len(v))
	}
	return datasets.Box(v), nil
}

// segmentation reads polygons or run lengths; a list without polygons counts as none.
func segmentation(raw []byte) (*datasets.Segmentation, error) {
	if raw == nil {
		return nil, nil
	}
	if raw[0] == '{' {
		r, err := runs(raw)
		if err != nil {
			return nil, err
		}
		return &datasets.Segmentation{RLE: r}, nil
	}
	var polygons [][]float64
	err := jsonstream.Elements(raw, func(i int, e []byte) error {
		p, err := floats(e)
		if err != nil {
			return fault.New(fault.InvalidAnnotation, "polygon %d: %w", i, err)
		}
		polygons = append(polygons, p)
		return nil
	})
	if err != nil || polygons == nil {
		return nil, err
	}
	return &datasets.Segmentation{Polygons: polygons}, nil
}

func floats(raw []byte) ([]float64, error) {
	v := make([]float64, 0, 1+bytes.Count(raw, []byte{','}))
	err := jsonstream.Elements(raw, func(_ int, e []byte) error {
		f, err := jsonstream.Float(e)
		v = append(v, f)
		return err
	})
	return v, err
}

// runs reads {"size": [height, width], "counts": text or numbers}.
func runs(raw []byte) (*datasets.RLE, error) {
	var store [4]jsonstream.Field
	fields, err := jsonstream.Fields(store[:0], raw)
	if err != nil {
		return nil, err
	}
	size, err := integers(fields, "size")
	if err != nil {
		return nil, err
	}
	if len(size) != 2 || size[0] < 0 || size[1] < 0 || max(size[0], size[1]) > math.MaxInt32 {
		return nil, fault.New(fault.InvalidAnnotation, "size: want height and width, found %.40s", jsonstream.Lookup(fields, "size"))
	}
	r := &datasets.RLE{Size: [2]int{int(size[0]), int(size[1])}}
	counts := optional(fields, "counts")
	if counts != nil && counts[0] == '"' {
		r.Counts, err = jsonstream.Text(counts)
		return r, err
	}
	r.Runs = make([]uint32, 0, 1+bytes.Count(counts, []byte{','}))
	err = jsonstream.Elements(counts, func(i int, e []byte) error {
		n, err := jsonstream.Int(e)
		if err == nil && (n < 0 || n > math.MaxUint32) {
			err = fault.New(fault.InvalidAnnotation, "run %d: %d", i, n)
		}
		r.Runs = append(r.Runs, uint32(n))
		return err
	})
	if err != nil {
		return nil, fault.New(fault.InvalidAnnotation, "counts: %w", err)
	}
	return r, nil
}
