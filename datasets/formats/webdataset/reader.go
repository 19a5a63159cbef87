package webdataset

import (
	"bytes"
	"io"
	"iter"
	"path"
	"strconv"
	"strings"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/datasets/formats"
	"github.com/tailorbird/tailorbird/datasets/formats/shardio"
	"github.com/tailorbird/tailorbird/internal/fault"
)

const (
	maxKey = 100
	// span is how much is read ahead: a request to an object store costs more
	// than the pixels of a small image between two headers.
	span = 256 << 10
)

// File is one file of a sample.
type File struct {
	Ext    string // what follows the first dot, in lower case
	Offset int64  // of its bytes
	Size   int64

	win *shardio.Window
}

// Data reads the file into a new slice. Files of one iteration share a buffer:
// call Data from one goroutine at a time.
func (f File) Data() ([]byte, error) { return f.win.Read(f.Offset, f.Size) }

// Sample is a run of files with one key.
type Sample struct {
	Key    string // path up to the first dot of the base name
	Offset int64  // of its first header
	Bytes  int64  // from there to the end of its last file
	Files  []File
}

// File returns the first file with one of the extensions.
func (s Sample) File(exts ...string) (File, bool) {
	for _, f := range s.Files {
		for _, e := range exts {
			if f.Ext == e {
				return f, true
			}
		}
	}
	return File{}, false
}

// Reader reads a tar by us or by others.
type Reader struct {
	r    io.ReaderAt
	size int64
}

// NewReader opens a tar of size bytes; it reads nothing yet.
func NewReader(r io.ReaderAt, size int64) *Reader { return &Reader{r: r, size: size} }

// All yields the examples in order; see formats.Reader.
func (r *Reader) All() iter.Seq2[*datasets.Example, error] {
	return func(yield func(*datasets.Example, error) bool) {
		for s, err := range r.Samples() {
			var ex *datasets.Example
			if err == nil {
				ex, err = s.Example()
			}
			if !yield(ex, err) {
				return
			}
		}
	}
}

// Index lists the samples from their headers. Where one is broken it returns
// those before it and the error.
func (r *Reader) Index() ([]formats.Entry, error) {
	var index []formats.Entry
	for s, err := range r.Samples() {
		if err != nil {
			return index, err
		}
		index = append(index, formats.Entry{Key: s.Key, Offset: s.Offset, Bytes: s.Bytes})
	}
	return index, nil
}

// Get reads the sample of an entry. An entry of another tar is fault.NotFound or
// fault.Corrupt.
func (r *Reader) Get(e formats.Entry) (*datasets.Example, error) {
	if e.Bytes < 0 || e.Offset < 0 || e.Offset > r.size || e.Bytes > r.size-e.Offset {
		return nil, fault.At(fault.New(fault.NotFound, "entry of %d bytes is not in this tar", e.Bytes), fault.Place{Key: e.Key, Offset: e.Offset, HasOffset: true})
	}
	for s, err := range r.samples(e.Offset, e.Offset+e.Bytes, int(min(span, e.Bytes+2*block))) {
		if err != nil {
			return nil, err
		}
		if s.Key != e.Key {
			return nil, fault.At(fault.New(fault.NotFound, "sample %q stands here", s.Key), fault.Place{Key: e.Key, Offset: e.Offset, HasOffset: true})
		}
		return s.Example()
	}
	return nil, fault.At(fault.New(fault.NotFound, "no sample stands here"), fault.Place{Key: e.Key, Offset: e.Offset, HasOffset: true})
}

// Samples yields the samples in order. A broken sample comes with its key, its
// offset, what was found of its files, and a fault; after damage to the tar
// itself the iteration ends.
func (r *Reader) Samples() iter.Seq2[Sample, error] { return r.samples(0, -1, span) }

// samples walks from off to the end of the archive, or to end where a file ends
// there.
func (r *Reader) samples(off, end int64, span int) iter.Seq2[Sample, error] {
	return func(yield func(Sample, error) bool) {
		g := gather{yield: yield, firstAt: map[string]int64{}}
		w := walker{win: shardio.NewWindow(r.r, r.size, max(span, 2*block)), off: off}
		for {
			var m member
			err := io.EOF
			if w.off != end || w.off == off {
				m, err = w.next()
			}
			if err == io.EOF {
				g.flush()
				return
			}
			if err != nil {
				// Only the end is missing: the sample before it is whole.
				if w.off != r.size || g.flush() {
					g.fail(err)
				}
				return
			}
			key, ext, ok := splitName(m.name)
			if ok && !g.add(key, m, File{Ext: ext, Offset: m.data, Size: m.size, win: w.win}) {
				return
			}
		}
	}
}

// gather puts the files of a sample together.
type gather struct {
	yield   func(Sample, error) bool
	cur     Sample
	err     error            // what is wrong with cur
	firstAt map[string]int64 // offset of the first sample of each key
}

// add takes one file and reports whether the iteration goes on.
func (g *gather) add(key string, m member, f File) bool {
	if len(g.cur.Files) == 0 || key != g.cur.Key {
		if !g.flush() {
			return false
		}
		g.start(key, m.header)
	}
	if other, twice := g.cur.File(f.Ext); twice && g.err == nil {
		g.err = fault.New(fault.Conflict, "%s.%s comes twice, at byte %d and at byte %d", key, f.Ext, other.Offset, f.Offset)
	}
	g.cur.Files = append(g.cur.Files, f)
	g.cur.Bytes = m.end() - g.cur.Offset
	return true
}

func (g *gather) start(key string, off int64) {
	g.cur = Sample{Key: key, Offset: off}
	if first, seen := g.firstAt[key]; seen {
		g.err = fault.New(fault.Conflict, "files of the sample are not adjacent: others stand at byte %d", first)
		return
	}
	g.firstAt[key] = off
	if len(key) > maxKey {
		g.err = fault.New(fault.TooLarge, "key has %d bytes, at most %d fit a USTAR name", len(key), maxKey)
	}
}

// flush hands out the current sample and reports whether the iteration goes on.
func (g *gather) flush() bool {
	if len(g.cur.Files) == 0 {
		return true
	}
	s, err := g.cur, g.err
	g.cur, g.err = Sample{}, nil
	return g.yield(s, fault.At(err, fault.Place{Key: s.Key, Offset: s.Offset, HasOffset: true}))
}

// fail hands out the sample that damage to the tar cuts off, or the damage alone.
func (g *gather) fail(err error) {
	if len(g.cur.Files) > 0 && fault.CodeOf(err) == fault.Corrupt {
		err = fault.At(err, fault.Place{Key: g.cur.Key})
	}
	g.yield(g.cur, err)
}

// splitName cuts a name into key and extension as WebDataset does; ok is false
// for names that it passes over.
func splitName(name string) (key, ext string, ok bool) {
	dir, base := path.Split(name)
	stem, ext, dot := strings.Cut(base, ".")
	if !dot || stem == "" || strings.HasPrefix(name, "__") && strings.HasSuffix(name, "__") {
		return "", "", false
	}
	return dir + stem, strings.ToLower(ext), true
}

// Example reads the sample as far as an Example can hold it. Its errors name the
// key and the offset.
func (s Sample) Example() (*datasets.Example, error) {
	ex, err := s.example()
	if err != nil {
		return nil, fault.At(err, fault.Place{Key: s.Key, Offset: s.Offset, HasOffset: true})
	}
	return ex, nil
}

func (s Sample) example() (*datasets.Example, error) {
	ex := &datasets.Example{Key: s.Key}
	if f, ok := s.File("json"); ok {
		text, err := f.Data()
		if err != nil {
			return nil, err
		}
		if shardio.IsRecord(text) {
			if ex, err = shardio.Decode(text); err != nil {
				return nil, err
			}
			if ex.Key != s.Key {
				return nil, fault.New(fault.Corrupt, "record is that of %q", ex.Key)
			}
		}
	}
	if err := s.label(ex); err != nil {
		return nil, err
	}
	f, ok := s.File("jpg", "jpeg", "png")
	if !ok {
		return nil, fault.New(fault.Corrupt, "sample has no image (.jpg, .jpeg or .png)")
	}
	var err error
	if ex.Ext = f.Ext; ex.Ext == "jpeg" {
		ex.Ext = "jpg"
	}
	if ex.Image, err = f.Data(); err != nil {
		return nil, err
	}
	return ex, s.edits(ex)
}

// edits reads the edited pictures that the record names.
func (s Sample) edits(ex *datasets.Example) error {
	for i := range ex.Edits {
		e := &ex.Edits[i]
		f, ok := s.File(strings.ToLower(e.Name) + ".png")
		if !ok {
			return fault.New(fault.Corrupt, "the record names an edit %q, whose picture is not there", e.Name)
		}
		var err error
		if e.Image, err = f.Data(); err != nil {
			return err
		}
		e.Ext = "png"
	}
	return nil
}

// label holds the .cls file against the record, or takes it where there is none.
func (s Sample) label(ex *datasets.Example) error {
	f, ok := s.File("cls")
	if !ok || f.Size > 32 {
		return nil
	}
	text, err := f.Data()
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(string(bytes.TrimSpace(text)))
	switch {
	case ex.Label == nil && err == nil:
		ex.Label = &n
	case ex.Label != nil && (err != nil || *ex.Label != n):
		return fault.New(fault.Corrupt, ".cls has label %.32q, the record %d", text, *ex.Label)
	}
	return nil
}
