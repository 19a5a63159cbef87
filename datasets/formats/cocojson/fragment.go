package cocojson

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"iter"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/datasets/formats"
	"github.com/tailorbird/tailorbird/datasets/formats/shardio"
	"github.com/tailorbird/tailorbird/internal/fault"
)

type writer struct {
	w     io.Writer
	enc   shardio.Encoder
	order shardio.Order
	buf   []byte
	err   error // of an earlier write: the fragment is broken
}

// Write appends one line: {"file_name":"KEY.EXT", and the rest of the record.
func (w *writer) Write(ex *datasets.Example) error {
	if w.err != nil {
		return w.err
	}
	if err := w.order.Next(ex.Key); err != nil {
		return err
	}
	record, err := w.enc.Encode(ex)
	if err != nil {
		return err
	}
	name, err := json.Marshal(ex.Key + "." + ex.Ext)
	if err != nil {
		return err
	}
	w.buf = append(append(w.buf[:0], `{"file_name":`...), name...)
	w.buf = append(append(w.buf, ','), record[1:]...)
	w.buf = append(w.buf, '\n')
	_, w.err = w.w.Write(w.buf)
	return w.err
}

// Close has nothing to add.
func (w *writer) Close() error { return w.err }

// line is a line of a fragment without its end; the bytes are valid until the
// next one.
type line struct {
	text []byte
	off  int64
}

// lines yields the lines of a fragment. A last line without an end is
// fault.Corrupt.
func lines(r io.Reader) iter.Seq2[line, error] {
	return func(yield func(line, error) bool) {
		in := bufio.NewReaderSize(r, 1<<16)
		var long []byte
		for off := int64(0); ; {
			part, err := in.ReadSlice('\n')
			if errors.Is(err, bufio.ErrBufferFull) {
				long = append(long, part...)
				continue
			}
			text := part
			if len(long) > 0 {
				long = append(long, part...)
				text = long
			}
			if err != nil {
				if err != io.EOF {
					yield(line{}, err)
				} else if len(text) > 0 {
					yield(line{}, fault.At(fault.New(fault.Corrupt, "truncated: a line without an end"), fault.Offset("", off)))
				}
				return
			}
			if !yield(line{text[:len(text)-1], off}, nil) {
				return
			}
			off += int64(len(text))
			long = long[:0]
		}
	}
}

type reader struct {
	r    io.ReaderAt
	size int64
}

// All yields the examples in order, without images; see formats.Reader.
func (r *reader) All() iter.Seq2[*datasets.Example, error] {
	return func(yield func(*datasets.Example, error) bool) {
		for l, err := range lines(io.NewSectionReader(r.r, 0, r.size)) {
			var ex *datasets.Example
			if err == nil {
				if ex, err = shardio.Decode(l.text); err != nil {
					err = fault.At(err, fault.Offset("", l.off))
				}
			}
			if !yield(ex, err) {
				return
			}
		}
	}
}

// Index reads the keys of all lines.
func (r *reader) Index() ([]formats.Entry, error) {
	var index []formats.Entry
	for l, err := range lines(io.NewSectionReader(r.r, 0, r.size)) {
		if err != nil {
			return index, err
		}
		var head struct{ Key string }
		if err := json.Unmarshal(l.text, &head); err != nil {
			return index, fault.At(fault.New(fault.Corrupt, "record: %w", err), fault.Offset("", l.off))
		}
		index = append(index, formats.Entry{Key: head.Key, Offset: l.off, Bytes: int64(len(l.text)) + 1})
	}
	return index, nil
}

// Get reads the line of an entry. An entry of another fragment is
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
	ex, err := shardio.Decode(text)
	if err != nil {
		return nil, fault.At(err, place)
	}
	if ex.Key != e.Key {
		return nil, fault.At(fault.New(fault.NotFound, "record %q stands here", ex.Key), place)
	}
	return ex, nil
}
