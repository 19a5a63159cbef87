package metrics

import (
	"fmt"
	"math"
	"testing"

	"github.com/tailorbird/tailorbird/internal/fault"
)

func ExampleREC() {
	var r REC
	r.Add(FromXYWH([4]float64{0, 0, 10, 10}), FromXYWH([4]float64{0, 0, 10, 20})) // IoU of just .5
	r.Add(FromXYWH([4]float64{0, 0, 10, 10}), FromXYWH([4]float64{1, 0, 10, 10}))
	r.Add(FromXYWH([4]float64{0, 0, 10, 10}), FromXYWH([4]float64{9, 9, 10, 10}))
	fmt.Printf("%.3f %.3f %.3f\n", r.Accuracy(), r.StrictAccuracy(), r.MeanIoU())
	// Output: 0.667 0.333 0.441
}

func TestOverlapOfBoxes(t *testing.T) {
	tests := []struct {
		name      string
		a, b      Corners
		iou, giou float64
	}{
		{"equal boxes", Corners{1, 2, 3, 4}, Corners{1, 2, 3, 4}, 1, 1},
		{"a quarter of one", Corners{0, 0, 2, 2}, Corners{1, 1, 2, 2}, .25, .25},
		{"boxes that touch", Corners{0, 0, 1, 1}, Corners{1, 0, 2, 1}, 0, 0},
		{"boxes a gap apart", Corners{0, 0, 1, 1}, Corners{3, 0, 4, 1}, 0, -.5},
		{"boxes apart both ways", Corners{0, 0, 1, 1}, Corners{2, 2, 3, 3}, 0, -7. / 9},
		{"two points", Corners{1, 1, 1, 1}, Corners{1, 1, 1, 1}, 0, 0},
	}
	for _, tt := range tests {
		for _, swap := range []bool{false, true} {
			a, b := tt.a, tt.b
			if swap {
				a, b = b, a
			}
			if got := IoU(a, b); math.Abs(got-tt.iou) > 1e-12 {
				t.Errorf("%s: IoU %v, want %v", tt.name, got, tt.iou)
			}
			if got := GIoU(a, b); math.Abs(got-tt.giou) > 1e-12 {
				t.Errorf("%s: GIoU %v, want %v", tt.name, got, tt.giou)
			}
		}
	}
}

func TestGeneralisedExpressions(t *testing.T) {
	a, b, far := Corners{0, 0, 10, 10}, Corners{20, 0, 30, 10}, Corners{60, 60, 70, 70}
	tests := []struct {
		name   string
		pred   []Corners
		scores []float64
		gt     []Corners
		f1     float64
		right  bool
	}{
		{"all found", []Corners{b, a}, []float64{.9, .7}, []Corners{a, b}, 1, true},
		{"one below the threshold", []Corners{b, a}, []float64{.9, .69}, []Corners{a, b}, 2. / 3, false},
		{"one too many", []Corners{b, a, far}, []float64{.9, .9, .9}, []Corners{a, b}, .8, false},
		{"one object found twice", []Corners{a, a}, []float64{.9, .9}, []Corners{a}, 2. / 3, false},
		{"nothing found", nil, nil, []Corners{a}, 0, false},
		{"rightly nothing", []Corners{a}, []float64{.1}, nil, math.NaN(), true},
		{"wrongly something", []Corners{a}, []float64{.8}, nil, math.NaN(), false},
	}
	g := GREC{Threshold: .7}
	for _, tt := range tests {
		f1, right, err := g.Add(tt.pred, tt.scores, tt.gt)
		if err != nil || right != tt.right || math.Abs(f1-tt.f1) > 1e-12 || math.IsNaN(f1) != math.IsNaN(tt.f1) {
			t.Errorf("%s: F1 %v, right %v (%v)", tt.name, f1, right, err)
		}
	}
	if g.PrF1() != 2./7 || g.NAcc() != .5 || g.TAcc() != .8 {
		t.Errorf("Pr@F1 %v, N-acc %v, T-acc %v", g.PrF1(), g.NAcc(), g.TAcc())
	}
	if _, _, err := g.Add([]Corners{a}, nil, nil); fault.CodeOf(err) != fault.Usage || g.Count != 7 {
		t.Errorf("a box without a score: %v", err)
	}
	if empty := (&GREC{}); empty.NAcc() != -1 || (&REC{}).MeanIoU() != -1 {
		t.Error("nothing measured is not -1")
	}
}
