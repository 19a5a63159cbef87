package imagenet

import (
	"github.com/tailorbird/tailorbird/datasets"
	"os"
	"path/filepath"
	"testing"

	"github.com/tailorbird/tailorbird/internal/fault"
)

func FuzzParseMeta(f *testing.F) {
	for _, name := range []string{"meta.mat", "meta_plain.mat"} {
		b, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		wnids, err := parseMeta(b)
		if err != nil && !fault.CodeOf(err).IsData() {
			t.Fatalf("error without a data code: %v", err)
		}
		for id, wnid := range wnids {
			if id < 0 || !isWnid(wnid) {
				t.Fatalf("id %d is %q", id, wnid)
			}
		}
	})
}

func FuzzSideFiles(f *testing.F) {
	f.Add([]byte(synsetText), []byte(solution))
	f.Add([]byte("n90000001\tx\r\n"), []byte("1\n2\n"))
	f.Fuzz(func(t *testing.T, synsets, side []byte) {
		set, err := parseSynsets(synsets)
		if err != nil {
			if !fault.CodeOf(err).IsData() || !fault.PlaceOf(err).HasOffset {
				t.Fatalf("error without a code or an offset: %v", err)
			}
			return
		}
		wnids := map[int]string{1: set.classes[0].Synset}
		csv, err := parseSolution(side, set)
		if err != nil && fault.CodeOf(err) != fault.Corrupt {
			t.Fatalf("%v", err)
		}
		for _, l := range []*labels{csv, parseGroundTruth(side, wnids, set)} {
			if l == nil {
				continue
			}
			for i, r := range l.rows {
				if (r.err == nil) != (r.label >= 0) || r.label >= len(set.classes) {
					t.Fatalf("row %d is %+v", i, r)
				}
				if got := l.find(l.idOf(i)); got != &l.rows[i] {
					t.Fatalf("row %d is not found by %q", i, l.idOf(i))
				}
			}
		}
	})
}

func FuzzKeyOf(f *testing.F) {
	f.Add("n01440764_10026.JPEG")
	f.Add("../a\xff\x00.b.png")
	f.Fuzz(func(t *testing.T, name string) {
		key := keyOf(stemOf(name))
		if len(key) > datasets.MaxKey || keyOf(key) != key {
			t.Fatalf("%q has the key %q", name, key)
		}
	})
}
