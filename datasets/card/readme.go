package card

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/datasets/report/chart"
	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/internal/manifest"
)

// README returns the dataset card. It follows from the manifest and from what is
// told of synthetic examples: two builds of one dataset have one card.
func README(m *manifest.Manifest, made ...Synthetic) []byte {
	w := &writer{m: m, made: made}
	w.frontMatter()
	w.description()
	w.synthetic()
	w.loading()
	w.statistics()
	w.provenance()
	w.quarantine()
	return []byte(w.b.String())
}

type writer struct {
	m    *manifest.Manifest
	made []Synthetic
	b    strings.Builder
}

func (w *writer) f(format string, args ...any) { fmt.Fprintf(&w.b, format, args...) }

// tasks says of each task what its annotations are, in words.
var tasks = map[string]string{
	string(datasets.Classification): "Each image has one class.",
	string(datasets.Detection):      "Each image has its objects: box, mask and category.",
	string(datasets.Referring):      "Each image has objects and, for each of them, expressions that name it and no other.",
}

func (w *writer) description() {
	m := w.m
	w.f("\n# %s\n\n%s %s images of %s in %s: ", markdown(m.Dataset), tasks[m.Task],
		chart.Count(int64(m.Examples())), plural(len(m.Classes), "class", "classes"), plural(len(m.Splits), "split", "splits"))
	for i, s := range m.SplitNames() {
		if i > 0 {
			w.f(", ")
		}
		w.f("%s %s", markdown(s), chart.Count(int64(m.Splits[s].Examples)))
	}
	w.f(".\n\nBuilt by Tailorbird. `manifest.json` lists every file with its SHA-256; `report.html` shows samples and statistics;\n")
	w.f("`recipe.yaml` is the recipe that gives the same bytes again.\n")
}

func (w *writer) loading() {
	w.f("\n## How to load\n")
	has := map[string]bool{}
	for _, f := range w.m.Formats() {
		has[f] = true
	}
	names := w.m.SplitNames()
	if len(names) == 0 {
		return
	}
	split := names[0]
	for _, s := range names {
		if s == "train" {
			split = s
		}
	}
	if has["parquet"] {
		w.f("\nHugging Face datasets, from the directory that holds this file:\n\n```python\nfrom datasets import load_dataset\nds = load_dataset(\".\", \"parquet\", split=%s)\nprint(ds[0][\"image\"])\n```\n", quote(split))
	}
	if files := splitFiles(w.m, "webdataset", split); len(files) > 0 {
		w.f("\nWebDataset:\n\n```python\nimport glob\nimport webdataset as wds\nds = wds.WebDataset(sorted(glob.glob(%s)), shardshuffle=False).decode(\"pil\")\nsample = next(iter(ds))\nprint(sample[\"__key__\"], sample[\"json\"])\n```\n", quote(files[0]))
	}
	if has["tfrecord"] {
		w.f("\nTensorFlow Datasets:\n\n```python\nimport tensorflow_datasets as tfds\nds = tfds.builder_from_directory(\"tfrecord\").as_dataset(split=%s)\n```\n", quote(split))
	}
	if has["coco"] && w.m.Task != string(datasets.Classification) {
		w.f("\nAnnotations as one JSON file a split, in the form of the source, are below `annotations`.\n")
	}
}

func (w *writer) statistics() {
	w.f("\n## Statistics\n\n| split | examples | annotations | format | shards | bytes |\n|---|---:|---:|---|---:|---:|\n")
	for _, name := range w.m.SplitNames() {
		s := w.m.Splits[name]
		for _, f := range w.m.Formats() {
			shards, size := 0, int64(0)
			for _, x := range s.Shards {
				if x.Format == f {
					shards++
					size += x.Bytes
				}
			}
			if shards > 0 {
				w.f("| %s | %s | %s | %s | %d | %s |\n", markdown(name), chart.Count(int64(s.Examples)), chart.Count(int64(s.Annotations)), f, shards, chart.Count(size))
			}
		}
	}
}

func (w *writer) provenance() {
	m := w.m
	w.f("\n## Provenance\n\n| | |\n|---|---|\n| root hash | `%s` |\n| recipe hash | `%s` |\n| transforms | %s |\n| codec | %s |\n| seed | %d |\n",
		code(m.RootHash), code(m.RecipeHash), markdown(m.Transforms), markdown(m.Codec), m.Seed)
	if len(m.Inputs) > 0 {
		w.f("\nRead from:\n\n| input | name | bytes | SHA-256 | of its |\n|---|---|---:|---|---|\n")
		for _, in := range m.Inputs {
			w.f("| %s | %s | %s | `%s` | %s |\n", markdown(in.Role), markdown(in.Name), chart.Count(in.Bytes), code(in.SHA256), markdown(in.Of))
		}
	}
	if len(m.Licenses) > 0 {
		w.f("\nLicences of the images, as the source states them:\n\n")
		for _, l := range m.Licenses {
			w.f("- %d: %s, %s\n", l.ID, markdown(l.Name), markdown(l.URL))
		}
	}
	if len(m.Notes) > 0 {
		w.f("\nNotes:\n\n")
		for _, n := range m.Notes {
			w.f("- %s\n", markdown(n))
		}
	}
}

func (w *writer) quarantine() {
	q := w.m.Quarantine
	w.f("\n## Quarantine\n\n")
	if q.Examples == 0 {
		w.f("No example was set aside.\n")
		return
	}
	w.f("%s set aside; `quarantine/quarantine.jsonl` has a line for each, with key, stage, reason, message and source.\n\n| reason | examples |\n|---|---:|\n",
		plural(q.Examples, "example was", "examples were"))
	for _, r := range fault.Reasons {
		if n := q.Reasons[r]; n > 0 {
			w.f("| %s | %s |\n", r, chart.Count(int64(n)))
		}
	}
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return chart.Count(int64(n)) + " " + many
}

// quote writes s as a double-quoted text of YAML, JSON and Python alike.
func quote(s string) string { return strconv.QuoteToASCII(public(s)) }
