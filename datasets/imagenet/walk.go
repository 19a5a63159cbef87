package imagenet

import (
	"crypto/sha256"
	"path"
	"strconv"
	"strings"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/internal/blob"
	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/internal/tarindex"
)

// maxTarHeaders leaves room for ImageNet-21K: 14.2 million images.
const maxTarHeaders = 1 << 25

// walk goes through inputs.images: a file is a tar, all else a directory.
func (pl *plan) walk() error {
	pl.listing = sha256.New()
	obj, err := blob.Open(pl.ctx, pl.in["images"])
	if fault.CodeOf(err) == fault.NotFound {
		return pl.walkDir()
	}
	if err != nil {
		return err
	}
	defer obj.Close()
	pl.bytes = obj.Size()
	t := tarWalk{pl: pl, a: tarindex.New(obj, obj.Size(), tarindex.Options{MaxHeaders: maxTarHeaders})}
	if err := t.run(); err != nil {
		return fault.At(err, fault.Place{Path: pl.in["images"]})
	}
	pl.p.Read(pl.bytes - t.read)
	return nil
}

func (pl *plan) walkDir() error {
	for f, err := range blob.List(pl.ctx, pl.in["images"]) {
		if err != nil {
			return err
		}
		pl.list(f.Name, 0, f.Size)
		pl.bytes += f.Size
		pl.p.Read(f.Size)
		if !wanted(f.Name) {
			pl.ignored++
			continue
		}
		it := item{
			span: datasets.Span{Name: f.Name, Length: f.Size},
			name: f.Name, dir: dirOf(f.Name), stem: stemOf(f.Name),
		}
		if err := pl.add(it); err != nil {
			return err
		}
	}
	return nil
}

// tarWalk goes through an archive, and through the archives in it.
type tarWalk struct {
	pl   *plan
	a    *tarindex.Archive
	read int64          // bytes reported as progress
	done map[string]int // wnid of the inner archives so far -> how often
}

func (t *tarWalk) run() error {
	t.done = map[string]int{}
	for m, err := range t.a.Members() {
		if err == nil {
			err = t.pl.ctx.Err()
		}
		if err != nil {
			return err
		}
		if path.Ext(m.Name) == ".tar" && m.Type == tarindex.File {
			err = t.inner(m)
		} else {
			name := cleanName(m.Name)
			err = t.member(m, item{name: name, dir: dirOf(name)})
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// inner walks a wnid.tar. One that is broken costs its own images only.
func (t *tarWalk) inner(outer tarindex.Member) error {
	name := cleanName(outer.Name)
	dir := stemOf(name)
	whole := item{span: spanOf(outer), name: name, dir: dir, stem: dir}
	if err := outer.Check(); err != nil {
		return t.broken(whole, err)
	}
	if is, err := t.a.IsTar(outer); err != nil || !is {
		if err == nil {
			err = fault.At(fault.New(fault.Corrupt, "%s is not a tar", name), fault.Place{Offset: outer.Offset, HasOffset: true})
		}
		return t.broken(whole, err)
	}
	if _, known := t.pl.set.label[dir]; known {
		if t.done[dir]++; t.done[dir] > 1 {
			return t.broken(whole, fault.New(fault.Conflict, "%s is there more than once; the first counts", name))
		}
	}
	for m, err := range t.a.Within(outer) {
		if err != nil {
			return t.broken(whole, err)
		}
		if err := t.pl.ctx.Err(); err != nil {
			return err
		}
		if err := t.member(m, item{name: name + "/" + cleanName(m.Name), dir: dir, nested: true}); err != nil {
			return err
		}
	}
	return nil
}

// broken sets an inner archive aside; a failure of the machinery is returned.
func (t *tarWalk) broken(whole item, err error) error {
	if !fault.CodeOf(err).IsData() {
		return err
	}
	label, ok := t.pl.set.label[whole.dir]
	if !ok {
		label = -1
	}
	err = fault.At(err, fault.Place{Path: whole.name})
	return t.pl.reject(whole, label, fault.At(err, t.place()))
}

// member takes one member that is no archive; it has its name and directory.
func (t *tarWalk) member(m tarindex.Member, it item) error {
	if end := m.Offset + m.Size; end > t.read {
		t.pl.p.Read(end - t.read)
		t.read = end
	}
	if m.Type == tarindex.Dir {
		return nil
	}
	t.pl.list(it.name, m.Offset, m.Size)
	if !wanted(it.name) {
		t.pl.ignored++
		return nil
	}
	it.span, it.stem = spanOf(m), stemOf(it.name)
	if err := m.Check(); err != nil {
		return t.pl.reject(it, -1, fault.At(err, t.place()))
	}
	return t.pl.add(it)
}

// place names the archive, without the directories of this machine.
func (t *tarWalk) place() fault.Place {
	return fault.Place{Path: blob.Base(t.pl.in["images"])}
}

func spanOf(m tarindex.Member) datasets.Span {
	return datasets.Span{Offset: m.Offset, Length: m.Size}
}

// cleanName takes off the "./" that `tar -C dir .` puts before each name.
func cleanName(name string) string { return strings.TrimPrefix(name, "./") }

// dirOf is all before the last slash, "" where there is none.
func dirOf(name string) string {
	return name[:max(strings.LastIndexByte(name, '/'), 0)]
}

// appendListing appends "name\toffset\tsize\n"; a name that would break the form
// is quoted.
func appendListing(b []byte, name string, offset, size int64) []byte {
	if strings.ContainsAny(name, "\t\n\"") {
		name = strconv.Quote(name)
	}
	b = append(b, name...)
	b = append(b, '\t')
	b = strconv.AppendInt(b, offset, 10)
	b = append(b, '\t')
	b = strconv.AppendInt(b, size, 10)
	return append(b, '\n')
}
