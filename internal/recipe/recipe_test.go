package recipe

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tailorbird/tailorbird/internal/fault"
)

const good = `version: 1
seed: 7
build:
  dataset: refcoco+            # a comment
  inputs:
    images: ../data/train2014
    annotations: /abs/instances.json
    refs: ../data/refs(unc).p
  splits: [train, val]
  transforms: decode | resize(short=256, filter=bicubic) | encode(jpeg, quality=90)
  formats: [webdataset, coco]
  shards: 8
  error_budget: 1%
out: out/refcoco
`

func parse(t *testing.T, text string, set ...string) *Recipe {
	t.Helper()
	r, err := Parse("r.yaml", "/data/recipes", []byte(text), set)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestARecipeIsReadWithItsDefaults(t *testing.T) {
	r := parse(t, good)
	if err := r.Place(""); err != nil {
		t.Fatal(err)
	}
	b := r.Builds[0]
	b.file, b.lines = "", nil
	want := Build{Dataset: "refcoco+", Seed: 7, Shards: 8, ErrorBudget: 0.01, ClassErrorBudget: 0.5,
		Inputs: map[string]string{"images": "/data/data/train2014", "annotations": "/abs/instances.json", "refs": "/data/data/refs(unc).p"},
		Splits: []string{"train", "val"}, Formats: []string{"webdataset", "coco"}, Out: "/data/recipes/out/refcoco",
		Transforms: "decode | resize(short=256, filter=bicubic) | encode(jpeg, quality=90)"}
	if d := cmp.Diff(want, b, cmp.AllowUnexported(Build{})); d != "" {
		t.Error(d)
	}
}

func TestMistakesNameLineAndRemedy(t *testing.T) {
	for _, c := range []struct{ name, from, to, want string }{
		{"unknown key", "error_budget", "eror_budget", `r.yaml:13: build has no key "eror_budget"; did you mean "error_budget"?`},
		{"unknown top key", "out: out/refcoco", "output: x", `r.yaml:14: the recipe has no key "output"; did you mean "out"?`},
		{"wrong type", "shards: 8", "shards: many", `r.yaml:12: shards: want a whole number, found "many"`},
		{"out of range", "shards: 8", "shards: 0", "r.yaml:12: shards: 0 is not between"},
		{"list wanted", "[train, val]", "train", "r.yaml:9: splits: want a list such as [a, b], found \"train\""},
		{"twice", "seed: 7", "seed: 7\nseed: 8", `r.yaml:3: mapping key "seed" already defined at [2:1]`},
		{"version", "version: 1", "version: 2", "version is 2; this tool reads version: 1"},
		{"budget", "1%", "150%", "want a share such as 1% or 0.01"},
		{"both", "shards: 8", "shards: 8\n  shard_bytes: 1MiB", "give shards or shard_bytes, not both"},
		{"no dataset", "dataset: refcoco+", "seed_: 1", "has no key"},
		{"alias", "seed: 7", "seed: &a 7", "is not used in recipes"},
		{"not yaml", "version: 1", "version: [1", "r.yaml:2: "},
	} {
		_, err := Parse("r.yaml", "/d", []byte(strings.Replace(good, c.from, c.to, 1)), nil)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v\nwant %s", c.name, err, c.want)
		}
		if fault.CodeOf(err) != fault.Usage {
			t.Errorf("%s: code %q", c.name, fault.CodeOf(err))
		}
	}
}

func TestSettingsOverrideValues(t *testing.T) {
	r := parse(t, good, "build.shards=3", "seed=9", "build.splits=[val]", "build.class_error_budget=5%")
	b := r.Builds[0]
	if b.Shards != 3 || b.Seed != 9 || len(b.Splits) != 1 || b.ClassErrorBudget != 0.05 {
		t.Errorf("%+v", b)
	}
	if _, err := Parse("r.yaml", "/d", []byte(good), []string{"build.shard=3"}); err == nil || !strings.Contains(err.Error(), `did you mean "shards"`) {
		t.Errorf("error %v", err)
	}
}

func TestTheHashDependsOnWhatDecidesTheBytes(t *testing.T) {
	base := parse(t, good).Builds[0].Hash()
	for _, same := range [][2]string{{"out/refcoco", "elsewhere"}, {"../data/train2014", "/mnt/x"}, {"1%", "0.5"}, {"[webdataset, coco]", "[coco, webdataset]"}} {
		if h := parse(t, strings.Replace(good, same[0], same[1], 1)).Builds[0].Hash(); h != base {
			t.Errorf("%v changes the hash", same)
		}
	}
	for _, other := range [][2]string{{"seed: 7", "seed: 8"}, {"shards: 8", "shards: 9"}, {"quality=90", "quality=91"}, {"[train, val]", "[train]"}} {
		if h := parse(t, strings.Replace(good, other[0], other[1], 1)).Builds[0].Hash(); h == base {
			t.Errorf("%v does not change the hash", other)
		}
	}
}

func TestTheResolvedRecipeParsesToTheSameHash(t *testing.T) {
	r := parse(t, good)
	if err := r.Place(""); err != nil {
		t.Fatal(err)
	}
	b := r.Builds[0]
	text := b.Encode(b.Out)
	again, err := Parse("recipe.yaml", b.Out, text, nil)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if again.Builds[0].Hash() != b.Hash() {
		t.Errorf("hash differs for\n%s", text)
	}
	if d := cmp.Diff(b.Inputs, again.Builds[0].Inputs); d != "" {
		t.Error(d)
	}
}

func TestAListOfBuildsHasFoldersBelowOut(t *testing.T) {
	text := `version: 1
build:
  - {dataset: imagenet, inputs: {images: a}, out: train}
  - {dataset: imagenet, inputs: {images: b}, out: val}
`
	r := parse(t, text)
	if err := r.Place("/out"); err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"/out/train", "/out/val"} {
		if got := filepath.ToSlash(r.Builds[i].Out); got != want {
			t.Errorf("build %d goes to %s, want %s", i, got, want)
		}
	}
	if _, err := Parse("r.yaml", "/d", []byte(strings.Replace(text, "val}", "train}", 1)), nil); err == nil {
		t.Error("two builds with one out are accepted")
	}
}

func TestSizes(t *testing.T) {
	for s, want := range map[string]int64{"0": 0, "12": 12, "256MiB": 256 << 20, "2GB": 2e9, "512k": 512 << 10, "1.5 GiB": 3 << 29} {
		if got, err := ParseSize(s); err != nil || got != want {
			t.Errorf("ParseSize(%q) = %d, %v; want %d", s, got, err, want)
		}
	}
	for _, s := range []string{"", "MiB", "-1", "1e30", "12 parsecs", "NaN"} {
		if v, err := ParseSize(s); err == nil {
			t.Errorf("ParseSize(%q) = %d", s, v)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(good))
	f.Add([]byte("a: {b: [1, 2, {c: d}]}"))
	f.Add([]byte("- &a [*a]"))
	f.Add([]byte("version: 1\nbuild: {inputs: 3}"))
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := Parse("r.yaml", "/d", text, nil)
		if err != nil {
			return
		}
		for _, b := range r.Builds {
			b.Hash()
		}
	})
}
