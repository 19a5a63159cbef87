package webdataset

import (
	"io"
	"strconv"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/datasets/formats/shardio"
	"github.com/tailorbird/tailorbird/internal/fault"
)

// maxFile is the largest size that a USTAR header can state: eleven octal digits.
const maxFile = 1<<33 - 1

// modTime is 2000-01-01T00:00:00Z: constant, and late enough that tar does not
// warn of it.
const modTime = 946684800

// writer keeps one buffer, for what stands around the image of a sample.
type writer struct {
	w     io.Writer
	enc   shardio.Encoder
	order shardio.Order
	buf   []byte
	label []byte
	err   error // of an earlier write: the shard is broken
}

// Write appends the files of ex. It makes three writes, whatever their number.
func (w *writer) Write(ex *datasets.Example) error {
	if w.err != nil {
		return w.err
	}
	if err := w.order.Next(ex.Key); err != nil {
		return err
	}
	if ex.Ext != "jpg" && ex.Ext != "png" {
		return fault.At(fault.New(fault.Bug, "image has the form %q, jpg or png is written", ex.Ext), fault.Place{Key: ex.Key})
	}
	record, err := w.enc.Encode(ex)
	if err != nil {
		return err
	}
	if int64(len(ex.Image)) > maxFile || int64(len(record)) > maxFile {
		return fault.At(fault.New(fault.TooLarge, "image of %d and record of %d bytes, a tar holds %d", len(ex.Image), len(record), int64(maxFile)), fault.Place{Key: ex.Key})
	}
	w.buf = appendHeader(w.buf[:0], ex.Key, ex.Ext, len(ex.Image))
	w.flush(w.buf)
	w.flush(ex.Image)
	w.buf = appendPadding(w.buf[:0], len(ex.Image))
	w.buf = appendFile(w.buf, ex.Key, "json", record)
	for _, e := range ex.Edits {
		if e.Image == nil {
			return fault.At(fault.New(fault.Bug, "edit %s has no picture", e.Name), fault.Place{Key: ex.Key})
		}
		w.buf = appendFile(w.buf, ex.Key, e.Name+"."+e.Ext, e.Image)
	}
	if ex.Label != nil {
		w.label = strconv.AppendInt(w.label[:0], int64(*ex.Label), 10)
		w.buf = appendFile(w.buf, ex.Key, "cls", w.label)
	}
	w.flush(w.buf)
	return w.err
}

// Close writes the two zero blocks that end an archive.
func (w *writer) Close() error {
	w.flush(zeros[:])
	return w.err
}

func (w *writer) flush(b []byte) {
	if w.err == nil {
		_, w.err = w.w.Write(b)
	}
}

var zeros [2 * block]byte

func appendFile(b []byte, key, ext string, data []byte) []byte {
	b = appendHeader(b, key, ext, len(data))
	b = append(b, data...)
	return appendPadding(b, len(data))
}

func appendPadding(b []byte, n int) []byte {
	return append(b, zeros[:int(padded(int64(n)))-n]...)
}

// appendHeader appends the USTAR header (POSIX.1-1988) of KEY.EXT.
func appendHeader(b []byte, key, ext string, size int) []byte {
	at := len(b)
	b = append(b, zeros[:block]...)
	h := b[at:]
	n := copy(h, key)
	h[n] = '.'
	copy(h[n+1:], ext)
	octal(h[100:107], 0o644)
	octal(h[108:115], 0)
	octal(h[116:123], 0)
	octal(h[124:135], int64(size))
	octal(h[136:147], modTime)
	h[156] = '0'
	copy(h[257:], "ustar\x0000")
	octal(h[329:336], 0) // device numbers
	octal(h[337:344], 0)
	octal(h[148:154], checksum(h))
	h[155] = ' '
	return b
}

// octal fills f with the digits of v; the byte after f stays as it is.
func octal(f []byte, v int64) {
	for i := len(f) - 1; i >= 0; i-- {
		f[i] = '0' + byte(v&7)
		v >>= 3
	}
}

// checksum is the sum of a header's bytes with its checksum field as blanks.
func checksum(h []byte) int64 {
	sum := int64(8 * ' ')
	for i, c := range h[:block] {
		if i < 148 || i >= 156 {
			sum += int64(c)
		}
	}
	return sum
}
