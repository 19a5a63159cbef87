package parquet

import (
	"encoding/json"
	"strings"

	pq "github.com/parquet-go/parquet-go"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/internal/fault"
)

// row turns an example into Parquet values with their levels (Dremel's: Melnik
// et al., VLDB 2010, section 4). It keeps its slices from one example to the
// next.
type row struct {
	task    datasets.Task
	classOf map[int64]int
	leaf    map[string]int // column index of a short path
	paths   []string       // short path of a column
	defs    []int          // definition level of a value that is there
	values  [][]pq.Value   // of each column
	flat    pq.Row
	text    []byte // backs the values made from strings
}

func newRow(task datasets.Task, m *datasets.Meta, schema *pq.Schema) *row {
	r := &row{task: task, leaf: map[string]int{}}
	if m != nil {
		r.classOf = m.ClassByID()
	}
	for i, path := range schema.Columns() {
		l, _ := schema.Lookup(path...)
		r.leaf[shortPath(path)] = i
		r.paths = append(r.paths, shortPath(path))
		r.defs = append(r.defs, l.MaxDefinitionLevel)
	}
	r.values = make([][]pq.Value, len(r.paths))
	return r
}

// put adds a value. rep tells at which list it continues: 0 for the first of a
// row, 1 for a further element of the outermost list, and so on.
func (r *row) put(path string, rep int, v pq.Value) {
	i := r.leaf[path]
	r.values[i] = append(r.values[i], v.Level(rep, r.defs[i], i))
}

func (r *row) bytes(path string, rep int, b []byte)  { r.put(path, rep, pq.ByteArrayValue(b)) }
func (r *row) int(path string, rep int, v int64)     { r.put(path, rep, pq.Int64Value(v)) }
func (r *row) float(path string, rep int, v float64) { r.put(path, rep, pq.DoubleValue(v)) }
func (r *row) string(path string, rep int, s string) {
	at := len(r.text)
	r.text = append(r.text, s...)
	r.bytes(path, rep, r.text[at:len(r.text):len(r.text)])
}

// class adds the index of a category, -1 where the dataset does not know it.
func (r *row) class(path string, rep int, id int64) {
	i, ok := r.classOf[id]
	if !ok {
		i = -1
	}
	r.int(path, rep, int64(i))
}

// none marks in every column below prefix that there is nothing beyond level def.
func (r *row) none(prefix string, rep, def int) {
	for i, p := range r.paths {
		if p == prefix || strings.HasPrefix(p, prefix+".") {
			r.values[i] = append(r.values[i], pq.Value{}.Level(rep, def, i))
		}
	}
}

// fill returns the row of ex, valid until the next call.
func (r *row) fill(ex *datasets.Example, record []byte) (pq.Row, error) {
	r.text = r.text[:0]
	for i := range r.values {
		r.values[i] = r.values[i][:0]
	}
	r.common(ex, record)
	var err error
	switch r.task {
	case datasets.Classification:
		r.classification(ex)
	case datasets.Detection:
		err = r.detection(ex)
	case datasets.Referring:
		err = r.referring(ex)
	}
	r.flat = r.flat[:0]
	for _, v := range r.values {
		r.flat = append(r.flat, v...)
	}
	return r.flat, err
}

func (r *row) common(ex *datasets.Example, record []byte) {
	r.bytes("image.bytes", 0, ex.Image)
	r.string("image.path", 0, ex.Key+"."+ex.Ext)
	r.string("key", 0, ex.Key)
	r.bytes("record", 0, record)
	r.int("width", 0, int64(ex.Width))
	r.int("height", 0, int64(ex.Height))
	r.int("original_width", 0, int64(ex.OriginalWidth))
	r.int("original_height", 0, int64(ex.OriginalHeight))
	r.string("source.name", 0, ex.Source.Name)
	r.int("source.offset", 0, ex.Source.Offset)
	r.int("source.bytes", 0, ex.Source.Bytes)
	r.string("source.sha256", 0, ex.Source.SHA256)
}

func (r *row) classification(ex *datasets.Example) {
	label := -1
	if ex.Label != nil {
		label = *ex.Label
	}
	r.int("label", 0, int64(label))
	r.string("wnid", 0, ex.Wnid)
	r.string("name", 0, ex.Name)
}

func (r *row) optional(path string, v *int64) {
	if v == nil {
		r.none(path, 0, 0)
		return
	}
	r.int(path, 0, *v)
}

func (r *row) ids(path string, ids *[]int64) {
	if ids == nil {
		r.none(path, 0, 0)
		return
	}
	for i, id := range *ids {
		r.int(path, min(i, 1), id)
	}
	if len(*ids) == 0 {
		r.none(path, 0, 1)
	}
}

func (r *row) detection(ex *datasets.Example) error {
	r.optional("image_id", ex.ImageID)
	r.optional("license", ex.License)
	r.ids("neg_category_ids", ex.NegCategoryIDs)
	r.ids("not_exhaustive_category_ids", ex.NotExhaustiveCategoryIDs)
	if ex.Annotations == nil || len(*ex.Annotations) == 0 {
		r.none("objects", 0, 1)
		return nil
	}
	for i := range *ex.Annotations {
		a := &(*ex.Annotations)[i]
		rep := min(i, 1)
		r.int("objects.id", rep, a.ID)
		if err := r.thing("objects", rep, a.BBox, a.CategoryID, a.Area, a.IsCrowd, a.Segmentation); err != nil {
			return err
		}
	}
	return nil
}

func (r *row) referring(ex *datasets.Example) error {
	r.optional("image_id", ex.ImageID)
	if ex.Refs == nil || len(*ex.Refs) == 0 {
		r.none("refs", 0, 1)
		return nil
	}
	for i := range *ex.Refs {
		o := &(*ex.Refs)[i]
		rep := min(i, 1)
		r.int("refs.ref_id", rep, o.RefID)
		r.int("refs.ann_id", rep, o.AnnID)
		if err := r.thing("refs", rep, o.BBox, o.CategoryID, o.Area, o.IsCrowd, o.Segmentation); err != nil {
			return err
		}
		r.sentences(rep, o.Sentences)
	}
	return nil
}

// sentences adds those of one ref. The definition levels count refs, its list,
// its element, sentences; then its list, its element, tokens.
func (r *row) sentences(rep int, sentences []datasets.Sentence) {
	if len(sentences) == 0 {
		r.none("refs.sentences", rep, 4)
	}
	for _, s := range sentences {
		r.int("refs.sentences.sent_id", rep, s.SentID)
		r.string("refs.sentences.raw", rep, s.Raw)
		r.string("refs.sentences.sent", rep, s.Sent)
		if len(s.Tokens) == 0 {
			r.none("refs.sentences.tokens", rep, 7)
		}
		for _, token := range s.Tokens {
			r.string("refs.sentences.tokens", rep, token)
			rep = 3
		}
		rep = 2
	}
}

// thing adds what objects and refs have in common.
func (r *row) thing(in string, rep int, box datasets.Box, category int64, area float64, crowd int, s *datasets.Segmentation) error {
	names := thingPaths[in]
	for i, v := range box {
		if i == 0 {
			r.float(names.bbox, rep, v)
		} else {
			r.float(names.bbox, 2, v)
		}
	}
	r.class(names.category, rep, category)
	r.int(names.categoryID, rep, category)
	r.float(names.area, rep, area)
	r.int(names.crowd, rep, int64(crowd))
	if s == nil {
		r.none(names.segmentation, rep, 3)
		return nil
	}
	text, err := json.Marshal(s)
	if err != nil {
		return fault.New(fault.InvalidAnnotation, "segmentation: %w", err)
	}
	r.bytes(names.segmentation, rep, text)
	return nil
}

type thingNames struct{ bbox, category, categoryID, area, crowd, segmentation string }

var thingPaths = map[string]thingNames{
	"objects": {"objects.bbox", "objects.category", "objects.category_id", "objects.area", "objects.iscrowd", "objects.segmentation"},
	"refs":    {"refs.bbox", "refs.category", "refs.category_id", "refs.area", "refs.iscrowd", "refs.segmentation"},
}
