package metrics

import (
	"math/rand/v2"
	"testing"

	"github.com/tailorbird/tailorbird/kernels/rle"
)

// scene makes a ground truth and detections of it, near ones, wrong ones and
// inventions. Scores differ from each other; some truths are crowds or ignored.
func scene(rng *rand.Rand, images, classes, dets int) (*GroundTruth, []Detection) {
	gt := &GroundTruth{}
	for c := range classes {
		gt.Categories = append(gt.Categories, Category{ID: int64(3*c + 1), Frequency: "rcf"[c%3]})
	}
	var ds []Detection
	class := func() int64 { return gt.Categories[rng.IntN(classes)].ID }
	for i := range images {
		im := Image{ID: int64(10*i + 7), Height: 100, Width: 120, Negative: []int64{class()}}
		first := len(gt.Annotations)
		for range rng.IntN(6) {
			a := Annotation{ID: int64(len(gt.Annotations)), Image: im.ID, Category: class(), Box: randomBox(rng)}
			a.Area = a.Box[2] * a.Box[3]
			a.Crowd, a.Ignore = rng.IntN(10) == 0, rng.IntN(10) == 0
			if rng.IntN(4) == 0 {
				im.NotExhaustive = append(im.NotExhaustive, a.Category)
			}
			gt.Annotations = append(gt.Annotations, a)
		}
		mine := gt.Annotations[first:]
		for range dets {
			d := Detection{Image: im.ID, Category: class(), Box: randomBox(rng), Score: rng.Float64()}
			if len(mine) > 0 && rng.IntN(3) > 0 {
				a := mine[rng.IntN(len(mine))]
				d.Category, d.Box = a.Category, a.Box
				for k := range d.Box {
					d.Box[k] *= 1 + .2*rng.Float64()*float64(rng.IntN(2))
				}
			}
			ds = append(ds, d)
		}
		gt.Images = append(gt.Images, im)
	}
	return gt, ds
}

func randomBox(rng *rand.Rand) [4]float64 {
	return [4]float64{80 * rng.Float64(), 60 * rng.Float64(), 2 + 38*rng.Float64(), 2 + 36*rng.Float64()}
}

// outlined gives annotations and detections the masks of their boxes.
func outlined(t testing.TB, gt *GroundTruth, ds []Detection) {
	t.Helper()
	mask := func(box [4]float64) rle.Mask {
		m, err := rle.FromBox(box, 100, 120, nil)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	for i := range gt.Annotations {
		a := &gt.Annotations[i]
		a.Mask = mask(a.Box)
		a.Area = float64(a.Mask.Area())
	}
	for i := range ds {
		ds[i].Mask = mask(ds[i].Box)
	}
}

// variant is one way to evaluate.
type variant struct {
	name  string
	masks bool
	new   func(gt *GroundTruth, workers int) (*Evaluator, error)
}

func variants() (list []variant) {
	for _, masks := range []bool{false, true} {
		kind := map[bool]string{false: " boxes", true: " masks"}[masks]
		list = append(list,
			variant{"coco" + kind, masks, func(gt *GroundTruth, workers int) (*Evaluator, error) {
				return NewCOCO(gt, COCO{Masks: masks, Workers: workers})
			}},
			variant{"coco without classes," + kind, masks, func(gt *GroundTruth, workers int) (*Evaluator, error) {
				return NewCOCO(gt, COCO{Masks: masks, Agnostic: true, Workers: workers})
			}},
			variant{"lvis" + kind, masks, func(gt *GroundTruth, workers int) (*Evaluator, error) {
				return NewLVIS(gt, LVIS{Masks: masks, Workers: workers})
			}})
	}
	return list
}

// evaluate runs v to the end.
func (v variant) evaluate(t testing.TB, gt *GroundTruth, ds []Detection, workers int) *Result {
	t.Helper()
	e, err := v.new(gt, workers)
	if err != nil {
		t.Fatal(err)
	}
	r, err := e.Evaluate(ds)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// eachScene calls check with every variant on a few random scenes.
func eachScene(t *testing.T, check func(t *testing.T, v variant, rng *rand.Rand, gt *GroundTruth, ds []Detection)) {
	for _, v := range variants() {
		t.Run(v.name, func(t *testing.T) {
			t.Parallel()
			for seed := range uint64(8) {
				rng := rand.New(rand.NewPCG(seed, 1))
				gt, ds := scene(rng, 1+rng.IntN(9), 1+rng.IntN(5), 12)
				if v.masks {
					outlined(t, gt, ds)
				}
				check(t, v, rng, gt, ds)
			}
		})
	}
}
