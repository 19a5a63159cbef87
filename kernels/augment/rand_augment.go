package augment

import (
	"math"

	"github.com/tailorbird/tailorbird/kernels/raster"
)

// The operations of RandAugment in torchvision's order.
const (
	randIdentity = iota
	randShearX
	randShearY
	randTranslateX
	randTranslateY
	randRotate
	randBrightness
	randColor
	randContrast
	randSharpness
	randPosterize
	randSolarize
	randAutoContrast
	randEqualize
	randOperations
)

// applyRandAugment is RandAugment (Cubuk et al., CVPR workshops 2020) with the
// magnitudes of torchvision's _augmentation_space.
func applyRandAugment(a *Augmenter, s step, src *raster.RGB) *raster.RGB {
	rng := a.draw.step(a.index, s.op.name)
	level := s.arg("m").n / (s.arg("bins").n - 1)
	m := a.own(src)
	for range s.arg("n").int() {
		op := rng.IntN(randOperations)
		sign := 1.0
		if op >= randShearX && op <= randSharpness && rng.IntN(2) == 1 {
			sign = -1
		}
		m = a.randOp(m, op, level, sign)
	}
	return m
}

func (a *Augmenter) randOp(m *raster.RGB, op int, level, sign float64) *raster.RGB {
	w, h := m.Width, m.Height
	shear, factor := sign*0.3*level, 1+float64(sign*0.9*level)
	switch op {
	case randShearX:
		return a.shear(m, shear, 0)
	case randShearY:
		return a.shear(m, 0, shear)
	case randTranslateX:
		return a.Affine(m, Translation(int(sign*150/331*float64(w)*level), 0))
	case randTranslateY:
		return a.Affine(m, Translation(0, int(sign*150/331*float64(h)*level)))
	case randRotate:
		if level == 0 {
			return m
		}
		return a.Affine(m, Rotation(w, h, sign*30*level))
	case randBrightness:
		Brightness(m, factor)
	case randColor:
		a.Saturation(m, factor)
	case randContrast:
		a.Contrast(m, factor)
	case randSharpness:
		return a.Sharpness(m, factor)
	case randPosterize:
		Posterize(m, 8-int(math.RoundToEven(4*level)))
	case randSolarize:
		Solarize(m, 255*(1-level))
	case randAutoContrast:
		AutoContrast(m)
	case randEqualize:
		Equalize(m)
	}
	return m
}

func (a *Augmenter) shear(m *raster.RGB, x, y float64) *raster.RGB { return a.Affine(m, Shear(x, y)) }
