package filter

import (
	"math"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/boxes"
	"github.com/tailorbird/tailorbird/methods/addsd"
)

// Limits are what a synthetic picture has to keep to. Shares are 0..1.
type Limits struct {
	MinArea     float64 `json:"min_area"`     // of the added object, share of the picture
	MaxArea     float64 `json:"max_area"`     // likewise
	MaxDrift    float64 `json:"max_drift"`    // mean change outside the object
	MaxOverlap  float64 `json:"max_overlap"`  // IoU of its box with that of an object that was there
	MaxChanged  float64 `json:"max_changed"`  // share of the picture's pixels
	MinDistance int     `json:"min_distance"` // bits in which two pictures' hashes differ; 0 does not compare
	// MaxSame is the IoU of two boxes of one class on one base from which the
	// pictures are the same; 1 does not compare.
	MaxSame float64 `json:"max_same"`
}

// Defaults returns the limits of specs/add_sd.md 4.1 and 4.7, and for duplicates
// a distance of 4 bits or the same place by an IoU over 0.7.
func Defaults() Limits {
	return Limits{MinArea: 0.001, MaxArea: 0.6, MaxDrift: 0.05, MaxOverlap: 0.5, MaxChanged: 0.6, MinDistance: 4, MaxSame: 0.7}
}

// Validate returns a fault.Usage that names the field that cannot be.
func (l Limits) Validate() error {
	for _, f := range []struct {
		name  string
		value float64
	}{
		{"min_area", l.MinArea}, {"max_area", l.MaxArea}, {"max_drift", l.MaxDrift},
		{"max_overlap", l.MaxOverlap}, {"max_changed", l.MaxChanged}, {"max_same", l.MaxSame},
	} {
		if !(f.value >= 0 && f.value <= 1) {
			return fault.New(fault.Usage, "filter: %s: %v is not a share of 0 to 1", f.name, f.value)
		}
	}
	if l.MinArea > l.MaxArea {
		return fault.New(fault.Usage, "filter: min_area: %v is more than max_area, %v", l.MinArea, l.MaxArea)
	}
	if l.MinDistance < 0 || l.MinDistance > 64 {
		return fault.New(fault.Usage, "filter: min_distance: %d is not 0 to 64 bits", l.MinDistance)
	}
	return nil
}

// The names of the checks, in the order of their verdicts.
const (
	Changed  = "changed"
	Drift    = "drift"
	MinArea  = "min_area"
	MaxArea  = "max_area"
	Overlap  = "overlap"
	Distance = "distance" // of Duplicates
	Same     = "same"     // of Duplicates
)

// check is a verdict and what its failing means.
type check struct {
	datasets.Verdict
	reason addsd.Reason
	what   string
}

// Check holds what was found in a picture of w x h pixels against the limits.
// objects are those that were there and still are, in pixels of the picture. The
// object's area is its mask's, or its box's where it has no mask. Crowds are regions
// and not objects; they do not count.
//
// All checks give a verdict, in the order changed, drift, min_area, max_area,
// overlap. The error is a *addsd.Rejection for the first that failed, its reason
// TooMuch, Drifted, TooSmall, TooBig or Overlaps. A value that equals its limit
// passes. A picture without pixels is fault.Usage.
func (l Limits) Check(found addsd.Found, objects []datasets.Annotation, w, h int) ([]datasets.Verdict, error) {
	if w <= 0 || h <= 0 {
		return nil, fault.New(fault.Usage, "filter: picture of %d x %d pixels", w, h)
	}
	area := share(found, w, h)
	overlap, err := overlapOf(found.Box, objects)
	if err != nil {
		return nil, err
	}
	checks := []check{
		{atMost(Changed, found.Changed, l.MaxChanged), addsd.TooMuch, "%.4f of the picture changed, at most %g"},
		{atMost(Drift, found.Drift, l.MaxDrift), addsd.Drifted, "the rest of the picture changed by %.4f on average, at most %g"},
		{atLeast(MinArea, area, l.MinArea), addsd.TooSmall, "the object is %.5f of the picture, at least %g"},
		{atMost(MaxArea, area, l.MaxArea), addsd.TooBig, "the object is %.4f of the picture, at most %g"},
		{atMost(Overlap, overlap, l.MaxOverlap), addsd.Overlaps, "its box has an IoU of %.4f with that of an object that was there, at most %g"},
	}
	verdicts := make([]datasets.Verdict, len(checks))
	var first error
	for i, c := range checks {
		verdicts[i] = c.Verdict
		if !c.OK && first == nil {
			first = addsd.Reject(c.reason, c.what, c.Value, c.Limit)
		}
	}
	return verdicts, first
}

// atMost fails what is not a number, and writes the largest number in its place,
// since a record is JSON.
func atMost(name string, value, limit float64) datasets.Verdict {
	if math.IsNaN(value) || value > math.MaxFloat64 {
		value = math.MaxFloat64
	}
	return datasets.Verdict{Check: name, Value: value, Limit: limit, OK: value <= limit}
}

func atLeast(name string, value, limit float64) datasets.Verdict {
	if math.IsNaN(value) || value < -math.MaxFloat64 {
		value = -math.MaxFloat64
	}
	return datasets.Verdict{Check: name, Value: value, Limit: limit, OK: value >= limit}
}

// share is the part of the picture that the object takes.
func share(found addsd.Found, w, h int) float64 {
	area := found.Box[2] * found.Box[3]
	if found.Mask.Counts != nil {
		area = float64(found.Mask.Area())
	}
	return area / (float64(w) * float64(h))
}

// overlapOf is the largest IoU of box with that of an object, in float32 as
// kernels/boxes' suppression has it.
func overlapOf(box datasets.Box, objects []datasets.Annotation) (float64, error) {
	all := make([]float32, 0, 4*len(objects))
	for i := range objects {
		if objects[i].IsCrowd == 0 {
			all = append(all, corners(objects[i].BBox)...)
		}
	}
	ious, err := boxes.IoU(corners(box), all)
	if err != nil {
		return 0, err
	}
	most := float32(0)
	for _, v := range ious {
		// Two boxes without area have no number for an IoU, and no overlap.
		if v > most {
			most = v
		}
	}
	return float64(most), nil
}

func corners(b datasets.Box) []float32 {
	return []float32{float32(b[0]), float32(b[1]), float32(b[0] + b[2]), float32(b[1] + b[3])}
}
