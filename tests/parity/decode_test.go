package parity

import (
	"bytes"
	"image"
	"image/png"
	"testing"

	"github.com/tailorbird/tailorbird/kernels/jpeg"
	"github.com/tailorbird/tailorbird/kernels/picture"
	"github.com/tailorbird/tailorbird/kernels/raster"
)

func init() {
	register("decode", decodeCase)
	register("decode16", decode16Case)
}

// decodeConfig is the configuration of both kinds.
type decodeConfig struct {
	File          string
	Width, Height int
}

func decodeCase(t *testing.T, c *Case) {
	var cfg decodeConfig
	c.DecodeConfig(t, &cfg)
	data := c.File(t, cfg.File)
	dec := picture.NewDecoder(picture.Limits{})
	defer dec.Close()
	info, err := picture.ReadInfo(data)
	if err != nil {
		t.Fatal(err)
	}
	if cfg.Width > 0 && (info.Width != cfg.Width || info.Height != cfg.Height) {
		t.Errorf("header says %dx%d, config %dx%d", info.Width, info.Height, cfg.Width, cfg.Height)
	}
	var rgb raster.RGB
	if err := dec.RGB(&rgb, data); err != nil {
		t.Fatal(err)
	}
	c.Check(t, "rgb", rgb.Pix, rgb.Height, rgb.Width, 3)
	if c.Output("rgb_oriented") != nil {
		var turned raster.RGB
		raster.Orient(&turned, &rgb, info.Orientation)
		c.Check(t, "rgb_oriented", turned.Pix, turned.Height, turned.Width, 3)
	}
	if c.Output("cmyk") != nil {
		inks := decodeInks(t, data)
		c.Check(t, "cmyk", inks, rgb.Height, rgb.Width, 4)
	}
	if c.Output("rgba") == nil && c.Output("over_black") == nil {
		return
	}
	var rgba image.NRGBA
	if err := dec.RGBA(&rgba, data); err != nil {
		t.Fatal(err)
	}
	if c.Output("rgba") != nil {
		c.Check(t, "rgba", rgba.Pix, rgb.Height, rgb.Width, 4)
	}
	if c.Output("over_black") != nil {
		c.Check(t, "over_black", overBlack(&rgba), rgb.Height, rgb.Width, 3)
	}
}

func decodeInks(t *testing.T, data []byte) []byte {
	dec := jpeg.NewDecoder()
	defer dec.Close()
	inks, err := dec.CMYK(nil, data)
	if err != nil {
		t.Fatal(err)
	}
	return inks
}

// overBlack multiplies by alpha as Pillow's alpha_composite over opaque black
// does: v*a/255, rounded.
func overBlack(m *image.NRGBA) []byte {
	out := make([]byte, 0, len(m.Pix)/4*3)
	for i := 0; i < len(m.Pix); i += 4 {
		for _, v := range m.Pix[i : i+3] {
			out = append(out, byte((2*int(v)*int(m.Pix[i+3])+255)/510))
		}
	}
	return out
}

func decode16Case(t *testing.T, c *Case) {
	var cfg decodeConfig
	c.DecodeConfig(t, &cfg)
	data := c.File(t, cfg.File)
	dec := picture.NewDecoder(picture.Limits{})
	defer dec.Close()
	var rgb raster.RGB
	if err := dec.RGB(&rgb, data); err != nil {
		t.Fatal(err)
	}
	c.Check(t, "rgb_high_byte", rgb.Pix, rgb.Height, rgb.Width, 3)
	img, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	m, ok := img.(*image.Gray16)
	if !ok {
		t.Fatalf("the file is a %T", img)
	}
	samples := make([]int64, len(m.Pix)/2)
	clipped := make([]byte, 0, 3*len(samples))
	for i := range samples {
		samples[i] = int64(m.Pix[2*i])<<8 | int64(m.Pix[2*i+1])
		v := byte(min(samples[i], 255)) // where Pillow differs from us, knowingly
		clipped = append(clipped, v, v, v)
	}
	c.Check(t, "gray16", samples, rgb.Height, rgb.Width)
	if c.Output("pillow_convert") != nil {
		c.Check(t, "pillow_convert", clipped, rgb.Height, rgb.Width, 3)
	}
}
