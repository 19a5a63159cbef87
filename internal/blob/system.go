package blob

import (
	"io"
	"io/fs"
	"os"
	"syscall"
)

// System is the part of an operating system that the local store needs. Tests
// put one in its place that fails on command.
type System interface {
	Open(name string) (File, error)
	CreateExclusive(name string) (File, error)
	Link(oldname, newname string) error
	Rename(oldname, newname string) error
	Remove(name string) error
	RemoveAll(name string) error
	MkdirAll(name string) error
	SyncDir(name string) error
	Stat(name string) (fs.FileInfo, error)
	ReadDir(name string) ([]fs.DirEntry, error)
}

// File is an open file of a System.
type File interface {
	io.Reader
	io.ReaderAt
	io.Writer
	io.Closer
	Sync() error
	Stat() (fs.FileInfo, error)
}

// OS returns the System of this machine.
func OS() System { return osSystem{} }

type osSystem struct{}

// Open does not wait for a writer where name is a pipe.
func (osSystem) Open(name string) (File, error) {
	return fileOrNil(os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0))
}

func (osSystem) CreateExclusive(name string) (File, error) {
	return fileOrNil(os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o644))
}

func fileOrNil(f *os.File, err error) (File, error) {
	if err != nil {
		return nil, err
	}
	return f, nil
}

func (osSystem) Link(oldname, newname string) error         { return os.Link(oldname, newname) }
func (osSystem) Rename(oldname, newname string) error       { return os.Rename(oldname, newname) }
func (osSystem) Remove(name string) error                   { return os.Remove(name) }
func (osSystem) RemoveAll(name string) error                { return os.RemoveAll(name) }
func (osSystem) MkdirAll(name string) error                 { return os.MkdirAll(name, 0o755) }
func (osSystem) Stat(name string) (fs.FileInfo, error)      { return os.Stat(name) }
func (osSystem) ReadDir(name string) ([]fs.DirEntry, error) { return os.ReadDir(name) }

// SyncDir makes a directory's entries durable.
func (osSystem) SyncDir(name string) error {
	d, err := os.Open(name)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
