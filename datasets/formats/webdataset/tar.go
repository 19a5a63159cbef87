package webdataset

import (
	"bytes"
	"io"
	"strconv"
	"strings"

	"github.com/tailorbird/tailorbird/datasets/formats/shardio"
	"github.com/tailorbird/tailorbird/internal/fault"
)

const (
	block = 512
	// maxExtended bounds a PAX or GNU header, which only ever holds a name here.
	maxExtended = 1 << 20
)

func padded(n int64) int64 { return (n + block - 1) &^ (block - 1) }

// member is one regular file of a tar.
type member struct {
	name   string
	header int64 // offset of its first header, extended ones included
	data   int64
	size   int64
}

func (m member) end() int64 { return m.data + padded(m.size) }

// walker goes from header to header. It knows USTAR, PAX paths and sizes, and
// GNU long names.
type walker struct {
	win *shardio.Window
	off int64
}

// next returns the next regular file, or io.EOF at the end of the archive. Every
// other error ends the walk: there is no way to find the next header.
func (w *walker) next() (member, error) {
	start := w.off
	var ext extended
	for {
		h, err := w.header()
		if err != nil {
			return member{}, err
		}
		size, err := number(h[124:136])
		if err != nil {
			return member{}, fault.At(err, fault.Place{Offset: w.off, HasOffset: true})
		}
		m := member{name: headerName(h), header: start, data: w.off + block, size: size}
		if ext.name != "" {
			m.name = ext.name
		}
		if ext.hasSize {
			m.size = ext.size
		}
		if m.size > w.win.Size()-m.data || padded(m.size) > w.win.Size()-m.data {
			return member{}, fault.At(fault.New(fault.Corrupt, "truncated: tar entry %.100q of %d bytes ends past the shard's %d", m.name, m.size, w.win.Size()), fault.Place{Offset: w.off, HasOffset: true})
		}
		switch typ := h[156]; typ {
		case 'x', 'L':
			if err := ext.read(w.win, typ, m); err != nil {
				return member{}, fault.At(err, fault.Place{Offset: w.off, HasOffset: true})
			}
			w.off = m.end()
			continue
		case 'g', 'K':
			w.off = m.end()
			continue
		case 'S':
			return member{}, fault.At(fault.New(fault.Unsupported, "tar entry %.100q is a sparse file", m.name), fault.Place{Offset: w.off, HasOffset: true})
		case '0', 0, '7':
			w.off = m.end()
			return m, nil
		default: // directories, links and devices hold nothing
			w.off = m.end()
			start, ext = w.off, extended{}
		}
	}
}

// header returns the checked header at w.off, or io.EOF at two zero blocks.
func (w *walker) header() ([]byte, error) {
	if w.off == w.win.Size() {
		return nil, fault.At(fault.New(fault.Corrupt, "tar has no end: the two zero blocks are missing"), fault.Place{Offset: w.off, HasOffset: true})
	}
	h, err := w.win.Peek(w.off, block)
	if err != nil {
		return nil, err
	}
	if bytes.Equal(h, zeros[:block]) {
		if h, err = w.win.Peek(w.off, 2*block); err != nil || !bytes.Equal(h, zeros[:]) {
			return nil, fault.At(fault.New(fault.Corrupt, "tar has no end: one zero block, not two"), fault.Place{Offset: w.off, HasOffset: true})
		}
		return nil, io.EOF
	}
	sum, err := number(h[148:156])
	if err != nil || sum != checksum(h) && sum != signedChecksum(h) {
		return nil, fault.At(fault.New(fault.Corrupt, "tar header has a wrong checksum"), fault.Place{Offset: w.off, HasOffset: true})
	}
	return h, nil
}

// signedChecksum is the sum that some early tars wrote.
func signedChecksum(h []byte) int64 {
	sum := int64(8 * ' ')
	for i, c := range h[:block] {
		if i < 148 || i >= 156 {
			sum += int64(int8(c))
		}
	}
	return sum
}

func headerName(h []byte) string {
	name := text(h[:100])
	if bytes.HasPrefix(h[257:], []byte("ustar\x00")) {
		if prefix := text(h[345:500]); prefix != "" {
			return prefix + "/" + name
		}
	}
	return name
}

func text(f []byte) string {
	if i := bytes.IndexByte(f, 0); i >= 0 {
		f = f[:i]
	}
	return string(f)
}

// number reads a header's number: octal digits, or base 256 where the first bit
// is set (GNU).
func number(f []byte) (int64, error) {
	if f[0]&0x80 != 0 {
		v := int64(f[0] & 0x7f)
		for _, c := range f[1:] {
			if v >= 1<<54 {
				return 0, fault.New(fault.Corrupt, "tar header states a size over 2^62")
			}
			v = v<<8 | int64(c)
		}
		return v, nil
	}
	digits := strings.Trim(string(f), " \x00")
	if digits == "" {
		return 0, nil
	}
	v, err := strconv.ParseUint(digits, 8, 62)
	if err != nil {
		return 0, fault.New(fault.Corrupt, "tar header has %q for a number", digits)
	}
	return int64(v), nil
}

// extended is what PAX and GNU headers say of the file after them.
type extended struct {
	name    string
	size    int64
	hasSize bool
}

func (e *extended) read(win *shardio.Window, typ byte, m member) error {
	if m.size > maxExtended {
		return fault.New(fault.TooLarge, "extended tar header of %d bytes, at most %d are read", m.size, maxExtended)
	}
	b, err := win.Read(m.data, m.size)
	if err != nil {
		return err
	}
	if typ == 'L' {
		e.name = text(b)
		return nil
	}
	for len(b) > 0 {
		// A PAX record is "LENGTH KEY=VALUE\n"; LENGTH counts all of it.
		length, rest, ok := bytes.Cut(b, []byte{' '})
		n, err := strconv.Atoi(string(length))
		if !ok || err != nil || n <= len(length)+1 || n > len(b) || b[n-1] != '\n' {
			return fault.New(fault.Corrupt, "PAX header: %.40q is no record", b)
		}
		key, value, _ := strings.Cut(string(rest[:n-len(length)-2]), "=")
		switch key {
		case "path":
			e.name = value
		case "size":
			if e.size, err = strconv.ParseInt(value, 10, 64); err != nil || e.size < 0 {
				return fault.New(fault.Corrupt, "PAX header: size %.40q", value)
			}
			e.hasSize = true
		}
		b = b[n:]
	}
	return nil
}
