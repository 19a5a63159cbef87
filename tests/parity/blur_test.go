package parity

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/tailorbird/tailorbird/kernels/blur"
)

func init() {
	register("gaussian_blur_opencv", gaussianBlurOpenCV)
	register("gaussian_blur_pillow", gaussianBlurPillow)
}

// samples returns an H x W or H x W x C tensor with its sizes.
func samples(t *testing.T, c *Case, name string) (pix []byte, w, h, channels int) {
	t.Helper()
	pix, shape := c.U8(t, name)
	switch len(shape) {
	case 2:
		return pix, shape[1], shape[0], 1
	case 3:
		return pix, shape[1], shape[0], shape[2]
	}
	t.Fatalf("%s has shape %d, want H x W x C", name, shape)
	return nil, 0, 0, 0
}

// gaussianBlurOpenCV has one output for each of the config's cases, and outputs
// float_sN: the blur of x/255 in float32 with sigma N.
func gaussianBlurOpenCV(t *testing.T, c *Case) {
	var cfg struct {
		Cases []struct {
			Out    string
			Ksize  [2]int
			Sigma  float64
			SigmaY float64 `json:"sigma_y"`
		}
	}
	c.DecodeConfig(t, &cfg)
	x, w, h, channels := samples(t, c, "x")
	var b blur.Blurrer
	for _, cs := range cfg.Cases {
		got := make([]byte, len(x))
		g := blur.Gaussian{KernelX: cs.Ksize[0], KernelY: cs.Ksize[1], SigmaX: cs.Sigma, SigmaY: cs.SigmaY}
		if err := b.OpenCV(got, x, w, h, channels, g); err != nil {
			t.Fatal(err)
		}
		c.Check(t, cs.Out, got)
	}
	floats := make([]float32, len(x))
	for i, v := range x {
		floats[i] = float32(v) / 255
	}
	for _, out := range c.Outputs {
		sigma, ok := strings.CutPrefix(out.Name, "float_s")
		if !ok {
			continue
		}
		got := make([]float32, len(x))
		if err := b.OpenCVFloat(got, floats, w, h, channels, blur.Gaussian{SigmaX: number(t, sigma)}); err != nil {
			t.Fatal(err)
		}
		c.Check(t, out.Name, got)
	}
}

// number reads a number out of an output's name, where _ stands for the point.
func number(t *testing.T, name string) float64 {
	t.Helper()
	v, err := strconv.ParseFloat(strings.ReplaceAll(name, "_", "."), 64)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// gaussianBlurPillow has outputs rR for each radius R, and boxR: a box blur.
func gaussianBlurPillow(t *testing.T, c *Case) {
	var cfg struct{ Radius []float64 }
	c.DecodeConfig(t, &cfg)
	x, w, h, channels := samples(t, c, "x")
	var b blur.Blurrer
	got := make([]byte, len(x))
	for _, r := range cfg.Radius {
		if err := b.Pillow(got, x, w, h, channels, r, r); err != nil {
			t.Fatal(err)
		}
		c.Check(t, "r"+strings.ReplaceAll(fmt.Sprint(r), ".", "_"), got)
	}
	for _, out := range c.Outputs {
		if size, ok := strings.CutPrefix(out.Name, "box"); ok {
			r := number(t, size)
			if err := b.PillowBox(got, x, w, h, channels, r, r); err != nil {
				t.Fatal(err)
			}
			c.Check(t, out.Name, got)
		}
	}
}
