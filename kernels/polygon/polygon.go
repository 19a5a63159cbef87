package polygon

import (
	"math"

	"github.com/tailorbird/tailorbird/internal/fault"
)

// MaxCoordinate bounds the magnitude of a coordinate, in pixels. It leaves the
// rasteriser's arithmetic exact.
const MaxCoordinate = 1 << 28

// Validate reports whether xy is an outline: an even count of at least six
// numbers, each finite and within MaxCoordinate of zero. The error carries
// fault.InvalidAnnotation and names the first number that is wrong.
func Validate(xy []float64) error {
	if len(xy) < 6 || len(xy)%2 != 0 {
		return fault.New(fault.InvalidAnnotation, "polygon: %d numbers, want an even count of at least 6", len(xy))
	}
	for i, v := range xy {
		if !(math.Abs(v) <= MaxCoordinate) {
			return fault.New(fault.InvalidAnnotation, "polygon: %c of point %d is %g", "xy"[i%2], i/2, v)
		}
	}
	return nil
}

// Area returns the area that the outline encloses in square pixels, by the
// shoelace formula.
func Area(xy []float64) float64 {
	if len(xy) < 2 {
		return 0
	}
	// Relative to the first point, so that a small polygon far from the
	// origin keeps its digits. The conversions forbid fused multiply-adds, so
	// that every machine returns the same.
	x0, y0 := xy[0], xy[1]
	var twice float64
	px, py := xy[len(xy)-2]-x0, xy[len(xy)-1]-y0
	for i := 0; i+1 < len(xy); i += 2 {
		x, y := xy[i]-x0, xy[i+1]-y0
		twice += float64(px*y) - float64(x*py)
		px, py = x, y
	}
	return math.Abs(twice) / 2
}

// Box returns the tight bounding box as COCO writes it: x, y, width, height.
func Box(xy []float64) [4]float64 {
	if len(xy) < 2 {
		return [4]float64{}
	}
	x0, y0 := xy[0], xy[1]
	x1, y1 := x0, y0
	for i := 2; i+1 < len(xy); i += 2 {
		x0, x1 = min(x0, xy[i]), max(x1, xy[i])
		y0, y1 = min(y0, xy[i+1]), max(y1, xy[i+1])
	}
	return [4]float64{x0, y0, x1 - x0, y1 - y0}
}

// Scale multiplies every x by sx and every y by sy, in place: what a resize of
// the image from w x h to sx*w x sy*h pixels does to its outlines.
func Scale(xy []float64, sx, sy float64) {
	for i := 0; i+1 < len(xy); i += 2 {
		xy[i] *= sx
		xy[i+1] *= sy
	}
}

// Shift adds dx to every x and dy to every y, in place.
func Shift(xy []float64, dx, dy float64) {
	for i := 0; i+1 < len(xy); i += 2 {
		xy[i] += dx
		xy[i+1] += dy
	}
}
