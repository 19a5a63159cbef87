package parity

import (
	"encoding/json"
	"image"
	"math"
	"testing"

	"github.com/tailorbird/tailorbird/kernels/blend"
	"github.com/tailorbird/tailorbird/kernels/morph"
	"github.com/tailorbird/tailorbird/kernels/raster"
)

func init() { register("seamless_clone", seamlessClone) }

// seamlessClone has an output a mode, computed one after the other with one mask
// array. OpenCV 5 works in that array (its issue 12053, once mended, is back), so
// that each call but the first saw what the one before had left. The case declares
// how far a portable implementation may be from OpenCV's, whose single precision
// decides the last level of a pixel.
func seamlessClone(t *testing.T, c *Case) {
	var cfg struct{ Center [2]int }
	c.DecodeConfig(t, &cfg)
	src, base := rgb(t, c, "src"), rgb(t, c, "dst")
	pix, shape := c.U8(t, "mask")
	mask := &morph.Bitmap{Width: shape[1], Height: shape[0], Pix: pix}
	modes := map[string]blend.Mode{"normal": blend.Normal, "mixed": blend.Mixed}
	var b blend.Blender
	for _, o := range c.Outputs {
		mode, ok := modes[o.Name]
		if !ok {
			t.Fatalf("output %s is no mode", o.Name)
		}
		var dst raster.RGB
		if err := b.SeamlessClone(&dst, src, base, mask, cfg.Center[0], cfg.Center[1], mode); err != nil {
			t.Fatal(err)
		}
		checkPortable(t, c, o.Name, &dst)
		mask = leftByOpenCV(mask)
	}
}

// leftByOpenCV returns the mask as cv2.seamlessClone leaves it: without its
// outermost rows and columns, and in the rectangle around the rest the complement
// of the mask eroded by 3 pixels.
func leftByOpenCV(mask *morph.Bitmap) *morph.Bitmap {
	at := func(x, y int) byte {
		if x < 1 || y < 1 || x >= mask.Width-1 || y >= mask.Height-1 {
			return 0
		}
		return mask.Pix[y*mask.Width+x]
	}
	around := image.Rectangle{}
	for y := range mask.Height {
		for x := range mask.Width {
			if at(x, y) != 0 {
				around = around.Union(image.Rect(x, y, x+1, y+1))
			}
		}
	}
	left := morph.New(mask.Width, mask.Height)
	for y := around.Min.Y; y < around.Max.Y; y++ {
		for x := around.Min.X; x < around.Max.X; x++ {
			least := byte(255)
			for j := -3; j <= 3; j++ {
				for i := -3; i <= 3; i++ {
					least = min(least, at(x+i, y+j))
				}
			}
			left.Pix[y*left.Width+x] = 255 - least
		}
	}
	return left
}

// checkPortable compares m with the named output under the case's
// portable_tolerance: the largest and the mean difference in levels.
func checkPortable(t *testing.T, c *Case, name string, m *raster.RGB) {
	t.Helper()
	var tolerance struct {
		Portable struct {
			Max  float64 `json:"max_abs"`
			Mean float64 `json:"mean_abs"`
		} `json:"portable_tolerance"`
	}
	if err := json.Unmarshal(c.File(t, "case.json"), &tolerance); err != nil {
		t.Fatal(err)
	}
	c.checked[name] = true
	want := rgb(t, c, name)
	if m.Width != want.Width || m.Height != want.Height {
		t.Fatalf("output %s: %d x %d, want %d x %d", name, m.Width, m.Height, want.Width, want.Height)
	}
	worst, sum := 0.0, 0.0
	for i, v := range want.Pix {
		d := math.Abs(float64(v) - float64(m.Pix[i]))
		worst, sum = max(worst, d), sum+d
	}
	mean := sum / float64(len(want.Pix))
	t.Logf("output %s: at most %v, %.4g on average", name, worst, mean)
	if worst > tolerance.Portable.Max || mean > tolerance.Portable.Mean {
		t.Errorf("output %s: differs by up to %v and %.4g on average, may by %v and %v", name, worst, mean, tolerance.Portable.Max, tolerance.Portable.Mean)
	}
}
