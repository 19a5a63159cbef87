package tfevents

import (
	"encoding/binary"
	"hash/crc32"
	"io"
	"math"
)

// Name is the file in a run's folder.
const Name = "events.out.tfevents.tailorbird"

// version is what the first event of a file says, and TensorBoard expects.
const version = "brain.Event:2"

// Stamp says when an event happened: the step of the run, and seconds since 1970.
type Stamp struct {
	Step int64
	Wall float64
}

// Writer appends events to a file. Begin comes first in a new one.
type Writer struct {
	w                    io.Writer
	record, event, value []byte // reused
}

// NewWriter returns a Writer at the end of w.
func NewWriter(w io.Writer) *Writer { return &Writer{w: w} }

// Begin writes the head of a new file.
func (w *Writer) Begin(s Stamp) error {
	w.event = appendBytes(w.stamp(s), eventVersion, version)
	return w.flush()
}

// Scalar writes a number under a tag such as train/loss.
func (w *Writer) Scalar(s Stamp, tag string, x float32) error {
	w.value = appendBytes(w.value[:0], valueTag, tag)
	w.value = append(w.value, valueSimple<<3|wireFixed32)
	w.value = binary.LittleEndian.AppendUint32(w.value, math.Float32bits(x))
	return w.summary(s)
}

// Text writes Markdown under a tag.
func (w *Writer) Text(s Stamp, tag, text string) error {
	plugin := appendBytes(nil, pluginName, "text")
	metadata := appendBytes(nil, metadataPlugin, plugin)
	metadata = appendVarint(metadata, metadataClass, classTensor)

	shape := appendBytes(nil, shapeDim, appendVarint(nil, dimSize, 1))
	tensor := appendVarint(nil, tensorType, typeString)
	tensor = appendBytes(tensor, tensorShape, shape)
	tensor = appendBytes(tensor, tensorStrings, text)

	w.value = appendBytes(w.value[:0], valueTag, tag)
	w.value = appendBytes(w.value, valueTensor, tensor)
	w.value = appendBytes(w.value, valueMetadata, metadata)
	return w.summary(s)
}

// summary writes an event that holds the one value of w.value.
func (w *Writer) summary(s Stamp) error {
	w.record = appendBytes(w.record[:0], summaryValue, w.value)
	w.event = appendBytes(w.stamp(s), eventSummary, w.record)
	return w.flush()
}

// stamp begins an event.
func (w *Writer) stamp(s Stamp) []byte {
	b := append(w.event[:0], eventWall<<3|wireFixed64)
	b = binary.LittleEndian.AppendUint64(b, math.Float64bits(s.Wall))
	return appendVarint(b, eventStep, uint64(s.Step))
}

// flush frames the event: length, checksum of the length, data, checksum of the
// data.
func (w *Writer) flush() error {
	b := binary.LittleEndian.AppendUint64(w.record[:0], uint64(len(w.event)))
	b = binary.LittleEndian.AppendUint32(b, masked(b))
	b = append(b, w.event...)
	b = binary.LittleEndian.AppendUint32(b, masked(w.event))
	w.record = b
	_, err := w.w.Write(b)
	return err
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// masked is the rotated and shifted CRC-32C of record_writer.h.
func masked(b []byte) uint32 {
	crc := crc32.Checksum(b, castagnoli)
	return (crc>>15 | crc<<17) + 0xa282ead8
}
