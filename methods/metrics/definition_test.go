package metrics

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/tailorbird/tailorbird/kernels/rle"
)

// outcome is a detection that counts.
type outcome struct {
	score float64
	hit   bool
}

// plainAP computes one average precision of boxes after COCO step by step: one
// class, one threshold, one range of sizes, nothing shared or skipped.
func plainAP(gt *GroundTruth, ds []Detection, class int64, iou float64, size Size, most int) (ap, recall float64) {
	var all []outcome
	targets := 0
	images := slices.SortedFunc(slices.Values(gt.Images), func(a, b Image) int { return cmp.Compare(a.ID, b.ID) })
	for _, im := range images {
		var truths []Annotation
		for _, a := range gt.Annotations {
			if a.Image == im.ID && a.Category == class {
				a.Ignore = a.Crowd || a.Area < size.Min || a.Area > size.Max
				truths = append(truths, a)
				if !a.Ignore {
					targets++
				}
			}
		}
		var mine []Detection
		for _, d := range ds {
			if d.Image == im.ID && d.Category == class {
				mine = append(mine, d)
			}
		}
		slices.SortStableFunc(mine, func(a, b Detection) int { return cmp.Compare(b.Score, a.Score) })
		all = append(all, plainMatch(truths, mine[:min(most, len(mine))], iou, size)...)
	}
	if targets == 0 {
		return -1, -1
	}
	slices.SortStableFunc(all, func(a, b outcome) int { return cmp.Compare(b.score, a.score) })
	hits := 0
	precisions, reached := make([]float64, len(all)), make([]float64, len(all))
	for i, o := range all {
		if o.hit {
			hits++
		}
		precisions[i], reached[i] = float64(hits)/float64(i+1), float64(hits)/float64(targets)
	}
	for i := range 101 {
		best := 0.0
		for k := range all {
			if reached[k] >= float64(i)/100-1e-12 {
				best = max(best, precisions[k])
			}
		}
		ap += best / 101
	}
	return ap, float64(hits) / float64(targets)
}

// plainMatch lets the detections of an image, by falling score, take its truths.
func plainMatch(truths []Annotation, ds []Detection, iou float64, size Size) (out []outcome) {
	taken := make([]bool, len(truths))
	for _, d := range ds {
		best, most := -1, 0.0
		for _, ignored := range []bool{false, true} { // what is to be found goes first
			if best >= 0 {
				break
			}
			for g, a := range truths {
				v := rle.BoxIoU(d.Box, a.Box, a.Crowd)
				if a.Ignore == ignored && (!taken[g] || a.Crowd) && v >= max(min(iou, 1-1e-10), most) {
					best, most = g, v
				}
			}
		}
		area := d.Box[2] * d.Box[3]
		switch {
		case best >= 0:
			taken[best] = true
			if !truths[best].Ignore {
				out = append(out, outcome{d.Score, true})
			}
		case area >= size.Min && area <= size.Max:
			out = append(out, outcome{d.Score, false})
		}
	}
	return out
}

func TestEvaluationFollowsTheDefinition(t *testing.T) {
	for seed := range uint64(30) {
		rng := rand.New(rand.NewPCG(seed, 9))
		gt, ds := scene(rng, 1+rng.IntN(6), 1+rng.IntN(3), 1+rng.IntN(25))
		for i := range ds {
			ds[i].Score = math.Round(ds[i].Score*20) / 20 // ties
		}
		sizes := []Size{{"all", 0, 1e10}, {"small", 0, 300}, {"large", 300, 1e10}}
		e, err := NewCOCO(gt, COCO{MaxDets: []int{2, 9}, Sizes: sizes})
		if err != nil {
			t.Fatal(err)
		}
		r, err := e.Evaluate(ds)
		if err != nil {
			t.Fatal(err)
		}
		for c, class := range r.Classes {
			for _, size := range sizes {
				for _, most := range []int{2, 9} {
					for _, iou := range spaced(.5, .95, 10) {
						q := Query{IoU: iou, Size: size.Name, MaxDets: most}
						ap, recall := plainAP(gt, ds, class.ID, iou, size, most)
						if got := r.ClassAP(c, q); math.Abs(got-ap) > 1e-9 {
							t.Fatalf("scene %d, class %d, %+v: AP %v, want %v", seed, class.ID, q, got, ap)
						}
						if got := r.ClassAR(c, q); math.Abs(got-recall) > 1e-9 {
							t.Fatalf("scene %d, class %d, %+v: recall %v, want %v", seed, class.ID, q, got, recall)
						}
					}
				}
			}
		}
	}
}
