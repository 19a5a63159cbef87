package parity

import (
	"math"
	"strconv"
	"testing"

	"github.com/tailorbird/tailorbird/methods/addsd"
)

func init() {
	register("addsd_geometry", addsdGeometry)
	register("repeat_factors", repeatFactors)
}

// addsdGeometry has, by picture size, the generator's size and the box that is
// cut from the picture (left, top, right, bottom).
func addsdGeometry(t *testing.T, c *Case) {
	var want struct {
		Rows []struct {
			Size, Out [2]int
			Crop      [4]float64
		}
		Tolerance float64
	}
	c.DecodeFile(t, "expected.json", &want)
	if len(want.Rows) == 0 {
		t.Fatal("no rows")
	}
	for _, r := range want.Rows {
		g, err := addsd.NewGeometry(addsd.CropMode, r.Size[0], r.Size[1])
		if err != nil {
			t.Fatal(err)
		}
		f := g.Frame()
		if got := [2]int{g.InputWidth, g.InputHeight}; got != r.Out || f.Width != r.Out[0] || f.Height != r.Out[1] {
			t.Errorf("%v: %v, want %v", r.Size, got, r.Out)
		}
		near(t, "the box of "+strconv.Itoa(r.Size[0])+" x "+strconv.Itoa(r.Size[1]), []float64{f.X, f.Y, f.X + f.W, f.Y + f.H}, r.Crop[:], want.Tolerance)
	}
}

// repeatFactors has the categories of every image; the first Mixed.Real of them
// are the real ones of a mixture.
func repeatFactors(t *testing.T, c *Case) {
	var cfg struct{ T float64 }
	c.DecodeConfig(t, &cfg)
	var want struct {
		Images      [][]int64
		ClassFactor map[int64]float64 `json:"class_factor"`
		ImageFactor []float64         `json:"image_factor"`
		Mixed       struct {
			Real    int
			Factors []float64
		}
		Tolerance float64
	}
	c.DecodeFile(t, "expected.json", &want)
	images := make([]addsd.Labelled, len(want.Images))
	for i, categories := range want.Images {
		images[i] = addsd.Labelled{ID: int64(i), Categories: categories}
	}
	classes, factors := addsd.RepeatFactors(images, cfg.T)
	if len(classes) != len(want.ClassFactor) {
		t.Errorf("%d classes, want %d", len(classes), len(want.ClassFactor))
	}
	for id, f := range want.ClassFactor {
		near(t, "class "+strconv.FormatInt(id, 10), []float64{classes[id]}, []float64{f}, want.Tolerance)
	}
	near(t, "images", factors, want.ImageFactor, want.Tolerance)
	// The case weighs one set of factors, those of all its images together.
	n := want.Mixed.Real
	mixed := addsd.WeighFactors(factors[:n], factors[n:], addsd.DatasetFactors{Real: 0.8, Synthetic: 0.2})
	near(t, "mixed images", mixed, want.Mixed.Factors, want.Tolerance)
}

func near(t *testing.T, what string, got, want []float64, tolerance float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d values, want %d", what, len(got), len(want))
	}
	for i, v := range want {
		if !(math.Abs(got[i]-v) <= tolerance) {
			t.Errorf("%s: value %d is %v, want %v", what, i, got[i], v)
		}
	}
}
