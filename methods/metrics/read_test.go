package metrics

import (
	"strings"
	"testing"

	"github.com/tailorbird/tailorbird/internal/fault"
)

const truthText = `{"info": {}, "annotations": [
 {"id": 5, "image_id": 9, "category_id": 2, "bbox": [1, 2, 3, 4], "area": 12.5, "iscrowd": 1,
  "segmentation": {"size": [8, 10], "counts": [2, 3, 75]}},
 {"id": 6, "image_id": 9, "category_id": 2, "bbox": [1, 2, 3, 4], "area": 6, "ignore": true,
  "segmentation": [[1, 1, 5, 1, 5, 5, 1, 5]]}],
 "images": [{"id": 9, "height": 8, "width": 10, "neg_category_ids": [4], "not_exhaustive_category_ids": [2, 3]}],
 "categories": [{"id": 2, "name": "caf\u00e9", "frequency": "r"}]}`

func readTruth(t *testing.T) *GroundTruth {
	t.Helper()
	gt, err := ReadGroundTruth(strings.NewReader(truthText), "gt.json", ReadOptions{Masks: true})
	if err != nil {
		t.Fatal(err)
	}
	return gt
}

func TestGroundTruthKeepsWhatMeasuresNeed(t *testing.T) {
	gt := readTruth(t)
	im, c, a, b := gt.Images[0], gt.Categories[0], gt.Annotations[0], gt.Annotations[1]
	if im.ID != 9 || im.Height != 8 || im.Width != 10 || len(im.Negative) != 1 || len(im.NotExhaustive) != 2 {
		t.Errorf("image %+v", im)
	}
	if c.ID != 2 || c.Name != "café" || c.Frequency != 'r' {
		t.Errorf("category %+v", c)
	}
	if a.ID != 5 || a.Box != [4]float64{1, 2, 3, 4} || a.Area != 12.5 || !a.Crowd || a.Ignore || a.Mask.Area() != 3 {
		t.Errorf("annotation %+v", a)
	}
	if b.Crowd || !b.Ignore || len(b.Polygons) != 1 {
		t.Errorf("annotation %+v", b)
	}
}

func TestDetectionsOfAllForms(t *testing.T) {
	const text = `[{"image_id": 9, "category_id": 2, "bbox": [0, 0, 2, 3], "score": 0.5},
	 {"image_id": 9, "category_id": 3, "segmentation": {"size": [8, 10], "counts": [2, 3, 75]}, "score": 1},
	 {"image_id": 9, "category_id": 3, "segmentation": [[1, 1, 5, 1, 5, 5, 1, 5]], "score": 1, "bbox": []}]`
	ds, err := ReadDetections(strings.NewReader(text), "dt.json", readTruth(t))
	if err != nil || len(ds) != 3 {
		t.Fatal(ds, err)
	}
	if d := ds[0]; d.Area != 6 || d.Score != .5 || d.Category != 2 || len(d.Mask.Counts) != 0 {
		t.Errorf("box %+v", d)
	}
	if ds[1].Mask.Area() != 3 || ds[1].Area != 0 || ds[2].Mask.Area() != 16 {
		t.Errorf("masks %+v %+v", ds[1], ds[2])
	}
}

func TestErrorsOfDetectionsNameFileAndEntry(t *testing.T) {
	good := `{"image_id": 9, "category_id": 2, "bbox": [0, 0, 2, 3], "score": 0.5}`
	tests := []struct {
		entry, want string
		code        fault.Code
	}{
		{`7`, "want an object", fault.Corrupt},
		{`{"category_id": 2, "bbox": [0, 0, 2, 3], "score": 1}`, "image_id", fault.Corrupt},
		{`{"image_id": 9, "bbox": [0, 0, 2, 3], "score": 1}`, "category_id", fault.Corrupt},
		{`{"image_id": 9, "category_id": 2, "bbox": [0, 0, 2, 3]}`, "score", fault.Corrupt},
		{`{"image_id": 9, "category_id": 2, "score": 1}`, "neither bbox", fault.Corrupt},
		{`{"image_id": 9, "category_id": 2, "bbox": [0, 0, 2], "score": 1}`, "3 numbers", fault.Corrupt},
		{`{"image_id": 9, "category_id": 2, "bbox": [0, 0, -2, 1], "score": 1}`, "width -2", fault.InvalidAnnotation},
		{`{"image_id": 8, "category_id": 2, "bbox": [0, 0, 2, 1], "score": 1}`, "image 8", fault.InvalidAnnotation},
		{`{"image_id": 9, "category_id": 2, "segmentation": {"size": [10, 8], "counts": [80]}, "score": 1}`, "10 x 8", fault.InvalidAnnotation},
		{`{"image_id": 9, "category_id": 2, "segmentation": {"size": [8, 10], "counts": [70]}, "score": 1}`, "segmentation", fault.InvalidAnnotation},
		{`{"image_id": 9, "category_id": 2, "segmentation": [[1, 2]], "score": 1}`, "segmentation: part 0", fault.InvalidAnnotation},
	}
	for _, tt := range tests {
		_, err := ReadDetections(strings.NewReader("["+good+","+tt.entry+"]"), "dt.json", readTruth(t))
		if err == nil {
			t.Errorf("%s passes", tt.entry)
			continue
		}
		text := err.Error()
		if fault.CodeOf(err) != tt.code || !strings.Contains(text, tt.want) || !strings.Contains(text, "dt.json") || !strings.Contains(text, "detection 1") {
			t.Errorf("%s: %q: %v", tt.entry, fault.CodeOf(err), err)
		}
	}
}

func TestErrorsOfGroundTruthNameFileAndEntry(t *testing.T) {
	tests := []struct{ old, new, want string }{
		{`"id": 6,`, ``, "annotation 1: "},
		{`"area": 6,`, ``, "area"},
		{`"segmentation": [[1, 1, 5, 1, 5, 5, 1, 5]]`, `"segmentation": []`, "no polygon"},
		{`"segmentation": [[1, 1, 5, 1, 5, 5, 1, 5]]`, `"segmentation": null`, "no segmentation"},
		{`"ignore": true`, `"ignore": "yes"`, "ignore"},
		{`"frequency": "r"`, `"frequency": "x"`, "frequency"},
		{`"height": 8,`, ``, "height"},
		{`"neg_category_ids": [4]`, `"neg_category_ids": 4`, "neg_category_ids"},
		{`"categories"`, `"classes"`, "no categories"},
		{`"r"}]}`, `"r"}]} x`, "after the end"},
	}
	for _, tt := range tests {
		text := strings.Replace(truthText, tt.old, tt.new, 1)
		if text == truthText {
			t.Fatalf("%s is not in the text", tt.old)
		}
		_, err := ReadGroundTruth(strings.NewReader(text), "gt.json", ReadOptions{Masks: true})
		if err == nil || fault.CodeOf(err) == "" || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), "gt.json") {
			t.Errorf("without %s: %v", tt.old, err)
		}
	}
}

func FuzzReaders(f *testing.F) {
	f.Add(truthText, `[{"image_id": 9, "category_id": 2, "bbox": [0, 0, 2, 3], "score": 0.5}]`)
	f.Add(truthText, `[{"image_id": 9, "category_id": 2, "segmentation": {"size": [8, 10], "counts": "23"}, "score": 1e300}]`)
	f.Add(`{"images":[{"id":9,"height":3,"width":3}],"categories":[{"id":2}],"annotations":[]}`, `[{"image_id":9,"category_id":2,"score":1,"segmentation":[[0,0,9,9,1e9,2]]}]`)
	f.Fuzz(func(t *testing.T, truth, found string) {
		gt, err := ReadGroundTruth(strings.NewReader(truth), "gt.json", ReadOptions{Masks: true})
		if err != nil {
			return
		}
		for _, im := range gt.Images {
			if im.Height > 1000 || im.Width > 1000 {
				return // time, not memory
			}
		}
		ds, err := ReadDetections(strings.NewReader(found), "dt.json", gt)
		if err != nil {
			return
		}
		for _, v := range variants() {
			e, err := v.new(gt, 2)
			if err != nil {
				continue
			}
			r, err := e.Evaluate(ds)
			if err != nil {
				continue
			}
			for _, s := range r.Stats {
				if s.Value != -1 && !(s.Value >= 0 && s.Value <= 1) {
					t.Errorf("%s: %s is %v", v.name, s.Name, s.Value)
				}
			}
		}
	})
}
