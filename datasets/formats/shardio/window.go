package shardio

import (
	"errors"
	"io"

	"github.com/tailorbird/tailorbird/internal/fault"
)

// Window reads an object front to back through large ranged reads, with jumps:
// small things that lie close together cost one request, and what lies between
// two distant ones is not read.
type Window struct {
	r     io.ReaderAt
	size  int64
	buf   []byte // its capacity is the span
	start int64
}

// NewWindow reads r, of size bytes, at least span bytes at a time.
func NewWindow(r io.ReaderAt, size int64, span int) *Window {
	return &Window{r: r, size: size, buf: make([]byte, 0, min(int64(span), max(size, 1)))}
}

// Span is the most that Peek can return.
func (w *Window) Span() int { return cap(w.buf) }

// Size is the size of the whole object in bytes.
func (w *Window) Size() int64 { return w.size }

// Peek returns the n bytes at off. They are valid until the next call. n is at
// most the span; a range past the end is fault.Corrupt.
func (w *Window) Peek(off int64, n int) ([]byte, error) {
	if err := w.check(off, int64(n)); err != nil {
		return nil, err
	}
	if n > cap(w.buf) {
		return nil, fault.New(fault.TooLarge, "%d bytes at byte %d, at most %d are looked at", n, off, cap(w.buf))
	}
	if off < w.start || off+int64(n) > w.start+int64(len(w.buf)) {
		fill := w.buf[:min(int64(cap(w.buf)), w.size-off)]
		w.buf = w.buf[:0]
		if err := w.readAt(fill, off); err != nil {
			return nil, err
		}
		w.buf, w.start = fill, off
	}
	return w.buf[off-w.start:][:n], nil
}

// Read returns a new slice with the n bytes at off. A range past the end is
// fault.Corrupt, found before anything is allocated.
func (w *Window) Read(off, n int64) ([]byte, error) {
	if err := w.check(off, n); err != nil {
		return nil, err
	}
	b := make([]byte, n)
	return b, w.Fill(b, off)
}

// Fill reads len(b) bytes at off into b. A range past the end is fault.Corrupt.
func (w *Window) Fill(b []byte, off int64) error {
	if err := w.check(off, int64(len(b))); err != nil {
		return err
	}
	if len(b) <= cap(w.buf)/4 {
		p, err := w.Peek(off, len(b))
		copy(b, p)
		return err
	}
	done := 0
	if off >= w.start && off < w.start+int64(len(w.buf)) {
		done = copy(b, w.buf[off-w.start:])
	}
	if done == len(b) {
		return nil
	}
	return w.readAt(b[done:], off+int64(done))
}

func (w *Window) check(off, n int64) error {
	if off < 0 || n < 0 || off > w.size || n > w.size-off {
		return fault.At(fault.New(fault.Corrupt, "truncated: %d bytes are wanted, the shard has %d", n, w.size), fault.Place{Offset: off, HasOffset: true})
	}
	return nil
}

func (w *Window) readAt(b []byte, off int64) error {
	n, err := w.r.ReadAt(b, off)
	if n == len(b) {
		return nil
	}
	if err == nil || errors.Is(err, io.EOF) {
		return fault.At(fault.New(fault.Corrupt, "truncated: read %d of %d bytes", n, len(b)), fault.Place{Offset: off, HasOffset: true})
	}
	return err
}
