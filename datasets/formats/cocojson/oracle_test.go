package cocojson_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"path"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/datasets/formats/cocojson"
	"github.com/tailorbird/tailorbird/datasets/formats/formattest"
	"github.com/tailorbird/tailorbird/internal/fault"
)

// The elements as encoding/json writes them, from a record that it has read:
// slow, and right by construction.

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

type record struct {
	FileName      string
	Split         string
	Width, Height int
	ImageID       int64 `json:"image_id"`
	License       *int64
	Neg           *[]int64 `json:"neg_category_ids"`
	NotExhaustive *[]int64 `json:"not_exhaustive_category_ids"`
	Annotations   []object
	Refs          []object
	Source        struct{ Name string }
}

// oracle lists the elements of an example in LVIS's form, each with its kind.
func oracle(ex *datasets.Example) (string, error) {
	text, err := json.Marshal(struct {
		*datasets.Example
		FileName string
	}{ex, ex.Key + "." + ex.Ext})
	if err != nil {
		return "", err
	}
	var r record
	if err := json.Unmarshal(text, &r); err != nil {
		return "", err
	}
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	put := func(kind string, v any) {
		out.WriteString(kind)
		if e := enc.Encode(v); err == nil {
			err = e
		}
	}
	for _, ids := range []**[]int64{&r.Neg, &r.NotExhaustive} {
		if *ids == nil {
			*ids = &[]int64{}
		}
	}
	url := ""
	if dir, base := path.Split(r.Source.Name); path.Base(dir) == "val2017" {
		url = "http://images.cocodataset.org/val2017/" + base
	}
	put("i", imageOut{r.ImageID, r.Width, r.Height, r.FileName, r.License, url, r.Neg, r.NotExhaustive})
	for _, o := range r.Annotations {
		put("a", annotationOut{o.ID, r.ImageID, o.CategoryID, o.BBox, o.Area, o.Segmentation, o.IsCrowd})
	}
	seen := map[int64]bool{}
	for _, o := range r.Refs {
		kind := "a"
		if seen[o.AnnID] {
			kind = "d"
		}
		seen[o.AnnID] = true
		put(kind, annotationOut{o.AnnID, r.ImageID, o.CategoryID, o.BBox, o.Area, o.Segmentation, o.IsCrowd})
	}
	for _, o := range r.Refs {
		ids := []int64{}
		for _, s := range o.Sentences {
			ids = append(ids, s.SentID)
		}
		put("r", refOut{o.RefID, o.AnnID, r.ImageID, o.CategoryID, r.Split, r.FileName, ids, o.Sentences})
	}
	return out.String(), err
}

// elements are the lines of a fragment that make the merged file.
func elements(fragment []byte) string {
	var out strings.Builder
	for l := range strings.Lines(string(fragment)) {
		if l[0] != 'x' && l[0] != 'e' {
			out.WriteString(l)
		}
	}
	return out.String()
}

func FuzzElementsAreThoseOfEncodingJSON(f *testing.F) {
	for i, x := range numbers {
		f.Add(hostile[i:], hostile[:i], x, -x*1.1, int64(i), int64(math.MinInt64))
	}
	for i := range 40 {
		x := float64(i*i*i) / 100
		f.Add("a", "b", x, x*math.Pow(10, float64(i-20)), int64(i), int64(-i))
	}
	f.Add("", "", math.NaN(), 1.0, int64(0), int64(0))
	f.Add("", "", 1.0, math.Inf(-1), int64(0), int64(0))
	f.Fuzz(func(t *testing.T, a, b string, x, y float64, m, n int64) {
		for _, task := range []datasets.Task{datasets.Detection, datasets.Referring} {
			ex := fuzzed(task, a, b, x, y, m, n)
			want, bad := oracle(ex)
			var out bytes.Buffer
			w, err := cocojson.Format{}.NewWriter(&out, formattest.Header(datasets.Detection))
			if err != nil {
				t.Fatal(err)
			}
			if err := w.Write(ex); (err != nil) != (bad != nil) || err != nil && fault.CodeOf(err) != fault.InvalidAnnotation {
				t.Fatalf("%v, encoding/json says %v", err, bad)
			}
			if bad != nil {
				return
			}
			if d := cmp.Diff(want, elements(out.Bytes())); d != "" {
				t.Errorf("-encoding/json +writer\n%s", d)
			}
		}
	})
}

func TestNumbersAreThoseOfEncodingJSON(t *testing.T) {
	t.Parallel()
	vs := append([]float64{}, numbers...)
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range 40_000 {
		x := float64(i*i) / 100
		big := float64(rng.Uint64()>>uint(i%50)) / 100
		any := math.Float64frombits(rng.Uint64())
		if math.IsNaN(any) || math.IsInf(any, 0) {
			any = 0
		}
		vs = append(vs, x, math.Nextafter(x, 0), math.Nextafter(x, math.MaxFloat64), -x, float64(i)/1000, big, float64(i)*0.01, any)
	}
	ex := formattest.Examples(datasets.Detection, 1)[0]
	ex.Annotations = &[]datasets.Annotation{{Segmentation: &datasets.Segmentation{Polygons: [][]float64{vs}}}}
	want, err := json.Marshal(vs)
	if err != nil {
		t.Fatal(err)
	}
	if got := fragment(t, "coco", datasets.Detection, []*datasets.Example{ex}); !bytes.Contains(got, want) {
		_, text, _ := bytes.Cut(got, []byte(`"segmentation":[[`))
		numbers := strings.Split(string(want[1:]), ",")
		for i, s := range strings.Split(string(text), ",")[:len(vs)-1] {
			if s != numbers[i] {
				t.Fatalf("number %d is %s, want %s", i, s, numbers[i])
			}
		}
	}
}

func fuzzed(task datasets.Task, a, b string, x, y float64, m, n int64) *datasets.Example {
	masks := []*datasets.Segmentation{{Polygons: [][]float64{{x, y, x + y, math.Round(x*100) / 100}, {y}}},
		{RLE: &datasets.RLE{Size: [2]int{int(m), int(n)}, Counts: a}}, {RLE: &datasets.RLE{Runs: []uint32{uint32(m), uint32(n)}}}}
	ex := &datasets.Example{Key: "k<&>é", Split: a, Ext: b, Width: int(m), Height: int(n), ImageID: &m, Source: datasets.Origin{Name: "val2017/" + b}}
	if task == datasets.Detection {
		ex.License, ex.NegCategoryIDs, ex.Annotations = &n, &[]int64{m, n}, &[]datasets.Annotation{}
		for i, s := range masks {
			*ex.Annotations = append(*ex.Annotations, datasets.Annotation{ID: m + int64(i), CategoryID: n, BBox: datasets.Box{x, y, -x, x / 3}, Area: y, Segmentation: s, IsCrowd: i})
		}
		return ex
	}
	ex.Refs = &[]datasets.Referred{}
	for i, s := range masks {
		*ex.Refs = append(*ex.Refs, datasets.Referred{RefID: n, AnnID: n + int64(i/2), Area: x, BBox: datasets.Box{y}, Segmentation: s,
			Sentences: []datasets.Sentence{{SentID: m, Raw: a, Sent: b, Tokens: []string{b, fmt.Sprint(x, a)}}}})
	}
	return ex
}
