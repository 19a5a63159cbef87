package metrics

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// lvisOf evaluates boxes by LVIS's rules.
func lvisOf(t *testing.T, gt *GroundTruth, ds []Detection, o LVIS) *Result {
	t.Helper()
	e, err := NewLVIS(gt, o)
	if err != nil {
		t.Fatal(err)
	}
	r, err := e.Evaluate(ds)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestUnverifiedClassesDoNotCount(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 3))
	gt, ds := scene(rng, 10, 6, 10)
	want := lvisOf(t, gt, ds, LVIS{})
	more := slices.Clone(ds)
	for _, im := range gt.Images {
		present := map[int64]bool{}
		for _, a := range gt.Annotations {
			present[a.Category] = present[a.Category] || a.Image == im.ID
		}
		for _, c := range gt.Categories {
			if !present[c.ID] && !slices.Contains(im.Negative, c.ID) {
				more = append(more, Detection{Image: im.ID, Category: c.ID, Box: randomBox(rng), Score: 1 + rng.Float64()})
			}
		}
	}
	if len(more) == len(ds) {
		t.Fatal("the scene has no unverified class")
	}
	sameStats(t, lvisOf(t, gt, more, LVIS{}), want)
}

func TestErrorsInClassesNotAnnotatedInFullDoNotCount(t *testing.T) {
	gt := one()
	hits := []Detection{
		{Image: 1, Box: [4]float64{0, 0, 10, 10}, Score: .5},
		{Image: 1, Box: [4]float64{50, 0, 10, 10}, Score: .4},
	}
	wrong := append(slices.Clone(hits), Detection{Image: 1, Box: [4]float64{20, 0, 10, 10}, Score: .9})
	if got := lvisOf(t, gt, wrong, LVIS{}).Stat("APc"); got > .7 {
		t.Errorf("AP with an error in front is %v", got)
	}
	gt.Images[0].NotExhaustive = []int64{0}
	sameStats(t, lvisOf(t, gt, wrong, LVIS{}), lvisOf(t, gt, hits, LVIS{}))
}

func TestOnlyTheBestOfAnImageCount(t *testing.T) {
	gt, ds := scene(rand.New(rand.NewPCG(5, 3)), 4, 3, 20)
	byImage := map[int64][]Detection{}
	for _, d := range ds {
		byImage[d.Image] = append(byImage[d.Image], d)
	}
	var best []Detection
	for _, list := range byImage {
		slices.SortFunc(list, func(a, b Detection) int {
			if a.Score > b.Score {
				return -1
			}
			return 1
		})
		best = append(best, list[:7]...)
	}
	got, want := lvisOf(t, gt, ds, LVIS{MaxDets: 7}), lvisOf(t, gt, best, LVIS{MaxDets: 7})
	sameStats(t, got, want)
	if all := lvisOf(t, gt, ds, LVIS{MaxDets: -1}); slices.Equal(all.Stats, got.Stats) {
		t.Error("the limit changes nothing in this scene")
	}
	if got.Stats[9].Name != "AR@7" || got.Stats[12].Name != "ARl@7" {
		t.Errorf("recalls are called %s and %s", got.Stats[9].Name, got.Stats[12].Name)
	}
}

// TestWithoutAreaNothingCounts holds LVISEval's rule for annotations and
// detections of area 0, which makes their class unverified too.
func TestWithoutAreaNothingCounts(t *testing.T) {
	gt := one()
	ds := []Detection{{Image: 1, Box: [4]float64{0, 0, 10, 10}, Score: .5}}
	want := lvisOf(t, gt, ds, LVIS{})
	gt.Categories = append(gt.Categories, Category{ID: 7, Frequency: 'r'})
	gt.Annotations = append(gt.Annotations, Annotation{ID: 3, Image: 1, Category: 7, Box: [4]float64{1, 1, 0, 5}})
	ds = append(ds, Detection{Image: 1, Category: 7, Box: [4]float64{1, 1, 5, 5}, Score: 1},
		Detection{Image: 1, Box: [4]float64{1, 1, 0, 5}, Score: 1})
	sameStats(t, lvisOf(t, gt, ds, LVIS{}), want)
}
