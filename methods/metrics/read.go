package metrics

import (
	"bytes"
	"fmt"
	"io"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/internal/jsonstream"
	"github.com/tailorbird/tailorbird/kernels/rle"
)

// ReadDetections reads a COCO or LVIS result file: an array of objects with
// image_id, category_id, score and bbox, segmentation or both. Segmentations are
// run lengths, compressed or not, or polygons, for which the size of the image in
// gt is needed. As in the published tools, an entry with a box has the area of
// that box even where masks are compared: leave bbox out there.
//
// name names the file in errors, which also name the entry, "detection 17", and
// its offset. What is no JSON of that form is fault.Corrupt; an image that gt does
// not have, a mask that does not fit its image, fault.InvalidAnnotation.
func ReadDetections(r io.Reader, name string, gt *GroundTruth) ([]Detection, error) {
	var ds []Detection
	err := ScanDetections(r, name, gt, func(d Detection) error {
		ds = append(ds, d)
		return nil
	})
	return ds, err
}

// ScanDetections is ReadDetections without a list: it calls fn with each entry,
// which keeps its memory.
func ScanDetections(r io.Reader, name string, gt *GroundTruth, fn func(Detection) error) error {
	images := make(map[int64]*Image, len(gt.Images))
	for i := range gt.Images {
		images[gt.Images[i].ID] = &gt.Images[i]
	}
	s := jsonstream.NewScanner(r, jsonstream.Options{Name: name})
	err := eachRecord(s, name, "detection", func(rec jsonstream.Record) error {
		d, err := detection(rec.Fields, images)
		if err != nil {
			return err
		}
		return fn(d)
	})
	if err != nil {
		return err
	}
	return s.End()
}

// eachRecord calls fn with the objects of an array and says in its errors which.
func eachRecord(s *jsonstream.Scanner, name, what string, fn func(rec jsonstream.Record) error) error {
	return s.Array(func(i int) error {
		rec, err := s.Record()
		if err != nil {
			return err
		}
		if rec.Fields == nil && rec.Raw[0] != '{' {
			err = fault.New(fault.Corrupt, "want an object, found %s", jsonstream.Kind(rec.Raw))
		} else {
			err = fn(rec)
		}
		if err == nil {
			return nil
		}
		place := fault.Offset(name, rec.Offset)
		place.Key = fmt.Sprintf("%s %d", what, i)
		return fault.At(err, place)
	})
}

func detection(fields []jsonstream.Field, images map[int64]*Image) (d Detection, err error) {
	if d.Image, err = integer(fields, "image_id"); err != nil {
		return d, err
	}
	if d.Category, err = integer(fields, "category_id"); err != nil {
		return d, err
	}
	if d.Score, err = float(fields, "score"); err != nil {
		return d, err
	}
	im := images[d.Image]
	if im == nil {
		return d, fault.New(fault.InvalidAnnotation, "image %d is not in the ground truth", d.Image)
	}
	var boxed bool
	if d.Box, boxed, err = box(fields); err != nil {
		return d, err
	}
	if boxed {
		d.Area = float64(d.Box[2] * d.Box[3])
	}
	outline := present(fields, "segmentation")
	switch {
	case outline == nil && !boxed:
		return d, fault.New(fault.Corrupt, "neither bbox nor segmentation")
	case outline == nil:
		return d, nil
	}
	var polygons [][]float64
	if d.Mask, polygons, err = segmentation(outline); err != nil {
		return d, err
	}
	if polygons != nil {
		d.Mask, err = rle.FromPolygons(polygons, im.Height, im.Width, nil)
	} else {
		err = fits(d.Mask, im.Height, im.Width)
	}
	return d, named(err, "segmentation")
}

// present returns the value of a member, nil where it is absent or null.
func present(fields []jsonstream.Field, name string) []byte {
	v := jsonstream.Lookup(fields, name)
	if bytes.Equal(v, []byte("null")) {
		return nil
	}
	return v
}

func integer(fields []jsonstream.Field, name string) (int64, error) {
	v, err := jsonstream.Int(jsonstream.Lookup(fields, name))
	return v, named(err, name)
}

func float(fields []jsonstream.Field, name string) (float64, error) {
	v, err := jsonstream.Float(jsonstream.Lookup(fields, name))
	return v, named(err, name)
}

// named says which member err is about.
func named(err error, name string) error {
	if err == nil {
		return nil
	}
	return fault.New(fault.CodeOf(err), "%s: %w", name, err)
}

// box reads bbox; ok says whether it is there. An empty list is no box.
func box(fields []jsonstream.Field) (b [4]float64, ok bool, err error) {
	raw := present(fields, "bbox")
	if raw == nil {
		return b, false, nil
	}
	n := 0
	err = jsonstream.Elements(raw, func(i int, elem []byte) (err error) {
		if n++; i < 4 {
			b[i], err = jsonstream.Float(elem)
		}
		return err
	})
	switch {
	case err != nil:
	case n == 0:
		return b, false, nil
	case n != 4:
		err = fault.New(fault.Corrupt, "%d numbers, want x, y, width and height", n)
	case b[2] < 0 || b[3] < 0:
		err = fault.New(fault.InvalidAnnotation, "width %v and height %v", b[2], b[3])
	}
	return b, err == nil, named(err, "bbox")
}

// segmentation reads run lengths, or a list of polygons, which is not nil then.
func segmentation(raw []byte) (m rle.Mask, polygons [][]float64, err error) {
	if raw[0] == '{' {
		m, err = runLengths(raw)
		return m, nil, named(err, "segmentation")
	}
	polygons = [][]float64{}
	err = jsonstream.Elements(raw, func(_ int, outline []byte) error {
		var xy []float64
		err := jsonstream.Elements(outline, func(_ int, elem []byte) error {
			v, err := jsonstream.Float(elem)
			xy = append(xy, v)
			return err
		})
		polygons = append(polygons, xy)
		return err
	})
	return m, polygons, named(err, "segmentation")
}

// runLengths reads size and counts. Compressed counts are what results have in
// bulk, so they take the short way.
func runLengths(raw []byte) (m rle.Mask, err error) {
	var room [4]jsonstream.Field
	fields, err := jsonstream.Fields(room[:0], raw)
	if err != nil {
		return m, err
	}
	counts, size := present(fields, "counts"), present(fields, "size")
	if counts == nil || counts[0] != '"' || size == nil {
		err = m.UnmarshalJSON(raw)
		return m, err
	}
	text, err := jsonstream.Text(counts)
	if err != nil {
		return m, err
	}
	var sides [2]int
	n := 0
	err = jsonstream.Elements(size, func(i int, elem []byte) error {
		v, err := jsonstream.Int(elem)
		if n++; i < 2 {
			sides[i] = int(v)
		}
		return err
	})
	if err == nil && n != 2 {
		err = fault.New(fault.Corrupt, "size has %d numbers, want height and width", n)
	}
	if err != nil {
		return m, err
	}
	return rle.FromString(text, sides[0], sides[1], nil)
}
