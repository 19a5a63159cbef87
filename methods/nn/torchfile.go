package nn

import (
	"bytes"
	"cmp"
	"errors"
	"io"
	"math"
	"os"
	"slices"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/internal/safetensors"
)

// TorchFile is a file of torch.save: the zip form, and the form before PyTorch 1.6.
// It is a Source of all tensors inside, at any depth of dicts and lists; keys are
// joined by dots, so that {"state_dict": {"fc.weight": ...}, "epoch": 3} has
// state_dict.fc.weight.
//
// The pickle inside is read as data: nothing is run, a name of code outside a short
// list is a fault.Unsupported. Memory stays within a fixed multiple of the pickle
// and of the tensor that is read; sizes are held against the file's before anything
// is allocated. Strides are honoured. Refused are big-endian files, compressed
// entries, tensors that are larger than their storage, and types that Go and the
// engine have no use for (complex, quantised, 8-bit floats).
type TorchFile struct {
	src     io.ReaderAt
	closer  io.Closer
	names   []string
	tensors map[string]torchTensor
}

// torchTensor is a view of a storage: element i, j, ... lies at offset +
// i strides[0] + j strides[1] + ... of it.
type torchTensor struct {
	info    safetensors.Info // Offset: of the storage in the file
	offset  int64            // elements
	strides []int64
}

// storage is the data of one or more tensors.
type storage struct {
	at, size int64 // bytes in the file
}

// maxTorchPickle bounds the pickle: one of a thousand tensors takes 100 kB.
const maxTorchPickle = 64 << 20

// OpenTorch opens a file of torch.save. The caller closes it.
func OpenTorch(path string) (*TorchFile, error) {
	r, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	st, err := r.Stat()
	if err != nil {
		r.Close()
		return nil, err
	}
	f, err := ReadTorch(r, st.Size())
	if err != nil {
		r.Close()
		return nil, fault.At(err, fault.Place{Path: path})
	}
	f.closer = r
	return f, nil
}

// ReadTorch reads the pickle of a file of size bytes. It keeps r and reads
// tensors when they are asked for.
func ReadTorch(r io.ReaderAt, size int64) (*TorchFile, error) {
	f := &TorchFile{src: r, tensors: map[string]torchTensor{}}
	magic := make([]byte, len(legacyMagic))
	n, err := r.ReadAt(magic, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	switch magic = magic[:n]; {
	case bytes.Equal(magic, legacyMagic):
		err = f.readLegacy(size)
	case isTorch(magic):
		err = f.readZip(size)
	default:
		err = fault.New(fault.Corrupt, "torch: neither a zip file nor an older file of torch.save")
	}
	if err != nil {
		return nil, err
	}
	slices.Sort(f.names)
	return f, nil
}

// Close closes the file that OpenTorch opened.
func (f *TorchFile) Close() error {
	if f.closer == nil {
		return nil
	}
	return f.closer.Close()
}

// Names implements Source.
func (f *TorchFile) Names() []string { return f.names }

// Info implements Source. Offset is that of the storage.
func (f *TorchFile) Info(name string) (safetensors.Info, bool) {
	t, ok := f.tensors[name]
	return t.info, ok
}

// ReadFloat32 implements Source.
func (f *TorchFile) ReadFloat32(name string, dst []float32) error {
	t, err := f.want(name, len(dst), true)
	if err != nil {
		return err
	}
	return f.gather(t, func(at int, b []byte) {
		safetensors.Floats(dst[at:at+len(b)/t.info.Dtype.Size()], b, t.info.Dtype)
	})
}

// ReadInt64 implements Source.
func (f *TorchFile) ReadInt64(name string, dst []int64) error {
	t, err := f.want(name, len(dst), false)
	if err != nil {
		return err
	}
	return f.gather(t, func(at int, b []byte) {
		safetensors.Ints(dst[at:at+len(b)/t.info.Dtype.Size()], b, t.info.Dtype)
	})
}

func (f *TorchFile) want(name string, elements int, floats bool) (torchTensor, error) {
	t, ok := f.tensors[name]
	switch {
	case !ok:
		return t, fault.New(fault.NotFound, "torch: no tensor %q", name)
	case t.info.Dtype.IsFloat() != floats:
		return t, fault.New(fault.Unsupported, "torch: tensor %q is %s", name, t.info.Dtype)
	case t.info.Elements() != elements:
		return t, fault.New(fault.Usage, "torch: tensor %q has shape %v, want %d elements", name, t.info.Shape, elements)
	}
	return t, nil
}

// gather hands the tensor's elements to take in runs that lie together in both:
// where in the result they begin, and their bytes.
func (f *TorchFile) gather(t torchTensor, take func(at int, b []byte)) error {
	n := t.info.Elements()
	if n == 0 {
		return nil
	}
	elem := int64(t.info.Dtype.Size())
	if t.contiguous() {
		const chunk = 1 << 18
		buf := make([]byte, min(int64(n)*elem, chunk))
		for at := 0; at < n; {
			b := buf[:min(int64(n-at)*elem, chunk)]
			if err := f.read(b, t, t.offset+int64(at)); err != nil {
				return err
			}
			take(at, b)
			at += len(b) / int(elem)
		}
		return nil
	}
	buf := make([]byte, t.extent()*elem)
	if err := f.read(buf, t, t.offset); err != nil {
		return err
	}
	index := make([]int, len(t.strides))
	from := int64(0)
	for at := range n {
		take(at, buf[from*elem:(from+1)*elem])
		for d := len(index) - 1; d >= 0; d-- {
			index[d]++
			from += t.strides[d]
			if index[d] < t.info.Shape[d] {
				break
			}
			from -= int64(index[d]) * t.strides[d]
			index[d] = 0
		}
	}
	return nil
}

// read fills b with the bytes of the storage from an element on.
func (f *TorchFile) read(b []byte, t torchTensor, element int64) error {
	at := t.info.Offset + element*int64(t.info.Dtype.Size())
	if n, err := f.src.ReadAt(b, at); n < len(b) {
		return fault.At(fault.New(fault.Corrupt, "torch: tensor %q: %w", t.info.Name, cmp.Or(err, io.ErrUnexpectedEOF)), fault.Place{Offset: at})
	}
	return nil
}

// contiguous says whether the elements lie one after the other in row-major order.
func (t torchTensor) contiguous() bool {
	next := int64(1)
	for d := len(t.strides) - 1; d >= 0; d-- {
		if n := int64(t.info.Shape[d]); n != 1 {
			if t.strides[d] != next {
				return false
			}
			next *= n
		}
	}
	return true
}

// extent is how many elements of the storage lie from the first one used to the
// last, both included.
func (t torchTensor) extent() int64 {
	n := int64(1)
	for d, s := range t.strides {
		n += int64(t.info.Shape[d]-1) * s
	}
	return n
}

// check refuses a tensor that reaches beyond its storage, or has more elements than
// the storage: whatever its strides, it can then be read in memory of the storage's
// size.
func (t torchTensor) check(name string, s storage) error {
	elem := int64(t.info.Dtype.Size())
	have := s.size / elem
	count, last := int64(1), t.offset
	for d, n := range t.info.Shape {
		if n == 0 {
			return nil
		}
		step := t.strides[d]
		if count > have/int64(n) {
			return fault.New(fault.Unsupported, "torch: tensor %q of shape %v has more elements than its storage, %d", name, t.info.Shape, have)
		}
		count *= int64(n)
		if n > 1 && step > (math.MaxInt64-last)/int64(n-1) {
			return fault.New(fault.Corrupt, "torch: tensor %q: strides %v", name, t.strides)
		}
		last += int64(n-1) * step
	}
	if last >= have {
		return fault.New(fault.Corrupt, "torch: tensor %q reaches element %d of a storage of %d", name, last, have)
	}
	return nil
}
