package tarindex

import (
	"io"
	"iter"

	"github.com/tailorbird/tailorbird/internal/fault"
)

const (
	blockSize       = 512
	defaultAhead    = 512 << 10
	seekAhead       = 16 << 10 // after a jump: a header, and what follows it in a tar of tars
	defaultHeaders  = 1 << 22
	maxExtendedSize = 1 << 20 // bytes of one PAX or long-name header
)

// Options bounds a walk. The zero value is right for most archives.
type Options struct {
	ReadAhead  int // bytes a ranged read asks for where headers lie close; 0 is 512 KiB
	MaxHeaders int // headers of all kinds, over all walks of one Archive; 0 is 4,194,304
}

// Archive is a tar that is read through ranged reads. It is not safe for
// concurrent use; a walk may be nested in another of the same Archive.
type Archive struct {
	r       io.ReaderAt
	size    int64
	win     window
	headers int // left
	limit   int
}

// New returns the archive in the first size bytes of r. It reads nothing.
func New(r io.ReaderAt, size int64, o Options) *Archive {
	if o.ReadAhead <= 0 {
		o.ReadAhead = defaultAhead
	}
	if o.MaxHeaders <= 0 {
		o.MaxHeaders = defaultHeaders
	}
	ahead := max(o.ReadAhead, blockSize)
	return &Archive{
		r: r, size: size, headers: o.MaxHeaders, limit: o.MaxHeaders,
		win: window{r: r, size: size, max: ahead},
	}
}

// Members yields the members in the order of the archive. An error ends the
// walk: a fault with a data code where the archive is at fault, another where
// reading failed.
func (a *Archive) Members() iter.Seq2[Member, error] {
	return a.walk(0, a.size)
}

// Within yields the members of the tar that m's data is, with offsets into the
// outer file.
func (a *Archive) Within(m Member) iter.Seq2[Member, error] {
	return a.walk(m.Offset, m.Offset+m.Size)
}

// IsTar reports whether m's data begins like a tar: with a header whose checksum
// agrees, or, for an empty archive, with a zero block.
func (a *Archive) IsTar(m Member) (bool, error) {
	if m.Type != File || m.Size < blockSize {
		return false, nil
	}
	b, err := a.win.block(m.Offset, m.Offset+m.Size)
	if err != nil {
		return false, err
	}
	h := (*header)(b)
	return h.zero() || h.checksumAgrees(), nil
}

func (a *Archive) walk(off, end int64) iter.Seq2[Member, error] {
	return func(yield func(Member, error) bool) {
		w := walker{a: a, off: off, end: end}
		for {
			m, err := w.next()
			if err == io.EOF {
				return
			}
			if !yield(m, err) || err != nil {
				return
			}
		}
	}
}

// window is a cache of one stretch of the archive. It reads far ahead while
// headers lie close together, and little after a jump over a large body.
type window struct {
	r    io.ReaderAt
	size int64
	max  int
	buf  []byte // capacity grows to max
	off  int64  // of buf[0]
	used bool
}

// block returns the 512 bytes at off, valid until the next call. They end at or
// before end, or the error is fault.Corrupt.
func (w *window) block(off, end int64) ([]byte, error) {
	if min(end, w.size)-off < blockSize {
		return nil, corrupt(off, "the archive ends in the middle of a header")
	}
	return w.bytes(off, blockSize)
}

// bytes returns n bytes at off, valid until the next call. The caller has checked
// that they lie in the archive; n is bounded by maxExtendedSize.
func (w *window) bytes(off, n int64) ([]byte, error) {
	if i := off - w.off; i >= 0 && i+n <= int64(len(w.buf)) {
		return w.buf[i : i+n], nil
	}
	if err := w.fill(off, n); err != nil {
		return nil, err
	}
	return w.buf[:n], nil
}

// fill moves the window to off; it then holds at least need bytes.
func (w *window) fill(off, need int64) error {
	n := int64(w.max)
	if jump := off - (w.off + int64(len(w.buf))); w.used && (jump < 0 || jump >= n) {
		n = min(n, seekAhead)
	}
	n = min(max(n, need), w.size-off)
	if int64(cap(w.buf)) < n {
		w.buf = make([]byte, n)
	}
	w.off, w.used = off, true
	got, err := w.r.ReadAt(w.buf[:n], off)
	w.buf = w.buf[:got]
	if int64(got) >= need {
		return nil
	}
	if err == io.EOF || err == nil {
		return corrupt(off, "the file is shorter than its %d bytes", w.size)
	}
	return fault.At(err, fault.Place{Offset: off, HasOffset: true})
}

func corrupt(off int64, format string, args ...any) error {
	return fault.At(fault.New(fault.Corrupt, "tar: "+format, args...), fault.Place{Offset: off, HasOffset: true})
}
