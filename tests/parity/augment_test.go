package parity

import (
	"math"
	"testing"

	"github.com/tailorbird/tailorbird/kernels/augment"
	"github.com/tailorbird/tailorbird/kernels/raster"
)

func init() { register("augment_ops", augmentOps) }

// augmentOps applies each operation of RandAugment alone, with the config's
// magnitude, to x.
func augmentOps(t *testing.T, c *Case) {
	var cfg struct {
		Brightness, Contrast, Saturation, Sharpness, Hue, Solarize, Rotate float64
		PosterizeBits                                                      int     `json:"posterize_bits"`
		ShearX                                                             float64 `json:"shear_x"`
		Translate                                                          [2]int
	}
	c.DecodeConfig(t, &cfg)
	recipe, err := augment.Parse("")
	if err != nil {
		t.Fatal(err)
	}
	a := recipe.New()
	inPlace := func(f func(m *raster.RGB)) func(*raster.RGB) *raster.RGB {
		return func(m *raster.RGB) *raster.RGB { f(m); return m }
	}
	affine := func(m augment.Matrix) func(*raster.RGB) *raster.RGB {
		return func(x *raster.RGB) *raster.RGB { return a.Affine(x, m) }
	}
	x := rgb(t, c, "x")
	for name, op := range map[string]func(*raster.RGB) *raster.RGB{
		"brightness":   inPlace(func(m *raster.RGB) { augment.Brightness(m, cfg.Brightness) }),
		"contrast":     inPlace(func(m *raster.RGB) { a.Contrast(m, cfg.Contrast) }),
		"saturation":   inPlace(func(m *raster.RGB) { a.Saturation(m, cfg.Saturation) }),
		"sharpness":    func(m *raster.RGB) *raster.RGB { return a.Sharpness(m, cfg.Sharpness) },
		"hue":          inPlace(func(m *raster.RGB) { augment.Hue(m, cfg.Hue) }),
		"posterize":    inPlace(func(m *raster.RGB) { augment.Posterize(m, cfg.PosterizeBits) }),
		"solarize":     inPlace(func(m *raster.RGB) { augment.Solarize(m, cfg.Solarize) }),
		"autocontrast": inPlace(augment.AutoContrast),
		"equalize":     inPlace(augment.Equalize),
		"invert":       inPlace(augment.Invert),
		"flip":         inPlace(augment.Flip),
		"rotate":       affine(augment.Rotation(x.Width, x.Height, cfg.Rotate)),
		// The case states where a pixel comes from, the terms of Pillow's matrix.
		"translate": affine(augment.Translation(-cfg.Translate[0], -cfg.Translate[1])),
		"shear_x":   affine(augment.Shear(math.Tan(math.Atan(cfg.ShearX)), 0)),
	} {
		if c.Output(name) == nil {
			continue
		}
		m := rgb(t, c, "x")
		m.Pix = append([]byte(nil), m.Pix...)
		checkRGB(t, c, name, op(m))
	}
}
