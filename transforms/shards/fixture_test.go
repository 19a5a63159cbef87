package shards

import (
	"context"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tailorbird/tailorbird/datasets"
	_ "github.com/tailorbird/tailorbird/datasets/all"
	"github.com/tailorbird/tailorbird/internal/blob"
	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/transforms/chain"
)

const fixtures = "../../datasets/coco/testdata/"

// cocoJob builds the COCO fixture into dir.
func cocoJob(t *testing.T, dir string) *Job {
	return jobOf(t, dir, "coco", map[string]string{"images": fixtures + "train2017", "annotations": fixtures + "instances_train2017.json"})
}

func jobOf(t *testing.T, dir, dataset string, inputs map[string]string) *Job {
	t.Helper()
	c, err := chain.Parse("decode | resize(short=48) | encode(jpeg)")
	if err != nil {
		t.Fatal(err)
	}
	return &Job{RunID: "0123456789abcdef", Dataset: dataset, Inputs: inputs, Transforms: c.String(), Formats: []string{"webdataset", "tfrecord"}, Shards: 3,
		Out: dir, RecipeHash: strings.Repeat("5", 64), RecipeYAML: "version: 1\n", Codec: c.Codec(), ErrorBudget: 0.5, ClassErrorBudget: 1, Workers: 2}
}

// bundle is the items of every shard.
type bundle map[string][]Item

// plan runs the plan and returns its items.
func plan(t *testing.T, j *Job) bundle {
	t.Helper()
	b := bundle{}
	if err := RunPlan(context.Background(), j, func(shard string, it Item) { b[shard] = append(b[shard], it) }); err != nil {
		t.Fatal(err)
	}
	return b
}

// write makes the shards of b in the order of keys, as writeFn does.
func write(j *Job, b bundle, keys []string) ([]*Row, error) {
	ctx := context.Background()
	w, err := NewWriter(ctx, j)
	if err != nil {
		return nil, err
	}
	for _, k := range keys {
		var items []Item
		for _, it := range b[k] {
			if it.Key != "" {
				items = append(items, it)
			}
		}
		if err := w.Start(ctx, k, items); err != nil {
			_, _ = w.Wait()
			return nil, err
		}
	}
	return w.Wait()
}

func (b bundle) keys() []string { return slices.Sorted(maps.Keys(b)) }

func mustWrite(t *testing.T, j *Job, b bundle, keys []string) []*Row {
	t.Helper()
	rows, err := write(j, b, keys)
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// files maps what lies below dir to its bytes; names that begin with a dot are
// of attempts that are not published.
func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	for info, err := range blob.List(context.Background(), dir) {
		if err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(filepath.Join(dir, info.Name))
		if err != nil {
			t.Fatal(err)
		}
		out[info.Name] = string(text)
	}
	return out
}

func sameFiles(t *testing.T, want, got map[string]string) {
	t.Helper()
	for name := range want {
		if got[name] != want[name] {
			t.Errorf("%s is missing or differs", name)
		}
	}
	for name := range got {
		if _, ok := want[name]; !ok {
			t.Errorf("%s is there besides", name)
		}
	}
}

func init() { datasets.Register(moody{}) }

// moody is a source of two classes whose Example panics where the key says so.
type moody struct{}

func (moody) Spec() datasets.Spec {
	return datasets.Spec{Name: "moody", Task: datasets.Classification, Inputs: []datasets.Input{{Role: "images", Required: true}}}
}

func (moody) Plan(ctx context.Context, in datasets.Inputs, p *datasets.Planner) error {
	p.Meta.Classes = []datasets.Class{{ID: 0, Name: "calm"}, {ID: 1, Name: "moody"}}
	label := 0
	for info, err := range blob.List(ctx, in["images"]) {
		if err != nil {
			return err
		}
		key := strings.TrimSuffix(info.Name, ".jpg")
		if strings.HasPrefix(key, "panic") {
			label = 1
		} else {
			label = 0
		}
		if err := p.Emit(datasets.Ref{Key: key, Split: "train", Image: datasets.Span{Name: info.Name, Length: info.Size}, Label: label}); err != nil {
			return err
		}
	}
	return nil
}

func (moody) Example(ref *datasets.Ref, _ [][]byte, m *datasets.Meta) (*datasets.Example, error) {
	label := ref.Label
	switch {
	case strings.HasPrefix(ref.Key, "panic-index"):
		label = m.ClassByID()[int64([]int{}[len(ref.Key)])]
	case strings.HasPrefix(ref.Key, "panic-nil"):
		label = *(*int)(nil)
	case strings.HasPrefix(ref.Key, "panic-text"):
		panic("a text with " + ref.Key)
	case strings.HasPrefix(ref.Key, "corrupt"):
		return nil, fault.New(fault.Corrupt, "%s: as the test wants it", ref.Key)
	}
	return &datasets.Example{Key: ref.Key, Split: ref.Split, Label: &label, Name: m.Classes[label].Name, Wnid: "n00000001"}, nil
}

// moodyJob lays out one image a key and builds them.
func moodyJob(t *testing.T, keys ...string) *Job {
	t.Helper()
	dir := t.TempDir()
	photo, err := os.ReadFile(fixtures + "train2017/000000000009.jpg")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "images"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, k := range keys {
		if err := os.WriteFile(filepath.Join(dir, "images", k+".jpg"), photo, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return jobOf(t, filepath.Join(dir, "out"), "moody", map[string]string{"images": filepath.Join(dir, "images")})
}
