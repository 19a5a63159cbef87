package safetensors

import (
	"encoding/binary"
	"io"
	"math"

	"github.com/tailorbird/tailorbird/internal/fault"
)

// chunk is how much of a tensor is read at a time where the file is not mapped.
// It is a multiple of every element's size.
const chunk = 1 << 18

// ReadFloat32 fills dst with the values of a float tensor of len(dst) elements.
// F16 and BF16 are widened; F64 is rounded. Errors: fault.NotFound,
// fault.Unsupported for integers, fault.Usage for another number of elements.
func (f *File) ReadFloat32(name string, dst []float32) error {
	in, err := f.want(name, len(dst))
	if err != nil {
		return err
	}
	if !in.Dtype.IsFloat() {
		return fault.New(fault.Unsupported, "safetensors: tensor %q is %s, want floats", name, in.Dtype)
	}
	return f.stream(in, func(b []byte) {
		n := len(b) / in.Dtype.Size()
		Floats(dst[:n], b, in.Dtype)
		dst = dst[n:]
	})
}

// ReadInt64 fills dst with the values of an integer or boolean tensor of len(dst)
// elements. Errors: as ReadFloat32, and fault.Unsupported for U64.
func (f *File) ReadInt64(name string, dst []int64) error {
	in, err := f.want(name, len(dst))
	if err != nil {
		return err
	}
	if in.Dtype.IsFloat() || in.Dtype == U64 {
		return fault.New(fault.Unsupported, "safetensors: tensor %q is %s, want integers of at most 64 bits with a sign", name, in.Dtype)
	}
	return f.stream(in, func(b []byte) {
		n := len(b) / in.Dtype.Size()
		Ints(dst[:n], b, in.Dtype)
		dst = dst[n:]
	})
}

func (f *File) want(name string, elements int) (Info, error) {
	in, ok := f.tensors[name]
	if !ok {
		return in, fault.New(fault.NotFound, "safetensors: no tensor %q", name)
	}
	if in.Elements() != elements {
		return in, fault.New(fault.Usage, "safetensors: tensor %q has shape %d, want %d elements", name, in.Shape, elements)
	}
	return in, nil
}

// stream hands the bytes of a tensor to take, in one piece where they are in
// memory, in chunks where not.
func (f *File) stream(in Info, take func([]byte)) error {
	if f.mapped != nil {
		take(f.mapped[in.Offset : in.Offset+in.Size])
		return nil
	}
	buf := make([]byte, min(in.Size, chunk))
	for at := int64(0); at < in.Size; {
		b := buf[:min(in.Size-at, chunk)]
		if n, err := f.src.ReadAt(b, in.Offset+at); n < len(b) {
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return fault.At(fault.New(fault.Corrupt, "safetensors: tensor %q: %w", in.Name, err), fault.Place{Offset: in.Offset + at + int64(n)})
		}
		take(b)
		at += int64(len(b))
	}
	return nil
}

// Floats decodes len(dst) little-endian elements of a float type.
func Floats(dst []float32, b []byte, d Dtype) {
	switch d {
	case F64:
		for i := range dst {
			dst[i] = float32(math.Float64frombits(binary.LittleEndian.Uint64(b[8*i:])))
		}
	case F32:
		for i := range dst {
			dst[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
		}
	case F16:
		for i := range dst {
			dst[i] = float16(binary.LittleEndian.Uint16(b[2*i:]))
		}
	case BF16:
		for i := range dst {
			dst[i] = math.Float32frombits(uint32(binary.LittleEndian.Uint16(b[2*i:])) << 16)
		}
	}
}

// Ints decodes len(dst) little-endian elements of an integer type, or booleans.
func Ints(dst []int64, b []byte, d Dtype) {
	switch d {
	case I64:
		for i := range dst {
			dst[i] = int64(binary.LittleEndian.Uint64(b[8*i:]))
		}
	case I32:
		for i := range dst {
			dst[i] = int64(int32(binary.LittleEndian.Uint32(b[4*i:])))
		}
	case U32:
		for i := range dst {
			dst[i] = int64(binary.LittleEndian.Uint32(b[4*i:]))
		}
	case I16:
		for i := range dst {
			dst[i] = int64(int16(binary.LittleEndian.Uint16(b[2*i:])))
		}
	case U16:
		for i := range dst {
			dst[i] = int64(binary.LittleEndian.Uint16(b[2*i:]))
		}
	case I8:
		for i := range dst {
			dst[i] = int64(int8(b[i]))
		}
	case U8, Bool:
		for i := range dst {
			dst[i] = int64(b[i])
		}
	}
}
