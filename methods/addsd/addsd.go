package addsd

import (
	"context"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/kernels/raster"
	"github.com/tailorbird/tailorbird/kernels/rle"
)

// Scene is one picture of a dataset with its objects, in pixels of Image.
type Scene struct {
	Key     string
	SHA256  string // of the stored picture, hex
	Image   *raster.RGB
	Objects []datasets.Annotation
}

// Request asks for one picture: Base with one more object of a category.
type Request struct {
	Key           string // of the sample to be
	Base          *Scene
	Category      datasets.Class
	Instruction   string
	Mask          *rle.Mask // where the object should go, nil: anywhere
	Seed          uint64
	Attempt       int
	Steps         int     // 0: the generator's own
	Guidance      float64 // of the text, 0: the generator's own
	ImageGuidance float64
}

// Made is what a Generator answers to one Request. Err is set, or Image is.
type Made struct {
	Image *raster.RGB // RGB of Frame.Width x Frame.Height pixels
	// Frame says where Image lies in the base.
	Frame Frame
	// Objects are the base's that are left, in pixels of Image: what is hidden is
	// cut from masks and boxes, what is hidden whole is gone.
	Objects []datasets.Annotation
	Truth   *datasets.Truth // nil where the generator does not know
	Donor   *datasets.Donor
	// Err is a *Rejection for a sample that is to be counted and left out; any
	// other error is the machinery's and ends the run.
	Err error
}

// Generator makes pictures. One is opened once a worker process and serves
// several goroutines. It keeps nothing of a request after it has answered.
type Generator interface {
	Identity() datasets.GeneratorIdentity
	// Deterministic reports whether the same request gives the same bytes.
	Deterministic() bool
	// Batch is how many requests are best asked for at once.
	Batch() int
	// Generate answers every request, in order. The error is the machinery's.
	Generate(ctx context.Context, reqs []*Request) ([]Made, error)
	Close() error
}

// Found is where a localiser sees the added object.
type Found struct {
	Box     datasets.Box
	Mask    rle.Mask // of the picture's size; no Counts where the localiser gives boxes only
	Score   float64  // 0..1
	Changed float64  // share of the picture's pixels that changed
	Drift   float64  // mean change outside the object, 0..1
	Noise   float64  // mean change that the codec alone makes, 0..1
}

// Localiser finds what was added. base and made have one size; base went through
// the same codec as made, so that the codec's own noise is in both.
type Localiser interface {
	Name() string
	// Localise returns a *Rejection where nothing is to be found.
	Localise(base, made *raster.RGB, req *Request) (Found, error)
}
