package build

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/tailorbird/tailorbird/methods/addsd/served/fake"
)

// sewnShapes are small sewn datasets, by the name of their golden file.
var sewnShapes = []struct {
	name   string
	recipe func(url string) string
}{
	{"sewn-copy-paste", func(string) string { return pasted }},
	{"sewn-poisson", func(string) string {
		return `
from: from
plan: {budget: 9, classes: all, sampling: scene, new_only: true}
generator: {kind: copy_paste, blend: poisson, max_cover: 0.2}
formats: [webdataset, tfrecord, parquet, coco]
quality: 90
batch: 2
shards: 1`
	}},
	{"sewn-served", asked},
}

// One root hash, whatever runs it and with however many workers.
func TestGoldenSewn(t *testing.T) {
	t.Parallel()
	for _, s := range sewnShapes {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			r := newRaw(t)
			r.built()
			recipe := r.section(s.name, "sew", s.recipe(serve(t, &fake.Server{})))
			first, root := "", ""
			for _, runner := range []string{"direct", "prism"} {
				for _, workers := range []int{1, 2, 3} {
					if testing.Short() && (runner == "prism") != (workers == 3) {
						continue
					}
					out := r.path(fmt.Sprintf("out-%s-%d", runner, workers))
					res := sewing.run(t, recipe, out, "--runner", runner, "--workers", fmt.Sprint(workers))
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

// Our own codec makes the pictures that libturbojpeg makes.
func TestGoldenSewnWithoutNativeLibraries(t *testing.T) {
	t.Parallel()
	r := newRaw(t)
	r.built()
	for _, s := range sewnShapes[:2] {
		recipe := r.section(s.name, "sew", s.recipe(""))
		out := filepath.Join(r.path("off"), s.name)
		sewing.runIn(t, []string{"TAILORBIRD_NATIVE=off"}, recipe, out)
		checkGolden(t, s.name, out)
	}
}
