package safetensors

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"io"
	"math"
	"sort"
	"unicode/utf8"
	"unsafe"

	"github.com/tailorbird/tailorbird/internal/fault"
)

// Tensor is a named array to write: Data holds its elements little-endian.
type Tensor struct {
	Name  string
	Dtype Dtype
	Shape []int
	Data  []byte
}

// Float32Tensor returns v as an F32 tensor. Its data is a copy.
func Float32Tensor(name string, v []float32, shape ...int) Tensor {
	b := make([]byte, 4*len(v))
	for i, x := range v {
		binary.LittleEndian.PutUint32(b[4*i:], math.Float32bits(x))
	}
	return Tensor{Name: name, Dtype: F32, Shape: shape, Data: b}
}

// Float32View is Float32Tensor without the copy where the machine is
// little-endian: v stays as it is until it is written.
func Float32View(name string, v []float32, shape ...int) Tensor {
	if len(v) == 0 || !littleEndianHost {
		return Float32Tensor(name, v, shape...)
	}
	data := unsafe.Slice((*byte)(unsafe.Pointer(&v[0])), 4*len(v))
	return Tensor{Name: name, Dtype: F32, Shape: shape, Data: data}
}

// littleEndianHost says whether numbers lie in memory as in the file.
var littleEndianHost = binary.NativeEndian.Uint16([]byte{1, 0}) == 1

// Int64Tensor returns v as an I64 tensor. Its data is a copy.
func Int64Tensor(name string, v []int64, shape ...int) Tensor {
	b := make([]byte, 8*len(v))
	for i, x := range v {
		binary.LittleEndian.PutUint64(b[8*i:], uint64(x))
	}
	return Tensor{Name: name, Dtype: I64, Shape: shape, Data: b}
}

// Write writes the tensors and the metadata, which may be nil. Data is laid
// out by element size, widest first, and then by name, so that each tensor is
// aligned to its elements; the order of the argument does not matter. A name
// given twice or not UTF-8, an unknown dtype or data that disagrees with the shape is a
// fault.Bug and leaves w untouched.
func Write(w io.Writer, tensors []Tensor, metadata map[string]string) error {
	order := append([]Tensor(nil), tensors...)
	sort.SliceStable(order, func(i, j int) bool {
		if a, b := order[i].Dtype.Size(), order[j].Dtype.Size(); a != b {
			return a > b
		}
		return order[i].Name < order[j].Name
	})
	header, err := buildHeader(order, metadata)
	if err != nil {
		return err
	}
	var length [8]byte
	binary.LittleEndian.PutUint64(length[:], uint64(len(header)))
	if _, err := w.Write(append(length[:], header...)); err != nil {
		return err
	}
	for _, t := range order {
		if _, err := w.Write(t.Data); err != nil {
			return err
		}
	}
	return nil
}

func buildHeader(order []Tensor, metadata map[string]string) ([]byte, error) {
	var b bytes.Buffer
	field := func(name string, value any) error {
		if b.Len() > 0 {
			b.WriteByte(',')
		} else {
			b.WriteByte('{')
		}
		key, err := json.Marshal(name)
		if err != nil {
			return err
		}
		text, err := json.Marshal(value) // encoding/json sorts the metadata's keys
		b.Write(key)
		b.WriteByte(':')
		b.Write(text)
		return err
	}
	if len(metadata) > 0 {
		if err := field("__metadata__", metadata); err != nil {
			return nil, err
		}
	}
	seen := map[string]bool{"__metadata__": true}
	offset := int64(0)
	for _, t := range order {
		if seen[t.Name] || !utf8.ValidString(t.Name) {
			return nil, fault.New(fault.Bug, "safetensors: tensor name %q is taken or no UTF-8", t.Name)
		}
		seen[t.Name] = true
		e, err := t.entry(offset)
		if err != nil {
			return nil, err
		}
		if err := field(t.Name, e); err != nil {
			return nil, err
		}
		offset = e.Offsets[1]
	}
	if b.Len() == 0 {
		b.WriteByte('{')
	}
	b.WriteByte('}')
	// Spaces up to a multiple of eight align the data, as the reference writer does.
	for b.Len()%8 != 0 {
		b.WriteByte(' ')
	}
	return b.Bytes(), nil
}

// entry describes t, its data at offset.
func (t Tensor) entry(offset int64) (entry, error) {
	shape := make([]int64, len(t.Shape))
	for i, s := range t.Shape {
		shape[i] = int64(s)
	}
	size, elem := int64(len(t.Data)), int64(t.Dtype.Size())
	if n, err := product(shape, elem, math.MaxInt64); err != nil || n != size || elem == 0 {
		return entry{}, fault.New(fault.Bug, "safetensors: tensor %q: %d bytes for shape %d of %q", t.Name, size, t.Shape, t.Dtype)
	}
	return entry{t.Dtype, shape, []int64{offset, offset + size}}, nil
}
