package metrics

import "math"

// Size is a range of areas in pixels, both ends included.
type Size struct {
	Name     string
	Min, Max float64
}

// COCO chooses how COCO's evaluation runs; the zero value is the official one
// for boxes.
type COCO struct {
	Masks    bool      // compare masks, not boxes
	Agnostic bool      // all classes as one: useCats = 0
	MaxDets  []int     // detections that count of a class in an image; nil: 1, 10, 100
	IoUs     []float64 // thresholds, rising, at most 32; nil: .5, .55 to .95
	Sizes    []Size    // the first one is the whole; nil: all, small, medium, large
	Workers  int       // goroutines; 0: one a processor
}

// NewCOCO prepares an evaluation after COCOeval. Its results' Stats are AP, AP50,
// AP75, APs, APm, APl, AR1, AR10, AR100 (after MaxDets), ARs, ARm, ARl. Annotations
// of categories and images that are not listed do not count.
func NewCOCO(gt *GroundTruth, o COCO) (*Evaluator, error) {
	r := rules{masks: o.Masks, agnostic: o.Agnostic, maxDets: o.MaxDets, ious: o.IoUs, sizes: o.Sizes, workers: o.Workers}
	if r.maxDets == nil {
		r.maxDets = []int{1, 10, 100}
	}
	return newEvaluator(gt, r)
}

// LVIS chooses how LVIS's evaluation runs; the zero value is the official one for
// boxes, of version 0.5 and 1 alike.
type LVIS struct {
	Masks   bool      // compare masks, not boxes
	MaxDets int       // detections that count of an image over all classes; 0: 300, below: all
	IoUs    []float64 // as COCO's
	Sizes   []Size    // as COCO's
	Workers int       // as COCO's
}

// NewLVIS prepares an evaluation after LVISEval. Its results' Stats are AP, AP50,
// AP75, APs, APm, APl, APr, APc, APf, AR@300 (after MaxDets), ARs@300, ARm@300,
// ARl@300.
//
// The federated rules: of an image only classes count that are annotated in it or
// verified to be absent, and in classes that are not annotated in full what
// matches nothing is no error.
func NewLVIS(gt *GroundTruth, o LVIS) (*Evaluator, error) {
	r := rules{masks: o.Masks, federated: true, perImage: o.MaxDets, ious: o.IoUs, sizes: o.Sizes, workers: o.Workers}
	switch {
	case r.perImage == 0:
		r.perImage = 300
	case r.perImage < 0:
		r.perImage = -1
	}
	r.maxDets = []int{math.MaxInt}
	return newEvaluator(gt, r)
}

// rules is what the two evaluations have in common and where they differ.
type rules struct {
	masks, agnostic bool
	federated       bool // LVIS
	perImage        int  // LVIS: detections an image; -1: all
	maxDets         []int
	ious            []float64
	sizes           []Size
	workers         int
}

// recalls holds the 101 recalls at which precision is read. ious and recalls are
// spaced as numpy.linspace spaces them, to the last bit: a precision that lies just
// on a recall would fall to the other side otherwise.
var recalls = spaced(0, 1, 101)

// spaced returns n numbers from lo to hi with equal distances.
func spaced(lo, hi float64, n int) []float64 {
	step := (hi - lo) / float64(n-1)
	v := make([]float64, n)
	for i := range v {
		// The conversion keeps the product from being fused into the sum.
		v[i] = lo + float64(float64(i)*step)
	}
	v[n-1] = hi
	return v
}

func (r *rules) defaults() {
	if r.ious == nil {
		r.ious = spaced(.5, .95, 10)
	}
	if r.sizes == nil {
		r.sizes = []Size{{"all", 0, 1e10}, {"small", 0, 32 * 32}, {"medium", 32 * 32, 96 * 96}, {"large", 96 * 96, 1e10}}
	}
}
