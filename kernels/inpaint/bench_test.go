package inpaint

import (
	"math"
	"testing"

	"github.com/tailorbird/tailorbird/kernels/morph"
	"github.com/tailorbird/tailorbird/kernels/raster"
)

// scene is a picture with gradients, a grid of tiles and a grain.
func scene(w, h int) *raster.RGB {
	m := raster.NewRGB(w, h)
	for y := range h {
		for x := range w {
			grain := float64((x*7919+y*104729)%13) - 6
			tile := 40 * float64((x/16+y/16)%2)
			p := m.Pix[3*(y*w+x):]
			p[0] = byte(90 + tile + 50*float64(x)/float64(w) + grain)
			p[1] = byte(80 + tile + 60*float64(y)/float64(h) + grain)
			p[2] = byte(100 + 30*math.Sin(float64(x+y)/9) + grain)
		}
	}
	return m
}

func square(w, h, x, y, side int) *morph.Bitmap {
	m := morph.New(w, h)
	for j := y; j < min(y+side, h); j++ {
		for i := x; i < min(x+side, w); i++ {
			m.Pix[j*w+i] = 255
		}
	}
	return m
}

// The figures of the house: 0.15 s for Telea, 1.5 s for PatchMatch.
func benchmark(b *testing.B, p Inpainter) {
	src, mask := scene(640, 480), square(640, 480, 250, 160, 150)
	var dst raster.RGB
	b.ReportAllocs()
	for b.Loop() {
		if err := p.Inpaint(&dst, src, mask); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkTelea(b *testing.B)        { benchmark(b, NewTelea(DefaultRadius)) }
func BenchmarkNavierStokes(b *testing.B) { benchmark(b, NewNavierStokes(DefaultRadius)) }
func BenchmarkPatchMatch(b *testing.B)   { benchmark(b, NewPatchMatch(1)) }
