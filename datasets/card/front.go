package card

import (
	"path"
	"regexp"
	"sort"
	"strings"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/datasets/formats/parquet"
	"github.com/tailorbird/tailorbird/internal/manifest"
)

// frontMatter writes the YAML that the Hugging Face hub reads (Hub
// documentation, "Dataset Cards").
func (w *writer) frontMatter() {
	m := w.m
	w.f("---\npretty_name: %s\nlicense: %s\n", quote(m.Dataset), licence(m))
	w.list("task_categories", categories[m.Task])
	w.list("size_categories", []string{sizeCategory(m.Examples())})
	extra := tags[m.Task]
	if syntheticText(w.made) != "" {
		extra = append([]string{"synthetic"}, extra...)
	}
	w.list("tags", append([]string{"tailorbird"}, extra...))
	var configs []string
	for _, f := range []string{"parquet", "webdataset"} { // what the hub opens by itself, the default first
		for _, s := range m.SplitNames() {
			if len(splitFiles(m, f, s)) > 0 {
				configs = append(configs, f)
				break
			}
		}
	}
	if len(configs) == 0 {
		w.f("---\n")
		return
	}
	w.f("configs:\n")
	for i, c := range configs {
		w.config(c, i == 0)
	}
	w.f("dataset_info:\n")
	for _, c := range configs {
		w.info(c)
	}
	w.f("---\n")
}

var categories = map[string][]string{
	string(datasets.Classification): {"image-classification"},
	string(datasets.Detection):      {"object-detection", "image-segmentation"},
	string(datasets.Referring):      {"object-detection", "image-segmentation"},
}

var tags = map[string][]string{
	string(datasets.Detection): {"instance-segmentation"},
	string(datasets.Referring): {"referring-expressions", "visual-grounding"},
}

func (w *writer) list(key string, values []string) {
	if len(values) == 0 {
		return
	}
	w.f("%s:\n", key)
	for _, v := range values {
		w.f("- %s\n", v)
	}
}

func (w *writer) config(format string, isDefault bool) {
	w.f("- config_name: %s\n", format)
	if isDefault {
		w.f("  default: true\n")
	}
	w.f("  data_files:\n")
	for _, s := range w.m.SplitNames() {
		files := splitFiles(w.m, format, s)
		switch len(files) {
		case 0:
		case 1:
			w.f("  - split: %s\n    path: %s\n", quote(s), quote(files[0]))
		default:
			w.f("  - split: %s\n    path:\n", quote(s))
			for _, f := range files {
				w.f("    - %s\n", quote(f))
			}
		}
	}
}

func (w *writer) info(format string) {
	w.f("- config_name: %s\n", format)
	if format == "parquet" {
		meta := datasets.Meta{Classes: w.m.Classes, Licenses: w.m.Licenses}
		w.f("  features:\n")
		w.features(parquet.Features(datasets.Task(w.m.Task), &meta), "  ")
	}
	w.f("  splits:\n")
	var all int64
	for _, s := range w.m.SplitNames() {
		var size int64
		for _, x := range w.m.Splits[s].Shards {
			if x.Format == format {
				size += x.Bytes
			}
		}
		all += size
		w.f("  - name: %s\n    num_bytes: %d\n    num_examples: %d\n", quote(s), size, w.m.Splits[s].Examples)
	}
	w.f("  download_size: %d\n  dataset_size: %d\n", all, all)
}

// features writes the members of a group in the form of the hub's YAML.
func (w *writer) features(group map[string]any, indent string) {
	names := make([]string, 0, len(group))
	for n := range group {
		names = append(names, n)
	}
	sort.Strings(names)
	for _, n := range names {
		w.f("%s- name: %s\n", indent, quote(n))
		w.feature("dtype", group[n], indent+"  ")
	}
}

// feature writes one type below key.
func (w *writer) feature(key string, t any, indent string) {
	switch t := t.(type) {
	case []any:
		w.feature("list", t[0], indent)
	case map[string]any:
		switch t["_type"] {
		case "Value":
			w.f("%s%s: %s\n", indent, key, t["dtype"])
		case "Image":
			w.f("%s%s: image\n", indent, key)
		case "ClassLabel":
			w.f("%s%s:\n%s  class_label:\n%s    names:\n", indent, key, indent, indent)
			names, _ := t["names"].([]string)
			for i, n := range names {
				w.f("%s      '%d': %s\n", indent, i, quote(n))
			}
		default:
			if key == "dtype" {
				key = "struct"
			}
			w.f("%s%s:\n", indent, key)
			w.features(t, indent)
		}
	}
}

// splitFiles names the shards of a split in one format by a pattern where the
// pattern matches no file of another split, else one by one.
func splitFiles(m *manifest.Manifest, format, split string) []string {
	var files []string
	for _, s := range m.Splits[split].Shards {
		if s.Format == format {
			files = append(files, s.Path)
		}
	}
	if len(files) == 0 {
		return nil
	}
	pattern := path.Dir(files[0]) + "/" + split + "-*" + path.Ext(files[0])
	for _, f := range files {
		if ok, err := path.Match(pattern, f); !ok || err != nil {
			return files
		}
	}
	for name, s := range m.Splits {
		for _, x := range s.Shards {
			if ok, _ := path.Match(pattern, x.Path); ok && (name != split || x.Format != format) {
				return files
			}
		}
	}
	return []string{pattern}
}

func sizeCategory(n int) string {
	for _, c := range []struct {
		below int
		name  string
	}{{1e3, "n<1K"}, {1e4, "1K<n<10K"}, {1e5, "10K<n<100K"}, {1e6, "100K<n<1M"}, {1e7, "1M<n<10M"}, {1e8, "10M<n<100M"}} {
		if n < c.below {
			return c.name
		}
	}
	return "100M<n<1B"
}

var creativeCommons = regexp.MustCompile(`^https?://(?:www\.)?creativecommons\.org/licenses/(by(?:-nc)?(?:-nd|-sa)?)/(\d\.\d)/?$`)

// licence is the hub's name for the licence of the images.
func licence(m *manifest.Manifest) string {
	if len(m.Licenses) == 0 {
		return "unknown"
	}
	if len(m.Licenses) > 1 {
		return "other"
	}
	if c := creativeCommons.FindStringSubmatch(strings.ToLower(m.Licenses[0].URL)); c != nil {
		if name := "cc-" + c[1] + "-" + c[2]; hubLicences[name] {
			return name
		}
	}
	return "other"
}

// hubLicences are the Creative Commons licences that the hub knows by name.
var hubLicences = map[string]bool{
	"cc-by-2.0": true, "cc-by-2.5": true, "cc-by-3.0": true, "cc-by-4.0": true,
	"cc-by-sa-3.0": true, "cc-by-sa-4.0": true, "cc-by-nc-2.0": true, "cc-by-nc-3.0": true, "cc-by-nc-4.0": true,
	"cc-by-nd-4.0": true, "cc-by-nc-nd-3.0": true, "cc-by-nc-nd-4.0": true,
	"cc-by-nc-sa-2.0": true, "cc-by-nc-sa-3.0": true, "cc-by-nc-sa-4.0": true,
}
