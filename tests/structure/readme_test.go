package structure

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestTheTestsThatTheREADMENamesExist keeps the table of guarantees honest.
func TestTheTestsThatTheREADMENamesExist(t *testing.T) {
	root := filepath.Join("..", "..")
	text, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		b, err := os.ReadFile(path)
		all.Write(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	names := regexp.MustCompile("`(Test[A-Za-z0-9]+)(?:\\.\\.\\.)?`").FindAllStringSubmatch(string(text), -1)
	if len(names) < 10 {
		t.Fatalf("the README names %d tests", len(names))
	}
	for _, n := range names {
		if !strings.Contains(all.String(), "func "+n[1]) {
			t.Errorf("the README names %s: there is no such test", n[1])
		}
	}
}
