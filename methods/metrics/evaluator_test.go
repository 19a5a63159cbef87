package metrics

import (
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/tailorbird/tailorbird/internal/fault"
)

func TestGroundTruthAsDetectionsIsPerfect(t *testing.T) {
	eachScene(t, func(t *testing.T, v variant, rng *rand.Rand, gt *GroundTruth, _ []Detection) {
		var ds []Detection
		for _, a := range gt.Annotations {
			ds = append(ds, Detection{Image: a.Image, Category: a.Category, Box: a.Box, Mask: a.Mask, Score: rng.Float64()})
		}
		for _, s := range v.evaluate(t, gt, ds, 0).Stats {
			capped := s.Name == "AR1" || s.Name == "AR10" // fewer detections than objects
			if !capped && s.Value != -1 && math.Abs(s.Value-1) > 1e-12 {
				t.Errorf("%s is %v", s.Name, s.Value)
			}
		}
	})
}

// TestOrderAndIDsMeanNothing renames images and annotations, and shuffles
// everything: scores differ, so that nothing depends on an order.
func TestOrderAndIDsMeanNothing(t *testing.T) {
	eachScene(t, func(t *testing.T, v variant, rng *rand.Rand, gt *GroundTruth, ds []Detection) {
		want := v.evaluate(t, gt, ds, 0)
		names := map[int64]int64{}
		other := &GroundTruth{Images: slices.Clone(gt.Images), Categories: slices.Clone(gt.Categories), Annotations: slices.Clone(gt.Annotations)}
		for i, n := range rng.Perm(len(gt.Images)) {
			names[gt.Images[i].ID] = int64(n)
			other.Images[i].ID = int64(n)
		}
		for i := range other.Annotations {
			other.Annotations[i].ID = int64(-i)
			other.Annotations[i].Image = names[other.Annotations[i].Image]
		}
		ds = slices.Clone(ds)
		for i := range ds {
			ds[i].Image = names[ds[i].Image]
		}
		rng.Shuffle(len(ds), func(i, k int) { ds[i], ds[k] = ds[k], ds[i] })
		rng.Shuffle(len(other.Images), func(i, k int) { other.Images[i], other.Images[k] = other.Images[k], other.Images[i] })
		rng.Shuffle(len(other.Categories), func(i, k int) {
			other.Categories[i], other.Categories[k] = other.Categories[k], other.Categories[i]
		})
		sameStats(t, v.evaluate(t, other, ds, 0), want)
	})
}

func TestLowScoredErrorNeverRaisesAP(t *testing.T) {
	eachScene(t, func(t *testing.T, v variant, _ *rand.Rand, gt *GroundTruth, ds []Detection) {
		before := v.evaluate(t, gt, ds, 0)
		wrong := Detection{Image: ds[0].Image, Category: ds[0].Category, Score: -1}
		wrong.Box = [4]float64{0, 0, 1, 1} // objects are larger by far
		after := v.evaluate(t, gt, append(slices.Clone(ds), wrong), 0)
		for i, s := range after.Stats {
			if s.Name[:2] == "AP" && s.Value > before.Stats[i].Value {
				t.Errorf("%s rose from %v to %v", s.Name, before.Stats[i].Value, s.Value)
			}
		}
	})
}

func TestResultIsTheSameForAnyNumberOfWorkers(t *testing.T) {
	eachScene(t, func(t *testing.T, v variant, _ *rand.Rand, gt *GroundTruth, ds []Detection) {
		want := v.evaluate(t, gt, ds, 1)
		for _, workers := range []int{2, 3, 7} {
			sameStats(t, v.evaluate(t, gt, ds, workers), want)
		}
	})
}

func TestImagesAddedAsTheyComeGiveTheSame(t *testing.T) {
	eachScene(t, func(t *testing.T, v variant, rng *rand.Rand, gt *GroundTruth, ds []Detection) {
		want := v.evaluate(t, gt, ds, 1)
		e, err := v.new(gt, 2)
		if err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		for _, i := range rng.Perm(len(gt.Images)) {
			wg.Go(func() {
				id := gt.Images[i].ID
				var mine []Detection
				for _, d := range ds {
					if d.Image == id {
						mine = append(mine, d)
					}
				}
				if err := e.Add(id, mine); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		sameStats(t, e.Result(), want)
	})
}

func sameStats(t *testing.T, got, want *Result) {
	t.Helper()
	if !slices.Equal(got.Stats, want.Stats) {
		t.Errorf("got  %v\nwant %v", got.Stats, want.Stats)
	}
}

// one is a ground truth of one image and one class with two objects side by side.
func one() *GroundTruth {
	return &GroundTruth{
		Images:     []Image{{ID: 1, Height: 100, Width: 100}},
		Categories: []Category{{ID: 0, Frequency: 'c'}},
		Annotations: []Annotation{
			{ID: 0, Image: 1, Box: [4]float64{0, 0, 10, 10}, Area: 100},
			{ID: 1, Image: 1, Box: [4]float64{50, 0, 10, 10}, Area: 100},
		},
	}
}

// TestAPByHand follows the definition on three detections: a hit of IoU 1, an
// error, a hit of IoU 0.8. Precision at the hits is 1 and 2/3; 51 of the 101
// recalls lie up to 1/2. At thresholds above 0.8 the second hit is an error.
func TestAPByHand(t *testing.T) {
	e, err := NewCOCO(one(), COCO{})
	if err != nil {
		t.Fatal(err)
	}
	r, err := e.Evaluate([]Detection{
		{Image: 1, Box: [4]float64{0, 0, 10, 10}, Score: .9},
		{Image: 1, Box: [4]float64{20, 0, 10, 10}, Score: .8},
		{Image: 1, Box: [4]float64{50, 0, 10, 8}, Score: .7},
		{Image: 1, Category: 99, Box: [4]float64{50, 0, 10, 8}, Score: .95}, // of no listed class
	})
	if err != nil {
		t.Fatal(err)
	}
	low, high := (51+50*2./3)/101, 51./101
	want := map[string]float64{
		"AP": (7*low + 3*high) / 10, "AP50": low, "AP75": low, "APs": (7*low + 3*high) / 10, "APm": -1, "APl": -1,
		"AR1": .5, "AR10": .85, "AR100": .85, "ARs": .85, "ARm": -1, "ARl": -1,
	}
	for _, s := range r.Stats {
		if w, ok := want[s.Name]; !ok || math.Abs(s.Value-w) > 1e-12 {
			t.Errorf("%s is %v, want %v", s.Name, s.Value, w)
		}
	}
	if len(r.Stats) != len(want) || !math.IsNaN(r.Stat("AP30")) {
		t.Errorf("%d numbers, AP30 %v", len(r.Stats), r.Stat("AP30"))
	}
	if got := r.ClassAR(0, Query{IoU: .9}); got != .5 {
		t.Errorf("recall at 0.9 is %v", got)
	}
	if got := r.AP(Query{Size: "huge"}); got != -1 {
		t.Errorf("AP of an unknown size is %v", got)
	}
}

func TestBadInputIsAFault(t *testing.T) {
	twice := one()
	twice.Images = append(twice.Images, twice.Images[0])
	classes := one()
	classes.Categories = append(classes.Categories, classes.Categories[0])
	masks := func(gt *GroundTruth) error { _, err := NewCOCO(gt, COCO{Masks: true}); return err }
	options := func(o COCO) error { _, err := NewCOCO(one(), o); return err }
	detect := func(ds ...Detection) error {
		e, err := NewCOCO(one(), COCO{})
		if err == nil {
			_, err = e.Evaluate(ds)
		}
		return err
	}
	add := func(ids ...int64) (err error) {
		e, _ := NewLVIS(one(), LVIS{})
		for _, id := range ids {
			if err == nil {
				err = e.Add(id, []Detection{{Image: 1}})
			}
		}
		return err
	}
	tests := []struct {
		name string
		err  error
		want fault.Code
	}{
		{"two images of one id", func() error { _, err := NewCOCO(twice, COCO{}); return err }(), fault.Conflict},
		{"two classes of one id", func() error { _, err := NewLVIS(classes, LVIS{}); return err }(), fault.Conflict},
		{"no masks in the ground truth", masks(one()), fault.InvalidAnnotation},
		{"thresholds that fall", options(COCO{IoUs: []float64{.7, .5}}), fault.Usage},
		{"too many thresholds", options(COCO{IoUs: make([]float64, 33)}), fault.Usage},
		{"a threshold that is no number", options(COCO{IoUs: []float64{math.NaN()}}), fault.Usage},
		{"no sizes", options(COCO{Sizes: []Size{}}), fault.Usage},
		{"no detections allowed", options(COCO{MaxDets: []int{0}}), fault.Usage},
		{"an unknown image", detect(Detection{Image: 2}), fault.InvalidAnnotation},
		{"a score that is no number", detect(Detection{Image: 1, Score: math.NaN()}), fault.InvalidAnnotation},
		{"an image twice", add(1, 1), fault.Conflict},
		{"an unknown image added", add(5), fault.InvalidAnnotation},
		{"nothing wrong", add(1), ""},
	}
	for _, tt := range tests {
		if got := fault.CodeOf(tt.err); got != tt.want {
			t.Errorf("%s: %q (%v), want %q", tt.name, got, tt.err, tt.want)
		}
	}
	e, _ := NewCOCO(one(), COCO{})
	if err := e.Add(1, []Detection{{Image: 3}}); fault.CodeOf(err) != fault.Usage {
		t.Errorf("a detection of another image: %v", err)
	}
}

func TestMaskOfAnotherSizeIsAFault(t *testing.T) {
	gt, ds := scene(rand.New(rand.NewPCG(1, 2)), 3, 2, 4)
	outlined(t, gt, ds)
	e, err := NewCOCO(gt, COCO{Masks: true})
	if err != nil {
		t.Fatal(err)
	}
	ds[0].Mask.Height++
	if _, err := e.Evaluate(ds); fault.CodeOf(err) != fault.InvalidAnnotation {
		t.Errorf("a mask that does not fit: %v", err)
	}
}

func BenchmarkCOCO(b *testing.B) {
	gt, ds := scene(rand.New(rand.NewPCG(1, 2)), 500, 80, 100)
	for b.Loop() {
		e, err := NewCOCO(gt, COCO{})
		if err != nil {
			b.Fatal(err)
		}
		if _, err := e.Evaluate(ds); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(len(ds))*float64(b.N)/b.Elapsed().Seconds(), "detections/s")
}
