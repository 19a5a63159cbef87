package cocojson_test

import (
	"bytes"
	"encoding/json"
	"io"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/datasets/formats"
	"github.com/tailorbird/tailorbird/datasets/formats/cocojson"
	"github.com/tailorbird/tailorbird/datasets/formats/formattest"
	"github.com/tailorbird/tailorbird/internal/fault"
)

var _ formats.Merger = cocojson.Format{}

func TestConformance(t *testing.T) {
	formattest.Run(t, cocojson.Format{}, formattest.Options{NoImages: true, CutsFound: true, Checksums: true, Tasks: []datasets.Task{datasets.Detection, datasets.Referring}})
}

func TestClassesOnlyAreRefusedAsUsage(t *testing.T) {
	t.Parallel()
	_, err := cocojson.Format{}.NewWriter(io.Discard, formattest.Header(datasets.Classification))
	if fault.CodeOf(err) != fault.Usage || err.Error() != "format coco needs boxes; dataset imagenet has classes only" {
		t.Errorf("got %v", err)
	}
}

type merged struct {
	Info     map[string]any
	Licenses []datasets.License
	Images   []struct {
		ID, Width, Height int64
		FileName          string `json:"file_name"`
		CocoURL           string `json:"coco_url"`
		License           int64
		Neg               *[]int64 `json:"neg_category_ids"`
		NotExhaustive     *[]int64 `json:"not_exhaustive_category_ids"`
	}
	Annotations []struct {
		datasets.Annotation
		ImageID int64 `json:"image_id"`
	}
	Refs []struct {
		datasets.Referred
		ImageID  int64 `json:"image_id"`
		Split    string
		FileName string  `json:"file_name"`
		SentIDs  []int64 `json:"sent_ids"`
	}
	Categories []struct {
		ID                        int64
		Name, Frequency, Synset   string
		ImageCount, InstanceCount *int64
	}
}

func merge(t *testing.T, dataset string, task datasets.Task, name string, cut int) (merged, []byte) {
	t.Helper()
	var out bytes.Buffer
	exs := formattest.Examples(task, 40)
	parts := sequence(fragment(t, dataset, task, exs[:cut]), fragment(t, dataset, task, exs[cut:]))
	err := cocojson.Format{}.Merge(&out, dataset, task, formattest.Meta(task), name, parts)
	if err != nil {
		t.Fatal(err)
	}
	var m merged
	if err := json.Unmarshal(bytes.ReplaceAll(bytes.ReplaceAll(out.Bytes(), []byte("image_count"), []byte("ImageCount")), []byte("instance_count"), []byte("InstanceCount")), &m); err != nil {
		t.Fatalf("%v in\n%s", err, out.Bytes())
	}
	return m, out.Bytes()
}

func TestMergedCOCOHoldsEveryImageAndAnnotation(t *testing.T) {
	t.Parallel()
	m, text := merge(t, "coco", datasets.Detection, "train", 13)
	_, other := merge(t, "coco", datasets.Detection, "train", 40)
	if !bytes.Equal(text, other) {
		t.Error("the bytes depend on where the shards are cut")
	}
	var want []datasets.Annotation
	for i, ex := range formattest.Examples(datasets.Detection, 40) {
		want = append(want, *ex.Annotations...)
		img := m.Images[i]
		if img.ID != *ex.ImageID || img.Width != int64(ex.Width) || img.FileName != ex.Key+"."+ex.Ext || img.License != 1 || img.Neg != nil || img.CocoURL != "" {
			t.Errorf("image %d: %+v", i, img)
		}
	}
	var got []datasets.Annotation
	for _, a := range m.Annotations {
		got = append(got, a.Annotation)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if len(m.Images) != 40 || len(m.Licenses) != 1 || m.Info["year"] != 2026.0 || len(m.Categories) != 3 || m.Categories[1].Synset != "" {
		t.Errorf("%d images, info %v, licences %v, categories %v", len(m.Images), m.Info, m.Licenses, m.Categories)
	}
}

func TestMergedLVISIsRecounted(t *testing.T) {
	t.Parallel()
	images, instances := map[int64]int64{}, map[int64]int64{}
	for _, ex := range formattest.Examples(datasets.Detection, 40) {
		seen := map[int64]bool{}
		for _, a := range *ex.Annotations {
			instances[a.CategoryID]++
			if !seen[a.CategoryID] {
				images[a.CategoryID]++
			}
			seen[a.CategoryID] = true
		}
	}
	for _, c := range []struct{ split, want string }{{"train", "ccc"}, {"val", "fcr"}} {
		m, _ := merge(t, "lvis", datasets.Detection, c.split, 5)
		frequencies := ""
		for _, cat := range m.Categories {
			frequencies += cat.Frequency
			if *cat.ImageCount != images[cat.ID] || *cat.InstanceCount != instances[cat.ID] || cat.Synset == "" {
				t.Errorf("category %d: %+v", cat.ID, cat)
			}
		}
		if frequencies != c.want {
			t.Errorf("%s: frequencies %s, want %s", c.split, frequencies, c.want)
		}
		if img := m.Images[0]; img.CocoURL != "http://images.cocodataset.org/train2017/000000000001.jpg" || len(*img.Neg) != 1 || len(*img.NotExhaustive) != 0 {
			t.Errorf("image %+v", img)
		}
	}
}

func TestMergedREFERNamesEachObjectOnce(t *testing.T) {
	t.Parallel()
	m, _ := merge(t, "refcoco", datasets.Referring, "train", 20)
	anns := map[int64]int{}
	for _, a := range m.Annotations {
		anns[a.ID]++
	}
	i := 0
	for _, ex := range formattest.Examples(datasets.Referring, 40) {
		for _, r := range *ex.Refs {
			got := m.Refs[i]
			if got.RefID != r.RefID || got.ImageID != *ex.ImageID || got.Split != "train" || len(got.SentIDs) != len(r.Sentences) || anns[got.AnnID] != 1 {
				t.Errorf("ref %d: %+v", i, got)
			}
			if d := cmp.Diff(r.Sentences, got.Sentences); d != "" {
				t.Error(d)
			}
			i++
		}
	}
	if i != len(m.Refs) {
		t.Errorf("%d refs, want %d", len(m.Refs), i)
	}
}

func TestObjectWithTwoRefsIsOneAnnotation(t *testing.T) {
	t.Parallel()
	ex := *formattest.Examples(datasets.Referring, 2)[1]
	refs := append([]datasets.Referred{}, *ex.Refs...)
	refs[1].AnnID = refs[0].AnnID
	ex.Refs = &refs
	var out bytes.Buffer
	parts := sequence(fragment(t, "refcoco", datasets.Referring, []*datasets.Example{&ex}))
	if err := (cocojson.Format{}).Merge(&out, "refcoco", datasets.Referring, formattest.Meta(datasets.Referring), "val", parts); err != nil {
		t.Fatal(err)
	}
	var m merged
	if err := json.Unmarshal(out.Bytes(), &m); err != nil || len(m.Annotations) != 1 || len(m.Refs) != 2 {
		t.Errorf("%v: %d annotations, %d refs", err, len(m.Annotations), len(m.Refs))
	}
}
