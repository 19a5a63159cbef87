package verify

import (
	"path"
	"strings"

	"github.com/tailorbird/tailorbird/internal/blob"
	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/internal/manifest"
)

// files checks what the manifest lists besides shards, and looks for what it
// does not list.
func (c *checker) files() error {
	listed := map[string]bool{}
	for _, s := range c.shards {
		listed[s.Path] = true
	}
	buf := make([]byte, readBytes)
	for _, f := range c.m.Files {
		listed[f.Path] = true
		if err := c.file(f, buf); err != nil {
			return err
		}
	}
	for info, err := range blob.List(c.ctx, c.dir) {
		if err != nil {
			return err
		}
		top, _, inside := strings.Cut(info.Name, "/")
		switch {
		case strings.HasPrefix(path.Base(info.Name), ".tb-"), top == ".tailorbird":
			c.problem(Stray, info.Name, "", "left by an unfinished run")
		case inside && top != "quarantine" && !listed[info.Name]:
			c.problem(Stray, info.Name, "", "the manifest does not list it")
		}
	}
	return nil
}

// file checks one file that describes the dataset.
func (c *checker) file(f manifest.File, buf []byte) error {
	o, err := blob.Open(c.ctx, blob.Join(c.dir, f.Path))
	if fault.CodeOf(err) == fault.NotFound {
		c.problem(Missing, f.Path, "", "the file is not there")
		return nil
	}
	if err != nil {
		return err
	}
	defer o.Close()
	if o.Size() != f.Bytes {
		c.problem(Size, f.Path, "", "%d bytes, the manifest says %d", o.Size(), f.Bytes)
		return nil
	}
	sum, _, err := newDigester(c.ctx, o, buf).sum()
	if err != nil {
		return fault.At(err, fault.Place{Path: f.Path})
	}
	if sum != f.SHA256 {
		c.problem(Hash, f.Path, "", "sha256 %s, the manifest says %s", sum, f.SHA256)
	}
	return nil
}

// counts holds the splits' numbers against those of their shards.
func (c *checker) counts() {
	for _, name := range c.m.SplitNames() {
		split, counted := c.m.Splits[name], false
		for _, format := range c.m.Formats() {
			examples, objects, whole, any := 0, 0, true, false
			for _, s := range c.shards {
				if s.group == groupOf(name, format) {
					any = true
					whole = whole && s.complete && s.objects >= 0
					examples += s.Examples
					objects += s.objects
				}
			}
			if any && examples != split.Examples {
				c.problem(Count, manifest.Name, "", "split %s: the %s shards hold %d examples, the split says %d", name, format, examples, split.Examples)
			}
			// Formats that are whole hold the same examples: one of them tells.
			if any && whole && !counted && objects != split.Annotations {
				c.problem(Count, manifest.Name, "", "split %s: the %s shards hold %d annotations, the split says %d", name, format, objects, split.Annotations)
			}
			counted = counted || any && whole
		}
	}
}
