package cifar

import (
	"context"
	"io"
	"math"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/internal/blob"
	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/picture"
	"github.com/tailorbird/tailorbird/kernels/raster"
)

// Records opens the input for one worker.
func (s source) Records(ctx context.Context, in datasets.Inputs) (datasets.Records, error) {
	r := &records{s: s, in: in["images"], meta: &datasets.Meta{Classes: s.v.classes()}}
	o, err := openArchive(ctx, r.in)
	if fault.CodeOf(err) == fault.NotFound {
		return r, nil // a directory
	}
	r.archive = o
	return r, err
}

type records struct {
	s       source
	in      string
	archive blob.Object // nil for a directory
	meta    *datasets.Meta
}

func (r *records) Close() error {
	if r.archive == nil {
		return nil
	}
	return r.archive.Close()
}

// Record reads a record, or a picture as it is.
func (r *records) Record(ctx context.Context, ref *datasets.Ref) (*datasets.Example, error) {
	ex, err := r.s.Example(ref, nil, r.meta)
	if err != nil {
		return nil, err
	}
	data, err := r.read(ctx, ref.Image)
	if err != nil {
		return nil, err
	}
	name := ref.Image.Name
	if name == "" {
		name = blob.Base(r.in)
	}
	ex.Source = datasets.Origin{Name: name, Offset: ref.Image.Offset, Bytes: int64(len(data)), SHA256: hexSum(data)}
	if r.s.v.isRecord(data) {
		ex.Image, err = encode(data[r.s.v.labels:])
		ex.Ext, ex.Checked = "png", true
		ex.OriginalWidth, ex.OriginalHeight = side, side
		return ex, err
	}
	ex.Image = data
	info, err := picture.ReadInfo(data)
	if err != nil {
		return nil, err
	}
	ex.OriginalWidth, ex.OriginalHeight = info.Width, info.Height
	ex.Ext = "jpg"
	if info.Format == picture.PNG {
		ex.Ext = "png"
	}
	return ex, nil
}

func (r *records) read(ctx context.Context, s datasets.Span) ([]byte, error) {
	o := r.archive
	if o == nil {
		var err error
		if o, err = blob.Open(ctx, blob.Join(r.in, s.Name)); err != nil {
			return nil, err
		}
		defer o.Close()
	}
	if s.Length < 0 || s.Length > math.MaxInt32 || s.Offset < 0 || s.Offset > o.Size()-s.Length {
		return nil, fault.At(fault.New(fault.Corrupt, "%d bytes are not in an input of %d", s.Length, o.Size()), fault.Place{Offset: s.Offset, HasOffset: true})
	}
	data := make([]byte, s.Length)
	if n, err := o.ReadAt(data, s.Offset); n < len(data) && err != io.EOF {
		return nil, err
	} else if n < len(data) {
		return nil, fault.At(fault.New(fault.Corrupt, "%d of %d bytes are there", n, len(data)), fault.Place{Offset: s.Offset, HasOffset: true})
	}
	return data, nil
}

// isRecord tells a record from a picture file of the same length: it begins with a
// label, and no kind of picture file with so small a byte.
func (v *variant) isRecord(data []byte) bool {
	first := len(v.names)
	if v.coarse != nil {
		first = len(v.coarse)
	}
	return int64(len(data)) == v.recordBytes() && int(data[0]) < first
}

// encode makes a PNG of the three planes of a record.
func encode(planes []byte) ([]byte, error) {
	m := raster.NewRGB(side, side)
	for i := range side * side {
		m.Pix[3*i], m.Pix[3*i+1], m.Pix[3*i+2] = planes[i], planes[side*side+i], planes[2*side*side+i]
	}
	return picture.EncodePNG(nil, m)
}
