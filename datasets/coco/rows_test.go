package coco

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/internal/fault"
)

func TestFault23AnnotationsOfTheWrongForm(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, raw, says string }{
		{"no category", `{"id": 7, "image_id": 1, "bbox": [1, 2, 3, 4], "area": 2}`, "annotation 7: no category_id"},
		{"no box", `{"id": 7, "image_id": 1, "category_id": 1, "area": 2}`, "annotation 7: bbox"},
		{"no area", `{"id": 7, "image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4]}`, "annotation 7: area"},
		{"no image", `{"id": 7, "category_id": 1, "bbox": [1, 2, 3, 4], "area": 2}`, "annotation 7: no image_id"},
		{"null for an area", `{"id": 7, "image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4], "area": null}`, "area"},
		{"three numbers in a box", `{"id": 7, "image_id": 1, "category_id": 1, "bbox": [1, 2, 3], "area": 2}`, "3 numbers"},
		{"text in a box", `{"id": 7, "image_id": 1, "category_id": 1, "bbox": [1, 2, 3, "4"], "area": 2}`, "a string"},
		{"NaN in a box", `{"id": 7, "image_id": 1, "category_id": 1, "bbox": [1, 2, 3, NaN], "area": 2}`, "NaN"},
		{"a number over float64", `{"id": 7, "image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 1e999], "area": 2}`, "float64"},
		{"a crowd of two", `{"id": 7, "image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4], "area": 2, "iscrowd": 2}`, "iscrowd: 2"},
		{"a crowd of true", `{"id": 7, "image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4], "area": 2, "iscrowd": true}`, "a boolean"},
		{"polygons of text", `{"id": 7, "image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4], "area": 2, "segmentation": [["1"]]}`, "polygon 0"},
		{"a flat polygon", `{"id": 7, "image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4], "area": 2, "segmentation": [1, 2, 3, 4]}`, "want an array"},
		{"a segmentation of text", `{"id": 7, "image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4], "area": 2, "segmentation": "x"}`, "a string"},
		{"a mask without a size", `{"id": 7, "image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4], "area": 2, "segmentation": {"counts": [1]}}`, "size"},
		{"a mask without runs", `{"id": 7, "image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4], "area": 2, "segmentation": {"size": [1, 1]}}`, "counts"},
		{"a negative run", `{"id": 7, "image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4], "area": 2, "segmentation": {"size": [1, 1], "counts": [-1]}}`, "run 0"},
		{"a list", `[]`, "want an object"},
		{"nothing", ``, "nothing"},
	} {
		_, _, err := ParseAnnotation([]byte(c.raw))
		if fault.CodeOf(err) != fault.InvalidAnnotation || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	for _, c := range []struct{ name, raw, says string }{
		{"no id", `{"width": 1}`, "no id"},
		{"a width of nothing", `{"id": 3, "width": 0}`, "image 3: width"},
		{"a width of text", `{"id": 3, "width": "640"}`, "image 3: width"},
		{"a height over 2^31", `{"id": 3, "height": 2147483648}`, "image 3: height"},
		{"a licence of text", `{"id": 3, "license": "x"}`, "image 3: license"},
		{"lists of text", `{"id": 3, "neg_category_ids": ["x"]}`, "image 3: neg_category_ids"},
	} {
		if _, err := ParseImage([]byte(c.raw)); fault.CodeOf(err) != fault.InvalidAnnotation || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestFault24ASegmentationWithoutPolygonsIsNone(t *testing.T) {
	t.Parallel()
	a, image, err := ParseAnnotation([]byte(`{"id": 1.0, "image_id": 5, "category_id": 1, "bbox": [1, 2, 3, 4], "area": 2, "segmentation": []}`))
	if err != nil || a.Segmentation != nil || image != 5 || a.ID != 1 {
		t.Errorf("%+v of image %d, %v", a, image, err)
	}
}

// FuzzParseAnnotation holds the parser against encoding/json: what it accepts
// says the same there, member names in their exact case.
func FuzzParseAnnotation(f *testing.F) {
	for _, s := range []string{
		`{"id": 7, "image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4.5], "area": 2e1, "iscrowd": 0, "segmentation": [[1, 2, 3, 4, 5, 6.25], []]}`,
		`{"id": 7, "image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4], "area": 2, "segmentation": {"size": [2, 3], "counts": [1, 5]}}`,
		`{"id": 7, "image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4], "area": 2, "segmentation": {"size": [2, 3], "counts": "a\\b"}}`,
		`{"id": 7, "id": 8, "image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4], "area": NaN}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		got, _, err := ParseAnnotation(raw)
		if err != nil {
			if fault.CodeOf(err) != fault.InvalidAnnotation {
				t.Fatalf("code %q: %v", fault.CodeOf(err), err)
			}
			return
		}
		if !json.Valid(raw) {
			t.Fatalf("%q is accepted", raw)
		}
		b, err := json.Marshal(got)
		if err != nil {
			t.Fatal(err)
		}
		again, _, err := ParseAnnotation(append(b[:len(b)-1:len(b)-1], `, "image_id": 1}`...))
		if err != nil || !reflect.DeepEqual(got, again) {
			t.Fatalf("%s: %+v, read back %+v, %v", b, got, again, err)
		}
		var ref datasets.Annotation
		if json.Unmarshal(b, &ref) != nil || ref.BBox != got.BBox || ref.Area != got.Area {
			t.Fatalf("%s: %+v, want %+v", b, got, ref)
		}
	})
}

func BenchmarkParseAnnotation(b *testing.B) {
	raw := []byte(`{"bbox": [12.08, 245.03, 32.49, 37.45], "category_id": 852, "image_id": 565853, "id": 1, "segmentation": [[` +
		strings.Repeat("41.51, 263.79, 9.3, 266.05, ", 18) + `1.00, 2.00]], "area": 959.73}`)
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := ParseAnnotation(raw); err != nil {
			b.Fatal(err)
		}
	}
}
