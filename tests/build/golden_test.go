package build

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tailorbird/tailorbird/datasets"
	_ "github.com/tailorbird/tailorbird/datasets/all"
	"github.com/tailorbird/tailorbird/datasets/formats"
	"github.com/tailorbird/tailorbird/datasets/verify"
	"github.com/tailorbird/tailorbird/internal/manifest"
)

// shape is one form of raw dataset with a recipe over it.
type shape struct {
	name   string
	lay    func(*raw)
	recipe string
}

var shapes = []shape{
	{"imagenet-directory", func(r *raw) { r.imagenetDir(12) }, `
dataset: imagenet
inputs: {images: train, synsets: LOC_synset_mapping.txt}
transforms: keep
shards: 3`},
	{"imagenet-tar-of-tars", func(r *raw) { r.imagenetTar(12) }, `
dataset: imagenet
inputs: {images: ILSVRC2012_img_train.tar, synsets: LOC_synset_mapping.txt}
transforms: decode | resize(short=48, filter=bicubic) | center_crop(48) | encode(jpeg, quality=90)
formats: [parquet, tfrecord, webdataset]
shard_bytes: 20KiB`},
	{"imagenet-val", func(r *raw) { r.imagenetVal(10) }, `
dataset: imagenet
inputs: {images: val, synsets: LOC_synset_mapping.txt, labels: LOC_val_solution.csv}
transforms: decode | resize(long=40, filter=lanczos3) | encode(png)
formats: [tfrecord]
shards: 2`},
	{"coco", (*raw).coco, `
dataset: coco
inputs: {images: train2017, annotations: instances_train2017.json}
transforms: decode | resize(short=64) | encode(jpeg, quality=90)
formats: [webdataset, tfrecord, parquet, coco]
shards: 2`},
	{"lvis-keep", (*raw).lvis, `
dataset: lvis
inputs: {images: coco, annotations: lvis_v1_train.json}
formats: [webdataset, coco]
shards: 4`},
	{"refcoco", (*raw).refer, `
dataset: refcoco
inputs: {images: train2014, annotations: instances.json, refs: refcoco/refs(unc).p}
transforms: decode | resize(short=64) | encode(jpeg)
formats: [webdataset, coco]
shards: 2`},
	{"refcoco+", (*raw).refer, `
dataset: refcoco+
inputs: {images: train2014, annotations: instances.json, refs: refcoco+/refs(unc).p}
splits: [train, testA]
formats: [parquet]
shards: 1`},
	{"refcocog-umd", (*raw).refer, `
dataset: refcocog
inputs: {images: train2014, annotations: instances.json, refs: refcocog/refs(umd).p}
transforms: decode | pad(width=200, height=200) | encode(png)
formats: [webdataset, tfrecord]
shards: 1`},
	{"refcocog-google", (*raw).refer, `
dataset: refcocog
inputs: {images: train2014, annotations: instances.json, refs: refcocog/refs(google).p}
transforms: keep
shards: 2`},
}

// layOut lays out a shape and returns the place and its recipe.
func (s shape) layOut(t *testing.T) (*raw, string) {
	t.Helper()
	r := newRaw(t)
	s.lay(r)
	return r, r.recipe(s.name, s.recipe)
}

func shapeNamed(t *testing.T, name string) shape {
	t.Helper()
	for _, s := range shapes {
		if s.name == name {
			return s
		}
	}
	t.Fatalf("no shape %q", name)
	return shape{}
}

func TestGoldenBuilds(t *testing.T) {
	t.Parallel()
	for _, s := range shapes {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			r, recipe := s.layOut(t)
			first, root := "", ""
			for _, runner := range []string{"direct", "prism"} {
				for _, workers := range []int{1, 2, 7} {
					out := r.path(fmt.Sprintf("out-%s-%d", runner, workers))
					res := build(t, recipe, out, "--runner", runner, "--workers", fmt.Sprint(workers))
					if first == "" {
						first, root = out, res.RootHash
						checkGolden(t, s.name, out)
						verifyClean(t, out)
						continue
					}
					if res.RootHash != root {
						t.Errorf("%s with %d workers: root hash %s, want %s", runner, workers, res.RootHash, root)
					}
					sameTree(t, first, out)
				}
			}
		})
	}
}

// Our own codec writes the bytes that libturbojpeg writes: one root hash.
func TestGoldenBuildsWithoutNativeLibraries(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"coco", "imagenet-tar-of-tars", "lvis-keep"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, recipe := shapeNamed(t, name).layOut(t)
			buildIn(t, []string{"TAILORBIRD_NATIVE=off"}, recipe, r.path("out"))
			checkGolden(t, name, r.path("out"))
			verifyClean(t, r.path("out"))
		})
	}
}

// checkGolden holds what out says against testdata/NAME.golden.
func checkGolden(t *testing.T, name, out string) {
	t.Helper()
	got := describe(t, out)
	path := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want := string(read(t, path))
	if got != want {
		t.Errorf("%s (go test -run Golden -update writes it):\n%s", path, firstDifference(got, want))
	}
}

func firstDifference(got, want string) string {
	a, b := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range max(len(a), len(b)) {
		switch {
		case i >= len(a):
			return fmt.Sprintf("line %d is missing: %s", i+1, b[i])
		case i >= len(b):
			return fmt.Sprintf("line %d is new: %s", i+1, a[i])
		case a[i] != b[i]:
			return fmt.Sprintf("line %d:\n got %s\nwant %s", i+1, a[i], b[i])
		}
	}
	return "no difference"
}

// describe is a dataset as a golden file shows it.
func describe(t *testing.T, out string) string {
	t.Helper()
	m := manifestOf(t, out)
	var b strings.Builder
	fmt.Fprintf(&b, "dataset %s, %s, %s\n", m.Dataset, m.Task, m.Transforms)
	fmt.Fprintf(&b, "root %s\n", m.RootHash)
	for _, in := range m.Inputs {
		fmt.Fprintf(&b, "input %s %s %d %.16s of %s\n", in.Role, in.Name, in.Bytes, in.SHA256, in.Of)
	}
	for _, note := range m.Notes {
		fmt.Fprintf(&b, "note %s\n", note)
	}
	for _, split := range m.SplitNames() {
		s := m.Splits[split]
		fmt.Fprintf(&b, "split %s: %d examples, %d annotations\n", split, s.Examples, s.Annotations)
		for _, x := range s.Shards {
			fmt.Fprintf(&b, " %s %s: %d\n", x.Format, x.Path, x.Examples)
			f, ok := formats.Lookup(x.Format)
			if !ok {
				t.Fatalf("format %q", x.Format)
			}
			if _, merged := f.(formats.Merger); merged {
				fmt.Fprintf(&b, "  sha256 %s\n", x.SHA256)
				continue
			}
			for _, ex := range examplesOf(t, f, filepath.Join(out, x.Path)) {
				fmt.Fprintf(&b, "  %s\n", line(t, ex))
			}
		}
	}
	for _, f := range m.Files {
		fmt.Fprintf(&b, "file %s\n", f.Path)
	}
	return b.String()
}

// line is an example without its pixels.
func line(t *testing.T, ex *datasets.Example) string {
	t.Helper()
	text, err := json.Marshal(ex)
	if err != nil {
		t.Fatal(err)
	}
	s := fmt.Sprintf("%s.%s %dx%d of %dx%d from %s+%d %.12s", ex.Key, ex.Ext, ex.Width, ex.Height, ex.OriginalWidth, ex.OriginalHeight,
		ex.Source.Name, ex.Source.Offset, ex.Source.SHA256)
	switch ex.Task() {
	case datasets.Classification:
		s += fmt.Sprintf(" label %d %s %q", *ex.Label, ex.Wnid, ex.Name)
	case datasets.Detection:
		s += fmt.Sprintf(" %d objects", len(*ex.Annotations))
	case datasets.Referring:
		for _, r := range *ex.Refs {
			s += fmt.Sprintf(" ref %d: %q", r.RefID, r.Sentences[0].Sent)
		}
	}
	return s + fmt.Sprintf(" json %x", sha256.Sum256(text))[:19]
}

func examplesOf(t *testing.T, f formats.Format, path string) []*datasets.Example {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	st, err := file.Stat()
	if err != nil {
		t.Fatal(err)
	}
	r, err := f.NewReader(file, st.Size())
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	var out []*datasets.Example
	for ex, err := range r.All() {
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		out = append(out, ex)
	}
	return out
}

func manifestOf(t *testing.T, out string) *manifest.Manifest {
	t.Helper()
	m, err := manifest.Parse(read(t, filepath.Join(out, manifest.Name)))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// verifyClean fails the test where verify finds anything.
func verifyClean(t *testing.T, out string) {
	t.Helper()
	_, err := verify.Run(context.Background(), out, verify.Options{}, func(p verify.Problem) {
		t.Errorf("verify: %s: %s: %s: %s", p.Kind, p.Path, p.Key, p.Message)
	})
	if err != nil {
		t.Errorf("verify: %v", err)
	}
}
