package metrics

import (
	"cmp"
	"math"
	"slices"
	"sync"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/rle"
)

// judged is what is kept of an image's detections that count, by class and
// falling score.
type judged struct {
	score    []float64
	class    []int32
	rank     []int32  // among the detections of the class in the image, from 0
	verdicts []uint32 // [detection][size]{hits, errors}: one bit a threshold
}

// judge is the working memory of one image.
type judge struct {
	order []int32 // detections of the image that count, by class and falling score
	class []int32 // of ds[mine[i]]; -1: does not count
	masks []rle.Mask
	areas []float64 // of order
	ious  []float64
	crowd []bool
	near  []candidate
	from  []int32  // candidates of detection i: from[i] to from[i+1]
	taken []uint32 // thresholds at which a truth is taken
}

// candidate is a truth that overlaps a detection enough for the lowest threshold.
type candidate struct {
	truth int32
	iou   float64
}

var judges = sync.Pool{New: func() any { return new(judge) }}

// image judges the detections ds[mine[...]] of image i.
func (j *judge) image(e *Evaluator, i int, ds []Detection, mine []int32) (judged, error) {
	if err := j.sort(e, i, ds, mine); err != nil {
		return judged{}, err
	}
	if err := j.measure(e, i, ds); err != nil {
		return judged{}, err
	}
	n := len(j.order)
	out := judged{make([]float64, n), make([]int32, n), make([]int32, n), make([]uint32, 2*n*len(e.sizes))}
	for k, d := range j.order {
		out.score[k] = ds[d].Score
		out.class[k] = int32(e.row(e.classOf[ds[d].Category]))
	}
	truths := e.truths[e.from[i]:e.from[i+1]]
	for lo := 0; lo < n; {
		hi := lo + 1
		for hi < n && out.class[hi] == out.class[lo] {
			hi++
		}
		for k := lo; k < hi; k++ {
			out.rank[k] = int32(k - lo)
		}
		// The truths of a class lie together as well.
		first, last := 0, len(truths)
		if !e.agnostic {
			first, _ = slices.BinarySearchFunc(truths, out.class[lo], func(t truth, c int32) int { return cmp.Compare(t.class, c) })
			for last = first; last < len(truths) && truths[last].class == out.class[lo]; last++ {
			}
		}
		if err := j.compare(e, i, ds, lo, hi, first, last); err != nil {
			return judged{}, err
		}
		j.match(e, i, truths[first:last], lo, hi, out)
		lo = hi
	}
	return out, nil
}

// sort leaves in order the detections that count, by class and falling score,
// equal ones as given, no more of a class than the largest of maxDets.
func (j *judge) sort(e *Evaluator, i int, ds []Detection, mine []int32) error {
	j.order = append(j.order[:0], mine...)
	for k, d := range mine {
		if math.IsNaN(ds[d].Score) {
			return fault.New(fault.InvalidAnnotation, "metrics: image %d: the score of detection %d is not a number", e.images[i].ID, k)
		}
	}
	fallingScore := func(a, b int32) int { return cmp.Compare(ds[b].Score, ds[a].Score) }
	if e.federated && e.perImage >= 0 && len(j.order) > e.perImage {
		slices.SortStableFunc(j.order, fallingScore)
		j.order = j.order[:e.perImage]
	}
	j.order = slices.DeleteFunc(j.order, func(d int32) bool { return !e.counts(i, ds[d].Category) })
	byClass := func(a, b int32) int { return cmp.Compare(ds[a].Category, ds[b].Category) }
	if e.agnostic {
		slices.SortStableFunc(j.order, func(a, b int32) int { return cmp.Or(fallingScore(a, b), byClass(a, b)) })
	} else {
		slices.SortStableFunc(j.order, func(a, b int32) int { return cmp.Or(byClass(a, b), fallingScore(a, b)) })
	}
	j.cut(e, ds)
	return nil
}

// cut keeps the best of each class.
func (j *judge) cut(e *Evaluator, ds []Detection) {
	most, rank, before := e.maxDets[len(e.maxDets)-1], 0, int64(0)
	kept := j.order[:0]
	for _, d := range j.order {
		if category := ds[d].Category; !e.agnostic && category != before {
			rank, before = 0, category
		}
		if rank < most {
			kept = append(kept, d)
		}
		rank++
	}
	j.order = kept
}

// counts says whether detections of a category count in image i.
func (e *Evaluator) counts(i int, category int64) bool {
	class, listed := e.classOf[category]
	if !listed || !e.federated {
		return listed
	}
	if slices.Contains(e.images[i].Negative, category) {
		return true
	}
	truths := e.truths[e.from[i]:e.from[i+1]]
	_, present := slices.BinarySearchFunc(truths, class, func(t truth, c int32) int { return cmp.Compare(t.class, c) })
	return present
}

// measure prepares masks and areas of the detections in order. LVISEval drops what
// has no area, annotations as well as detections.
func (j *judge) measure(e *Evaluator, i int, ds []Detection) error {
	j.masks, j.areas = j.masks[:0], j.areas[:0]
	im, kept := &e.images[i], j.order[:0]
	for _, at := range j.order {
		d := &ds[at]
		area := float64(d.Box[2] * d.Box[3])
		var m rle.Mask
		if e.rules.masks {
			var err error
			if m, err = d.mask(im.Height, im.Width); err != nil {
				return fault.New(fault.InvalidAnnotation, "metrics: image %d: detection of score %v and category %d: %w", im.ID, d.Score, d.Category, err)
			}
			area = float64(m.Area())
		}
		if d.Area != 0 {
			area = d.Area
		}
		if e.federated && area <= 0 {
			continue
		}
		kept = append(kept, at)
		j.masks, j.areas = append(j.masks, m), append(j.areas, area)
	}
	j.order = kept
	return nil
}

// compare lists for the detections lo to hi the truths first to last of image i
// that they may match at the lowest threshold.
func (j *judge) compare(e *Evaluator, i int, ds []Detection, lo, hi, first, last int) error {
	j.near, j.from = j.near[:0], append(j.from[:0], 0)
	truths := e.truths[e.from[i]+first : e.from[i]+last]
	if e.rules.masks {
		j.crowd = j.crowd[:0]
		for g := range truths {
			j.crowd = append(j.crowd, truths[g].crowd)
		}
		var err error
		j.ious, err = rle.IoUs(j.ious, j.masks[lo:hi], e.masks[e.from[i]+first:e.from[i]+last], j.crowd)
		if err != nil {
			return err
		}
	}
	least := threshold(e.ious[0])
	for k := lo; k < hi; k++ {
		box := ds[j.order[k]].Box
		for g := range truths {
			var iou float64
			if e.rules.masks {
				iou = j.ious[(k-lo)*len(truths)+g]
			} else {
				iou = rle.BoxIoU(box, truths[g].box, truths[g].crowd)
			}
			if iou >= least {
				j.near = append(j.near, candidate{int32(g), iou})
			}
		}
		j.from = append(j.from, int32(len(j.near)))
	}
	return nil
}

// threshold is an IoU that is enough: rounding must not spoil a perfect match.
func threshold(iou float64) float64 { return min(iou, 1-1e-10) }

// match finds what detections lo to hi hit and miss in each range of sizes, by
// falling score. At each threshold a detection takes the free truth of the largest
// IoU, of equal ones the last; one that is to be found before one that is ignored.
// Crowds are never used up. A detection that takes an ignored truth is ignored, and
// so is one that takes nothing and is itself outside the range, or of a class that
// is not annotated in full.
func (j *judge) match(e *Evaluator, i int, truths []truth, lo, hi int, out judged) {
	all := uint32(1)<<len(e.ious) - 1
	for s := range e.sizes {
		j.taken = append(j.taken[:0], make([]uint32, len(truths))...)
		for k := lo; k < hi; k++ {
			verdict := out.verdicts[2*(k*len(e.sizes)+s):][:2]
			misses := all
			for t := 0; t < len(e.ious) && j.from[k-lo] < j.from[k-lo+1]; t++ {
				found, ignored := j.pick(e, truths, k-lo, s, t)
				if found < 0 {
					continue
				}
				j.taken[found] |= 1 << t
				misses &^= 1 << t
				if !ignored {
					verdict[0] |= 1 << t
				}
			}
			if misses != 0 && !e.outside(j.areas[k], s) && !e.open(i, out.class[k]) {
				verdict[1] = misses
			}
		}
	}
}

// pick returns the truth that detection k takes at threshold t, -1 for none, and
// whether it is an ignored one.
func (j *judge) pick(e *Evaluator, truths []truth, k, size, t int) (found int32, ignored bool) {
	enough := threshold(e.ious[t])
	best, bestIgnored := enough, enough
	found, other := int32(-1), int32(-1)
	for _, c := range j.near[j.from[k]:j.from[k+1]] {
		g := &truths[c.truth]
		if j.taken[c.truth]>>t&1 == 1 && !g.crowd {
			continue
		}
		if !e.ignores(g, size) {
			if c.iou >= best {
				found, best = c.truth, c.iou
			}
		} else if c.iou >= bestIgnored {
			other, bestIgnored = c.truth, c.iou
		}
	}
	if found < 0 {
		return other, true
	}
	return found, false
}

// open says whether objects of a class in image i may lack an annotation.
func (e *Evaluator) open(i int, class int32) bool {
	return e.federated && slices.Contains(e.images[i].NotExhaustive, e.classes[class].ID)
}
