package blob

import (
	"bufio"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"hash/crc32"
	"io"
	"io/fs"
	"path/filepath"
	"syscall"

	"github.com/tailorbird/tailorbird/internal/failpoint"
	"github.com/tailorbird/tailorbird/internal/fault"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// writeBuffer is how much a Writer gathers before it asks the system.
const writeBuffer = 256 << 10

type localWriter struct {
	sys         System
	addr        string // as the caller named it
	final, temp string
	file        File
	buf         *bufio.Writer
	sha         hash.Hash
	digest      Digest
	err         error
}

// Create starts a temporary file beside addr.
func (l local) Create(ctx context.Context, addr string) (Writer, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	final := pathOf(addr)
	dir := filepath.Dir(final)
	if err := l.sys.MkdirAll(dir); err != nil {
		return nil, fault.At(err, fault.Place{Path: addr})
	}
	failpoint.Hit("create.directory")
	var attempt [6]byte
	if _, err := rand.Read(attempt[:]); err != nil {
		return nil, err
	}
	temp := filepath.Join(dir, tempPrefix+filepath.Base(final)+"."+hex.EncodeToString(attempt[:])+".tmp")
	f, err := l.sys.CreateExclusive(temp)
	if err != nil {
		return nil, fault.At(err, fault.Place{Path: addr})
	}
	failpoint.Hit("create.temporary")
	w := &localWriter{sys: l.sys, addr: addr, final: final, temp: temp, file: f, sha: sha256.New()}
	w.buf = bufio.NewWriterSize(writerFunc(w.flush), writeBuffer)
	return w, nil
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }

// Write keeps the first error, so that Publish cannot succeed after it.
func (w *localWriter) Write(b []byte) (int, error) {
	if w.err != nil {
		return 0, w.err
	}
	n, err := w.buf.Write(b)
	w.err = err
	return n, err
}

func (w *localWriter) flush(b []byte) (int, error) {
	n, err := w.file.Write(b)
	if err == nil && n < len(b) {
		err = io.ErrShortWrite
	}
	if err != nil {
		return n, fault.At(err, fault.Place{Path: w.addr})
	}
	w.sha.Write(b)
	w.digest.CRC32C = crc32.Update(w.digest.CRC32C, castagnoli, b)
	w.digest.Bytes += int64(n)
	failpoint.Hit("write.flushed")
	return n, nil
}

// Publish runs the protocol of the package comment.
func (w *localWriter) Publish(ctx context.Context) (Digest, error) {
	if err := errors.Join(w.err, ctx.Err()); err != nil {
		return Digest{}, err
	}
	if err := w.buf.Flush(); err != nil {
		return Digest{}, err
	}
	w.sha.Sum(w.digest.SHA256[:0])
	if err := w.file.Sync(); err != nil {
		return Digest{}, fault.At(err, fault.Place{Path: w.addr})
	}
	failpoint.Hit("publish.synced")
	if err := w.readBack(); err != nil {
		return Digest{}, fault.At(err, fault.Place{Path: w.addr})
	}
	failpoint.Hit("publish.checked")
	if err := w.expose(); err != nil {
		return Digest{}, fault.At(err, fault.Place{Path: w.addr})
	}
	failpoint.Hit("publish.exposed")
	if err := w.Close(); err != nil {
		return Digest{}, fault.At(err, fault.Place{Path: w.addr})
	}
	failpoint.Hit("publish.unlinked")
	if err := w.sys.SyncDir(filepath.Dir(w.final)); err != nil {
		return Digest{}, fault.At(err, fault.Place{Path: w.addr})
	}
	failpoint.Hit("publish.done")
	return w.digest, nil
}

// readBack holds what the system says is in the file against what was written.
func (w *localWriter) readBack() error {
	st, err := w.file.Stat()
	if err != nil {
		return err
	}
	if st.Size() != w.digest.Bytes {
		return fault.New("", "%d bytes on disk, %d were written", st.Size(), w.digest.Bytes)
	}
	crc := crc32.New(castagnoli)
	if _, err := io.CopyBuffer(crc, io.NewSectionReader(w.file, 0, st.Size()), make([]byte, writeBuffer)); err != nil {
		return err
	}
	if crc.Sum32() != w.digest.CRC32C {
		return fault.New("", "crc32c %08x on disk, %08x was written", crc.Sum32(), w.digest.CRC32C)
	}
	return nil
}

// expose gives the file its final name without replacing another.
func (w *localWriter) expose() error {
	err := w.sys.Link(w.temp, w.final)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, fs.ErrExist), errors.Is(err, fs.ErrNotExist):
		// Somebody was first, or a finished build swept this attempt away.
		return w.compare()
	case errors.Is(err, syscall.EPERM), errors.Is(err, syscall.ENOTSUP), errors.Is(err, syscall.EMLINK),
		errors.Is(err, syscall.ENOSYS), errors.Is(err, syscall.EXDEV):
		return w.exposeByRename()
	}
	return w.settle(err)
}

// settle judges a failure whose operation may have been done all the same, as
// when the reply of a file server is lost: what lies under the name decides.
func (w *localWriter) settle(err error) error {
	cerr := w.compare()
	if cerr == nil || fault.CodeOf(cerr) == fault.Conflict || errors.Is(err, fs.ErrNotExist) {
		return cerr
	}
	return err
}

// exposeByRename serves file systems without hard links: whoever holds the lock
// file may look and rename.
func (w *localWriter) exposeByRename() error {
	lock := filepath.Join(filepath.Dir(w.final), tempPrefix+filepath.Base(w.final)+".lock")
	f, err := w.sys.CreateExclusive(lock)
	if errors.Is(err, fs.ErrExist) {
		return fault.New(fault.Transient, "another attempt is publishing (%s); remove that file if none is running", lock)
	}
	if err != nil {
		return err
	}
	defer func() { _ = f.Close(); _ = w.sys.Remove(lock) }()
	failpoint.Hit("publish.locked")
	if _, err := w.sys.Stat(w.final); err == nil {
		return w.compare()
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := w.sys.Rename(w.temp, w.final); err != nil {
		return w.settle(err)
	}
	return nil
}

// compare succeeds where the final name already holds the same bytes.
func (w *localWriter) compare() error {
	f, err := w.sys.Open(w.final)
	if errors.Is(err, fs.ErrNotExist) {
		return fault.New(fault.Transient, "the temporary file %s is gone before it was published", w.temp)
	}
	if err != nil {
		return err
	}
	defer f.Close()
	if st, err := f.Stat(); err != nil {
		return err
	} else if !st.Mode().IsRegular() {
		return fault.New(fault.Conflict, "exists and is not a regular file")
	}
	h := sha256.New()
	n, err := io.CopyBuffer(h, f, make([]byte, writeBuffer))
	if err != nil {
		return err
	}
	if [32]byte(h.Sum(nil)) != w.digest.SHA256 {
		return fault.New(fault.Conflict, "exists with other content (%d bytes, sha256 %x; this attempt has %d bytes, sha256 %x)",
			n, h.Sum(nil), w.digest.Bytes, w.digest.SHA256)
	}
	return nil
}

// Close removes the temporary name; what was published stays.
func (w *localWriter) Close() error {
	if w.file == nil {
		return nil
	}
	err := w.file.Close()
	w.file = nil
	if rerr := w.sys.Remove(w.temp); rerr != nil && !errors.Is(rerr, fs.ErrNotExist) {
		err = errors.Join(err, rerr)
	}
	return err
}
