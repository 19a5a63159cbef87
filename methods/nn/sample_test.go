package nn

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/tailorbird/tailorbird/kernels/cpu"
	"github.com/tailorbird/tailorbird/kernels/ops"
)

func TestGradientsOfInterpolate(t *testing.T) {
	for _, p := range []ops.Interpolation{
		{Mode: ops.Nearest, Size: [2]int{3, 9}},
		{Mode: ops.NearestExact, Scale: [2]float64{1.7, 0.6}},
		{Mode: ops.Bilinear, Size: [2]int{9, 3}},
		{Mode: ops.Bilinear, Size: [2]int{3, 8}, AlignCorners: true},
		{Mode: ops.Bilinear, Size: [2]int{2, 8}, Antialias: true},
		{Mode: ops.Bicubic, Scale: [2]float64{2, 0.5}},
		{Mode: ops.Bicubic, Size: [2]int{2, 8}, Antialias: true, AlignCorners: true},
		{Mode: ops.Area, Size: [2]int{3, 7}},
	} {
		t.Run(fmt.Sprint(p), func(t *testing.T) {
			checkGradients(t, func(tp *Tape, xs []*Var) *Var { return tp.Interpolate(xs[0], p) }, []int{1, 2, 5, 6})
		})
	}
}

// TestGradientsOfGridSample takes places between pixels, where a sample is a
// smooth function of its place.
func TestGradientsOfGridSample(t *testing.T) {
	rng := rand.New(rand.NewPCG(6, 6))
	places := make([]float32, 2*3*2*2)
	for i := range places { // pixel + 0.2 .. 0.8 of a 4 x 4 image with aligned corners, some outside
		places[i] = 2*(float32(rng.IntN(7)-2)+0.2+0.6*rng.Float32())/3 - 1
	}
	for _, mode := range []ops.SampleMode{ops.Nearest, ops.Bilinear, ops.Bicubic} {
		for _, padding := range []ops.GridPadding{ops.PadZeros, ops.PadBorder, ops.PadReflection} {
			p := ops.GridSample{Mode: mode, Padding: padding, AlignCorners: true}
			t.Run(fmt.Sprint(p), func(t *testing.T) {
				checkGradients(t, func(tp *Tape, xs []*Var) *Var {
					// the operand moves the grid a little, so that its steps stay between pixels
					grid := tp.Add(tp.Upload(places, 2, 3, 2, 2), tp.Scale(xs[1], 0.02))
					return tp.GridSample(xs[0], grid, p)
				}, []int{2, 3, 4, 4}, []int{2, 3, 2, 2})
			})
		}
	}
}

func TestGradientsOfAffineGrid(t *testing.T) {
	for _, align := range []bool{false, true} {
		checkGradients(t, func(tp *Tape, xs []*Var) *Var { return tp.AffineGrid(xs[0], 3, 4, align) }, []int{2, 2, 3})
	}
}

func TestGradientsOfBoxes(t *testing.T) {
	rois := []float32{0, 1.3, 2.1, 9.7, 8.2, 1, -3, 0.4, 4.2, 20, 1, 5, 5, 5.5, 5.1}
	for _, p := range []ops.RoIAlign{
		{Scale: 0.5, SamplingRatio: 2, Aligned: true},
		{Scale: 0.5},
	} {
		checkGradients(t, func(tp *Tape, xs []*Var) *Var { return tp.RoIAlign(xs[0], tp.Upload(rois, 3, 5), 2, 3, p) }, []int{2, 3, 5, 6})
	}
	checkGradients(t, func(tp *Tape, xs []*Var) *Var { return tp.RoIPool(xs[0], tp.Upload(rois, 3, 5), 2, 3, 0.5) }, []int{2, 3, 5, 6})
}

func TestFourierTransformIsUndone(t *testing.T) {
	e := cpu.New(cpu.Options{Workers: 2})
	defer e.Close()
	rng := rand.New(rand.NewPCG(7, 7))
	for _, size := range [][2]int{{1, 1}, {1, 2}, {3, 1}, {8, 8}, {7, 12}, {30, 49}, {13, 37}} {
		for _, norm := range []FFTNorm{"", NormBackward, NormOrtho, NormForward} {
			tp := NewTape(e)
			v := make([]float32, 2*size[0]*size[1])
			for i := range v {
				v[i] = float32(rng.NormFloat64())
			}
			re, im := tp.RFFT2(tp.Upload(v, 2, size[0], size[1]), norm)
			got := tp.Host(tp.IRFFT2(re, im, size[1], norm))
			if tp.Err() != nil {
				t.Fatal(tp.Err())
			}
			for i := range v {
				if d := got[i] - v[i]; d > 1e-5 || d < -1e-5 {
					t.Fatalf("%v %s: value %d is %v, want %v", size, norm, i, got[i], v[i])
				}
			}
			tp.Reset()
		}
	}
}
