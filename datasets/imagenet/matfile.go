package imagenet

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"io"
	"math"

	"github.com/tailorbird/tailorbird/internal/fault"
)

// What is read of the MATLAB 5 format; see "MAT-File Format", The MathWorks,
// chapter 1, tables 1-1 and 1-3.
const (
	miInt8, miUint8, miInt16, miUint16, miInt32, miUint32 = 1, 2, 3, 4, 5, 6
	miSingle, miDouble, miMatrix, miCompressed, miUTF16   = 7, 9, 14, 15, 17
	classStruct, classChar                                = 2, 4

	matHeader    = 128
	maxInflated  = 64 << 20 // bytes of all compressed variables together
	maxDimension = 32
)

// matFile is a MATLAB 5 file in memory.
type matFile struct {
	data  []byte
	order binary.ByteOrder
	left  int64 // bytes that may still be inflated
}

// element is one tagged piece of a file.
type element struct {
	kind uint32
	data []byte
}

// matrix is an array with its header taken off: data are the elements that hold
// its values.
type matrix struct {
	f     *matFile
	class byte
	name  string
	count int // of array elements
	data  []byte
}

func openMat(data []byte) (*matFile, error) {
	if bytes.HasPrefix(data, []byte("MATLAB 7.3")) {
		return nil, fault.New(fault.Unsupported, "meta.mat: MATLAB 7.3 (HDF5); the development kit's is MATLAB 5")
	}
	if len(data) < matHeader {
		return nil, corrupt(0, "meta.mat: %d bytes, a MATLAB 5 file has at least %d", len(data), matHeader)
	}
	f := &matFile{data: data, left: maxInflated}
	switch string(data[126:128]) {
	case "IM":
		f.order = binary.LittleEndian
	case "MI":
		f.order = binary.BigEndian
	default:
		return nil, corrupt(126, "meta.mat: not a MATLAB 5 file")
	}
	return f, nil
}

// variable returns the matrix of that name.
func (f *matFile) variable(name string) (matrix, error) {
	for rest := f.data[matHeader:]; len(rest) > 0; {
		at := int64(len(f.data) - len(rest))
		e, tail, err := f.element(rest)
		if err == nil && e.kind == miCompressed {
			e, err = f.inflate(e)
		}
		var m matrix
		if err == nil && e.kind == miMatrix {
			m, err = f.matrix(e)
		}
		if err != nil {
			return matrix{}, fault.At(err, fault.Place{Offset: at, HasOffset: true})
		}
		if e.kind == miMatrix && m.name == name {
			return m, nil
		}
		rest = tail
	}
	return matrix{}, fault.New(fault.NotFound, "meta.mat: no variable %s", name)
}

// element takes the first element off b. One of at most 4 bytes is packed into
// its tag; the others, but for compressed ones, are padded to 8.
func (f *matFile) element(b []byte) (e element, rest []byte, err error) {
	if len(b) < 8 {
		return e, nil, fault.New(fault.Corrupt, "meta.mat: the file ends in the tag of an element")
	}
	tag := f.order.Uint32(b)
	if n := tag >> 16; n != 0 {
		if n > 4 {
			return e, nil, fault.New(fault.Corrupt, "meta.mat: a small element of %d bytes", n)
		}
		return element{tag & 0xffff, b[4 : 4+n]}, b[8:], nil
	}
	n := int64(f.order.Uint32(b[4:]))
	b = b[8:]
	if n > int64(len(b)) {
		return e, nil, fault.New(fault.Corrupt, "meta.mat: an element of %d bytes, the file has %d more", n, len(b))
	}
	e = element{tag, b[:n]}
	if tag != miCompressed {
		n = min(n+(-n&7), int64(len(b)))
	}
	return e, b[n:], nil
}

// inflate opens a compressed element, which holds one other.
func (f *matFile) inflate(e element) (element, error) {
	r, err := zlib.NewReader(bytes.NewReader(e.data))
	if err != nil {
		return element{}, fault.New(fault.Corrupt, "meta.mat: %w", err)
	}
	defer r.Close()
	data, err := io.ReadAll(io.LimitReader(r, f.left+1))
	if err != nil {
		return element{}, fault.New(fault.Corrupt, "meta.mat: %w", err)
	}
	if f.left -= int64(len(data)); f.left < 0 {
		return element{}, fault.New(fault.TooLarge, "meta.mat: variables of more than %d bytes", maxInflated)
	}
	inner, _, err := f.element(data)
	return inner, err
}

// matrix takes the header off an array: flags, dimensions, name.
func (f *matFile) matrix(e element) (matrix, error) {
	m := matrix{f: f}
	if e.kind != miMatrix {
		return m, fault.New(fault.Corrupt, "meta.mat: an element of type %d where an array belongs", e.kind)
	}
	if len(e.data) == 0 { // an empty array
		return m, nil
	}
	var header [3]element
	rest := e.data
	for i := range header {
		var err error
		if header[i], rest, err = f.element(rest); err != nil {
			return m, err
		}
	}
	flags, dims := header[0].data, header[1].data
	if len(flags) < 4 || len(dims) < 4 || len(dims) > 4*maxDimension || len(dims)%4 != 0 {
		return m, fault.New(fault.Corrupt, "meta.mat: the header of an array is broken")
	}
	m.class, m.name, m.data = byte(f.order.Uint32(flags)), string(header[2].data), rest
	m.count = 1
	for ; len(dims) > 0; dims = dims[4:] {
		d := int64(f.order.Uint32(dims))
		if d > 0 && int64(m.count) > math.MaxInt32/d {
			return m, fault.New(fault.TooLarge, "meta.mat: an array of more than 2^31 elements")
		}
		m.count *= int(d)
	}
	return m, nil
}

// first returns the first number of an element.
func (e element) first(order binary.ByteOrder) (float64, bool) {
	width := map[uint32]int{miInt8: 1, miUint8: 1, miInt16: 2, miUint16: 2, miInt32: 4, miUint32: 4, miSingle: 4, miDouble: 8}[e.kind]
	if width == 0 || len(e.data) < width {
		return 0, false
	}
	switch b := e.data; e.kind {
	case miInt8:
		return float64(int8(b[0])), true
	case miUint8:
		return float64(b[0]), true
	case miInt16:
		return float64(int16(order.Uint16(b))), true
	case miUint16:
		return float64(order.Uint16(b)), true
	case miInt32:
		return float64(int32(order.Uint32(b))), true
	case miUint32:
		return float64(order.Uint32(b)), true
	case miSingle:
		return float64(math.Float32frombits(order.Uint32(b))), true
	}
	return math.Float64frombits(order.Uint64(e.data)), true
}
