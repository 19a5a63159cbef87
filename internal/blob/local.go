package blob

import (
	"context"
	"errors"
	"io/fs"
	"iter"
	"path/filepath"
	"sort"
	"strings"
	"syscall"

	"github.com/tailorbird/tailorbird/internal/fault"
)

// maxDepth bounds how deep List follows directories, so that a symbolic link
// to a parent ends in an error, not in a loop.
const maxDepth = 64

// tempPrefix starts the name of everything that is not published.
const tempPrefix = ".tb-"

type local struct{ sys System }

// NewLocal returns a Store over the file system of sys. Addresses may carry any
// scheme: the path is what follows "://".
func NewLocal(sys System) Store { return local{sys} }

func pathOf(addr string) string {
	if i := strings.Index(addr, "://"); i > 0 {
		return filepath.FromSlash(addr[i+3:])
	}
	return addr
}

type localObject struct {
	File
	size int64
}

func (o localObject) Size() int64 { return o.size }

func (l local) Open(ctx context.Context, addr string) (Object, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	f, err := l.sys.Open(pathOf(addr))
	if err != nil {
		return nil, missing(addr, err)
	}
	st, err := f.Stat()
	if err == nil && !st.Mode().IsRegular() {
		err = fault.New(fault.NotFound, "not a regular file")
	}
	if err != nil {
		f.Close()
		return nil, fault.At(err, fault.Place{Path: addr})
	}
	return localObject{f, st.Size()}, nil
}

// missing types "no such file" and leaves every other failure to the machinery.
// A name that no file can have comes from somebody's annotations as well: one
// that goes on below a file, is too long, loops, or holds a NUL.
func missing(addr string, err error) error {
	for _, none := range []error{fs.ErrNotExist, syscall.ENOTDIR, syscall.ENAMETOOLONG, syscall.ELOOP, syscall.EINVAL} {
		if errors.Is(err, none) {
			return fault.At(fault.New(fault.NotFound, "no such file"), fault.Place{Path: addr})
		}
	}
	return fault.At(err, fault.Place{Path: addr})
}

func (l local) Stat(ctx context.Context, addr string) (Info, error) {
	st, err := l.sys.Stat(pathOf(addr))
	if err != nil {
		return Info{}, missing(addr, err)
	}
	if !st.Mode().IsRegular() {
		return Info{}, fault.At(fault.New(fault.NotFound, "not a regular file"), fault.Place{Path: addr})
	}
	return Info{Name: filepath.Base(pathOf(addr)), Size: st.Size()}, nil
}

func (l local) Remove(ctx context.Context, addr string) error {
	if err := l.sys.Remove(pathOf(addr)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fault.At(err, fault.Place{Path: addr})
	}
	return nil
}

func (l local) RemoveAll(ctx context.Context, addr string) error {
	return fault.At(l.sys.RemoveAll(pathOf(addr)), fault.Place{Path: addr})
}

func (l local) List(ctx context.Context, addr string) iter.Seq2[Info, error] {
	return func(yield func(Info, error) bool) {
		root := pathOf(addr)
		st, err := l.sys.Stat(root)
		if err == nil && !st.IsDir() {
			err = fault.New(fault.NotFound, "not a directory")
		}
		if err != nil {
			yield(Info{}, missing(addr, err))
			return
		}
		l.walk(ctx, root, "", 0, yield)
	}
}

// walk yields the files of one directory and below; false ends the listing.
func (l local) walk(ctx context.Context, dir, prefix string, depth int, yield func(Info, error) bool) bool {
	if err := ctx.Err(); err != nil {
		return yield(Info{}, err) && false
	}
	if depth > maxDepth {
		err := fault.New(fault.TooLarge, "more than %d directories deep", maxDepth)
		return yield(Info{}, fault.At(err, fault.Place{Path: dir})) && false
	}
	entries, err := l.sys.ReadDir(dir)
	if depth > 0 && errors.Is(err, fs.ErrNotExist) {
		return true // removed since its parent was read
	}
	if err != nil {
		return yield(Info{}, fault.At(err, fault.Place{Path: dir})) && false
	}
	type item struct {
		name string // as it sorts: a directory's with its slash
		fs.FileInfo
	}
	items := make([]item, 0, len(entries))
	for _, e := range entries {
		st, err := l.infoOf(dir, e)
		switch {
		case errors.Is(err, fs.ErrNotExist): // a dangling link, or gone since
		case err != nil:
			return yield(Info{}, fault.At(err, fault.Place{Path: dir})) && false
		case st.IsDir():
			items = append(items, item{e.Name() + "/", st})
		case st.Mode().IsRegular():
			items = append(items, item{e.Name(), st})
		}
	}
	sort.Slice(items, func(i, j int) bool { return items[i].name < items[j].name })
	for _, it := range items {
		if name, isDir := strings.CutSuffix(it.name, "/"); isDir {
			if !l.walk(ctx, filepath.Join(dir, name), prefix+it.name, depth+1, yield) {
				return false
			}
		} else if !yield(Info{Name: prefix + name, Size: it.Size()}, nil) {
			return false
		}
	}
	return true
}

func (l local) infoOf(dir string, e fs.DirEntry) (fs.FileInfo, error) {
	if e.Type()&fs.ModeSymlink != 0 {
		return l.sys.Stat(filepath.Join(dir, e.Name()))
	}
	return e.Info()
}

// Sweep removes temporary files and locks below addr.
func (l local) Sweep(ctx context.Context, addr string) ([]string, error) {
	var names []string
	for info, err := range l.List(ctx, addr) {
		if err != nil {
			return names, err
		}
		if strings.HasPrefix(filepath.Base(info.Name), tempPrefix) {
			names = append(names, info.Name)
		}
	}
	for _, n := range names {
		if err := l.Remove(ctx, Join(pathOf(addr), n)); err != nil {
			return names, err
		}
	}
	return names, nil
}
