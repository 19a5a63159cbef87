package blob

import (
	"context"
	"io"
	"iter"
	"net/url"
	"path"
	"path/filepath"
	"strings"
	"sync"

	"github.com/tailorbird/tailorbird/internal/fault"
)

// Object is an open input: immutable while it is open, safe for concurrent
// ranged reads. The caller closes it.
type Object interface {
	io.ReaderAt
	io.Closer
	Size() int64
}

// Info names an object below a listed place.
type Info struct {
	Name string // slash-separated, relative to what was listed
	Size int64  // bytes
}

// Store serves one scheme of addresses. A Store is safe for concurrent use.
type Store interface {
	// Open opens an existing object; fault.NotFound where there is none.
	Open(ctx context.Context, addr string) (Object, error)
	// List yields the regular files below addr, recursively, in bytewise order
	// of their names. A place that does not exist is fault.NotFound.
	List(ctx context.Context, addr string) iter.Seq2[Info, error]
	// Stat returns the size of an object; fault.NotFound where there is none.
	Stat(ctx context.Context, addr string) (Info, error)
	// Create starts a new object at addr; nothing is visible there before
	// Publish. See Writer.
	Create(ctx context.Context, addr string) (Writer, error)
	// Remove deletes an object; one that is not there is no error.
	Remove(ctx context.Context, addr string) error
	// RemoveAll deletes every object below addr, and addr itself where it is a
	// directory; nothing there is no error.
	RemoveAll(ctx context.Context, addr string) error
	// Sweep removes what dead attempts left below addr and returns the names.
	Sweep(ctx context.Context, addr string) ([]string, error)
}

// Digest is what a Writer knows of the bytes that it was given.
type Digest struct {
	Bytes  int64
	CRC32C uint32
	SHA256 [32]byte
}

// Writer writes one object and publishes it whole or not at all.
type Writer interface {
	io.Writer
	// Publish makes the object visible under its name, never replacing
	// another: where the name holds the same bytes already it succeeds, where it
	// holds others it returns fault.Conflict and both stay. Call it once, then
	// Close.
	Publish(ctx context.Context) (Digest, error)
	// Close releases the writer; without a Publish before it nothing remains.
	Close() error
}

var (
	storesMu sync.RWMutex
	stores   = map[string]Store{"": local{sys: osSystem{}}, "file": local{sys: osSystem{}}}
)

// Register serves addresses of the form scheme://... by s.
func Register(scheme string, s Store) {
	storesMu.Lock()
	defer storesMu.Unlock()
	stores[scheme] = s
}

// Scheme returns the scheme of addr, "" for a plain path.
func Scheme(addr string) string {
	if i := strings.Index(addr, "://"); i > 0 {
		return addr[:i]
	}
	return ""
}

func storeOf(addr string) (Store, error) {
	storesMu.RLock()
	defer storesMu.RUnlock()
	s, ok := stores[Scheme(addr)]
	if !ok {
		return nil, fault.New(fault.Usage, "%s: no storage is known for %s:// addresses", addr, Scheme(addr))
	}
	return s, nil
}

// Open opens the object at addr for ranged reads.
func Open(ctx context.Context, addr string) (Object, error) {
	s, err := storeOf(addr)
	if err != nil {
		return nil, err
	}
	return s.Open(ctx, addr)
}

// List yields the regular files below addr in bytewise order of their names.
func List(ctx context.Context, addr string) iter.Seq2[Info, error] {
	s, err := storeOf(addr)
	if err != nil {
		return func(yield func(Info, error) bool) { yield(Info{}, err) }
	}
	return s.List(ctx, addr)
}

// Stat returns the size of the object at addr.
func Stat(ctx context.Context, addr string) (Info, error) {
	s, err := storeOf(addr)
	if err != nil {
		return Info{}, err
	}
	return s.Stat(ctx, addr)
}

// Create starts a new object at addr.
func Create(ctx context.Context, addr string) (Writer, error) {
	s, err := storeOf(addr)
	if err != nil {
		return nil, err
	}
	return s.Create(ctx, addr)
}

// Remove deletes the object at addr; one that is not there is no error.
func Remove(ctx context.Context, addr string) error {
	s, err := storeOf(addr)
	if err != nil {
		return err
	}
	return s.Remove(ctx, addr)
}

// RemoveAll deletes every object below addr; nothing there is no error.
func RemoveAll(ctx context.Context, addr string) error {
	s, err := storeOf(addr)
	if err != nil {
		return err
	}
	return s.RemoveAll(ctx, addr)
}

// Sweep removes what dead attempts left below addr and returns the names.
func Sweep(ctx context.Context, addr string) ([]string, error) {
	s, err := storeOf(addr)
	if err != nil {
		return nil, err
	}
	return s.Sweep(ctx, addr)
}

// Put publishes data at addr; see Writer.Publish.
func Put(ctx context.Context, addr string, data []byte) (Digest, error) {
	w, err := Create(ctx, addr)
	if err != nil {
		return Digest{}, err
	}
	defer w.Close()
	if _, err := w.Write(data); err != nil {
		return Digest{}, err
	}
	return w.Publish(ctx)
}

// Replace publishes data at addr in place of what is there. Between the two
// there is a moment without either: it is for files that describe, beside a
// manifest that does not exist yet.
func Replace(ctx context.Context, addr string, data []byte) error {
	if err := Remove(ctx, addr); err != nil {
		return err
	}
	_, err := Put(ctx, addr, data)
	return err
}

// ReadFile reads a whole object of at most limit bytes; a larger one is
// fault.TooLarge, unread.
func ReadFile(ctx context.Context, addr string, limit int64) ([]byte, error) {
	o, err := Open(ctx, addr)
	if err != nil {
		return nil, err
	}
	defer o.Close()
	if o.Size() > limit {
		return nil, fault.At(fault.New(fault.TooLarge, "%d bytes, at most %d are read", o.Size(), limit), fault.Place{Path: addr})
	}
	b := make([]byte, o.Size())
	if _, err := io.ReadFull(io.NewSectionReader(o, 0, o.Size()), b); err != nil {
		return nil, fault.At(err, fault.Place{Path: addr})
	}
	return b, nil
}

// Join appends slash-separated elements to an address.
func Join(addr string, elem ...string) string {
	if Scheme(addr) == "" {
		return filepath.Join(append([]string{addr}, elem...)...)
	}
	return strings.TrimRight(addr, "/") + "/" + path.Join(elem...)
}

// Base returns the last element of addr.
func Base(addr string) string {
	if Scheme(addr) == "" {
		return filepath.Base(addr)
	}
	if u, err := url.Parse(addr); err == nil {
		return path.Base(u.Path)
	}
	return path.Base(addr)
}
