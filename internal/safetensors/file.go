package safetensors

import (
	"bytes"
	"io"
	"os"
	"sort"

	"github.com/tailorbird/tailorbird/internal/fault"
)

// Info describes one tensor of a file. Offset counts from the start of the
// file; Size is the product of Shape times the element's size.
type Info struct {
	Name   string
	Dtype  Dtype
	Shape  []int
	Offset int64
	Size   int64
}

// Elements returns the product of the shape, 1 for a scalar.
func (in Info) Elements() int { return int(in.Size) / in.Dtype.Size() }

// File gives access to the tensors of one file. Its methods are safe for
// concurrent use when the reader below is.
type File struct {
	// Metadata is the free text of the header's __metadata__ entry.
	Metadata map[string]string

	src     io.ReaderAt
	mapped  []byte // the whole file, where it is in memory
	closer  io.Closer
	tensors map[string]Info
	names   []string
}

// Open reads the header of the file at path. The caller closes the File.
func Open(path string) (*File, error) {
	r, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	st, err := r.Stat()
	if err != nil {
		r.Close()
		return nil, err
	}
	f, err := Read(r, st.Size())
	if err != nil {
		r.Close()
		return nil, fault.At(err, fault.Place{Path: path})
	}
	f.closer = r
	return f, nil
}

// OpenMapped is Open with the file mapped into memory where the system can do
// that: a tensor is then read from the disk when it is first touched, and kept in
// the page cache that processes share. The file must not shrink until Close.
func OpenMapped(path string) (*File, error) {
	data, unmap, err := mapFile(path)
	if err != nil {
		return nil, err
	}
	if data == nil {
		return Open(path)
	}
	f, err := Parse(data)
	if err != nil {
		unmap.Close()
		return nil, fault.At(err, fault.Place{Path: path})
	}
	f.closer = unmap
	return f, nil
}

// Parse reads the header of a file that is in memory. The File refers to data.
func Parse(data []byte) (*File, error) {
	f, err := Read(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return nil, err
	}
	f.mapped = data
	return f, nil
}

// Close closes the file that Open opened.
func (f *File) Close() error {
	if f.closer == nil {
		return nil
	}
	return f.closer.Close()
}

// Names returns the names in sorted order. The caller leaves the slice as it is.
func (f *File) Names() []string { return f.names }

// Info describes the named tensor; ok tells whether there is one.
func (f *File) Info(name string) (info Info, ok bool) {
	info, ok = f.tensors[name]
	return info, ok
}

// View returns the little-endian data of the named tensor without copying it, of a
// file that is mapped or in memory; ok is false for all others. It is read only
// and valid until Close.
func (f *File) View(name string) (data []byte, ok bool) {
	in, ok := f.tensors[name]
	if !ok || f.mapped == nil {
		return nil, false
	}
	return f.mapped[in.Offset : in.Offset+in.Size : in.Offset+in.Size], true
}

// Bytes returns the little-endian data of the named tensor in a new slice.
// A name that is missing is a fault.NotFound.
func (f *File) Bytes(name string) ([]byte, error) {
	in, ok := f.tensors[name]
	if !ok {
		return nil, fault.New(fault.NotFound, "safetensors: no tensor %q", name)
	}
	b := make([]byte, in.Size)
	if n, err := f.src.ReadAt(b, in.Offset); n < len(b) {
		return nil, fault.At(fault.New(fault.Corrupt, "safetensors: tensor %q: %w", name, err), fault.Place{Offset: in.Offset})
	}
	return b, nil
}

// Float32 returns the values and the shape of an F32, F16 or BF16 tensor.
// Another type is a fault.Unsupported.
func (f *File) Float32(name string) ([]float32, []int, error) {
	b, err := f.Bytes(name)
	if err != nil {
		return nil, nil, err
	}
	in := f.tensors[name]
	if !in.Dtype.IsFloat() || in.Dtype == F64 {
		return nil, nil, fault.New(fault.Unsupported, "safetensors: tensor %q is %s, want a float of at most 32 bits", name, in.Dtype)
	}
	v := make([]float32, in.Elements())
	Floats(v, b, in.Dtype)
	return v, in.Shape, nil
}

// Int64 returns the values and the shape of an I64 or I32 tensor. Another
// type is a fault.Unsupported.
func (f *File) Int64(name string) ([]int64, []int, error) {
	b, err := f.Bytes(name)
	if err != nil {
		return nil, nil, err
	}
	in := f.tensors[name]
	if in.Dtype != I64 && in.Dtype != I32 {
		return nil, nil, fault.New(fault.Unsupported, "safetensors: tensor %q is %s, want I64 or I32", name, in.Dtype)
	}
	v := make([]int64, in.Elements())
	Ints(v, b, in.Dtype)
	return v, in.Shape, nil
}

// index sorts the tensors by offset and refuses overlaps, holes and bytes
// that belong to none: data that nothing names could hide another format.
func (f *File) index(dataStart, size int64) error {
	order := make([]Info, 0, len(f.tensors))
	for name, in := range f.tensors {
		order = append(order, in)
		f.names = append(f.names, name)
	}
	sort.Strings(f.names)
	sort.Slice(order, func(i, j int) bool {
		a, b := order[i], order[j]
		if a.Offset != b.Offset {
			return a.Offset < b.Offset
		}
		if a.Size != b.Size {
			return a.Size < b.Size
		}
		return a.Name < b.Name
	})
	end := dataStart
	for _, in := range order {
		if in.Offset != end {
			return corrupt(in.Offset, "tensor %q starts at byte %d, the one before it ends at %d", in.Name, in.Offset, end)
		}
		end += in.Size
	}
	if end != size {
		return corrupt(end, "the tensors end at byte %d, the file at %d", end, size)
	}
	return nil
}

func corrupt(off int64, format string, args ...any) error {
	return fault.At(fault.New(fault.Corrupt, "safetensors: "+format, args...), fault.Place{Offset: off, HasOffset: true})
}
