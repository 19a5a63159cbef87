package metrics

import (
	"math"

	"github.com/tailorbird/tailorbird/internal/fault"
)

// Corners is a box from its left upper to its right lower corner, x0, y0, x1, y1,
// continuous coordinates.
type Corners [4]float64

// FromXYWH returns the corners of a box of x, y, width and height.
func FromXYWH(b [4]float64) Corners { return Corners{b[0], b[1], b[0] + b[2], b[1] + b[3]} }

// IoU is intersection over union. The union counts at least 1e-6, so that boxes
// without area overlap nothing.
func IoU(a, b Corners) float64 {
	both, either := overlap(a, b)
	return both / max(either, 1e-6)
}

// GIoU is IoU less the share of the hull of both boxes that neither covers
// (Rezatofighi et al., arXiv:1902.09630), from -1 to 1.
func GIoU(a, b Corners) float64 {
	both, either := overlap(a, b)
	hull := (max(a[2], b[2]) - min(a[0], b[0])) * (max(a[3], b[3]) - min(a[1], b[1]))
	if either <= 0 || hull <= 0 {
		return 0
	}
	return both/either - (hull-either)/hull
}

// overlap returns the areas of the intersection and of the union.
func overlap(a, b Corners) (both, either float64) {
	w := min(a[2], b[2]) - max(a[0], b[0])
	h := min(a[3], b[3]) - max(a[1], b[1])
	if w > 0 && h > 0 {
		both = float64(w * h)
	}
	return both, float64((a[2]-a[0])*(a[3]-a[1])) + float64((b[2]-b[0])*(b[3]-b[1])) - both
}

// REC measures referring expression comprehension: one box an expression.
type REC struct {
	Count  int
	Hits   int     // IoU >= 0.5
	Strict int     // IoU > 0.5, as FGVP and ReCLIP count
	SumIoU float64 // over all expressions
}

// Add counts the box predicted for an expression whose object is gt.
func (r *REC) Add(pred, gt Corners) {
	iou := IoU(pred, gt)
	r.Count++
	r.SumIoU += iou
	if iou >= .5 {
		r.Hits++
	}
	if iou > .5 {
		r.Strict++
	}
}

// Accuracy is the share of hits at IoU >= 0.5, -1 without expressions.
func (r *REC) Accuracy() float64 { return ratio(float64(r.Hits), r.Count) }

// StrictAccuracy is the share of hits at IoU > 0.5, -1 without expressions.
func (r *REC) StrictAccuracy() float64 { return ratio(float64(r.Strict), r.Count) }

// MeanIoU is the mean of the IoU, -1 without expressions.
func (r *REC) MeanIoU() float64 { return ratio(r.SumIoU, r.Count) }

// GREC measures generalised referring expressions: any number of objects, none
// included (gRefCOCO; SimVG section 4). It counts over a whole split; means of
// batches would be biased.
type GREC struct {
	Threshold float64 // of the scores; boxes below do not count

	Count, Right int // expressions; those answered without a fault
	// Expressions without a target: rightly left without a box, and not.
	EmptyRight, EmptyWrong int
	// Expressions with targets: given a box at all, and not.
	TargetRight, TargetWrong int
}

// Add counts one expression: predicted boxes with their scores, and the boxes of
// its objects. f1 is 2TP / (2TP + FP + FN) of its boxes, NaN without a target;
// right says whether it counts as right: F1 of 1, or no box where there is none.
// Different numbers of boxes and scores are fault.Usage.
func (g *GREC) Add(pred []Corners, scores []float64, gt []Corners) (f1 float64, right bool, err error) {
	if len(pred) != len(scores) {
		return 0, false, fault.New(fault.Usage, "metrics: %d boxes, %d scores", len(pred), len(scores))
	}
	var kept []Corners
	for i, b := range pred {
		if scores[i] >= g.Threshold {
			kept = append(kept, b)
		}
	}
	g.Count++
	f1 = math.NaN()
	switch {
	case len(gt) == 0:
		right = len(kept) == 0
		count(right, &g.EmptyRight, &g.EmptyWrong)
	default:
		count(len(kept) > 0, &g.TargetRight, &g.TargetWrong)
		hits := match(kept, gt)
		f1 = 2 * float64(hits) / float64(len(kept)+len(gt)) // 2TP+FP+FN
		right = hits == len(kept) && hits == len(gt)
	}
	if right {
		g.Right++
	}
	return f1, right, nil
}

func count(right bool, yes, no *int) {
	if right {
		*yes++
	} else {
		*no++
	}
}

// match pairs boxes greedily by the largest GIoU, down to 0.5, and returns the
// number of pairs.
func match(pred, gt []Corners) int {
	usedPred, usedTruth := make([]bool, len(pred)), make([]bool, len(gt))
	pairs := 0
	for {
		best, p, t := math.Inf(-1), -1, -1
		for i := range pred {
			for k := range gt {
				if usedPred[i] || usedTruth[k] {
					continue
				}
				if v := GIoU(pred[i], gt[k]); v > best {
					best, p, t = v, i, k
				}
			}
		}
		if !(best >= .5) {
			return pairs
		}
		usedPred[p], usedTruth[t] = true, true
		pairs++
	}
}

// PrF1 is Pr@(F1=1, IoU>=0.5), the share of expressions answered without a
// fault; -1 without expressions.
func (g *GREC) PrF1() float64 { return ratio(float64(g.Right), g.Count) }

// NAcc is the share of expressions without a target that got no box; -1 where
// there are none.
func (g *GREC) NAcc() float64 { return ratio(float64(g.EmptyRight), g.EmptyRight+g.EmptyWrong) }

// TAcc is the share of expressions with targets that got a box; -1 where there
// are none.
func (g *GREC) TAcc() float64 { return ratio(float64(g.TargetRight), g.TargetRight+g.TargetWrong) }

func ratio(sum float64, n int) float64 {
	if n == 0 {
		return -1
	}
	return sum / float64(n)
}
