package parity

import (
	"fmt"
	"testing"

	"github.com/tailorbird/tailorbird/kernels/raster"
	"github.com/tailorbird/tailorbird/kernels/resize"
)

func init() {
	register("resize_pillow", resizePillow)
	register("resize_pillow_float", resizePillowFloat)
	register("resized_crop", resizedCrop)
	register("crop_fit_pad", cropFitPad)
	register("exif_transpose", exifTranspose)
}

// rgb returns an H x W x 3 tensor as an image.
func rgb(t *testing.T, c *Case, name string) *raster.RGB {
	t.Helper()
	pix, shape := c.U8(t, name)
	if len(shape) != 3 || shape[2] != 3 {
		t.Fatalf("%s has shape %d, want H x W x 3", name, shape)
	}
	return &raster.RGB{Width: shape[1], Height: shape[0], Pix: pix}
}

func checkRGB(t *testing.T, c *Case, name string, m *raster.RGB) {
	t.Helper()
	c.Check(t, name, m.Pix, m.Height, m.Width, 3)
}

func filter(t *testing.T, name string) resize.Filter {
	t.Helper()
	f, err := resize.ParseFilter(name)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func box(b [4]float64) resize.Box { return resize.Box{X0: b[0], Y0: b[1], X1: b[2], Y1: b[3]} }

func resizePillow(t *testing.T, c *Case) {
	var cfg struct {
		Filter     string
		Sizes      [][2]int
		NoiseSizes [][2]int `json:"noise_sizes"`
		Box        [4]float64
		BoxSize    [2]int `json:"box_size"`
	}
	c.DecodeConfig(t, &cfg)
	f := filter(t, cfg.Filter)
	var r resize.Resizer
	to := func(src *raster.RGB, size [2]int, o resize.Options) *raster.RGB {
		dst := raster.NewRGB(size[0], size[1])
		r.RGB(dst, src, o)
		return dst
	}
	x := rgb(t, c, "x")
	for i, size := range cfg.Sizes {
		checkRGB(t, c, fmt.Sprint("y", i), to(x, size, resize.Options{Filter: f}))
	}
	for i, size := range cfg.NoiseSizes {
		checkRGB(t, c, fmt.Sprint("n", i), to(rgb(t, c, "noise"), size, resize.Options{Filter: f}))
	}
	if c.Output("ybox") != nil {
		checkRGB(t, c, "ybox", to(x, cfg.BoxSize, resize.Options{Filter: f, Box: box(cfg.Box)}))
	}
	if o := c.Output("grey"); o != nil {
		luma := make([]byte, x.Width*x.Height)
		raster.Luma(luma, x)
		h, w := o.Shape[0], o.Shape[1]
		dst := make([]byte, w*h)
		r.Plane(dst, w, w, h, luma, x.Width, x.Width, x.Height, resize.Options{Filter: f})
		c.Check(t, "grey", dst, h, w)
	}
}

func resizePillowFloat(t *testing.T, c *Case) {
	var cfg struct {
		Filters []string
		Size    [2]int
	}
	c.DecodeConfig(t, &cfg)
	x, shape := c.F32(t, "x")
	var r resize.Resizer
	for _, name := range cfg.Filters {
		dst := make([]float32, cfg.Size[0]*cfg.Size[1])
		r.Float32(dst, cfg.Size[0], cfg.Size[1], x, shape[1], shape[0], resize.Options{Filter: filter(t, name)})
		c.Check(t, name, dst, cfg.Size[1], cfg.Size[0])
	}
}

// resizedCrop has boxes (top, left, height, width) as inputs and one output a
// filter, named after it.
func resizedCrop(t *testing.T, c *Case) {
	var cfg struct{ Size int }
	c.DecodeConfig(t, &cfg)
	x := rgb(t, c, "x")
	boxes, shape := c.I64(t, "boxes")
	var r resize.Resizer
	for _, out := range c.Outputs {
		var got []byte
		for i := range shape[0] {
			b := boxes[4*i:]
			crop := raster.NewRGB(int(b[3]), int(b[2]))
			raster.Crop(crop, x, int(b[1]), int(b[0]), raster.Color{})
			dst := raster.NewRGB(cfg.Size, cfg.Size)
			r.RGB(dst, crop, resize.Options{Filter: filter(t, out.Name)})
			got = append(got, dst.Pix...)
		}
		c.Check(t, out.Name, got, shape[0], cfg.Size, cfg.Size, 3)
	}
}

func cropFitPad(t *testing.T, c *Case) {
	var cfg struct {
		Crop [4]float64
		Fit  [2]int
	}
	c.DecodeConfig(t, &cfg)
	x := rgb(t, c, "x")

	b := raster.RoundBox(cfg.Crop[0], cfg.Crop[1], cfg.Crop[2], cfg.Crop[3])
	crop := raster.NewRGB(b.Dx(), b.Dy())
	raster.Crop(crop, x, b.Min.X, b.Min.Y, raster.Color{})
	checkRGB(t, c, "crop", crop)

	var from [4]float64
	from[0], from[1], from[2], from[3] = raster.FitBox(x.Width, x.Height, cfg.Fit[0], cfg.Fit[1], 0.5, 0.5)
	fit := raster.NewRGB(cfg.Fit[0], cfg.Fit[1])
	new(resize.Resizer).RGB(fit, x, resize.Options{Filter: resize.Lanczos3, Box: box(from)})
	checkRGB(t, c, "fit", fit)

	luma := make([]byte, x.Width*x.Height)
	raster.Luma(luma, x)
	c.Check(t, "luma", luma, x.Height, x.Width)
}

func exifTranspose(t *testing.T, c *Case) {
	x := rgb(t, c, "x")
	for _, out := range c.Outputs {
		var orientation int
		if _, err := fmt.Sscanf(out.Name, "y%d", &orientation); err != nil {
			t.Fatalf("output %s: %v", out.Name, err)
		}
		var upright raster.RGB
		raster.Orient(&upright, x, orientation)
		checkRGB(t, c, out.Name, &upright)
	}
}
