package cocojson

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"path"
	"strings"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/internal/fault"
)

// The dataset whose annotations are written in LVIS's form.
const lvis = "lvis"

// record is a fragment's line as far as the merged file wants it; numbers and
// masks pass through unread.
type record struct {
	FileName                 string   `json:"file_name"`
	Key                      string   `json:"key"`
	Split                    string   `json:"split"`
	Width                    int      `json:"width"`
	Height                   int      `json:"height"`
	ImageID                  *int64   `json:"image_id"`
	License                  *int64   `json:"license"`
	NegCategoryIDs           []int64  `json:"neg_category_ids"`
	NotExhaustiveCategoryIDs []int64  `json:"not_exhaustive_category_ids"`
	Annotations              []object `json:"annotations"`
	Refs                     []object `json:"refs"`
	Source                   struct {
		Name string `json:"name"`
	} `json:"source"`
}

// object is an annotation or, with the members below AnnID, a ref.
type object struct {
	ID           int64           `json:"id"`
	CategoryID   int64           `json:"category_id"`
	BBox         json.RawMessage `json:"bbox"`
	Area         json.RawMessage `json:"area"`
	Segmentation json.RawMessage `json:"segmentation"`
	IsCrowd      int             `json:"iscrowd"`
	AnnID        int64           `json:"ann_id"`
	RefID        int64           `json:"ref_id"`
	Sentences    []sentence      `json:"sentences"`
}

type sentence struct {
	Tokens []string `json:"tokens"`
	Raw    string   `json:"raw"`
	SentID int64    `json:"sent_id"`
	Sent   string   `json:"sent"`
}

type imageOut struct {
	ID            int64    `json:"id"`
	Width         int      `json:"width"`
	Height        int      `json:"height"`
	FileName      string   `json:"file_name"`
	License       *int64   `json:"license,omitempty"`
	CocoURL       string   `json:"coco_url,omitempty"`
	Neg           *[]int64 `json:"neg_category_ids,omitempty"`
	NotExhaustive *[]int64 `json:"not_exhaustive_category_ids,omitempty"`
}

type annotationOut struct {
	ID           int64           `json:"id"`
	ImageID      int64           `json:"image_id"`
	CategoryID   int64           `json:"category_id"`
	BBox         json.RawMessage `json:"bbox"`
	Area         json.RawMessage `json:"area"`
	Segmentation json.RawMessage `json:"segmentation,omitempty"`
	IsCrowd      int             `json:"iscrowd"`
}

type refOut struct {
	RefID      int64      `json:"ref_id"`
	AnnID      int64      `json:"ann_id"`
	ImageID    int64      `json:"image_id"`
	CategoryID int64      `json:"category_id"`
	Split      string     `json:"split"`
	FileName   string     `json:"file_name"`
	SentIDs    []int64    `json:"sent_ids"`
	Sentences  []sentence `json:"sentences"`
}

// merger writes one merged file.
type merger struct {
	out       *bufio.Writer
	enc       *json.Encoder
	lvis      bool
	fragments iter.Seq2[io.Reader, error]
	counts    map[int64]*count
}

type count struct{ images, instances, lastImage int64 }

// Merge joins the fragments of a split. It ranges over them once for every list
// that it writes: twice, with refs three times.
func (Format) Merge(w io.Writer, dataset string, task datasets.Task, m *datasets.Meta, split string, fragments iter.Seq2[io.Reader, error]) error {
	if task == datasets.Classification {
		return fault.New(fault.Usage, "format coco needs boxes; dataset %s has classes only", dataset)
	}
	if m == nil {
		m = &datasets.Meta{}
	}
	g := merger{out: bufio.NewWriterSize(w, 1<<16), lvis: dataset == lvis, fragments: fragments, counts: map[int64]*count{}}
	g.enc = json.NewEncoder(g.out)
	g.enc.SetEscapeHTML(false)
	info := json.RawMessage(m.Info)
	if !json.Valid(info) {
		info = json.RawMessage(fmt.Sprintf(`{"description":%q}`, dataset+" "+split+", built by tailorbird"))
	}
	licenses := m.Licenses
	if licenses == nil {
		licenses = []datasets.License{}
	}
	steps := []func() error{
		g.text(`{"info":`), g.value(info), g.text(`,"licenses":`), g.value(licenses),
		g.list("images", g.image), g.list("annotations", g.annotations),
	}
	if task == datasets.Referring {
		steps = append(steps, g.list("refs", g.refs))
	}
	steps = append(steps, g.text(`,"categories":`), func() error { return g.enc.Encode(g.categories(m, split)) }, g.text("}\n"), g.out.Flush)
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

func (g *merger) text(s string) func() error {
	return func() error { _, err := g.out.WriteString(s); return err }
}

func (g *merger) value(v any) func() error {
	return func() error { return g.enc.Encode(v) }
}

// list writes ,"NAME":[...]: each gets every record in order and an emit
// function, which puts an element a line.
func (g *merger) list(name string, each func(r *record, emit func(v any) error) error) func() error {
	return func() error {
		fmt.Fprintf(g.out, ",%q:[\n", name)
		first := true
		emit := func(v any) error {
			if !first {
				g.out.WriteByte(',') // an error of a bufio.Writer stays until Flush
			}
			first = false
			return g.enc.Encode(v)
		}
		for r, err := range g.records() {
			if err != nil {
				return err
			}
			if err := each(r, emit); err != nil {
				return err
			}
		}
		_, err := g.out.WriteString("]")
		return err
	}
}

// records yields the records of all fragments.
func (g *merger) records() iter.Seq2[*record, error] {
	return func(yield func(*record, error) bool) {
		for fragment, err := range g.fragments {
			if err != nil {
				yield(nil, err)
				return
			}
			for l, err := range lines(fragment) {
				r := new(record)
				if err == nil {
					err = r.parse(l)
				}
				if !yield(r, err) || err != nil {
					return
				}
			}
		}
	}
}

func (r *record) parse(l line) error {
	if err := json.Unmarshal(l.text, r); err != nil {
		return fault.At(fault.New(fault.Corrupt, "fragment: %w", err), fault.Place{Key: r.Key, Offset: l.off, HasOffset: true})
	}
	if r.ImageID == nil {
		return fault.At(fault.New(fault.Corrupt, "fragment: record without image_id"), fault.Place{Key: r.Key, Offset: l.off, HasOffset: true})
	}
	return nil
}

func (g *merger) image(r *record, emit func(any) error) error {
	out := imageOut{ID: *r.ImageID, Width: r.Width, Height: r.Height, FileName: r.FileName, License: r.License}
	if g.lvis {
		out.CocoURL = cocoURL(r.Source.Name)
		out.Neg, out.NotExhaustive = orEmpty(r.NegCategoryIDs), orEmpty(r.NotExhaustiveCategoryIDs)
		for _, a := range r.Annotations {
			g.count(a.CategoryID, *r.ImageID)
		}
	}
	return emit(out)
}

func orEmpty(ids []int64) *[]int64 {
	if ids == nil {
		ids = []int64{}
	}
	return &ids
}

// cocoURL is where COCO serves an image, "" where its folder is not known.
func cocoURL(name string) string {
	dir, base := path.Split(name)
	switch folder := path.Base(dir); folder {
	case "train2017", "val2017", "test2017", "unlabeled2017", "train2014", "val2014", "test2014", "test2015":
		return "http://images.cocodataset.org/" + folder + "/" + base
	}
	return ""
}

func (g *merger) count(category, image int64) {
	c := g.counts[category]
	if c == nil {
		c = &count{}
		g.counts[category] = c
	}
	if c.instances == 0 || c.lastImage != image {
		c.images++
	}
	c.instances++
	c.lastImage = image
}

func (g *merger) annotations(r *record, emit func(any) error) error {
	for _, a := range r.Annotations {
		if err := emit(a.out(a.ID, *r.ImageID)); err != nil {
			return err
		}
	}
	for i, ref := range r.Refs {
		if named(r.Refs[:i], ref.AnnID) {
			continue
		}
		if err := emit(ref.out(ref.AnnID, *r.ImageID)); err != nil {
			return err
		}
	}
	return nil
}

// named reports whether an object was named by one of the refs.
func named(refs []object, ann int64) bool {
	for _, r := range refs {
		if r.AnnID == ann {
			return true
		}
	}
	return false
}

func (o object) out(id, image int64) annotationOut {
	return annotationOut{id, image, o.CategoryID, o.BBox, o.Area, o.Segmentation, o.IsCrowd}
}

func (g *merger) refs(r *record, emit func(any) error) error {
	for _, ref := range r.Refs {
		out := refOut{ref.RefID, ref.AnnID, *r.ImageID, ref.CategoryID, r.Split, r.FileName, []int64{}, ref.Sentences}
		for _, s := range ref.Sentences {
			out.SentIDs = append(out.SentIDs, s.SentID)
		}
		if err := emit(out); err != nil {
			return err
		}
	}
	return nil
}

type category struct {
	ID            int64    `json:"id"`
	Name          string   `json:"name"`
	Supercategory string   `json:"supercategory,omitempty"`
	Synset        string   `json:"synset,omitempty"`
	Synonyms      []string `json:"synonyms,omitempty"`
	Definition    string   `json:"def,omitempty"`
	Frequency     string   `json:"frequency,omitempty"`
	ImageCount    *int64   `json:"image_count,omitempty"`
	InstanceCount *int64   `json:"instance_count,omitempty"`
}

// categories comes after images, which counts.
func (g *merger) categories(m *datasets.Meta, split string) []category {
	out := make([]category, len(m.Classes))
	for i, c := range m.Classes {
		out[i] = category{ID: c.ID, Name: c.Name, Supercategory: c.Supercategory}
		if !g.lvis {
			continue
		}
		n := count{}
		if counted := g.counts[c.ID]; counted != nil {
			n = *counted
		}
		out[i].Synset, out[i].Synonyms, out[i].Definition, out[i].Frequency = c.Synset, c.Synonyms, c.Definition, c.Frequency
		out[i].ImageCount, out[i].InstanceCount = &n.images, &n.instances
		if n.images > 0 && (strings.HasPrefix(split, "train") || c.Frequency == "") {
			out[i].Frequency = frequency(n.images)
		}
	}
	return out
}

// frequency is LVIS's group of a category that occurs in that many images.
func frequency(images int64) string {
	switch {
	case images <= 10:
		return "r"
	case images <= 100:
		return "c"
	}
	return "f"
}
