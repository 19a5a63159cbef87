package manifest

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"path"
	"sort"
	"strings"

	"github.com/tailorbird/tailorbird/internal/fault"
)

// Name is the manifest's file name below the dataset's root.
const Name = "manifest.json"

// Kind and Version are what this package writes.
const (
	Kind    = "tailorbird-dataset"
	Version = 1
)

// Manifest lists what a built dataset holds.
type Manifest struct {
	Format     string           `json:"format"` // Kind
	Version    int              `json:"version"`
	Dataset    string           `json:"dataset"` // name of the source
	Task       string           `json:"task"`    // classification, detection or referring
	RecipeHash string           `json:"recipe_hash"`
	RootHash   string           `json:"root_hash"`
	Codec      string           `json:"codec"` // what decoded and encoded the pixels
	Transforms string           `json:"transforms"`
	Seed       int64            `json:"seed"`
	Inputs     []Input          `json:"inputs"`
	Splits     map[string]Split `json:"splits"`
	Files      []File           `json:"files,omitempty"` // dataset-wide files of the formats
	Quarantine Quarantine       `json:"quarantine"`
	Classes    []Class          `json:"classes"`
	Licenses   []License        `json:"licenses,omitempty"`
	Info       string           `json:"info,omitempty"` // the source's own info object, as JSON text
	Notes      []string         `json:"notes,omitempty"`
	Statistics Statistics       `json:"statistics"`
}

// Input is something that the build read. For a directory or an archive read in
// place SHA256 is over its listing, for a file over its bytes.
type Input struct {
	Role   string `json:"role"`
	Name   string `json:"name"` // base name
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
	Of     string `json:"of"` // "content" or "listing"
}

// Split is one split of the dataset.
type Split struct {
	Examples    int     `json:"examples"`
	Annotations int     `json:"annotations"` // objects, or referred objects; for classes one an image
	Shards      []Shard `json:"shards"`      // by format, then by number
}

// Shard is one file that holds examples.
type Shard struct {
	Format   string `json:"format"`
	Path     string `json:"path"` // below the root, slash-separated
	Bytes    int64  `json:"bytes"`
	SHA256   string `json:"sha256"`
	CRC32C   string `json:"crc32c"` // eight hex digits, big-endian
	Examples int    `json:"examples"`
}

// File is one file that describes the dataset as a whole.
type File struct {
	Path   string `json:"path"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
}

// Quarantine counts what was set aside.
type Quarantine struct {
	Examples int                `json:"examples"`
	Reasons  map[fault.Code]int `json:"reasons"`
}

// Class is one class or category.
type Class struct {
	ID            int64    `json:"id"` // category id; for ImageNet the label
	Name          string   `json:"name"`
	Synset        string   `json:"synset,omitempty"` // ImageNet: the wnid
	Supercategory string   `json:"supercategory,omitempty"`
	Frequency     string   `json:"frequency,omitempty"` // LVIS: r, c or f
	Definition    string   `json:"def,omitempty"`
	Synonyms      []string `json:"synonyms,omitempty"`
}

// License is one line of a COCO licence table.
type License struct {
	ID   int64  `json:"id"`
	Name string `json:"name"`
	URL  string `json:"url"`
}

// Seal sorts what has an order and sets Format, Version and RootHash.
func (m *Manifest) Seal() {
	m.Format, m.Version = Kind, Version
	for name, s := range m.Splits {
		sort.Slice(s.Shards, func(i, j int) bool {
			a, b := s.Shards[i], s.Shards[j]
			if a.Format != b.Format {
				return a.Format < b.Format
			}
			return a.Path < b.Path
		})
		m.Splits[name] = s
	}
	sort.Slice(m.Files, func(i, j int) bool { return m.Files[i].Path < m.Files[j].Path })
	m.RootHash = m.root()
}

// root hashes one line a fact, in a fixed order.
func (m *Manifest) root() string {
	h := sha256.New()
	fmt.Fprintf(h, "%s %d\nrecipe %q\ncodec %q\n", Kind, Version, m.RecipeHash, m.Codec)
	fmt.Fprintf(h, "dataset %q %q %q %d\n", m.Dataset, m.Task, m.Transforms, m.Seed)
	for _, c := range m.Classes {
		fmt.Fprintf(h, "class %d %q %q %q %q %q %q\n", c.ID, c.Name, c.Synset, c.Supercategory, c.Frequency, c.Definition, c.Synonyms)
	}
	for _, name := range m.SplitNames() {
		s := m.Splits[name]
		fmt.Fprintf(h, "split %q %d %d\n", name, s.Examples, s.Annotations)
		for _, x := range s.Shards {
			fmt.Fprintf(h, "shard %q %q %d %q %q %d\n", x.Format, x.Path, x.Bytes, x.SHA256, x.CRC32C, x.Examples)
		}
	}
	for _, f := range m.Files {
		fmt.Fprintf(h, "file %q %d %q\n", f.Path, f.Bytes, f.SHA256)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// SplitNames lists the splits in order.
func (m *Manifest) SplitNames() []string {
	names := make([]string, 0, len(m.Splits))
	for n := range m.Splits {
		names = append(names, n)
	}
	sort.Strings(names)
	return names
}

// Examples counts the examples of all splits.
func (m *Manifest) Examples() int {
	n := 0
	for _, s := range m.Splits {
		n += s.Examples
	}
	return n
}

// Formats lists the shard formats in order.
func (m *Manifest) Formats() []string {
	seen := map[string]bool{}
	var names []string
	for _, s := range m.Splits {
		for _, x := range s.Shards {
			if !seen[x.Format] {
				seen[x.Format] = true
				names = append(names, x.Format)
			}
		}
	}
	sort.Strings(names)
	return names
}

// Encode returns the file's bytes: indented JSON with a final newline.
func (m *Manifest) Encode() ([]byte, error) {
	b, err := json.MarshalIndent(m, "", " ")
	if err != nil {
		return nil, fault.Wrap(fault.Bug, err)
	}
	return append(b, '\n'), nil
}

// Parse reads a manifest strictly and checks that it agrees with itself.
func Parse(b []byte) (*Manifest, error) {
	var head struct {
		Format  string `json:"format"`
		Version int    `json:"version"`
	}
	if err := json.Unmarshal(b, &head); err != nil {
		return nil, fault.New(fault.Corrupt, "not a manifest: %w", err)
	}
	if head.Format != Kind {
		return nil, fault.New(fault.Corrupt, "not a manifest: format %q, want %q", head.Format, Kind)
	}
	if head.Version != Version {
		return nil, fault.New(fault.Unsupported, "manifest version %d: this tool reads version %d", head.Version, Version)
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	m := new(Manifest)
	if err := d.Decode(m); err != nil {
		return nil, fault.New(fault.Corrupt, "manifest: %w", err)
	}
	return m, m.check()
}

func (m *Manifest) check() error {
	seen := map[string]bool{}
	for _, name := range m.SplitNames() {
		split := m.Splits[name]
		if split.Examples < 0 || split.Annotations < 0 {
			return fault.New(fault.Corrupt, "manifest: split %s: negative count", name)
		}
		for _, s := range split.Shards {
			if err := checkFile(seen, s.Path, s.Bytes, s.Examples); err != nil {
				return err
			}
		}
	}
	for _, f := range m.Files {
		if err := checkFile(seen, f.Path, f.Bytes, 0); err != nil {
			return err
		}
	}
	if got := m.root(); got != m.RootHash {
		return fault.New(fault.Corrupt, "manifest: root_hash is %s, its contents give %s", m.RootHash, got)
	}
	return nil
}

// checkFile holds one listed file against those seen before.
func checkFile(seen map[string]bool, path string, bytes int64, examples int) error {
	switch {
	case !localPath(path):
		return fault.New(fault.Corrupt, "manifest: path %q leaves the dataset", path)
	case bytes < 0 || examples < 0:
		return fault.New(fault.Corrupt, "manifest: %s: negative size", path)
	case seen[path]:
		return fault.New(fault.Corrupt, "manifest: %s is listed twice", path)
	}
	seen[path] = true
	return nil
}

// localPath reports whether p names something below the directory that it is
// joined to.
func localPath(p string) bool {
	return p != "" && p != "." && !strings.HasPrefix(p, "/") && !strings.ContainsAny(p, "\\\x00") && path.Clean(p) == p && p != ".." && !strings.HasPrefix(p, "../")
}
