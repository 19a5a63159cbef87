package served

import (
	"bytes"
	"image"
	"image/png"
	"math"
	"reflect"
	"testing"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/kernels/raster"
	"github.com/tailorbird/tailorbird/kernels/rle"
	"github.com/tailorbird/tailorbird/methods/addsd"
	"github.com/tailorbird/tailorbird/methods/addsd/served/fake"
)

// framed is a base of w x h pixels with an outline, a mask and a box: in the
// middle, over the left edge of what crop mode shows, and in the outermost pixels.
func framed(t *testing.T, w, h int) *addsd.Request {
	t.Helper()
	r := sized(1, w, h)
	m, err := rle.FromBox([4]float64{0, 10, 60, 20}, h, w, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Base.Objects = []datasets.Annotation{
		{ID: 1, CategoryID: 3, BBox: datasets.Box{200, 10, 80, 30}, Area: 2400, Segmentation: &datasets.Segmentation{Polygons: [][]float64{{200, 10, 280, 10, 280, 40, 200, 40}}}},
		{ID: 2, CategoryID: 4, BBox: datasets.Box{0, 10, 60, 20}, Area: 1200, Segmentation: datasets.SegmentationOf(m)},
		{ID: 3, CategoryID: 5, BBox: datasets.Box{0, 0, 15, 15}, Area: 225},
	}
	return r
}

func TestTheAnswerComesBackAsTheGeometrySays(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		mode  string
		frame addsd.Frame
		ids   []int64
	}{
		// Spec 3.3: 640 x 50 is shown as 768 x 64, from x = 20 on.
		{addsd.CropMode, addsd.Frame{X: 20, W: 600, H: 50, Width: 768, Height: 64}, []int64{1, 2}},
		{addsd.ResizeMode, addsd.Whole(640, 50), []int64{1, 2, 3}},
		{addsd.PadMode, addsd.Whole(640, 50), []int64{1, 2, 3}},
		{NoGeometry, addsd.Whole(640, 50), []int64{1, 2, 3}},
	} {
		t.Run(c.mode, func(t *testing.T) {
			t.Parallel()
			r := framed(t, 640, 50)
			g, _ := start(t, &fake.Server{}, Options{Geometry: c.mode})
			made := generate(t, g, []*addsd.Request{r})[0]
			if made.Err != nil {
				t.Fatal(made.Err)
			}
			if f := made.Frame; math.Abs(f.X-c.frame.X) > 1e-9 || math.Abs(f.W-c.frame.W) > 1e-9 || f.H != c.frame.H || f.Width != c.frame.Width || f.Height != c.frame.Height {
				t.Errorf("frame %+v, want %+v", f, c.frame)
			}
			var ids []int64
			for _, o := range made.Objects {
				ids = append(ids, o.ID)
			}
			if !reflect.DeepEqual(ids, c.ids) {
				t.Errorf("objects %v, want %v", ids, c.ids)
			}
			e := datasets.Example{Annotations: &made.Objects}
			if err := datasets.Validate(&e, made.Image.Width, made.Image.Height, map[int64]int{3: 0, 4: 1, 5: 2}); err != nil {
				t.Error(err)
			}
			if want := expected(t, c.mode, r); made.Image.Width != want.Width || made.Image.Height != want.Height || !bytes.Equal(made.Image.Pix, want.Pix) {
				t.Error("not the picture that was drawn, brought back")
			}
		})
	}
}

// expected does by hand what server and client do together.
func expected(t *testing.T, mode string, r *addsd.Request) *raster.RGB {
	t.Helper()
	shown := &raster.RGB{}
	if mode == NoGeometry {
		*shown = raster.RGB{Width: r.Base.Image.Width, Height: r.Base.Image.Height, Pix: bytes.Clone(r.Base.Image.Pix)}
		fake.Draw(shown, nil, "traffic light", r.Seed)
		return shown
	}
	geo, err := addsd.NewGeometry(mode, r.Base.Image.Width, r.Base.Image.Height)
	if err != nil {
		t.Fatal(err)
	}
	if err := geo.In(shown, r.Base.Image); err != nil {
		t.Fatal(err)
	}
	fake.Draw(shown, nil, "traffic light", r.Seed)
	out := &raster.RGB{}
	if err := geo.Back(out, shown); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestAMaskGoesWhereThePixelsGo(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{addsd.CropMode, addsd.ResizeMode, addsd.PadMode, NoGeometry} {
		for name, box := range map[string][4]float64{"inside": {200, 10, 90, 30}, "over the edge": {0, 10, 90, 30}, "outside": {0, 0, 15, 15}} {
			geo, err := geometry(mode, 640, 50)
			if err != nil {
				t.Fatal(err)
			}
			m, err := rle.FromBox(box, 50, 640, nil)
			if err != nil {
				t.Fatal(err)
			}
			text, err := maskPNG(&geo, m)
			if err != nil {
				t.Fatal(mode, name, err)
			}
			img, err := png.Decode(bytes.NewReader(text))
			if err != nil {
				t.Fatal(err)
			}
			grey, ok := img.(*image.Gray)
			if !ok || grey.Rect != image.Rect(0, 0, geo.InputWidth, geo.InputHeight) {
				t.Fatalf("%s: a %T of %v", mode, img, img.Bounds())
			}
			f := geo.Shown
			for y := range geo.InputHeight {
				for x := range geo.InputWidth {
					// The centre of the pixel, in the base.
					bx, by := f.X+(float64(x)+0.5)*f.W/float64(f.Width), f.Y+(float64(y)+0.5)*f.H/float64(f.Height)
					in := bx >= box[0] && bx < box[0]+box[2] && by >= box[1] && by < box[1]+box[3]
					if v := grey.GrayAt(x, y).Y; v != 0 && v != 255 || in != (v == 255) {
						t.Fatalf("%s, %s: pixel %d, %d is %d, in the mask: %v", mode, name, x, y, v, in)
					}
				}
			}
		}
	}
}

func TestMasksAreSentToServersThatLookAtThem(t *testing.T) {
	t.Parallel()
	m, err := rle.FromBox([4]float64{40, 20, 30, 30}, 64, 96, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, looks := range []bool{true, false} {
		sent := false
		s := &fake.Server{Info: fake.DefaultInfo()}
		s.Info.Masks = looks
		s.Faults = func(c Call) fake.Fault { sent = c.Items[0].Mask != nil; return fake.Fault{} }
		g, _ := start(t, s, Options{})
		r := sized(1, 96, 64)
		r.Mask = &m
		made := generate(t, g, []*addsd.Request{r})[0]
		if made.Err != nil || sent != looks {
			t.Errorf("masks %v: sent %v, %v", looks, sent, made.Err)
		}
		for y := range 64 {
			for x := range 96 {
				i := 3 * (y*96 + x)
				if in := x >= 40 && x < 70 && y >= 20 && y < 50; looks && !in && !bytes.Equal(made.Image.Pix[i:i+3], r.Base.Image.Pix[i:i+3]) {
					t.Fatalf("pixel %d, %d changed outside the mask", x, y)
				}
			}
		}
	}
}

func TestBasesThatCannotBeSentAreRejected(t *testing.T) {
	t.Parallel()
	g, _ := start(t, &fake.Server{}, Options{Geometry: addsd.CropMode})
	other := rle.Mask{Height: 3, Width: 3, Counts: []uint32{9}}
	bad := map[string]func(*addsd.Request){
		"no scene":       func(r *addsd.Request) { r.Base = nil },
		"no picture":     func(r *addsd.Request) { r.Base.Image = nil },
		"short picture":  func(r *addsd.Request) { r.Base.Image.Pix = r.Base.Image.Pix[:9] },
		"line":           func(r *addsd.Request) { r.Base.Image = raster.NewRGB(4000, 1) },
		"mask elsewhere": func(r *addsd.Request) { r.Mask = &other },
		"broken outline": func(r *addsd.Request) {
			r.Base.Objects = []datasets.Annotation{{BBox: datasets.Box{100, 1, 9, 9}, Segmentation: &datasets.Segmentation{Polygons: [][]float64{{1, math.NaN()}}}}}
		},
	}
	var names []string
	var reqs []*addsd.Request
	for name, spoil := range bad {
		r := sized(1, 320, 25)
		spoil(r)
		names, reqs = append(names, name), append(reqs, r)
	}
	made := generate(t, g, append(reqs, sized(2, 320, 25)))
	for i, name := range names {
		if rej := addsd.RejectionOf(made[i].Err); rej == nil || rej.Reason != addsd.BadBase {
			t.Errorf("%s: %v", name, made[i].Err)
		}
	}
	if last := made[len(names)]; last.Err != nil {
		t.Errorf("their neighbour: %v", last.Err)
	}
}
