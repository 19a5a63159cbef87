package boxes

import (
	"math"
	"slices"
	"testing"

	"github.com/tailorbird/tailorbird/internal/fault"
)

// four boxes: two that overlap by half of one, one inside, one apart.
var four = []float32{
	0, 0, 10, 10,
	5, 0, 15, 10,
	2, 2, 4, 4,
	30, 30, 40, 40,
}

func TestIoUOfKnownBoxes(t *testing.T) {
	iou, err := IoU(four[:4], four)
	if err != nil {
		t.Fatal(err)
	}
	if want := []float32{1, 50.0 / 150, 4.0 / 100, 0}; !slices.Equal(iou, want) {
		t.Errorf("IoU %v, want %v", iou, want)
	}
	giou, err := GIoU(four[:4], four)
	if err != nil {
		t.Fatal(err)
	}
	apart := float32(-(1600.0 - 200) / 1600)
	for i, want := range []float32{1, 1.0 / 3, 0.04, apart} {
		if math.Abs(float64(giou[i]-want)) > 1e-6 {
			t.Errorf("GIoU %d is %v, want %v", i, giou[i], want)
		}
	}
}

func TestNMSKeepsTheBestOfEachHeap(t *testing.T) {
	scores := []float32{0.5, 0.9, 0.9, 0.1}
	keep, err := NMS(four, scores, 0.3)
	if err != nil {
		t.Fatal(err)
	}
	if want := []int{1, 2, 3}; !slices.Equal(keep, want) {
		t.Errorf("kept %v, want %v: box 0 overlaps the better box 1 by a third", keep, want)
	}
	if keep, _ = NMS(four, scores, float64(float32(50)/150)); !slices.Equal(keep, []int{1, 2, 0, 3}) {
		t.Errorf("kept %v: an IoU of the threshold itself is no reason to drop", keep)
	}
	if keep, _ = BatchedNMS(four, scores, []int64{7, 8, 7, 7}, 0.3); !slices.Equal(keep, []int{1, 2, 0, 3}) {
		t.Errorf("kept %v: classes do not drop each other", keep)
	}
	if keep, _ = NMS(nil, nil, 0.5); len(keep) != 0 {
		t.Errorf("kept %v of nothing", keep)
	}
}

func TestBoxesThatAreNoneAreRefused(t *testing.T) {
	_, iou := IoU(four[:3], four)
	_, giou := GIoU(four, four[:5])
	_, nms := NMS(four, []float32{1}, 0.5)
	_, batched := BatchedNMS(four, []float32{1, 1, 1, 1}, nil, 0.5)
	for i, err := range []error{iou, giou, nms, batched} {
		if fault.CodeOf(err) != fault.Usage {
			t.Errorf("call %d: %v", i, err)
		}
	}
}
