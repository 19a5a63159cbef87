package cpu

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

// product is one call of a matrix product with its expected result.
type product struct {
	m, n, k            int
	alpha, beta        float32
	a, b, c            []float32
	ars, acs, brs, bcs int
	crs                int
	want, bound        []float64 // result, and the sum of absolute values that bounds its rounding
}

// newProduct draws a product. layout chooses the strides; NaN fills what lies
// between rows and, for beta 0, C.
func newProduct(rng *rand.Rand, m, n, k, layout int, alpha, beta float32) *product {
	p := &product{m: m, n: n, k: k, alpha: alpha, beta: beta}
	p.ars, p.acs, p.brs, p.bcs = k, 1, n, 1
	if layout&1 != 0 {
		p.ars, p.acs = 1, m+2
	}
	if layout&2 != 0 {
		p.brs, p.bcs = 1, k+1
	}
	p.crs = n
	if layout&4 != 0 {
		p.crs, p.ars, p.bcs = n+3, 2*p.ars, 3*p.bcs
		if layout&2 == 0 {
			p.brs *= 3
		} else {
			p.bcs = 3 * (k + 1)
		}
		if layout&1 != 0 {
			p.acs *= 2
		}
	}
	fill := func(n int) []float32 {
		v := make([]float32, n)
		for i := range v {
			v[i] = float32(rng.NormFloat64())
		}
		return v
	}
	p.a = fill((m-1)*p.ars + max(0, k-1)*p.acs + 1)
	p.b = fill(max(0, k-1)*p.brs + (n-1)*p.bcs + 1)
	p.c = fill((m-1)*p.crs + n)
	p.want, p.bound = make([]float64, len(p.c)), make([]float64, len(p.c))
	for i := range p.c {
		p.want[i] = float64(p.c[i])
	}
	for i := range m {
		for j := range n {
			sum, size := 0.0, 0.0
			for q := range k {
				v := float64(p.a[i*p.ars+q*p.acs]) * float64(p.b[q*p.brs+j*p.bcs])
				sum, size = sum+v, size+math.Abs(v)
			}
			at := i*p.crs + j
			old := float64(beta) * float64(p.c[at])
			if beta == 0 {
				p.c[at] = float32(math.NaN())
			}
			p.want[at] = float64(alpha)*sum + old
			p.bound[at] = math.Abs(float64(alpha))*size + math.Abs(old)
		}
	}
	return p
}

func (p *product) check(t *testing.T, form int, c []float32) {
	t.Helper()
	for i, w := range p.want {
		if diff := math.Abs(float64(c[i]) - w); !(diff <= float64(p.k+4)*6e-8*p.bound[i]) {
			t.Fatalf("form %d: %d x %d x %d, strides %d %d %d %d %d, alpha %v, beta %v: element %d %d is %v, want %v",
				form, p.m, p.n, p.k, p.ars, p.acs, p.brs, p.bcs, p.crs, p.alpha, p.beta, i/p.crs, i%p.crs, c[i], w)
		}
	}
}

// all computes the product in every way.
func (p *product) all() [][]float32 {
	pa, pb := make([]float32, packedASize(p.m, p.k)), make([]float32, packedBSize(p.k, p.n))
	packA(pa, p.m, p.k, p.a, p.ars, p.acs)
	packB(pb, p.k, p.n, p.b, p.brs, p.bcs)
	ways := []func(s *scratch, c []float32){
		func(s *scratch, c []float32) {
			gemmPart(s, p.m, p.n, p.k, p.alpha, p.a, p.ars, p.acs, p.b, p.brs, p.bcs, p.beta, c, p.crs)
		},
		func(s *scratch, c []float32) {
			gemmPackedA(s, p.m, p.n, p.k, p.alpha, pa, p.b, p.brs, p.bcs, p.beta, c, p.crs)
		},
	}
	if p.k > 0 {
		ways = append(ways, func(s *scratch, c []float32) {
			gemmPackedB(s, p.m, p.n, p.k, p.alpha, p.a, p.ars, p.acs, pb, p.beta, c, p.crs, nil)
		}, func(_ *scratch, c []float32) {
			gemmPacked(p.m, p.n, p.k, p.alpha, pa, pb, p.beta, c, p.crs, nil)
		}, func(s *scratch, c []float32) {
			gemmBlocked(s, p.m, p.n, p.k, p.alpha, p.a, p.ars, p.acs, p.b, p.brs, p.bcs, p.beta, c, p.crs)
		}, func(s *scratch, c []float32) {
			gemmDirect(s, p.m, p.n, p.k, p.alpha, p.a, p.ars, p.acs, p.b, p.brs, p.bcs, p.beta, c, p.crs)
		})
	}
	results := make([][]float32, len(ways))
	for i, way := range ways {
		results[i] = append([]float32{}, p.c...)
		way(&scratch{}, results[i])
	}
	return results
}

// forms checks every way to compute the product. They add in one order, so they
// agree bit for bit.
func (p *product) forms(t *testing.T) {
	t.Helper()
	all := p.all()
	for form, c := range all {
		p.check(t, form, c)
		for i, v := range c {
			if math.Float32bits(v) != math.Float32bits(all[0][i]) && v == v {
				t.Fatalf("%d x %d x %d: element %d is %v in form %d, %v in the first", p.m, p.n, p.k, i, v, form, all[0][i])
			}
		}
	}
}

// eachForm runs f with the assembly and without.
func eachForm(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	if useAVX2 {
		t.Run("assembly", f)
	}
	t.Run("portable", func(t *testing.T) {
		withoutAVX2(t)
		f(t)
	})
}

func TestProductsOfAllSizesAndStrides(t *testing.T) {
	eachForm(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(1, 2))
		step := 1
		if testing.Short() {
			step = 4
		}
		for m := 1; m <= 14; m += step {
			for n := 1 + rng.IntN(2); n <= 34; n += 1 + rng.IntN(2) {
				k := 1 + rng.IntN(20)
				alpha, beta := float32(1), float32(rng.IntN(3))/2
				if rng.IntN(2) == 0 {
					alpha = -0.5
				}
				newProduct(rng, m, n, k, rng.IntN(8), alpha, beta).forms(t)
			}
		}
		for layout := 0; layout < 8; layout += step {
			newProduct(rng, 100, 20, 520, layout, 1, 1).forms(t)
			newProduct(rng, 11, 20, 520, layout, 1, 0).forms(t)
			newProduct(rng, 5, 6, 0, layout, 1, 0.5).forms(t)
			newProduct(rng, 3, 2, 0, layout, 1, 0).forms(t)
		}
		newProduct(rng, 140, 1040, 5, 0, 1, 0).forms(t)
		newProduct(rng, 7, 1100, 5, 2, 1, 1).forms(t)
	})
}

func BenchmarkGemmPart(b *testing.B) {
	for _, s := range [][3]int{{1024, 1024, 1024}, {64, 1024, 576}, {65, 65, 64}, {65, 64, 65}, {4160, 576, 192}} {
		m, n, k := s[0], s[1], s[2]
		b.Run(fmt.Sprintf("%dx%dx%d", m, n, k), func(b *testing.B) {
			x, y, z := alignedFloats(m*k), alignedFloats(k*n), alignedFloats(m*n)
			var s scratch
			best(b, 2*m*n*k, func() {
				s.reset()
				gemmPart(&s, m, n, k, 1, x, k, 1, y, n, 1, 0, z, n)
			})
		})
	}
}

// BenchmarkGemmTile is the assembly alone, on panels in the first cache.
func BenchmarkGemmTile(b *testing.B) {
	for _, k := range []int{8, 64, 256} {
		x, y, z := alignedFloats(6*k), alignedFloats(16*k), alignedFloats(96)
		b.Run(fmt.Sprintf("packed%d", k), func(b *testing.B) {
			best(b, 2*96*k*100, func() {
				for range 100 {
					gemmTile(6, 16, k, 1, x, 1, 6, y, 16, 0, z, 16)
				}
			})
		})
		b.Run(fmt.Sprintf("strided%d", k), func(b *testing.B) {
			best(b, 2*96*k*100, func() {
				for range 100 {
					gemmTile(6, 16, k, 1, x, k, 1, y, 16, 0, z, 16)
				}
			})
		})
	}
}

// best reports the rate of f's fastest run: what else the machine does only slows it.
func best(b *testing.B, operations int, f func()) {
	least := time.Duration(math.MaxInt64)
	for b.Loop() {
		start := time.Now()
		f()
		least = min(least, time.Since(start))
	}
	b.ReportMetric(float64(operations)/float64(least), "GFLOP/s")
}
