package overlay

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/tailorbird/tailorbird/datasets"
)

func detection(as ...datasets.Annotation) *datasets.Example {
	return &datasets.Example{Key: "k", Split: "train", Width: 100, Height: 80, Annotations: &as}
}

func TestWhatCannotBeDrawnIsLeftOut(t *testing.T) {
	t.Parallel()
	polygon := func(xy ...float64) *datasets.Segmentation { return &datasets.Segmentation{Polygons: [][]float64{xy}} }
	runs := func(h, w int, counts string) *datasets.Segmentation {
		return &datasets.Segmentation{RLE: &datasets.RLE{Size: [2]int{h, w}, Counts: counts}}
	}
	box := datasets.Box{1, 2, 30, 40}
	for _, c := range []struct {
		name        string
		a           datasets.Annotation
		boxes, mask int
	}{
		{"a box and a polygon are drawn", datasets.Annotation{BBox: box, Segmentation: polygon(1, 2, 31, 2, 31, 42)}, 1, 1},
		{"a box without a mask is drawn", datasets.Annotation{BBox: box}, 1, 0},
		{"a polygon of two points is not", datasets.Annotation{BBox: box, Segmentation: polygon(1, 2, 3, 4)}, 1, 0},
		{"a polygon that is not finite is not", datasets.Annotation{BBox: box, Segmentation: polygon(1, 2, 3, 4, math.Inf(1), 6)}, 1, 0},
		{"a box that is not a number is not", datasets.Annotation{BBox: datasets.Box{math.NaN(), 0, 1, 1}}, 0, 0},
		{"a box far outside is not", datasets.Annotation{BBox: datasets.Box{1e300, 0, 1, 1}}, 0, 0},
		{"run lengths of another size are not", datasets.Annotation{BBox: box, Segmentation: runs(10, 10, "T3")}, 1, 0},
		{"run lengths that break their form are not", datasets.Annotation{BBox: box, Segmentation: runs(80, 100, "\x00~")}, 1, 0},
		{"run lengths of a huge size are not", datasets.Annotation{BBox: box, Segmentation: runs(1<<40, 1<<40, "0")}, 1, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			svg := string(SVG(detection(c.a), nil, Options{}))
			if n := strings.Count(svg, `class="box`); n != c.boxes {
				t.Errorf("%d boxes, want %d", n, c.boxes)
			}
			if n := strings.Count(svg, `class="mask`); n != c.mask {
				t.Errorf("%d masks, want %d", n, c.mask)
			}
			if strings.Contains(svg, "NaN") || strings.Contains(svg, "Inf") {
				t.Errorf("markup %s", svg)
			}
		})
	}
}

func TestMarkupIsBounded(t *testing.T) {
	t.Parallel()
	xy := make([]float64, 2*(maxPoints-1))
	var as []datasets.Annotation
	for range 2000 {
		as = append(as, datasets.Annotation{BBox: datasets.Box{1, 1, 5, 5}, Segmentation: &datasets.Segmentation{Polygons: [][]float64{xy}}})
	}
	svg := SVG(detection(as...), nil, Options{})
	if n := strings.Count(string(svg), `class="box`); n != maxObjects {
		t.Errorf("%d boxes, want %d", n, maxObjects)
	}
	if len(svg) > 1<<20 {
		t.Errorf("%d bytes of markup", len(svg))
	}
}

func TestLegendSaysWhatThePictureShows(t *testing.T) {
	t.Parallel()
	names := NamesOf([]datasets.Class{{ID: 1, Name: "cat"}, {ID: 2, Name: "dog"}})
	lines, more := Legend(detection(datasets.Annotation{CategoryID: 1}, datasets.Annotation{CategoryID: 2}, datasets.Annotation{CategoryID: 2}, datasets.Annotation{CategoryID: 5}), names, 2)
	if len(lines) != 2 || more != 1 || lines[0].Name != "dog" || lines[0].Count != 2 || lines[1].Name != "cat" || lines[1].Colour != "c0" {
		t.Errorf("lines %+v and %d more", lines, more)
	}
	if lines, _ := Legend(detection(), names, 2); len(lines) != 0 {
		t.Errorf("an image without objects has the legend %+v", lines)
	}
	if got := names.Of(5); got != "class 5" {
		t.Errorf("name %q", got)
	}
}

func TestAnImageWithoutASizeIsNotDrawn(t *testing.T) {
	t.Parallel()
	if svg := SVG(&datasets.Example{Key: "k", Width: -1, Height: 5}, nil, Options{}); svg != "" {
		t.Errorf("markup %s", svg)
	}
}

func FuzzSVG(f *testing.F) {
	f.Add([]byte(`{"key":"k","width":9,"height":7,"annotations":[{"bbox":[1,1,2,2],"segmentation":{"size":[7,9],"counts":"R1"}}]}`))
	f.Add([]byte(`{"key":"<","width":9,"height":7,"refs":[{"bbox":[1,1,2,2],"segmentation":[[1,1,5,1,5,5]],"sentences":[{"raw":"<script>"}]}]}`))
	f.Add([]byte(`{"key":"k","width":2,"height":2,"annotations":[{"bbox":[0,0,-1,1e308],"segmentation":{"size":[2,2],"counts":[0,1,2,1]}}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		ex := new(datasets.Example)
		if json.Unmarshal(text, ex) != nil {
			return
		}
		svg := string(SVG(ex, nil, Options{}))
		if strings.Contains(svg, "<script") || strings.Contains(svg, "NaN") {
			t.Errorf("markup %s", svg)
		}
	})
}
