package copypaste

import (
	"encoding/binary"
	"hash/crc32"
	"io"

	"github.com/tailorbird/tailorbird/internal/fault"
)

// A part file, all numbers little-endian:
//
//	header   "TBCUTOUT", version uint32 = 1, uint32 = 0
//	record   n uint32, crc32c of the n bytes uint32, n bytes:
//	           m uint32, m bytes of description (wire, then the key), pixels
//	...
//	index    a record: offset in the file uint64, length with its prefix uint32,
//	           m uint32, m bytes of description
//	         ...
//	         a count: category int64, exclusion (position in Exclusions) uint32, objects uint64
//	         ...
//	footer   offset of the index uint64, its length uint64, records uint32, counts uint32,
//	         crc32c of the index uint32, crc32c of the 28 bytes before uint32, "TBCUTEND"
const (
	magic       = "TBCUTOUT"
	endMagic    = "TBCUTEND"
	version     = 1
	headerBytes = 16
	prefixBytes = 8
	entryBytes  = 16
	countBytes  = 20
	footerBytes = 40
)

var (
	castagnoli = crc32.MakeTable(crc32.Castagnoli)
	le         = binary.LittleEndian
)

// partWriter writes a part file. The first error stays.
type partWriter struct {
	w       io.Writer
	at      int64
	index   []byte
	records int
	buf     []byte
	err     error
}

func newPartWriter(w io.Writer) *partWriter {
	p := &partWriter{w: w}
	p.write(le.AppendUint32(le.AppendUint32([]byte(magic), version), 0))
	return p
}

func (p *partWriter) write(b []byte) {
	if p.err != nil {
		return
	}
	var n int
	n, p.err = p.w.Write(b)
	p.at += int64(n)
}

// add writes a record: description and pixels.
func (p *partWriter) add(description, pixels []byte) {
	body := 4 + len(description) + len(pixels)
	b := append(p.buf[:0], make([]byte, prefixBytes)...)
	b = le.AppendUint32(b, uint32(len(description)))
	b = append(append(b, description...), pixels...)
	le.PutUint32(b, uint32(body))
	le.PutUint32(b[4:], crc32.Checksum(b[prefixBytes:], castagnoli))
	p.index = le.AppendUint64(p.index, uint64(p.at))
	p.index = le.AppendUint32(p.index, uint32(len(b)))
	p.index = le.AppendUint32(p.index, uint32(len(description)))
	p.index = append(p.index, description...)
	p.records++
	p.buf = b
	p.write(b)
}

// exclusion is a number of objects of a class that are not usable for a reason.
type exclusion struct {
	category int64
	reason   uint32 // position in Exclusions
	objects  uint64
}

// close writes index and footer.
func (p *partWriter) close(counts []exclusion) error {
	for _, c := range counts {
		p.index = le.AppendUint64(p.index, uint64(c.category))
		p.index = le.AppendUint32(p.index, c.reason)
		p.index = le.AppendUint64(p.index, c.objects)
	}
	f := le.AppendUint64(nil, uint64(p.at))
	f = le.AppendUint64(f, uint64(len(p.index)))
	f = le.AppendUint32(f, uint32(p.records))
	f = le.AppendUint32(f, uint32(len(counts)))
	f = le.AppendUint32(f, crc32.Checksum(p.index, castagnoli))
	f = le.AppendUint32(f, crc32.Checksum(f, castagnoli))
	p.write(p.index)
	p.write(append(f, endMagic...))
	return p.err
}

// entry is a record and where its bytes lie.
type entry struct {
	Record
	part   int
	offset int64
	length int
}

// partIndex is what a part file says it holds.
type partIndex struct {
	entries []entry
	counts  []exclusion
}

// readIndex reads the index of a part file. Errors are fault.Corrupt or
// Unsupported, with the offset, or those of r.
func readIndex(p Part, part int, l *Limits) (*partIndex, error) {
	bad := func(off int64, format string, args ...any) error {
		return fault.At(fault.New(fault.Corrupt, "cut-outs: "+format, args...), fault.Offset(p.Name, off))
	}
	if p.Size < headerBytes+footerBytes {
		return nil, bad(p.Size, "%d bytes are no part file", p.Size)
	}
	head, foot := make([]byte, headerBytes), make([]byte, footerBytes)
	if err := readAt(p, head, 0); err != nil {
		return nil, err
	}
	if string(head[:8]) != magic {
		return nil, bad(0, "no part file")
	}
	if v := le.Uint32(head[8:]); v != version {
		return nil, fault.At(fault.New(fault.Unsupported, "cut-outs: version %d, this is version %d", v, version), fault.Offset(p.Name, 8))
	}
	end := p.Size - footerBytes
	if err := readAt(p, foot, end); err != nil {
		return nil, err
	}
	if string(foot[32:]) != endMagic || crc32.Checksum(foot[:28], castagnoli) != le.Uint32(foot[28:]) {
		return nil, bad(end, "the end is missing or damaged")
	}
	at, n := le.Uint64(foot), le.Uint64(foot[8:])
	if at < headerBytes || at > uint64(end) || n != uint64(end)-at {
		return nil, bad(end, "index of %d bytes at %d of %d", n, at, p.Size)
	}
	index := make([]byte, n)
	if err := readAt(p, index, int64(at)); err != nil {
		return nil, err
	}
	if crc32.Checksum(index, castagnoli) != le.Uint32(foot[24:]) {
		return nil, bad(int64(at), "the index is damaged")
	}
	out := new(partIndex)
	used, err := out.parse(index, int(le.Uint32(foot[16:])), int(le.Uint32(foot[20:])), part, int64(at), l)
	if err != nil {
		return nil, fault.At(err, fault.Offset(p.Name, int64(at)+int64(used)))
	}
	return out, nil
}

// parse reads an index; end is where records stop. It returns how far it came.
func (x *partIndex) parse(b []byte, records, counts, part int, end int64, l *Limits) (int, error) {
	if least := int64(records)*(entryBytes+wireBytes+1) + int64(counts)*countBytes; least > int64(len(b)) {
		return 0, fault.New(fault.Corrupt, "cut-outs: %d records and %d counts in an index of %d bytes", records, counts, len(b))
	}
	x.entries = make([]entry, records)
	used, next := 0, uint64(headerBytes)
	for i := range x.entries {
		rest := b[used:]
		if len(rest) < entryBytes || uint64(len(rest)-entryBytes) < uint64(le.Uint32(rest[12:])) {
			return used, fault.New(fault.Corrupt, "cut-outs: the index ends within record %d", i)
		}
		e := &x.entries[i]
		off, n, m := le.Uint64(rest), le.Uint32(rest[8:]), int(le.Uint32(rest[12:]))
		if off != next || uint64(n) < uint64(prefixBytes+4+m) || off+uint64(n) > uint64(end) {
			return used, fault.New(fault.Corrupt, "cut-outs: record %d of %d bytes at %d", i, n, off)
		}
		if err := e.parse(rest[entryBytes:entryBytes+m], l); err != nil {
			return used, fault.New(faultOf(err), "cut-outs: record %d: %w", i, err)
		}
		e.part, e.offset, e.length = part, int64(off), int(n)
		next = off + uint64(n)
		used += entryBytes + m
	}
	if next != uint64(end) || len(b)-used != counts*countBytes {
		return used, fault.New(fault.Corrupt, "cut-outs: records end at %d of %d, %d bytes left for %d counts", next, end, len(b)-used, counts)
	}
	for ; used < len(b); used += countBytes {
		e := exclusion{int64(le.Uint64(b[used:])), le.Uint32(b[used+8:]), le.Uint64(b[used+12:])}
		if e.reason >= uint32(len(Exclusions)) || e.objects > 1<<48 {
			return used, fault.New(fault.Corrupt, "cut-outs: %d objects excluded for reason %d", e.objects, e.reason)
		}
		x.counts = append(x.counts, e)
	}
	return used, nil
}

// readAt fills b from offset off on.
func readAt(p Part, b []byte, off int64) error {
	n, err := p.Data.ReadAt(b, off)
	if n == len(b) {
		return nil
	}
	if err == io.EOF || err == nil {
		return fault.At(fault.New(fault.Corrupt, "cut-outs: the file ends after %d of %d bytes", n, len(b)), fault.Offset(p.Name, off))
	}
	return fault.At(err, fault.Offset(p.Name, off))
}

// read returns the cut-out of e.
func (e *entry) read(p Part, l *Limits) (*Cutout, error) {
	b := make([]byte, e.length)
	if err := readAt(p, b, e.offset); err != nil {
		return nil, err
	}
	c := &Cutout{Record: e.Record}
	if err := e.check(b, c); err != nil {
		return nil, fault.At(err, fault.Place{Path: p.Name, Key: e.Key, Offset: e.offset, HasOffset: true})
	}
	return c, nil
}

// check holds a record's bytes against the index and unpacks its pixels.
func (e *entry) check(b []byte, c *Cutout) error {
	body := b[prefixBytes:]
	if int(le.Uint32(b)) != len(body) || crc32.Checksum(body, castagnoli) != le.Uint32(b[4:]) {
		return fault.New(fault.Corrupt, "cut-outs: annotation %d: the record is damaged", e.AnnotationID)
	}
	m := uint64(le.Uint32(body))
	if m > uint64(len(body)-4) || string(body[4:4+m]) != string(e.appendTo(nil)) {
		return fault.New(fault.Corrupt, "cut-outs: annotation %d: the record is not what the index says", e.AnnotationID)
	}
	if err := c.unpack(body[4+m:]); err != nil {
		return fault.New(fault.Corrupt, "cut-outs: annotation %d: %w", e.AnnotationID, err)
	}
	return nil
}
