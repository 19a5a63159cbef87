package removal

import (
	"iter"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/inpaint"
	"github.com/tailorbird/tailorbird/kernels/morph"
	"github.com/tailorbird/tailorbird/kernels/raster"
	"github.com/tailorbird/tailorbird/kernels/rle"
)

// Mode says how many objects an edit removes.
type Mode string

const (
	Single Mode = "single" // one each
	Multi  Mode = "multi"  // two and more of a class
	Both   Mode = "both"
)

// DefaultDilate is the side of the square that masks are widened with, pixels.
const DefaultDilate = 10

// Options of a Remover. The zero value removes single objects as Add-SD does.
type Options struct {
	Dilate int    // side of the square that masks are widened with; 0: DefaultDilate, 1: not at all
	Mode   Mode   // empty: Single
	Seed   int64  // of the run
	Source string // name of the dataset; part of every draw, and "lvis" caps the subsets
}

// Remover plans and makes the edits of one picture after another. It keeps its
// scratch and serves one goroutine.
type Remover struct {
	options Options
	labels  map[int64]string // by category
	fill    inpaint.Inpainter
	method  string // the inpainter's name

	morph morph.Morpher
	grown morph.Bitmap
	union []uint32
	runs  []uint32
	made  raster.RGB
}

// New returns a Remover of the classes' objects that fills with fill. Options out
// of range are fault.Usage.
func New(o Options, classes []datasets.Class, fill inpaint.Inpainter) (*Remover, error) {
	if o.Dilate == 0 {
		o.Dilate = DefaultDilate
	}
	if o.Mode == "" {
		o.Mode = Single
	}
	switch {
	case o.Dilate < 1 || o.Dilate > 255:
		return nil, fault.New(fault.Usage, "removal: dilate is %d pixels, 1 to 255 are possible", o.Dilate)
	case o.Mode != Single && o.Mode != Multi && o.Mode != Both:
		return nil, fault.New(fault.Usage, "removal: mode %q, there are %s, %s and %s", o.Mode, Single, Multi, Both)
	case fill == nil:
		return nil, fault.New(fault.Usage, "removal: no inpainter")
	}
	r := &Remover{options: o, fill: fill, method: fill.Name(), labels: make(map[int64]string, len(classes))}
	for _, c := range classes {
		r.labels[c.ID] = Label(c.Name)
	}
	return r, nil
}

// Plan returns the edits of ex, without their pictures, and what was left out. A
// picture without a usable object has none. Errors are fault.Usage for a task
// without masks and those of a mask that cannot be read.
func (r *Remover) Plan(ex *datasets.Example) ([]datasets.Edit, Left, error) {
	var left Left
	switch {
	case ex.Task() == datasets.Classification:
		return nil, left, fault.New(fault.Usage, "removal: %s is of a classification dataset, which has no masks", ex.Key)
	case ex.Task() == datasets.Referring && r.options.Mode == Multi:
		return nil, left, fault.New(fault.Usage, "removal: a referring expression names one object; the mode %q has none to remove", Multi)
	}
	kept, err := r.keep(ex, &left)
	if err != nil {
		return nil, left, err
	}
	var edits []datasets.Edit
	if r.options.Mode != Multi {
		for i := range kept {
			edits = append(edits, r.one(ex, &kept[i]))
		}
	}
	if r.options.Mode != Single && ex.Task() == datasets.Detection {
		edits = append(edits, r.several(ex, kept)...)
	}
	edits, err = r.measure(ex, kept, edits, &left)
	return edits, left, err
}

// measure fills in the masks' extents, and leaves out edits whose mask covers the
// picture, which leaves nothing to fill it from.
func (r *Remover) measure(ex *datasets.Example, kept []object, edits []datasets.Edit, left *Left) ([]datasets.Edit, error) {
	masks := make(map[int64]rle.Mask, len(kept))
	for _, o := range kept {
		masks[o.id] = o.mask
	}
	usable := edits[:0]
	var parts []rle.Mask
	for _, e := range edits {
		parts = parts[:0]
		for _, id := range e.AnnotationIDs {
			parts = append(parts, masks[id])
		}
		if err := r.grow(parts); err != nil {
			return nil, fault.New(fault.CodeOf(err), "%s, edit %s: %w", ex.Key, e.Name, err)
		}
		m, err := morph.ToMask(&r.grown, r.runs)
		if err != nil {
			return nil, err
		}
		r.runs = m.Counts
		area := m.Area()
		if area == ex.Width*ex.Height {
			left.Whole++
			continue
		}
		b := m.Box()
		e.MaskBBox = datasets.Box{float64(b[0]), float64(b[1]), float64(b[2]), float64(b[3])}
		e.MaskFraction = float64(area) / float64(ex.Width*ex.Height)
		e.Inpaint = r.method
		usable = append(usable, e)
	}
	return usable, nil
}

// grow makes r.grown the union of parts, widened.
func (r *Remover) grow(parts []rle.Mask) error {
	m, err := rle.Union(parts, r.union)
	if err != nil {
		return err
	}
	r.union = m.Counts
	if err := morph.FromMask(&r.grown, m); err != nil {
		return err
	}
	if d := r.options.Dilate; d > 1 {
		// The middle of an even square is its (d/2)-th pixel, so that a pixel marks
		// d/2-1 pixels before it and d/2 behind: for 10, from -4 to +5 (as OpenCV).
		r.morph.Dilate(&r.grown, &r.grown, morph.Rect(d, d))
	}
	return nil
}

// Make makes dst the picture img of ex without the objects of e. dst may be img.
// A picture of another size than ex says, and an edit of objects that ex lacks,
// are fault.Usage.
func (r *Remover) Make(dst, img *raster.RGB, ex *datasets.Example, e *datasets.Edit) error {
	if img.Width != ex.Width || img.Height != ex.Height {
		return fault.New(fault.Usage, "removal: picture of %d x %d pixels, %s has %d x %d", img.Width, img.Height, ex.Key, ex.Width, ex.Height)
	}
	objects := ex.Objects()
	var parts []rle.Mask
	for _, id := range e.AnnotationIDs {
		m, err := maskOf(objects, id, ex)
		if err != nil {
			return err
		}
		parts = append(parts, m)
	}
	if err := r.grow(parts); err != nil {
		return fault.New(fault.CodeOf(err), "%s, edit %s: %w", ex.Key, e.Name, err)
	}
	return r.fill.Inpaint(dst, img, &r.grown)
}

func maskOf(objects []datasets.Object, id int64, ex *datasets.Example) (rle.Mask, error) {
	for _, o := range objects {
		if o.ID == id && o.Segmentation != nil {
			return o.Segmentation.Mask(ex.Width, ex.Height, nil)
		}
	}
	return rle.Mask{}, fault.New(fault.Usage, "removal: %s has no annotation %d with a mask", ex.Key, id)
}

// Pictures makes the picture of each edit in turn. A picture is valid until the
// next one is asked for. The first error ends it.
func (r *Remover) Pictures(img *raster.RGB, ex *datasets.Example, edits []datasets.Edit) iter.Seq2[*raster.RGB, error] {
	return func(yield func(*raster.RGB, error) bool) {
		for i := range edits {
			if err := r.Make(&r.made, img, ex, &edits[i]); err != nil {
				yield(nil, err)
				return
			}
			if !yield(&r.made, nil) {
				return
			}
		}
	}
}
