package refcoco

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/datasets/datasettest"
	"github.com/tailorbird/tailorbird/internal/blob"
)

func inputs(refs string) datasets.Inputs {
	return datasets.Inputs{"images": "testdata/train2014", "annotations": "testdata/instances.json", "refs": "testdata/" + refs}
}

func lookup(t testing.TB, name string) datasets.Source {
	t.Helper()
	s, ok := datasets.Lookup(name)
	if !ok {
		t.Fatalf("%s is not registered", name)
	}
	return s
}

func TestTheFamilyKeepsTheContractOfSources(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		dataset, refs string
		want          map[string]int
	}{
		{"refcoco", "refcoco/refs(unc).p", map[string]int{"train": 3, "val": 2, "testA": 2, "testB": 3}},
		{"refcoco+", "refcoco+/refs(unc).p", map[string]int{"train": 3, "val": 2, "testA": 2, "testB": 3}},
		{"refcocog", "refcocog/refs(umd).p", map[string]int{"train": 3, "val": 2, "test": 3}},
		{"refcocog", "refcocog/refs(google).p", map[string]int{"train": 6, "val": 5}},
	} {
		t.Run(c.refs, func(t *testing.T) {
			t.Parallel()
			datasettest.Run(t, datasettest.Case{Source: lookup(t, c.dataset), Inputs: inputs(c.refs), Want: c.want})
		})
	}
}

// result is all that a plan said.
type result struct {
	refs     []datasets.Ref
	rejected []datasets.Rejection
	notes    notes
	meta     datasets.Meta
	read     int64
}

func planOf(t testing.TB, dataset string, in datasets.Inputs, splits ...string) (result, error) {
	t.Helper()
	var r result
	p := &datasets.Planner{
		Splits: splits,
		Emit:   func(ref datasets.Ref) error { r.refs = append(r.refs, ref); return nil },
		Reject: func(x datasets.Rejection) error { r.rejected = append(r.rejected, x); return nil },
		Input:  func(datasets.InputFile) {},
		Note:   r.notes.add,
		Read:   func(n int64) { r.read += n },
	}
	err := lookup(t, dataset).Plan(context.Background(), in, p)
	r.meta = p.Meta
	return r, err
}

func mustPlan(t testing.TB, dataset string, in datasets.Inputs, splits ...string) result {
	t.Helper()
	r, err := planOf(t, dataset, in, splits...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// exampleOf builds the example of a ref as a shard does.
func exampleOf(t testing.TB, dataset string, in datasets.Inputs, ref datasets.Ref, m *datasets.Meta) (*datasets.Example, error) {
	t.Helper()
	annotations, err := blob.ReadFile(context.Background(), in["annotations"], 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	var rows [][]byte
	for _, r := range ref.Rows {
		if r.Data == nil {
			r.Data = annotations[r.Offset : r.Offset+r.Length]
		}
		rows = append(rows, r.Data)
	}
	return lookup(t, dataset).Example(&ref, rows, m)
}

func TestAnExampleHoldsTheRefsOfItsSplit(t *testing.T) {
	t.Parallel()
	in := inputs("refcoco/refs(unc).p")
	r := mustPlan(t, "refcoco", in, "testB")
	if len(r.refs) != 3 || len(r.meta.Classes) != 80 || len(r.meta.Licenses) != 1 {
		t.Fatalf("%d refs, %d classes, %d licences", len(r.refs), len(r.meta.Classes), len(r.meta.Licenses))
	}
	ref := r.refs[1]
	if want := (datasets.Span{Name: "COCO_train2014_000000000036.jpg", Length: 4702}); ref.Key != "000000000036" || ref.Image != want || ref.Label != -1 {
		t.Errorf("planned as %+v", ref)
	}
	ex, err := exampleOf(t, "refcoco", in, ref, &r.meta)
	if err != nil {
		t.Fatal(err)
	}
	if *ex.ImageID != 36 || *ex.License != 1 || ex.OriginalWidth != 120 || ex.OriginalHeight != 160 || len(*ex.Refs) != 1 {
		t.Fatalf("got %+v", ex)
	}
	got := (*ex.Refs)[0]
	if got.Segmentation == nil || len(got.Segmentation.Polygons) == 0 || got.Area <= 0 || got.BBox[2] <= 0 {
		t.Errorf("no geometry in %+v", got)
	}
	got.Segmentation, got.Area, got.BBox = nil, 0, datasets.Box{}
	want := datasets.Referred{RefID: 14, AnnID: 100015, CategoryID: 28, Sentences: []datasets.Sentence{
		{SentID: 31, Raw: "the umbrella", Sent: "the umbrella", Tokens: []string{"the", "umbrella"}},
		{SentID: 32, Raw: "umbrella", Sent: "umbrella", Tokens: []string{"umbrella"}},
	}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestRefsOfAnExampleComeByID(t *testing.T) {
	t.Parallel()
	in := inputs("refcocog/refs(google).p")
	r := mustPlan(t, "refcocog", in, "train")
	ex, err := exampleOf(t, "refcocog", in, r.refs[0], &r.meta)
	if err != nil {
		t.Fatal(err)
	}
	var ids []int64
	for _, r := range *ex.Refs {
		ids = append(ids, r.RefID)
	}
	if want := []int64{1, 2, 4, 5, 7}; !slices.Equal(ids, want) {
		t.Errorf("refs %v, want %v", ids, want)
	}
}

// TestSampleData counts the sample sets that lie beside the repository on the
// machines where they do.
func TestSampleData(t *testing.T) {
	t.Parallel()
	root := sharedDir()
	if root == "" {
		t.Skip("no shared samples: TAILORBIRD_SHARED is not set and ../shared is not beside the repository")
	}
	for dataset, want := range map[string]string{"refcoco": "refs(unc).p", "refcoco+": "refs(unc).p", "refcocog": "refs(umd).p"} {
		dir := filepath.Join(root, "data", "refer", dataset)
		in := datasets.Inputs{
			"images":      filepath.Join(root, "data", "coco", "images", "train2014"),
			"annotations": filepath.Join(dir, "instances.json"), "refs": filepath.Join(dir, want),
		}
		r := mustPlan(t, dataset, in)
		annotations, err := os.ReadFile(in["annotations"])
		if err != nil {
			t.Fatal(err)
		}
		refs, sentences, examples := 0, 0, map[string]int{}
		for _, ref := range r.refs {
			var rows [][]byte
			for _, row := range ref.Rows {
				rows = append(rows, slices.Concat(row.Data, annotations[row.Offset:row.Offset+row.Length]))
			}
			ex, err := lookup(t, dataset).Example(&ref, rows, &r.meta)
			if err != nil {
				t.Fatal(err)
			}
			examples[ref.Split]++
			refs += len(*ex.Refs)
			for _, x := range *ex.Refs {
				sentences += len(x.Sentences)
			}
			if ref.Image.Length < 0 {
				t.Errorf("%s %s: image not found", dataset, ref.Key)
			}
		}
		if refs != 290 || sentences != 677 || len(r.rejected) > 0 {
			t.Errorf("%s: %d refs, %d sentences, rejected %v", dataset, refs, sentences, r.rejected)
		}
		t.Logf("%s: examples %v; %s", dataset, examples, strings.Join(r.notes.list, "; "))
	}
}

// sharedDir is the folder of samples, "" where there is none.
func sharedDir() string {
	if dir := os.Getenv("TAILORBIRD_SHARED"); dir != "" {
		return dir
	}
	dir, err := os.Getwd()
	if err != nil {
		return ""
	}
	for ; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			shared := filepath.Join(filepath.Dir(dir), "shared")
			if _, err := os.Stat(filepath.Join(shared, "data")); err == nil {
				return shared
			}
			return ""
		}
	}
	return ""
}

func BenchmarkPlan(b *testing.B) {
	dir := b.TempDir()
	one, err := os.ReadFile("testdata/refs.json")
	if err != nil {
		b.Fatal(err)
	}
	const copies = 500
	data := pickled(many(b, one, copies))
	in := inputs("")
	in["refs"] = filepath.Join(dir, "refs(unc).p")
	if err := os.WriteFile(in["refs"], data, 0o600); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if r := mustPlan(b, "refcoco", in); len(r.refs) != 10 || bytes.Count(r.refs[0].Rows[1].Data, []byte("raw")) == 0 {
			b.Fatalf("%d refs", len(r.refs))
		}
	}
}
