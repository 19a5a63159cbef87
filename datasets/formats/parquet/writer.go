package parquet

import (
	"io"

	pq "github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress/zstd"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/datasets/formats"
	"github.com/tailorbird/tailorbird/datasets/formats/shardio"
	"github.com/tailorbird/tailorbird/internal/fault"
)

const (
	groupRows  = 100
	groupBytes = 64 << 20
	// pageBytes bounds a page, within one image: what Get has to read.
	pageBytes = 1 << 20
	// maxImage keeps a page within Parquet's 31 bits.
	maxImage = 1 << 30
)

type writer struct {
	w     *pq.Writer
	row   *row
	rows  [1]pq.Row
	enc   shardio.Encoder
	order shardio.Order
	count int // rows of the open row group
	bytes int
	err   error // of an earlier write: the shard is broken
}

func newWriter(w io.Writer, h formats.Header) (*writer, error) {
	text, err := metadata(h.Task, h.Meta)
	if err != nil {
		return nil, err
	}
	schema := pq.NewSchema("example", columnsOf(h.Task).root())
	return &writer{
		row: newRow(h.Task, h.Meta, schema),
		w: pq.NewWriter(w, schema,
			pq.CreatedBy("tailorbird", "1", "0"), // not the library's version, which would change the bytes
			pq.KeyValueMetadata(metadataKey, text),
			pq.Compression(&zstd.Codec{}),
			pq.DefaultEncodingFor(pq.ByteArray, &pq.Plain), // what every reader knows
			pq.PageBufferSize(pageBytes),
			pq.DataPageVersion(1),
			pq.DataPageStatistics(false),
			pq.SkipPageBounds("image", "bytes"), // a bound of an image is the image
			pq.SkipPageBounds("record"),
		),
	}, nil
}

// Write appends ex as one row and closes the row group when it is full.
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
	if len(ex.Image) > maxImage || len(record) > maxImage {
		return fault.At(fault.New(fault.TooLarge, "image of %d and record of %d bytes, a parquet value here holds %d", len(ex.Image), len(record), maxImage), fault.Place{Key: ex.Key})
	}
	if w.rows[0], err = w.row.fill(ex, record); err != nil {
		return fault.At(err, fault.Place{Key: ex.Key})
	}
	if _, w.err = w.w.WriteRows(w.rows[:]); w.err != nil {
		return w.err
	}
	w.count++
	w.bytes += len(ex.Image)
	if w.count >= groupRows || w.bytes >= groupBytes {
		w.count, w.bytes = 0, 0
		w.err = w.w.Flush()
	}
	return w.err
}

// Close writes the last row group and the footer.
func (w *writer) Close() error {
	if w.err != nil {
		return w.err
	}
	w.err = w.w.Close()
	return w.err
}
