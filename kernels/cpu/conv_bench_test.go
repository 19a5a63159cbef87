package cpu

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/tailorbird/tailorbird/kernels/ops"
)

// BenchmarkConvolution times the layers of the networks that the baselines train,
// at their batch of 64 where that is not said: CIFAR ResNet-18, WRN-16-2, a ViT's
// patches and some of larger images. GFLOP/s counts the products of the definition.
//
//	go test ./kernels/cpu -bench Convolution/forward -cpu 1
func BenchmarkConvolution(b *testing.B) {
	layers := []struct{ n, c, size, k, kernel, stride, groups int }{
		{64, 64, 32, 64, 3, 1, 1}, {64, 128, 16, 128, 3, 1, 1}, {64, 256, 8, 256, 3, 1, 1}, {64, 512, 4, 512, 3, 1, 1},
		{64, 64, 32, 128, 3, 2, 1}, {64, 128, 16, 256, 3, 2, 1}, {64, 256, 8, 512, 3, 2, 1},
		{64, 64, 32, 128, 1, 2, 1}, {64, 128, 16, 256, 1, 2, 1}, {64, 256, 8, 512, 1, 2, 1},
		{64, 3, 32, 64, 3, 1, 1},
		{64, 3, 32, 16, 3, 1, 1}, {64, 16, 32, 32, 3, 1, 1}, {64, 32, 32, 32, 3, 1, 1}, {64, 16, 32, 32, 1, 1, 1},
		{64, 32, 32, 64, 3, 2, 1}, {64, 64, 16, 64, 3, 1, 1}, {64, 64, 16, 128, 3, 2, 1}, {64, 128, 8, 128, 3, 1, 1},
		{64, 3, 64, 192, 8, 8, 1},
		{4, 3, 224, 64, 7, 2, 1}, {16, 64, 56, 256, 1, 1, 1},
		{32, 144, 28, 144, 3, 1, 144}, {32, 144, 28, 144, 3, 2, 144}, {8, 128, 28, 128, 3, 1, 32},
	}
	e := New(Options{})
	defer e.Close()
	for _, pass := range []string{"forward", "input", "weight"} {
		for _, l := range layers {
			c := ops.Conv{Stride: [2]int{l.stride, l.stride}}
			if l.kernel > l.stride {
				c.Padding = [2]int{l.kernel / 2, l.kernel / 2}
			}
			b.Run(fmt.Sprintf("%s/%dx%dx%dx%d-%d-k%ds%dg%d", pass, l.n, l.c, l.size, l.size, l.k, l.kernel, l.stride, l.groups), func(b *testing.B) {
				v := newConvCase(rand.New(rand.NewPCG(1, 1)), l.n, l.groups, l.c/l.groups, l.k/l.groups, l.size, l.size, l.kernel, l.kernel, c, false)
				out := v.run(b, e)
				b.ResetTimer()
				for range b.N {
					switch pass {
					case "forward":
						e.Conv2D(out[0], v.x, v.w, nil, v.s.Conv)
					case "input":
						e.Conv2DGradInput(out[1], v.dy, v.w, nil, v.s.Conv)
					case "weight":
						e.Conv2DGradWeight(out[2], v.dy, v.x, v.s.Conv)
					}
				}
				flops := 2 * float64(v.s.N*v.s.K*v.s.OH*v.s.OW) * float64(v.s.Len)
				b.ReportMetric(flops*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
			})
		}
	}
}
