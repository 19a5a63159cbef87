// Package structure holds the repository to its own design.
package structure

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/tailorbird/tailorbird/"

// floor says how high a room lies: imports go down or stay on their floor.
var floor = map[string]int{"cmd": 7, "runners": 6, "pipelines": 5, "transforms": 4, "methods": 3, "datasets": 3, "kernels": 2, "internal": 1}

// mayImport lists who may import what only a few rooms need.
var mayImport = map[string][]string{
	"github.com/apache/beam/": {"pipelines", "transforms", "runners"},
	"gorgonia.org/cu":         {"kernels/cuda"},
}

type importOf struct{ file, room, path string }

// imports lists the imports of every Go file, tests of whole tools aside.
func imports(t *testing.T) []importOf {
	t.Helper()
	root := filepath.Join("..", "..")
	var out []importOf
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		if d.IsDir() {
			if rel != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata" || rel == "tests") {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(rel, ".go") {
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		room, _, _ := strings.Cut(rel, "/")
		for _, i := range f.Imports {
			p, err := strconv.Unquote(i.Path.Value)
			if err != nil {
				return err
			}
			out = append(out, importOf{rel, room, p})
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(out) < 100 {
		t.Fatalf("found %d imports only: the walk is wrong", len(out))
	}
	return out
}

func TestImportsPointOneWay(t *testing.T) {
	for _, i := range imports(t) {
		inner, ours := strings.CutPrefix(i.path, module)
		if !ours {
			continue
		}
		to, _, _ := strings.Cut(inner, "/")
		if floor[i.room] == 0 || floor[to] == 0 {
			t.Errorf("%s imports %s: no such room in the house", i.file, i.path)
		} else if floor[i.room] < floor[to] {
			t.Errorf("%s imports %s: %s lies below %s", i.file, i.path, i.room, to)
		}
	}
}

func TestFewRoomsKnowBeamAndCUDA(t *testing.T) {
	for _, i := range imports(t) {
		for what, rooms := range mayImport {
			if !strings.HasPrefix(i.path, what) {
				continue
			}
			ok := false
			for _, r := range rooms {
				ok = ok || i.file == r || strings.HasPrefix(i.file, r+"/")
			}
			if !ok {
				t.Errorf("%s imports %s: only %v may", i.file, i.path, rooms)
			}
		}
	}
}
