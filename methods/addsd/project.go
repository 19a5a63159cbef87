package addsd

import (
	"math"
	"slices"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/polygon"
	"github.com/tailorbird/tailorbird/kernels/rle"
)

// minSide is the least width and height of an object that is kept, pixels of the
// made picture (spec 9.1, defect 11).
const minSide = 1

// Project moves objects of the base into the picture that Frame speaks of: boxes,
// outlines and masks are cut at the window and scaled. The release truncates the
// window's size to pixels for boxes, not for the picture; here both use one
// window. The box and area of a cut object are those of what its outline or mask
// has left. Objects with less than a pixel left across or down are dropped.
//
// objects is not changed; what does not change shares its segmentation. The
// error is fault.InvalidAnnotation and names the annotation.
func (g *Geometry) Project(objects []datasets.Annotation) ([]datasets.Annotation, error) {
	out := make([]datasets.Annotation, 0, len(objects))
	f := g.Frame()
	same := f.IsWhole(g.Width, g.Height)
	for _, a := range objects {
		left := true
		if s := a.Segmentation; s != nil && s.RLE != nil && s.RLE.Size != [2]int{g.Height, g.Width} {
			return nil, fault.New(fault.InvalidAnnotation, "annotation %d: mask of %d x %d (width x height), image has %d x %d",
				a.ID, s.RLE.Size[1], s.RLE.Size[0], g.Width, g.Height)
		}
		if !same {
			var err error
			if left, err = f.object(&a); err != nil {
				return nil, fault.New(fault.InvalidAnnotation, "annotation %d: %w", a.ID, err)
			}
		}
		if left && a.BBox[2] >= minSide && a.BBox[3] >= minSide {
			out = append(out, a)
		}
	}
	return out, nil
}

// object moves a, whose segmentation is replaced and not written to. False means
// that nothing is left.
func (f Frame) object(a *datasets.Annotation) (bool, error) {
	sx, sy := float64(f.Width)/f.W, float64(f.Height)/f.H
	b := a.BBox
	x0, y0 := max(b[0]-f.X, 0), max(b[1]-f.Y, 0)
	x1, y1 := min(b[0]+b[2]-f.X, f.W), min(b[1]+b[3]-f.Y, f.H)
	if !(x1 > x0 && y1 > y0) {
		return false, nil
	}
	box := datasets.Box{x0 * sx, y0 * sy, (x1 - x0) * sx, (y1 - y0) * sy}
	area := a.Area * sx * sy
	if cut := x0 > b[0]-f.X || y0 > b[1]-f.Y || x1 < b[0]+b[2]-f.X || y1 < b[1]+b[3]-f.Y; cut {
		area *= (x1 - x0) * (y1 - y0) / (b[2] * b[3])
		var err error
		if a.Segmentation != nil {
			if a.Segmentation, box, area, err = f.segmentation(a.Segmentation); err != nil || area == 0 {
				return false, err
			}
		}
	} else if a.Segmentation != nil {
		var left float64
		var err error
		if a.Segmentation, _, left, err = f.segmentation(a.Segmentation); err != nil || left == 0 {
			return false, err
		}
	}
	for i, v := range box {
		a.BBox[i] = round(v)
	}
	a.Area = round(area)
	return true, nil
}

// segmentation returns what the window leaves of s, with its box and area.
// Outlines may overlap; their area is the sum.
func (f Frame) segmentation(s *datasets.Segmentation) (*datasets.Segmentation, datasets.Box, float64, error) {
	if s.RLE != nil {
		return f.mask(s.RLE)
	}
	sx, sy := float64(f.Width)/f.W, float64(f.Height)/f.H
	moved := &datasets.Segmentation{}
	var area float64
	var all []float64
	for _, p := range s.Polygons {
		if err := polygon.Validate(p); err != nil {
			return nil, datasets.Box{}, 0, err
		}
		p = polygon.Clip(nil, p, f.X, f.Y, f.W, f.H)
		if len(p) < 6 {
			continue
		}
		polygon.Shift(p, -f.X, -f.Y)
		polygon.Scale(p, sx, sy)
		for i, v := range p {
			p[i] = round(v)
		}
		moved.Polygons, all = append(moved.Polygons, p), append(all, p...)
		area += polygon.Area(p)
	}
	if len(all) == 0 {
		return nil, datasets.Box{}, 0, nil
	}
	return moved, polygon.Box(all), area, nil
}

// mask samples a mask at the centres of the frame's pixels, as rle.Mask.Resize
// does of a whole image.
func (f Frame) mask(r *datasets.RLE) (*datasets.Segmentation, datasets.Box, float64, error) {
	m, err := r.Mask(nil)
	if err != nil {
		return nil, datasets.Box{}, 0, err
	}
	columns, err := m.AppendColumns(make([]byte, 0, m.Width*m.Height))
	if err != nil {
		return nil, datasets.Box{}, 0, err
	}
	rows := centres(f.Y, f.H, f.Height, m.Height)
	sampled := make([]byte, 0, f.Width*f.Height)
	for _, x := range centres(f.X, f.W, f.Width, m.Width) {
		column := columns[x*m.Height:][:m.Height]
		for _, y := range rows {
			sampled = append(sampled, column[y])
		}
	}
	if m, err = rle.FromColumns(sampled, f.Height, f.Width, nil); err != nil {
		return nil, datasets.Box{}, 0, err
	}
	out := &datasets.RLE{Runs: slices.Clone(r.Runs)} // SetMask keeps the form
	out.SetMask(m)
	var box datasets.Box
	for i, v := range m.Box() {
		box[i] = float64(v)
	}
	return &datasets.Segmentation{RLE: out}, box, float64(m.Area()), nil
}

// centres lists the pixels of a side of size pixels under the centres of n
// pixels that show [from, from+length) of it.
func centres(from, length float64, n, size int) []int {
	at := make([]int, n)
	for i := range at {
		c := math.Floor(from + float64((float64(i)+0.5)*length)/float64(n))
		at[i] = min(max(int(c), 0), size-1)
	}
	return at
}

// round keeps a thousandth of a pixel.
func round(v float64) float64 { return math.Round(v*1000) / 1000 }
