package cpu

import (
	"fmt"
	"testing"
	"time"

	"gorgonia.org/tensor"

	"github.com/tailorbird/tailorbird/kernels/ops"
)

// BenchmarkElementwise reports the fastest run of each operation, which other
// programs on the machine disturb least.
func BenchmarkElementwise(b *testing.B) {
	for _, workers := range []int{1, 2} {
		e := New(Options{Workers: workers})
		defer e.Close()
		for name, f := range benchmarks(e) {
			b.Run(fmt.Sprintf("%s/workers=%d", name, workers), func(b *testing.B) {
				best := time.Hour
				for range b.N {
					start := time.Now()
					if err := f(); err != nil {
						b.Fatal(err)
					}
					best = min(best, time.Since(start))
				}
				b.ReportMetric(float64(best.Microseconds())/1000, "min-ms")
			})
		}
	}
}

func benchmarks(e *Engine) map[string]func() error {
	fill := func(shape ...int) *tensor.Dense {
		t := e.Borrow(shape...)
		for i, v := range t.Float32s() {
			t.Float32s()[i] = float32(i*7919%2003)/500 - 2 + 0*v
		}
		return t
	}
	out := map[string]func() error{}
	for _, s := range [][2]int{{4160, 192}, {65536, 768}} {
		x, y, dy := fill(s[0], s[1], 1), fill(s[0], s[1], 1), fill(s[0], s[1], 1)
		w, v, dw, db := fill(s[1]), fill(s[1]), fill(s[1]), fill(s[1])
		mean, rstd := fill(s[0], 1), fill(s[0], 1)
		out[fmt.Sprintf("layernorm/%d", s[0])] = func() error { return e.LayerNorm(y, mean, rstd, x, w, v, ops.LayerNorm{Eps: 1e-5}) }
		out[fmt.Sprintf("layernormgrad/%d", s[0])] = func() error { return e.LayerNormGrad(y, dw, db, dy, x, w, mean, rstd, ops.LayerNorm{}) }
	}
	s, sy, sd := fill(12480, 65), fill(12480, 65), fill(12480, 65)
	out["softmax"] = func() error { return e.Softmax(sy, s, 1, false) }
	out["softmaxgrad"] = func() error { return e.SoftmaxGrad(sd, s, sy, 1, false) }
	g, gy, gd := fill(4160, 768), fill(4160, 768), fill(4160, 768)
	out["gelu"] = func() error { return e.Unary(gy, g, ops.UnaryGELU, ops.UnaryParams{}) }
	out["gelugrad"] = func() error { return e.UnaryGrad(gy, gd, g, ops.UnaryGELU, ops.UnaryParams{}) }
	out["silu"] = func() error { return e.Unary(gy, g, ops.UnarySiLU, ops.UnaryParams{}) }
	x, y, dy, dx := fill(64, 64, 32, 32), fill(64, 64, 32, 32), fill(64, 64, 32, 32), fill(64, 64, 32, 32)
	w, v, m, q := fill(64), fill(64), fill(64), fill(64)
	relu := ops.BatchNorm{Eps: 1e-5, ReLU: true}
	out["batchnormrelu"] = func() error { return e.BatchNorm(y, m, q, x, w, v, relu) }
	out["batchnormrelugrad"] = func() error { return e.BatchNormGrad(dx, w, v, dy, x, y, w, m, q, relu) }
	out["addrelu"] = func() error { return e.Binary(y, x, dy, ops.BinaryAddReLU) }
	out["relu"] = func() error { return e.Unary(y, x, ops.UnaryReLU, ops.UnaryParams{}) }
	return out
}
