package metrics

import (
	"io"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/internal/jsonstream"
)

// ReadOptions says what an evaluation needs of a ground truth.
type ReadOptions struct {
	Masks bool // segmentations; without it boxes
}

// ReadGroundTruth reads an annotation file of COCO or LVIS, version 0.5 or 1: an
// object with images, categories and annotations, in any order. It keeps what
// measures need and skips the rest.
//
// name names the file in errors, which also name the entry, "annotation 17", and
// its offset; they are fault.Corrupt, or fault.InvalidAnnotation for what cannot be.
func ReadGroundTruth(r io.Reader, name string, o ReadOptions) (*GroundTruth, error) {
	gt := &GroundTruth{}
	read := map[string]func(jsonstream.Record) error{
		"images":      gt.image,
		"categories":  gt.category,
		"annotations": func(rec jsonstream.Record) error { return gt.annotation(rec, o) },
	}
	entry := map[string]string{"images": "image", "categories": "category", "annotations": "annotation"}
	seen := map[string]bool{}
	s := jsonstream.NewScanner(r, jsonstream.Options{Name: name})
	err := s.Object(func(section string) error {
		if read[section] == nil || seen[section] {
			return nil
		}
		seen[section] = true
		return eachRecord(s, name, entry[section], read[section])
	})
	if err == nil {
		err = s.End()
	}
	for _, section := range []string{"images", "categories", "annotations"} {
		if err == nil && !seen[section] {
			err = fault.At(fault.New(fault.Corrupt, "no %s", section), fault.Place{Path: name})
		}
	}
	return gt, err
}

func (gt *GroundTruth) image(rec jsonstream.Record) (err error) {
	var im Image
	if im.ID, err = integer(rec.Fields, "id"); err != nil {
		return err
	}
	for _, side := range []struct {
		name string
		to   *int
	}{{"height", &im.Height}, {"width", &im.Width}} {
		v, err := integer(rec.Fields, side.name)
		if err != nil {
			return err
		}
		*side.to = int(v)
	}
	if im.Negative, err = ids(rec.Fields, "neg_category_ids"); err != nil {
		return err
	}
	im.NotExhaustive, err = ids(rec.Fields, "not_exhaustive_category_ids")
	gt.Images = append(gt.Images, im)
	return err
}

// ids reads a list of integers, nil where it is absent.
func ids(fields []jsonstream.Field, name string) (list []int64, err error) {
	raw := present(fields, name)
	if raw == nil {
		return nil, nil
	}
	err = jsonstream.Elements(raw, func(_ int, elem []byte) error {
		v, err := jsonstream.Int(elem)
		list = append(list, v)
		return err
	})
	return list, named(err, name)
}

func (gt *GroundTruth) category(rec jsonstream.Record) (err error) {
	var c Category
	if c.ID, err = integer(rec.Fields, "id"); err != nil {
		return err
	}
	if raw := present(rec.Fields, "name"); raw != nil {
		if c.Name, err = jsonstream.Text(raw); err != nil {
			return named(err, "name")
		}
	}
	if raw := present(rec.Fields, "frequency"); raw != nil {
		f, err := jsonstream.Text(raw)
		if err != nil {
			return named(err, "frequency")
		}
		if f != "r" && f != "c" && f != "f" {
			return fault.New(fault.Corrupt, "frequency %.20q, want r, c or f", f)
		}
		c.Frequency = f[0]
	}
	gt.Categories = append(gt.Categories, c)
	return nil
}

func (gt *GroundTruth) annotation(rec jsonstream.Record, o ReadOptions) (err error) {
	var a Annotation
	for _, id := range []struct {
		name string
		to   *int64
	}{{"id", &a.ID}, {"image_id", &a.Image}, {"category_id", &a.Category}} {
		if *id.to, err = integer(rec.Fields, id.name); err != nil {
			return err
		}
	}
	if a.Area, err = float(rec.Fields, "area"); err != nil {
		return err
	}
	if a.Crowd, err = flag(rec.Fields, "iscrowd"); err != nil {
		return err
	}
	if a.Ignore, err = flag(rec.Fields, "ignore"); err != nil {
		return err
	}
	if err := a.outline(rec.Fields, o); err != nil {
		return err
	}
	gt.Annotations = append(gt.Annotations, a)
	return nil
}

// outline reads the box or the mask, whichever is compared.
func (a *Annotation) outline(fields []jsonstream.Field, o ReadOptions) (err error) {
	var ok bool
	if a.Box, ok, err = box(fields); err != nil {
		return err
	}
	if !o.Masks {
		if !ok {
			return fault.New(fault.Corrupt, "no bbox")
		}
		return nil
	}
	raw := present(fields, "segmentation")
	if raw == nil {
		return fault.New(fault.Corrupt, "no segmentation")
	}
	if a.Mask, a.Polygons, err = segmentation(raw); err != nil {
		return err
	}
	if a.Polygons != nil && len(a.Polygons) == 0 {
		return fault.New(fault.InvalidAnnotation, "segmentation: no polygon")
	}
	return nil
}

// flag reads 0, 1, false or true; absent is false.
func flag(fields []jsonstream.Field, name string) (bool, error) {
	raw := present(fields, name)
	switch string(raw) {
	case "", "false":
		return false, nil
	case "true":
		return true, nil
	}
	v, err := jsonstream.Int(raw)
	return v != 0, named(err, name)
}
