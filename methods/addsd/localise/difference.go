package localise

import (
	"sync"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/morph"
	"github.com/tailorbird/tailorbird/kernels/raster"
	"github.com/tailorbird/tailorbird/methods/addsd"
)

// Options are the knobs of a Difference. A field that is not positive has its
// default.
type Options struct {
	Weak       float64 // change that belongs to an object if strong change touches it, 0..1; 9/255
	Strong     float64 // change that shows an object, 0..1; 20/255
	Most       float64 // change that no noise explains: bound of both thresholds; 0.15
	Noise      float64 // thresholds in multiples of the noise's peaks: this for weak, twice this for strong; 2
	Halo       float64 // change, relative to the strongest around, that is the codec's; 0.18
	Close      int     // radius of the disk that closes gaps, pixels; 2
	MinArea    float64 // smallest object, share of the picture; 0.0002
	Near       float64 // gap across which parts belong together, share of the object's longer side; 0.3
	MaxChanged float64 // share of the picture; 0.6
	MaxDrift   float64 // mean change outside the object, 0..1; 0.05
}

func (o Options) withDefaults() Options {
	set := func(v *float64, to float64) {
		if !(*v > 0) {
			*v = to
		}
	}
	set(&o.Weak, 9.0/255)
	set(&o.Strong, 20.0/255)
	set(&o.Most, 0.15)
	set(&o.Noise, 2)
	set(&o.Halo, 0.18)
	set(&o.MinArea, 0.0002)
	set(&o.Near, 0.3)
	set(&o.MaxChanged, 0.6)
	set(&o.MaxDrift, 0.05)
	if o.Close <= 0 {
		o.Close = 2
	}
	return o
}

// Difference is the localiser that compares a picture with its base. It is safe
// for concurrent use.
type Difference struct {
	options Options
	closing morph.Kernel
	pool    sync.Pool // of *scratch
}

var _ addsd.Localiser = (*Difference)(nil)

// NewDifference returns a Difference.
func NewDifference(o Options) *Difference {
	o = o.withDefaults()
	return &Difference{options: o, closing: morph.Disk(o.Close), pool: sync.Pool{New: func() any { return new(scratch) }}}
}

// Name is "difference".
func (d *Difference) Name() string { return "difference" }

// Localise finds what made has and base has not; it does not look at the request.
// Found's mask has the object's pixels, its box is their tight one, and Score is
// s / (s + strong), s being the mean change of those pixels and strong the
// threshold in force. Drift is measured outside the box grown by 16 pixels,
// Noise over the quieter blocks.
//
// What it rejects comes with what was measured: Found's Changed, Drift and Noise
// are set, and for TooMuch and Drifted also the rest. Pictures of different sizes, or
// without pixels, are fault.Usage.
func (d *Difference) Localise(base, made *raster.RGB, _ *addsd.Request) (addsd.Found, error) {
	w, h := base.Width, base.Height
	if made.Width != w || made.Height != h {
		return addsd.Found{}, fault.New(fault.Usage, "localise: picture of %d x %d, base of %d x %d pixels", made.Width, made.Height, w, h)
	}
	if w <= 0 || h <= 0 || len(base.Pix) < 3*w*h || len(made.Pix) < 3*w*h {
		return addsd.Found{}, fault.New(fault.Usage, "localise: %d x %d pixels with %d and %d bytes", w, h, len(base.Pix), len(made.Pix))
	}
	s := d.pool.Get().(*scratch)
	defer d.pool.Put(s)
	return s.localise(base, made, d)
}

func (s *scratch) localise(base, made *raster.RGB, d *Difference) (addsd.Found, error) {
	o := &d.options
	s.change.of(base, made)
	s.blocks.of(&s.change)
	t := s.blocks.thresholds(o)
	found := addsd.Found{Noise: t.noise}

	s.segment(t, d)
	pixels := float64(base.Width) * float64(base.Height)
	parts, changed := s.parts(o, pixels)
	found.Changed = changed / pixels
	if len(parts.of) == 0 || float64(parts.area) < o.MinArea*pixels {
		found.Drift = s.change.meanOutside([4]int{})
		if found.Drift > o.MaxDrift {
			return found, addsd.Reject(addsd.Drifted, "the picture changed by %.4f on average and nowhere in particular, at most %g", found.Drift, o.MaxDrift)
		}
		return found, addsd.Reject(addsd.NothingFound, "no change of %d of 255 over %g of the picture", t.strong, o.MinArea)
	}
	if err := s.describe(&found, parts, t); err != nil {
		return addsd.Found{}, err
	}
	if found.Changed > o.MaxChanged {
		return found, addsd.Reject(addsd.TooMuch, "%.4f of the picture changed, at most %g", found.Changed, o.MaxChanged)
	}
	if found.Drift > o.MaxDrift {
		return found, addsd.Reject(addsd.Drifted, "the rest of the picture changed by %.4f on average, at most %g", found.Drift, o.MaxDrift)
	}
	return found, nil
}
