package parquet

import (
	"encoding/binary"
	"hash/crc32"
	"math/bits"
	"sync"

	"github.com/klauspost/compress/zstd"

	"github.com/tailorbird/tailorbird/datasets/formats/shardio"
	"github.com/tailorbird/tailorbird/internal/fault"
)

const (
	maxHeader = 4096
	// A page may expand by maxRatio and by slack bytes; text as repetitive as
	// records can be stays far below.
	maxRatio = 1024
	slack    = 1 << 20
)

// decoder decodes whole pages; it never makes room beyond what it is given. It
// is safe for concurrent use.
var decoder = sync.OnceValues(func() (*zstd.Decoder, error) {
	return zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecodeAllCapLimit(true))
})

// cursor walks the values of one chunk.
type cursor struct {
	win    *shardio.Window
	chunk  chunk
	off    int64 // of the next page
	left   int64 // values not yet handed out, on this page and later ones
	page   []byte
	pageAt int64
	onPage int64 // values not yet handed out on this page
	raw    []byte
	data   []byte // backs page where the page is compressed
}

func newCursor(win *shardio.Window, c chunk) *cursor {
	return &cursor{win: win, chunk: c, off: c.start, left: c.values}
}

// pageHeader is the part of a PageHeader that matters.
type pageHeader struct {
	typ          int64
	uncompressed int64
	compressed   int64
	crc          uint32
	hasCRC       bool
	values       int64
	encoding     int64
	size         int64 // of the header itself
}

func parsePageHeader(b []byte) (h pageHeader, err error) {
	h.typ, h.encoding = -1, -1
	t := thrift{b: b}
	t.fields(func(id int64, typ byte) bool {
		switch {
		case id == 1 && typ == tI32:
			h.typ = t.int()
		case id == 2 && typ == tI32:
			h.uncompressed = t.int()
		case id == 3 && typ == tI32:
			h.compressed = t.int()
		case id == 4 && typ == tI32:
			h.crc, h.hasCRC = uint32(t.int()), true
		case id == 5 && typ == tStruct:
			t.fields(func(id int64, typ byte) bool {
				switch {
				case id == 1 && typ == tI32:
					h.values = t.int()
				case id == 2 && typ == tI32:
					h.encoding = t.int()
				default:
					return false
				}
				return true
			})
		default:
			return false
		}
		return true
	})
	h.size = int64(t.off)
	return h, t.err
}

// header reads and checks the header of the next page.
func (c *cursor) header() (pageHeader, error) {
	room := c.chunk.start + c.chunk.size - c.off
	b, err := c.win.Peek(c.off, int(min(room, maxHeader, int64(c.win.Span()))))
	if err != nil {
		return pageHeader{}, err
	}
	h, err := parsePageHeader(b)
	if err != nil {
		return pageHeader{}, err
	}
	switch {
	case h.typ != dataPageV1 || h.encoding != encodingPlain:
		return pageHeader{}, fault.New(fault.Unsupported, "parquet page of type %d and encoding %d", h.typ, h.encoding)
	case h.compressed < 0 || h.compressed > room-h.size:
		return pageHeader{}, fault.New(fault.Corrupt, "parquet page of %d bytes, %d are left", h.compressed, room-h.size)
	case h.values < 1 || h.values > c.left:
		return pageHeader{}, fault.New(fault.Corrupt, "parquet page of %d values, %d are left", h.values, c.left)
	case c.chunk.codec == codecNone && h.uncompressed != h.compressed:
		return pageHeader{}, fault.New(fault.Corrupt, "parquet page of %d bytes holds %d", h.compressed, h.uncompressed)
	case h.uncompressed < 0 || h.uncompressed > h.compressed*maxRatio+slack:
		return pageHeader{}, fault.New(fault.TooLarge, "parquet page of %d bytes holds %d", h.compressed, h.uncompressed)
	}
	return h, nil
}

// load reads the page of h, which stands at c.off.
func (c *cursor) load(h pageHeader) error {
	if int64(cap(c.raw)) < h.compressed {
		c.raw = make([]byte, h.compressed)
	}
	c.raw = c.raw[:h.compressed]
	if err := c.win.Fill(c.raw, c.off+h.size); err != nil {
		return err
	}
	if h.hasCRC && crc32.ChecksumIEEE(c.raw) != h.crc {
		return fault.New(fault.Corrupt, "checksum of a parquet page is wrong")
	}
	c.page = c.raw
	if c.chunk.codec == codecZstd {
		if int64(cap(c.data)) < h.uncompressed {
			c.data = make([]byte, 0, h.uncompressed)
		}
		d, err := decoder()
		if err != nil {
			return err
		}
		if c.page, err = d.DecodeAll(c.raw, c.data[:0:h.uncompressed]); err != nil {
			return fault.New(fault.Corrupt, "parquet page: %w", err)
		}
	}
	if err := c.levels(h.values); err != nil {
		return err
	}
	c.pageAt, c.onPage = c.off, h.values
	c.off += h.size + h.compressed
	return nil
}

// levels cuts the definition levels off the page. They must say that all values
// are there.
func (c *cursor) levels(values int64) error {
	if c.chunk.def == 0 {
		return nil
	}
	if len(c.page) < 4 || uint64(binary.LittleEndian.Uint32(c.page)) > uint64(len(c.page)-4) {
		return fault.New(fault.Corrupt, "levels of a parquet page end past it")
	}
	n := binary.LittleEndian.Uint32(c.page)
	levels := c.page[4 : 4+n]
	c.page = c.page[4+n:]
	ok, err := allEqual(levels, values, c.chunk.def)
	if err == nil && !ok {
		err = fault.New(fault.Unsupported, "parquet column %s has nulls: not made by tailorbird", c.chunk.path)
	}
	return err
}

// allEqual reports whether n numbers, in the hybrid of runs and bit packing of
// parquet-format's Encodings.md, all are want, which is below 256.
func allEqual(b []byte, n int64, want int) (bool, error) {
	width := bits.Len(uint(want))
	for n > 0 {
		head, size := binary.Uvarint(b)
		if size <= 0 || head>>1 == 0 || head>>1 > 1<<32 {
			return false, fault.New(fault.Corrupt, "levels of a parquet page are broken")
		}
		b = b[size:]
		if head&1 == 0 {
			if len(b) == 0 {
				return false, fault.New(fault.Corrupt, "levels of a parquet page are broken")
			}
			if int(b[0]) != want {
				return false, nil
			}
			b = b[1:]
			n -= int64(head >> 1)
			continue
		}
		packed := int64(head>>1) * int64(width)
		if packed > int64(len(b)) {
			return false, fault.New(fault.Corrupt, "levels of a parquet page are broken")
		}
		for i := range min(int64(head>>1)*8, n) {
			for bit := range int64(width) {
				at := i*int64(width) + bit
				if int(b[at/8]>>(at%8)&1) != want>>bit&1 {
					return false, nil
				}
			}
		}
		b = b[packed:]
		n -= int64(head>>1) * 8
	}
	return true, nil
}

// next returns the next value; it is valid until the call after.
func (c *cursor) next() ([]byte, error) {
	v, err := c.value()
	if err != nil {
		return nil, fault.At(err, fault.Offset("", c.off))
	}
	return v, nil
}

func (c *cursor) value() ([]byte, error) {
	if c.onPage == 0 {
		h, err := c.header()
		if err != nil {
			return nil, err
		}
		if err := c.load(h); err != nil {
			return nil, err
		}
	}
	if len(c.page) < 4 || uint64(binary.LittleEndian.Uint32(c.page)) > uint64(len(c.page)-4) {
		return nil, fault.New(fault.Corrupt, "value of a parquet page at byte %d ends past it", c.pageAt)
	}
	n := int(binary.LittleEndian.Uint32(c.page))
	v := c.page[4 : 4+n]
	c.page = c.page[4+n:]
	c.onPage--
	c.left--
	return v, nil
}

// skip passes over n values; whole pages are not read.
func (c *cursor) skip(n int64) error {
	for n > 0 {
		if c.onPage == 0 {
			h, err := c.header()
			if err != nil {
				return fault.At(err, fault.Offset("", c.off))
			}
			if h.values <= n {
				n -= h.values
				c.left -= h.values
				c.off += h.size + h.compressed
				continue
			}
		}
		if _, err := c.next(); err != nil {
			return err
		}
		n--
	}
	return nil
}
