package cifar

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"strings"
	"sync"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/internal/blob"
	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/internal/tarindex"
)

// file is one file of the input: its name in it, and where its bytes lie.
type file struct {
	name string
	span datasets.Span
	in   io.ReaderAt // of a tar; nil for a file of a directory
}

// maxUnpacked bounds a tar.gz in memory; the releases have 170 to 185 MB.
const maxUnpacked = 512 << 20

// walk goes through the files of the input, which is a tar, a tar.gz or a
// directory.
func (pl *plan) walk() error {
	o, err := openArchive(pl.ctx, pl.in)
	if fault.CodeOf(err) == fault.NotFound {
		return pl.walkDir()
	}
	if err != nil {
		return fault.At(err, fault.Place{Path: blob.Base(pl.in)})
	}
	defer o.Close()
	pl.bytes = o.Size()
	read := int64(0)
	for m, err := range tarindex.New(o, o.Size(), tarindex.Options{}).Members() {
		if err != nil {
			return fault.At(err, fault.Place{Path: blob.Base(pl.in)})
		}
		if m.Type == tarindex.Dir {
			continue
		}
		f := file{name: strings.TrimPrefix(m.Name, "./"), span: datasets.Span{Offset: m.Offset, Length: m.Size}, in: o}
		if err := m.Check(); err != nil {
			pl.ignored++
			continue
		}
		if err := pl.file(f); err != nil {
			return err
		}
		pl.p.Read(m.Offset + m.Size - read)
		read = m.Offset + m.Size
	}
	return nil
}

func (pl *plan) walkDir() error {
	for info, err := range blob.List(pl.ctx, pl.in) {
		if err != nil {
			return err
		}
		pl.bytes += info.Size
		if err := pl.file(file{name: info.Name, span: datasets.Span{Name: info.Name, Length: info.Size}}); err != nil {
			return err
		}
		pl.p.Read(info.Size)
	}
	return nil
}

// openArchive opens the tar at addr for ranged reads, unpacked where it is gzip.
func openArchive(ctx context.Context, addr string) (blob.Object, error) {
	o, err := blob.Open(ctx, addr)
	if err != nil {
		return nil, err
	}
	var magic [2]byte
	if n, err := o.ReadAt(magic[:], 0); n < len(magic) || magic != [2]byte{0x1f, 0x8b} {
		if err != nil && err != io.EOF {
			return nil, errors.Join(err, o.Close())
		}
		return o, nil
	}
	u, err := unpack(addr, o)
	return u, errors.Join(err, o.Close())
}

// unpacked is the contents of a tar.gz, shared by all who have it open.
type unpacked struct {
	*bytes.Reader
	key   unpackedKey
	users int
}

// unpackedKey tells archives apart; a changed file has another size as a rule, and
// the next process reads it anew.
type unpackedKey struct {
	addr string
	size int64
}

var (
	mu   sync.Mutex
	held = map[unpackedKey]*unpacked{}
)

// unpack returns the contents of the gzip o. One unpacks, others wait for it.
func unpack(addr string, o blob.Object) (blob.Object, error) {
	mu.Lock()
	defer mu.Unlock()
	key := unpackedKey{addr, o.Size()}
	if u := held[key]; u != nil {
		u.users++
		return u, nil
	}
	z, err := gzip.NewReader(io.NewSectionReader(o, 0, o.Size()))
	if err != nil {
		return nil, broken(err)
	}
	b, err := io.ReadAll(io.LimitReader(z, maxUnpacked+1))
	if err != nil {
		return nil, broken(err)
	}
	if len(b) > maxUnpacked {
		return nil, fault.New(fault.TooLarge, "gzip holds more than %d MB: unpack it, the tar is read in place", maxUnpacked>>20)
	}
	u := &unpacked{Reader: bytes.NewReader(b), key: key, users: 1}
	held[key] = u
	return u, nil
}

// broken types what gzip says of its input; other errors are the machinery's.
func broken(err error) error {
	var bits flate.CorruptInputError
	if errors.Is(err, gzip.ErrHeader) || errors.Is(err, gzip.ErrChecksum) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) || errors.As(err, &bits) {
		return fault.New(fault.Corrupt, "gzip: %w", err)
	}
	return err
}

func (u *unpacked) Close() error {
	mu.Lock()
	defer mu.Unlock()
	if u.users--; u.users == 0 {
		delete(held, u.key)
	}
	return nil
}
