package removal

import (
	"bytes"
	"fmt"
	"reflect"
	"slices"
	"testing"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/inpaint"
	"github.com/tailorbird/tailorbird/kernels/raster"
)

var classes = []datasets.Class{{ID: 1, Name: "person"}, {ID: 7, Name: "flip-flop_(sandal)"}, {ID: 9, Name: "bow-tie"}}

// block is an object that fills a rectangle.
func block(id, category int64, x, y, w, h float64) datasets.Annotation {
	return datasets.Annotation{ID: id, CategoryID: category, BBox: datasets.Box{x, y, w, h}, Area: w * h,
		Segmentation: &datasets.Segmentation{Polygons: [][]float64{{x, y, x + w, y, x + w, y + h, x, y + h}}}}
}

func detection(key string, w, h int, objects ...datasets.Annotation) *datasets.Example {
	return &datasets.Example{Key: key, Width: w, Height: h, Annotations: &objects}
}

func remover(t testing.TB, o Options) *Remover {
	t.Helper()
	r, err := New(o, classes, inpaint.NewTelea(3))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func plan(t testing.TB, r *Remover, ex *datasets.Example) ([]datasets.Edit, Left) {
	t.Helper()
	edits, left, err := r.Plan(ex)
	if err != nil {
		t.Fatal(err)
	}
	return edits, left
}

// Add-SD's square of 10 marks, for a pixel at x, the pixels x-4 to x+5.
func TestMasksAreWidenedAsInAddSD(t *testing.T) {
	t.Parallel()
	for dilate, want := range map[int]datasets.Box{
		0: {16, 26, 10, 10}, 10: {16, 26, 10, 10}, 1: {20, 30, 1, 1}, 3: {19, 29, 3, 3}, 4: {19, 29, 4, 4},
	} {
		edits, _ := plan(t, remover(t, Options{Dilate: dilate}), detection("k", 64, 48, block(1, 1, 20, 30, 1, 1)))
		if len(edits) != 1 || edits[0].MaskBBox != want || edits[0].MaskFraction != want[2]*want[3]/(64*48) {
			t.Errorf("dilate %d: %+v, want the box %v", dilate, edits, want)
		}
	}
}

func TestTheNumberOfSubsetsOfAClass(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		n          int
		coco, lvis int // edits: the subsets of 2 to n-1 (LVIS: to 19), and all
	}{{1, 0, 0}, {2, 1, 1}, {3, 2, 2}, {20, 19, 19}, {21, 20, 19}, {25, 24, 19}} {
		var objects []datasets.Annotation
		for i := range c.n {
			objects = append(objects, block(int64(100+i), 1, float64(2+9*(i%7)), float64(2+9*(i/7)), 3, 3))
		}
		ex := detection("k", 200, 100, objects...)
		for source, want := range map[string]int{"coco": c.coco, "lvis": c.lvis} {
			edits, _ := plan(t, remover(t, Options{Mode: Multi, Source: source}), ex)
			if len(edits) != want {
				t.Errorf("%d instances, %s: %d edits, want %d", c.n, source, len(edits), want)
			}
			names := map[string]bool{}
			for _, e := range edits {
				names[e.Name] = true
				ids := slices.Compact(slices.Clone(e.AnnotationIDs))
				if len(ids) != e.Count || !slices.IsSorted(ids) || ids[0] < 100 || ids[len(ids)-1] >= int64(100+c.n) {
					t.Errorf("%s: %d objects %d", e.Name, e.Count, e.AnnotationIDs)
				}
			}
			if len(names) != len(edits) || want > 0 && edits[want-1].Count != c.n {
				t.Errorf("%d instances, %s: names %v, the last removes %+v", c.n, source, names, edits[want-1])
			}
			both, _ := plan(t, remover(t, Options{Mode: Both, Source: source}), ex)
			if len(both) != want+c.n {
				t.Errorf("%d instances, %s: %d edits in mode both", c.n, source, len(both))
			}
		}
	}
}

// With 10 pairs and 4000 draws a count has a spread of 19.
func TestSubsetsAreUniform(t *testing.T) {
	t.Parallel()
	r := remover(t, Options{Source: "coco"})
	counts := map[string]int{}
	for i := range 4000 {
		ids := subset([]int64{1, 2, 3, 4, 5}, 2, r.rand(detection(fmt.Sprint(i), 1, 1), "subset/1"))
		counts[fmt.Sprint(ids)]++
	}
	for pair, n := range counts {
		if n < 300 || n > 500 {
			t.Errorf("%s was drawn %d times of 4000", pair, n)
		}
	}
	if len(counts) != 10 {
		t.Errorf("%d pairs: %v", len(counts), counts)
	}
}

func TestObjectsThatAreLeftOut(t *testing.T) {
	t.Parallel()
	with := func(change func(*datasets.Annotation)) datasets.Annotation {
		a := block(1, 1, 10, 10, 5, 5)
		change(&a)
		return a
	}
	for _, c := range []struct {
		name   string
		object datasets.Annotation
		want   Left
	}{
		{"a crowd", with(func(a *datasets.Annotation) { a.IsCrowd = 1 }), Left{Crowd: 1}},
		{"an unknown category", with(func(a *datasets.Annotation) { a.CategoryID = 2 }), Left{Unknown: 1}},
		{"beside the picture", with(func(a *datasets.Annotation) { a.BBox[0] = 64 }), Left{Outside: 1}},
		{"above the picture", with(func(a *datasets.Annotation) { a.BBox[1] = -5 }), Left{Outside: 1}},
		{"no area", with(func(a *datasets.Annotation) { a.Area = 0 }), Left{Empty: 1}},
		{"a thin box", with(func(a *datasets.Annotation) { a.BBox[2] = 0.9 }), Left{Thin: 1}},
		{"a low box", with(func(a *datasets.Annotation) { a.BBox[3] = 0.9 }), Left{Thin: 1}},
		{"no mask", with(func(a *datasets.Annotation) { a.Segmentation = nil }), Left{Maskless: 1}},
		{"a mask without a pixel", with(func(a *datasets.Annotation) { a.Segmentation.Polygons = [][]float64{{10, 10, 10, 10, 10, 10}} }), Left{Empty: 1}},
		{"all of the picture", block(1, 1, 0, 0, 64, 48), Left{Whole: 1}},
		{"all but the rim, which is widened over", block(1, 1, 4, 4, 56, 40), Left{Whole: 1}},
		{"all but the rim and a column", block(1, 1, 5, 4, 55, 40), Left{}},
	} {
		ex := detection("k", 64, 48, c.object, block(2, 9, 30, 30, 4, 4))
		edits, left := plan(t, remover(t, Options{}), ex)
		want := 1
		if c.want == (Left{}) {
			want = 2
		}
		if left != c.want || len(edits) != want || edits[len(edits)-1].Name != "ann2" {
			t.Errorf("%s: %+v and %d edits", c.name, left, len(edits))
		}
	}
	edits, left := plan(t, remover(t, Options{}), detection("k", 64, 31, block(1, 1, 10, 10, 5, 5)))
	if len(edits) != 0 || !left.Small {
		t.Errorf("a picture of 64 x 31: %d edits, %+v", len(edits), left)
	}
}

func TestEditsDoNotDependOnOtherClassesOrPictures(t *testing.T) {
	t.Parallel()
	var people []datasets.Annotation
	for i := range 6 {
		people = append(people, block(int64(i), 1, float64(10*i), 5, 4, 4))
	}
	o := Options{Mode: Both, Seed: 3, Source: "coco"}
	used := remover(t, o)
	plan(t, used, detection("other", 90, 90, people[:3]...))
	more, _ := plan(t, used, detection("k", 64, 48, append(slices.Clone(people), block(50, 9, 40, 30, 4, 4), block(51, 9, 20, 30, 4, 4))...))
	alone, _ := plan(t, remover(t, o), detection("k", 64, 48, people...))
	more = slices.DeleteFunc(more, func(e datasets.Edit) bool { return e.CategoryID != 1 })
	if !reflect.DeepEqual(more, alone) {
		t.Errorf("with another class\n%+v\nwithout\n%+v", more, alone)
	}
	for _, other := range []Options{{Mode: Both, Seed: 4, Source: "coco"}, {Mode: Both, Seed: 3, Source: "lvis"}} {
		if edits, _ := plan(t, remover(t, other), detection("k", 64, 48, people...)); reflect.DeepEqual(edits, alone) {
			t.Errorf("%+v draws as %+v does", other, o)
		}
	}
}

func noise(w, h int) *raster.RGB {
	m := raster.NewRGB(w, h)
	for i := range m.Pix {
		m.Pix[i] = byte(i * i / 7)
	}
	return m
}

func TestPicturesDifferUnderTheMaskOnly(t *testing.T) {
	t.Parallel()
	ex := detection("k", 64, 48, block(1, 1, 10, 10, 5, 5), block(2, 1, 40, 20, 5, 5))
	r := remover(t, Options{Mode: Both})
	edits, _ := plan(t, r, ex)
	img := noise(64, 48)
	before := bytes.Clone(img.Pix)
	want := []func(x, y int) bool{
		func(x, y int) bool { return x >= 6 && x < 20 && y >= 6 && y < 20 },
		func(x, y int) bool { return x >= 36 && x < 50 && y >= 16 && y < 30 },
	}
	want = append(want, func(x, y int) bool { return want[0](x, y) || want[1](x, y) })
	n := 0
	for made, err := range r.Pictures(img, ex, edits) {
		if err != nil {
			t.Fatal(err)
		}
		changed := 0
		for i := range 64 * 48 {
			if bytes.Equal(made.Pix[3*i:3*i+3], before[3*i:3*i+3]) {
				continue
			}
			changed++
			if !want[n](i%64, i/64) {
				t.Fatalf("%s: pixel %d, %d changed", edits[n].Name, i%64, i/64)
			}
		}
		if under := edits[n].MaskFraction * 64 * 48; float64(changed) < 0.9*under {
			t.Errorf("%s: %d of %g pixels changed", edits[n].Name, changed, under)
		}
		n++
	}
	if n != 3 || !bytes.Equal(img.Pix, before) {
		t.Errorf("%d pictures; the source is as before: %v", n, bytes.Equal(img.Pix, before))
	}
}

func TestWhatCannotBeRemovedIsAFault(t *testing.T) {
	t.Parallel()
	label := 0
	refs := []datasets.Referred{}
	broken := block(5, 1, 10, 10, 5, 5)
	broken.Segmentation = &datasets.Segmentation{RLE: &datasets.RLE{Size: [2]int{3, 3}, Counts: "9"}}
	for _, c := range []struct {
		name string
		mode Mode
		ex   *datasets.Example
		want fault.Code
	}{
		{"classification", Single, &datasets.Example{Key: "k", Label: &label}, fault.Usage},
		{"several objects of a referring dataset", Multi, &datasets.Example{Key: "k", Refs: &refs}, fault.Usage},
		{"a mask of another size", Single, detection("k", 64, 48, broken), fault.InvalidAnnotation},
	} {
		if _, _, err := remover(t, Options{Mode: c.mode}).Plan(c.ex); fault.CodeOf(err) != c.want {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	ex := detection("k", 64, 48, block(1, 1, 10, 10, 5, 5))
	r := remover(t, Options{})
	edits, _ := plan(t, r, ex)
	var dst raster.RGB
	if err := r.Make(&dst, noise(48, 64), ex, &edits[0]); fault.CodeOf(err) != fault.Usage {
		t.Errorf("a picture of another size: %v", err)
	}
	edits[0].AnnotationIDs = []int64{2}
	for made, err := range r.Pictures(noise(64, 48), ex, edits) {
		if fault.CodeOf(err) != fault.Usage || made != nil {
			t.Errorf("an edit of another picture: %v", err)
		}
	}
	for _, o := range []Options{{Dilate: -1}, {Dilate: 256}, {Mode: "some"}} {
		if _, err := New(o, classes, inpaint.NewTelea(3)); fault.CodeOf(err) != fault.Usage {
			t.Errorf("%+v: %v", o, err)
		}
	}
	if _, err := New(Options{}, classes, nil); fault.CodeOf(err) != fault.Usage {
		t.Errorf("no inpainter: %v", err)
	}
}
