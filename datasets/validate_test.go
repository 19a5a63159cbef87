package datasets

import (
	"math"
	"strings"
	"testing"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/rle"
)

// classes are the categories 3 and 7, by index.
var classes = map[int64]int{3: 0, 7: 1}

// good is an object inside an image of 20 x 10 pixels.
func good() Annotation {
	return Annotation{ID: 41, CategoryID: 7, BBox: Box{2, 3, 4, 5}, Area: 20, Segmentation: &Segmentation{Polygons: [][]float64{{2, 3, 6, 3, 6, 8, 2, 8}}}}
}

// TestFault24 spoils one thing of a good annotation at a time.
func TestFault24AnnotationsThatCannotBeTrueOfTheirImage(t *testing.T) {
	t.Parallel()
	box := func(b Box) func(*Annotation) { return func(a *Annotation) { a.BBox = b } }
	outline := func(p ...[]float64) func(*Annotation) {
		return func(a *Annotation) { a.Segmentation = &Segmentation{Polygons: p} }
	}
	mask := func(h, w int, runs ...uint32) func(*Annotation) {
		return func(a *Annotation) { a.Segmentation = &Segmentation{RLE: &RLE{Size: [2]int{h, w}, Runs: runs}} }
	}
	text := func(h, w int, counts string) func(*Annotation) {
		return func(a *Annotation) { a.Segmentation = &Segmentation{RLE: &RLE{Size: [2]int{h, w}, Counts: counts}} }
	}
	for _, c := range []struct {
		what, message string // no message: it is valid
		f             func(*Annotation)
	}{
		{"nothing spoiled", "", func(*Annotation) {}},
		{"no segmentation", "", func(a *Annotation) { a.Segmentation = nil }},
		{"a box that fills the image", "", box(Box{0, 0, 20, 10})},
		{"a box that rounding put a pixel outside", "", box(Box{-1, -1, 22, 12})},
		{"a box right of the image", "leaves the image of 20 x 10", box(Box{18, 0, 3.01, 5})},
		{"a box below the image", "leaves the image", box(Box{0, 8, 3, 3.01})},
		{"a box left of the image", "leaves the image", box(Box{-1.01, 0, 3, 3})},
		{"a box above the image", "leaves the image", box(Box{0, -1.01, 3, 3})},
		{"a box with corners for sizes", "leaves the image", box(Box{15, 5, 19, 9})},
		{"a box without width", "is empty", box(Box{2, 3, 0, 5})},
		{"a box without height", "is empty", box(Box{2, 3, 4, 0})},
		{"a box of negative width", "is empty", box(Box{2, 3, -4, 5})},
		{"a box of negative height", "is empty", box(Box{2, 3, 4, -5})},
		{"a box that is no number", "not finite", box(Box{math.NaN(), 3, 4, 5})},
		{"a box without end", "not finite", box(Box{2, 3, math.Inf(1), 5})},
		{"an area of nothing", "", func(a *Annotation) { a.Area = 0 }},
		{"a negative area", "area -1", func(a *Annotation) { a.Area = -1 }},
		{"an area that is no number", "area NaN", func(a *Annotation) { a.Area = math.NaN() }},
		{"an area without end", "area +Inf", func(a *Annotation) { a.Area = math.Inf(1) }},
		{"an unknown category", "category 4", func(a *Annotation) { a.CategoryID = 4 }},
		{"a category's index for its id", "category 1", func(a *Annotation) { a.CategoryID = 1 }},
		{"a crowd", "", func(a *Annotation) { a.IsCrowd = 1 }},
		{"a crowd of two", "iscrowd is 2", func(a *Annotation) { a.IsCrowd = 2 }},
		{"a crowd of minus one", "iscrowd is -1", func(a *Annotation) { a.IsCrowd = -1 }},
		{"no outline", "without a polygon", outline()},
		{"an outline of two points", "outline 0: polygon: 4 numbers", outline([]float64{1, 1, 2, 2})},
		{"a second outline of no point", "outline 1", outline([]float64{1, 1, 2, 2, 3, 1}, nil)},
		{"half a point", "7 numbers", outline([]float64{1, 1, 2, 2, 3, 1, 4})},
		{"an outline that is no number", "x of point 1 is NaN", outline([]float64{1, 1, math.NaN(), 2, 3, 1})},
		{"an outline without end", "y of point 2 is +Inf", outline([]float64{1, 1, 2, 2, 3, math.Inf(1)})},
		{"a mask", "", mask(10, 20, 50, 50, 100)},
		{"a mask of nothing", "", mask(10, 20, 200)},
		{"a mask of width by height", "mask of 10 x 20 (width x height), image has 20 x 10", mask(20, 10, 200)},
		{"a mask a pixel too high", "mask of 20 x 11", mask(11, 20, 220)},
		{"a mask a pixel too wide", "mask of 21 x 10", mask(10, 21, 210)},
		{"runs that end early", "199 pixels, image has 200", mask(10, 20, 50, 50, 99)},
		{"runs that go on", "201 pixels, image has 200", mask(10, 20, 50, 50, 101)},
		{"no run", "0 pixels, image has 200", mask(10, 20, []uint32{}...)},
		{"a mask as text", "", text(10, 20, rle.Mask{Height: 10, Width: 20, Counts: []uint32{50, 50, 100}}.String())},
		{"text that ends early", "100 pixels, image has 200", text(10, 20, rle.Mask{Height: 10, Width: 20, Counts: []uint32{50, 50}}.String())},
		{"text that is no counts", "rle", text(10, 20, "\x01\x02")},
		{"text of nothing", "0 pixels", text(10, 20, "")},
	} {
		t.Run(c.what, func(t *testing.T) {
			t.Parallel()
			a := good()
			c.f(&a)
			err := Validate(&Example{Annotations: &[]Annotation{a}}, 20, 10, classes)
			check(t, err, c.message, "annotation 41: ")
			r := Referred{RefID: 5, AnnID: a.ID, CategoryID: a.CategoryID, BBox: a.BBox, Area: a.Area, Segmentation: a.Segmentation, IsCrowd: a.IsCrowd,
				Sentences: []Sentence{{Sent: "cat"}}}
			check(t, Validate(&Example{Refs: &[]Referred{r}}, 20, 10, classes), c.message, "annotation 41: ")
		})
	}
}

// check holds err against a message, "" being success.
func check(t *testing.T, err error, message, place string) {
	t.Helper()
	switch {
	case message == "":
		if err != nil {
			t.Errorf("err = %v, want none", err)
		}
	case fault.CodeOf(err) != fault.InvalidAnnotation || !strings.Contains(err.Error(), message) || !strings.HasPrefix(err.Error(), place):
		t.Errorf("err = %v, want invalid_annotation that starts with %q and has %q", err, place, message)
	}
}

func TestFault24WhatConcernsAWholeExample(t *testing.T) {
	t.Parallel()
	label := func(n int) *Example { return &Example{Label: &n} }
	ref := func(id, ann int64, sentences ...Sentence) Referred {
		a := good()
		return Referred{RefID: id, AnnID: ann, CategoryID: 3, BBox: a.BBox, Sentences: sentences}
	}
	s := Sentence{Sent: "the cat"}
	one, other := good(), good()
	other.ID = 42
	for _, c := range []struct {
		what, message, place string
		ex                   *Example
	}{
		{"an image without annotations", "", "", &Example{Annotations: &[]Annotation{}}},
		{"two annotations", "", "", &Example{Annotations: &[]Annotation{one, other}}},
		{"one id for two annotations", "given twice", "annotation 41: ", &Example{Annotations: &[]Annotation{one, other, one}}},
		{"two refs to one annotation", "", "", &Example{Refs: &[]Referred{ref(1, 9, s), ref(2, 9, s)}}},
		{"one id for two refs", "given twice", "ref 1: ", &Example{Refs: &[]Referred{ref(1, 9, s), ref(1, 8, s)}}},
		{"a ref without a sentence", "no sentence", "ref 2: ", &Example{Refs: &[]Referred{ref(1, 9, s), ref(2, 8)}}},
		{"the last label", "", "", label(1)},
		{"a label too high", "label 2, there are 2 classes", "", label(2)},
		{"a negative label", "label -1", "", label(-1)},
	} {
		t.Run(c.what, func(t *testing.T) {
			t.Parallel()
			check(t, Validate(c.ex, 20, 10, classes), c.message, c.place)
		})
	}
}

func TestObjectsWriteThrough(t *testing.T) {
	t.Parallel()
	ex := &Example{Annotations: &[]Annotation{good()}, Refs: &[]Referred{{AnnID: 9}}}
	for _, o := range ex.Objects() {
		o.BBox[0], *o.Area = 1, 2
	}
	if a, r := (*ex.Annotations)[0], (*ex.Refs)[0]; a.BBox[0] != 1 || a.Area != 2 || r.BBox[0] != 1 || r.Area != 2 {
		t.Errorf("annotation %+v, ref %+v", a, r)
	}
}

func TestSetMaskKeepsTheForm(t *testing.T) {
	t.Parallel()
	m := rle.Mask{Height: 2, Width: 3, Counts: []uint32{1, 2, 3}}
	for _, r := range []*RLE{{Runs: []uint32{}}, {Counts: "x"}} {
		numbers := r.Runs != nil
		r.SetMask(m)
		if r.Size != [2]int{2, 3} || (r.Runs != nil) != numbers || numbers == (r.Counts != "") {
			t.Errorf("%+v", r)
		}
		got, err := r.Mask(nil)
		if err != nil || got.String() != m.String() {
			t.Errorf("%+v, %v", got, err)
		}
		m.Counts[0] = 1 // r must not share it: Mask and SetMask may reuse buffers
	}
}
