package parquet

import (
	"bytes"
	"io"
	"iter"
	"sort"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/datasets/formats"
	"github.com/tailorbird/tailorbird/datasets/formats/shardio"
	"github.com/tailorbird/tailorbird/internal/fault"
)

const span = 64 << 10

type reader struct {
	r      io.ReaderAt
	size   int64
	groups []group
}

func newReader(r io.ReaderAt, size int64) (*reader, error) {
	groups, err := readFooter(shardio.NewWindow(r, size, span))
	if err != nil {
		return nil, err
	}
	return &reader{r: r, size: size, groups: groups}, nil
}

// cursor has a window of its own: the columns lie far apart.
func (r *reader) cursor(c chunk) *cursor {
	return newCursor(shardio.NewWindow(r.r, r.size, span), c)
}

// All yields the examples in order. A broken page ends it, as the columns no
// longer go together then.
func (r *reader) All() iter.Seq2[*datasets.Example, error] {
	return func(yield func(*datasets.Example, error) bool) {
		for _, g := range r.groups {
			image, record := r.cursor(g.cols[colImage]), r.cursor(g.cols[colRecord])
			for range g.rows {
				ex, final, err := example(image, record)
				if !yield(ex, err) || final {
					return
				}
			}
		}
	}
}

// example takes one value of each column. final tells that nothing can be read
// after this error.
func example(image, record *cursor) (ex *datasets.Example, final bool, err error) {
	text, err := record.next()
	if err != nil {
		return nil, true, err
	}
	pixels, err := image.next()
	if err != nil {
		return nil, true, err
	}
	if ex, err = shardio.Decode(text); err != nil {
		return nil, false, fault.At(err, fault.Offset("", record.pageAt))
	}
	ex.Image, ex.Ext = bytes.Clone(pixels), shardio.ImageExt(pixels)
	return ex, false, nil
}

// Index reads the column of keys; an Entry's Offset is the row number.
func (r *reader) Index() ([]formats.Entry, error) {
	var index []formats.Entry
	for _, g := range r.groups {
		keys := r.cursor(g.cols[colKey])
		for range g.rows {
			key, err := keys.next()
			if err != nil {
				return index, err
			}
			index = append(index, formats.Entry{Key: string(key), Offset: int64(len(index))})
		}
	}
	return index, nil
}

// Get reads the row of an entry: one page of two columns. An entry of another
// shard is fault.NotFound.
func (r *reader) Get(e formats.Entry) (*datasets.Example, error) {
	i := sort.Search(len(r.groups), func(i int) bool { return r.groups[i].first > e.Offset }) - 1
	if e.Offset < 0 || i < 0 || e.Offset-r.groups[i].first >= r.groups[i].rows {
		return nil, fault.At(fault.New(fault.NotFound, "the shard has no row %d", e.Offset), fault.Place{Key: e.Key})
	}
	g := r.groups[i]
	image, record := r.cursor(g.cols[colImage]), r.cursor(g.cols[colRecord])
	for _, c := range []*cursor{image, record} {
		if err := c.skip(e.Offset - g.first); err != nil {
			return nil, fault.At(err, fault.Place{Key: e.Key})
		}
	}
	ex, _, err := example(image, record)
	if err != nil {
		return nil, fault.At(err, fault.Place{Key: e.Key})
	}
	if ex.Key != e.Key {
		return nil, fault.At(fault.New(fault.NotFound, "row %d is that of %q", e.Offset, ex.Key), fault.Place{Key: e.Key})
	}
	return ex, nil
}
