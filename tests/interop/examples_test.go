package interop

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/datasets/formats"
	"github.com/tailorbird/tailorbird/datasets/formats/formattest"
	"github.com/tailorbird/tailorbird/datasets/reader"
	"github.com/tailorbird/tailorbird/internal/manifest"
)

// The loaders of examples/ read every sample of a dataset once, with its label: as
// many, and with the same sum, as our own reader counts.
func TestLoadersOfTheExamplesReadEverySample(t *testing.T) {
	t.Parallel()
	python := os.Getenv("TAILORBIRD_PYTHON")
	if python == "" {
		t.Skip("TAILORBIRD_PYTHON names no interpreter with the packages of requirements.txt")
	}
	dir := t.TempDir()
	build(t, dir, "imagenet", datasets.Classification)
	seal(t, dir)
	samples, labels := counted(t, dir)
	for _, c := range []struct {
		script, needs string
		hide          string // a package that the script can do without
	}{
		{"pytorch_webdataset_train.py", "torch, torchvision, webdataset", ""},
		{"pytorch_webdataset_train.py", "torch, torchvision", "webdataset"},
		{"tfds_train.py", "tensorflow, tensorflow_datasets", ""},
		{"huggingface_train.py", "datasets, pyarrow, PIL, numpy", ""},
	} {
		t.Run(strings.TrimSuffix(c.script, ".py")+" without "+c.hide, func(t *testing.T) {
			if out, err := exec.Command(python, "-c", "import "+c.needs).CombinedOutput(); err != nil {
				t.Skipf("%s cannot import %s: %s", python, c.needs, lastLine(out))
			}
			script, err := filepath.Abs(filepath.Join("..", "..", "examples", c.script))
			if err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command(python, script, dir, "train", "--size", "32", "--batch", "16")
			cmd.Env = append(os.Environ(), "HF_HOME="+t.TempDir())
			if c.hide != "" {
				// A module of that name that cannot be imported stands in front.
				blind := t.TempDir()
				put(t, blind, c.hide+".py", []byte("raise ImportError\n"))
				cmd.Env = append(cmd.Env, "PYTHONPATH="+blind)
			}
			out, err := cmd.Output()
			if err != nil {
				var failed *exec.ExitError
				errors.As(err, &failed)
				t.Fatalf("%v\n%s", err, failed.Stderr)
			}
			var got struct {
				Samples, Labels int64
				Loader          string
			}
			if err := json.Unmarshal([]byte(lastLine(out)), &got); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			if got.Samples != samples || got.Labels != labels {
				t.Errorf("%s read %d samples whose labels sum up to %d, want %d and %d", got.Loader, got.Samples, got.Labels, samples, labels)
			}
			if c.hide != "" && got.Loader != "Shards" {
				t.Errorf("without %s the loader is %s", c.hide, got.Loader)
			}
		})
	}
}

func lastLine(out []byte) string {
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	return lines[len(lines)-1]
}

// seal writes the manifest of a dataset that build has made.
func seal(t *testing.T, dir string) {
	t.Helper()
	m := &manifest.Manifest{Dataset: "imagenet", Task: string(datasets.Classification), RecipeHash: strings.Repeat("0", 64), Codec: "none", Transforms: "keep",
		Classes: formattest.Meta(datasets.Classification).Classes, Splits: map[string]manifest.Split{}}
	split := manifest.Split{Examples: examples, Annotations: examples}
	for _, name := range []string{"webdataset", "tfrecord", "parquet"} {
		f, _ := formats.Lookup(name)
		for shard := range shards {
			path := f.Path("train", shard, shards)
			st, err := os.Stat(filepath.Join(dir, filepath.FromSlash(path)))
			if err != nil {
				t.Fatal(err)
			}
			split.Shards = append(split.Shards, manifest.Shard{Format: name, Path: path, Bytes: st.Size(), SHA256: strings.Repeat("0", 64), CRC32C: "00000000",
				Examples: (shard+1)*examples/shards - shard*examples/shards})
		}
	}
	m.Splits["train"] = split
	m.Seal()
	text, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	put(t, dir, manifest.Name, text)
}

// counted is what our reader delivers.
func counted(t *testing.T, dir string) (samples, labels int64) {
	t.Helper()
	r, err := reader.Open(context.Background(), dir, "train", reader.Options{Batch: 32, Shuffle: true, Augment: "random_resized_crop(32)"})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for {
		b, err := r.Next(context.Background())
		if err == io.EOF {
			return samples, labels
		}
		if err != nil {
			t.Fatal(err)
		}
		samples += int64(len(b.Keys))
		for _, l := range b.Labels {
			labels += l
		}
		b.Release()
	}
}
