package interop

import (
	"bytes"
	"io"
	"iter"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/datasets/formats"
	_ "github.com/tailorbird/tailorbird/datasets/formats/all"
	"github.com/tailorbird/tailorbird/datasets/formats/formattest"
)

const (
	shards   = 2
	examples = 230 // more than two row groups of a Parquet shard
)

func TestOtherLibrariesReadTheSame(t *testing.T) {
	t.Parallel()
	python := os.Getenv("TAILORBIRD_PYTHON")
	if python == "" {
		t.Skip("TAILORBIRD_PYTHON names no interpreter with the packages of requirements.txt")
	}
	for _, c := range []struct {
		dataset string
		task    datasets.Task
	}{
		{"imagenet", datasets.Classification}, {"coco", datasets.Detection}, {"lvis", datasets.Detection}, {"refcoco+", datasets.Referring},
	} {
		t.Run(c.dataset, func(t *testing.T) {
			dir := t.TempDir()
			build(t, dir, c.dataset, c.task)
			out, err := exec.Command(python, "check.py", dir).CombinedOutput()
			t.Logf("%s", out)
			if err != nil {
				t.Errorf("check.py: %v", err)
			}
		})
	}
}

// A check that finds nothing is worth nothing.
func TestADifferenceIsFound(t *testing.T) {
	t.Parallel()
	python := os.Getenv("TAILORBIRD_PYTHON")
	if python == "" {
		t.Skip("TAILORBIRD_PYTHON names no interpreter with the packages of requirements.txt")
	}
	for name, change := range map[string]func(ex *datasets.Example){
		"a box":   func(ex *datasets.Example) { (*ex.Annotations)[0].BBox[0] += 0.5 },
		"a pixel": func(ex *datasets.Example) { ex.Image = formattest.Picture(ex.Width, ex.Height, 2) },
		"a key":   func(ex *datasets.Example) { ex.Key += "x" },
	} {
		for _, format := range []string{"parquet", "tfrecord"} {
			t.Run(name+" in "+format, func(t *testing.T) {
				t.Parallel()
				dir := t.TempDir()
				build(t, dir, "coco", datasets.Detection)
				f, _ := formats.Lookup(format)
				exs := formattest.Examples(datasets.Detection, examples)
				change(exs[len(exs)-1])
				h := formats.Header{Dataset: "coco", Task: datasets.Detection, Meta: formattest.Meta(datasets.Detection), Split: "train", Shard: 1, Shards: shards}
				put(t, dir, f.Path("train", 1, shards), write(t, f, h, exs[len(exs)/2:]))
				out, err := exec.Command(python, "check.py", dir).CombinedOutput()
				if err == nil || !bytes.Contains(out, []byte("FAIL ")) {
					t.Errorf("not found (%v):\n%s", err, out)
				}
			})
		}
	}
}

// build writes a small dataset in every format, without a pipeline.
func build(t *testing.T, dir, dataset string, task datasets.Task) {
	t.Helper()
	exs := formattest.Examples(task, examples)
	for _, name := range formats.Names() {
		f, _ := formats.Lookup(name)
		if name == "coco" && task == datasets.Classification {
			continue
		}
		split := formats.Split{Name: "train", Examples: len(exs)}
		for shard := range shards {
			from, to := shard*len(exs)/shards, (shard+1)*len(exs)/shards
			b := write(t, f, formats.Header{Dataset: dataset, Task: task, Meta: formattest.Meta(task), Split: "train", Shard: shard, Shards: shards}, exs[from:to])
			put(t, dir, f.Path("train", shard, shards), b)
			split.ShardCounts = append(split.ShardCounts, to-from)
			split.ShardBytes = append(split.ShardBytes, int64(len(b)))
		}
		if d, ok := f.(formats.Describer); ok {
			files, err := d.Describe(dataset, task, formattest.Meta(task), []formats.Split{split})
			if err != nil {
				t.Fatal(err)
			}
			for path, b := range files {
				put(t, dir, path, b)
			}
		}
		if m, ok := f.(formats.Merger); ok {
			var out bytes.Buffer
			if err := m.Merge(&out, dataset, task, formattest.Meta(task), "train", fragments(dir, f)); err != nil {
				t.Fatal(err)
			}
			put(t, dir, m.MergedPath("train"), out.Bytes())
		}
	}
}

func write(t *testing.T, f formats.Format, h formats.Header, exs []*datasets.Example) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := f.NewWriter(&b, h)
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

func put(t *testing.T, dir, path string, b []byte) {
	t.Helper()
	name := filepath.Join(dir, filepath.FromSlash(path))
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, b, 0o644); err != nil {
		t.Fatal(err)
	}
}

func fragments(dir string, f formats.Format) iter.Seq2[io.Reader, error] {
	return func(yield func(io.Reader, error) bool) {
		for shard := range shards {
			b, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(f.Path("train", shard, shards))))
			if !yield(bytes.NewReader(b), err) {
				return
			}
		}
	}
}
