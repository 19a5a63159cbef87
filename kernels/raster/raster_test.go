package raster

import (
	"bytes"
	"image"
	"image/color"
	"math"
	"math/rand/v2"
	"testing"
)

// numbered returns an image whose pixels are all different.
func numbered(w, h int) *RGB {
	m := NewRGB(w, h)
	for i := range w * h {
		m.Pix[3*i], m.Pix[3*i+1], m.Pix[3*i+2] = byte(i), byte(i>>8), 7
	}
	return m
}

func random(w, h int, seed uint64) *RGB {
	m, rng := NewRGB(w, h), rand.New(rand.NewPCG(seed, 0))
	for i := range m.Pix {
		m.Pix[i] = byte(rng.Uint32())
	}
	return m
}

func at(m *RGB, x, y int) [3]byte { return [3]byte(m.Pix[3*(y*m.Width+x):]) }

func TestCropFillsWhatLiesOutside(t *testing.T) {
	t.Parallel()
	src, fill := numbered(7, 5), Color{1, 2, 3}
	for _, r := range []image.Rectangle{
		image.Rect(0, 0, 7, 5), image.Rect(2, 1, 5, 4), image.Rect(-3, -2, 4, 3), image.Rect(4, 3, 11, 9),
		image.Rect(-2, -2, 9, 7), image.Rect(20, 20, 23, 22), image.Rect(-9, 1, -4, 3), image.Rect(3, 2, 3, 2),
	} {
		for _, c := range []Color{fill, {}} {
			dst := random(r.Dx(), r.Dy(), 1)
			Crop(dst, src, r.Min.X, r.Min.Y, c)
			for y := range r.Dy() {
				for x := range r.Dx() {
					want := [3]byte{c.R, c.G, c.B}
					if p := image.Pt(r.Min.X+x, r.Min.Y+y); p.In(image.Rect(0, 0, 7, 5)) {
						want = at(src, p.X, p.Y)
					}
					if got := at(dst, x, y); got != want {
						t.Fatalf("%v at %d, %d: %d, want %d", r, x, y, got, want)
					}
				}
			}
		}
	}
}

func TestPadPlacesTheImage(t *testing.T) {
	t.Parallel()
	src, dst := numbered(4, 3), NewRGB(9, 8)
	for _, c := range []struct {
		x, y float64
		want image.Point
	}{{0, 0, image.Pt(0, 0)}, {0.5, 0.5, image.Pt(2, 2)}, {1, 1, image.Pt(5, 5)}, {0.1, 0.3, image.Pt(0, 2)}} {
		Pad(dst, src, c.x, c.y, Color{9, 9, 9})
		if got := at(dst, c.want.X, c.want.Y); got != at(src, 0, 0) {
			t.Errorf("at %g, %g the image does not begin at %v", c.x, c.y, c.want)
		}
		if n := bytes.Count(dst.Pix, []byte{9, 9, 9}); n < 9*8-4*3 {
			t.Errorf("at %g, %g: %d pixels are filled", c.x, c.y, n)
		}
	}
}

func TestCenterCropRoundsAsTorchvision(t *testing.T) {
	t.Parallel()
	// Cutting 5 to 4 and 7 to 4 leaves half a pixel: 0.5 becomes 0, 1.5 becomes 2.
	for _, c := range []struct{ have, want, left int }{{5, 4, 0}, {7, 4, 2}, {9, 4, 2}, {8, 4, 2}, {4, 5, 0}, {4, 7, -1}, {4, 4, 0}} {
		if got := Centre(c.have, c.want); got != c.left {
			t.Errorf("%d of %d begins at %d, want %d", c.want, c.have, got, c.left)
		}
	}
	var dst RGB
	CenterCrop(&dst, numbered(7, 4), 4, 4, Color{})
	if dst.Width != 4 || dst.Height != 4 || at(&dst, 0, 0) != at(numbered(7, 4), 2, 0) {
		t.Errorf("%d x %d, first pixel %d", dst.Width, dst.Height, at(&dst, 0, 0))
	}
}

func TestFitBoxHasTheShapeThatIsAsked(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		w, h, outW, outH int
		x, y             float64
		want             [4]float64
	}{
		{100, 50, 10, 10, 0.5, 0.5, [4]float64{25, 0, 75, 50}},
		{100, 50, 10, 10, 0, 1, [4]float64{0, 0, 50, 50}},
		{50, 100, 20, 10, 0.5, 0.5, [4]float64{0, 37.5, 50, 62.5}},
		{60, 30, 20, 10, 0.5, 0.5, [4]float64{0, 0, 60, 30}},
	} {
		x0, y0, x1, y1 := FitBox(c.w, c.h, c.outW, c.outH, c.x, c.y)
		if got := [4]float64{x0, y0, x1, y1}; got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
}

func TestRoundBoxRoundsHalfToEven(t *testing.T) {
	t.Parallel()
	if got, want := RoundBox(-4.5, 3.5, 50.5, 80.5), image.Rect(-4, 4, 50, 80); got != want {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestOrientationsAreWhereExifPutsThem(t *testing.T) {
	t.Parallel()
	// Where the stored row 0 and column 0 are shown (Exif 2.3, 4.6.4 A): the
	// stored pixel (x, y) appears at the point given.
	shown := map[int]func(x, y, w, h int) (int, int){
		1: func(x, y, w, h int) (int, int) { return x, y },
		2: func(x, y, w, h int) (int, int) { return w - 1 - x, y },
		3: func(x, y, w, h int) (int, int) { return w - 1 - x, h - 1 - y },
		4: func(x, y, w, h int) (int, int) { return x, h - 1 - y },
		5: func(x, y, w, h int) (int, int) { return y, x },
		6: func(x, y, w, h int) (int, int) { return h - 1 - y, x },
		7: func(x, y, w, h int) (int, int) { return h - 1 - y, w - 1 - x },
		8: func(x, y, w, h int) (int, int) { return y, w - 1 - x },
		0: func(x, y, w, h int) (int, int) { return x, y },
		9: func(x, y, w, h int) (int, int) { return x, y },
	}
	for o, where := range shown {
		for _, size := range [][2]int{{1, 1}, {5, 3}, {70, 41}, {1, 40}} {
			src, dst := numbered(size[0], size[1]), random(3, 3, 2)
			Orient(dst, src, o)
			for y := range src.Height {
				for x := range src.Width {
					dx, dy := where(x, y, src.Width, src.Height)
					if dx >= dst.Width || dy >= dst.Height || at(dst, dx, dy) != at(src, x, y) {
						t.Fatalf("orientation %d of %d: pixel %d, %d is not shown at %d, %d", o, size, x, y, dx, dy)
					}
				}
			}
		}
	}
}

func TestLumaAndChromaFollowJFIF(t *testing.T) {
	t.Parallel()
	m := random(50, 40, 3)
	var p image.YCbCr
	ToPlanes(&p, m, image.YCbCrSubsampleRatio444)
	for i := range 50 * 40 {
		r, g, b := float64(m.Pix[3*i]), float64(m.Pix[3*i+1]), float64(m.Pix[3*i+2])
		y := 0.299*r + 0.587*g + 0.114*b
		cb, cr := 128+(b-y)/1.772, 128+(r-y)/1.402
		if near(p.Y[i], y) && near(p.Cb[i], cb) && near(p.Cr[i], cr) {
			continue
		}
		t.Fatalf("%v: %d %d %d, want %.2f %.2f %.2f", m.Pix[3*i:3*i+3], p.Y[i], p.Cb[i], p.Cr[i], y, cb, cr)
	}
	luma := make([]byte, 50*40)
	Luma(luma, m)
	if !bytes.Equal(luma, p.Y) {
		t.Error("Luma differs from the Y plane")
	}
}

func near(got byte, want float64) bool { return math.Abs(float64(got)-min(want, 255)) < 0.51 }

// The standard library computes the same formulas in 16 bits of fraction.
func TestToRGBEqualsImageColor(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(4, 0))
	for _, ratio := range []image.YCbCrSubsampleRatio{image.YCbCrSubsampleRatio444, image.YCbCrSubsampleRatio422, image.YCbCrSubsampleRatio420,
		image.YCbCrSubsampleRatio440, image.YCbCrSubsampleRatio411, image.YCbCrSubsampleRatio410} {
		src := image.NewYCbCr(image.Rect(0, 0, 37, 21), ratio)
		for _, p := range [][]byte{src.Y, src.Cb, src.Cr} {
			for i := range p {
				p[i] = byte(rng.Uint32())
			}
		}
		for _, cut := range []image.Rectangle{src.Rect, image.Rect(3, 2, 30, 19), image.Rect(5, 7, 6, 8)} {
			var got RGB
			sub := src.SubImage(cut).(*image.YCbCr)
			ToRGB(&got, sub)
			for y := cut.Min.Y; y < cut.Max.Y; y++ {
				for x := cut.Min.X; x < cut.Max.X; x++ {
					c := sub.YCbCrAt(x, y)
					r, g, b := color.YCbCrToRGB(c.Y, c.Cb, c.Cr)
					p := at(&got, x-cut.Min.X, y-cut.Min.Y)
					if apart(p[0], r) > 1 || apart(p[1], g) > 1 || apart(p[2], b) > 1 {
						t.Fatalf("%v %v at %d, %d: %d, want %d %d %d", ratio, cut, x, y, p, r, g, b)
					}
				}
			}
		}
	}
}

func apart(a, b byte) int { return max(int(a)-int(b), int(b)-int(a)) }

func TestAFlatColourSurvivesEverySubsampling(t *testing.T) {
	t.Parallel()
	for _, ratio := range []image.YCbCrSubsampleRatio{image.YCbCrSubsampleRatio444, image.YCbCrSubsampleRatio422, image.YCbCrSubsampleRatio420,
		image.YCbCrSubsampleRatio440, image.YCbCrSubsampleRatio411, image.YCbCrSubsampleRatio410} {
		for _, size := range [][2]int{{1, 1}, {7, 5}, {16, 16}} {
			src := NewRGB(size[0], size[1])
			paint(src.Pix, Color{200, 90, 30})
			var p image.YCbCr
			ToPlanes(&p, src, ratio)
			var back RGB
			ToRGB(&back, &p)
			for i, v := range back.Pix {
				if apart(v, src.Pix[i]) > 1 {
					t.Fatalf("%v %d: sample %d is %d, was %d", ratio, size, i, v, src.Pix[i])
				}
			}
		}
	}
}

// libjpeg averages with a rounding that alternates 1, 2 (4:2:0) or 0, 1 (4:2:2),
// and repeats the edge of an odd size.
func TestChromaIsAveragedAsLibjpegDoes(t *testing.T) {
	t.Parallel()
	src := random(9, 5, 5)
	var full, half, quarter image.YCbCr
	ToPlanes(&full, src, image.YCbCrSubsampleRatio444)
	ToPlanes(&half, src, image.YCbCrSubsampleRatio422)
	ToPlanes(&quarter, src, image.YCbCrSubsampleRatio420)
	cb := func(x, y int) int { return int(full.Cb[min(y, 4)*9+min(x, 8)]) }
	for y := range 5 {
		for x := range 5 {
			if want := (cb(2*x, y) + cb(2*x+1, y) + x%2) / 2; int(half.Cb[y*5+x]) != want {
				t.Errorf("4:2:2 at %d, %d: %d, want %d", x, y, half.Cb[y*5+x], want)
			}
		}
	}
	for y := range 3 {
		for x := range 5 {
			sum := cb(2*x, 2*y) + cb(2*x+1, 2*y) + cb(2*x, 2*y+1) + cb(2*x+1, 2*y+1)
			if want := (sum + 1 + x%2) / 4; int(quarter.Cb[y*5+x]) != want {
				t.Errorf("4:2:0 at %d, %d: %d, want %d", x, y, quarter.Cb[y*5+x], want)
			}
		}
	}
}

func TestConversionsReuseTheirBuffers(t *testing.T) {
	src := random(64, 48, 6)
	var p image.YCbCr
	var back, turned RGB
	run := func() {
		ToPlanes(&p, src, image.YCbCrSubsampleRatio420)
		ToRGB(&back, &p)
		Orient(&turned, src, 6)
	}
	run()
	if n := testing.AllocsPerRun(5, run); n > 0 {
		t.Errorf("%v allocations a run", n)
	}
}

func BenchmarkToRGB(b *testing.B) {
	var p image.YCbCr
	ToPlanes(&p, random(500, 375, 7), image.YCbCrSubsampleRatio420)
	var dst RGB
	b.ReportAllocs()
	for b.Loop() {
		ToRGB(&dst, &p)
	}
}

func BenchmarkToPlanes420(b *testing.B) {
	src := random(500, 375, 8)
	var p image.YCbCr
	b.ReportAllocs()
	for b.Loop() {
		ToPlanes(&p, src, image.YCbCrSubsampleRatio420)
	}
}

func BenchmarkOrient6(b *testing.B) {
	src := random(500, 375, 9)
	var dst RGB
	b.ReportAllocs()
	for b.Loop() {
		Orient(&dst, src, 6)
	}
}
