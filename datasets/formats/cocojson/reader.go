package cocojson

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"iter"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/datasets/formats"
	"github.com/tailorbird/tailorbird/datasets/formats/shardio"
	"github.com/tailorbird/tailorbird/internal/fault"
)

// readBuffer and mergeBuffer are what is read at a time, bytes.
const (
	readBuffer  = 1 << 16
	mergeBuffer = 1 << 20
)

type reader struct {
	r    io.ReaderAt
	size int64
}

func (r *reader) lines() iter.Seq2[line, error] {
	return lines(bufio.NewReaderSize(io.NewSectionReader(r.r, 0, r.size), readBuffer))
}

// All yields the examples in order, without images; see formats.Reader. That
// the checksum does not fit is the last error.
func (r *reader) All() iter.Seq2[*datasets.Example, error] {
	return func(yield func(*datasets.Example, error) bool) {
		var g group
		for l, err := range r.lines() {
			if kind := l.kind(); kind == recordLine || kind == endLine {
				if g.open && !yield(g.example()) {
					return
				}
				g = group{open: kind == recordLine}
			}
			if g.open {
				g.add(l, err)
				continue
			}
			if err == nil && l.kind() != endLine {
				err = fault.At(fault.New(fault.Corrupt, "fragment: a line before the first record"), fault.Offset("", l.off))
			}
			if err != nil && !yield(nil, err) {
				return
			}
		}
		if g.open {
			yield(g.example())
		}
	}
}

// Index reads the keys of all examples.
func (r *reader) Index() ([]formats.Entry, error) {
	var index []formats.Entry
	for l, err := range r.lines() {
		if err != nil {
			return index, err
		}
		switch n := len(index); {
		case l.kind() == recordLine:
			key, err := keyOf(l.object())
			if err != nil {
				return index, fault.At(fault.New(fault.Corrupt, "record: %w", err), fault.Offset("", l.off))
			}
			index = append(index, formats.Entry{Key: key, Offset: l.off, Bytes: int64(len(l.raw))})
		case l.kind() != endLine && n > 0:
			index[n-1].Bytes += int64(len(l.raw))
		}
	}
	return index, nil
}

// Get reads the lines of an entry. An entry of another fragment is
// fault.NotFound or fault.Corrupt.
func (r *reader) Get(e formats.Entry) (*datasets.Example, error) {
	place := fault.Place{Key: e.Key, Offset: e.Offset, HasOffset: true}
	if e.Offset < 0 || e.Bytes < 1 || e.Offset > r.size || e.Bytes > r.size-e.Offset {
		return nil, fault.At(fault.New(fault.NotFound, "entry is not in this fragment of %d bytes", r.size), place)
	}
	text := make([]byte, e.Bytes)
	if n, err := r.r.ReadAt(text, e.Offset); n < len(text) {
		return nil, fault.At(err, place)
	}
	s := scanner{in: bufio.NewReader(bytes.NewReader(text)), part: true, off: e.Offset}
	var g group
	for l, err := range s.all {
		if (l.kind() == recordLine) == g.open {
			return nil, fault.At(fault.New(fault.NotFound, "entry is not one record"), place)
		}
		g.open = true
		g.add(l, err)
	}
	ex, err := g.example()
	if err != nil {
		return nil, fault.At(err, place)
	}
	if ex.Key != e.Key {
		return nil, fault.At(fault.New(fault.NotFound, "record %q stands here", ex.Key), place)
	}
	return ex, nil
}

// group is the lines of one example.
type group struct {
	open    bool
	off     int64
	ex      *datasets.Example
	objects []datasets.Annotation // of the annotations, then one for each ref
	refs    []datasets.Referred
	err     error // the first
}

// add takes a line; err is what is wrong with it.
func (g *group) add(l line, err error) {
	if g.err != nil {
		return
	}
	if err == nil {
		err = g.parse(l)
		place := fault.Offset("", l.off)
		if g.ex != nil {
			place.Key = g.ex.Key
		}
		err = fault.At(err, place)
	}
	g.err = err
}

func (g *group) parse(l line) (err error) {
	switch l.kind() {
	case recordLine:
		g.off = l.off
		g.ex, err = shardio.Decode(l.object())
		return err
	case objectLine, againLine:
		g.objects = append(g.objects, datasets.Annotation{})
		err = json.Unmarshal(l.object(), &g.objects[len(g.objects)-1])
	case refLine:
		g.refs = append(g.refs, datasets.Referred{})
		err = json.Unmarshal(l.object(), &g.refs[len(g.refs)-1])
	}
	if err != nil && fault.CodeOf(err) == "" {
		err = fault.New(fault.Corrupt, "record: %w", err)
	}
	return err
}

// example puts the lists back into the record.
func (g *group) example() (*datasets.Example, error) {
	if g.err != nil {
		return nil, g.err
	}
	n := len(g.objects) - len(g.refs)
	if n < 0 || n > 0 && g.ex.Annotations == nil || len(g.refs) > 0 && g.ex.Refs == nil {
		return nil, g.broken("record: %d objects and %d refs do not fit it", len(g.objects), len(g.refs))
	}
	if n > 0 {
		*g.ex.Annotations = g.objects[:n:n]
	}
	for i := range g.refs {
		r, o := &g.refs[i], &g.objects[n+i]
		if r.AnnID != o.ID {
			return nil, g.broken("record: ref %d names annotation %d, here is %d", r.RefID, r.AnnID, o.ID)
		}
		r.BBox, r.Area, r.Segmentation, r.IsCrowd = o.BBox, o.Area, o.Segmentation, o.IsCrowd
	}
	if len(g.refs) > 0 {
		*g.ex.Refs = g.refs
	}
	return g.ex, nil
}

func (g *group) broken(format string, args ...any) error {
	return fault.At(fault.New(fault.Corrupt, format, args...), fault.Place{Key: g.ex.Key, Offset: g.off, HasOffset: true})
}
