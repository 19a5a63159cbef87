package cpu

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"gorgonia.org/tensor"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/ops"
)

// convCase is a convolution with its operands.
type convCase struct {
	s        ops.ConvShape
	x, w, dy *tensor.Dense
	b, bx    *tensor.Dense // biases of y and of dx, nil for none
	want     [3][]float64  // y, dx and dw by their definition, once check has run
}

// newConvCase returns a case of normal random values, nil where nothing fits.
func newConvCase(r *rand.Rand, n, groups, cg, kg, h, w, kh, kw int, c ops.Conv, bias bool) *convCase {
	c.Groups = groups
	s, err := c.Shape("test", []int{n, groups * cg, h, w}, []int{groups * kg, cg, kh, kw})
	if err != nil {
		return nil
	}
	v := &convCase{s: s, x: convDense(r, n, s.C, h, w), w: convDense(r, s.K, cg, kh, kw), dy: convDense(r, n, s.K, s.OH, s.OW)}
	if bias {
		v.b, v.bx = convDense(r, s.K), convDense(r, s.C)
	}
	return v
}

func convDense(r *rand.Rand, shape ...int) *tensor.Dense {
	f := make([]float32, ops.Size(shape))
	for i := range f {
		f[i] = float32(r.NormFloat64())
	}
	return tensor.New(tensor.WithShape(shape...), tensor.WithBacking(f))
}

// run returns y, dx and dw.
func (v *convCase) run(t testing.TB, e *Engine) [3]*tensor.Dense {
	t.Helper()
	out := [3]*tensor.Dense{e.Borrow(v.dy.Shape()...), e.Borrow(v.x.Shape()...), e.Borrow(v.w.Shape()...)}
	for _, o := range out {
		for i := range o.Float32s() {
			o.Float32s()[i] = float32(math.NaN()) // every value has to be written
		}
	}
	for _, err := range []error{
		e.Conv2D(out[0], v.x, v.w, v.b, v.s.Conv),
		e.Conv2DGradInput(out[1], v.dy, v.w, v.bx, v.s.Conv),
		e.Conv2DGradWeight(out[2], v.dy, v.x, v.s.Conv),
	} {
		if err != nil {
			t.Fatalf("%+v: %v", v.s, err)
		}
	}
	return out
}

// check compares the engine with the definition. A sum's error is measured in
// its length's root, the length being that of the definition.
func (v *convCase) check(t testing.TB, e *Engine) {
	t.Helper()
	got, s := v.run(t, e), &v.s
	if v.want[0] == nil {
		v.want[0] = directConv(s, v.x.Float32s(), v.w.Float32s(), values(v.b))
		v.want[1] = directConvInput(s, v.dy.Float32s(), v.w.Float32s(), values(v.bx))
		v.want[2] = directConvWeight(s, v.dy.Float32s(), v.x.Float32s())
	}
	length := [3]int{s.Len, s.KG * s.KH * s.KW, s.N * s.OH * s.OW}
	for i, name := range []string{"y", "dx", "dw"} {
		limit := 1e-5 * (1 + math.Sqrt(float64(length[i])))
		for j, g := range got[i].Float32s() {
			if d := math.Abs(float64(g) - v.want[i][j]); !(d <= limit) {
				t.Fatalf("%+v: %s[%d] = %v, want %v", v.s, name, j, g, v.want[i][j])
			}
		}
		e.Release(got[i])
	}
}

func TestConvolutionFollowsItsDefinition(t *testing.T) {
	one := ops.Conv{Padding: [2]int{1, 1}}
	two := ops.Conv{Padding: [2]int{1, 1}, Stride: [2]int{2, 2}}
	tests := []struct {
		name                            string
		n, groups, cg, kg, h, w, kh, kw int
		c                               ops.Conv
	}{
		{"many channels, tiles of whole maps", 2, 1, 14, 130, 4, 4, 3, 3, one},
		{"odd map", 2, 1, 13, 19, 9, 11, 3, 3, one},
		{"padding 2 is more than the gradient needs", 2, 1, 13, 35, 5, 5, 3, 3, ops.Conv{Padding: [2]int{2, 2}}},
		{"padding 3 leaves borders of zeros", 1, 1, 12, 12, 21, 6, 3, 3, ops.Conv{Padding: [2]int{3, 3}}},
		{"no padding", 1, 1, 16, 16, 3, 3, 3, 3, ops.Conv{}},
		{"deep", 1, 1, 150, 13, 5, 6, 3, 3, one},
		{"three channels", 2, 1, 3, 16, 12, 10, 3, 3, one},
		{"wide row", 1, 1, 3, 5, 2, 50, 3, 3, one},
		{"stride 2", 2, 1, 17, 14, 8, 32, 3, 3, two},
		{"stride 2 on odd maps", 2, 1, 30, 9, 7, 9, 3, 3, two},
		{"shortcut", 3, 1, 40, 20, 8, 16, 1, 1, ops.Conv{Stride: [2]int{2, 2}}},
		{"point by point", 3, 1, 33, 20, 7, 7, 1, 1, ops.Conv{}},
		{"stem", 1, 1, 3, 10, 30, 30, 7, 7, ops.Conv{Stride: [2]int{2, 2}, Padding: [2]int{3, 3}}},
		{"patches", 2, 1, 3, 20, 16, 16, 4, 4, ops.Conv{Stride: [2]int{4, 4}}},
		{"stride beyond the kernel", 2, 1, 4, 6, 16, 13, 2, 3, ops.Conv{Stride: [2]int{5, 4}, Padding: [2]int{1, 0}}},
		{"dilated", 1, 1, 6, 6, 12, 13, 3, 3, ops.Conv{Dilation: [2]int{2, 3}, Padding: [2]int{2, 3}}},
		{"dilated stride 2 reads half of the pixels", 1, 1, 6, 6, 12, 13, 3, 3, ops.Conv{Dilation: [2]int{2, 2}, Stride: [2]int{2, 2}, Padding: [2]int{2, 2}}},
		{"groups", 2, 3, 4, 7, 9, 9, 3, 3, one},
		{"depthwise", 2, 20, 1, 1, 9, 18, 3, 3, one},
		{"depthwise stride 2", 2, 9, 1, 1, 15, 18, 3, 3, two},
		{"depthwise with multiplier", 1, 8, 1, 3, 9, 9, 5, 5, ops.Conv{Padding: [2]int{2, 2}}},
		{"depthwise dilated", 1, 8, 1, 1, 19, 21, 3, 3, ops.Conv{Padding: [2]int{2, 4}, Dilation: [2]int{2, 4}}},
		{"depthwise with a wide kernel", 1, 2, 1, 1, 3, 100, 1, 31, ops.Conv{Dilation: [2]int{1, 3}, Padding: [2]int{0, 45}}},
		{"output padding", 1, 1, 4, 4, 10, 11, 3, 3, ops.Conv{Stride: [2]int{2, 3}, Padding: [2]int{1, 1}, OutputPadding: [2]int{1, 2}}},
		{"output padding below dilation", 1, 1, 4, 4, 10, 11, 3, 3, ops.Conv{Padding: [2]int{1, 1}, Dilation: [2]int{3, 3}, OutputPadding: [2]int{2, 1}}},
	}
	e := New(Options{Workers: 2})
	defer e.Close()
	for i, tt := range tests {
		r := rand.New(rand.NewPCG(uint64(i), 1))
		v := newConvCase(r, tt.n, tt.groups, tt.cg, tt.kg, tt.h, tt.w, tt.kh, tt.kw, tt.c, i%2 == 0)
		t.Run("fast/"+tt.name, func(t *testing.T) { v.check(t, e) })
		t.Run("portable/"+tt.name, func(t *testing.T) {
			withoutAVX2(t)
			v.check(t, e)
		})
	}
}

// fuzzConv makes a case of bytes, nil where they are none.
func fuzzConv(seed uint64, b []byte) *convCase {
	at := func(i, least, most int) int {
		if i >= len(b) {
			return least
		}
		return least + int(b[i])%(most-least+1)
	}
	c := ops.Conv{
		Stride:   [2]int{at(8, 1, 4), at(9, 1, 4)},
		Padding:  [2]int{at(10, 0, 4), at(11, 0, 4)},
		Dilation: [2]int{at(12, 1, 3), at(13, 1, 3)},
		ReLU:     at(14, 0, 3) == 3,
	}
	r := rand.New(rand.NewPCG(seed, 2))
	return newConvCase(r, at(0, 1, 3), at(1, 1, 5), at(2, 1, 40), at(3, 1, 40), at(4, 1, 24), at(5, 1, 40), at(6, 1, 6), at(7, 1, 6), c, seed%2 == 0)
}

func FuzzConvolution(f *testing.F) {
	f.Add(uint64(1), []byte{1, 0, 30, 30, 20, 20, 2, 2, 0, 0, 1, 1, 0, 0, 3})
	f.Add(uint64(2), []byte{1, 3, 0, 0, 20, 20, 2, 2, 1, 1, 1, 1, 0, 0, 0})
	f.Add(uint64(3), []byte{0, 0, 2, 30, 23, 39, 4, 5, 2, 1, 3, 0, 1, 2, 0})
	f.Add(uint64(4), []byte{2, 4, 3, 3, 7, 7, 0, 0, 0, 0, 0, 0, 0, 0, 3})
	f.Add(uint64(5), []byte{1, 0, 20, 20, 23, 33, 2, 2, 0, 0, 4, 4, 0, 0, 0})
	f.Fuzz(func(t *testing.T, seed uint64, b []byte) {
		v := fuzzConv(seed, b)
		if v == nil || v.s.N*v.s.K*v.s.OH*v.s.OW*v.s.Len > 1<<22 {
			t.Skip("no convolution, or one that takes too long by definition")
		}
		e := New(Options{Workers: 2})
		defer e.Close()
		v.check(t, e)
		withoutAVX2(t)
		v.check(t, e)
	})
}

func TestConvolutionHasTheSameBitsAtAnyNumberOfWorkers(t *testing.T) {
	for seed := range uint64(30) {
		r := rand.New(rand.NewPCG(seed, 3))
		b := make([]byte, 15)
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		if seed%4 == 0 {
			copy(b[6:], []byte{2, 2, 0, 0, 1, 1, 0, 0})
			b[1] = 0
		}
		v := fuzzConv(seed, b)
		if v == nil {
			continue
		}
		var first [3][]float32
		for _, workers := range []int{1, 2, 3} {
			e := New(Options{Workers: workers})
			for i, o := range v.run(t, e) {
				if workers == 1 {
					first[i] = slices.Clone(o.Float32s())
				} else if !slices.Equal(first[i], o.Float32s()) {
					t.Errorf("%+v: result %d differs at %d workers", v.s, i, workers)
				}
			}
			e.Close()
		}
	}
}

func TestConvolutionAllocatesNothing(t *testing.T) {
	e := New(Options{Workers: 2})
	defer e.Close()
	r := rand.New(rand.NewPCG(1, 4))
	for _, v := range []*convCase{
		newConvCase(r, 2, 1, 16, 24, 12, 12, 3, 3, ops.Conv{Padding: [2]int{1, 1}}, true),
		newConvCase(r, 2, 1, 16, 130, 4, 4, 3, 3, ops.Conv{Padding: [2]int{1, 1}}, false),
		newConvCase(r, 2, 2, 16, 24, 12, 12, 3, 3, ops.Conv{Padding: [2]int{1, 1}, Stride: [2]int{2, 2}}, true),
		newConvCase(r, 2, 16, 1, 1, 12, 12, 3, 3, ops.Conv{Padding: [2]int{1, 1}, Stride: [2]int{2, 2}}, true),
		newConvCase(r, 2, 16, 1, 1, 12, 12, 3, 3, ops.Conv{Padding: [2]int{1, 1}}, true),
	} {
		out := v.run(t, e)
		n := testing.AllocsPerRun(10, func() {
			e.Conv2D(out[0], v.x, v.w, v.b, v.s.Conv)
			e.Conv2DGradInput(out[1], v.dy, v.w, v.bx, v.s.Conv)
			e.Conv2DGradWeight(out[2], v.dy, v.x, v.s.Conv)
		})
		if n != 0 {
			t.Errorf("%+v: %v allocations a run", v.s, n)
		}
	}
}

func TestConvolutionGivesItsMemoryBack(t *testing.T) {
	e := New(Options{Workers: 2})
	defer e.Close()
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 5))
		v := newConvCase(r, 2, 1+int(seed%3), 14, 14, 9, 9, 3, 3, ops.Conv{Stride: [2]int{1 + int(seed/3%2), 1}}, false)
		before := e.InUse()
		for _, o := range v.run(t, e) {
			e.Release(o)
		}
		if now := e.InUse(); now != before {
			t.Fatalf("%+v: %d bytes are not given back", v.s, now-before)
		}
	}
}

func TestReLUKeepsNaN(t *testing.T) {
	e := New(Options{Workers: 1})
	defer e.Close()
	for _, kernel := range []int{1, 3} {
		v := newConvCase(rand.New(rand.NewPCG(1, 6)), 1, 1, 16, 16, 8, 8, kernel, kernel, ops.Conv{ReLU: true}, true)
		v.x.Float32s()[0] = float32(math.NaN())
		y := v.run(t, e)[0].Float32s()
		if y[0] == y[0] {
			t.Errorf("kernel %d: %v for a NaN", kernel, y[0])
		}
		for i, f := range y {
			if f < 0 {
				t.Fatalf("kernel %d: y[%d] = %v", kernel, i, f)
			}
		}
	}
}

func TestConvolutionRefusesWhatDoesNotFit(t *testing.T) {
	e := New(Options{Workers: 1})
	defer e.Close()
	d := func(shape ...int) *tensor.Dense { return e.Borrow(shape...) }
	pad := ops.Conv{Padding: [2]int{1, 1}}
	tests := []struct {
		name string
		err  error
		want []string
	}{
		{"channels", e.Conv2D(d(1, 4, 8, 8), d(1, 3, 8, 8), d(4, 2, 3, 3), nil, pad), []string{"(1, 3, 8, 8)", "(4, 2, 3, 3)"}},
		{"groups", e.Conv2D(d(1, 4, 8, 8), d(1, 6, 8, 8), d(4, 2, 3, 3), nil, ops.Conv{Groups: 3}), []string{"3 groups"}},
		{"rank", e.Conv2D(d(1, 4, 8, 8), d(3, 8, 8), d(4, 3, 3, 3), nil, pad), []string{"(3, 8, 8)", "4 axes"}},
		{"result", e.Conv2D(d(1, 4, 8, 7), d(1, 3, 8, 8), d(4, 3, 3, 3), nil, pad), []string{"(1, 4, 8, 7)"}},
		{"bias", e.Conv2D(d(1, 4, 8, 8), d(1, 3, 8, 8), d(4, 3, 3, 3), d(3), pad), []string{"bias"}},
		{"window", e.Conv2D(d(1, 4, 8, 8), d(1, 3, 2, 8), d(4, 3, 5, 3), nil, ops.Conv{}), []string{"does not fit"}},
		{"stride", e.Conv2D(d(1, 4, 8, 8), d(1, 3, 8, 8), d(4, 3, 3, 3), nil, ops.Conv{Stride: [2]int{-1, 1}}), []string{"stride"}},
		{"type", e.Conv2D(d(1, 4, 8, 8), e.BorrowIndex(1, 3, 8, 8), d(4, 3, 3, 3), nil, pad), []string{"int64"}},
		{"nil", e.Conv2D(d(1, 4, 8, 8), nil, d(4, 3, 3, 3), nil, pad), []string{"nil"}},
		{"gradient of input", e.Conv2DGradInput(d(1, 3, 8, 8), d(1, 4, 8, 7), d(4, 3, 3, 3), nil, pad), []string{"(1, 4, 8, 7)"}},
		{"gradient of weight", e.Conv2DGradWeight(d(4, 3, 3, 3), d(1, 5, 8, 8), d(1, 3, 8, 8), pad), []string{"(1, 5, 8, 8)"}},
		{"gradient of bias", e.Conv2DGradBias(d(3), d(1, 4, 8, 8)), []string{"bias"}},
		{"unfold", e.Unfold(d(1, 27, 8), d(1, 3, 8, 8), ops.Window{Kernel: [2]int{3, 3}}), []string{"(1, 27, 8)"}},
		{"fold", e.Fold(d(1, 3, 8, 8), d(1, 26, 36), ops.Window{Kernel: [2]int{3, 3}}), []string{"(1, 26, 36)"}},
		{"no kernel", e.Unfold(d(1, 27, 8), d(1, 3, 8, 8), ops.Window{}), []string{"empty"}},
	}
	for _, tt := range tests {
		if fault.CodeOf(tt.err) != fault.Usage {
			t.Errorf("%s: error %v", tt.name, tt.err)
			continue
		}
		for _, w := range tt.want {
			if !strings.Contains(tt.err.Error(), w) {
				t.Errorf("%s: error %q does not say %q", tt.name, tt.err, w)
			}
		}
	}
}

func TestFoldOfUnfoldCountsWindows(t *testing.T) {
	e := New(Options{Workers: 2})
	defer e.Close()
	w := ops.Window{Kernel: [2]int{3, 2}, Stride: [2]int{2, 1}, Padding: [2]int{1, 2}, Dilation: [2]int{1, 3}}
	x := e.Borrow(2, 3, 7, 6)
	s, err := w.Shape("test", x.Shape())
	if err != nil {
		t.Fatal(err)
	}
	columns, back := e.Borrow(s.N, s.Len, s.OH*s.OW), e.Borrow(2, 3, 7, 6)
	for i := range x.Float32s() {
		x.Float32s()[i] = float32(i + 1)
	}
	if err := e.Unfold(columns, x, w); err != nil {
		t.Fatal(err)
	}
	if err := e.Fold(back, columns, w); err != nil {
		t.Fatal(err)
	}
	count := make([]float32, len(x.Float32s()))
	s.K, s.KG = 1, 1
	eachProduct(&s, func(at, i, j int) {
		count[i]++
		n, p := at/(s.OH*s.OW), at%(s.OH*s.OW)
		if got := columns.Float32s()[(n*s.Len+j)*s.OH*s.OW+p]; got != float32(i+1) {
			t.Fatalf("column %d of window %d is %v, want %d", j, at, got, i+1)
		}
	})
	for i, v := range back.Float32s() {
		if want := count[i] * float32(i+1); v != want {
			t.Fatalf("fold[%d] = %v, want %v", i, v, want)
		}
	}
}
