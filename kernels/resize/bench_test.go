package resize

import (
	"image"
	"testing"

	"github.com/tailorbird/tailorbird/kernels/raster"
)

func planes(w, h int, ratio image.YCbCrSubsampleRatio, seed uint32) *image.YCbCr {
	m := new(image.YCbCr)
	raster.ResetPlanes(m, w, h, ratio)
	copy(m.Y, noise(len(m.Y), seed))
	copy(m.Cb, noise(len(m.Cb), seed+1))
	copy(m.Cr, noise(len(m.Cr), seed+2))
	return m
}

// The mean ImageNet photograph to a short side of 256.
func BenchmarkPlanes420Bicubic500x375To341x256(b *testing.B) {
	src, dst := planes(500, 375, image.YCbCrSubsampleRatio420, 1), planes(341, 256, image.YCbCrSubsampleRatio420, 1)
	for name, r := range forms() {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				r.Planes(dst, src, Options{})
			}
		})
	}
}

func BenchmarkRGB(b *testing.B) {
	for _, c := range []struct {
		name         string
		w, h, dw, dh int
		o            Options
	}{
		{"bicubic 500x375 to 341x256", 500, 375, 341, 256, Options{}},
		{"bilinear 500x375 to 224x224", 500, 375, 224, 224, Options{Filter: Bilinear}},
		{"lanczos3 2464x1640 to 426x284", 2464, 1640, 426, 284, Options{Filter: Lanczos3}},
		{"bicubic 224x224 to 512x512", 224, 224, 512, 512, Options{}},
	} {
		src, dst := &raster.RGB{Width: c.w, Height: c.h, Pix: noise(3*c.w*c.h, 1)}, raster.NewRGB(c.dw, c.dh)
		for name, r := range forms() {
			b.Run(c.name+"/"+name, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					r.RGB(dst, src, c.o)
				}
			})
		}
	}
}

func BenchmarkPlaneLanczos2464x1640To426x284(b *testing.B) {
	src, dst := noise(2464*1640, 1), make([]byte, 426*284)
	for name, r := range forms() {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				r.Plane(dst, 426, 426, 284, src, 2464, 2464, 1640, Options{Filter: Lanczos3})
			}
		})
	}
}

// A size never seen before costs its tables.
func BenchmarkNewSize(b *testing.B) {
	src, dst := noise(500*375, 1), make([]byte, 341*256)
	for name, r := range forms() {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				r.Plane(dst, 341, 341, 256, src, 500, 400+i%100, 275+i%100, Options{})
			}
		})
	}
}
