package recursivemix

import (
	"math"
	"strconv"

	"github.com/tailorbird/tailorbird/methods/nn"
)

// Box is a rectangle of whole pixels: columns X1 <= x < X2, rows Y1 <= y < Y2.
type Box struct{ X1, Y1, X2, Y2 int }

// Width and Height count pixels.
func (b Box) Width() int  { return b.X2 - b.X1 }
func (b Box) Height() int { return b.Y2 - b.Y1 }

// Empty says whether the box holds no pixel.
func (b Box) Empty() bool { return b.X2 <= b.X1 || b.Y2 <= b.Y1 }

// Share is the part of a width x height image that the box covers: the a of the
// paper's labels, computed after clipping.
func (b Box) Share(width, height int) float64 {
	return float64(b.Width()*b.Height()) / float64(width*height)
}

// Draw is what chance decides about a step: the share of the image that the box
// would cover unclipped, and its centre.
type Draw struct {
	U    float64 // in [0, alpha)
	X, Y int     // column and row
}

// Box returns the box of a width x height image: sides floor(W sqrt u) and floor(H
// sqrt u), halved to whole pixels on both sides of the centre, clipped to the image.
// A box without a side is the zero Box, whatever the other side is.
func (d Draw) Box(width, height int) Box {
	r := math.Sqrt(min(max(d.U, 0), 1))
	halfW, halfH := int(float64(width)*r)/2, int(float64(height)*r)/2
	b := Box{
		X1: min(max(d.X-halfW, 0), width), X2: min(max(d.X+halfW, 0), width),
		Y1: min(max(d.Y-halfH, 0), height), Y2: min(max(d.Y+halfH, 0), height),
	}
	if b.Empty() {
		return Box{}
	}
	return b
}

// NewDraw draws the box of a step: u uniform in [0, alpha), the centre uniform over
// the pixels. It depends on the run's seed and the step alone, so that a resumed
// run, and every process of a run, draws the same.
func NewDraw(seed uint64, step int64, alpha float64, width, height int) Draw {
	rng := nn.Rand(seed, strconv.FormatInt(step, 10), "recursivemix box")
	return Draw{U: alpha * rng.Float64(), X: rng.IntN(width), Y: rng.IntN(height)}
}
