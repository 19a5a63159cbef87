package manifest

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tailorbird/tailorbird/internal/fault"
)

// sample is a sealed manifest with something in every field.
func sample() *Manifest {
	hash := func(c string) string { return strings.Repeat(c, 64) }
	m := &Manifest{
		Dataset: "lvis", Task: "detection", RecipeHash: hash("1"), Codec: "go/00c0ffee", Transforms: "keep", Seed: 7,
		Inputs: []Input{{"annotations", "lvis.json", 5, hash("2"), "content"}, {"images", "train2017", 9, hash("3"), "listing"}},
		Splits: map[string]Split{
			"train": {Examples: 3, Annotations: 8, Shards: []Shard{
				{"webdataset", "webdataset/train-000001.tar", 20, hash("4"), "00000001", 1},
				{"webdataset", "webdataset/train-000000.tar", 10, hash("5"), "00000002", 2},
				{"tfrecord", "tfrecord/train.tfrecord-00000-of-00001", 30, hash("6"), "00000003", 3},
			}},
			"val": {Examples: 1, Annotations: 0, Shards: []Shard{{"webdataset", "webdataset/val-000000.tar", 8, hash("7"), "00000004", 1}}},
		},
		Files:      []File{{"tfrecord/features.json", 2, hash("8")}, {"annotations/val.json", 3, hash("9")}},
		Quarantine: Quarantine{2, map[fault.Code]int{fault.Corrupt: 1, fault.NotFound: 1}},
		Classes:    []Class{{ID: 3, Name: "cat", Synset: "cat.n.01", Supercategory: "animal", Frequency: "r", Definition: "feline", Synonyms: []string{"cat"}}},
		Licenses:   []License{{1, "by", "http://example.org/by"}},
		Info:       `{"year":2020}`, Notes: []string{"a note"},
		Statistics: Statistics{Splits: map[string]*SplitStatistics{"train": NewSplitStatistics(1)}},
	}
	m.Statistics.Splits["train"].ByLicense["by"] = 3
	m.Seal()
	return m
}

func encode(t *testing.T, m *Manifest) []byte {
	t.Helper()
	b, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestAManifestComesBackAsItWas(t *testing.T) {
	t.Parallel()
	m := sample()
	b := encode(t, m)
	got, err := Parse(b)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(m, got); d != "" {
		t.Error(d)
	}
	if again := encode(t, got); !bytes.Equal(b, again) || b[len(b)-1] != '\n' {
		t.Error("another encoding the second time")
	}
	if m.Examples() != 4 || !reflect.DeepEqual(m.Formats(), []string{"tfrecord", "webdataset"}) || !reflect.DeepEqual(m.SplitNames(), []string{"train", "val"}) {
		t.Errorf("examples %d, formats %v, splits %v", m.Examples(), m.Formats(), m.SplitNames())
	}
}

func TestEveryFieldOfTheContractHasItsName(t *testing.T) {
	t.Parallel()
	var got map[string]any
	if err := json.Unmarshal(encode(t, sample()), &got); err != nil {
		t.Fatal(err)
	}
	has := func(what string, v any, keys ...string) map[string]any {
		o, _ := v.(map[string]any)
		for _, k := range keys {
			if _, ok := o[k]; !ok {
				t.Errorf("%s has no %q", what, k)
			}
		}
		return o
	}
	has("manifest", got, "format", "version", "recipe_hash", "root_hash", "codec", "seed", "inputs", "splits", "quarantine")
	has("input", got["inputs"].([]any)[0], "role", "name", "bytes", "sha256")
	split := has("split", has("splits", got["splits"], "train", "val")["train"], "examples", "annotations", "shards")
	has("shard", split["shards"].([]any)[0], "format", "path", "bytes", "sha256", "crc32c", "examples")
	has("reasons", has("quarantine", got["quarantine"], "examples", "reasons")["reasons"], "corrupt", "not_found")
	if got["format"] != "tailorbird-dataset" || got["version"] != 1.0 {
		t.Errorf("format %v, version %v", got["format"], got["version"])
	}
}

func TestSealDoesNotDependOnTheOrderOfThings(t *testing.T) {
	t.Parallel()
	want := encode(t, sample())
	for range 20 {
		m := sample()
		splits := map[string]Split{}
		for _, n := range []string{"val", "train"} { // another map, another history
			s := m.Splits[n]
			for i, j := 0, len(s.Shards)-1; i < j; i, j = i+1, j-1 {
				s.Shards[i], s.Shards[j] = s.Shards[j], s.Shards[i]
			}
			splits[n] = s
		}
		m.Splits, m.RootHash = splits, ""
		m.Files[0], m.Files[1] = m.Files[1], m.Files[0]
		m.Seal()
		if got := encode(t, m); !bytes.Equal(got, want) {
			t.Fatalf("got %s\nwant %s", got, want)
		}
	}
}

// change applies f to the shards of a split.
func change(m *Manifest, split string, f func(*Split)) {
	s := m.Splits[split]
	f(&s)
	m.Splits[split] = s
}

func TestTheRootHashCoversWhatTheDataIsAndNothingElse(t *testing.T) {
	t.Parallel()
	shard := func(f func(*Shard)) func(*Manifest) {
		return func(m *Manifest) { change(m, "train", func(s *Split) { f(&s.Shards[1]) }) }
	}
	for _, c := range []struct {
		what    string
		covered bool
		f       func(*Manifest)
	}{
		{"recipe_hash", true, func(m *Manifest) { m.RecipeHash = "x" }},
		{"codec", true, func(m *Manifest) { m.Codec = "x" }},
		{"a split's name", true, func(m *Manifest) { m.Splits["test"] = m.Splits["val"]; delete(m.Splits, "val") }},
		{"a split less", true, func(m *Manifest) { delete(m.Splits, "val") }},
		{"examples", true, func(m *Manifest) { change(m, "val", func(s *Split) { s.Examples++ }) }},
		{"annotations", true, func(m *Manifest) { change(m, "val", func(s *Split) { s.Annotations++ }) }},
		{"a shard less", true, func(m *Manifest) { change(m, "train", func(s *Split) { s.Shards = s.Shards[:2] }) }},
		{"a shard's format", true, shard(func(s *Shard) { s.Format = "x" })},
		{"a shard's path", true, shard(func(s *Shard) { s.Path = "x" })},
		{"a shard's bytes", true, shard(func(s *Shard) { s.Bytes++ })},
		{"a shard's sha256", true, shard(func(s *Shard) { s.SHA256 = "x" })},
		{"a shard's examples", true, shard(func(s *Shard) { s.Examples++ })},
		{"a file's path", true, func(m *Manifest) { m.Files[0].Path = "x" }},
		{"a file's bytes", true, func(m *Manifest) { m.Files[0].Bytes++ }},
		{"a file's sha256", true, func(m *Manifest) { m.Files[0].SHA256 = "x" }},
		{"a file less", true, func(m *Manifest) { m.Files = m.Files[:1] }},
		{"the inputs' order", false, func(m *Manifest) { m.Inputs[0], m.Inputs[1] = m.Inputs[1], m.Inputs[0] }},
		{"an input's name", false, func(m *Manifest) { m.Inputs[0].Name = "elsewhere.json" }},
		{"statistics", false, func(m *Manifest) { m.Statistics.Splits["train"].Sentences = 5 }},
		{"notes", false, func(m *Manifest) { m.Notes = append(m.Notes, "another") }},
		{"quarantine reasons", false, func(m *Manifest) { m.Quarantine.Reasons[fault.Bug] = 1 }},
	} {
		m := sample()
		before := m.RootHash
		c.f(m)
		m.Seal()
		if (m.RootHash != before) != c.covered {
			t.Errorf("%s: root hash differs %v, want %v", c.what, m.RootHash != before, c.covered)
		}
	}
}

func TestFault30ATamperedManifestIsRefused(t *testing.T) {
	t.Parallel()
	text := string(encode(t, sample()))
	for _, c := range []struct{ what, old, new string }{
		{"a shard's hash", strings.Repeat("5", 64), strings.Repeat("a", 64)},
		{"a shard's path", "webdataset/train-000000.tar", "webdataset/train-000002.tar"},
		{"a split's count", `"annotations": 8`, `"annotations": 9`},
		{"the codec", "go/00c0ffee", "libjpeg-turbo/00c0ffee"},
		{"the recipe", strings.Repeat("1", 64), strings.Repeat("b", 64)},
		{"a file's size", `"bytes": 3`, `"bytes": 4`},
		{"the root hash itself", sample().RootHash, strings.Repeat("0", 64)},
	} {
		if strings.Count(text, c.old) == 0 {
			t.Fatalf("%s: the text has no %q", c.what, c.old)
		}
		_, err := Parse([]byte(strings.Replace(text, c.old, c.new, 1)))
		if fault.CodeOf(err) != fault.Corrupt || !strings.Contains(err.Error(), "root_hash") {
			t.Errorf("%s: %v, want corrupt with both root hashes", c.what, err)
		}
	}
}

func TestFault30AManifestThatListsTheImpossibleIsRefused(t *testing.T) {
	t.Parallel()
	path := func(p string) func(*Manifest) {
		return func(m *Manifest) { change(m, "val", func(s *Split) { s.Shards[0].Path = p }) }
	}
	for _, c := range []struct {
		what, message string
		f             func(*Manifest)
	}{
		{"a parent", `"../x" leaves`, path("../x")},
		{"a hidden parent", `"a/../../x" leaves`, path("a/../../x")},
		{"an absolute path", `"/etc/passwd" leaves`, path("/etc/passwd")},
		{"no path", `"" leaves`, path("")},
		{"the root itself", `"." leaves`, path(".")},
		{"the parent itself", `".." leaves`, path("..")},
		{"a NUL", "leaves", path("a\x00b")},
		{"a backslash", "leaves", path(`..\x`)},
		{"a path that is not clean", "leaves", path("a//b")},
		{"a file that leaves", `"../y" leaves`, func(m *Manifest) { m.Files[0].Path = "../y" }},
		{"a shard twice", "train-000000.tar is listed twice", path("webdataset/train-000000.tar")},
		{"a shard that is also a file", "features.json is listed twice", path("tfrecord/features.json")},
		{"negative bytes", "negative size", func(m *Manifest) { change(m, "val", func(s *Split) { s.Shards[0].Bytes = -1 }) }},
		{"negative examples", "negative size", func(m *Manifest) { change(m, "val", func(s *Split) { s.Shards[0].Examples = -1 }) }},
		{"a negative split", "split val: negative count", func(m *Manifest) { change(m, "val", func(s *Split) { s.Examples = -1 }) }},
		{"a negative file", "negative size", func(m *Manifest) { m.Files[0].Bytes = -1 }},
	} {
		m := sample()
		c.f(m)
		m.Seal()
		if _, err := Parse(encode(t, m)); fault.CodeOf(err) != fault.Corrupt || !strings.Contains(err.Error(), c.message) {
			t.Errorf("%s: %v, want corrupt with %q", c.what, err, c.message)
		}
	}
}

func TestFault31ManifestsOfOtherToolsAreRefusedByName(t *testing.T) {
	t.Parallel()
	text := string(encode(t, sample()))
	for _, c := range []struct {
		what, old, new string
		code           fault.Code
		message        string
	}{
		{"a newer version", `"version": 1`, `"version": 2`, fault.Unsupported, "version 2: this tool reads version 1"},
		{"a newer version with a field of its own", `"version": 1`, `"version": 2, "shape": 3`, fault.Unsupported, "version 2"},
		{"no version", `"version": 1,`, ``, fault.Unsupported, "version 0"},
		{"an unknown field", `"seed": 7`, `"seed": 7, "colour": 1`, fault.Corrupt, `"colour"`},
		{"another format", `"tailorbird-dataset"`, `"mosaic"`, fault.Corrupt, `format "mosaic"`},
		{"a wrong type", `"seed": 7`, `"seed": "7"`, fault.Corrupt, "seed"},
		{"text after the end", "\n}\n", "\n}\n{}", fault.Corrupt, "not a manifest"},
		{"half a file", text[len(text)/2:], "", fault.Corrupt, "not a manifest"},
		{"nothing", text, "", fault.Corrupt, "not a manifest"},
		{"a list", text, "[]", fault.Corrupt, "not a manifest"},
		{"null", text, "null", fault.Corrupt, "not a manifest"},
	} {
		if !strings.Contains(text, c.old) {
			t.Fatalf("%s: the text has no %q", c.what, c.old)
		}
		_, err := Parse([]byte(strings.Replace(text, c.old, c.new, 1)))
		if fault.CodeOf(err) != c.code || !strings.Contains(err.Error(), c.message) {
			t.Errorf("%s: %v, want %s with %q", c.what, err, c.code, c.message)
		}
	}
}

func FuzzParse(f *testing.F) {
	b, err := sample().Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add(bytes.Replace(b, []byte(`"val"`), []byte(`"train"`), 1))
	f.Add([]byte(`{"format":"tailorbird-dataset","version":1}`))
	f.Add([]byte(`{"format":"tailorbird-dataset","version":1,"splits":{"a":{"shards":[{"path":"../x"}]}}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := Parse(text)
		if err != nil {
			if !fault.CodeOf(err).IsData() {
				t.Fatalf("%v has no data code", err)
			}
			return
		}
		again, err := Parse(encode(t, m))
		if err != nil {
			t.Fatalf("what Parse took, printed, is refused: %v", err)
		}
		if !bytes.Equal(encode(t, m), encode(t, again)) {
			t.Fatal("not a fixed point")
		}
	})
}
