package tfrecord

import (
	"cmp"
	"slices"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/datasets/formats"
)

// row gathers the features of one example. It keeps its slices from one example
// to the next.
type row struct {
	task    datasets.Task
	classOf map[int64]int
	fs      []feature
	text    []byte // backs the values made from strings
}

func newRow(h formats.Header) *row {
	r := &row{task: h.Task}
	if h.Meta != nil {
		r.classOf = h.Meta.ClassByID()
	}
	return r
}

// add starts a feature.
func (r *row) add(name string, k kind) *feature {
	if len(r.fs) < cap(r.fs) {
		r.fs = r.fs[:len(r.fs)+1]
	} else {
		r.fs = append(r.fs, feature{})
	}
	f := &r.fs[len(r.fs)-1]
	f.name, f.kind = name, k
	f.bytes, f.floats, f.ints = f.bytes[:0], f.floats[:0], f.ints[:0]
	return f
}

func (r *row) string(s string) []byte {
	at := len(r.text)
	r.text = append(r.text, s...)
	return r.text[at:len(r.text):len(r.text)]
}

func (r *row) int(name string, v int64) {
	f := r.add(name, int64List)
	f.ints = append(f.ints, v)
}

func (r *row) blob(name string, v []byte) {
	f := r.add(name, bytesList)
	f.bytes = append(f.bytes, v)
}

// class is the index of a category, -1 where the dataset does not know it: the
// value that TFDS keeps for "no label".
func (r *row) class(id int64) int64 {
	if i, ok := r.classOf[id]; ok {
		return int64(i)
	}
	return -1
}

// fill takes an example and its record, and returns its features in order: key,
// then the others ascending.
func (r *row) fill(ex *datasets.Example, record []byte) []feature {
	r.fs, r.text = r.fs[:0], r.text[:0]
	r.blob("key", r.string(ex.Key))
	r.blob("image", ex.Image)
	r.blob("record", record)
	r.int("width", int64(ex.Width))
	r.int("height", int64(ex.Height))
	switch r.task {
	case datasets.Classification:
		label := int64(-1)
		if ex.Label != nil {
			label = int64(*ex.Label)
		}
		r.int("label", label)
	case datasets.Detection:
		r.imageID(ex)
		r.classes("neg_category_ids", ex.NegCategoryIDs)
		r.classes("not_exhaustive_category_ids", ex.NotExhaustiveCategoryIDs)
		r.objects(ex)
	case datasets.Referring:
		r.imageID(ex)
		r.referred(ex)
	}
	// Key first, so that an index needs the head of a record only.
	slices.SortFunc(r.fs[1:], func(a, b feature) int { return cmp.Compare(a.name, b.name) })
	return r.fs
}

func (r *row) imageID(ex *datasets.Example) {
	id := int64(-1)
	if ex.ImageID != nil {
		id = *ex.ImageID
	}
	r.int("image/id", id)
}

func (r *row) classes(name string, ids *[]int64) {
	f := r.add(name, int64List)
	if ids == nil {
		return
	}
	for _, id := range *ids {
		f.ints = append(f.ints, r.class(id))
	}
}

// objects adds a feature per property, each with one value (bbox: four) an
// object. It goes over the objects once a property: a pointer from add is good
// until the next add.
func (r *row) objects(ex *datasets.Example) {
	var anns []datasets.Annotation
	if ex.Annotations != nil {
		anns = *ex.Annotations
	}
	column(r, "objects/id", int64List, anns, func(f *feature, a *datasets.Annotation) { f.ints = append(f.ints, a.ID) })
	column(r, "objects/label", int64List, anns, func(f *feature, a *datasets.Annotation) { f.ints = append(f.ints, r.class(a.CategoryID)) })
	column(r, "objects/is_crowd", int64List, anns, func(f *feature, a *datasets.Annotation) { f.ints = append(f.ints, int64(a.IsCrowd)) })
	column(r, "objects/area", floatList, anns, func(f *feature, a *datasets.Annotation) { f.floats = append(f.floats, float32(a.Area)) })
	column(r, "objects/bbox", floatList, anns, func(f *feature, a *datasets.Annotation) { f.box(a.BBox, ex) })
}

func (r *row) referred(ex *datasets.Example) {
	var refs []datasets.Referred
	if ex.Refs != nil {
		refs = *ex.Refs
	}
	column(r, "objects/id", int64List, refs, func(f *feature, o *datasets.Referred) { f.ints = append(f.ints, o.AnnID) })
	column(r, "objects/ref_id", int64List, refs, func(f *feature, o *datasets.Referred) { f.ints = append(f.ints, o.RefID) })
	column(r, "objects/label", int64List, refs, func(f *feature, o *datasets.Referred) { f.ints = append(f.ints, r.class(o.CategoryID)) })
	column(r, "objects/is_crowd", int64List, refs, func(f *feature, o *datasets.Referred) { f.ints = append(f.ints, int64(o.IsCrowd)) })
	column(r, "objects/area", floatList, refs, func(f *feature, o *datasets.Referred) { f.floats = append(f.floats, float32(o.Area)) })
	column(r, "objects/bbox", floatList, refs, func(f *feature, o *datasets.Referred) { f.box(o.BBox, ex) })
	r.ragged("refexp_id", int64List, refs, func(f *feature, s *datasets.Sentence) { f.ints = append(f.ints, s.SentID) })
	r.ragged("raw", bytesList, refs, func(f *feature, s *datasets.Sentence) { f.bytes = append(f.bytes, r.string(s.Raw)) })
	r.ragged("sent", bytesList, refs, func(f *feature, s *datasets.Sentence) { f.bytes = append(f.bytes, r.string(s.Sent)) })
}

func column[T any](r *row, name string, k kind, objects []T, put func(*feature, *T)) {
	f := r.add(name, k)
	for i := range objects {
		put(f, &objects[i])
	}
}

// raggedNames are the two features that TFDS stores a nested sequence in.
var raggedNames = map[string][2]string{
	"refexp_id": {"objects/refexp/refexp_id/ragged_flat_values", "objects/refexp/refexp_id/ragged_row_lengths_0"},
	"raw":       {"objects/refexp/raw/ragged_flat_values", "objects/refexp/raw/ragged_row_lengths_0"},
	"sent":      {"objects/refexp/sent/ragged_flat_values", "objects/refexp/sent/ragged_row_lengths_0"},
}

func (r *row) ragged(name string, k kind, refs []datasets.Referred, put func(*feature, *datasets.Sentence)) {
	f := r.add(raggedNames[name][0], k)
	for i := range refs {
		for j := range refs[i].Sentences {
			put(f, &refs[i].Sentences[j])
		}
	}
	lengths := r.add(raggedNames[name][1], int64List)
	for i := range refs {
		lengths.ints = append(lengths.ints, int64(len(refs[i].Sentences)))
	}
}

// box appends ymin, xmin, ymax, xmax as parts of the image. Sums like x + width
// may pass the border by a rounding; TFDS refuses that.
func (f *feature) box(b datasets.Box, ex *datasets.Example) {
	part := func(v float64, of int) float32 { return float32(min(max(v/float64(max(of, 1)), 0), 1)) }
	f.floats = append(f.floats, part(b[1], ex.Height), part(b[0], ex.Width), part(b[1]+b[3], ex.Height), part(b[0]+b[2], ex.Width))
}
