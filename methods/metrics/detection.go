package metrics

import (
	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/rle"
)

// Image is one image of a ground truth.
type Image struct {
	ID            int64
	Height, Width int     // pixels; masks need them
	Negative      []int64 // LVIS: categories that were verified to be absent
	NotExhaustive []int64 // LVIS: categories of which not all objects are annotated
}

// Category is one class. Frequency is LVIS's: 'r', 'c' or 'f', 0 where unknown.
type Category struct {
	ID        int64
	Name      string
	Frequency byte
}

// Annotation is one object of the ground truth.
type Annotation struct {
	ID, Image, Category int64
	Box                 [4]float64  // x, y, width, height in pixels
	Area                float64     // pixels; the one that size ranges go by, of boxes too
	Mask                rle.Mask    // of masks: this, or
	Polygons            [][]float64 // outlines x0, y0, x1, y1, ...
	Crowd               bool        // COCO: a region of many objects
	Ignore              bool        // LVIS: neither to be found nor to be missed
}

// GroundTruth is a set of images with all that is annotated in them.
type GroundTruth struct {
	Images      []Image
	Categories  []Category
	Annotations []Annotation
}

// Detection is one found object.
type Detection struct {
	Image, Category int64
	Box             [4]float64 // x, y, width, height in pixels
	Mask            rle.Mask   // where masks are compared; without runs the box is the mask
	Area            float64    // pixels, for size ranges; 0: of the mask or the box
	Score           float64
}

// mask returns the outline of a as runs for an image of h x w pixels.
func (a *Annotation) mask(h, w int) (rle.Mask, error) {
	if len(a.Polygons) > 0 {
		return rle.FromPolygons(a.Polygons, h, w, nil)
	}
	if len(a.Mask.Counts) == 0 {
		return rle.Mask{}, fault.New(fault.InvalidAnnotation, "no mask")
	}
	return a.Mask, fits(a.Mask, h, w)
}

// mask returns the runs of d for an image of h x w pixels.
func (d *Detection) mask(h, w int) (rle.Mask, error) {
	if len(d.Mask.Counts) == 0 {
		return rle.FromBox(d.Box, h, w, nil)
	}
	return d.Mask, fits(d.Mask, h, w)
}

// fits checks that m is a mask of an image of h x w pixels.
func fits(m rle.Mask, h, w int) error {
	if m.Height != h || m.Width != w {
		return fault.New(fault.InvalidAnnotation, "mask of %d x %d pixels, image has %d x %d (height x width)", m.Height, m.Width, h, w)
	}
	return m.Validate()
}
