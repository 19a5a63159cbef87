package chain

import (
	"math"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/polygon"
)

// geometry is one change of the raster from w x h to w2 x h2 pixels; it is what
// annotations need to follow the pixels.
type geometry struct {
	kind   geometryKind
	w, h   int
	w2, h2 int
	orient int // EXIF orientation
	x, y   int // corner of the window, in the old raster
}

type geometryKind int

const (
	scaling geometryKind = iota
	turning
	windowing
)

// follow applies g to every object of ex. A window drops the objects that lie
// outside it.
func (g geometry) follow(ex *datasets.Example) error {
	if g.kind == scaling && g.w == g.w2 && g.h == g.h2 {
		return nil
	}
	gone := map[int64]bool{}
	for _, o := range ex.Objects() {
		left, err := g.object(o)
		if err != nil {
			return fault.New(fault.InvalidAnnotation, "annotation %d: %w", o.ID, err)
		}
		gone[o.ID] = !left
	}
	if g.kind != windowing {
		return nil
	}
	if ex.Annotations != nil {
		kept := []datasets.Annotation{}
		for _, a := range *ex.Annotations {
			if !gone[a.ID] {
				kept = append(kept, a)
			}
		}
		ex.Annotations = &kept
	}
	if ex.Refs != nil {
		kept := []datasets.Referred{}
		for _, r := range *ex.Refs {
			if !gone[r.AnnID] {
				kept = append(kept, r)
			}
		}
		ex.Refs = &kept
	}
	return nil
}

// object moves one object; false means that nothing of it is left.
func (g geometry) object(o datasets.Object) (bool, error) {
	switch g.kind {
	case scaling:
		sx, sy := float64(g.w2)/float64(g.w), float64(g.h2)/float64(g.h)
		*o.BBox = roundBox(datasets.Box{o.BBox[0] * sx, o.BBox[1] * sy, o.BBox[2] * sx, o.BBox[3] * sy})
		*o.Area = round(*o.Area * sx * sy)
		return true, g.outline(o.Segmentation, func(xy []float64) { polygon.Scale(xy, sx, sy) })
	case turning:
		x0, y0 := g.turn(o.BBox[0], o.BBox[1])
		x1, y1 := g.turn(o.BBox[0]+o.BBox[2], o.BBox[1]+o.BBox[3])
		*o.BBox = roundBox(datasets.Box{min(x0, x1), min(y0, y1), math.Abs(x1 - x0), math.Abs(y1 - y0)})
		return true, g.outline(o.Segmentation, func(xy []float64) {
			for i := 0; i+1 < len(xy); i += 2 {
				xy[i], xy[i+1] = g.turn(xy[i], xy[i+1])
			}
		})
	}
	return g.window(o)
}

// outline applies move to polygons and the matching kernel to a run-length mask.
func (g geometry) outline(s *datasets.Segmentation, move func([]float64)) error {
	if s == nil {
		return nil
	}
	for _, p := range s.Polygons {
		move(p)
		roundAll(p)
	}
	if s.RLE == nil {
		return nil
	}
	m, err := s.RLE.Mask(nil)
	if err != nil {
		return err
	}
	if g.kind == turning {
		m, err = m.Orient(g.orient, nil)
	} else {
		m, err = m.Resize(g.h2, g.w2, nil)
	}
	if err != nil {
		return err
	}
	s.RLE.SetMask(m)
	return nil
}

// turn maps a point under the EXIF orientation (Exif 2.3, tag 0x0112).
func (g geometry) turn(x, y float64) (float64, float64) {
	w, h := float64(g.w), float64(g.h)
	switch g.orient {
	case 2:
		return w - x, y
	case 3:
		return w - x, h - y
	case 4:
		return x, h - y
	case 5:
		return y, x
	case 6:
		return h - y, x
	case 7:
		return h - y, w - x
	case 8:
		return y, w - x
	}
	return x, y
}

// window moves an object into a crop or a padded image; what reaches outside
// is cut off. The box and area of a cut object are those of what its outline or
// mask has left; where it has neither, the area shrinks with the box.
func (g geometry) window(o datasets.Object) (bool, error) {
	b := datasets.Box{o.BBox[0] - float64(g.x), o.BBox[1] - float64(g.y), o.BBox[2], o.BBox[3]}
	x0, y0 := max(b[0], 0), max(b[1], 0)
	x1, y1 := min(b[0]+b[2], float64(g.w2)), min(b[1]+b[3], float64(g.h2))
	if x1 <= x0 || y1 <= y0 {
		return false, nil
	}
	whole := x0 == b[0] && y0 == b[1] && x1 == b[0]+b[2] && y1 == b[1]+b[3]
	if whole {
		*o.BBox = roundBox(b)
		if o.Segmentation == nil {
			return true, nil
		}
		_, _, err := g.shift(o.Segmentation, false)
		return true, err
	}
	cut := datasets.Box{x0, y0, x1 - x0, y1 - y0}
	area := *o.Area * (cut[2] * cut[3]) / (b[2] * b[3])
	if o.Segmentation != nil {
		var err error
		if cut, area, err = g.shift(o.Segmentation, true); err != nil || area == 0 {
			return false, err
		}
	}
	*o.BBox, *o.Area = roundBox(cut), round(area)
	return true, nil
}

// shift moves a segmentation into the window, clips it, outlines only where clip
// is set, and returns its box and area. Outlines may overlap; their area is the
// sum.
func (g geometry) shift(s *datasets.Segmentation, clip bool) (box datasets.Box, area float64, err error) {
	if s.RLE != nil {
		m, err := s.RLE.Mask(nil)
		if err != nil {
			return box, 0, err
		}
		if m, err = m.Crop(g.x, g.y, g.w2, g.h2, nil); err != nil {
			return box, 0, err
		}
		s.RLE.SetMask(m)
		for i, v := range m.Box() {
			box[i] = float64(v)
		}
		return box, float64(m.Area()), nil
	}
	var kept [][]float64
	var all []float64
	for _, p := range s.Polygons {
		polygon.Shift(p, float64(-g.x), float64(-g.y))
		if clip {
			p = polygon.Clip(nil, p, 0, 0, float64(g.w2), float64(g.h2))
		}
		if len(p) < 6 {
			continue
		}
		roundAll(p)
		kept, all = append(kept, p), append(all, p...)
		area += polygon.Area(p)
	}
	s.Polygons = kept
	if len(all) > 0 {
		box = polygon.Box(all)
	}
	return box, area, nil
}

// round keeps a thousandth of a pixel.
func round(v float64) float64 { return math.Round(v*1000) / 1000 }

func roundBox(b datasets.Box) datasets.Box {
	for i, v := range b {
		b[i] = round(v)
	}
	return b
}

func roundAll(v []float64) {
	for i := range v {
		v[i] = round(v[i])
	}
}
