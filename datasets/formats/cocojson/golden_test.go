package cocojson_test

import (
	"bytes"
	"flag"
	"io"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/datasets/formats/cocojson"
	"github.com/tailorbird/tailorbird/datasets/formats/formattest"
)

var update = flag.Bool("update", false, "write the golden files anew")

// forms are the three forms of the merged file, each with its dataset's name.
var forms = []struct {
	dataset string
	task    datasets.Task
}{{"lvis", datasets.Detection}, {"coco", datasets.Detection}, {"refcoco", datasets.Referring}}

// fragment writes one shard of a dataset.
func fragment(t testing.TB, dataset string, task datasets.Task, exs []*datasets.Example) []byte {
	t.Helper()
	var b bytes.Buffer
	h := formattest.Header(task)
	h.Dataset = dataset
	w, err := cocojson.Format{}.NewWriter(&b, h)
	if err != nil {
		t.Fatal(err)
	}
	for _, ex := range exs {
		if err := w.Write(ex); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// sequence gives Merge the fragments of a split.
func sequence(fragments ...[]byte) func(func(io.Reader, error) bool) {
	return func(yield func(io.Reader, error) bool) {
		for _, f := range fragments {
			if !yield(bytes.NewReader(f), nil) {
				return
			}
		}
	}
}

// hostile is every text that an encoder may get wrong, and every number.
const hostile = "\"\\/<&>\b\f\n\r\t\x00\x1f\x7f\u2028\u2029 \xff\xed\xa0\x80 é 犬 \U0001F436"

var numbers = []float64{0, math.Copysign(0, -1), 1, -2.5, 0.1, 1.0 / 3, 1e-6, 9.99e-7, -1.5e-9, 1e-12, 123456789, 1e20, 1e21, -1.25e22,
	math.MaxFloat64, math.SmallestNonzeroFloat64, 640.99, 1e100}

// oddExamples have in them what a source may leave out or put in.
func oddExamples(task datasets.Task) []*datasets.Example {
	exs := formattest.Examples(task, 5)
	folders := []string{"a/val2017/x.jpg", "train2014/" + hostile, "other/x.jpg", "", "test2015/COCO_x.jpg"}
	for i, ex := range exs {
		ex.Key = "odd " + string(rune('a'+i)) + ` "<&>" é`
		*ex.ImageID += 1000
		ex.Source.Name, ex.License = folders[i], nil
		ex.NegCategoryIDs, ex.NotExhaustiveCategoryIDs = nil, &[]int64{}
		for _, o := range ex.Objects() {
			o.BBox[i%4], *o.Area = numbers[2*i], numbers[i]
		}
		if ex.Refs != nil {
			for j := range *ex.Refs {
				(*ex.Refs)[j].AnnID += 1000
			}
		} else {
			for j := range *ex.Annotations {
				(*ex.Annotations)[j].ID += 1000
			}
		}
	}
	*exs[2].ImageID, exs[2].Ext, exs[3].NegCategoryIDs = -5, "", &[]int64{3, -1}
	masks := []*datasets.Segmentation{nil, {}, {Polygons: [][]float64{}}, {Polygons: [][]float64{nil, {}, numbers}},
		{RLE: &datasets.RLE{Size: [2]int{-1, 7}, Counts: hostile}}, {RLE: &datasets.RLE{Runs: []uint32{}}}, {RLE: &datasets.RLE{Runs: []uint32{0, math.MaxUint32}}}}
	if task == datasets.Detection {
		exs[4].Annotations = nil
		for i, m := range masks {
			*exs[3].Annotations = append(*exs[3].Annotations, datasets.Annotation{ID: int64(9000 + i), CategoryID: -1, Segmentation: m, IsCrowd: i - 2})
		}
		return exs
	}
	for i, m := range masks {
		r := datasets.Referred{RefID: int64(-i), AnnID: int64(9000 + i/2), CategoryID: 18, Segmentation: m}
		if i > 0 {
			r.Sentences = []datasets.Sentence{{SentID: 1, Raw: hostile, Sent: hostile[:i], Tokens: []string{hostile[i:], ""}}, {}, {Tokens: []string{}}}
		}
		*exs[3].Refs = append(*exs[3].Refs, r)
	}
	return exs
}

func TestMergedFilesAreTheGoldens(t *testing.T) {
	t.Parallel()
	for _, c := range forms {
		exs := formattest.Examples(c.task, 8)
		a, b := fragment(t, c.dataset, c.task, exs[:3]), fragment(t, c.dataset, c.task, exs[3:])
		odd, none := fragment(t, c.dataset, c.task, oddExamples(c.task)), fragment(t, c.dataset, c.task, nil)
		for _, golden := range []struct {
			name string
			meta *datasets.Meta
			from func(func(io.Reader, error) bool)
		}{
			{c.dataset, formattest.Meta(c.task), sequence(none, a, b, odd)},
			{c.dataset + "-none", nil, sequence(none)},
		} {
			var got bytes.Buffer
			if err := (cocojson.Format{}).Merge(&got, c.dataset, c.task, golden.meta, "train", golden.from); err != nil {
				t.Fatal(err)
			}
			name := filepath.Join("testdata", golden.name+".json")
			if *update {
				if err := os.WriteFile(name, got.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(string(want), got.String()); d != "" {
				t.Errorf("%s (-want +got):\n%s", name, d)
			}
		}
	}
}

// lvisLike makes n examples of the size of LVIS's: 12 objects an image, an
// outline of 40 points each. LVIS's numbers have two decimals, which scale 1
// leaves; an image that was resized has others.
func lvisLike(n int, scale float64) []*datasets.Example {
	exs := formattest.Examples(datasets.Detection, n)
	state := uint32(1)
	next := func(below uint32) float64 {
		state = state*1664525 + 1013904223
		return float64((state>>8)%(below*100)) / 100 * scale
	}
	for i, ex := range exs {
		anns := make([]datasets.Annotation, 12)
		for j := range anns {
			outline := make([]float64, 80)
			for k := range outline {
				outline[k] = next(640)
			}
			anns[j] = datasets.Annotation{ID: int64(12*i + j + 1), CategoryID: int64(100 * next(12) / scale), BBox: datasets.Box{next(600), next(400), next(40), next(40)},
				Area: next(1600), Segmentation: &datasets.Segmentation{Polygons: [][]float64{outline}}}
		}
		ex.Annotations = &anns
	}
	return exs
}

func BenchmarkWriteLVIS(b *testing.B) {
	for _, c := range []struct {
		name  string
		scale float64
	}{{"as published", 1}, {"resized", 8.0 / 15}} {
		b.Run(c.name, func(b *testing.B) {
			exs := lvisLike(200, c.scale)
			b.SetBytes(int64(len(fragment(b, "lvis", datasets.Detection, exs))))
			b.ReportAllocs()
			for b.Loop() {
				w, err := cocojson.Format{}.NewWriter(io.Discard, formattest.Header(datasets.Detection))
				if err != nil {
					b.Fatal(err)
				}
				for _, ex := range exs {
					if err := w.Write(ex); err != nil {
						b.Fatal(err)
					}
				}
				if err := w.Close(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkMergeLVIS(b *testing.B) {
	one := fragment(b, "lvis", datasets.Detection, lvisLike(2000, 1))
	var out bytes.Buffer
	merge := func(w io.Writer) {
		if err := (cocojson.Format{}).Merge(w, "lvis", datasets.Detection, formattest.Meta(datasets.Detection), "train", sequence(one)); err != nil {
			b.Fatal(err)
		}
	}
	merge(&out)
	b.SetBytes(int64(out.Len()))
	b.ReportAllocs()
	for b.Loop() {
		merge(io.Discard)
	}
}
