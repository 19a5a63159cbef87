package build

import (
	"archive/tar"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"
)

// raw is a place with raw inputs; recipes lie beside them, outputs too.
type raw struct {
	t   *testing.T
	dir string
}

func newRaw(t *testing.T) *raw { return &raw{t, t.TempDir()} }

func (r *raw) path(elem ...string) string {
	return filepath.Join(append([]string{r.dir}, elem...)...)
}

// write makes a file and the directories above it.
func (r *raw) write(name string, data []byte) {
	r.t.Helper()
	if err := os.MkdirAll(filepath.Dir(r.path(name)), 0o755); err != nil {
		r.t.Fatal(err)
	}
	if err := os.WriteFile(r.path(name), data, 0o644); err != nil {
		r.t.Fatal(err)
	}
}

// copy brings a file or a directory of a source's fixtures here.
func (r *raw) copy(from, to string) {
	r.t.Helper()
	st, err := os.Stat(from)
	if err != nil {
		r.t.Fatal(err)
	}
	if st.IsDir() {
		if err := os.CopyFS(r.path(to), os.DirFS(from)); err != nil {
			r.t.Fatal(err)
		}
		return
	}
	r.write(to, read(r.t, from))
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// recipe writes a recipe below the raw inputs and returns its path. body is what
// follows "build:", indented by two.
func (r *raw) recipe(name, body string) string {
	r.t.Helper()
	var b strings.Builder
	b.WriteString("version: 1\nbuild:\n")
	for _, line := range strings.Split(strings.TrimSpace(body), "\n") {
		fmt.Fprintf(&b, "  %s\n", strings.TrimRight(line, " "))
	}
	r.write(name+".yaml", []byte(b.String()))
	return r.path(name + ".yaml")
}

// photos are the small photographs of the COCO fixtures, in order of name.
func photos(t *testing.T) [][]byte {
	t.Helper()
	names, err := filepath.Glob("../../datasets/coco/testdata/train2017/*.jpg")
	if err != nil || len(names) == 0 {
		t.Fatalf("no fixture images: %v", err)
	}
	sort.Strings(names)
	var out [][]byte
	for _, n := range names {
		out = append(out, read(t, n))
	}
	return out
}

// wnids are the classes of the ImageNet fixtures, in the order of their labels.
var wnids = []string{"n01440764", "n01443537", "n02105855", "n02110185"}

// synsets writes LOC_synset_mapping.txt.
func (r *raw) synsets() {
	r.write("LOC_synset_mapping.txt", []byte("n01440764 tench, Tinca tinca\nn01443537 goldfish, Carassius auratus\n"+
		"n02105855 Shetland sheepdog, Shetland sheep dog, Shetland\nn02110185 Siberian husky\n"))
}

// member is one image of an ImageNet fixture.
type member struct {
	wnid, name string
	data       []byte
}

// members are n images spread over the classes.
func members(t *testing.T, n int) []member {
	pictures := photos(t)
	var out []member
	for i := range n {
		w := wnids[i%len(wnids)]
		out = append(out, member{w, fmt.Sprintf("%s_%d.JPEG", w, 10+i), pictures[i%len(pictures)]})
	}
	return out
}

// imagenetDir lays out a directory of wnid directories.
func (r *raw) imagenetDir(n int) {
	r.synsets()
	for _, m := range members(r.t, n) {
		r.write("train/"+m.wnid+"/"+m.name, m.data)
	}
}

// imagenetTar lays out ILSVRC2012_img_train.tar, a tar of tars.
func (r *raw) imagenetTar(n int) {
	r.synsets()
	var files []file
	for _, w := range wnids {
		var in []file
		for _, m := range members(r.t, n) {
			if m.wnid == w {
				in = append(in, file{m.name, m.data})
			}
		}
		files = append(files, file{w + ".tar", archive(r.t, in)})
	}
	r.write("ILSVRC2012_img_train.tar", archive(r.t, files))
}

type file struct {
	name string
	data []byte
}

func archive(t *testing.T, files []file) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, f := range files {
		if err := w.WriteHeader(&tar.Header{Name: f.name, Mode: 0o644, Size: int64(len(f.data)), Format: tar.FormatUSTAR}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(f.data); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// imagenetVal lays out the flat validation directory and Kaggle's labels.
func (r *raw) imagenetVal(n int) {
	r.synsets()
	labels := "ImageId,PredictionString\n"
	for i, m := range members(r.t, n) {
		id := fmt.Sprintf("ILSVRC2012_val_%08d", i+1)
		r.write("val/"+id+".JPEG", m.data)
		labels += fmt.Sprintf("%s,%s 1 2 30 40 \n", id, m.wnid)
	}
	r.write("LOC_val_solution.csv", []byte(labels))
}

// coco, lvis and refer lay out the fixtures of their sources.
func (r *raw) coco() {
	r.copy("../../datasets/coco/testdata/train2017", "train2017")
	r.copy("../../datasets/coco/testdata/instances_train2017.json", "instances_train2017.json")
}

func (r *raw) lvis() {
	r.copy("../../datasets/lvis/testdata/coco", "coco")
	r.copy("../../datasets/lvis/testdata/lvis_v1_train.json", "lvis_v1_train.json")
}

func (r *raw) refer() {
	for _, name := range []string{"train2014", "instances.json", "refcoco", "refcoco+", "refcocog"} {
		r.copy("../../datasets/refcoco/testdata/"+name, name)
	}
}
