package copypaste

import (
	"github.com/tailorbird/tailorbird/internal/fault"
)

// Version is raised whenever a request gives other bytes than before.
const Version = "1"

// Name is what records call this generator.
const Name = "copy_paste"

// The ways in which a cut-out is put into its picture.
const (
	Hard    = "hard"    // copied under its mask
	Feather = "feather" // fading out inside its edge
	Poisson = "poisson" // its gradients kept, its light and tint taken from the place
)

// Options say how objects are pasted. A field that is zero has its default.
type Options struct {
	Blend      string  // Hard, Feather or Poisson; default Feather
	Feather    int     // pixels over which an edge fades; default 2, half of it for objects below 64 x 64
	MinScale   float64 // of sqrt(object area / image area); default 10/640, X-Paste's
	MaxScale   float64 // default 0.5, X-Paste's
	MaxEnlarge float64 // of a cut-out's sides, beyond which it would be blurred; default 1.5
	Jitter     float64 // of the aspect ratio: up to 1+Jitter either way; default none
	NoFlip     bool    // never mirror
	MaxHidden  float64 // share of an object's mask that may be hidden; default 0.3
	MaxIoU     float64 // of the new box with one that is there; default 0.5, the filter's limit
	Donors     int     // cut-outs tried for a request; default 4
	Places     int     // looked at for each; default 48
}

// withDefaults returns o with its zero fields set.
func (o Options) withDefaults() Options {
	if o.Blend == "" {
		o.Blend = Feather
	}
	if o.Feather == 0 {
		o.Feather = 2
	}
	or(&o.MinScale, 10.0/640)
	or(&o.MaxScale, 0.5)
	or(&o.MaxEnlarge, 1.5)
	or(&o.MaxHidden, 0.3)
	or(&o.MaxIoU, 0.5)
	or(&o.Donors, 4)
	or(&o.Places, 48)
	return o
}

// Validate reports options that make no sense as fault.Usage.
func (o Options) Validate() error {
	o = o.withDefaults()
	switch {
	case o.Blend != Hard && o.Blend != Feather && o.Blend != Poisson:
		return fault.New(fault.Usage, "blend %q, there are %s, %s and %s", o.Blend, Hard, Feather, Poisson)
	case o.Feather < 0 || o.Feather > 100:
		return fault.New(fault.Usage, "feather of %d pixels, between 0 and 100 is meant", o.Feather)
	case !(o.MinScale > 0 && o.MinScale <= o.MaxScale && o.MaxScale <= 1):
		return fault.New(fault.Usage, "scales from %v to %v, between 0 and 1 is meant", o.MinScale, o.MaxScale)
	case !(o.MaxEnlarge > 0 && o.MaxEnlarge <= 16):
		return fault.New(fault.Usage, "enlarged %v times, up to 16 is meant", o.MaxEnlarge)
	case !(o.Jitter >= 0 && o.Jitter <= 1):
		return fault.New(fault.Usage, "aspect jitter %v, between 0 and 1 is meant", o.Jitter)
	case !(o.MaxHidden >= 0 && o.MaxHidden <= 1 && o.MaxIoU >= 0 && o.MaxIoU <= 1):
		return fault.New(fault.Usage, "hidden share %v and IoU %v, between 0 and 1 is meant", o.MaxHidden, o.MaxIoU)
	case o.Donors < 1 || o.Places < 1 || o.Donors > 1000 || o.Places > 100000:
		return fault.New(fault.Usage, "%d cut-outs at %d places", o.Donors, o.Places)
	}
	return nil
}
