package cpu

import (
	"math"
	"math/cmplx"
	"math/rand/v2"
	"testing"

	"gorgonia.org/tensor"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/ops"
)

func TestRFFT2IsTheFourierTransform(t *testing.T) {
	e := New(Options{Workers: 2})
	defer e.Close()
	rng := rand.New(rand.NewPCG(8, 8))
	for _, size := range [][2]int{{1, 1}, {4, 8}, {5, 6}, {9, 7}, {22, 13}} {
		h, w := size[0], size[1]
		x, re, im := moveFloats(rng, 1, 1, h, w), e.Borrow(1, 1, h, w/2+1), e.Borrow(1, 1, h, w/2+1)
		if err := e.RFFT2(re, im, x, ops.FFT{Scale: 1}); err != nil {
			t.Fatal(err)
		}
		for u := range h {
			for v := range w/2 + 1 {
				sum := complex(0, 0)
				for i, value := range x.Float32s() {
					angle := -2 * math.Pi * (float64(u*(i/w))/float64(h) + float64(v*(i%w))/float64(w))
					sum += cmplx.Rect(float64(value), angle)
				}
				at := u*(w/2+1) + v
				got := complex(float64(re.Float32s()[at]), float64(im.Float32s()[at]))
				if cmplx.Abs(got-sum) > 1e-5*(1+cmplx.Abs(sum)) {
					t.Fatalf("%v: frequency %d, %d is %v, want %v", size, u, v, got, sum)
				}
			}
		}
	}
}

// TestGridOfOddPlaces: far away and NaN is outside the image, or at its border.
func TestGridOfOddPlaces(t *testing.T) {
	e := New(Options{Workers: 1})
	defer e.Close()
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	places := []float32{nan, 0, 0, nan, inf, inf, -inf, 0, 1e30, -1e30, math.MaxFloat32, 3}
	grid := tensor.New(tensor.WithShape(1, 1, 6, 2), tensor.WithBacking(places))
	x, y := e.Borrow(1, 1, 3, 4), e.Borrow(1, 1, 1, 6)
	dx, dgrid := e.Borrow(1, 1, 3, 4), e.Borrow(1, 1, 6, 2)
	_ = e.Fill(x, 7)
	for _, mode := range []ops.SampleMode{ops.Nearest, ops.Bilinear} {
		for padding, want := range map[ops.GridPadding]float32{ops.PadZeros: 0, ops.PadBorder: 7} {
			p := ops.GridSample{Mode: mode, Padding: padding}
			if err := e.GridSample(y, x, grid, p); err != nil {
				t.Fatal(err)
			}
			for i, v := range y.Float32s() {
				if v != want {
					t.Errorf("%s, %s: place %d gives %v, want %v", mode, padding, i, v, want)
				}
			}
			if err := e.GridSampleGrad(dx, dgrid, y, x, grid, p); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestBoxesOfNoImageAreRefused(t *testing.T) {
	e := New(Options{Workers: 1})
	defer e.Close()
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	x, y := e.Borrow(2, 1, 4, 4), e.Borrow(1, 1, 2, 2)
	for _, box := range [][]float32{{2, 0, 0, 1, 1}, {-1, 0, 0, 1, 1}, {nan, 0, 0, 1, 1}, {0, nan, 0, 1, 1}, {0, 0, 0, inf, 1}, {0, 0, 0, 1e30, 1}} {
		rois := tensor.New(tensor.WithShape(1, 5), tensor.WithBacking(box))
		for name, err := range map[string]error{
			"align": e.RoIAlign(y, x, rois, ops.RoIAlign{}), "align gradient": e.RoIAlignGrad(x, y, rois, ops.RoIAlign{}),
			"pool": e.RoIPool(y, x, rois, 1), "pool gradient": e.RoIPoolGrad(x, y, x, rois, 1),
		} {
			if fault.CodeOf(err) != fault.Usage {
				t.Errorf("%s of %v: %v", name, box, err)
			}
		}
	}
}

func TestSamplesAllocateNothing(t *testing.T) {
	e := New(Options{Workers: 2})
	defer e.Close()
	rng := rand.New(rand.NewPCG(9, 9))
	x, y, grid := moveFloats(rng, 2, 3, 12, 10), moveFloats(rng, 2, 3, 7, 9), moveFloats(rng, 2, 7, 9, 2)
	dx, dgrid := moveFloats(rng, 2, 3, 12, 10), moveFloats(rng, 2, 7, 9, 2)
	rows, cols, err := ops.Interpolation{Mode: ops.Bicubic, Size: [2]int{7, 9}}.Taps(12, 10)
	if err != nil {
		t.Fatal(err)
	}
	rois := tensor.New(tensor.WithShape(2, 5), tensor.WithBacking([]float32{0, 1, 1, 6, 7, 1, 0, 2, 9, 9}))
	re, im := moveFloats(rng, 2, 3, 12, 6), moveFloats(rng, 2, 3, 12, 6)
	for name, f := range map[string]func() error{
		"resample":  func() error { return e.Resample(y, x, rows, cols) },
		"grid":      func() error { return e.GridSample(y, x, grid, ops.GridSample{}) },
		"grid back": func() error { return e.GridSampleGrad(dx, dgrid, y, x, grid, ops.GridSample{}) },
		"roi":       func() error { return e.RoIAlign(y, x, rois, ops.RoIAlign{}) },
		"roi back":  func() error { return e.RoIAlignGrad(dx, y, rois, ops.RoIAlign{}) },
		"fft":       func() error { return e.RFFT2(re, im, x, ops.FFT{Scale: 1}) },
		"fft back":  func() error { return e.IRFFT2(x, re, im, ops.FFT{Scale: 1}) },
	} {
		if err := f(); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if n := testing.AllocsPerRun(10, func() { _ = f() }); n > 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}
