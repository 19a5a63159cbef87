package zoo

import (
	"fmt"
	"math"
	"testing"

	"github.com/tailorbird/tailorbird/internal/fault"
)

func near(t *testing.T, what string, got, want []float32, tolerance float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s: %d values, want %d", what, len(got), len(want))
		return
	}
	for i := range want {
		if d := math.Abs(float64(got[i] - want[i])); !(d <= tolerance) {
			t.Errorf("%s: value %d is %v, want %v", what, i, got[i], want[i])
		}
	}
}

// The codes of specs/um_mae.md section 3.
func TestSinCos2D(t *testing.T) {
	code, err := SinCos2D(8, 2, 3)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "row 1, column 2 of width 8", code[5*8:], []float32{0.909297, 0.019999, -0.416147, 0.999800, 0.841471, 0.010000, 0.540302, 0.999950}, 1e-6)
	four := make([]float32, 4)
	SinCosAt(four, 3, 5)
	near(t, "row 3, column 5 of width 4", four, []float32{-0.958924, 0.283662, 0.141120, -0.989992}, 1e-6)
	if _, err := SinCos2D(6, 1, 1); fault.CodeOf(err) != fault.Usage {
		t.Errorf("width 6: %v", err)
	}
}

// The values are those of torch 2.15 for squares of 0 .. 5, interpolate(mode="bicubic").
func TestResizePositions(t *testing.T) {
	table := []float32{-7, 0, 1, 4, 9, 16, 25}
	for _, tt := range []struct {
		to        [2]int
		antialias bool
		want      []float32
	}{
		{[2]int{4, 5}, false, []float32{-7, -0.984469, -0.977187, -0.582031, 0.893125, 2.01241, 1.81256, 2.64063, 4.39844, 7.23625, 9.17631, 6.41944, 8.59938, 12.6016, 17.6838, 20.9757, 9.21647, 12.2172, 17.582, 24.0269, 28.1396}},
		{[2]int{4, 5}, true, []float32{-7, -0.829634, -0.739684, -0.323529, 1.30158, 2.33352, 1.69501, 2.46098, 4.10714, 6.96226, 8.67022, 6.70121, 8.80768, 12.8929, 18.187, 21.2354, 9.22586, 12.0083, 17.3235, 23.8477, 27.5721}},
		{[2]int{1, 2}, false, []float32{-7, 5.19531, 13.2812}},
		{[2]int{1, 2}, true, []float32{-7, 5.65891, 12.561}},
		{[2]int{3, 2}, false, []float32{-7, -0.759847, 1.63224, 5.19531, 13.2812, 11.1505, 24.9303}},
		{[2]int{3, 2}, true, []float32{-7, -0.484855, 1.73108, 5.65891, 12.561, 11.8027, 23.3909}},
	} {
		got, err := ResizePositions(table, 1, 1, [2]int{2, 3}, tt.to, tt.antialias)
		if err != nil {
			t.Error(err)
		}
		near(t, fmt.Sprint(tt.to, tt.antialias), got, tt.want, 1e-4)
	}
	same, err := ResizePositions(table, 1, 1, [2]int{2, 3}, [2]int{2, 3}, true)
	near(t, "the same grid", same, table, 0)
	if err != nil {
		t.Error(err)
	}
	for _, to := range [][2]int{{0, 3}, {3, -1}} {
		if _, err := ResizePositions(table, 1, 1, [2]int{2, 3}, to, true); fault.CodeOf(err) != fault.Usage {
			t.Errorf("grid %v: %v", to, err)
		}
	}
	if _, err := ResizePositions(table, 1, 0, [2]int{2, 3}, [2]int{2, 3}, true); fault.CodeOf(err) != fault.Usage {
		t.Errorf("a table of another size: %v", err)
	}
}
