package tfrecord

import (
	"encoding/binary"
	"io"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/datasets/formats"
	"github.com/tailorbird/tailorbird/datasets/formats/shardio"
)

type writer struct {
	w     io.Writer
	row   *row
	enc   shardio.Encoder
	order shardio.Order
	buf   []byte // one framed record
	err   error  // of an earlier write: the shard is broken
}

func newWriter(w io.Writer, h formats.Header) *writer {
	return &writer{w: w, row: newRow(h)}
}

// Write appends ex as one record, in one write.
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
	fs := w.row.fill(ex, record)
	// The head needs the length: encode behind a gap, then fill the gap.
	w.buf = append(w.buf[:0], make([]byte, headBytes)...)
	w.buf = appendExample(w.buf, fs)
	data := w.buf[headBytes:]
	appendHead(w.buf[:0], len(data))
	w.buf = binary.LittleEndian.AppendUint32(w.buf, masked(data))
	_, w.err = w.w.Write(w.buf)
	return w.err
}

// Close has nothing to add: a TFRecord file has no end mark.
func (w *writer) Close() error { return w.err }
