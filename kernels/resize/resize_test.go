package resize

import (
	"bytes"
	"image"
	"math"
	"testing"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/raster"
)

func TestFilterNamesAreReadBack(t *testing.T) {
	t.Parallel()
	for f := range filters {
		if got, err := ParseFilter(f.String()); got != f || err != nil {
			t.Errorf("%s: %v, %v", f, got, err)
		}
	}
	for name, want := range map[string]Filter{"box": Area, "lanczos": Lanczos3} {
		if got, err := ParseFilter(name); got != want || err != nil {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	if _, err := ParseFilter("cubic"); fault.CodeOf(err) != fault.Usage {
		t.Errorf("unknown name: %v", err)
	}
}

func TestFixedPointFollowsTheFormulaInFloat64(t *testing.T) {
	t.Parallel()
	const w, h, dw, dh = 61, 47, 37, 53
	src := noise(w*h, 9)
	for f := range filters {
		if f == Nearest {
			continue
		}
		got := make([]byte, dw*dh)
		new(Resizer).Plane(got, dw, dw, dh, src, w, w, h, Options{Filter: f})
		for y := range dh {
			for x := range dw {
				want := 0.0
				wy, wx := weights(f, h, dh, y), weights(f, w, dw, x)
				for i, ky := range wy {
					row := 0.0
					for j, kx := range wx {
						row += kx * float64(src[i*w+j])
					}
					want += ky * min(max(math.Round(row), 0), 255)
				}
				if want = min(max(want, 0), 255); math.Abs(want-float64(got[y*dw+x])) > 1.5 {
					t.Fatalf("%s at %d, %d: %d, want %.2f", f, x, y, got[y*dw+x], want)
				}
			}
		}
	}
}

// weights evaluates output i of out over all in samples, with no tables.
func weights(f Filter, in, out, i int) []float64 {
	scale := float64(in) / float64(out)
	stretch := max(scale, 1)
	w, sum := make([]float64, in), 0.0
	for j := range w {
		w[j] = f.weight((float64(j) + 0.5 - (float64(i)+0.5)*scale) / stretch)
		sum += w[j]
	}
	for j := range w {
		w[j] /= sum
	}
	return w
}

func TestWithoutAntialiasTheFilterKeepsItsWidth(t *testing.T) {
	t.Parallel()
	// Shrinking by 4, bilinear reads the two samples around each centre, and
	// only the widened one sees the white column between them.
	src := []byte{0, 0, 0, 255, 0, 0, 0, 0}
	var wide, narrow [2]byte
	var r Resizer
	r.Plane(wide[:], 2, 2, 1, src, 8, 8, 1, Options{Filter: Bilinear})
	r.Plane(narrow[:], 2, 2, 1, src, 8, 8, 1, Options{Filter: Bilinear, NoAntialias: true})
	if wide[0] == 0 || narrow != [2]byte{} {
		t.Errorf("antialiased %d, not antialiased %d", wide, narrow)
	}
}

func TestPaddingBetweenRowsIsLeftAlone(t *testing.T) {
	t.Parallel()
	for name, r := range forms() {
		for _, w := range []int{5, 33, 64, 101} {
			const dh, pad = 40, 7
			dst := bytes.Repeat([]byte{0xa5}, (w+pad)*dh)
			src := noise((90+pad)*70, 3)
			r.Plane(dst, w+pad, w, dh, src, 90+pad, 90, 70, Options{})
			want := make([]byte, w*dh)
			tight := make([]byte, 90*70)
			for y := range 70 {
				copy(tight[90*y:90*(y+1)], src[(90+pad)*y:])
			}
			r.Plane(want, w, w, dh, tight, 90, 90, 70, Options{})
			for y := range dh {
				row := dst[y*(w+pad):][:w+pad]
				if !bytes.Equal(row[:w], want[y*w:][:w]) {
					t.Fatalf("%s, width %d: row %d depends on the stride", name, w, y)
				}
				if !bytes.Equal(row[w:], bytes.Repeat([]byte{0xa5}, pad)) {
					t.Fatalf("%s, width %d: row %d wrote into the padding", name, w, y)
				}
			}
		}
	}
}

func TestRGBIsThreePlanes(t *testing.T) {
	t.Parallel()
	for name, r := range forms() {
		for _, c := range [][4]int{{97, 73, 40, 31}, {200, 60, 20, 90}, {31, 200, 64, 10}, {5, 5, 9, 2}, {700, 80, 30, 30}} {
			src, dst := &raster.RGB{Width: c[0], Height: c[1], Pix: noise(3*c[0]*c[1], 5)}, raster.NewRGB(c[2], c[3])
			r.RGB(dst, src, Options{Filter: Lanczos3})
			for ch := range 3 {
				plane, want := make([]byte, c[0]*c[1]), make([]byte, c[2]*c[3])
				for i := range plane {
					plane[i] = src.Pix[3*i+ch]
				}
				r.Plane(want, c[2], c[2], c[3], plane, c[0], c[0], c[1], Options{Filter: Lanczos3})
				for i := range want {
					if dst.Pix[3*i+ch] != want[i] {
						t.Fatalf("%s, %d: channel %d differs at %d", name, c, ch, i)
					}
				}
			}
		}
	}
}

// A ramp over the picture survives any resize but at the edges, if chroma
// samples are taken to be where JPEG has them.
func TestChromaStaysAlignedWithLuma(t *testing.T) {
	t.Parallel()
	ratios := []image.YCbCrSubsampleRatio{image.YCbCrSubsampleRatio444, image.YCbCrSubsampleRatio422, image.YCbCrSubsampleRatio420,
		image.YCbCrSubsampleRatio440, image.YCbCrSubsampleRatio411, image.YCbCrSubsampleRatio410}
	sizes := [][4]int{{200, 150, 136, 102}, {201, 151, 99, 77}, {101, 75, 160, 131}, {120, 90, 120, 91}}
	var r Resizer
	for _, from := range ratios {
		for _, to := range ratios {
			for _, s := range sizes {
				src, dst := ramp(s[0], s[1], from), planes(s[2], s[3], to, 1)
				r.Planes(dst, src, Options{Filter: Bilinear})
				checkRamp(t, dst, s, from)
			}
		}
	}
}

// The ramps: 4 levels are 5 luma samples, Cb along x and Cr along y.
func rampAt(pos float64) float64 { return 20 + 0.8*pos }

func ramp(w, h int, ratio image.YCbCrSubsampleRatio) *image.YCbCr {
	m := planes(w, h, ratio, 1)
	hs, vs := ratioX(m), ratioY(m)
	for i := range m.Cb {
		x, y := i%m.CStride, i/m.CStride
		m.Cb[i] = byte(math.Round(rampAt(float64(x*hs) + float64(hs-1)/2)))
		m.Cr[i] = byte(math.Round(rampAt(float64(y*vs) + float64(vs-1)/2)))
	}
	return m
}

func checkRamp(t *testing.T, m *image.YCbCr, s [4]int, from image.YCbCrSubsampleRatio) {
	t.Helper()
	hs, vs := ratioX(m), ratioY(m)
	scaleX, scaleY := float64(s[0])/float64(s[2]), float64(s[1])/float64(s[3])
	for i := range m.Cb {
		x, y := i%m.CStride, i/m.CStride
		if x < 4 || y < 4 || x >= m.CStride-4 || y >= len(m.Cb)/m.CStride-4 {
			continue
		}
		cb := rampAt((float64(x*hs)+float64(hs)/2)*scaleX - 0.5)
		cr := rampAt((float64(y*vs)+float64(vs)/2)*scaleY - 0.5)
		if math.Abs(cb-float64(m.Cb[i])) > 1.1 || math.Abs(cr-float64(m.Cr[i])) > 1.1 {
			t.Fatalf("%v to %v, %d: chroma %d, %d at %d, %d, want %.1f, %.1f", from, m.SubsampleRatio, s, m.Cb[i], m.Cr[i], x, y, cb, cr)
		}
	}
}

func TestASubImageStandsWhereItWasCut(t *testing.T) {
	t.Parallel()
	whole := ramp(160, 120, image.YCbCrSubsampleRatio420)
	var r Resizer
	for _, cut := range []image.Rectangle{image.Rect(20, 10, 140, 100), image.Rect(21, 11, 140, 100)} {
		src := whole.SubImage(cut).(*image.YCbCr)
		same, boxed := planes(60, 45, image.YCbCrSubsampleRatio444, 1), planes(60, 45, image.YCbCrSubsampleRatio444, 1)
		r.Planes(same, src, Options{Filter: Bilinear})
		r.Planes(boxed, whole, Options{Filter: Bilinear, Box: Box{float64(cut.Min.X), float64(cut.Min.Y), float64(cut.Max.X), float64(cut.Max.Y)}})
		for y := 4; y < 41; y++ {
			for x := 4; x < 56; x++ {
				i := y*60 + x
				if same.Y[i] != boxed.Y[i] || same.Cb[i] != boxed.Cb[i] || same.Cr[i] != boxed.Cr[i] {
					t.Fatalf("%v: %d, %d differs from the box of the whole", cut, x, y)
				}
			}
		}
	}
}

func TestTheSmallestImagesWork(t *testing.T) {
	t.Parallel()
	for name, r := range forms() {
		for f := range filters {
			for sw := 1; sw < 6; sw++ {
				for dw := 0; dw < 6; dw++ {
					src, dst := planes(sw, 3, image.YCbCrSubsampleRatio410, 1), planes(dw, 2, image.YCbCrSubsampleRatio420, 1)
					fill(src, 77)
					r.Planes(dst, src, Options{Filter: f})
					for _, v := range append(append(dst.Y, dst.Cb...), dst.Cr...) {
						if v != 77 {
							t.Fatalf("%s, %s, %d to %d: a flat image became %d", name, f, sw, dw, v)
						}
					}
				}
			}
		}
	}
}

func fill(m *image.YCbCr, v byte) {
	for _, p := range [][]byte{m.Y, m.Cb, m.Cr} {
		for i := range p {
			p[i] = v
		}
	}
}

func TestABoxOutsideTheImageGivesItsEdge(t *testing.T) {
	t.Parallel()
	src := []byte{10, 20, 30, 40}
	var r Resizer
	for f := range filters {
		var dst [3]byte
		r.Plane(dst[:], 3, 3, 1, src, 4, 4, 1, Options{Filter: f, Box: Box{90, 0, 99, 1}})
		if dst != [3]byte{40, 40, 40} {
			t.Errorf("%s: %d", f, dst)
		}
	}
}

func TestBuffersThatAreTooSmallPanic(t *testing.T) {
	t.Parallel()
	for name, call := range map[string]func(r *Resizer){
		"a short source":       func(r *Resizer) { r.Plane(make([]byte, 4), 2, 2, 2, make([]byte, 8), 3, 3, 3, Options{}) },
		"a short destination":  func(r *Resizer) { r.Plane(make([]byte, 3), 2, 2, 2, make([]byte, 9), 3, 3, 3, Options{}) },
		"a stride below a row": func(r *Resizer) { r.Plane(make([]byte, 4), 2, 2, 2, make([]byte, 9), 2, 3, 3, Options{}) },
		"nothing to resize":    func(r *Resizer) { r.Plane(make([]byte, 4), 2, 2, 2, nil, 0, 0, 0, Options{}) },
		"a short float source": func(r *Resizer) { r.Float32(make([]float32, 4), 2, 2, make([]float32, 8), 3, 3, Options{}) },
		"no such filter":       func(r *Resizer) { r.Plane(make([]byte, 4), 2, 2, 2, make([]byte, 9), 3, 3, 3, Options{Filter: 99}) },
		"a box without area": func(r *Resizer) {
			r.Plane(make([]byte, 4), 2, 2, 2, make([]byte, 9), 3, 3, 3, Options{Box: Box{1, 1, 1, 2}})
		},
		"a box that is no number": func(r *Resizer) {
			r.Plane(make([]byte, 4), 2, 2, 2, make([]byte, 9), 3, 3, 3, Options{Box: Box{math.NaN(), 0, 1, 1}})
		},
		"a negative destination": func(r *Resizer) { r.Plane(nil, 0, -1, 2, make([]byte, 9), 3, 3, 3, Options{}) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			call(new(Resizer))
		}()
	}
}

func TestRepeatedSizesAllocateNothing(t *testing.T) {
	src, dst := planes(500, 375, image.YCbCrSubsampleRatio420, 1), planes(341, 256, image.YCbCrSubsampleRatio420, 1)
	rgb, small := raster.NewRGB(120, 90), raster.NewRGB(64, 64)
	floats, few := make([]float32, 40*30), make([]float32, 20*20)
	for name, r := range forms() {
		run := func() {
			r.Planes(dst, src, Options{})
			r.RGB(small, rgb, Options{Filter: Lanczos3})
			r.Float32(few, 20, 20, floats, 40, 30, Options{})
		}
		run()
		if n := testing.AllocsPerRun(5, run); n > 0 {
			t.Errorf("%s: %v allocations a run", name, n)
		}
	}
}

func TestTablesAreBounded(t *testing.T) {
	t.Parallel()
	var r Resizer
	src, dst := noise(400*4, 1), make([]byte, 60*4)
	for w := 100; w < 400; w++ {
		r.Plane(dst, 60, 60, 4, src, w, w, 4, Options{})
	}
	if n := len(r.axes.axes); n > maxAxes {
		t.Errorf("%d axes are kept", n)
	}
	wide, wider := make([]byte, 60_000), make([]byte, 60_010)
	for w := 60_005; w < 60_010; w++ {
		r.Plane(wide, 60_000, 60_000, 1, wider, w, w, 1, Options{})
	}
	if n := len(r.axes.axes); n > 2 && r.axes.bytes() > maxAxisBytes {
		t.Errorf("%d axes of %d bytes are kept", n, r.axes.bytes())
	}
}
