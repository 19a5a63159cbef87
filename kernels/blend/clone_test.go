package blend

import (
	"bytes"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/tailorbird/tailorbird/kernels/morph"
	"github.com/tailorbird/tailorbird/kernels/raster"
)

func TestSineTransformOfAnyLengthEqualsItsSum(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 1))
	for _, n := range []int{1, 2, 3, 4, 5, 6, 7, 11, 15, 29, 30, 31, 36, 40, 52, 63, 96, 100, 148, 210} {
		in := [2][]float64{make([]float64, n), make([]float64, n)}
		out := [2][]float64{make([]float64, n), make([]float64, n)}
		for c := range in {
			for j := range in[c] {
				in[c][j] = rng.Float64()*510 - 255
			}
			copy(out[c], in[c])
		}
		newSine(n).pair(out[0], out[1])
		for c := range in {
			for k, got := range out[c] {
				want := 0.0
				for j, v := range in[c] {
					want += v * math.Sin(math.Pi*float64((j+1)*(k+1))/float64(n+1))
				}
				if math.Abs(got-want) > 1e-9*255*float64(n) {
					t.Fatalf("length %d: %v at %d, want %v", n, got, k, want)
				}
			}
		}
	}
}

func TestTheFastSolutionSatisfiesPoissonsEquation(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(2, 3))
	for _, size := range [][2]int{{1, 1}, {1, 9}, {8, 1}, {17, 12}, {36, 41}, {71, 30}} {
		w, h := size[0], size[1]
		var c cloner
		c.diff = make([]float64, w*h)
		for i := range c.diff {
			c.diff[i] = float64(rng.IntN(511) - 255)
		}
		right := append([]float64(nil), c.diff...)
		c.solve(w, h)
		at := func(x, y int) float64 {
			if x < 0 || y < 0 || x >= w || y >= h {
				return 0
			}
			return c.diff[y*w+x]
		}
		for i, v := range right {
			x, y := i%w, i/w
			got := at(x-1, y) + at(x+1, y) + at(x, y-1) + at(x, y+1) - 4*at(x, y)
			if math.Abs(got-v) > 1e-8 {
				t.Fatalf("%d x %d: %v at (%d, %d), want %v", w, h, got, x, y, v)
			}
		}
	}
}

func TestCloningTheBaseOrUnderNoMaskGivesTheBase(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(4, 5))
	under := picture(rng, 70, 60)
	var src, dst raster.RGB
	src.Reset(31, 30)
	raster.Crop(&src, under, 20, 10, raster.Color{})
	full := morph.New(31, 30)
	fill(full.Pix, 7)
	var b Blender
	for name, mask := range map[string]*morph.Bitmap{"full": full, "empty": morph.New(31, 30)} {
		// Without its outermost rows and columns the mask is 29 x 28.
		if err := b.SeamlessClone(&dst, &src, under, mask, 21+14, 11+14, Normal); err != nil || !bytes.Equal(dst.Pix, under.Pix) {
			t.Errorf("%s: the base changed (%v)", name, err)
		}
	}
	tiny := raster.NewRGB(2, 2)
	if err := b.SeamlessClone(&dst, tiny, under, morph.New(2, 2), 5, 5, Mixed); err != nil || !bytes.Equal(dst.Pix, under.Pix) {
		t.Errorf("2 x 2: the base changed (%v)", err)
	}
}
