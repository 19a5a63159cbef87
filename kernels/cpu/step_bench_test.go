package cpu

import (
	"fmt"
	"testing"

	"gorgonia.org/tensor"
)

// BenchmarkSteps takes an optimiser's step over eleven million parameters, those
// of a ResNet-18, of which the rate in memory tells how near it is to the limit.
func BenchmarkSteps(b *testing.B) {
	const n = 11 << 20
	traffic := map[string]int{"sgd with momentum": 5, "adam": 7, "lion": 5, "lerp": 3, "dots and norms": 3}
	for _, workers := range []int{1, 2} {
		e := New(Options{Workers: workers})
		b.Cleanup(e.Close)
		var x []*tensor.Dense
		for range stepArrays {
			v := alignedFloats(n)
			for i := range v {
				v[i] = 1 / float32(i+1)
			}
			x = append(x, tensor.New(tensor.WithShape(n), tensor.WithBacking(v)))
		}
		_, k := stepInput(1, 1, false)
		for _, s := range steppers {
			arrays, ok := traffic[s.name]
			if !ok {
				continue
			}
			b.Run(fmt.Sprintf("%s/workers=%d", s.name, workers), func(b *testing.B) {
				b.SetBytes(int64(4 * n * arrays))
				for b.Loop() {
					if err := s.run(e, x, k); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
