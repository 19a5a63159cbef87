package filter

import (
	"math"
	"slices"
	"strings"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/phash"
	"github.com/tailorbird/tailorbird/kernels/raster"
	"github.com/tailorbird/tailorbird/methods/addsd"
)

// Sample is what Duplicates looks at of a synthetic picture.
type Sample struct {
	Key   string
	Hash  phash.Hash // of the added object with its surroundings: see Region
	Base  string     // key of the base
	Class int64      // category id
	Box   datasets.Box
}

// Decision is what becomes of a Sample. Of is the key of the picture that it
// duplicates, empty where it is kept. Err is then nil, else a *addsd.Rejection for
// addsd.Duplicate.
type Decision struct {
	Key      string
	Of       string
	Verdicts []datasets.Verdict
	Err      error
}

// Duplicates finds pictures that look alike. The zero value finds none but what has
// the same box; see Limits.Duplicates.
type Duplicates struct {
	MinDistance int     // bits; pictures nearer than that are the same
	MaxSame     float64 // IoU over which two boxes of one class on one base are the same
}

// Duplicates returns the rule of l.
func (l Limits) Duplicates() Duplicates { return Duplicates{l.MinDistance, l.MaxSame} }

// place is what has to be equal for boxes to be compared.
type place struct {
	base  string
	class int64
}

// Decide takes the samples in the order of their keys. A sample is kept unless its
// hash is nearer than MinDistance bits to that of one that is kept, or its box
// meets that of a kept one of the same base and class with an IoU over MaxSame.
// Of several such the first by key is named, a near hash before a same place.
//
// The decisions come in the order of the keys, whatever the order of samples, which
// is not changed. Two samples of one key are fault.Usage. Time is about n log n: a
// hash is looked up by its chunks, a box among those of its base and class.
func (d Duplicates) Decide(samples []Sample) ([]Decision, error) {
	order := make([]*Sample, len(samples))
	for i := range samples {
		order[i] = &samples[i]
	}
	slices.SortFunc(order, func(a, b *Sample) int { return strings.Compare(a.Key, b.Key) })
	for i := 1; i < len(order); i++ {
		if order[i].Key == order[i-1].Key {
			return nil, fault.New(fault.Usage, "filter: two samples have the key %q", order[i].Key)
		}
	}
	k := kept{rule: d, places: map[place][]*Sample{}}
	out := make([]Decision, len(order))
	for i, s := range order {
		out[i] = k.decide(s)
	}
	return out, nil
}

// kept are the samples that stay, by hash and by place.
type kept struct {
	rule   Duplicates
	all    []*Sample // by number in index
	index  phash.Index
	near   []int
	places map[place][]*Sample
}

func (k *kept) decide(s *Sample) Decision {
	twin, distance := k.nearest(s)
	rival, iou := k.same(s)
	dec := Decision{Key: s.Key, Verdicts: []datasets.Verdict{
		atLeast(Distance, float64(distance), float64(k.rule.MinDistance)),
		atMost(Same, iou, k.rule.MaxSame),
	}}
	switch {
	case !dec.Verdicts[0].OK:
		dec.Of = twin.Key
		dec.Err = addsd.Reject(addsd.Duplicate, "looks like %s: %d bits apart, at least %d", twin.Key, distance, k.rule.MinDistance)
	case !dec.Verdicts[1].OK:
		dec.Of = rival.Key
		dec.Err = addsd.Reject(addsd.Duplicate, "same class and base as %s and an IoU of %.4f, at most %g", rival.Key, iou, k.rule.MaxSame)
	default:
		k.all = append(k.all, s)
		k.index.Add(s.Hash)
		at := place{s.Base, s.Class}
		k.places[at] = append(k.places[at], s)
	}
	return dec
}

// nearest is the kept sample with the nearest hash, the first of equals. Beyond the
// limit it does not look: the distance is then the limit.
func (k *kept) nearest(s *Sample) (*Sample, int) {
	var found *Sample
	least := k.rule.MinDistance
	if least <= 0 {
		return nil, least
	}
	k.near = k.index.Find(k.near[:0], s.Hash, least-1)
	for _, i := range k.near {
		if d := phash.Distance(k.all[i].Hash, s.Hash); d < least {
			found, least = k.all[i], d
		}
	}
	return found, least
}

// same is the kept sample of the base and class of s whose box meets that of s the
// most, the first of equals.
func (k *kept) same(s *Sample) (*Sample, float64) {
	var found *Sample
	most := 0.0
	for _, other := range k.places[place{s.Base, s.Class}] {
		if iou := boxIoU(s.Box, other.Box); found == nil || iou > most {
			found, most = other, iou
		}
	}
	return found, most
}

func boxIoU(a, b datasets.Box) float64 {
	w := max(min(a[0]+a[2], b[0]+b[2])-max(a[0], b[0]), 0)
	h := max(min(a[1]+a[3], b[1]+b[3])-max(a[1], b[1]), 0)
	union := a[2]*a[3] + b[2]*b[3] - w*h
	if iou := w * h / union; iou > 0 {
		return iou
	}
	return 0
}

// Region hashes the added object with its surroundings. The zero value is ready;
// one goroutine at a time.
type Region struct {
	hasher phash.Hasher
	crop   raster.RGB
}

// context is how much of the object's longer side is added on every side, and
// smallest the least side of what is hashed, pixels.
const (
	context  = 0.25
	smallest = 64
)

// Hash is the perceptual hash of box in picture with a quarter of its longer side
// around it, of 64 x 64 pixels at least, cut at the picture's edges. A box that is
// not in the picture, or is no number, gives the hash of the whole picture.
func (r *Region) Hash(picture *raster.RGB, box datasets.Box) phash.Hash {
	x0, x1 := span(box[0], box[2], max(box[2], box[3])*context, picture.Width)
	y0, y1 := span(box[1], box[3], max(box[2], box[3])*context, picture.Height)
	if x1 <= x0 || y1 <= y0 {
		return r.hasher.Of(picture)
	}
	r.crop.Reset(x1-x0, y1-y0)
	raster.Crop(&r.crop, picture, x0, y0, raster.Color{})
	return r.hasher.Of(&r.crop)
}

// span is from..to of size n at at with margin on both sides, in 0..limit.
func span(at, n, margin float64, limit int) (from, to int) {
	margin = max(margin, (smallest-n)/2)
	a, b := math.Floor(at-margin), math.Ceil(at+n+margin)
	if !(a < float64(limit) && b > 0) {
		return 0, 0
	}
	return int(max(a, 0)), int(min(b, float64(limit)))
}
