package card_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/datasets/card"
	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/internal/manifest"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func small(task datasets.Task, formats ...string) *manifest.Manifest {
	path := map[string]string{"webdataset": "webdataset/%-000000.tar", "parquet": "data/%-00000-of-00001.parquet", "tfrecord": "tfrecord/%.tfrecord-00000-of-00001"}
	m := &manifest.Manifest{
		Dataset: "small", Task: string(task), RecipeHash: strings.Repeat("ab", 32), Codec: "go", Transforms: "decode | encode(jpeg, quality=90)",
		Inputs:     []manifest.Input{{Role: "images", Name: "images", Bytes: 2048, SHA256: strings.Repeat("cd", 32), Of: "listing"}},
		Splits:     map[string]manifest.Split{},
		Quarantine: manifest.Quarantine{Examples: 2, Reasons: map[fault.Code]int{fault.Corrupt: 1, fault.NotFound: 1}},
		Classes:    []manifest.Class{{ID: 0, Name: "tench"}, {ID: 1, Name: `yes: "no"`}},
		Licenses:   []manifest.License{{ID: 4, Name: "Attribution License", URL: "http://creativecommons.org/licenses/by/2.0/"}},
	}
	for _, split := range []string{"train", "val"} {
		s := manifest.Split{Examples: 1200, Annotations: 1200}
		for _, f := range formats {
			s.Shards = append(s.Shards, manifest.Shard{Format: f, Path: strings.ReplaceAll(path[f], "%", split), Bytes: 10240, SHA256: strings.Repeat("ef", 32), CRC32C: "01234567", Examples: 1200})
		}
		m.Splits[split] = s
	}
	m.Seal()
	return m
}

func TestCardsOfSmallDatasetsAreAsBefore(t *testing.T) {
	for name, m := range map[string]*manifest.Manifest{
		"classification": small(datasets.Classification, "webdataset", "parquet"),
		"detection":      small(datasets.Detection, "webdataset"),
		"referring":      small(datasets.Referring, "parquet", "tfrecord"),
	} {
		t.Run(name, func(t *testing.T) {
			golden(t, name+".md", card.README(m))
			golden(t, name+".json", card.Croissant(m))
		})
	}
}

// sewn are 300 examples of two generators.
func sewn() []card.Synthetic {
	return []card.Synthetic{
		{Split: "train", Examples: 299, Generator: datasets.GeneratorIdentity{Name: "copy_paste", Version: "1"}, Localiser: "difference", Source: strings.Repeat("12", 32)},
		{Split: "train", Examples: 1, Generator: datasets.GeneratorIdentity{Name: "served", Version: "ip2p", WeightsSHA256: strings.Repeat("34", 32)}},
		{Split: "val"},
	}
}

func TestACardSaysWhatIsSynthetic(t *testing.T) {
	m := small(datasets.Detection, "webdataset")
	golden(t, "synthetic.md", card.README(m, sewn()...))
	golden(t, "synthetic.json", card.Croissant(m, sewn()...))
	if !bytes.Equal(card.README(m), card.README(m, card.Synthetic{Split: "train"})) || !bytes.Equal(card.Croissant(m), card.Croissant(m, card.Synthetic{})) {
		t.Error("a card tells of synthetic examples where there are none")
	}
	evil := card.Synthetic{Split: "a\n# b", Examples: 2, Generator: datasets.GeneratorIdentity{Name: "<script>", Version: "/home/someone/model"}, Localiser: "https://u:SECRET@h/?k=SECRET"}
	for name, text := range map[string]string{"README.md": string(card.README(m, evil)), "croissant.json": string(card.Croissant(m, evil))} {
		if strings.Contains(text, "SECRET") || strings.Contains(text, "someone") || name == "README.md" && (strings.Contains(text, "<script") || strings.Contains(text, "\n# b")) {
			t.Errorf("%s: %s", name, text)
		}
	}
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs; -update rewrites it", file)
	}
}

// front is what readers of the hub take from a card.
type front struct {
	License        string   `yaml:"license"`
	SizeCategories []string `yaml:"size_categories"`
	Configs        []struct {
		Name      string `yaml:"config_name"`
		Default   bool   `yaml:"default"`
		DataFiles []struct {
			Split string `yaml:"split"`
			Path  any    `yaml:"path"`
		} `yaml:"data_files"`
	} `yaml:"configs"`
	Info []struct {
		Name     string `yaml:"config_name"`
		Features []any  `yaml:"features"`
		Splits   []struct {
			Name     string `yaml:"name"`
			Examples int    `yaml:"num_examples"`
		} `yaml:"splits"`
	} `yaml:"dataset_info"`
}

func frontMatter(t *testing.T, readme []byte) front {
	t.Helper()
	_, rest, _ := strings.Cut(string(readme), "---\n")
	text, _, ok := strings.Cut(rest, "---\n")
	if !ok {
		t.Fatal("no front matter")
	}
	var f front
	if err := yaml.Unmarshal([]byte(text), &f); err != nil {
		t.Fatal(err)
	}
	return f
}

func TestFrontMatterIsYAMLThatNamesTheFiles(t *testing.T) {
	t.Parallel()
	f := frontMatter(t, card.README(small(datasets.Classification, "parquet", "webdataset")))
	if f.License != "cc-by-2.0" || len(f.SizeCategories) != 1 || f.SizeCategories[0] != "1K<n<10K" {
		t.Errorf("license %q, sizes %q", f.License, f.SizeCategories)
	}
	if len(f.Configs) != 2 || f.Configs[0].Name != "parquet" || !f.Configs[0].Default || f.Configs[0].DataFiles[1].Path != "data/val-*.parquet" {
		t.Errorf("configs %+v", f.Configs)
	}
	if len(f.Info) != 2 || f.Info[0].Splits[0].Examples != 1200 || len(f.Info[0].Features) == 0 {
		t.Errorf("dataset_info %+v", f.Info)
	}
}

func TestAPatternThatMatchesAnotherSplitIsWrittenOut(t *testing.T) {
	t.Parallel()
	m := small(datasets.Classification, "webdataset")
	m.Splits["train-extra"] = manifest.Split{Examples: 1, Shards: []manifest.Shard{{Format: "webdataset", Path: "webdataset/train-extra-000000.tar", Examples: 1}}}
	for _, d := range frontMatter(t, card.README(m)).Configs[0].DataFiles {
		if d.Split == "train" && d.Path != "webdataset/train-000000.tar" {
			t.Errorf("train is %v, which holds more than train", d.Path)
		}
	}
}

func TestOnlyFormatsThatAreThereAreExplained(t *testing.T) {
	t.Parallel()
	text := string(card.README(small(datasets.Detection, "webdataset")))
	if !strings.Contains(text, "import webdataset") || strings.Contains(text, "load_dataset(") || strings.Contains(text, "tensorflow") {
		t.Error("the card explains other formats than webdataset")
	}
}

// Fault 34: secrets and paths of the machine stay out of what is published.
func TestNoPathUserOrSecretIsInACard(t *testing.T) {
	home, err := os.UserHomeDir()
	if err != nil {
		home = "/home/someone"
	}
	for _, text := range []string{
		"read from " + filepath.Join(home, "data", "file.json"), `"/mnt/disk one/x.json"`, "path=/srv/data/x.json, twice /tmp/y", `C:\Users\someone\x.json`, "~/.secret/x.json", "(/a/b)",
		"gs://bucket/x.json?X-Goog-Signature=SECRET", "https://user:SECRET@example.org/x?token=SECRET#SECRET", "file:///home/someone/x.json", "see/also and 3 / 4",
	} {
		m := small(datasets.Detection, "webdataset", "parquet")
		m.Dataset, m.Codec, m.Transforms, m.Info, m.Notes = text, text, text, text, []string{text}
		m.Inputs[0].Name, m.Inputs[0].Role = text, text
		m.Classes[0].Name = text
		m.Licenses[0] = manifest.License{ID: 1, Name: text, URL: text}
		for name, got := range map[string]string{"README.md": string(card.README(m)), "croissant.json": string(card.Croissant(m))} {
			for _, bad := range []string{"SECRET", "someone", "/mnt", "/srv", "/tmp", "/a/", "2031", home + "/"} {
				if bad != "//" && strings.Contains(got, bad) {
					t.Errorf("%s of %q contains %q", name, text, bad)
				}
			}
			if at := regexp.MustCompile(`(?m)["\s(=](/[a-z]+/\S+)`).FindStringSubmatch(got); at != nil {
				t.Errorf("%s of %q contains the path %q", name, text, at[1])
			}
		}
	}
}

func TestTextOfTheDataStaysOneLineOfPlainText(t *testing.T) {
	t.Parallel()
	m := small(datasets.Detection, "webdataset")
	m.Notes = []string{"<script>alert(1)</script>\n# heading | `code`"}
	text := string(card.README(m))
	if strings.Contains(text, "<script") || strings.Contains(text, "\n# heading") {
		t.Error("a note became markup")
	}
}

func TestCroissantListsEveryShardWithItsHash(t *testing.T) {
	t.Parallel()
	m := small(datasets.Detection, "webdataset", "parquet", "tfrecord")
	var doc struct {
		ConformsTo   string `json:"conformsTo"`
		Distribution []struct {
			Type   string `json:"@type"`
			URL    string `json:"contentUrl"`
			SHA256 string `json:"sha256"`
		} `json:"distribution"`
	}
	if err := json.Unmarshal(card.Croissant(m), &doc); err != nil {
		t.Fatal(err)
	}
	if doc.ConformsTo != "http://mlcommons.org/croissant/1.1" {
		t.Errorf("conformsTo %q", doc.ConformsTo)
	}
	hashes := map[string]string{}
	for _, d := range doc.Distribution {
		if d.Type == "cr:FileObject" {
			hashes[d.URL] = d.SHA256
		}
	}
	for _, s := range m.Splits {
		for _, x := range s.Shards {
			if hashes[x.Path] != x.SHA256 {
				t.Errorf("%s has the hash %q", x.Path, hashes[x.Path])
			}
		}
	}
}
