package tfrecord

import (
	"encoding/binary"
	"io"
	"iter"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/datasets/formats"
	"github.com/tailorbird/tailorbird/datasets/formats/shardio"
	"github.com/tailorbird/tailorbird/internal/fault"
)

const (
	span = 256 << 10
	// keyBytes is enough of a record for its first feature, the key.
	keyBytes = 160
)

type reader struct {
	r    io.ReaderAt
	size int64
}

// All yields the examples in order; see formats.Reader.
func (r *reader) All() iter.Seq2[*datasets.Example, error] {
	return func(yield func(*datasets.Example, error) bool) {
		win := shardio.NewWindow(r.r, r.size, span)
		for f, err := range frames(win) {
			if err != nil {
				yield(nil, err)
				return
			}
			if !yield(example(win, f)) {
				return
			}
		}
	}
}

// frames walks the heads of the records; an error ends it.
func frames(win *shardio.Window) iter.Seq2[frame, error] {
	return func(yield func(frame, error) bool) {
		for off := int64(0); ; {
			f, err := frameAt(win, off)
			if err == io.EOF || !yield(f, err) || err != nil {
				return
			}
			off = f.next()
		}
	}
}

// example reads and decodes one record. The image lies in the record's memory.
func example(win *shardio.Window, f frame) (*datasets.Example, error) {
	place := fault.Offset("", f.off)
	data, err := f.read(win)
	if err != nil {
		return nil, fault.At(err, place)
	}
	var key, image, record []byte
	err = eachEntry(data, func(name, value []byte) error {
		var err error
		switch string(name) {
		case "key":
			key, err = firstBytes(value)
		case "image":
			image, err = firstBytes(value)
		case "record":
			record, err = firstBytes(value)
		}
		return err
	})
	place.Key = string(key)
	if err != nil {
		return nil, fault.At(err, place)
	}
	if record == nil || image == nil {
		return nil, fault.At(fault.New(fault.Unsupported, "tf.Example without the features image and record: not made by tailorbird"), place)
	}
	ex, err := shardio.Decode(record)
	if err != nil {
		return nil, fault.At(err, place)
	}
	if ex.Key != string(key) {
		return nil, fault.At(fault.New(fault.Corrupt, "record is that of %q", ex.Key), place)
	}
	ex.Image, ex.Ext = image, shardio.ImageExt(image)
	return ex, nil
}

// Index reads the head of each record. Where one is broken it returns those
// before it and the error.
func (r *reader) Index() ([]formats.Entry, error) {
	var index []formats.Entry
	win := shardio.NewWindow(r.r, r.size, span)
	for f, err := range frames(win) {
		if err != nil {
			return index, err
		}
		key, err := keyOf(win, f)
		if err != nil {
			return index, fault.At(err, fault.Offset("", f.off))
		}
		index = append(index, formats.Entry{Key: key, Offset: f.off, Bytes: f.next() - f.off})
	}
	return index, nil
}

// keyOf finds the key in the first entry of a record.
func keyOf(win *shardio.Window, f frame) (string, error) {
	b, err := win.Peek(f.data(), int(min(f.size, keyBytes)))
	if err != nil {
		return "", err
	}
	for range 2 { // Example.features, then the first entry
		if b, err = body(b); err != nil {
			return "", err
		}
	}
	// The name comes first; after another one the value may be cut off.
	if t, _, err := nextField(b); err == nil && string(t.body) != "key" {
		return "", fault.New(fault.Unsupported, "tf.Example does not begin with the feature key: not made by tailorbird")
	}
	_, value, err := splitEntry(b)
	if err != nil {
		return "", err
	}
	key, err := firstBytes(value)
	return string(key), err
}

// body cuts the length-delimited field 1 at the start of b open, as far as b
// holds it.
func body(b []byte) ([]byte, error) {
	if len(b) == 0 || b[0] != 1<<3|2 {
		return nil, fault.New(fault.Corrupt, "tf.Example: bad field tag")
	}
	n, size := binary.Uvarint(b[1:])
	if size <= 0 {
		return nil, fault.New(fault.Corrupt, "tf.Example: bad length")
	}
	b = b[1+size:]
	return b[:min(n, uint64(len(b)))], nil
}

// Get reads the record of an entry. An entry of another shard is fault.NotFound
// or fault.Corrupt.
func (r *reader) Get(e formats.Entry) (*datasets.Example, error) {
	place := fault.Place{Key: e.Key, Offset: e.Offset, HasOffset: true}
	if e.Offset < 0 || e.Offset >= r.size {
		return nil, fault.At(fault.New(fault.NotFound, "entry is not in this shard of %d bytes", r.size), place)
	}
	win := shardio.NewWindow(r.r, r.size, headBytes)
	f, err := frameAt(win, e.Offset)
	if err != nil {
		return nil, fault.At(err, place)
	}
	ex, err := example(win, f)
	if err != nil {
		return nil, err
	}
	if ex.Key != e.Key {
		return nil, fault.At(fault.New(fault.NotFound, "record %q stands here", ex.Key), place)
	}
	return ex, nil
}
