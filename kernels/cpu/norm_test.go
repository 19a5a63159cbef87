package cpu

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/tailorbird/tailorbird/kernels/ops"
)

// near compares within a tolerance that is relative above 1.
func near(t *testing.T, what string, got, want []float32, tolerance float64) {
	t.Helper()
	for i := range want {
		g, w := float64(got[i]), float64(want[i])
		if g == w || g != g && w != w {
			continue
		}
		if !(math.Abs(g-w) <= tolerance*math.Max(1, math.Abs(w))) {
			t.Fatalf("%s: element %d of %d is %v, want %v", what, i, len(want), g, w)
		}
	}
}

// oddSizes are below, at and above whole vectors and unrolled steps.
var oddSizes = []int{1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 65, 100, 129}

func TestRowNormAssemblyAgainstPortable(t *testing.T) {
	needAssembly(t)
	rng := rand.New(rand.NewPCG(1, 1))
	for _, n := range oddSizes {
		for _, offset := range []float32{0, 100} {
			for _, rms := range []bool{false, true} {
				x, w, b, dy := sample(rng, n, 2), sample(rng, n, 2), sample(rng, n, 2), sample(rng, n, 2)
				for i := range x {
					x[i] += offset
				}
				p := ops.LayerNorm{Eps: 1e-3, RMS: rms}
				got, want := make([]float32, n), make([]float32, n)
				gm, gr, _ := fastRowNorm(got, x, w, b, p)
				wm, wr := portableRowNorm(want, x, w, b, p)
				near(t, "statistics", []float32{gm, gr}, []float32{wm, wr}, 1e-5)
				near(t, "row norm", got, want, 4e-4) // the mean's last place times 1/deviation
				var sums [2][2][]float32
				for i := range sums {
					sums[i] = [2][]float32{sample(rand.New(rand.NewPCG(9, 9)), n, 1), sample(rand.New(rand.NewPCG(9, 8)), n, 1)}
				}
				fastRowNormGrad(got, sums[0][0], sums[0][1], dy, x, w, wm, wr, rms)
				portableRowNormGrad(want, sums[1][0], sums[1][1], dy, x, w, wm, wr, rms)
				near(t, "row norm gradient", got, want, 3e-5*float64(1+wr))
				near(t, "dw", sums[0][0], sums[1][0], 1e-6)
				near(t, "db", sums[0][1], sums[1][1], 1e-6)
			}
		}
	}
}

func TestPlaneAssemblyAgainstPortable(t *testing.T) {
	needAssembly(t)
	rng := rand.New(rand.NewPCG(2, 2))
	for _, n := range oddSizes {
		if n < leastRow {
			continue
		}
		for _, rows := range []int{1, 3} {
			step := n + rng.IntN(5)
			size := (rows-1)*step + n
			x, dy, y := sample(rng, size, 2), sample(rng, size, 2), sample(rng, size, 2)
			for i := range y {
				if rng.IntN(4) == 0 {
					y[i] = specials[rng.IntN(len(specials))]
				}
			}
			got, want := sample(rand.New(rand.NewPCG(3, 3)), size, 1), sample(rand.New(rand.NewPCG(3, 3)), size, 1)
			a, _ := fastPlaneSum(x, rows, n, step)
			b, _ := fastPlaneSquares(x, rows, n, step, 0.3)
			near(t, "sums", []float32{float32(a), float32(b)},
				[]float32{float32(portablePlaneSum(x, rows, n, step)), float32(portablePlaneSquares(x, rows, n, step, 0.3))}, 1e-5)
			for _, mask := range [2][]float32{nil, y} {
				fastPlaneNormalise(got, x, rows, n, step, 0.3, 1.2, -0.1, mask != nil)
				portablePlaneNormalise(want, x, rows, n, step, 0.3, 1.2, -0.1, mask != nil)
				near(t, "normalise", got, want, 1e-6)
				g0, g1, _ := fastPlaneGradSums(x, dy, mask, rows, n, step, 0.3)
				w0, w1 := portablePlaneGradSums(x, dy, mask, rows, n, step, 0.3)
				near(t, "gradient sums", []float32{float32(g0), float32(g1)}, []float32{float32(w0), float32(w1)}, 1e-5)
				fastPlaneNormaliseGrad(got, dy, x, mask, rows, n, step, 0.3, 1.5, -0.2, 0.1)
				portablePlaneNormaliseGrad(want, dy, x, mask, rows, n, step, 0.3, 1.5, -0.2, 0.1)
				near(t, "gradient", got, want, 1e-6)
			}
		}
	}
}

func TestSoftmaxAssemblyAgainstPortable(t *testing.T) {
	needAssembly(t)
	rng := rand.New(rand.NewPCG(4, 4))
	inf := float32(math.Inf(1))
	for _, n := range oddSizes {
		for _, special := range []float32{0, -inf, inf, float32(math.NaN()), -1e30, 1e30} {
			x, dy := sample(rng, n, 5), sample(rng, n, 2)
			if special != 0 {
				x[rng.IntN(n)] = special
			}
			got, want := make([]float32, n), make([]float32, n)
			var s scratch
			for _, log := range []bool{false, true} {
				rowSoftmax(got, x, log)
				portableRowSoftmax(want, x, log)
				near(t, "softmax", got, want, 2e-6)
				s.reset()
				y := want
				rowSoftmaxGrad(dy, dy, y, log, &s)
				again := make([]float32, n)
				portableRowSoftmaxGrad(again, dy, y, log)
				rowSoftmaxGrad(got, dy, y, log, &s)
				near(t, "softmax gradient", got, again, 1e-4)
			}
		}
	}
}

// A row that is masked out but for one value has all of its weight there, and
// masked values have none at all.
func TestSoftmaxOfMaskedRows(t *testing.T) {
	inf := float32(math.Inf(-1))
	x := []float32{inf, inf, 3, inf, inf, inf, inf, inf, inf, inf, inf}
	y := make([]float32, len(x))
	rowSoftmax(y, x, false)
	for i, v := range y {
		if want := float32(0); i == 2 && v != 1 || i != 2 && v != want {
			t.Errorf("weight %d is %v", i, v)
		}
	}
}

func TestBatchNormOfLargeMeans(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 5))
	e := New(Options{Workers: 2})
	defer e.Close()
	for _, s := range [][]int{{4, 3, 9, 9}, {2, 2, 150, 150}, {600, 2}, {3, 2, 1, 3}} {
		x, y := e.Borrow(s...), e.Borrow(s...)
		mean, variance := e.Borrow(s[1]), e.Borrow(s[1])
		inner := ops.Size(s[2:])
		for i := range x.Float32s() {
			x.Float32s()[i] = 1000 + float32(rng.NormFloat64())*0.5
		}
		if err := e.BatchNorm(y, mean, variance, x, nil, nil, ops.BatchNorm{}); err != nil {
			t.Fatal(err)
		}
		for c := range s[1] {
			m, q, n := 0.0, 0.0, float64(s[0]*inner)
			each := func(f func(v float64)) {
				for r := range s[0] {
					for _, v := range x.Float32s()[(r*s[1]+c)*inner:][:inner] {
						f(float64(v))
					}
				}
			}
			each(func(v float64) { m += v / n })
			each(func(v float64) { q += (v - m) * (v - m) / n })
			if got := float64(variance.Float32s()[c]); math.Abs(got-q) > 2e-6*q {
				t.Errorf("shape %v: variance %v, want %v", s, got, q)
			}
		}
	}
}
