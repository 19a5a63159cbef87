package cpu

import (
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"gorgonia.org/tensor"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/ops"
)

// coordinates of flat index i in a shape.
func coordinates(i int, shape []int) []int {
	at := make([]int, len(shape))
	for d := len(shape) - 1; d >= 0; d-- {
		at[d] = i % shape[d]
		i /= shape[d]
	}
	return at
}

// repeatedIndex is the flat index in a tensor of shape s of the element that
// broadcasting puts at the coordinates.
func repeatedIndex(at, s []int) int {
	i := 0
	for d := range s {
		i *= s[d]
		if s[d] > 1 {
			i += at[len(at)-len(s)+d]
		}
	}
	return i
}

// randomShapes returns a shape and two that broadcast to it together.
func randomShapes(rng *rand.Rand) (out, a, b []int) {
	for range rng.IntN(5) {
		out = append(out, 1+rng.IntN(6))
	}
	cut := func() []int {
		s := slices.Clone(out[rng.IntN(len(out)+1):])
		for i := range s {
			if rng.IntN(3) == 0 {
				s[i] = 1
			}
		}
		return s
	}
	a, b = cut(), cut()
	out, _ = ops.Broadcast("test", a, b)
	return out, a, b
}

func TestBroadcastingEqualsIndexing(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	e := New(Options{Workers: 2})
	defer e.Close()
	for range 300 {
		shape, as, bs := randomShapes(rng)
		a, b, c, d := e.Borrow(as...), e.Borrow(bs...), e.Borrow(bs...), e.Borrow(shape...)
		copy(a.Float32s(), sample(rng, len(a.Float32s()), 3))
		copy(b.Float32s(), sample(rng, len(b.Float32s()), 3))
		for i := range c.Float32s() {
			c.Float32s()[i] = float32(rng.IntN(2))
		}
		for op := range ops.Binary(12) {
			if op.Valid() != nil || op == ops.BinaryPow {
				continue
			}
			if err := e.Binary(d, a, b, op); err != nil {
				t.Fatal(err)
			}
			for i, got := range d.Float32s() {
				at := coordinates(i, shape)
				want := binaryScalar(op, a.Float32s()[repeatedIndex(at, as)], b.Float32s()[repeatedIndex(at, bs)])
				if got != want {
					t.Fatalf("function %d of %v and %v at %v: %v, want %v", op, as, bs, at, got, want)
				}
			}
		}
		if err := e.Select(d, c, a, nil); err != nil {
			t.Fatal(err)
		}
		for i, got := range d.Float32s() {
			at := coordinates(i, shape)
			want := c.Float32s()[repeatedIndex(at, bs)] * a.Float32s()[repeatedIndex(at, as)]
			if got != want && !(got == 0 && want == 0) {
				t.Fatalf("select of %v by %v at %v: %v, want %v", as, bs, at, got, want)
			}
		}
		sum := e.Borrow(as...)
		if err := e.SumTo(sum, d); err != nil {
			t.Fatal(err)
		}
		want := make([]float64, len(sum.Float32s()))
		for i, v := range d.Float32s() {
			want[repeatedIndex(coordinates(i, shape), as)] += float64(v)
		}
		for i, got := range sum.Float32s() {
			if math.Abs(float64(got)-want[i]) > 1e-4 {
				t.Fatalf("sum of %v to %v: %v, want %v", shape, as, got, want[i])
			}
		}
	}
}

func TestLargeReductions(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 2))
	e := New(Options{Workers: 2})
	defer e.Close()
	for _, s := range [][3]int{{1, 100003, 1}, {3, 40000, 1}, {1, 5000, 7}, {2, 300, 2100}, {1, 3, 7000}, {5000, 3, 1}} {
		x := e.Borrow(s[0], s[1], s[2])
		for i := range x.Float32s() {
			x.Float32s()[i] = 1 + float32(rng.Float64())
		}
		for r := range ops.Reduction(4) {
			d := e.Borrow(s[0], s[2])
			if err := e.Reduce(d, x, r, 1); err != nil {
				t.Fatal(err)
			}
			for i, got := range d.Float32s() {
				sum, low, high := 0.0, math.Inf(1), math.Inf(-1)
				for j := range s[1] {
					v := float64(x.Float32s()[(i/s[2]*s[1]+j)*s[2]+i%s[2]])
					sum, low, high = sum+v, min(low, v), max(high, v)
				}
				want := [4]float64{sum, sum / float64(s[1]), high, low}[r]
				if math.Abs(float64(got)-want) > 1e-6*want {
					t.Fatalf("reduction %d of %v at %d: %v, want %v", r, s, i, got, want)
				}
			}
		}
	}
}

func TestArgMaxAndCumSum(t *testing.T) {
	e := New(Options{Workers: 1})
	defer e.Close()
	x := e.Borrow(2, 3)
	copy(x.Float32s(), []float32{1, 5, 5, float32(math.Inf(-1)), float32(math.NaN()), 7})
	index := e.BorrowIndex(2)
	if err := e.ArgMax(index, x, -1); err != nil || !slices.Equal(index.Int64s(), []int64{1, 1}) {
		t.Errorf("indices %v, %v", index.Int64s(), err)
	}
	copy(x.Float32s(), []float32{1, 2, 3, 4, 5, 6})
	y := e.Borrow(2, 3)
	for _, c := range []struct {
		axis    int
		reverse bool
		want    []float32
	}{{1, false, []float32{1, 3, 6, 4, 9, 15}}, {0, false, []float32{1, 2, 3, 5, 7, 9}}, {1, true, []float32{6, 5, 3, 15, 11, 6}}} {
		if err := e.CumSum(y, x, c.axis, c.reverse); err != nil || !slices.Equal(y.Float32s(), c.want) {
			t.Errorf("along %d: %v, want %v (%v)", c.axis, y.Float32s(), c.want, err)
		}
	}
}

// pattern is values between -2 and 2.
var pattern = sync.OnceValue(func() []float32 {
	v := make([]float32, 2003)
	for i := range v {
		v[i] = float32(i*7919%2003)/500 - 2
	}
	return v
})

// calls are one call of each kernel of the family on sizes of many parts, and the
// tensors that they work on.
func calls(e *Engine) (list map[string]func() error, tensors []*tensor.Dense) {
	borrow := func(shape ...int) *tensor.Dense {
		x := e.Borrow(shape...)
		for v := x.Float32s(); len(v) > 0; {
			v = v[copy(v, pattern()):]
		}
		tensors = append(tensors, x)
		return x
	}
	a, b, c, d := borrow(8, 6, 50, 50), borrow(8, 6, 50, 50), borrow(6, 1, 1), borrow(8, 6, 50, 50)
	w, v := borrow(6), borrow(6)
	m, q := borrow(6), borrow(6)
	r, r3, rows := borrow(2500), borrow(48, 2500, 1), borrow(48, 2500, 1)
	rw, rm, rq := borrow(2500), borrow(48, 1), borrow(48, 1)
	gm, gq := borrow(8, 3), borrow(8, 3)
	dw, db := borrow(2500), borrow(2500)
	cm, cq := borrow(8, 2500), borrow(8, 2500)
	a3, d3 := borrow(8, 6, 2500), borrow(8, 6, 2500)
	half := borrow(8, 6, 50, 25)
	labels := e.BorrowIndex(48)
	clear(labels.Int64s())
	loss, z, share := borrow(48), borrow(48), borrow(48)
	logits := borrow(48, 2500)
	dlogits := borrow(48, 2500)
	sum := borrow(6)
	n1, n2, n3 := borrow(300, 520), borrow(300, 520), borrow(300, 520)
	nw, nm, nv, ndw, ndb := borrow(520), borrow(520), borrow(520), borrow(520), borrow(520)
	e.Unary(nv, nv, ops.UnaryAbs, ops.UnaryParams{})
	list = map[string]func() error{
		"fill":           func() error { return e.Fill(d, 3) },
		"accumulate":     func() error { return e.Accumulate(d, a, 0.5) },
		"scale":          func() error { return e.Scale(d, c, 2) },
		"add":            func() error { return e.Add(d, a, b) },
		"mul":            func() error { return e.Binary(d, a, c, ops.BinaryMul) },
		"select":         func() error { return e.Select(d, a, b, nil) },
		"gelu":           func() error { return e.Unary(d, a, ops.UnaryGELU, ops.UnaryParams{}) },
		"gelu gradient":  func() error { return e.UnaryGrad(d, a, b, ops.UnaryGELU, ops.UnaryParams{}) },
		"geglu":          func() error { return e.GatedGELU(half, a) },
		"geglu gradient": func() error { return e.GatedGELUGrad(d, half, a) },
		"dropout":        func() error { return e.Dropout(d, a, ops.Dropout{P: 0.3, Seed: 5}) },
		"drop path":      func() error { return e.Dropout(d, a, ops.Dropout{P: 0.3, Seed: 5, Group: 15000}) },
		"sum":            func() error { return e.Reduce(sum, a, ops.ReduceSum, 0, 2, 3) },
		"sum to":         func() error { return e.SumTo(c, a) },
		"column max":     func() error { return e.Reduce(r, rows, ops.ReduceMax, 0, 2) },
		"cumsum":         func() error { return e.CumSum(d, a, 1, false) },
		"batch norm":     func() error { return e.BatchNorm(d, m, q, a, w, v, ops.BatchNorm{Eps: 1e-5, ReLU: true}) },
		"batch norm gradient": func() error {
			return e.BatchNormGrad(d, w, v, a, b, b, sum, m, q, ops.BatchNorm{Eps: 1e-5, ReLU: true})
		},
		"batch norm of columns": func() error {
			return e.BatchNorm(n1, nm, nv, n2, nw, nil, ops.BatchNorm{Eps: 1e-5, ReLU: true})
		},
		"batch norm gradient of columns": func() error {
			return e.BatchNormGrad(n1, ndw, ndb, n2, n3, n2, nw, nm, nv, ops.BatchNorm{Eps: 1e-5, ReLU: true})
		},
		"layer norm":            func() error { return e.LayerNorm(r3, rm, rq, rows, rw, nil, ops.LayerNorm{Eps: 1e-5}) },
		"layer norm gradient":   func() error { return e.LayerNormGrad(r3, dw, db, rows, rows, rw, rm, rq, ops.LayerNorm{}) },
		"channel norm":          func() error { return e.LayerNorm(d3, cm, cq, a3, sum, nil, ops.LayerNorm{Eps: 1e-5}) },
		"channel norm gradient": func() error { return e.LayerNormGrad(d3, w, v, a3, a3, sum, cm, cq, ops.LayerNorm{}) },
		"group norm":            func() error { return e.GroupNorm(d, gm, gq, a, sum, nil, ops.GroupNorm{Groups: 3, Eps: 1e-5}) },
		"group norm gradient":   func() error { return e.GroupNormGrad(d, w, v, a, b, sum, gm, gq, ops.GroupNorm{Groups: 3}) },
		"softmax":               func() error { return e.Softmax(r3, rows, 1, false) },
		"log softmax":           func() error { return e.Softmax(d, a, 1, true) },
		"softmax gradient":      func() error { return e.SoftmaxGrad(r3, rows, rows, 0, true) },
		"log sum exp":           func() error { return e.LogSumExp(loss, logits, 1) },
		"cross entropy": func() error {
			return e.CrossEntropy(loss, z, share, logits, labels, nil, ops.CrossEntropy{Smoothing: 0.1})
		},
		"cross entropy gradient": func() error {
			return e.CrossEntropyGrad(dlogits, loss, logits, z, labels, nil, ops.CrossEntropy{Smoothing: 0.1})
		},
	}
	return list, tensors
}

func TestKernelsAllocateNothing(t *testing.T) {
	e := New(Options{Workers: 1})
	defer e.Close()
	list, _ := calls(e)
	for name, f := range list {
		if n := testing.AllocsPerRun(5, func() {
			if err := f(); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}); n > 0 {
			t.Errorf("%s: %v allocations a call", name, n)
		}
	}
}

func TestMismatchedShapesAreErrors(t *testing.T) {
	e := New(Options{Workers: 1})
	defer e.Close()
	a, b, v := e.Borrow(2, 3, 4, 4), e.Borrow(5, 3), e.Borrow(7)
	index := e.BorrowIndex(2)
	for name, err := range map[string]error{
		"fill":       e.Fill(index, 1),
		"nil":        e.Fill(nil, 1),
		"scale":      e.Scale(b, a, 1),
		"accumulate": e.Accumulate(b, a, 1),
		"binary":     e.Binary(a, a, b, ops.BinaryAdd),
		"unknown":    e.Binary(a, a, a, 99),
		"select":     e.Select(a, a, b, nil),
		"unary":      e.Unary(a, b, ops.UnaryExp, ops.UnaryParams{}),
		"function":   e.Unary(a, a, 200, ops.UnaryParams{}),
		"gradient":   e.UnaryGrad(a, b, a, ops.UnaryExp, ops.UnaryParams{}),
		"geglu":      e.GatedGELU(a, a),
		"dropout":    e.Dropout(a, b, ops.Dropout{}),
		"reduce":     e.Reduce(b, a, ops.ReduceSum, 1),
		"axis":       e.Reduce(b, a, ops.ReduceSum, 9),
		"sum to":     e.SumTo(b, a),
		"argmax":     e.ArgMax(index, a, 0),
		"cumsum":     e.CumSum(a, b, 0, false),
		"batch norm": e.BatchNorm(a, v, v, a, nil, nil, ops.BatchNorm{}),
		"without y":  e.BatchNormGrad(a, nil, nil, a, a, nil, nil, v, v, ops.BatchNorm{ReLU: true}),
		"layer norm": e.LayerNorm(a, v, v, a, nil, nil, ops.LayerNorm{}),
		"group norm": e.GroupNorm(a, v, v, a, nil, nil, ops.GroupNorm{Groups: 2}),
		"softmax":    e.Softmax(a, b, 0, false),
		"logsumexp":  e.LogSumExp(a, b, 0),
		"entropy":    e.CrossEntropy(v, v, v, a, index, nil, ops.CrossEntropy{}),
	} {
		if fault.CodeOf(err) != fault.Usage {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestResultsDoNotDependOnTheWorkers(t *testing.T) {
	counts := []int{2, 3}
	if testing.Short() {
		counts = counts[1:]
	}
	for name := range kernelNames() {
		want := after(t, name, 1)
		for _, workers := range counts {
			for i, got := range after(t, name, workers) {
				if !slices.EqualFunc(got, want[i], func(x, y float32) bool { return math.Float32bits(x) == math.Float32bits(y) }) {
					t.Errorf("%s: %d workers differ from one", name, workers)
				}
			}
		}
	}
}

func kernelNames() map[string]func() error {
	e := New(Options{Workers: 1})
	defer e.Close()
	list, _ := calls(e)
	return list
}

// after returns the values of all tensors after one call of a kernel.
func after(t *testing.T, name string, workers int) [][]float32 {
	e := New(Options{Workers: workers})
	defer e.Close()
	list, tensors := calls(e)
	if err := list[name](); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	values := make([][]float32, len(tensors))
	for i, x := range tensors {
		values[i] = x.Float32s()
	}
	return values
}
