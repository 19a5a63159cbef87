package copypaste

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/kernels/picture"
	"github.com/tailorbird/tailorbird/kernels/raster"
	"github.com/tailorbird/tailorbird/methods/addsd"
)

// sample reads the LVIS sample that lies beside the project, if it does.
func sample(t testing.TB) ([]*addsd.Scene, *addsd.Statistics, []datasets.Class) {
	t.Helper()
	root := filepath.Join("..", "..", "..", "..", "shared", "data")
	text, err := os.ReadFile(filepath.Join(root, "lvis", "lvis_v1_train.json"))
	if err != nil {
		t.Skip("needs the LVIS sample of ../shared/data: ", err)
	}
	var file struct {
		Images []struct {
			ID  int64  `json:"id"`
			URL string `json:"coco_url"`
		} `json:"images"`
		Annotations []struct {
			datasets.Annotation
			Image int64 `json:"image_id"`
		} `json:"annotations"`
		Categories []datasets.Class `json:"categories"`
	}
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	objects := map[int64][]datasets.Annotation{}
	for _, a := range file.Annotations {
		objects[a.Image] = append(objects[a.Image], a.Annotation)
	}
	dec := picture.NewDecoder(picture.Limits{})
	defer dec.Close()
	stats := &addsd.Statistics{}
	var scenes []*addsd.Scene
	for _, im := range file.Images {
		name := im.URL[strings.LastIndexByte(im.URL, '/')+1:]
		data, err := os.ReadFile(filepath.Join(root, "coco", "images", "train2017", name))
		if err != nil {
			t.Skip("needs the pictures of ../shared/data: ", err)
		}
		s := &addsd.Scene{Key: strings.TrimSuffix(name, ".jpg"), Image: new(raster.RGB), Objects: objects[im.ID]}
		if err := dec.RGB(s.Image, data); err != nil {
			t.Fatal(err)
		}
		stats.Add(s.Image.Width, s.Image.Height, s.Objects)
		scenes = append(scenes, s)
	}
	return scenes, stats, file.Categories
}

// collect makes one part file of scenes.
func collect(t testing.TB, scenes []*addsd.Scene, l Limits) []byte {
	t.Helper()
	var b bytes.Buffer
	c := NewCollector(&b, nil, l)
	for _, s := range scenes {
		if err := c.Add(s); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func open(t testing.TB, l Limits, files ...[]byte) *Bank {
	t.Helper()
	b, err := OpenBank(partsOf(files...), l)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func partsOf(files ...[]byte) []Part {
	var parts []Part
	for i, f := range files {
		parts = append(parts, Part{Name: "part-" + string(rune('0'+i)), Data: bytes.NewReader(f), Size: int64(len(f))})
	}
	return parts
}
