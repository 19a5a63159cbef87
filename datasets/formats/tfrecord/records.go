package tfrecord

import (
	"bytes"
	"io"
	"iter"

	"github.com/tailorbird/tailorbird/datasets/formats/shardio"
	"github.com/tailorbird/tailorbird/internal/fault"
)

// Record is one record of any TFRecord file, verified.
type Record struct {
	Offset int64 // of its head
	Data   []byte
}

// Records yields the records of a TFRecord file made by anybody. A record whose
// data fails its checksum comes as a fault with its offset and the iteration
// goes on; without a sound length it cannot.
func Records(r io.ReaderAt, size int64) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		win := shardio.NewWindow(r, size, span)
		for f, err := range frames(win) {
			if err != nil {
				yield(Record{}, err)
				return
			}
			data, err := f.read(win)
			if err != nil {
				err = fault.At(err, fault.Offset("", f.off))
			}
			if !yield(Record{f.off, data}, err) {
				return
			}
		}
	}
}

// Images returns the encoded images of a tf.Example: what image/encoded holds
// (TF Object Detection API), and any feature that starts as a JPEG or PNG file
// does. A record that is no tf.Example has none.
func (r Record) Images() [][]byte {
	var images [][]byte
	err := eachEntry(r.Data, func(name, value []byte) error {
		v, err := firstBytes(value)
		if err != nil || v == nil {
			return nil // a list of numbers
		}
		if string(name) == "image/encoded" || bytes.HasPrefix(v, []byte("\xff\xd8\xff")) || bytes.HasPrefix(v, []byte("\x89PNG\r\n")) {
			images = append(images, v)
		}
		return nil
	})
	if err != nil {
		return nil
	}
	return images
}
