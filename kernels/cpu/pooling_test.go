package cpu

import (
	"math"
	"math/rand/v2"
	"testing"

	"gorgonia.org/tensor"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/ops"
)

func randomPool(rng *rand.Rand, dilated bool) ops.Pool {
	p := ops.Pool{Ceil: rng.IntN(2) == 0, ExcludePad: rng.IntN(2) == 0, Divisor: rng.IntN(3) * rng.IntN(2)}
	for i := range 2 {
		p.Kernel[i], p.Stride[i], p.Dilation[i] = 1+rng.IntN(4), rng.IntN(4), 1
		if dilated {
			p.Dilation[i] = 1 + rng.IntN(3)
		}
		p.Padding[i] = rng.IntN(((p.Kernel[i]-1)*p.Dilation[i]+1)/2 + 1)
	}
	return p
}

// windowed calls f with each place of x that each window covers.
func windowed(x, y []int, p ops.Pool, f func(o, place int)) {
	stride, dilation := p.Stride, p.Dilation
	for i := range 2 {
		if stride[i] == 0 {
			stride[i] = p.Kernel[i]
		}
	}
	for o := range ops.Size(y) {
		c, r, plane := o%y[3], o/y[3]%y[2], o/(y[3]*y[2])
		for i := range p.Kernel[0] {
			for j := range p.Kernel[1] {
				row, col := r*stride[0]-p.Padding[0]+i*dilation[0], c*stride[1]-p.Padding[1]+j*dilation[1]
				if row >= 0 && row < x[2] && col >= 0 && col < x[3] {
					f(o, (plane*x[2]+row)*x[3]+col)
				}
			}
		}
	}
}

func poolNear(t *testing.T, what string, got, want []float32) {
	t.Helper()
	for i, w := range want {
		if d := math.Abs(float64(got[i] - w)); !(d <= 1e-5*(1+math.Abs(float64(w)))) {
			t.Fatalf("%s: element %d is %v, want %v", what, i, got[i], w)
		}
	}
}

func TestPoolsFollowTheirDefinition(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 4))
	for range 150 {
		e := New(Options{Workers: 1 + rng.IntN(3)})
		xs := []int{1 + rng.IntN(2), 1 + rng.IntN(3), 6 + rng.IntN(30), 6 + rng.IntN(30)}
		x := moveFloats(rng, xs...)
		maxPools(t, e, rng, x, randomPool(rng, true))
		avgPools(t, e, rng, x, randomPool(rng, false))
		e.Close()
	}
}

func maxPools(t *testing.T, e *Engine, rng *rand.Rand, x *tensor.Dense, p ops.Pool) {
	t.Helper()
	xs := x.Shape()
	ys, err := p.OutShape("test", xs)
	if err != nil {
		return // the window is larger than the image
	}
	y, at := e.Borrow(ys...), e.BorrowIndex(ys...)
	again, dx, dy := e.Borrow(ys...), e.Borrow(xs...), moveFloats(rng, ys...)
	for _, err := range []error{e.MaxPool(y, nil, x, p), e.MaxPool(again, at, x, p), e.MaxPoolGrad(dx, dy, x, y, p)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	want, first := make([]float32, len(y.Float32s())), make([]int, len(y.Float32s()))
	for i := range want {
		want[i], first[i] = float32(math.Inf(-1)), -1
	}
	windowed(xs, ys, p, func(o, place int) {
		if v := x.Float32s()[place]; v > want[o] {
			want[o], first[o] = v, place
		}
	})
	grad := make([]float32, len(dx.Float32s()))
	for o, place := range first {
		grad[place] += dy.Float32s()[o]
		if got := int(at.Int64s()[o]); got != place%(xs[2]*xs[3]) {
			t.Fatalf("%v %+v: index %d is %d, want %d", xs, p, o, got, place)
		}
	}
	poolNear(t, "max", y.Float32s(), want)
	poolNear(t, "max with indices", again.Float32s(), want)
	poolNear(t, "gradient of max", dx.Float32s(), grad)
}

func avgPools(t *testing.T, e *Engine, rng *rand.Rand, x *tensor.Dense, p ops.Pool) {
	t.Helper()
	xs := x.Shape()
	ys, err := p.OutShape("test", xs)
	if err != nil {
		return
	}
	y, dx, dy := e.Borrow(ys...), e.Borrow(xs...), moveFloats(rng, ys...)
	for _, err := range []error{e.AvgPool(y, x, p), e.AvgPoolGrad(dx, dy, p)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	axes, _ := p.Axes("test", xs[2], xs[3])
	share := func(o int) float32 {
		n := axes[0].Count(o/ys[3]%ys[2], p.ExcludePad) * axes[1].Count(o%ys[3], p.ExcludePad)
		if p.Divisor > 0 {
			n = p.Divisor
		}
		return 1 / float32(n)
	}
	want, grad := make([]float32, len(y.Float32s())), make([]float32, len(dx.Float32s()))
	windowed(xs, ys, p, func(o, place int) {
		want[o] += x.Float32s()[place] * share(o)
		grad[place] += dy.Float32s()[o] * share(o)
	})
	poolNear(t, "mean", y.Float32s(), want)
	poolNear(t, "gradient of mean", dx.Float32s(), grad)
}

func TestMaxPoolOfTiesAndNaN(t *testing.T) {
	e := New(Options{Workers: 1})
	defer e.Close()
	nan := float32(math.NaN())
	x := tensor.New(tensor.WithShape(1, 1, 2, 6), tensor.WithBacking([]float32{
		1, 1, nan, 2, 3, nan,
		1, 1, 9, 2, nan, 3,
	}))
	p := ops.Pool{Kernel: [2]int{2, 2}}
	y, dx, dy, at := e.Borrow(1, 1, 1, 3), e.Borrow(1, 1, 2, 6), e.Borrow(1, 1, 1, 3), e.BorrowIndex(1, 1, 1, 3)
	_ = e.Fill(dy, 5)
	for _, err := range []error{e.MaxPool(y, at, x, p), e.MaxPool(y, nil, x, p), e.MaxPoolGrad(dx, dy, x, y, p)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	v := y.Float32s()
	if v[0] != 1 || v[1] == v[1] || v[2] == v[2] {
		t.Errorf("maxima %v, want 1, NaN, NaN", v)
	}
	if i := at.Int64s(); i[0] != 0 || i[1] != 2 || i[2] != 10 {
		t.Errorf("indices %v: the first of ties and the last NaN, 0, 2, 10", i)
	}
	if g := dx.Float32s(); g[0] != 5 || g[1] != 0 || g[6] != 0 {
		t.Errorf("gradient %v, want it at the first of the ties", g)
	}
}

func TestAdaptivePoolsFollowTheirDefinition(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 5))
	e := New(Options{Workers: 2})
	defer e.Close()
	for range 60 {
		xs := []int{1 + rng.IntN(2), 1 + rng.IntN(3), 1 + rng.IntN(12), 1 + rng.IntN(12)}
		ys := []int{xs[0], xs[1], 1 + rng.IntN(8), 1 + rng.IntN(8)}
		x, dy := moveFloats(rng, xs...), moveFloats(rng, ys...)
		mean, most, dx, at := e.Borrow(ys...), e.Borrow(ys...), e.Borrow(xs...), e.BorrowIndex(ys...)
		for _, err := range []error{e.AdaptiveAvgPool(mean, x), e.AdaptiveMaxPool(most, at, x), e.AdaptiveAvgPoolGrad(dx, dy)} {
			if err != nil {
				t.Fatal(err)
			}
		}
		wantMean, wantMost, grad := make([]float32, ops.Size(ys)), make([]float32, ops.Size(ys)), make([]float32, ops.Size(xs))
		for o := range wantMean {
			plane := o / (ys[2] * ys[3])
			top, bottom := ops.PoolWindow(o/ys[3]%ys[2], xs[2], ys[2])
			left, right := ops.PoolWindow(o%ys[3], xs[3], ys[3])
			n := float32((bottom - top) * (right - left))
			wantMost[o] = float32(math.Inf(-1))
			for r := top; r < bottom; r++ {
				for c := left; c < right; c++ {
					place := (plane*xs[2]+r)*xs[3] + c
					wantMean[o] += x.Float32s()[place] / n
					grad[place] += dy.Float32s()[o] / n
					wantMost[o] = max(wantMost[o], x.Float32s()[place])
				}
			}
			if got := x.Float32s()[plane*xs[2]*xs[3]+int(at.Int64s()[o])]; got != wantMost[o] {
				t.Fatalf("%v to %v: index %d points at %v, want %v", xs, ys, o, got, wantMost[o])
			}
		}
		poolNear(t, "mean", mean.Float32s(), wantMean)
		poolNear(t, "max", most.Float32s(), wantMost)
		poolNear(t, "gradient of mean", dx.Float32s(), grad)
	}
}

func TestPoolsRefuseWindowsThatDoNotFit(t *testing.T) {
	e := New(Options{Workers: 1})
	defer e.Close()
	x, y := e.Borrow(1, 1, 4, 4), e.Borrow(1, 1, 2, 2)
	for _, p := range []ops.Pool{
		{},
		{Kernel: [2]int{2, 0}},
		{Kernel: [2]int{5, 5}},
		{Kernel: [2]int{2, 2}, Padding: [2]int{2, 2}},
		{Kernel: [2]int{2, 2}, Padding: [2]int{-1, 0}},
		{Kernel: [2]int{2, 2}, Stride: [2]int{-1, 1}},
		{Kernel: [2]int{3, 3}, Stride: [2]int{1, 1}, Dilation: [2]int{2, 2}},
		{Kernel: [2]int{1, 1}},
		{Kernel: [2]int{1 << 62, 2}},
	} {
		for name, err := range map[string]error{
			"max": e.MaxPool(y, nil, x, p), "max gradient": e.MaxPoolGrad(x, y, x, y, p),
			"mean": e.AvgPool(y, x, p), "mean gradient": e.AvgPoolGrad(x, y, p),
		} {
			if fault.CodeOf(err) != fault.Usage {
				t.Errorf("%s %+v: %v", name, p, err)
			}
		}
	}
}

func TestPoolsAllocateNothing(t *testing.T) {
	e := New(Options{Workers: 2})
	defer e.Close()
	x, y, dx := e.Borrow(2, 8, 20, 20), e.Borrow(2, 8, 10, 10), e.Borrow(2, 8, 20, 20)
	_ = e.Fill(x, 1)
	p := ops.Pool{Kernel: [2]int{3, 3}, Stride: [2]int{2, 2}, Padding: [2]int{1, 1}}
	if n := testing.AllocsPerRun(10, func() {
		_ = e.MaxPool(y, nil, x, p)
		_ = e.MaxPoolGrad(dx, y, x, y, p)
		_ = e.AvgPool(y, x, p)
		_ = e.AvgPoolGrad(dx, y, p)
		_ = e.AdaptiveAvgPool(y, x)
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
