package cpu

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/tailorbird/tailorbird/kernels/ops"
)

// The reference cases allow ten times the rounding of a float32 convolution. What
// a sum of single products loses is measured here on the same values.
func TestWinogradErrorIsSmall(t *testing.T) {
	e := New(Options{Workers: 2})
	defer e.Close()
	for _, channels := range []int{24, 256} {
		n, size := 1, 15
		if channels > 64 {
			if testing.Short() {
				continue
			}
			n, size = 16, 4
		}
		v := newConvCase(rand.New(rand.NewPCG(uint64(channels), 1)), n, 1, channels, 12, size, size, 3, 3, ops.Conv{Padding: [2]int{1, 1}}, false)
		s := &v.s
		y, dw := directConv(s, v.x.Float32s(), v.w.Float32s(), nil), directConvWeight(s, v.dy.Float32s(), v.x.Float32s())
		single, singleWeight := singleError(s, v, y), singleWeightError(s, v, dw)
		for _, form := range []string{"fast", "portable"} {
			t.Run(form, func(t *testing.T) {
				if form == "portable" {
					withoutAVX2(t)
				}
				out := v.run(t, e)
				if r := errorOf(out[0].Float32s(), y) / single; r > 3 {
					t.Errorf("%d channels: y is off by %.1f times the error of single products", channels, r)
				}
				if r := errorOf(out[2].Float32s(), dw) / singleWeight; r > 3 {
					t.Errorf("%d channels: dw is off by %.1f times the error of single products", channels, r)
				}
			})
		}
	}
}

// errorOf returns the root of the mean squared difference.
func errorOf(got []float32, want []float64) float64 {
	sum := 0.0
	for i, g := range got {
		d := float64(g) - want[i]
		sum += d * d
	}
	return math.Sqrt(sum / float64(len(got)))
}

// singleError is the error of the definition in float32.
func singleError(s *ops.ConvShape, v *convCase, exact []float64) float64 {
	y, x, w := make([]float32, len(exact)), v.x.Float32s(), v.w.Float32s()
	eachProduct(s, func(at, from, value int) { y[at] += w[value] * x[from] })
	return errorOf(y, exact)
}

func singleWeightError(s *ops.ConvShape, v *convCase, exact []float64) float64 {
	dw, x, dy := make([]float32, len(exact)), v.x.Float32s(), v.dy.Float32s()
	eachProduct(s, func(at, from, value int) { dw[value] += dy[at] * x[from] })
	return errorOf(dw, exact)
}

// awkward returns numbers of all kinds: NaN, infinities, denormals, zeros.
func awkward(r *rand.Rand, n int) []float32 {
	odd := []float32{float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1)), math.SmallestNonzeroFloat32, -1e-40, 0, float32(math.Copysign(0, -1))}
	f := make([]float32, n)
	for i := range f {
		f[i] = float32(r.NormFloat64())
		if r.IntN(40) == 0 {
			f[i] = odd[r.IntN(len(odd))]
		}
	}
	return f
}

// sameNumbers compares with a tolerance for the order of sums: a value that is not
// finite in one form is not finite in the other.
func sameNumbers(t testing.TB, what string, got, want []float32) {
	t.Helper()
	for i, w := range want {
		g := got[i]
		bad := math.IsNaN(float64(w)) || math.IsInf(float64(w), 0)
		if bad != (math.IsNaN(float64(g)) || math.IsInf(float64(g), 0)) {
			t.Fatalf("%s[%d] = %v, portable %v", what, i, g, w)
		}
		if d := math.Abs(float64(g - w)); !bad && d > 1e-4*(1+math.Abs(float64(w))) {
			t.Fatalf("%s[%d] = %v, portable %v", what, i, g, w)
		}
	}
}

func FuzzConvolutionKernels(f *testing.F) {
	for seed := range uint64(12) {
		f.Add(seed, uint8(seed*7), uint8(seed))
	}
	f.Fuzz(func(t *testing.T, seed uint64, size, more uint8) {
		r := rand.New(rand.NewPCG(seed, 1))
		both := func(what string, n int, run func(dst []float32)) {
			fast, portable := make([]float32, n), make([]float32, n)
			run(fast)
			t.Run("portable", func(t *testing.T) {
				withoutAVX2(t)
				run(portable)
			})
			sameNumbers(t, what, fast, portable)
		}
		n, extra := 1+int(size)%70, int(more)%9
		src := awkward(r, 40*(n+extra+40))
		both("toLanes", n*(8+extra), func(d []float32) { toLanes(d, 8+extra, src, n+extra, 8, n) })
		both("fromLanes", 8*(n+extra), func(d []float32) { fromLanes(d, n+extra, src, 8+extra, 8, n) })
		both("weightedSum", 8*n, func(d []float32) { weightedSum(d, src, []int{0, 12, 4 * extra}, src[20:], 8*n) })
		both("interleave", 2*n, func(d []float32) { interleave(d, src, src[extra:]) })
		both("separate", 2*n, func(d []float32) { separate(d[:n], d[n:], src[extra:]) })
		both("dotSums", 5*lanes, func(d []float32) { dotSums(d, src, src[7:], []int{0, 8, 4 * extra, 4, 20}, 16*(1+n/2)) })
		both("convColumn", 12*(16+extra), func(d []float32) {
			convColumn(1, d, 16+extra, src, n, 1, src, 16, n, false)
			convColumn(2, d, 16+extra, src, 1, 12, src, 16+extra, n, true)
		})
		step := 8 + extra
		from, to := grid{6 * step, step, 36 * step}, grid{8 * 6, 8, 8 * 36}
		blocks := awkward(r, 3*36*step)
		both("winogradInput", 3*8*36, func(d []float32) { winogradInput(d, to, blocks, from, 3) })
		both("winogradOutput", 3*8*36, func(d []float32) { winogradOutput(d, to, blocks, from, 3, src[:16]) })
		both("winogradFilter", 3*8*36, func(d []float32) { winogradFilter(d, to, blocks, 0, from, 3) })
		both("winogradFilter backwards", 3*8*36, func(d []float32) {
			winogradFilter(d, to, blocks, 2*(from.row+from.col), grid{-from.row, -from.col, from.next}, 3)
		})
		both("winogradGrad", 3*8*36, func(d []float32) { winogradGrad(d, to, blocks, from, 3) })
		both("winogradFilterGrad", 3*8*36, func(d []float32) { winogradFilterGrad(d, to, blocks, from, 3) })

		g := convSource{c: 3, h: 1 + int(size)%11, w: 1 + int(size)/3%30, step: [2]int{1 + extra%3, 1 + extra/3}}
		g.rows, g.cols = 1+(g.h-1)/g.step[0], 1+(g.w-1)/g.step[1]
		g.count = 2 * g.rows * g.cols
		var taps []convTap
		for _, at := range []int{-1, 0, 2} {
			taps = append(taps, convTap{int32(at*g.w - at), int32(at), int32(-at)})
		}
		image := awkward(r, 2*3*g.h*g.w)
		for p := 0; p < g.count; p += convPanel {
			var at convPixels
			g.locate(&at, p)
			both("pack", 9*convPanel, func(d []float32) { g.pack(d, convPanel, 3*convPanel, image, 3, &at, taps) })
		}
	})
}
