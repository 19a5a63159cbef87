package augment

import (
	"image"
	"math"
	"math/rand/v2"

	"github.com/tailorbird/tailorbird/kernels/raster"
)

// cropTries is how often a window is drawn before the middle is taken.
const cropTries = 10

// cropBox draws the window of torchvision's RandomResizedCrop.get_params: the
// area's share uniform in scale, the shape width/height log-uniform in ratio,
// the place uniform; after ten windows that do not fit, the largest one in the
// middle whose shape is in ratio.
func cropBox(rng *rand.Rand, w, h int, scale, ratio [2]float64) image.Rectangle {
	area := float64(w) * float64(h)
	for range cropTries {
		target := area * uniform(rng, scale[0], scale[1])
		shape := logUniform(rng, ratio[0], ratio[1])
		cw := int(math.RoundToEven(math.Sqrt(target * shape)))
		ch := int(math.RoundToEven(math.Sqrt(target / shape)))
		if 0 < cw && cw <= w && 0 < ch && ch <= h {
			y := rng.IntN(h - ch + 1)
			x := rng.IntN(w - cw + 1)
			return image.Rect(x, y, x+cw, y+ch)
		}
	}
	cw, ch := w, h
	switch have := float64(w) / float64(h); {
	case have < ratio[0]:
		ch = int(math.RoundToEven(float64(w) / ratio[0]))
	case have > ratio[1]:
		cw = int(math.RoundToEven(float64(h) * ratio[1]))
	}
	cw, ch = max(cw, 1), max(ch, 1)
	x, y := (w-cw)/2, (h-ch)/2
	return image.Rect(x, y, x+cw, y+ch)
}

// Flip mirrors m left to right, in place.
func Flip(m *raster.RGB) {
	n := 3 * m.Width
	for y := range m.Height {
		row := m.Pix[y*n : y*n+n : y*n+n]
		for i, j := 0, n-3; i < j; i, j = i+3, j-3 {
			p, q := row[i:i+3:i+3], row[j:j+3:j+3]
			p[0], q[0] = q[0], p[0]
			p[1], q[1] = q[1], p[1]
			p[2], q[2] = q[2], p[2]
		}
	}
}
