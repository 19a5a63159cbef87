package cifar

import (
	"fmt"
	"io"
	"strings"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/internal/blob"
	"github.com/tailorbird/tailorbird/internal/fault"
)

// readAhead is how many records' labels are looked at with one read.
const readAhead = 128

// binary plans the records of a file of the binary form. Only their labels are
// looked at.
func (pl *plan) binary(f file, base, split string) error {
	if !pl.p.Want(split) {
		return nil
	}
	in := f.in
	if in == nil {
		o, err := blob.Open(pl.ctx, blob.Join(pl.in, f.name))
		if err != nil {
			return err
		}
		defer o.Close()
		in = o
	}
	size, stem := pl.v.recordBytes(), strings.TrimSuffix(base, ".bin")
	whole, offset := f.span.Length/size, f.span.Offset
	buf := make([]byte, readAhead*size)
	for first := int64(0); first < whole; first += readAhead {
		if err := pl.ctx.Err(); err != nil {
			return err
		}
		n := min(readAhead, whole-first)
		part := buf[:n*size]
		if got, err := in.ReadAt(part, offset+first*size); got < len(part) {
			if err == io.EOF {
				err = fault.New(fault.Corrupt, "%s has become shorter", f.name)
			}
			return fault.At(err, fault.Place{Path: f.name})
		}
		for i := range n {
			span := datasets.Span{Name: f.span.Name, Offset: offset + (first+i)*size, Length: size}
			if err := pl.record(part[i*size:][:pl.v.labels], fmt.Sprintf("%s_%05d", stem, first+i), split, span); err != nil {
				return err
			}
		}
	}
	if rest := f.span.Length % size; rest > 0 || whole == 0 {
		span := datasets.Span{Name: f.span.Name, Offset: offset + whole*size, Length: rest}
		err := fault.New(fault.Corrupt, "%s: the file ends within a record of %d bytes: %d are left", base, size, rest)
		return pl.reject(fmt.Sprintf("%s_%05d", stem, whole), split, span, -1, fault.At(err, fault.Offset(base, span.Offset)))
	}
	return nil
}

// record plans one record by its labels.
func (pl *plan) record(labels []byte, key, split string, span datasets.Span) error {
	class, err := pl.v.class(labels)
	if err != nil {
		return pl.reject(key, split, span, class, fault.At(err, fault.Place{Offset: span.Offset, HasOffset: true}))
	}
	return pl.emit(key, split, span, class)
}

// class is the class of a record, -1 with an error where there is none.
func (v *variant) class(labels []byte) (int, error) {
	class := int(labels[len(labels)-1])
	if class >= len(v.names) {
		return -1, fault.New(fault.InvalidAnnotation, "label %d, there are %d classes", class, len(v.names))
	}
	if len(labels) == 2 && labels[0] != v.coarseOf[class] {
		return class, fault.New(fault.InvalidAnnotation, "coarse label %d, the class %s has %d", labels[0], v.names[class], v.coarseOf[class])
	}
	return class, nil
}
