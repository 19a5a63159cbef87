package copypaste

import (
	"math"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/rle"
)

// The rule of Simple Copy-Paste as spec 4.6 has it: an object whose box hardly
// moves is kept, and so is one that still shows enough.
const (
	keepShift = 10  // pixels that each coordinate of a kept box may move
	keepArea  = 300 // pixels above which a mask is kept however its box moves
)

// Occlude returns what is left of the objects of a w x h image after something
// was put over them at the ones of pasted, which has the image's size.
//
//   - An object that shares no pixel with pasted is returned as it is.
//   - From a mask the pasted pixels are taken away; box and area are those of what
//     is left. The object is dropped where nothing is left, or where at most 300
//     pixels are left and some coordinate of the mask's box moved more than 10
//     pixels (Ghiasi et al., "Simple Copy-Paste", as spec 4.6 describes it).
//   - A crowd is dropped only where nothing is left.
//   - An object without a mask keeps its box, unless pasted covers all of it.
//
// Masks that change are run lengths in the result, compressed unless they were
// uncompressed before. objects is not changed; order is kept. A mask that is not
// one of the image is fault.InvalidAnnotation or fault.Corrupt, with the
// annotation's id; a pasted mask that is not, fault.Usage.
func Occlude(objects []datasets.Annotation, pasted rle.Mask, w, h int) ([]datasets.Annotation, error) {
	var o occluder
	if err := o.set(pasted, w, h); err != nil {
		return nil, err
	}
	out := make([]datasets.Annotation, 0, len(objects))
	for _, a := range objects {
		keep, err := o.object(&a, nil)
		if err != nil {
			return nil, err
		}
		if keep {
			out = append(out, a)
		}
	}
	return out, nil
}

// occluder keeps the buffers of Occlude.
type occluder struct {
	pasted, outside      rle.Mask // outside shares the runs of invert
	box                  [4]int   // of pasted
	pair                 [2]rle.Mask
	invert, left, raster []uint32
}

// set prepares o for what lies under pasted, which o keeps.
func (o *occluder) set(pasted rle.Mask, w, h int) error {
	if pasted.Width != w || pasted.Height != h {
		return fault.New(fault.Usage, "occlude: pasted mask of %d x %d (width x height), image has %d x %d", pasted.Width, pasted.Height, w, h)
	}
	if err := pasted.Validate(); err != nil {
		return fault.New(fault.Usage, "occlude: pasted mask: %w", err)
	}
	o.pasted, o.box = pasted, pasted.Box()
	// The complement has the same runs with one of no pixels put before them.
	o.invert = append(append(o.invert[:0], 0), pasted.Counts...)
	o.outside = rle.Mask{Height: h, Width: w, Counts: o.invert}
	return nil
}

// object replaces what pasted hides of a; false drops it. m is a's mask where
// the caller has it already.
func (o *occluder) object(a *datasets.Annotation, m *rle.Mask) (bool, error) {
	if a.Segmentation == nil {
		return !o.covers(a.BBox), nil
	}
	if m == nil {
		if o.misses(a.Segmentation.Polygons) {
			return true, nil
		}
		own, err := a.Segmentation.Mask(o.pasted.Width, o.pasted.Height, o.raster)
		if err != nil {
			return false, fault.New(faultOf(err), "annotation %d: %w", a.ID, err)
		}
		m, o.raster = &own, keepRuns(o.raster, own.Counts)
	}
	was := m.Box()
	if !meet(was, o.box) {
		return true, nil
	}
	before := m.Area()
	o.pair = [2]rle.Mask{*m, o.outside}
	left, err := rle.Intersection(o.pair[:], o.left)
	if err != nil {
		return false, fault.New(faultOf(err), "annotation %d: %w", a.ID, err)
	}
	o.left = left.Counts
	area := left.Area()
	if area == before {
		return true, nil
	}
	now := left.Box()
	if area == 0 || a.IsCrowd == 0 && area <= keepArea && shift(was, now) > keepShift {
		return false, nil
	}
	a.BBox = datasets.Box{float64(now[0]), float64(now[1]), float64(now[2]), float64(now[3])}
	a.Area = float64(area)
	a.Segmentation = replaced(a.Segmentation, left)
	return true, nil
}

// replaced is m in the form that s has.
func replaced(s *datasets.Segmentation, m rle.Mask) *datasets.Segmentation {
	if s.RLE == nil || s.RLE.Runs == nil {
		return datasets.SegmentationOf(m)
	}
	r := *s.RLE
	r.SetMask(m)
	return &datasets.Segmentation{RLE: &r}
}

// misses reports whether no outline reaches the pasted box. The rasteriser
// rounds to a pixel at most.
func (o *occluder) misses(polygons [][]float64) bool {
	if len(polygons) == 0 {
		return false
	}
	for _, p := range polygons {
		x0, y0, x1, y1 := math.Inf(1), math.Inf(1), math.Inf(-1), math.Inf(-1)
		for i := 0; i+1 < len(p); i += 2 {
			x0, x1 = min(x0, p[i]), max(x1, p[i])
			y0, y1 = min(y0, p[i+1]), max(y1, p[i+1])
		}
		// Written so that a coordinate that is no number counts as a hit, and the
		// rasteriser reports it.
		out := x1+1 < float64(o.box[0]) || y1+1 < float64(o.box[1]) ||
			x0-1 > float64(o.box[0]+o.box[2]) || y0-1 > float64(o.box[1]+o.box[3])
		if !out {
			return false
		}
	}
	return true
}

// covers reports whether every pixel that the box b reaches into is pasted over.
func (o *occluder) covers(b datasets.Box) bool {
	x0, y0 := max(math.Floor(b[0]), 0), max(math.Floor(b[1]), 0)
	x1 := min(math.Ceil(b[0]+b[2]), float64(o.pasted.Width))
	y1 := min(math.Ceil(b[1]+b[3]), float64(o.pasted.Height))
	if !(x1 > x0 && y1 > y0) {
		return false
	}
	var p patch
	p.fromRuns(o.pasted, o.box)
	want := [4]int{int(x0), int(y0), int(x1 - x0), int(y1 - y0)}
	return p.inBox(want) == want[2]*want[3]
}

// shift is the farthest that an edge of a box moved.
func shift(a, b [4]int) int {
	return max(abs(a[0]-b[0]), abs(a[1]-b[1]), abs(a[0]+a[2]-b[0]-b[2]), abs(a[1]+a[3]-b[1]-b[3]))
}

func abs(v int) int { return max(v, -v) }

// meet reports whether two boxes share a pixel.
func meet(a, b [4]int) bool {
	return a[0] < b[0]+b[2] && b[0] < a[0]+a[2] && a[1] < b[1]+b[3] && b[1] < a[1]+a[3]
}

// keepRuns returns the larger of a buffer and what was made in its place.
func keepRuns(buf, made []uint32) []uint32 {
	if cap(made) > cap(buf) {
		return made
	}
	return buf
}

// faultOf is err's code, for wrapping without losing it.
func faultOf(err error) fault.Code {
	if c := fault.CodeOf(err); c != "" {
		return c
	}
	return fault.InvalidAnnotation
}
