package addsd

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/raster"
)

func readJSON(t *testing.T, name string, v any) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name))
	if err == nil {
		err = json.Unmarshal(text, v)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestCropGivesTheSizesOfTheSpec(t *testing.T) {
	for _, c := range []struct{ w, h, inW, inH int }{
		{640, 480, 512, 384}, {640, 427, 512, 384}, {640, 428, 512, 384}, {640, 426, 576, 384}, {640, 360, 512, 320},
		{480, 640, 384, 512}, {640, 640, 512, 512}, {500, 375, 512, 384}, {333, 500, 384, 576}, {640, 256, 640, 256},
		{640, 200, 576, 192},
	} {
		for _, mode := range Modes {
			g, err := NewGeometry(mode, c.w, c.h)
			if err != nil || g.InputWidth != c.inW || g.InputHeight != c.inH {
				t.Errorf("%s of %d x %d: %d x %d, %v; want %d x %d", mode, c.w, c.h, g.InputWidth, g.InputHeight, err, c.inW, c.inH)
			}
		}
	}
}

func TestCropBoxesAreThoseOfTheGolden(t *testing.T) {
	var golden struct {
		Rows []struct {
			Size, Out [2]int
			Crop      [4]float64
		}
		Tolerance float64
	}
	readJSON(t, "geometry.json", &golden)
	if len(golden.Rows) == 0 {
		t.Fatal("no rows")
	}
	for _, r := range golden.Rows {
		g, err := NewGeometry(CropMode, r.Size[0], r.Size[1])
		if err != nil {
			t.Fatal(err)
		}
		f := g.Frame()
		if [2]int{f.Width, f.Height} != r.Out {
			t.Errorf("%v: %d x %d, want %v", r.Size, f.Width, f.Height, r.Out)
		}
		for i, v := range [4]float64{f.X, f.Y, f.X + f.W, f.Y + f.H} {
			if math.Abs(v-r.Crop[i]) > golden.Tolerance {
				t.Errorf("%v: box %+v, want %v", r.Size, f, r.Crop)
			}
		}
	}
}

func TestEverySizeHasAGeometryInsideItsPicture(t *testing.T) {
	for w := 1; w <= 700; w += 3 {
		for h := 1; h <= 700; h += 7 {
			for _, mode := range Modes {
				g, err := NewGeometry(mode, w, h)
				if fault.CodeOf(err) == fault.TooLarge && (w > 50*h || h > 50*w) {
					continue
				}
				if err != nil {
					t.Fatal(err)
				}
				s := g.Shown
				if s.X < 0 || s.Y < 0 || s.X+s.W > float64(w)+1e-9 || s.Y+s.H > float64(h)+1e-9 ||
					s.Width < 1 || s.Height < 1 || s.Width > g.InputWidth || s.Height > g.InputHeight ||
					g.InputWidth%64 != 0 || g.InputHeight%64 != 0 || g.InputWidth > 4096 || g.InputHeight > 4096 {
					t.Fatalf("%s of %d x %d: %+v", mode, w, h, g)
				}
			}
		}
	}
}

// pattern is a picture with edges in both directions.
func pattern(w, h int) *raster.RGB {
	m := raster.NewRGB(w, h)
	for i := range m.Pix {
		x, y, c := i/3%w, i/3/w, i%3
		m.Pix[i] = byte(x*7 + y*13 + c*50 + x*y%31*5)
	}
	return m
}

func sum(m *raster.RGB) string {
	h := sha256.Sum256(m.Pix)
	return hex.EncodeToString(h[:8])
}

// The sums were made with Pillow 13.0.0 (ImageOps.fit, Image.resize, a pasted
// picture on the pad colour, Image.crop) from the same pattern.
func TestPicturesComeInAndBackAsPillowBringsThem(t *testing.T) {
	for _, c := range []struct {
		mode     string
		w, h     int
		inW, inH int
		in, back string
	}{
		{"crop", 53, 31, 512, 320, "aad5716e7e1f2b4e", "aad5716e7e1f2b4e"},
		{"crop", 64, 43, 512, 384, "cb3fe0ef3835b6d2", "cb3fe0ef3835b6d2"},
		{"crop", 40, 100, 256, 640, "3f4b9f53f91b3ca9", "3f4b9f53f91b3ca9"},
		{"resize", 53, 31, 512, 320, "f311169fe6c13a9b", "9146ef9ab8fd0319"},
		{"resize", 64, 43, 512, 384, "26d13197a8e7ac76", "75ae59bde1a246bf"},
		{"resize", 40, 100, 256, 640, "3f4b9f53f91b3ca9", "1f86b637d17de804"},
		{"pad", 53, 31, 512, 320, "024d67c04473e366", "db26a661c3a88140"},
		{"pad", 64, 43, 512, 384, "4d914876dbb4da67", "875ff7964abba9aa"},
		{"pad", 40, 100, 256, 640, "3f4b9f53f91b3ca9", "1f86b637d17de804"},
	} {
		g, err := NewGeometry(c.mode, c.w, c.h)
		if err != nil {
			t.Fatal(err)
		}
		var in, back raster.RGB
		if err := g.In(&in, pattern(c.w, c.h)); err != nil || in.Width != c.inW || in.Height != c.inH || sum(&in) != c.in {
			t.Errorf("%s of %d x %d: in %d x %d %s, %v; want %d x %d %s", c.mode, c.w, c.h, in.Width, in.Height, sum(&in), err, c.inW, c.inH, c.in)
		}
		if err := g.Back(&back, &in); err != nil || sum(&back) != c.back {
			t.Errorf("%s of %d x %d: back %s, %v; want %s", c.mode, c.w, c.h, sum(&back), err, c.back)
		}
		if f := g.Frame(); f.Width != back.Width || f.Height != back.Height {
			t.Errorf("%s: a frame of %+v for %d x %d pixels", c.mode, f, back.Width, back.Height)
		}
	}
}

func TestAPictureOfTheWrongSizeIsARejectedSample(t *testing.T) {
	g, err := NewGeometry(PadMode, 640, 427)
	if err != nil {
		t.Fatal(err)
	}
	var r *Rejection
	if err := g.Back(new(raster.RGB), raster.NewRGB(512, 512)); !errors.As(err, &r) || r.Reason != WrongSize {
		t.Errorf("got %v", err)
	}
	if err := g.In(new(raster.RGB), raster.NewRGB(10, 10)); fault.CodeOf(err) != fault.Bug {
		t.Errorf("got %v", err)
	}
}

func TestGeometriesThatCannotBeAreRefused(t *testing.T) {
	for _, c := range []struct {
		mode string
		w, h int
		want fault.Code
	}{
		{"stretch", 640, 480, fault.Usage},
		{CropMode, 0, 480, fault.InvalidAnnotation},
		{CropMode, 640, -1, fault.InvalidAnnotation},
		{PadMode, 1, 5000, fault.TooLarge},
		{CropMode, math.MaxInt32, 1, fault.TooLarge},
	} {
		if _, err := NewGeometry(c.mode, c.w, c.h); fault.CodeOf(err) != c.want {
			t.Errorf("%s of %d x %d: %v, want %s", c.mode, c.w, c.h, err, c.want)
		}
	}
}
