package parity

import (
	"fmt"
	"testing"

	"github.com/tailorbird/tailorbird/kernels/inpaint"
	"github.com/tailorbird/tailorbird/kernels/morph"
	"github.com/tailorbird/tailorbird/kernels/raster"
)

func init() { register("inpaint", inpaintCase) }

// inpaintCase has one output a radius. The cases allow another order of equal
// distances; ours is the reference's, so the outputs are held to the byte.
func inpaintCase(t *testing.T, c *Case) {
	var cfg struct {
		Method string
		Radius []int
	}
	c.DecodeConfig(t, &cfg)
	x := rgb(t, c, "x")
	pix, shape := c.U8(t, "mask")
	mask := &morph.Bitmap{Width: shape[1], Height: shape[0], Pix: pix}
	for _, radius := range cfg.Radius {
		var p inpaint.Inpainter
		switch cfg.Method {
		case "telea":
			p = inpaint.NewTelea(radius)
		case "ns":
			p = inpaint.NewNavierStokes(radius)
		default:
			t.Fatalf("method %q", cfg.Method)
		}
		var dst raster.RGB
		if err := p.Inpaint(&dst, x, mask); err != nil {
			t.Fatal(err)
		}
		checkRGB(t, c, fmt.Sprint("r", radius), &dst)
	}
}
