package chain

import (
	"fmt"
	"image"
	"image/color"
	"math"
	"slices"
	"testing"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/kernels/rle"
	"pgregory.net/rapid"
)

// scene is a picture of one red object on blue and an example that describes it
// three times: by outline, by run lengths, and by compressed run lengths.
type scene struct {
	img *image.NRGBA
	ex  *datasets.Example
}

// ellipse is an outline of n points.
func ellipse(cx, cy, rx, ry float64, n int) []float64 {
	var xy []float64
	for i := range n {
		sin, cos := math.Sincos(2 * math.Pi * float64(i) / float64(n))
		xy = append(xy, cx+rx*cos, cy+ry*sin)
	}
	return xy
}

// draw paints the outline into w x h pixels.
func draw(t fataler, w, h int, outline []float64) scene {
	t.Helper()
	m, err := rle.FromPolygon(outline, h, w, nil)
	if err != nil {
		t.Fatal(err)
	}
	bits, err := m.AppendBitmap(nil)
	if err != nil {
		t.Fatal(err)
	}
	img := image.NewNRGBA(image.Rect(0, 0, w, h))
	for i, b := range bits {
		img.SetNRGBA(i%w, i/w, color.NRGBA{255 * b, 0, 255 * (1 - b), 255})
	}
	box := datasets.Box{}
	for i, v := range m.Box() {
		box[i] = float64(v)
	}
	a := datasets.Annotation{CategoryID: 1, BBox: box, Area: float64(m.Area())}
	var list []datasets.Annotation
	for i, s := range []*datasets.Segmentation{
		{Polygons: [][]float64{outline}},
		{RLE: &datasets.RLE{Size: [2]int{h, w}, Runs: slices.Clone(m.Counts)}},
		{RLE: &datasets.RLE{Size: [2]int{h, w}, Counts: m.String()}},
		nil,
	} {
		a.ID, a.Segmentation = int64(i+1), s
		list = append(list, a)
	}
	return scene{img, &datasets.Example{Annotations: &list}}
}

// red is the mask of the object in an example's image.
func red(t fataler, ex *datasets.Example) rle.Mask {
	t.Helper()
	m := pixels(t, ex)
	bits := make([]byte, m.Width*m.Height)
	for i := range bits {
		if m.Pix[3*i] > m.Pix[3*i+2] {
			bits[i] = 1
		}
	}
	mask, err := rle.FromBitmap(bits, m.Height, m.Width, nil)
	if err != nil {
		t.Fatal(err)
	}
	return mask
}

// maskOf rasterises a segmentation of an example.
func maskOf(t fataler, ex *datasets.Example, s *datasets.Segmentation) (m rle.Mask) {
	t.Helper()
	var err error
	if s.RLE != nil {
		m, err = s.RLE.Mask(nil)
	} else {
		m, err = rle.FromPolygons(s.Polygons, ex.Height, ex.Width, nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	if m.Height != ex.Height || m.Width != ex.Width {
		t.Fatalf("mask of %d x %d, image of %d x %d", m.Width, m.Height, ex.Width, ex.Height)
	}
	return m
}

// agree holds the annotations of a transformed scene against its pixels; slack
// is what a box may be off, pixels.
func agree(t fataler, what string, ex *datasets.Example, slack float64) {
	t.Helper()
	want := red(t, ex)
	if n := len(*ex.Annotations); n != 4 {
		t.Fatalf("%s: %d annotations, want 4", what, n)
	}
	if err := datasets.Validate(ex, ex.Width, ex.Height, map[int64]int{1: 0}); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	box := want.Box()
	for _, a := range *ex.Annotations {
		for i, edge := range []float64{a.BBox[0], a.BBox[1], a.BBox[0] + a.BBox[2], a.BBox[1] + a.BBox[3]} {
			at := float64(box[i%2])
			if i > 1 {
				at += float64(box[i])
			}
			if math.Abs(edge-at) > slack {
				t.Fatalf("%s: annotation %d: box %v, pixels %v", what, a.ID, a.BBox, box)
			}
		}
		if a.Segmentation == nil {
			continue
		}
		iou, err := rle.IoU(maskOf(t, ex, a.Segmentation), want, false)
		if err != nil || iou < 0.9 {
			t.Fatalf("%s: annotation %d: IoU %.3f, %v", what, a.ID, iou, err)
		}
		if r := a.Area / float64(want.Area()); r < 0.9 || r > 1.1 {
			t.Fatalf("%s: annotation %d: area %g, pixels %d", what, a.ID, a.Area, want.Area())
		}
	}
}

func TestAnnotationsFollowThePixels(t *testing.T) {
	t.Parallel()
	steps := []string{
		"resize(short=60)", "resize(short=160)", "resize(long=90)", "resize(long=211)", "resize(width=77, height=120)", "resize(width=150, height=50)",
		"resize(short=300, enlarge=false)", "resize(short=50, antialias=false)",
		"center_crop(100)", "center_crop(131, 97)", "center_crop(200, 80)", "center_crop(90, 180)", "center_crop(201, 151)",
		"pad(width=150, height=130, place=center)", "pad(width=151, height=131, place=top_left)", "pad(width=1, height=133, color=#0000ff)",
		"resize(short=70) | center_crop(64) | pad(width=90, height=65, place=top_left) | resize(long=45)",
	}
	for _, f := range filters {
		steps = append(steps, fmt.Sprintf("resize(short=55, filter=%s)", f), fmt.Sprintf("resize(long=231, filter=%s)", f))
	}
	for _, step := range steps {
		t.Run(step, func(t *testing.T) {
			t.Parallel()
			s := draw(t, 131, 97, ellipse(60.3, 50.8, 30.5, 22.2, 24))
			run(t, "decode | "+step+" | encode(png)", s.ex, toPNG(t, s.img))
			agree(t, step, s.ex, 2.5)
		})
	}
}

func TestAnnotationsFollowThePixelsForAnyObject(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		side := func(name string, lo, hi int) int { return rapid.IntRange(lo, hi).Draw(t, name) }
		w, h := side("w", 90, 160), side("h", 90, 160)
		frac := rapid.Float64Range(0.3, 0.7)
		cx, cy := frac.Draw(t, "cx")*float64(w), frac.Draw(t, "cy")*float64(h)
		rx, ry := rapid.Float64Range(0.2, 0.28).Draw(t, "rx")*float64(w), rapid.Float64Range(0.2, 0.28).Draw(t, "ry")*float64(h)
		s := draw(t, w, h, ellipse(cx, cy, rx, ry, side("points", 6, 30)))
		step := rapid.SampledFrom([]string{
			fmt.Sprintf("resize(width=%d, height=%d)", side("w2", 80, 170), side("h2", 80, 170)),
			fmt.Sprintf("resize(short=%d)", side("short", 80, 160)),
			fmt.Sprintf("center_crop(%d, %d)", side("cw", w*9/10, 180), side("ch", h*9/10, 180)),
			fmt.Sprintf("pad(width=%d, height=%d, place=%s)", side("pw", 1, 180), side("ph", 1, 180),
				rapid.SampledFrom([]string{"center", "top_left"}).Draw(t, "place")),
		}).Draw(t, "step")
		run(t, "decode | "+step+" | encode(png)", s.ex, toPNG(t, s.img))
		agree(t, step, s.ex, 5)
	})
}

func TestAnnotationsFollowEveryOrientation(t *testing.T) {
	t.Parallel()
	for o := 1; o <= 8; o++ {
		for _, then := range []string{"", "resize(short=64) | ", "center_crop(90, 110) | "} {
			t.Run(fmt.Sprintf("%d %s", o, then), func(t *testing.T) {
				t.Parallel()
				// Nothing of the object maps to itself under a turn or a mirror.
				s := draw(t, 120, 80, []float64{20, 12, 70, 12, 70, 30, 40, 30, 40, 60, 20, 60})
				data := tagged(toJPEG(t, s.img), o)
				run(t, "decode(orient=true) | "+then+"encode(png)", s.ex, data)
				if o > 4 && then == "" && (s.ex.Width != 80 || s.ex.Height != 120) {
					t.Errorf("size %d x %d", s.ex.Width, s.ex.Height)
				}
				if s.ex.OriginalWidth != 120 || s.ex.OriginalHeight != 80 {
					t.Errorf("original size %d x %d", s.ex.OriginalWidth, s.ex.OriginalHeight)
				}
				agree(t, then, s.ex, 1.5)
			})
		}
	}
}

func TestWithoutOrientTheTagChangesNothing(t *testing.T) {
	t.Parallel()
	s := draw(t, 120, 80, ellipse(50, 40, 30, 20, 12))
	run(t, "decode | encode(png)", s.ex, tagged(toJPEG(t, s.img), 6))
	if s.ex.Width != 120 || s.ex.Height != 80 {
		t.Errorf("size %d x %d", s.ex.Width, s.ex.Height)
	}
	agree(t, "no orient", s.ex, 1)
}

func TestACropDropsWhatIsOutsideAndCutsWhatIsOnItsBorder(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		outline []float64
		left    bool
		box     datasets.Box
		area    float64
	}{
		// The crop is the window (30, 20) to (70, 60) of 100 x 80 pixels.
		{"inside", []float64{40, 30, 50, 30, 50, 40, 40, 40}, true, datasets.Box{10, 10, 10, 10}, 100},
		{"all of the window", []float64{0, 0, 100, 0, 100, 80, 0, 80}, true, datasets.Box{0, 0, 40, 40}, 1600},
		{"over the left edge", []float64{20, 30, 40, 30, 40, 40, 20, 40}, true, datasets.Box{0, 10, 10, 10}, 100},
		{"over the lower right corner", []float64{60, 50, 90, 50, 90, 70, 60, 70}, true, datasets.Box{30, 30, 10, 10}, 100},
		{"an L of which one leg is left", []float64{10, 30, 60, 30, 60, 70, 55, 70, 55, 35, 10, 35}, true, datasets.Box{0, 10, 30, 30}, 275},
		{"an L of which one leg is gone", []float64{40, 30, 90, 30, 90, 70, 85, 70, 85, 35, 40, 35}, true, datasets.Box{10, 10, 30, 5}, 150},
		{"a frame round a corner of nothing", []float64{20, 10, 60, 10, 60, 15, 25, 15, 25, 70, 20, 70}, false, datasets.Box{}, 0},
		{"left of it", []float64{5, 30, 25, 30, 25, 40, 5, 40}, false, datasets.Box{}, 0},
		{"up to its edge", []float64{70, 30, 90, 30, 90, 40, 70, 40}, false, datasets.Box{}, 0},
		{"below it", []float64{40, 61, 50, 61, 50, 70, 40, 70}, false, datasets.Box{}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := draw(t, 100, 80, c.outline)
			*s.ex.Annotations = (*s.ex.Annotations)[:3]
			refs := []datasets.Referred{{RefID: 1, AnnID: 9, BBox: (*s.ex.Annotations)[0].BBox, Area: (*s.ex.Annotations)[0].Area,
				Segmentation: &datasets.Segmentation{Polygons: [][]float64{slices.Clone(c.outline)}}}}
			ref := &datasets.Example{Refs: &refs}
			run(t, "decode | center_crop(40) | encode(png)", s.ex, toPNG(t, s.img))
			run(t, "decode | center_crop(40) | encode(png)", ref, toPNG(t, s.img))
			if !c.left {
				if len(*s.ex.Annotations) != 0 || len(*ref.Refs) != 0 || *s.ex.Annotations == nil {
					t.Errorf("left %+v, %+v", *s.ex.Annotations, *ref.Refs)
				}
				return
			}
			if len(*s.ex.Annotations) != 3 || len(*ref.Refs) != 1 {
				t.Fatalf("left %+v, %+v", *s.ex.Annotations, *ref.Refs)
			}
			for _, a := range append(*s.ex.Annotations, datasets.Annotation{ID: 9, BBox: refs[0].BBox, Area: refs[0].Area}) {
				if a.BBox != c.box || a.Area != c.area {
					t.Errorf("annotation %d: box %v, area %g; want %v, %g", a.ID, a.BBox, a.Area, c.box, c.area)
				}
			}
		})
	}
}

func TestAWindowIsPlacedAsTorchvisionAndTheChainSay(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		step string
		want datasets.Box // of an object at 10, 10 in 31 x 30 pixels
	}{
		{"center_crop(31, 30)", datasets.Box{10, 10, 10, 10}},
		{"center_crop(28, 25)", datasets.Box{8, 8, 10, 10}}, // 1.5 and 2.5 round to 2
		{"center_crop(35, 33)", datasets.Box{12, 11, 10, 10}},
		{"pad(width=35, height=33)", datasets.Box{12, 11, 10, 10}},
		{"pad(width=35, height=33, place=top_left)", datasets.Box{10, 10, 10, 10}},
		{"pad(width=3, height=34)", datasets.Box{10, 12, 10, 10}},
	} {
		s := draw(t, 31, 30, []float64{10, 10, 20, 10, 20, 20, 10, 20})
		run(t, "decode | "+c.step+" | encode(png)", s.ex, toPNG(t, s.img))
		agree(t, c.step, s.ex, 0)
		if got := (*s.ex.Annotations)[0].BBox; got != c.want {
			t.Errorf("%s: box %v, want %v", c.step, got, c.want)
		}
	}
}

func TestAnObjectThatAWindowDoesNotCutKeepsItsArea(t *testing.T) {
	t.Parallel()
	// 0.1 + 0.2 is not 0.3: the edges must not be computed twice.
	a := datasets.Annotation{ID: 1, BBox: datasets.Box{0.1, 0.1, 0.2, 0.2}, Area: 0.5,
		Segmentation: &datasets.Segmentation{Polygons: [][]float64{{0.1, 0.1, 0.3, 0.1, 0.1, 0.1}}}} // of no area
	ex := &datasets.Example{Annotations: &[]datasets.Annotation{a}}
	run(t, "decode | pad(width=20, height=20, place=top_left) | encode(png)", ex, toPNG(t, smooth(10, 10)))
	if len(*ex.Annotations) != 1 || (*ex.Annotations)[0].Area != 0.5 || (*ex.Annotations)[0].BBox != a.BBox {
		t.Errorf("became %+v", *ex.Annotations)
	}
}

func TestARunLengthMaskKeepsItsForm(t *testing.T) {
	t.Parallel()
	for _, step := range []string{"resize(short=33)", "center_crop(50)", "pad(width=150, height=120)"} {
		s := draw(t, 100, 80, ellipse(50, 40, 30, 20, 12))
		run(t, "decode | "+step+" | encode(png)", s.ex, toPNG(t, s.img))
		list := *s.ex.Annotations
		if list[0].Segmentation.RLE != nil || list[1].Segmentation.RLE.Runs == nil || list[2].Segmentation.RLE.Runs != nil {
			t.Errorf("%s: the forms changed", step)
		}
	}
}
