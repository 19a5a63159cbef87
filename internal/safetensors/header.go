package safetensors

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"io"

	"github.com/tailorbird/tailorbird/internal/fault"
)

const (
	maxHeader = 100 << 20
	maxDims   = 16
)

// entry is the header's description of one tensor; offsets count from the end
// of the header.
type entry struct {
	Dtype   Dtype   `json:"dtype"`
	Shape   []int64 `json:"shape"`
	Offsets []int64 `json:"data_offsets"`
}

// Read reads and checks the header of a file of size bytes. It keeps r and
// reads the data when it is asked for.
func Read(r io.ReaderAt, size int64) (*File, error) {
	var length [8]byte
	if n, err := r.ReadAt(length[:], 0); n < len(length) {
		return nil, corrupt(0, "header length: %w", err)
	}
	n := binary.LittleEndian.Uint64(length[:])
	if n > maxHeader {
		return nil, fault.New(fault.TooLarge, "safetensors: header of %d bytes, limit %d", n, maxHeader)
	}
	if int64(n) > size-8 {
		return nil, corrupt(0, "header of %d bytes in a file of %d", n, size)
	}
	header := make([]byte, n)
	if got, err := r.ReadAt(header, 8); got < len(header) {
		return nil, corrupt(8, "header: %w", err)
	}
	f := &File{src: r, tensors: map[string]Info{}}
	dataStart := 8 + int64(n)
	if err := f.parseHeader(header, dataStart, size); err != nil {
		return nil, err
	}
	return f, f.index(dataStart, size)
}

func (f *File) parseHeader(header []byte, dataStart, size int64) error {
	// The format demands the brace as the first byte; spaces may follow the object.
	if len(header) == 0 || header[0] != '{' {
		return corrupt(8, "header does not start with {")
	}
	d := json.NewDecoder(bytes.NewReader(header))
	d.Token()
	for d.More() {
		at := 8 + d.InputOffset()
		tok, err := d.Token()
		if err != nil {
			return corrupt(at, "header: %w", err)
		}
		name, _ := tok.(string)
		if name == "__metadata__" {
			if f.Metadata != nil {
				return corrupt(at, "two __metadata__ entries")
			}
			if err := d.Decode(&f.Metadata); err != nil {
				return corrupt(at, "__metadata__: %w", err)
			}
			if f.Metadata == nil {
				f.Metadata = map[string]string{}
			}
			continue
		}
		if _, ok := f.tensors[name]; ok {
			return corrupt(at, "two tensors named %q", name)
		}
		var e entry
		if err := d.Decode(&e); err != nil {
			return corrupt(at, "tensor %q: %w", name, err)
		}
		in, err := e.info(name, at, dataStart, size)
		if err != nil {
			return err
		}
		f.tensors[name] = in
	}
	if _, err := d.Token(); err != nil {
		return corrupt(8+d.InputOffset(), "header: %w", err)
	}
	if rest := bytes.TrimRight(header[d.InputOffset():], " \t\r\n"); len(rest) > 0 {
		return corrupt(8+d.InputOffset(), "%d bytes after the header's object", len(rest))
	}
	return nil
}

// info checks e against the file's size. at is where its name stands.
func (e entry) info(name string, at, dataStart, size int64) (Info, error) {
	elem := int64(e.Dtype.Size())
	if elem == 0 {
		return Info{}, fault.At(fault.New(fault.Unsupported, "safetensors: tensor %q: dtype %q", name, e.Dtype), fault.Place{Offset: at})
	}
	if len(e.Shape) > maxDims {
		return Info{}, corrupt(at, "tensor %q: %d dimensions", name, len(e.Shape))
	}
	if len(e.Offsets) != 2 || e.Offsets[0] < 0 || e.Offsets[1] < e.Offsets[0] || e.Offsets[1] > size-dataStart {
		return Info{}, corrupt(at, "tensor %q: data_offsets %d, the data has %d bytes", name, e.Offsets, size-dataStart)
	}
	want, err := product(e.Shape, elem, size)
	if err != nil {
		return Info{}, corrupt(at, "tensor %q: %w", name, err)
	}
	got := e.Offsets[1] - e.Offsets[0]
	if got != want {
		return Info{}, corrupt(at, "tensor %q: %d bytes for shape %d of %s", name, got, e.Shape, e.Dtype)
	}
	shape := make([]int, len(e.Shape))
	for i, s := range e.Shape {
		shape[i] = int(s)
	}
	return Info{Name: name, Dtype: e.Dtype, Shape: shape, Offset: dataStart + e.Offsets[0], Size: got}, nil
}

// product returns the bytes of shape, refusing what exceeds limit. A dimension
// of zero makes the tensor empty, whatever the others are.
func product(shape []int64, elem, limit int64) (int64, error) {
	n, empty := elem, false
	for _, s := range shape {
		if s < 0 {
			return 0, fault.New(fault.Corrupt, "shape %d", shape)
		}
		if s == 0 {
			empty = true
			continue
		}
		if n > limit/s {
			return 0, fault.New(fault.Corrupt, "shape %d does not fit a file of %d bytes", shape, limit)
		}
		n *= s
	}
	if empty {
		return 0, nil
	}
	return n, nil
}
