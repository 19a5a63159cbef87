package addsd

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/rle"
)

func geometryOf(t *testing.T, mode string, w, h int) *Geometry {
	t.Helper()
	g, err := NewGeometry(mode, w, h)
	if err != nil {
		t.Fatal(err)
	}
	return &g
}

func project(t *testing.T, g *Geometry, objects ...datasets.Annotation) []datasets.Annotation {
	t.Helper()
	before, err := json.Marshal(objects)
	if err != nil {
		t.Fatal(err)
	}
	out, err := g.Project(objects)
	if err != nil {
		t.Fatal(err)
	}
	if after, _ := json.Marshal(objects); string(after) != string(before) {
		t.Errorf("the input was changed from %s to %s", before, after)
	}
	return out
}

func rectangle(x, y, w, h float64) []float64 {
	return []float64{x, y, x + w, y, x + w, y + h, x, y + h}
}

func TestTheBoxOfTheWholePictureStaysTheWholePicture(t *testing.T) {
	for _, mode := range Modes {
		for _, size := range [][2]int{{640, 480}, {640, 427}, {333, 500}, {640, 200}} {
			w, h := float64(size[0]), float64(size[1])
			g := geometryOf(t, mode, size[0], size[1])
			m, err := rle.FromBox([4]float64{0, 0, w, h}, size[1], size[0], nil)
			if err != nil {
				t.Fatal(err)
			}
			f := g.Frame()
			for _, s := range []*datasets.Segmentation{nil, {Polygons: [][]float64{rectangle(0, 0, w, h)}}, datasets.SegmentationOf(m)} {
				out := project(t, g, datasets.Annotation{ID: 1, BBox: datasets.Box{0, 0, w, h}, Area: w * h, Segmentation: s})
				want := datasets.Box{0, 0, float64(f.Width), float64(f.Height)}
				if len(out) != 1 || out[0].BBox != want || math.Abs(out[0].Area-want[2]*want[3]) > 0.01 {
					t.Errorf("%s %v: %+v, want %v", mode, size, out, want)
				}
			}
		}
	}
}

// 640 x 427 is cut to x in [35 1/3, 604 2/3) and scaled by 512/569 1/3.
func TestObjectsAreCutAndScaledWithThePicture(t *testing.T) {
	g := geometryOf(t, CropMode, 640, 427)
	s := 384.0 / 427
	cut := 35 + 1.0/3
	box := func(x, y, w, h float64) datasets.Box { return datasets.Box{round(x), round(y), round(w), round(h)} }
	for _, c := range []struct {
		name string
		have datasets.Box
		want *datasets.Box
	}{
		{"inside", datasets.Box{100, 50, 40, 20}, new(box((100-cut)*s, 50*s, 40*s, 20*s))},
		{"over the left edge", datasets.Box{10, 50, 60, 20}, new(box(0, 50*s, (70-cut)*s, 20*s))},
		{"over the right edge", datasets.Box{600, 50, 40, 20}, new(box((600-cut)*s, 50*s, (604+2.0/3-600)*s, 20*s))},
		{"left of it", datasets.Box{0, 50, 35, 20}, nil},
		{"less than a pixel left", datasets.Box{0, 50, cut + 1, 20}, nil},
		{"less than a pixel high", datasets.Box{100, 50, 40, 1}, nil},
	} {
		outline := &datasets.Segmentation{Polygons: [][]float64{rectangle(c.have[0], c.have[1], c.have[2], c.have[3])}}
		for _, seg := range []*datasets.Segmentation{nil, outline} {
			out := project(t, g, datasets.Annotation{ID: 7, CategoryID: 3, BBox: c.have, Area: c.have[2] * c.have[3], Segmentation: seg})
			switch {
			case c.want == nil:
				if len(out) != 0 {
					t.Errorf("%s: %+v is left", c.name, out)
				}
			case len(out) != 1 || out[0].ID != 7 || out[0].CategoryID != 3:
				t.Errorf("%s: %+v", c.name, out)
			default:
				for i, v := range out[0].BBox {
					if math.Abs(v-c.want[i]) > 0.0021 { // an outline's box is rounded at both ends
						t.Errorf("%s: box %v, want %v", c.name, out[0].BBox, *c.want)
					}
				}
				if area := c.want[2] * c.want[3]; math.Abs(out[0].Area-area) > 0.1 {
					t.Errorf("%s: area %v, want %v", c.name, out[0].Area, area)
				}
			}
		}
	}
}

// A mask and the outline that it was made from must say the same of the crop.
func TestMasksAndOutlinesAgreeInTheCrop(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 60 {
		w, h := 150+rng.IntN(300), 150+rng.IntN(300)
		g := geometryOf(t, CropMode, w, h)
		x, y := rng.Float64()*float64(w-60), rng.Float64()*float64(h-60)
		poly := [][]float64{rectangle(x, y, 20+40*rng.Float64(), 20+40*rng.Float64())}
		m, err := rle.FromPolygons(poly, h, w, nil)
		if err != nil {
			t.Fatal(err)
		}
		var whole datasets.Box
		for i, v := range m.Box() {
			whole[i] = float64(v)
		}
		runs := &datasets.Segmentation{RLE: &datasets.RLE{Size: [2]int{h, w}, Runs: m.Counts}}
		out := project(t, g,
			datasets.Annotation{ID: 1, BBox: whole, Area: float64(m.Area()), Segmentation: &datasets.Segmentation{Polygons: poly}},
			datasets.Annotation{ID: 2, BBox: whole, Area: float64(m.Area()), Segmentation: datasets.SegmentationOf(m)},
			datasets.Annotation{ID: 3, BBox: whole, Area: float64(m.Area()), Segmentation: runs})
		if len(out) == 0 {
			continue
		}
		f := g.Frame()
		var masks []rle.Mask
		for i := range out {
			m, err := out[i].Segmentation.Mask(f.Width, f.Height, nil)
			if err != nil {
				t.Fatal(err)
			}
			masks = append(masks, m)
		}
		// The outline is of a fraction of a pixel, the mask was rounded to pixels
		// of the base, each of which is several of the frame.
		if iou, err := rle.IoU(masks[0], masks[1], false); err != nil || iou < 0.8 {
			t.Errorf("%d x %d at %v: IoU %.3f, %v", w, h, poly, iou, err)
		}
		if iou, _ := rle.IoU(masks[1], masks[2], false); iou != 1 || out[2].Segmentation.RLE.Runs == nil {
			t.Errorf("the two forms of a mask differ: IoU %v", iou)
		}
	}
}

func TestBadObjectsAreNamed(t *testing.T) {
	g := geometryOf(t, CropMode, 640, 427)
	for name, s := range map[string]*datasets.Segmentation{
		"a mask of another size":   {RLE: &datasets.RLE{Size: [2]int{640, 427}, Runs: []uint32{640 * 427}}},
		"runs that do not fill it": {RLE: &datasets.RLE{Size: [2]int{427, 640}, Runs: []uint32{5}}},
		"an outline of two points": {Polygons: [][]float64{{1, 2, 3, 4}}},
	} {
		_, err := g.Project([]datasets.Annotation{{ID: 12, BBox: datasets.Box{100, 100, 50, 50}, Segmentation: s}})
		if fault.CodeOf(err) != fault.InvalidAnnotation {
			t.Errorf("%s: %v", name, err)
		}
	}
	if out, err := g.Project([]datasets.Annotation{{BBox: datasets.Box{100, 100, math.NaN(), 50}}}); len(out) != 0 || err != nil {
		t.Errorf("a box that is no number is kept: %+v, %v", out, err)
	}
	whole := geometryOf(t, PadMode, 640, 427)
	if out := project(t, whole, datasets.Annotation{BBox: datasets.Box{1, 1, 5, 0.5}}, datasets.Annotation{ID: 2, BBox: datasets.Box{1, 1, 5, 5}}); len(out) != 1 || out[0].ID != 2 {
		t.Errorf("pad keeps %+v", out)
	}
}
