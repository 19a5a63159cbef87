package boxes

import (
	"slices"

	"github.com/tailorbird/tailorbird/internal/fault"
)

// NMS keeps boxes greedily by falling score and drops those whose IoU with one that
// was kept is greater than threshold. It returns the indices of what it keeps, the
// best first; of equal scores the first comes first.
func NMS(boxes, scores []float32, threshold float64) ([]int, error) {
	if len(boxes) != 4*len(scores) {
		return nil, fault.New(fault.Usage, "nms: %d numbers for %d scores, want four each", len(boxes), len(scores))
	}
	return nms(boxes, byScore(scores), threshold), nil
}

// BatchedNMS is NMS within each class: boxes of different classes do not drop each other.
func BatchedNMS(boxes, scores []float32, classes []int64, threshold float64) ([]int, error) {
	if len(boxes) != 4*len(scores) || len(classes) != len(scores) {
		return nil, fault.New(fault.Usage, "nms: %d numbers and %d classes for %d scores", len(boxes), len(classes), len(scores))
	}
	order := byScore(scores)
	of := map[int64][]int{}
	for _, i := range order {
		of[classes[i]] = append(of[classes[i]], i)
	}
	kept := make([]bool, len(scores))
	for _, members := range of {
		for _, i := range nms(boxes, members, threshold) {
			kept[i] = true
		}
	}
	return slices.DeleteFunc(order, func(i int) bool { return !kept[i] }), nil
}

// byScore returns the indices of falling scores; a NaN is greater than all.
func byScore(scores []float32) []int {
	order := make([]int, len(scores))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int {
		a, b := scores[i], scores[j]
		switch {
		case a > b || a != a && b == b:
			return -1
		case a < b || b != b && a == a:
			return 1
		}
		return 0
	})
	return order
}

func nms(boxes []float32, order []int, threshold float64) []int {
	areas := make([]float32, len(order))
	for k, i := range order {
		areas[k] = area(boxes[4*i:][:4])
	}
	dropped := make([]bool, len(order))
	var keep []int
	for k, i := range order {
		if dropped[k] {
			continue
		}
		keep = append(keep, i)
		p := boxes[4*i:][:4]
		for l := k + 1; l < len(order); l++ {
			if dropped[l] {
				continue
			}
			inter := intersection(p, boxes[4*order[l]:][:4])
			if iou := inter / (areas[k] + areas[l] - inter); float64(iou) > threshold {
				dropped[l] = true
			}
		}
	}
	return keep
}
