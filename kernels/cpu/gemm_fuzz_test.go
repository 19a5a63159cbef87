package cpu

import (
	"math"
	"math/rand/v2"
	"testing"
)

// FuzzProducts compares the assembly with the portable form: all ways to compute
// a product, any strides, and values that are not finite or denormal.
func FuzzProducts(f *testing.F) {
	f.Add(uint64(1), uint16(7), uint16(17), uint16(3), uint8(0), uint8(0))
	f.Add(uint64(2), uint16(100), uint16(33), uint16(600), uint8(5), uint8(1))
	f.Add(uint64(3), uint16(6), uint16(16), uint16(64), uint8(3), uint8(7))
	f.Add(uint64(4), uint16(1), uint16(1), uint16(1), uint8(7), uint8(3))
	f.Add(uint64(5), uint16(150), uint16(90), uint16(40), uint8(2), uint8(5))
	f.Fuzz(func(t *testing.T, seed uint64, m, n, k uint16, layout, options uint8) {
		rng := rand.New(rand.NewPCG(seed, 1))
		alpha, beta := float32(1), float32(options&1)
		if options&2 != 0 {
			alpha = 0.5
		}
		p := newProduct(rng, 1+int(m)%160, 1+int(n)%80, int(k)%700, int(layout)%8, alpha, beta)
		if options&4 != 0 {
			special(rng, p.a)
			special(rng, p.b)
		}
		var portable [][]float32
		func() {
			old := setAVX2(false)
			defer setAVX2(old)
			portable = p.all()
		}()
		for form, got := range p.all() {
			for i, v := range got {
				w := float64(portable[form][i])
				limit := float64(p.k+4) * 2e-7 * p.magnitude(i)
				if g := float64(v); g != w && !(math.IsNaN(g) && math.IsNaN(w)) && !(math.Abs(g-w) <= limit) {
					t.Fatalf("form %d, %d x %d x %d, layout %d: element %d is %v, portable %v", form, p.m, p.n, p.k, layout, i, v, w)
				}
			}
		}
	})
}

// special puts values where arithmetic has corners.
func special(rng *rand.Rand, x []float32) {
	values := []float32{float32(math.NaN()), float32(math.Inf(1)), minusInf, 1e-40, -1e-45, 0, float32(math.Copysign(0, -1))}
	for range 1 + len(x)/50 {
		x[rng.IntN(len(x))] = values[rng.IntN(len(values))]
	}
}

// magnitude bounds the terms of element i of C that are finite.
func (p *product) magnitude(i int) float64 {
	sum := 0.0
	if p.beta != 0 {
		sum = math.Abs(float64(p.beta) * float64(p.c[i]))
	}
	row, col := i/p.crs, i%p.crs
	if col >= p.n {
		return 0
	}
	for q := range p.k {
		v := math.Abs(float64(p.a[row*p.ars+q*p.acs]) * float64(p.b[q*p.brs+col*p.bcs]))
		if v <= math.MaxFloat32 {
			sum += v
		}
	}
	return sum
}

// FuzzScores compares what attention does to rows of scores.
func FuzzScores(f *testing.F) {
	f.Add(uint64(1), uint16(1), false)
	f.Add(uint64(2), uint16(9), true)
	f.Add(uint64(3), uint16(33), false)
	f.Fuzz(func(t *testing.T, seed uint64, vectors uint16, odd bool) {
		rng := rand.New(rand.NewPCG(seed, 2))
		x := make([]float32, 8*(1+int(vectors)%70))
		y := make([]float32, len(x))
		for i := range x {
			x[i], y[i] = float32(10*rng.NormFloat64()), float32(rng.NormFloat64())
		}
		if odd {
			special(rng, x)
			special(rng, y)
			for i, v := range x { // a score is not above the greatest
				x[i] = min(v, 100)
			}
		}
		run := func() (rows [][]float32, numbers []float32) {
			top := rowMax(x, minusInf)
			for _, f := range []func(v []float32) float32{
				func(v []float32) float32 { return expShift(v, 20) },
				func(v []float32) float32 { scoreGrad(v, y, 0.3); return 0 },
				func(v []float32) float32 { scaleFloats(v[:len(v)-3], 0.7); return 0 },
				func(v []float32) float32 { return dotFloats(v[:len(v)-1], y) },
			} {
				v := append([]float32{}, x...)
				numbers = append(numbers, f(v))
				rows = append(rows, v)
			}
			if !odd { // which of NaN and a number is greater has no answer
				numbers = append(numbers, top)
			}
			return rows, numbers
		}
		old := setAVX2(false)
		wantRows, want := run()
		setAVX2(old)
		gotRows, got := run()
		for i := range wantRows {
			sameFloats(t, gotRows[i], wantRows[i], 3e-7, 0)
		}
		sameFloats(t, got, want, 2e-6, 1e-5*float64(len(x)))
	})
}

func sameFloats(t *testing.T, got, want []float32, rel, abs float64) {
	t.Helper()
	for i, w := range want {
		g, w := float64(got[i]), float64(w)
		if g != w && !(math.IsNaN(g) && math.IsNaN(w)) && !(math.Abs(g-w) <= abs+rel*math.Abs(w)+1e-37) {
			t.Fatalf("element %d is %v, portable %v", i, g, w)
		}
	}
}
