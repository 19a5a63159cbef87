package coco_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"sort"
	"testing"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/datasets/coco"
)

// TestTheScanAgreesWithEncodingJSON decodes whole files the plain way and
// compares every example.
func TestTheScanAgreesWithEncodingJSON(t *testing.T) {
	t.Parallel()
	files := []string{"testdata/instances_train2017.json", "../lvis/testdata/lvis_v1_train.json", "../lvis/testdata/lvis_v0.5_val_100.json"}
	for _, name := range []string{"coco/annotations/instances_train2017.json", "lvis/lvis_v1_train.json", "lvis/lvis_v0.5_val_100.json", "refer/refcoco/instances.json"} {
		if path := filepath.Join(shared(), "data", name); exists(path) {
			files = append(files, path)
		}
	}
	for _, path := range files {
		t.Run(filepath.Base(path), func(t *testing.T) {
			want, classes := decode(t, path)
			refs, rejected, meta, err := tryPlan(coco.Source{}, t.TempDir(), path)
			if err != nil || len(rejected) != 0 || len(refs) != len(want) || !reflect.DeepEqual(meta.Classes, classes) {
				t.Fatalf("%v, rejected %v, %d refs of %d images", err, rejected, len(refs), len(want))
			}
			for _, ref := range refs {
				ex := example(t, path, ref, meta)
				w := want[*ex.ImageID]
				if ex.OriginalWidth != w.Width || ex.OriginalHeight != w.Height || !reflect.DeepEqual(ex.License, w.License) {
					t.Fatalf("%s: %+v, want %+v", ref.Key, ex, w)
				}
				if !reflect.DeepEqual(*ex.Annotations, w.anns) {
					t.Fatalf("%s: annotations %+v, want %+v", ref.Key, *ex.Annotations, w.anns)
				}
			}
		})
	}
}

type image struct {
	ID            int64
	Width, Height int
	License       *int64
	anns          []datasets.Annotation
}

func decode(t *testing.T, path string) (map[int64]*image, []datasets.Class) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Images      []*image
		Annotations []struct {
			datasets.Annotation
			Image int64 `json:"image_id"`
		}
		Categories []datasets.Class
	}
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	byID := map[int64]*image{}
	for _, im := range file.Images {
		im.anns = []datasets.Annotation{}
		byID[im.ID] = im
	}
	for _, a := range file.Annotations {
		byID[a.Image].anns = append(byID[a.Image].anns, a.Annotation)
	}
	for _, im := range file.Images {
		sort.Slice(im.anns, func(i, j int) bool { return im.anns[i].ID < im.anns[j].ID })
	}
	return byID, file.Categories
}

// shared finds the folder of sample data beside the repository.
func shared() string {
	if dir := os.Getenv("TAILORBIRD_SHARED"); dir != "" {
		return dir
	}
	dir, err := os.Getwd()
	for err == nil && dir != filepath.Dir(dir) {
		if exists(filepath.Join(dir, "go.mod")) {
			return filepath.Join(filepath.Dir(dir), "shared")
		}
		dir = filepath.Dir(dir)
	}
	return ""
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
