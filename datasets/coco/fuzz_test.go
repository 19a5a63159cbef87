package coco

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/internal/fault"
)

// silent is a planner that keeps nothing.
func silent() *datasets.Planner {
	return &datasets.Planner{
		Emit:   func(datasets.Ref) error { return nil },
		Reject: func(datasets.Rejection) error { return nil },
		Input:  func(datasets.InputFile) {},
		Note:   func(string, ...any) {},
		Read:   func(int64) {},
	}
}

// FuzzPlan plans any bytes as an annotation file: no panic, typed errors, spans
// inside the file, and rows that Example takes or refuses with a typed error.
func FuzzPlan(f *testing.F) {
	real, err := os.ReadFile("testdata/instances_train2017.json")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(real)
	f.Add(real[:len(real)/2])
	for _, s := range []string{
		`{"images": [{"id": 1, "file_name": "a"}], "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4], "area": 1}], "categories": [{"id": 1, "name": "c"}]}`,
		"\xef\xbb\xbf" + `{"images": [{"id": 1, "file_name": "a"}, {"id": 1, "file_name": "b"}], "annotations": []}`,
		`{"annotations": [{"id": 1, "image_id": 1}, {"id": 1, "image_id": 2}, {"image_id": 3}, {}], "images": [{"id": 2, "file_name": "../a"}], "categories": []}`,
		`{"images": [{"id": NaN}]}`, `{"info": {"a": 1}, "licenses": [{"id": 1}], "images": []}`, `[]`, ``, `<html>`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		dir := t.TempDir()
		path := filepath.Join(dir, "instances_val.json")
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		p := silent()
		p.Reject = func(r datasets.Rejection) error {
			if !r.Reason.IsData() || r.Key == "" {
				t.Fatalf("%+v", r)
			}
			return nil
		}
		p.Emit = func(ref datasets.Ref) error {
			var rows [][]byte
			for _, r := range ref.Rows {
				rows = append(rows, data[r.Offset:r.Offset+r.Length])
			}
			if _, err := (Source{}).Example(&ref, rows, &p.Meta); err != nil && fault.CodeOf(err) != fault.InvalidAnnotation {
				t.Fatalf("%s: %v", ref.Key, err)
			}
			return nil
		}
		err := Source{}.Plan(context.Background(), datasets.Inputs{"images": dir, "annotations": path}, p)
		if err != nil && !fault.CodeOf(err).IsData() {
			t.Fatalf("code %q: %v", fault.CodeOf(err), err)
		}
	})
}
