package tfrecord

import (
	"encoding/binary"
	"hash/crc32"
	"io"

	"github.com/tailorbird/tailorbird/datasets/formats/shardio"
	"github.com/tailorbird/tailorbird/internal/fault"
)

const (
	headBytes = 12 // u64 length, u32 masked CRC of it
	tailBytes = 4  // u32 masked CRC of the data
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// masked is the rotated and shifted CRC-32C of record_writer.h: plain CRCs of
// data that holds CRCs are weak.
func masked(b []byte) uint32 {
	crc := crc32.Checksum(b, castagnoli)
	return (crc>>15 | crc<<17) + 0xa282ead8
}

// appendHead appends the head of a record of n bytes.
func appendHead(b []byte, n int) []byte {
	at := len(b)
	b = binary.LittleEndian.AppendUint64(b, uint64(n))
	return binary.LittleEndian.AppendUint32(b, masked(b[at:]))
}

// frame locates the data of a record.
type frame struct {
	off  int64 // of the head
	size int64 // of the data
}

func (f frame) data() int64 { return f.off + headBytes }
func (f frame) next() int64 { return f.off + headBytes + f.size + tailBytes }

// frameAt reads the head at off; io.EOF at the end of the file. Its errors are
// final: without a length there is no next record.
func frameAt(win *shardio.Window, off int64) (frame, error) {
	left := win.Size() - off
	if left == 0 {
		return frame{}, io.EOF
	}
	place := fault.Offset("", off)
	if left < headBytes {
		return frame{}, fault.At(fault.New(fault.Corrupt, "truncated: %d bytes of a record's head", left), place)
	}
	h, err := win.Peek(off, headBytes)
	if err != nil {
		return frame{}, fault.At(err, place)
	}
	if binary.LittleEndian.Uint32(h[8:]) != masked(h[:8]) {
		return frame{}, fault.At(fault.New(fault.Corrupt, "checksum of a record's length is wrong"), place)
	}
	n := binary.LittleEndian.Uint64(h)
	if left -= headBytes + tailBytes; left < 0 || n > uint64(left) {
		return frame{}, fault.At(fault.New(fault.Corrupt, "truncated: record of %d bytes, %d are left", n, max(left, 0)), place)
	}
	return frame{off: off, size: int64(n)}, nil
}

// read returns the data of a record, verified, in a new slice.
func (f frame) read(win *shardio.Window) ([]byte, error) {
	b, err := win.Read(f.data(), f.size+tailBytes)
	if err != nil {
		return nil, err
	}
	data := b[:f.size:f.size]
	if binary.LittleEndian.Uint32(b[f.size:]) != masked(data) {
		return nil, fault.New(fault.Corrupt, "checksum of a record's data is wrong")
	}
	return data, nil
}
