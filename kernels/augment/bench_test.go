package augment

import (
	"math/rand/v2"
	"testing"

	"github.com/tailorbird/tailorbird/kernels/raster"
)

func noise(w, h int, seed uint64) *raster.RGB {
	m, rng := raster.NewRGB(w, h), rand.New(rand.NewPCG(seed, 1))
	for i := range m.Pix {
		m.Pix[i] = byte(rng.Uint32())
	}
	return m
}

func BenchmarkApply(b *testing.B) {
	for _, text := range []string{"random_resized_crop(224)", "flip(1)", "random_resized_crop(224) | flip", "pad_crop(4)", "color_jitter", "rand_augment(2, 9)"} {
		b.Run(text, func(b *testing.B) {
			r, err := Parse(text)
			if err != nil {
				b.Fatal(err)
			}
			src, a := noise(341, 256, 1), r.New()
			var dst raster.RGB
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if err := a.Apply(&dst, src, Seed{Epoch: int64(i), Key: "k"}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkCHW(b *testing.B) {
	src, n := noise(224, 224, 1), NewNormalizer([3]float32{0.5, 0.5, 0.5}, [3]float32{0.5, 0.5, 0.5})
	dst := make([]float32, 3*224*224)
	for b.Loop() {
		n.CHW(dst, src)
	}
}
