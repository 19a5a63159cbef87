package cpu

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"gorgonia.org/tensor"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/ops"
)

func drawTensor(rng *rand.Rand, shape ...int) *tensor.Dense {
	v := make([]float32, ops.Size(shape))
	for i := range v {
		v[i] = float32(rng.NormFloat64())
	}
	return tensor.New(tensor.WithShape(shape...), tensor.WithBacking(v))
}

// matMulReference computes dst in float64, element by element, from the definition.
func matMulReference(dst, a, b *tensor.Dense, p ops.MatMul) []float64 {
	want := make([]float64, ops.Size(dst.Shape()))
	if p.Accumulate {
		for i, v := range dst.Float32s() {
			want[i] = float64(v)
		}
	}
	full, _ := p.Shape(a.Shape(), b.Shape())
	m, n, k, _ := p.Inner(a.Shape(), b.Shape())
	alpha := p.Alpha
	if alpha == 0 {
		alpha = 1
	}
	at := make([]int, len(full))
	matrix := func(shape []int) int { // number of the matrix at index at
		i := 0
		for axis := range len(shape) - 2 {
			i *= shape[axis]
			if shape[axis] > 1 {
				i += at[axis+len(full)-len(shape)]
			}
		}
		return i
	}
	for lead := range ops.Size(full[:len(full)-2]) {
		for axis := len(full) - 3; axis >= 0; axis-- {
			at[axis] = lead % full[axis]
			lead /= full[axis]
		}
		av, bv := a.Float32s()[matrix(a.Shape())*m*k:], b.Float32s()[matrix(b.Shape())*k*n:]
		out := want[matrix(dst.Shape())*m*n:]
		for i := range m {
			for j := range n {
				for q := range k {
					ai, bi := i*k+q, q*n+j
					if p.TransposeA {
						ai = q*m + i
					}
					if p.TransposeB {
						bi = j*k + q
					}
					out[i*n+j] += float64(alpha) * float64(av[ai]) * float64(bv[bi])
				}
			}
		}
	}
	if p.Bias != nil {
		for i := range want {
			want[i] += float64(p.Bias.Float32s()[i%n])
		}
	}
	return want
}

// matMulShapes are results and operands that MatMul takes, before transposition.
var matMulShapes = [][3][]int{
	{{3, 4}, {3, 5}, {5, 4}},
	{{67, 93}, {67, 131}, {131, 93}},
	{{2, 3, 7, 5}, {2, 3, 7, 6}, {2, 3, 6, 5}},
	{{4, 3, 5, 2}, {4, 1, 5, 6}, {3, 6, 2}},
	{{6, 5, 7}, {6, 5, 9}, {9, 7}},
	{{9, 7}, {6, 9, 5}, {6, 5, 7}},             // summed over the first axis
	{{1, 3, 5, 2}, {4, 1, 5, 6}, {4, 3, 6, 2}}, // and kept as 1
	{{4, 1, 5, 2}, {4, 3, 5, 6}, {3, 6, 2}},
	{{2, 1, 4, 1, 5, 2}, {2, 3, 4, 2, 5, 6}, {3, 1, 2, 6, 2}},
	{{1, 1}, {1, 300}, {300, 1}},
	{{2, 700}, {2, 30}, {30, 700}},
	{{290, 140}, {290, 220}, {220, 140}}, // several blocks of rows and columns
	{{20, 500}, {20, 900}, {900, 500}},
}

func TestMatMulFollowsItsDefinition(t *testing.T) {
	eachForm(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(3, 4))
		e := New(Options{Workers: 2})
		defer e.Close()
		for _, shapes := range matMulShapes {
			for layout := range 4 {
				if ops.Size(shapes[1]) > 10000 && (testing.Short() || rng.IntN(2) == 0) {
					continue
				}
				p := ops.MatMul{TransposeA: layout&1 != 0, TransposeB: layout&2 != 0, Accumulate: rng.IntN(2) == 0}
				if rng.IntN(2) == 0 {
					p.Alpha = -0.25
				}
				if rng.IntN(2) == 0 {
					p.Bias = drawTensor(rng, shapes[0][len(shapes[0])-1])
				}
				checkMatMul(t, e, rng, shapes, p)
			}
		}
		// The blocks of a layer begin with its bias, but for their edges.
		checkMatMul(t, e, rng, [3][]int{{500, 185}, {500, 120}, {120, 185}}, ops.MatMul{TransposeB: true, Bias: drawTensor(rng, 185)})
	})
}

// checkMatMul compares one product of random operands with its definition.
func checkMatMul(t *testing.T, e *Engine, rng *rand.Rand, shapes [3][]int, p ops.MatMul) {
	t.Helper()
	dst := drawTensor(rng, shapes[0]...)
	a := drawTensor(rng, exchanged(shapes[1], p.TransposeA)...)
	b := drawTensor(rng, exchanged(shapes[2], p.TransposeB)...)
	want := matMulReference(dst, a, b, p)
	if err := e.MatMul(dst, a, b, p); err != nil {
		t.Fatal(err)
	}
	for i, w := range want {
		if got := float64(dst.Float32s()[i]); !(math.Abs(got-w) <= 2e-4+1e-5*math.Abs(w)) {
			t.Fatalf("%v = %v x %v, %+v: element %d is %v, want %v", dst.Shape(), a.Shape(), b.Shape(), p, i, got, w)
		}
	}
}

func exchanged(shape []int, yes bool) []int {
	shape = slices.Clone(shape)
	if n := len(shape); yes {
		shape[n-2], shape[n-1] = shape[n-1], shape[n-2]
	}
	return shape
}

// atWorkers runs f on engines of 1, 2 and 3 workers and demands equal bits.
func atWorkers(t *testing.T, what string, f func(e *Engine) []float32) {
	t.Helper()
	var first []float32
	for workers := 1; workers <= 3; workers++ {
		e := New(Options{Workers: workers})
		got := f(e)
		e.Close()
		if first == nil {
			first = got
		}
		for i, v := range got {
			if math.Float32bits(v) != math.Float32bits(first[i]) {
				t.Fatalf("%s: element %d is %v with %d workers, %v with one", what, i, v, workers, first[i])
			}
		}
	}
}

func TestMatMulIsTheSameAtAnyNumberOfWorkers(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	shapes := append(slices.Clone(matMulShapes), [3][]int{{400, 300}, {400, 600}, {600, 300}}, [3][]int{{70, 65, 65}, {70, 65, 64}, {70, 64, 65}})
	for _, s := range shapes {
		a, b := drawTensor(rng, s[1]...), drawTensor(rng, s[2]...)
		atWorkers(t, fmt.Sprint(s), func(e *Engine) []float32 {
			y := e.Borrow(s[0]...)
			if err := e.MatMul(y, a, b, ops.MatMul{}); err != nil {
				t.Fatal(err)
			}
			return slices.Clone(y.Float32s())
		})
	}
}

func TestMatMulAllocatesNothing(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	e := New(Options{Workers: 1}) // another worker's scratch grows when it first gets a large part
	defer e.Close()
	for _, s := range [][3][]int{{{400, 300}, {400, 600}, {600, 300}}, {{70, 65, 65}, {70, 65, 64}, {70, 64, 65}}, {{5, 6}, {5, 7}, {7, 6}}} {
		y, a, b := drawTensor(rng, s[0]...), drawTensor(rng, s[1]...), drawTensor(rng, s[2]...)
		run := func() {
			if err := e.MatMul(y, a, b, ops.MatMul{}); err != nil {
				t.Fatal(err)
			}
		}
		run()
		if n := testing.AllocsPerRun(10, run); n > 0 {
			t.Errorf("%v x %v: %v allocations", s[1], s[2], n)
		}
	}
}

func TestMatMulRefusesShapesThatDoNotFit(t *testing.T) {
	e := New(Options{Workers: 1})
	defer e.Close()
	zeros := func(shape ...int) *tensor.Dense {
		return tensor.New(tensor.WithShape(shape...), tensor.Of(tensor.Float32))
	}
	ids := tensor.New(tensor.WithShape(3, 4), tensor.Of(tensor.Int64))
	tests := []struct {
		name         string
		dst, a, b    *tensor.Dense
		p            ops.MatMul
		first, later string // shapes that the error names
	}{
		{"inner sizes differ", zeros(3, 5), zeros(3, 4), zeros(6, 5), ops.MatMul{}, "[3 4]", "[6 5]"},
		{"inner sizes differ when transposed", zeros(3, 5), zeros(3, 4), zeros(4, 5), ops.MatMul{TransposeB: true}, "[3 4]", "[4 5]^T"},
		{"a vector", zeros(3, 5), zeros(3), zeros(3, 5), ops.MatMul{}, "[3]", "[3 5]"},
		{"leading axes differ", zeros(2, 3, 5), zeros(2, 3, 4), zeros(3, 4, 5), ops.MatMul{}, "[2 3 4]", "[3 4 5]"},
		{"a result of another size", zeros(3, 6), zeros(3, 4), zeros(4, 5), ops.MatMul{}, "[3 5]", "[3 6]"},
		{"a result with too many axes", zeros(2, 3, 5), zeros(3, 4), zeros(4, 5), ops.MatMul{}, "[3 5]", "[2 3 5]"},
		{"a bias of another length", zeros(3, 5), zeros(3, 4), zeros(4, 5), ops.MatMul{Bias: zeros(4)}, "(4)", "5 columns"},
		{"integers", zeros(3, 5), ids, zeros(4, 5), ops.MatMul{}, "(3, 4)", "int64"},
		{"nothing", zeros(3, 5), nil, zeros(4, 5), ops.MatMul{}, "nil", ""},
	}
	for _, tt := range tests {
		err := e.MatMul(tt.dst, tt.a, tt.b, tt.p)
		if fault.CodeOf(err) != fault.Usage || !strings.Contains(err.Error(), tt.first) || !strings.Contains(err.Error(), tt.later) {
			t.Errorf("%s: error %v", tt.name, err)
		}
	}
}

// BenchmarkMatMul runs the products that networks are made of on all workers:
// the square of the figures and those of a ViT's layers with their gradients.
func BenchmarkMatMul(b *testing.B) {
	sizes := []struct {
		name    string
		m, n, k int
		p       ops.MatMul
	}{
		{"1024", 1024, 1024, 1024, ops.MatMul{}},
		{"qkv", 4160, 576, 192, ops.MatMul{TransposeB: true}},
		{"qkv_dx", 4160, 192, 576, ops.MatMul{}},
		{"qkv_dw", 576, 192, 4160, ops.MatMul{TransposeA: true}},
		{"up", 4160, 768, 192, ops.MatMul{TransposeB: true}},
		{"up_dx", 4160, 192, 768, ops.MatMul{}},
		{"up_dw", 768, 192, 4160, ops.MatMul{TransposeA: true}},
		{"down", 4160, 192, 768, ops.MatMul{TransposeB: true}},
		{"head", 64, 10, 512, ops.MatMul{TransposeB: true}},
		{"row", 1, 1000, 2048, ops.MatMul{TransposeB: true}},
		{"columnsums", 1, 768, 4160, ops.MatMul{}},
	}
	for _, workers := range []int{1, 2} {
		e := New(Options{Workers: workers})
		defer e.Close()
		for _, s := range sizes {
			b.Run(fmt.Sprintf("%s/%d", s.name, workers), func(b *testing.B) {
				x := e.Borrow(exchanged([]int{s.m, s.k}, s.p.TransposeA)...)
				w := e.Borrow(exchanged([]int{s.k, s.n}, s.p.TransposeB)...)
				y := e.Borrow(s.m, s.n)
				best(b, 2*s.m*s.n*s.k, func() {
					if err := e.MatMul(y, x, w, s.p); err != nil {
						b.Fatal(err)
					}
				})
				e.Release(x)
				e.Release(w)
				e.Release(y)
			})
		}
	}
}
