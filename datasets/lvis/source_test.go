package lvis_test

import (
	"context"
	"os"
	"strings"
	"testing"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/datasets/datasettest"
	"github.com/tailorbird/tailorbird/datasets/lvis"
	"github.com/tailorbird/tailorbird/internal/fault"
)

func TestSource(t *testing.T) {
	t.Parallel()
	datasettest.Run(t, datasettest.Case{
		Source: lvis.Source{},
		Inputs: datasets.Inputs{"images": "testdata/coco", "annotations": "testdata/lvis_v1_train.json"},
		Want:   map[string]int{"train": 6},
	})
}

func TestVersion05WithoutImages(t *testing.T) {
	t.Parallel()
	datasettest.Run(t, datasettest.Case{
		Source:  lvis.Source{},
		Inputs:  datasets.Inputs{"images": "testdata/coco", "annotations": "testdata/lvis_v0.5_val_100.json"},
		Want:    map[string]int{"val": 5},
		Missing: 5,
	})
}

func plan(t *testing.T, images, annotations string) ([]datasets.Ref, *datasets.Meta) {
	t.Helper()
	var refs []datasets.Ref
	p := &datasets.Planner{
		Emit:   func(r datasets.Ref) error { refs = append(refs, r); return nil },
		Reject: func(r datasets.Rejection) error { t.Errorf("rejected %+v", r); return nil },
		Input:  func(datasets.InputFile) {},
		Note:   func(string, ...any) {},
		Read:   func(int64) {},
	}
	if err := (lvis.Source{}).Plan(context.Background(), datasets.Inputs{"images": images, "annotations": annotations}, p); err != nil {
		t.Fatal(err)
	}
	return refs, &p.Meta
}

func TestFault23CocoURLRulesOverFileName(t *testing.T) {
	t.Parallel()
	refs, meta := plan(t, "testdata/coco", "testdata/lvis_v0.5_val_100.json")
	for _, r := range refs {
		if r.Image.Name != "val2017/"+r.Key+".jpg" {
			t.Errorf("%s: %+v", r.Key, r.Image)
		}
	}
	if c := meta.Classes[0]; c.Synset == "" || c.Frequency == "" || c.Definition == "" || len(c.Synonyms) == 0 {
		t.Errorf("%+v", c)
	}
}

func TestOneDirectoryOfTheImagesWillDo(t *testing.T) {
	t.Parallel()
	refs, _ := plan(t, "testdata/coco/train2017", "testdata/lvis_v1_train.json")
	found := 0
	for _, r := range refs {
		if r.Image.Length > 0 && r.Image.Name == r.Key+".jpg" {
			found++
		}
	}
	if found != 4 {
		t.Errorf("%d images found in train2017, want 4", found)
	}
}

func TestAnExampleHoldsTheFederatedLists(t *testing.T) {
	t.Parallel()
	refs, meta := plan(t, "testdata/coco", "testdata/lvis_v1_train.json")
	data, err := os.ReadFile("testdata/lvis_v1_train.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, ref := range refs {
		var rows [][]byte
		for _, r := range ref.Rows {
			rows = append(rows, data[r.Offset:r.Offset+r.Length])
		}
		ex, err := lvis.Source{}.Example(&ref, rows, meta)
		if err != nil || ex.NegCategoryIDs == nil || len(*ex.NegCategoryIDs) == 0 || ex.NotExhaustiveCategoryIDs == nil {
			t.Errorf("%s: %+v, %v", ref.Key, ex, err)
		}
	}
}

func TestFault23MembersThatLVISMustHave(t *testing.T) {
	t.Parallel()
	const lists = `"neg_category_ids": [], "not_exhaustive_category_ids": []`
	for _, c := range []struct{ image, annotation, says string }{
		{`{"id": 1, "neg_category_ids": []}`, ``, "not_exhaustive_category_ids"},
		{`{"id": 1, "not_exhaustive_category_ids": []}`, ``, "neg_category_ids"},
		{`{"id": 1, ` + lists + `}`, `{"id": 7, "image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4], "segmentation": [[1, 2, 3, 4, 5, 6]]}`, "annotation 7: area"},
		{`{"id": 1, ` + lists + `}`, `{"id": 7, "image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4], "area": 2}`, "annotation 7: no segmentation"},
		{`{"id": 1, ` + lists + `}`, `{"id": 7, "image_id": 2, "category_id": 1, "bbox": [1, 2, 3, 4], "area": 2}`, "annotation 7: of image 2"},
		{`{"id": 1, ` + lists + `}`, ``, ""},
	} {
		rows := [][]byte{[]byte(c.image)}
		if c.annotation != "" {
			rows = append(rows, []byte(c.annotation))
		}
		_, err := lvis.Source{}.Example(&datasets.Ref{Key: "1"}, rows, &datasets.Meta{})
		if c.says == "" && err == nil {
			continue
		}
		if fault.CodeOf(err) != fault.InvalidAnnotation || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%v, want %q", err, c.says)
		}
	}
}
