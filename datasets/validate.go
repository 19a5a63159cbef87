package datasets

import (
	"math"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/polygon"
	"github.com/tailorbird/tailorbird/kernels/rle"
)

// boxSlack is how far a box may reach beyond its image, pixels: published
// annotations round outwards.
const boxSlack = 1.0

// Mask gives an unchecked run-length mask its meaning. buf is reused for the
// runs.
func (r *RLE) Mask(buf []uint32) (rle.Mask, error) {
	if r.Runs == nil {
		return rle.FromString(r.Counts, r.Size[0], r.Size[1], buf)
	}
	m := rle.Mask{Height: r.Size[0], Width: r.Size[1], Counts: r.Runs}
	return m, m.Validate()
}

// SetMask stores m in the form (string or numbers) that r has.
func (r *RLE) SetMask(m rle.Mask) {
	r.Size = [2]int{m.Height, m.Width}
	if r.Runs == nil {
		r.Counts = m.String()
		return
	}
	r.Runs = append(make([]uint32, 0, len(m.Counts)), m.Counts...)
}

// Mask rasterises s for an image of w x h pixels: the union of its outlines, or
// its run lengths, which must be of that size. buf is reused for the runs. Errors
// are fault.InvalidAnnotation or fault.Corrupt.
func (s *Segmentation) Mask(w, h int, buf []uint32) (rle.Mask, error) {
	if s.RLE == nil {
		return rle.FromPolygons(s.Polygons, h, w, buf)
	}
	if s.RLE.Size != [2]int{h, w} {
		return rle.Mask{}, fault.New(fault.InvalidAnnotation, "mask of %d x %d (width x height), image has %d x %d", s.RLE.Size[1], s.RLE.Size[0], w, h)
	}
	return s.RLE.Mask(buf)
}

// SegmentationOf is m in COCO's compressed form.
func SegmentationOf(m rle.Mask) *Segmentation {
	return &Segmentation{RLE: &RLE{Size: [2]int{m.Height, m.Width}, Counts: m.String()}}
}

// Object is what an annotation and a referred object share.
type Object struct {
	ID           int64
	CategoryID   int64
	BBox         *Box
	Area         *float64
	Segmentation *Segmentation
	IsCrowd      int
}

// Objects lists the objects of e; writes through BBox, Area and Segmentation
// change e.
func (e *Example) Objects() []Object {
	var out []Object
	if e.Annotations != nil {
		for i := range *e.Annotations {
			a := &(*e.Annotations)[i]
			out = append(out, Object{a.ID, a.CategoryID, &a.BBox, &a.Area, a.Segmentation, a.IsCrowd})
		}
	}
	if e.Refs != nil {
		for i := range *e.Refs {
			r := &(*e.Refs)[i]
			out = append(out, Object{r.AnnID, r.CategoryID, &r.BBox, &r.Area, r.Segmentation, r.IsCrowd})
		}
	}
	return out
}

// Validate holds the annotations of e against an image of w x h pixels and the
// classes of m (by id): boxes inside the image (to one pixel) and not empty,
// outlines of three points and more, masks of the image's size, categories that
// exist, ids given once. The error is fault.InvalidAnnotation and names the
// annotation's id.
func Validate(e *Example, w, h int, classes map[int64]int) error {
	seen := map[int64]bool{}
	for _, o := range e.Objects() {
		if err := o.validate(w, h, classes); err != nil {
			return fault.New(fault.InvalidAnnotation, "annotation %d: %w", o.ID, err)
		}
		if e.Annotations != nil && seen[o.ID] {
			return fault.New(fault.InvalidAnnotation, "annotation %d: the id is given twice", o.ID)
		}
		seen[o.ID] = true
	}
	if e.Refs != nil {
		return validateRefs(*e.Refs)
	}
	if e.Label != nil && (*e.Label < 0 || *e.Label >= len(classes)) {
		return fault.New(fault.InvalidAnnotation, "label %d, there are %d classes", *e.Label, len(classes))
	}
	return nil
}

func validateRefs(refs []Referred) error {
	seen := map[int64]bool{}
	for _, r := range refs {
		if len(r.Sentences) == 0 {
			return fault.New(fault.InvalidAnnotation, "ref %d: no sentence", r.RefID)
		}
		if seen[r.RefID] {
			return fault.New(fault.InvalidAnnotation, "ref %d: the id is given twice", r.RefID)
		}
		seen[r.RefID] = true
	}
	return nil
}

func (o Object) validate(w, h int, classes map[int64]int) error {
	if _, ok := classes[o.CategoryID]; !ok {
		return fault.New(fault.InvalidAnnotation, "category %d is not among the categories", o.CategoryID)
	}
	b := *o.BBox
	for _, v := range b {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return fault.New(fault.InvalidAnnotation, "box %v is not finite", b)
		}
	}
	switch {
	case b[2] <= 0 || b[3] <= 0:
		return fault.New(fault.InvalidAnnotation, "box %v is empty", b)
	case b[0] < -boxSlack || b[1] < -boxSlack || b[0]+b[2] > float64(w)+boxSlack || b[1]+b[3] > float64(h)+boxSlack:
		return fault.New(fault.InvalidAnnotation, "box %v leaves the image of %d x %d", b, w, h)
	case !(*o.Area >= 0) || math.IsInf(*o.Area, 0):
		return fault.New(fault.InvalidAnnotation, "area %v", *o.Area)
	case o.IsCrowd != 0 && o.IsCrowd != 1:
		return fault.New(fault.InvalidAnnotation, "iscrowd is %d", o.IsCrowd)
	case o.Segmentation == nil:
		return nil
	}
	return o.Segmentation.validate(w, h)
}

func (s *Segmentation) validate(w, h int) error {
	if s.RLE != nil {
		if s.RLE.Size != [2]int{h, w} {
			return fault.New(fault.InvalidAnnotation, "mask of %d x %d (width x height), image has %d x %d", s.RLE.Size[1], s.RLE.Size[0], w, h)
		}
		_, err := s.RLE.Mask(nil)
		return err
	}
	if len(s.Polygons) == 0 {
		return fault.New(fault.InvalidAnnotation, "segmentation without a polygon")
	}
	for i, p := range s.Polygons {
		if err := polygon.Validate(p); err != nil {
			return fault.New(fault.InvalidAnnotation, "outline %d: %w", i, err)
		}
	}
	return nil
}
