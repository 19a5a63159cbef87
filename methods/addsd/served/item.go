package served

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"image"
	"image/png"
	"math"
	"strings"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/picture"
	"github.com/tailorbird/tailorbird/kernels/raster"
	"github.com/tailorbird/tailorbird/kernels/rle"
	"github.com/tailorbird/tailorbird/methods/addsd"
	"github.com/tailorbird/tailorbird/methods/addsd/served/protocol"
)

// sizeStep is what the sides that addsd.Geometry makes are multiples of.
const sizeStep = 64

// item is one request on its way.
type item struct {
	id       string
	wire     protocol.Item
	geometry addsd.Geometry
	made     *addsd.Made
	objects  []datasets.Annotation

	tries int // that the server could have answered
	dials int // in a row that did not reach it
}

// prepare brings a request into the server's form. What cannot be sent is a
// *addsd.Rejection.
func (g *Generator) prepare(r *addsd.Request) (*item, error) {
	if r.Base == nil || r.Base.Image == nil || len(r.Base.Image.Pix) != 3*r.Base.Image.Width*r.Base.Image.Height {
		return nil, addsd.Reject(addsd.BadBase, "%s: no picture to edit", r.Key)
	}
	base := r.Base.Image
	for _, v := range []float64{r.Guidance, r.ImageGuidance} {
		if !(v >= 0) || math.IsInf(v, 0) || r.Steps < 0 {
			return nil, fault.New(fault.Usage, "served: %s: %d steps, guidance %v", r.Key, r.Steps, v)
		}
	}
	it := &item{}
	var err error
	if it.geometry, err = geometry(g.opts.Geometry, base.Width, base.Height); err != nil {
		return nil, addsd.Reject(addsd.BadBase, "%v", err)
	}
	w, h := it.geometry.InputWidth, it.geometry.InputHeight
	if s := g.info.Sizes; w%s.MultipleOf != 0 || h%s.MultipleOf != 0 || min(w, h) < s.Min || (s.Max > 0 && max(w, h) > s.Max) {
		return nil, addsd.Reject(addsd.WrongSize, "the server takes no picture of %d x %d pixels: sides are multiples of %d from %d to %d", w, h, s.MultipleOf, s.Min, s.Max)
	}
	if it.objects, err = it.geometry.Project(r.Base.Objects); err != nil {
		return nil, addsd.Reject(addsd.BadBase, "%v", err)
	}
	it.wire = protocol.Item{Instruction: r.Instruction, Object: strings.ReplaceAll(r.Category.Name, "_", " "), Width: w, Height: h, Seed: r.Seed,
		Steps: either(r.Steps, g.opts.Steps), Guidance: either(r.Guidance, g.opts.Guidance), ImageGuidance: either(r.ImageGuidance, g.opts.ImageGuidance)}
	if g.opts.Geometry != NoGeometry {
		shown := &raster.RGB{}
		if err := it.geometry.In(shown, base); err != nil {
			return nil, err
		}
		base = shown
	}
	if it.wire.Image, err = picture.EncodePNG(nil, base); err != nil {
		return nil, err
	}
	if r.Mask != nil && g.info.Masks {
		if it.wire.Mask, err = maskPNG(&it.geometry, *r.Mask); err != nil {
			return nil, err
		}
	}
	return it, nil
}

func either[T int | float64](v, otherwise T) T {
	if v != 0 {
		return v
	}
	return otherwise
}

// geometry is addsd.NewGeometry with NoGeometry as one more mode.
func geometry(mode string, w, h int) (addsd.Geometry, error) {
	if mode != NoGeometry {
		return addsd.NewGeometry(mode, w, h)
	}
	return addsd.Geometry{Mode: mode, Width: w, Height: h, InputWidth: w, InputHeight: h, Shown: addsd.Whole(w, h)}, nil
}

// maskPNG is m, of the base's size, as the server sees it. A mask of another size
// or one that is broken is a *addsd.Rejection.
func maskPNG(g *addsd.Geometry, m rle.Mask) ([]byte, error) {
	m, err := shownMask(g, m)
	if err != nil {
		return nil, addsd.Reject(addsd.BadBase, "mask: %v", err)
	}
	pix, err := m.AppendBitmap(make([]byte, 0, m.Width*m.Height))
	if err != nil {
		return nil, err
	}
	for i := range pix {
		pix[i] *= 255
	}
	var b bytes.Buffer
	grey := &image.Gray{Pix: pix, Stride: m.Width, Rect: image.Rect(0, 0, m.Width, m.Height)}
	err = png.Encode(&b, grey)
	return b.Bytes(), err
}

// shownMask moves a mask to where addsd.Geometry.In moves the pixels.
func shownMask(g *addsd.Geometry, m rle.Mask) (rle.Mask, error) {
	if err := m.Validate(); err != nil {
		return m, err
	}
	if m.Width != g.Width || m.Height != g.Height {
		return m, fault.New(fault.InvalidAnnotation, "of %d x %d pixels, the picture has %d x %d", m.Width, m.Height, g.Width, g.Height)
	}
	if g.Mode != addsd.CropMode {
		m, err := m.Resize(g.Shown.Height, g.Shown.Width, nil)
		if err != nil {
			return m, err
		}
		return m.Pad(0, 0, g.InputWidth-m.Width, g.InputHeight-m.Height, nil)
	}
	// What the window leaves of an object of this mask is the mask.
	box := m.Box()
	object := datasets.Annotation{BBox: datasets.Box{float64(box[0]), float64(box[1]), float64(box[2]), float64(box[3])}, Segmentation: datasets.SegmentationOf(m)}
	left, err := g.Project([]datasets.Annotation{object})
	if err != nil || len(left) == 0 {
		return rle.Mask{Height: g.InputHeight, Width: g.InputWidth, Counts: []uint32{uint32(g.InputHeight * g.InputWidth)}}, err
	}
	return left[0].Segmentation.Mask(g.InputWidth, g.InputHeight, nil)
}

// name gives every item an id: a hash of what it asks for, so that a stray answer
// to something else is not taken for its own, and a server may recognise what it
// has been asked before. Items of one batch that ask for the same are numbered.
func name(items []*item) {
	seen := map[string]int{}
	for _, it := range items {
		h := sha256.New()
		// Neither a hash nor finite numbers, strings and bytes can fail.
		_ = json.NewEncoder(h).Encode(it.wire)
		id := hex.EncodeToString(h.Sum(nil)[:12])
		it.id = id
		if n := seen[id]; n > 0 {
			it.id = fmt.Sprintf("%s-%d", id, n)
		}
		seen[id]++
		it.wire.ID = it.id
	}
}
