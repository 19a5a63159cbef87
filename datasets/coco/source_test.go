package coco_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/datasets/coco"
	"github.com/tailorbird/tailorbird/datasets/datasettest"
	"github.com/tailorbird/tailorbird/internal/fault"
)

func TestSource(t *testing.T) {
	t.Parallel()
	datasettest.Run(t, datasettest.Case{
		Source: coco.Source{},
		Inputs: datasets.Inputs{"images": "testdata/train2017", "annotations": "testdata/instances_train2017.json"},
		Want:   map[string]int{"train": 6},
	})
}

func TestSourceWithBrokenParts(t *testing.T) {
	t.Parallel()
	path := write(t, "instances_val2017.json", `{"annotations": [{"id": 2, "image_id": 3}, {"image_id": 2}, {"id": 4, "image_id": 77}, {}],
		"images": [{"id": 3, "file_name": "../a.jpg"}, {"id": 2, "file_name": "b.jpg"}, {"file_name": "c.jpg"}, {"id": 1, "file_name": "d.jpg"},
		{"id": 1, "file_name": "e.jpg"}], "categories": [{"id": 1, "name": "cat"}]}`)
	datasettest.Run(t, datasettest.Case{
		Source:   coco.Source{},
		Inputs:   datasets.Inputs{"images": "testdata", "annotations": path},
		Want:     map[string]int{"val": 1},
		Rejected: 6,
		Missing:  1,
	})
}

func TestInputsAreReportedWithTheirHashes(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, text := range map[string]string{"b.jpg": "12345", "a/c.jpg": "678", "x.json": `{"images": []}`} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var got []datasets.InputFile
	p := planner()
	p.Input = func(f datasets.InputFile) { got = append(got, f) }
	in := datasets.Inputs{"images": dir, "annotations": filepath.Join(dir, "x.json")}
	if err := (coco.Source{}).Plan(context.Background(), in, p); err != nil {
		t.Fatal(err)
	}
	sum := func(s string) string { h := sha256.Sum256([]byte(s)); return hex.EncodeToString(h[:]) }
	want := []datasets.InputFile{
		{Role: "images", Name: filepath.Base(dir), Bytes: 22, SHA256: sum("a/c.jpg\t3\nb.jpg\t5\nx.json\t14\n"), Of: "listing"},
		{Role: "annotations", Name: "x.json", Bytes: 14, SHA256: sum(`{"images": []}`), Of: "content"},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
}

func TestACancelledContextEndsThePassOverTheFile(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(context.Background())
	p := planner()
	p.Read = func(int64) { cancel() }
	in := datasets.Inputs{"images": "testdata", "annotations": "testdata/instances_train2017.json"}
	if err := (coco.Source{}).Plan(ctx, in, p); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

func TestTheDirectoryAboveTheImagesWillDo(t *testing.T) {
	t.Parallel()
	refs, _, _ := plan(t, "testdata", "testdata/instances_train2017.json")
	for _, r := range refs {
		if r.Image.Name != "train2017/"+r.Key+".jpg" || r.Image.Length < 1000 {
			t.Errorf("%s: %+v", r.Key, r.Image)
		}
	}
}

func TestAnExampleHoldsWhatTheFileSays(t *testing.T) {
	t.Parallel()
	refs, _, meta := plan(t, "testdata/train2017", "testdata/instances_train2017.json")
	ex := example(t, "testdata/instances_train2017.json", refs[4], meta)
	anns := *ex.Annotations
	if ex.Key != "000000000133" || *ex.ImageID != 133 || ex.OriginalWidth != 160 || ex.OriginalHeight != 120 || *ex.License != 1 || len(anns) != 3 {
		t.Fatalf("%+v", ex)
	}
	crowd := anns[2]
	if crowd.ID != 900100133 || crowd.IsCrowd != 1 || crowd.Area != 450 || crowd.BBox != (datasets.Box{10, 20, 30, 15}) {
		t.Errorf("%+v", crowd)
	}
	if r := crowd.Segmentation.RLE; r == nil || r.Size != [2]int{120, 160} || r.Runs[0] != 10*120+20 || r.Runs[1] != 15 {
		t.Errorf("%+v", crowd.Segmentation)
	}
	if anns[0].Segmentation.Polygons == nil || anns[0].IsCrowd != 0 {
		t.Errorf("%+v", anns[0])
	}
	if r := (*example(t, "testdata/instances_train2017.json", refs[1], meta).Annotations)[2].Segmentation.RLE; r == nil || r.Runs != nil || r.Counts == "" {
		t.Errorf("%+v", r)
	}
	if !strings.HasPrefix(meta.Info, `{"description":"6 images`) || len(meta.Licenses) != 1 || meta.Classes[0].Name == "" {
		t.Errorf("%+v", meta)
	}
}

func TestFault24AnImageWithoutAnnotationsIsAnExample(t *testing.T) {
	t.Parallel()
	refs, _, meta := plan(t, "testdata/train2017", "testdata/instances_train2017.json")
	ex := example(t, "testdata/instances_train2017.json", refs[5], meta)
	if *ex.ImageID != 250 || ex.Annotations == nil || len(*ex.Annotations) != 0 {
		t.Errorf("%+v", ex)
	}
	path := write(t, "image_info_test2017.json", `{"images": [{"id": 3, "file_name": "a.jpg"}], "categories": []}`)
	if refs, _, _ = plan(t, filepath.Dir(path), path); len(refs) != 1 || refs[0].Split != "test" || refs[0].Image.Length != -1 {
		t.Errorf("a file without annotations: %+v", refs)
	}
}

// plan plans files with the coco source and fails the test on an error.
func plan(t *testing.T, images, annotations string, splits ...string) ([]datasets.Ref, []datasets.Rejection, *datasets.Meta) {
	t.Helper()
	refs, rejected, meta, err := tryPlan(coco.Source{}, images, annotations, splits...)
	if err != nil {
		t.Fatal(err)
	}
	return refs, rejected, meta
}

// planner is one that keeps nothing.
func planner() *datasets.Planner {
	return &datasets.Planner{
		Emit:   func(datasets.Ref) error { return nil },
		Reject: func(datasets.Rejection) error { return nil },
		Input:  func(datasets.InputFile) {},
		Note:   func(string, ...any) {},
		Read:   func(int64) {},
	}
}

func tryPlan(src datasets.Source, images, annotations string, splits ...string) (refs []datasets.Ref, rejected []datasets.Rejection, meta *datasets.Meta, err error) {
	p := planner()
	p.Splits = splits
	p.Emit = func(r datasets.Ref) error { refs = append(refs, r); return nil }
	p.Reject = func(r datasets.Rejection) error { rejected = append(rejected, r); return nil }
	err = src.Plan(context.Background(), datasets.Inputs{"images": images, "annotations": annotations}, p)
	return refs, rejected, &p.Meta, err
}

func example(t *testing.T, annotations string, ref datasets.Ref, m *datasets.Meta) *datasets.Example {
	t.Helper()
	data, err := os.ReadFile(annotations)
	if err != nil {
		t.Fatal(err)
	}
	var rows [][]byte
	for _, r := range ref.Rows {
		rows = append(rows, data[r.Offset:r.Offset+r.Length])
	}
	ex, err := coco.Source{}.Example(&ref, rows, m)
	if err != nil {
		t.Fatal(err)
	}
	return ex
}

// write puts an annotation file into a new directory.
func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestFault23JSONThatDoesNotFitTogether(t *testing.T) {
	t.Parallel()
	const tail = `], "categories": [{"id": 1, "name": "cat"}]}`
	for _, c := range []struct {
		name, images, annotations string
		keys                      string // of the refs, without leading zeros
		rejected                  []string
	}{
		{"sections come in any order and unknown ones are skipped", `{"id": 2, "file_name": "b"}, {"id": 1, "file_name": "a"}`, ``, "1 2", nil},
		{"of two images with one id the first is kept", `{"id": 5, "file_name": "a"}, {"id": 5, "file_name": "b"}`, ``, "5",
			[]string{"000000000005 conflict", "byte 11 already", "byte 40"}},
		{"of two annotations with one id the later breaks its image", `{"id": 1, "file_name": "a"}, {"id": 2, "file_name": "b"}`,
			`{"id": 7, "image_id": 2}, {"id": 7, "image_id": 1}`, "2",
			[]string{"000000000001 invalid_annotation", "annotation 7", "byte 97 already", "byte 123"}},
		{"annotations of an image that is not there are rejected once", `{"id": 1, "file_name": "a"}`,
			`{"id": 7, "image_id": 9}, {"id": 6, "image_id": 9}`, "1", []string{"000000000009 not_found", "2 annotations", "first is 6"}},
		{"an annotation without an id breaks its image", `{"id": 1, "file_name": "a"}`, `{"image_id": 1}`, "",
			[]string{"000000000001 invalid_annotation", "no id"}},
		{"an annotation without an id of an image that is not there is not lost", `{"id": 1, "file_name": "a"}`, `{"image_id": 4}`, "1",
			[]string{"000000000004 invalid_annotation", "no id"}},
		{"an annotation without an image is named by its place", `{"id": 1, "file_name": "a"}`, `{"id": 3}`, "1",
			[]string{"annotation_at_68 invalid_annotation", "no image_id"}},
		{"an image without an id is named by its place", `{"file_name": "a"}, 12, null`, ``, "",
			[]string{"image_at_11 invalid_annotation", "image_at_31 invalid_annotation", "image_at_35 invalid_annotation"}},
		{"an image without a name", `{"id": 1}`, ``, "", []string{"000000000001 invalid_annotation", "neither coco_url nor file_name"}},
		{"a name that is no string", `{"id": 1, "file_name": 5}`, ``, "", []string{"000000000001 invalid_annotation", "file_name"}},
		{"ids over 2^53 are exact", `{"id": 9007199254740993, "file_name": "a"}, {"id": 9007199254740992, "file_name": "b"}`, ``, "9007199254740992 9007199254740993", nil},
		{"an id over int64 is refused", `{"id": 9223372036854775808, "file_name": "a"}`, ``, "", []string{"image_at_11", "64 bits"}},
		{"an id with a fraction of zero counts", `{"id": 3.0, "file_name": "a"}`, ``, "3", nil},
		{"an id of text is refused", `{"id": "3", "file_name": "a"}`, ``, "", []string{"image_at_11", "a string"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := write(t, "x.json", `{"images":[`+c.images+`], "x": [[1]], "annotations":[`+c.annotations+tail)
			refs, rejected, _, err := tryPlan(coco.Source{}, filepath.Dir(path), path)
			if err != nil {
				t.Fatal(err)
			}
			var keys []string
			for _, r := range refs {
				keys = append(keys, strings.TrimLeft(r.Key, "0"))
			}
			var said strings.Builder
			for _, r := range rejected {
				said.WriteString(r.Key + " " + string(r.Reason) + " " + r.Message + "\n")
			}
			if got := strings.Join(keys, " "); got != c.keys || (len(rejected) > 0) != (len(c.rejected) > 0) {
				t.Errorf("refs %s, want %s; rejected %s", got, c.keys, &said)
			}
			if strings.Contains(said.String(), filepath.Dir(path)) {
				t.Errorf("a rejection names a directory of this machine: %s", &said)
			}
			for _, want := range c.rejected {
				if !strings.Contains(said.String(), want) {
					t.Errorf("rejections do not say %q:\n%s", want, &said)
				}
			}
		})
	}
}

func TestFault23JSONThatIsNoInstancesFile(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, text string
		code       fault.Code
		says       string
	}{
		{"no images", `{"annotations": []}`, fault.Corrupt, `"images"`},
		{"no categories", `{"images": [], "annotations": [{"id": 1, "image_id": 2}]}`, fault.Corrupt, `"categories"`},
		{"a list", `[]`, fault.Corrupt, `want '{'`},
		{"images that are no list", `{"images": {}}`, fault.Corrupt, `want '['`},
		{"a section twice", `{"images": [], "images": []}`, fault.Corrupt, `second section "images"`},
		{"two categories with one id", `{"images": [], "annotations": [], "categories": [{"id": 1, "name": "a"}, {"id": 1, "name": "b"}]}`, fault.Conflict, `"a" and "b"`},
		{"a category without a name", `{"images": [], "categories": [{"id": 1}]}`, fault.Corrupt, "category 1: no name"},
		{"NaN", `{"images": [{"id": NaN}]}`, fault.Corrupt, "byte 19: json: NaN"},
		{"nested too deep", `{"x": ` + strings.Repeat("[", 100), fault.TooLarge, "deeper than 64"},
		{"a page of HTML", `<html>`, fault.Corrupt, "byte 0"},
	} {
		path := write(t, "x.json", c.text)
		_, _, _, err := tryPlan(coco.Source{}, filepath.Dir(path), path)
		if fault.CodeOf(err) != c.code || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestFault19NamesThatLeaveTheDirectoryAreNeverPlanned(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"../a.jpg", "/etc/passwd", `..\\a.jpg`, "a/../../b", "a\\u0000.jpg", "C:a.jpg", "./a.jpg", ".", "..", "a//b", `a\nb`, strings.Repeat("x", 2000)} {
		path := write(t, "x.json", `{"images": [{"id": 1, "file_name": "`+name+`"}]}`)
		refs, rejected, _, err := tryPlan(coco.Source{}, filepath.Dir(path), path)
		if err != nil || len(refs) != 0 || len(rejected) != 1 || rejected[0].Reason != fault.InvalidAnnotation {
			t.Errorf("%.40q: %v, planned %v, rejected %v", name, err, refs, rejected)
		}
	}
}

func TestTheSplitIsInTheNameOfTheFile(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, wanted, want string }{
		{"instances_train2017.json", "", "train"}, {"instances_val2014.json", "val", "val"}, {"lvis_v1_train.json", "", "train"},
		{"lvis_v0.5_val_100.json", "train,val", "val"}, {"image_info_test-dev2017.json", "", "test-dev"}, {"image_info_test2017.json", "", "test"},
		{"refs_testA.json", "", "testA"}, {"instances_minival2014.json", "", "minival"}, {"my-val.json", "", "val"}, {"validity.json", "", "train"},
		{"mine.json", "", "train"}, {"mine.json", "holdout", "holdout"}, {"mine.json", "a,b", ""}, {"instances_train2017.json", "val", ""},
		{"train/instances_val2017.json", "", "val"},
	} {
		got, err := coco.SplitOf(c.name, strings.FieldsFunc(c.wanted, func(r rune) bool { return r == ',' }))
		if got != c.want || (err == nil) != (c.want != "") || (err != nil && fault.CodeOf(err) != fault.Usage) {
			t.Errorf("%s, wanted %q: %q, %v", c.name, c.wanted, got, err)
		}
	}
}

func TestImagesAreFoundByEachOfTheirNames(t *testing.T) {
	t.Parallel()
	im := coco.Image{ID: 1, FileName: "train2014/COCO_1.jpg", URLPath: "train2017/1.jpg"}
	names, err := coco.ByFileName("dir/instances_train2014.json")(im)
	if want := []string{"train2014/COCO_1.jpg", "COCO_1.jpg", "train2017/1.jpg", "train2014/COCO_1.jpg"}; err != nil || !reflect.DeepEqual(names, want) {
		t.Errorf("%v, %v", names, err)
	}
	if names, err = coco.ByURL(im); err != nil || !reflect.DeepEqual(names, []string{"train2017/1.jpg", "1.jpg"}) {
		t.Errorf("%v, %v", names, err)
	}
}
