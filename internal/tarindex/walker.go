package tarindex

import (
	"bytes"
	"io"
	"strconv"
	"strings"

	"github.com/tailorbird/tailorbird/internal/fault"
)

// walker steps over the headers of one archive.
type walker struct {
	a        *Archive
	off, end int64 // of the next header; of the archive
}

// extension is what the headers before a member say of it.
type extension struct {
	longName string // GNU
	path     string // PAX
	size     int64  // PAX
	hasSize  bool
	sparse   bool
}

// next returns the next member, or io.EOF behind the last.
func (w *walker) next() (Member, error) {
	var ext extension
	for {
		at := w.off
		h, err := w.header()
		if err != nil {
			return Member{}, err
		}
		size, ok := h.size()
		if !ok {
			return Member{}, corrupt(at, "the size is not a number of bytes")
		}
		switch kind := h[typeAt]; kind {
		case 'x', 'g', 'L', 'K':
			if err := w.extend(&ext, kind, at, size); err != nil {
				return Member{}, err
			}
		default:
			return w.member(h, ext, at, size)
		}
	}
}

// header reads the block at w.off and steps behind it. The block is valid until
// the next read.
func (w *walker) header() (*header, error) {
	if w.off >= w.end {
		return nil, io.EOF
	}
	h, err := w.block()
	if err != nil {
		return nil, err
	}
	if h.zero() {
		return nil, w.trailer()
	}
	if !h.checksumAgrees() {
		return nil, corrupt(w.off, "the checksum of the header does not agree")
	}
	w.off += blockSize
	return h, nil
}

// block returns the block at w.off and counts it.
func (w *walker) block() (*header, error) {
	if w.a.headers == 0 {
		return nil, fault.At(fault.New(fault.TooLarge, "tar: more than %d headers", w.a.limit), fault.Place{Offset: w.off, HasOffset: true})
	}
	w.a.headers--
	b, err := w.a.win.block(w.off, w.end)
	if err != nil {
		return nil, err
	}
	return (*header)(b), nil
}

// trailer is called on a zero block: two of them, or one and nothing more, end
// the archive.
func (w *walker) trailer() error {
	if w.end-w.off < 2*blockSize {
		return io.EOF
	}
	b, err := w.a.win.block(w.off+blockSize, w.end)
	if err != nil {
		return err
	}
	if !(*header)(b).zero() {
		return corrupt(w.off, "a zero block between headers")
	}
	return io.EOF
}

// extend reads the body of a header that speaks of the member behind it. Global
// PAX headers carry nothing that locates data and are passed over.
func (w *walker) extend(ext *extension, kind byte, at, size int64) error {
	if size > maxExtendedSize {
		return fault.At(fault.New(fault.TooLarge, "tar: an extended header of %d bytes", size), fault.Place{Offset: at, HasOffset: true})
	}
	if size > w.end-w.off {
		return corrupt(at, "an extended header of %d bytes, the archive has %d more", size, w.end-w.off)
	}
	body := w.off
	w.off = w.behind(body, size)
	if kind == 'g' || kind == 'K' {
		return nil
	}
	b, err := w.a.win.bytes(body, size)
	if err != nil {
		return err
	}
	if kind == 'L' {
		ext.longName = string(cstring(b))
		return nil
	}
	return ext.pax(b, at)
}

// pax reads records of the form "LENGTH KEYWORD=VALUE\n". A later header takes
// the place of an earlier one.
func (ext *extension) pax(b []byte, at int64) error {
	*ext = extension{longName: ext.longName}
	for len(b) > 0 {
		sp := bytes.IndexByte(b[:min(len(b), 20)], ' ')
		if sp < 1 {
			return corrupt(at, "a PAX record without a length")
		}
		n, err := strconv.ParseUint(string(b[:sp]), 10, 31)
		if err != nil || int(n) > len(b) || int(n) < sp+2 || b[n-1] != '\n' {
			return corrupt(at, "a PAX record whose length does not fit")
		}
		key, value, ok := strings.Cut(string(b[sp+1:n-1]), "=")
		if !ok || key == "" {
			return corrupt(at, "a PAX record without a keyword")
		}
		b = b[n:]
		if err := ext.set(key, value, at); err != nil {
			return err
		}
	}
	return nil
}

func (ext *extension) set(key, value string, at int64) error {
	switch {
	case key == "path":
		if strings.ContainsRune(value, 0) {
			return corrupt(at, "a PAX path with a NUL")
		}
		ext.path = value
	case key == "size":
		ext.hasSize = value != ""
		n, err := strconv.ParseInt(value, 10, 64)
		if ext.hasSize && (err != nil || n < 0) {
			return corrupt(at, "a PAX size that is not a number of bytes")
		}
		ext.size = n
	case strings.HasPrefix(key, "GNU.sparse."):
		ext.sparse = true
	}
	return nil
}

// member makes sense of the header h at byte at and steps behind its data.
func (w *walker) member(h *header, ext extension, at, size int64) (Member, error) {
	m := Member{Name: h.name(), Header: at, Type: typeOf(h[typeAt])}
	sparseMap := m.Type == Sparse && h[sparseExtendedAt] != 0
	switch {
	case ext.longName != "":
		m.Name = ext.longName
	case ext.path != "":
		m.Name = ext.path
	}
	if ext.hasSize {
		size = ext.size
	}
	if ext.sparse && m.Type == File {
		m.Type = Sparse
	}
	// Before POSIX a directory was a file whose name ends in a slash.
	if h[typeAt] == 0 && strings.HasSuffix(m.Name, "/") {
		m.Type = Dir
	}
	switch m.Type {
	case Dir, Symlink, Link, Device, FIFO:
		size = 0 // a size here is that of what the link points to, no data follows
	}
	if sparseMap {
		if err := w.skipSparseMap(); err != nil {
			return Member{}, err
		}
	}
	if size > w.end-w.off {
		return Member{}, corrupt(at, "member %q of %d bytes, the archive has %d more", clip(m.Name), size, w.end-w.off)
	}
	m.Offset, m.Size = w.off, size
	w.off = w.behind(w.off, size)
	return m, nil
}

// skipSparseMap steps over the blocks that continue the map in a GNU sparse
// header.
func (w *walker) skipSparseMap() error {
	for more := true; more; w.off += blockSize {
		b, err := w.block()
		if err != nil {
			return err
		}
		more = b[sparseMoreExtendedAt] != 0
	}
	return nil
}

// behind is the offset of the block that follows size bytes at off. Padding that
// the archive's end cuts off holds nothing.
func (w *walker) behind(off, size int64) int64 {
	pad := -size & (blockSize - 1)
	return min(off+size, w.end-pad) + pad
}

func typeOf(flag byte) Type {
	switch flag {
	case '0', 0, '7':
		return File
	case '1':
		return Link
	case '2':
		return Symlink
	case '3', '4':
		return Device
	case '5':
		return Dir
	case '6':
		return FIFO
	case 'S':
		return Sparse
	}
	return Other
}
