package build

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tailorbird/tailorbird/internal/manifest"
	"github.com/tailorbird/tailorbird/transforms/shards"
)

// timed are the files that tell how the run went: they differ from run to run.
var timed = map[string]bool{"run.json": true, "report.html": true, "README.md": true}

// tree maps the files below dir to size, time and hash of each.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		out[filepath.ToSlash(name)] = fmt.Sprintf("%x", sha256.Sum256(read(t, path)))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// sameTree wants the same files with the same bytes in two datasets, timings
// aside.
func sameTree(t *testing.T, want, got string) {
	t.Helper()
	a, b := tree(t, want), tree(t, got)
	for name, sum := range a {
		switch other, ok := b[name]; {
		case !ok:
			t.Errorf("%s lacks %s", filepath.Base(got), name)
		case other != sum && !timed[name]:
			t.Errorf("%s: %s differs from that of %s", filepath.Base(got), name, filepath.Base(want))
		}
	}
	for name := range b {
		if _, ok := a[name]; !ok {
			t.Errorf("%s has %s, which %s has not", filepath.Base(got), name, filepath.Base(want))
		}
	}
}

// noLeavings wants nothing in out that is not the dataset.
func noLeavings(t *testing.T, out string) {
	t.Helper()
	err := filepath.WalkDir(out, func(path string, d fs.DirEntry, err error) error {
		if err == nil && (strings.HasPrefix(d.Name(), ".tb-") || d.Name() == shards.StateDir) {
			t.Errorf("left behind: %s", path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

func hasManifest(out string) bool {
	names, _ := filepath.Glob(filepath.Join(out, manifest.Name))
	return len(names) > 0
}
