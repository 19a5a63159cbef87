package copypaste

import (
	"context"
	"encoding/hex"
	"math/rand/v2"
	"sync"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/blend"
	"github.com/tailorbird/tailorbird/kernels/morph"
	"github.com/tailorbird/tailorbird/kernels/raster"
	"github.com/tailorbird/tailorbird/kernels/rle"
	"github.com/tailorbird/tailorbird/methods/addsd"
)

// Generator pastes cut-outs of a Bank. It implements addsd.Generator, is
// deterministic and safe for concurrent use.
type Generator struct {
	bank    *Bank
	stats   *addsd.Statistics
	o       Options
	workers sync.Pool // of *worker
}

// New returns a Generator. stats may be nil: sizes and places are then those of
// the cut-outs. Options that Validate refuses make Generate fail.
func New(bank *Bank, stats *addsd.Statistics, o Options) *Generator {
	g := &Generator{bank: bank, stats: stats, o: o.withDefaults()}
	g.workers.New = func() any { return new(worker) }
	return g
}

// Identity names the generator; there are no weights.
func (g *Generator) Identity() datasets.GeneratorIdentity {
	return datasets.GeneratorIdentity{Name: Name, Version: Version}
}

// Deterministic is true: a request, the bank's objects, the statistics and the
// options decide every byte.
func (g *Generator) Deterministic() bool { return true }

// Batch is 1: nothing is gained by more, but that requests in a row with the same
// Base share its masks.
func (g *Generator) Batch() int { return 1 }

// Close does nothing.
func (g *Generator) Close() error { return nil }

// Generate pastes one object a request. Each Made.Image is newly allocated and
// the caller's; Base is only read. A class without cut-outs is a Rejection with
// addsd.NoCutout, a picture without room for one with addsd.NoPlace, one whose
// annotations cannot be read with addsd.BadBase.
func (g *Generator) Generate(ctx context.Context, reqs []*addsd.Request) ([]addsd.Made, error) {
	if err := g.o.Validate(); err != nil {
		return nil, err
	}
	w := g.workers.Get().(*worker)
	defer g.workers.Put(w)
	defer func() { w.base, w.finder.things = nil, nil }()
	out := make([]addsd.Made, len(reqs))
	for i, r := range reqs {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		made, err := w.make(g, r)
		if err != nil && addsd.RejectionOf(err) == nil {
			return nil, fault.At(err, fault.Place{Key: r.Key})
		}
		made.Err = err
		out[i] = made
	}
	return out, nil
}

// worker is the scratch of one Generate at a time.
type worker struct {
	base      *addsd.Scene // whose masks scene holds
	scene     sight
	resampler blend.Resampler
	blender   blend.Blender
	morph     morph.Morpher
	scaled    blend.Cutout
	loose     morph.Bitmap // the scaled mask and what is around it, for Poisson
	object    patch        // of scaled.Mask, in pixels of the window
	put       []uint32     // the runs of the pasted mask
	runs      []uint32
	occluder  occluder
	home      habitat
	finder    finder
}

// pasting is what becomes of a cut-out.
type pasting struct {
	cutout *Cutout
	fx, fy float64
	flip   bool
	at     spot
}

// make answers one request.
func (w *worker) make(g *Generator, r *addsd.Request) (addsd.Made, error) {
	base := r.Base
	if base == nil || base.Image == nil || base.Image.Width < 1 || base.Image.Height < 1 ||
		len(base.Image.Pix) != 3*base.Image.Width*base.Image.Height {
		return addsd.Made{}, addsd.Reject(addsd.BadBase, "no picture")
	}
	if err := w.look(base); err != nil {
		return addsd.Made{}, err
	}
	p, err := w.choose(g, r)
	if err != nil {
		return addsd.Made{}, err
	}
	image := &raster.RGB{Width: base.Image.Width, Height: base.Image.Height, Pix: append([]byte(nil), base.Image.Pix...)}
	if err := w.paste(image, &p, &g.o); err != nil {
		return addsd.Made{}, err
	}
	mask, err := w.placed(&p, image.Width, image.Height)
	if err != nil {
		return addsd.Made{}, err
	}
	objects, err := w.occlude(base, mask)
	if err != nil {
		return addsd.Made{}, err
	}
	b := mask.Box()
	return addsd.Made{
		Image: image, Frame: addsd.Whole(image.Width, image.Height), Objects: objects,
		Truth: &datasets.Truth{
			BBox: datasets.Box{float64(b[0]), float64(b[1]), float64(b[2]), float64(b[3])},
			Area: float64(mask.Area()), Segmentation: datasets.SegmentationOf(mask),
		},
		Donor: &datasets.Donor{
			Key: p.cutout.Key, AnnotationID: p.cutout.AnnotationID, SHA256: hex.EncodeToString(p.cutout.SHA256[:]),
			Scale: p.fx, Flipped: p.flip, Blend: g.o.Blend, X: p.at.x, Y: p.at.y,
		},
	}, nil
}

// look takes the objects of base in, unless they are those of the request before.
func (w *worker) look(base *addsd.Scene) error {
	if w.base == base {
		return nil
	}
	w.base = nil
	w.scene.see(base.Objects, base.Image.Width, base.Image.Height)
	for i, err := range w.scene.errs {
		if err != nil {
			return addsd.Reject(addsd.BadBase, "annotation %d: %v", base.Objects[i].ID, err)
		}
	}
	w.base = base
	return nil
}

// choose draws cut-outs until one finds a place. Every draw comes from one
// generator of random numbers in a fixed order.
func (w *worker) choose(g *Generator, r *addsd.Request) (pasting, error) {
	donors := g.donors(r)
	if len(donors) == 0 {
		return pasting{}, addsd.Reject(addsd.NoCutout, "no usable object of category %d (%s)", r.Category.ID, r.Category.Name)
	}
	if r.Mask != nil && (r.Mask.Width != r.Base.Image.Width || r.Mask.Height != r.Base.Image.Height || r.Mask.Validate() != nil) {
		return pasting{}, fault.New(fault.Usage, "mask of %d x %d (width x height) for an image of %d x %d",
			r.Mask.Width, r.Mask.Height, r.Base.Image.Width, r.Base.Image.Height)
	}
	// The second word only has to differ from other users' of the same seed.
	rng := rand.New(rand.NewPCG(r.Seed, 0x636f70795f706173))
	for range g.o.Donors {
		c, err := g.bank.Cutout(r.Category.ID, donors[rng.IntN(len(donors))])
		if err != nil {
			return pasting{}, err
		}
		if p, ok, err := w.try(g, r, c, rng); ok || err != nil {
			return p, err
		}
	}
	return pasting{}, addsd.Reject(addsd.NoPlace, "no place for a %s in %d x %d pixels with %d objects",
		r.Category.Name, r.Base.Image.Width, r.Base.Image.Height, len(r.Base.Objects))
}

// donors lists the cut-outs of the category, by position: those of other
// pictures, or where there is none those of this one.
func (g *Generator) donors(r *addsd.Request) []int {
	list := g.bank.byClass[r.Category.ID]
	others, own := make([]int, 0, len(list)), []int(nil)
	for i := range list {
		if list[i].Key == r.Base.Key {
			own = append(own, i)
		} else {
			others = append(others, i)
		}
	}
	if len(others) == 0 {
		return own
	}
	return others
}

// try draws size, side and place for c. False means that there is none.
func (w *worker) try(g *Generator, r *addsd.Request, c *Cutout, rng *rand.Rand) (pasting, bool, error) {
	image := r.Base.Image
	var class *addsd.ClassStatistics
	if g.stats != nil {
		class = g.stats.ByID[r.Category.ID]
	}
	wanted := priorOf(class, &c.Record, r.Base.Objects, r.Category.ID, image).draw(rng, &g.o)
	p := pasting{cutout: c}
	p.flip = rng.IntN(2) == 1 && !g.o.NoFlip
	aspect := 1.0
	if u := rng.Float64(); g.o.Jitter > 0 {
		aspect = jittered(u, g.o.Jitter)
	}
	var room [4]int
	if r.Mask != nil {
		if room = r.Mask.Box(); room[2] == 0 {
			return p, false, nil
		}
		p.fx, p.fy = fit(&c.Record, room, aspect)
	} else {
		p.fx, p.fy = stretch(&c.Record, wanted, aspect, image.Width, image.Height, &g.o)
	}
	ok, err := w.scale(&p, image.Width, image.Height)
	if err != nil || !ok {
		return p, false, err
	}
	if r.Mask != nil {
		b := w.object.box
		p.at = spot{x: room[0] + (room[2]-b[2])/2 - b[0], y: room[1] + room[3] - b[3] - b[1]}
		return p, true, nil
	}
	w.home.set(class, &c.Record)
	w.finder = finder{scene: &w.scene, things: r.Base.Objects, w: image.Width, h: image.Height, object: &w.object,
		home: &w.home, o: &g.o, stands: w.finder.stands}
	if c.Key == r.Base.Key {
		w.finder.avoid = &c.Box
	}
	p.at, ok = w.finder.best(rng)
	return p, ok, nil
}

// occlude returns what is left of base's objects under mask.
func (w *worker) occlude(base *addsd.Scene, mask rle.Mask) ([]datasets.Annotation, error) {
	if err := w.occluder.set(mask, mask.Width, mask.Height); err != nil {
		return nil, err
	}
	out := make([]datasets.Annotation, 0, len(base.Objects)+1)
	for i, a := range base.Objects {
		keep, err := w.occluder.object(&a, &w.scene.masks[i])
		if err != nil {
			return nil, err
		}
		if keep {
			out = append(out, a)
		}
	}
	return out, nil
}
