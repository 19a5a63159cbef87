package datasets

import (
	"encoding/json"
	"fmt"
	"sort"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tailorbird/tailorbird/internal/fault"
)

func ptr[T any](v T) *T { return &v }

// examples has one of each task, every field set.
func examples() map[string]*Example {
	base := func() *Example {
		return &Example{Key: "000000391895", Split: "train", Width: 341, Height: 256, OriginalWidth: 500, OriginalHeight: 375,
			Source: Origin{Name: "train2017/000000391895.jpg", Offset: 512, Bytes: 9, SHA256: "ab"}}
	}
	seg := &Segmentation{Polygons: [][]float64{{1, 2, 3, 4, 5, 0.25}}}
	class, detection, referring := base(), base(), base()
	class.Label, class.Wnid, class.Name = ptr(0), "n01440764", "tench"
	detection.ImageID, detection.License = ptr[int64](391895), ptr[int64](3)
	detection.Annotations = &[]Annotation{{ID: 1 << 60, CategoryID: 4, BBox: Box{1, 2, 3.5, 4}, Area: 7.25, Segmentation: seg, IsCrowd: 1}}
	detection.NegCategoryIDs, detection.NotExhaustiveCategoryIDs = &[]int64{}, &[]int64{8}
	referring.ImageID = ptr[int64](0)
	referring.Refs = &[]Referred{{RefID: 1, AnnID: 2, CategoryID: 3, BBox: Box{1, 2, 3, 4}, Area: 5, Segmentation: seg,
		Sentences: []Sentence{{SentID: 6, Raw: "The <cat>", Sent: "the cat", Tokens: []string{"the", "cat"}}}}}
	return map[string]*Example{"classification": class, "detection": detection, "referring": referring}
}

// keysOf lists every path of a JSON value; lists count as their first element.
func keysOf(v any, at string) []string {
	var out []string
	switch v := v.(type) {
	case map[string]any:
		for k, x := range v {
			out = append(append(out, at+k), keysOf(x, at+k+".")...)
		}
	case []any:
		if len(v) > 0 {
			out = keysOf(v[0], at)
		}
	}
	sort.Strings(out)
	return out
}

func TestExamplesHaveTheKeysOfTheirTaskAndComeBack(t *testing.T) {
	t.Parallel()
	common := "height key original_height original_width source source.bytes source.name source.offset source.sha256 split width"
	object := func(at string, more ...string) string {
		keys := ""
		for _, k := range append([]string{"category_id", "bbox", "area", "segmentation", "iscrowd"}, more...) {
			keys += " " + at + "." + k
		}
		return keys
	}
	want := map[string]string{
		"classification": " label wnid name",
		"detection":      " image_id license neg_category_ids not_exhaustive_category_ids annotations" + object("annotations", "id"),
		"referring": " image_id refs" + object("refs", "ref_id", "ann_id", "sentences") +
			" refs.sentences.sent_id refs.sentences.raw refs.sentences.sent refs.sentences.tokens",
	}
	for task, ex := range examples() {
		t.Run(task, func(t *testing.T) {
			t.Parallel()
			b, err := json.Marshal(ex)
			if err != nil {
				t.Fatal(err)
			}
			var v any
			if err := json.Unmarshal(b, &v); err != nil {
				t.Fatal(err)
			}
			keys := strings.Fields(common + want[task])
			sort.Strings(keys)
			if d := cmp.Diff(keys, keysOf(v, "")); d != "" {
				t.Errorf("keys (-want +got):\n%s", d)
			}
			got := new(Example)
			if err := json.Unmarshal(b, got); err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(ex, got); d != "" {
				t.Error(d)
			}
			if string(got.Task()) != task {
				t.Errorf("task %s, want %s", got.Task(), task)
			}
		})
	}
}

func TestWhatATaskHasIsWrittenAlsoWhenItIsNothing(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		ex   Example
		want string
	}{
		{Example{Label: ptr(0)}, `"label":0`},
		{Example{ImageID: ptr[int64](0), Annotations: &[]Annotation{}}, `"image_id":0,"annotations":[]`},
		{Example{Annotations: &[]Annotation{}, NegCategoryIDs: &[]int64{}}, `"neg_category_ids":[]`},
		{Example{Annotations: &[]Annotation{{}}}, `[{"id":0,"category_id":0,"bbox":[0,0,0,0],"area":0,"iscrowd":0}]`},
	} {
		b, err := json.Marshal(c.ex)
		if err != nil || !strings.Contains(string(b), c.want) {
			t.Errorf("%s, %v: want %s in it", b, err, c.want)
		}
	}
}

func TestSegmentationsKeepTheirForm(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		`[[1,2,3,4,5,6]]`,
		`[[1.25,2,3,4,5,6.5],[0,0,1,0,1,1,0,1]]`,
		`[]`,
		`{"size":[480,640],"counts":"Wh[1"}`,
		`{"size":[480,640],"counts":""}`,
		`{"size":[2,3],"counts":[1,2,3]}`,
		`{"size":[2,3],"counts":[]}`,
		`{"size":[65535,65535],"counts":[4294836225]}`,
	} {
		var s Segmentation
		if err := json.Unmarshal([]byte(text), &s); err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if (s.RLE != nil) == (s.Polygons != nil) {
			t.Errorf("%s: polygons %v, rle %v", text, s.Polygons, s.RLE)
		}
		if got, err := json.Marshal(s); err != nil || string(got) != text {
			t.Errorf("%s became %s, %v", text, got, err)
		}
		if got, err := json.Marshal(&s); err != nil || string(got) != text {
			t.Errorf("%s became %s, %v", text, got, err)
		}
	}
}

func TestFault24SegmentationsOfNoForm(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		`1`, `"x"`, `true`, `[1,2,3,4]`, `[["1"]]`, `[[1e999,0,0,0,0,0]]`, `{}`, `{"counts":null,"size":[1,1]}`, `{"size":[2,3]}`,
		`{"size":"2","counts":[6]}`, `{"size":[2,3],"counts":6}`, `{"size":[2,3],"counts":[-1]}`, `{"size":[2,3],"counts":[4294967296]}`,
		`{"size":[2,3],"counts":[1.5]}`, `{"size":[2,3],"counts":{"a":1}}`, `{"size":[1e999,3],"counts":[]}`,
	} {
		var s Segmentation
		err := json.Unmarshal([]byte(text), &s)
		if fault.CodeOf(err) != fault.InvalidAnnotation {
			t.Errorf("%s: %v, want invalid_annotation", text, err)
		}
	}
}

func FuzzSegmentation(f *testing.F) {
	for _, s := range []string{`[[1,2,3,4,5,6]]`, `[]`, `null`, `{"size":[2,3],"counts":[1,2,3]}`, `{"size":[2,3],"counts":"123"}`,
		`{"size":[2,3],"counts":null}`, `{"Size":[2],"COUNTS":[]}`, `[null,[1]]`, `{"size":[-1,1e9],"counts":"\ud800"}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var s Segmentation
		if err := s.UnmarshalJSON(b); err != nil {
			if fault.CodeOf(err) != fault.InvalidAnnotation {
				t.Fatalf("%v has another code", err)
			}
			return
		}
		text, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		var again Segmentation
		if err := json.Unmarshal(text, &again); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if text2, err := json.Marshal(again); err != nil || string(text2) != string(text) {
			t.Fatalf("%s, then %s, %v", text, text2, err)
		}
		a := good()
		a.Segmentation = &s
		_ = Validate(&Example{Annotations: &[]Annotation{a}}, 20, 10, classes) // must not panic
	})
}

func ExampleSegmentation() {
	var s Segmentation
	if err := json.Unmarshal([]byte(`{"size":[2,3],"counts":[1,2,3]}`), &s); err != nil {
		fmt.Println(err)
		return
	}
	m, err := s.RLE.Mask(nil)
	fmt.Println(m.Area(), m.Box(), err)
	// Output: 2 [0 0 2 2] <nil>
}
