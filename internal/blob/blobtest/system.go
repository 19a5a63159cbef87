package blobtest

import (
	"errors"
	"io/fs"
	"sync/atomic"

	"github.com/tailorbird/tailorbird/internal/blob"
)

// The operations that an Injector sees. Those of an open file come with the
// name that it was opened under.
const (
	Open      = "open"
	Create    = "create"
	Link      = "link" // path is the new name
	Rename    = "rename"
	Remove    = "remove"
	RemoveAll = "removeall"
	MkdirAll  = "mkdirall"
	SyncDir   = "syncdir"
	Stat      = "stat"
	ReadDir   = "readdir"
	Read      = "read"
	ReadAt    = "readat"
	Write     = "write"
	Sync      = "sync"
	FileStat  = "fstat"
	Close     = "close"
)

// Injector decides what becomes of the n-th call. It must be safe for concurrent
// use. A nil error lets the call through.
type Injector func(op, path string, n int) error

// System is a blob.System whose calls an Injector may fail.
type System struct {
	sys    blob.System
	inject Injector
	calls  atomic.Int64
}

// New returns sys with inject in front of every call.
func New(sys blob.System, inject Injector) *System { return &System{sys: sys, inject: inject} }

// Calls is the number of calls so far.
func (s *System) Calls() int { return int(s.calls.Load()) }

// effect is an injected error together with what happens all the same.
type effect struct {
	err   error
	done  bool // the call is made
	short bool // half of the bytes are moved
}

func (e *effect) Error() string {
	if e.err == nil {
		return "short"
	}
	return e.err.Error()
}

func (e *effect) Unwrap() error { return e.err }

// Lost makes the call and reports err, as when a reply is lost on the wire.
func Lost(err error) error { return &effect{err: err, done: true} }

// Short moves half of the bytes of a read or write and reports err, which may be
// nil. Other calls fail with err, or pass where it is nil.
func Short(err error) error { return &effect{err: err, short: true} }

// FailNth fails the n-th call.
func FailNth(n int, err error) Injector {
	return func(_, _ string, i int) error {
		if i == n {
			return err
		}
		return nil
	}
}

// Always fails every call.
func Always(err error) Injector { return func(string, string, int) error { return err } }

// OnlyOp shows inject the calls of one operation, numbered among themselves.
func OnlyOp(op string, inject Injector) Injector {
	var calls atomic.Int64
	return func(o, path string, _ int) error {
		if o != op {
			return nil
		}
		return inject(o, path, int(calls.Add(1)))
	}
}

// Both asks one Injector and then the other.
func Both(a, b Injector) Injector {
	return func(op, path string, n int) error {
		if err := a(op, path, n); err != nil {
			return err
		}
		return b(op, path, n)
	}
}

// do runs one call under the Injector's verdict.
func (s *System) do(op, path string, call func() error) error {
	err := s.inject(op, path, int(s.calls.Add(1)))
	var e *effect
	switch {
	case err == nil:
		return call()
	case !errors.As(err, &e):
		return err
	case e.done, e.err == nil:
		if cerr := call(); cerr != nil || e.err == nil {
			return cerr
		}
	}
	return e.err
}

// move runs one transfer of len(b) bytes under the Injector's verdict.
func (s *System) move(op, path string, b []byte, call func([]byte) (int, error)) (int, error) {
	err := s.inject(op, path, int(s.calls.Add(1)))
	var e *effect
	switch {
	case err == nil:
		return call(b)
	case !errors.As(err, &e):
		return 0, err
	case e.short && len(b) > 1:
		b = b[:len(b)/2]
	case !e.done:
		return 0, e.err
	}
	n, cerr := call(b)
	if cerr == nil {
		cerr = e.err
	}
	return n, cerr
}

func (s *System) open(op, name string, open func(string) (blob.File, error)) (blob.File, error) {
	var f blob.File
	err := s.do(op, name, func() (err error) {
		f, err = open(name)
		return err
	})
	if err != nil {
		if f != nil {
			_ = f.Close() // made, but its reply was lost
		}
		return nil, err
	}
	return &file{File: f, sys: s, name: name}, nil
}

// Open implements blob.System.
func (s *System) Open(name string) (blob.File, error) { return s.open(Open, name, s.sys.Open) }

// CreateExclusive implements blob.System.
func (s *System) CreateExclusive(name string) (blob.File, error) {
	return s.open(Create, name, s.sys.CreateExclusive)
}

// Link implements blob.System.
func (s *System) Link(oldname, newname string) error {
	return s.do(Link, newname, func() error { return s.sys.Link(oldname, newname) })
}

// Rename implements blob.System.
func (s *System) Rename(oldname, newname string) error {
	return s.do(Rename, newname, func() error { return s.sys.Rename(oldname, newname) })
}

// Remove implements blob.System.
func (s *System) Remove(name string) error {
	return s.do(Remove, name, func() error { return s.sys.Remove(name) })
}

// RemoveAll implements blob.System.
func (s *System) RemoveAll(name string) error {
	return s.do(RemoveAll, name, func() error { return s.sys.RemoveAll(name) })
}

// MkdirAll implements blob.System.
func (s *System) MkdirAll(name string) error {
	return s.do(MkdirAll, name, func() error { return s.sys.MkdirAll(name) })
}

// SyncDir implements blob.System.
func (s *System) SyncDir(name string) error {
	return s.do(SyncDir, name, func() error { return s.sys.SyncDir(name) })
}

// Stat implements blob.System.
func (s *System) Stat(name string) (st fs.FileInfo, err error) {
	err = s.do(Stat, name, func() (err error) { st, err = s.sys.Stat(name); return err })
	return st, err
}

// ReadDir implements blob.System.
func (s *System) ReadDir(name string) (d []fs.DirEntry, err error) {
	err = s.do(ReadDir, name, func() (err error) { d, err = s.sys.ReadDir(name); return err })
	return d, err
}

type file struct {
	blob.File
	sys  *System
	name string
}

func (f *file) Read(b []byte) (int, error)  { return f.sys.move(Read, f.name, b, f.File.Read) }
func (f *file) Write(b []byte) (int, error) { return f.sys.move(Write, f.name, b, f.File.Write) }
func (f *file) Sync() error                 { return f.sys.do(Sync, f.name, f.File.Sync) }

func (f *file) ReadAt(b []byte, off int64) (int, error) {
	return f.sys.move(ReadAt, f.name, b, func(b []byte) (int, error) { return f.File.ReadAt(b, off) })
}

func (f *file) Stat() (st fs.FileInfo, err error) {
	err = f.sys.do(FileStat, f.name, func() (err error) { st, err = f.File.Stat(); return err })
	return st, err
}

// Close frees the descriptor even where it reports an error, as close(2) does.
func (f *file) Close() error {
	cerr := f.File.Close()
	return errors.Join(f.sys.do(Close, f.name, func() error { return nil }), cerr)
}
