package zoo

import (
	"slices"
	"testing"
)

// In a rolled 4x4 map with windows of 2, the last window holds the four corners.
func TestWindows(t *testing.T) {
	w := newWindows(4, 4, 2, 1)
	if got := w.order(); !slices.Equal(got, []int{5, 6, 9, 10, 7, 4, 11, 8, 13, 14, 1, 2, 15, 12, 3, 0}) {
		t.Errorf("order %v", got)
	}
	if got := w.mask()[3*16:]; !slices.Equal(got, []float32{
		0, -100, -100, -100,
		-100, 0, -100, -100,
		-100, -100, 0, -100,
		-100, -100, -100, 0,
	}) {
		t.Errorf("mask of the corners %v", got)
	}
	if got := w.mask()[:16]; slices.Contains(got, -100) {
		t.Errorf("mask of the first window %v", got)
	}
	if got := relativeIndex(2); !slices.Equal(got, []int{4, 3, 1, 0, 5, 4, 2, 1, 7, 6, 4, 3, 8, 7, 5, 4}) {
		t.Errorf("relative index %v", got)
	}
}

// Tokens that are put in the order of windows come back to their places, padded
// or not, rolled or not.
func TestWindowsComeBack(t *testing.T) {
	for _, w := range []windows{newWindows(4, 4, 2, 1), newWindows(5, 7, 3, 1), newWindows(3, 9, 3, 0), newWindows(2, 2, 2, 0), newWindows(1, 8, 4, 2)} {
		order := w.order()
		if sorted := slices.Sorted(slices.Values(order)); sorted[0] != 0 || len(slices.Compact(sorted)) != w.rows*w.cols {
			t.Errorf("%+v: order %v is no permutation", w, order)
		}
		for i, p := range w.places() {
			if at := i/w.inCols*w.cols + i%w.inCols; order[p] != at {
				t.Errorf("%+v: token %d comes back to %d", w, at, order[p])
			}
		}
	}
}
