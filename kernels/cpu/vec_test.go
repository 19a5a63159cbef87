package cpu

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/tailorbird/tailorbird/kernels/ops"
)

// specials are the values where formulas go wrong.
var specials = []float32{
	0, float32(math.Copysign(0, -1)), 1, -1, 1e-8, -1e-8, 0.5, 3, -3, 6, 20.5, -20.5, 88, -88, 88.5, -87.4, 89, -89, -100, -103.5, -104.5, 1e10, -1e10,
	math.SmallestNonzeroFloat32, -math.SmallestNonzeroFloat32, 1e-40, -1e-40, math.MaxFloat32, -math.MaxFloat32,
	float32(math.Inf(1)), float32(math.Inf(-1)), float32(math.NaN()),
}

// ulps is the distance of two numbers in units of the last place of a, at least
// of the smallest normal number. Two NaNs and equal infinities are 0 apart.
func ulps(a, b float32) float64 {
	if a == b || a != a && b != b {
		return 0
	}
	if a != a || b != b || math.IsInf(float64(a), 0) || math.IsInf(float64(b), 0) {
		return math.Inf(1)
	}
	unit := max(math.Abs(float64(a)), 0x1p-126) * 0x1p-23
	return math.Abs(float64(a)-float64(b)) / unit
}

func needAssembly(t testing.TB) {
	if !useAVX2 {
		t.Skip("no assembly on this machine")
	}
}

// tolerance is met by a result within ulp units of the last place, or within abs.
type tolerance struct{ ulp, abs float64 }

// The assembly's functions, their values and derivatives. abs of values is for
// results that are or come from denormal numbers; of the tanh and quick forms of GELU
// for negative x, where the rounding of the exponent counts. In x s (1-s), s the
// sigmoid, the last place of s counts x times.
var unaryTolerance = map[ops.Unary][2]tolerance{
	ops.UnaryAffine:     {{1, 1e-7}, {}},
	ops.UnaryReLU:       {},
	ops.UnaryReLU6:      {},
	ops.UnaryClamp:      {},
	ops.UnarySquare:     {{1, 0}, {1, 0}},
	ops.UnarySqrt:       {{1, 0}, {1, 0}},
	ops.UnaryReciprocal: {{1, 0}, {1, 0}},
	ops.UnaryExp:        {{1.5, 0}, {1, 0}},
	ops.UnarySigmoid:    {{2, 1e-38}, {2, 1e-38}},
	ops.UnaryTanh:       {{2, 0}, {3, 1e-7}},
	ops.UnaryGELU:       {{4, 1e-36}, {4, 5e-7}},
	ops.UnarySiLU:       {{3, 1e-36}, {4, 3e-6}},
	ops.UnaryQuickGELU:  {{4, 5e-7}, {4, 3e-6}},
	ops.UnaryGELUTanh:   {{4, 5e-7}, {4, 4e-6}},
}

// sample returns values of all sizes.
func sample(rng *rand.Rand, n int, size float64) []float32 {
	v := make([]float32, n)
	for i := range v {
		v[i] = float32((rng.Float64() - 0.5) * 2 * size)
	}
	return v
}

func TestUnaryAssemblyAgainstPortable(t *testing.T) {
	needAssembly(t)
	rng := rand.New(rand.NewPCG(1, 2))
	inputs := append(append(append([]float32(nil), specials...), sample(rng, 4000, 4)...), append(sample(rng, 4000, 90), sample(rng, 500, 1e-3)...)...)
	p := ops.UnaryParams{A: -0.7, B: 1.25}
	for f, allowed := range unaryTolerance {
		got, want := make([]float32, len(inputs)), make([]float32, len(inputs))
		if !fastUnary(f, p, got, inputs) {
			t.Fatalf("function %d has no assembly", f)
		}
		portableUnary(f, p, want, inputs)
		compareUnary(t, fmt.Sprintf("function %d", f), inputs, got, want, allowed[0])
		if f == ops.UnaryClamp || f == ops.UnarySqrt || f == ops.UnaryReciprocal {
			continue // no assembly for the derivative
		}
		dy := make([]float32, len(inputs))
		vecFill(dy, 1)
		fastUnaryGrad(f, p, got, dy, inputs)
		portableUnaryGrad(f, p, want, dy, inputs)
		compareUnary(t, fmt.Sprintf("derivative %d", f), inputs, got, want, allowed[1])
	}
}

// compareUnary checks results against the portable form. The derivative of the
// tanh form of GELU is NaN where x^2 overflows, in torch too.
func compareUnary(t *testing.T, what string, x, got, want []float32, allowed tolerance) {
	t.Helper()
	worst := 0.0
	for i := range x {
		off := ulps(want[i], got[i])
		if math.Abs(float64(got[i])-float64(want[i])) <= allowed.abs || math.Abs(float64(x[i])) > 1e18 && got[i] != got[i] {
			continue
		}
		worst = max(worst, off)
		if off > allowed.ulp {
			t.Errorf("%s at %v: %v, want %v (%.1f ulp)", what, x[i], got[i], want[i], off)
			return
		}
	}
	t.Logf("%s: at most %.2f ulp", what, worst)
}

func TestBinaryAssemblyAgainstPortable(t *testing.T) {
	needAssembly(t)
	rng := rand.New(rand.NewPCG(3, 4))
	for op := ops.BinaryAdd; op <= ops.BinaryAddReLU; op++ {
		for _, n := range []int{1, 2, 7, 8, 9, 31, 32, 33, 100} {
			a, b := sample(rng, n, 3), sample(rng, n, 3)
			for i := range a {
				if rng.IntN(3) == 0 {
					a[i] = specials[rng.IntN(len(specials))]
				}
				if rng.IntN(3) == 0 {
					b[i] = specials[rng.IntN(len(specials))]
				}
			}
			for _, form := range [3][2][]float32{{a, b}, {a, b[:1]}, {a[:1], b}} {
				got, want := make([]float32, n), make([]float32, n)
				fastBinary(op, got, form[0], form[1])
				portableBinary(op, want, form[0], form[1])
				for i := range got {
					if ulps(want[i], got[i]) != 0 {
						t.Fatalf("function %d, n %d, element %d of %v and %v: %v, want %v", op, n, i, form[0], form[1], got[i], want[i])
					}
				}
			}
		}
	}
}

func TestResultsDoNotDependOnThePlace(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	x := sample(rng, 77, 6)
	for f := range unaryTolerance {
		p := ops.UnaryParams{A: 0.3, B: 2}
		whole, parts := make([]float32, len(x)), make([]float32, len(x))
		vecUnary(f, p, whole, x)
		for i := range x {
			vecUnary(f, p, parts[i:i+1], x[i:i+1])
			if math.Float32bits(whole[i]) != math.Float32bits(parts[i]) {
				t.Fatalf("function %d of %v: %v alone, %v among others", f, x[i], parts[i], whole[i])
			}
		}
	}
}

func TestSumsAndExtremes(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	for n := 1; n < 200; n += 1 + n/5 {
		x := sample(rng, n, 10)
		if got, want := vecSum(x), portableSum(x); math.Abs(float64(got-want)) > 1e-4 {
			t.Errorf("sum of %d: %v, want %v", n, got, want)
		}
		if got, want := vecMax(x), portableMax(x); got != want {
			t.Errorf("maximum of %d: %v, want %v", n, got, want)
		}
		x[rng.IntN(n)] = float32(math.NaN())
		if got := vecMax(x); got == got {
			t.Errorf("maximum of %d with NaN: %v", n, got)
		}
		x[rng.IntN(n)] = float32(math.Inf(1))
		if got, want := vecMax(x), portableMax(x); ulps(want, got) != 0 {
			t.Errorf("maximum of %d with infinity: %v, want %v", n, got, want)
		}
	}
}

// FuzzUnary compares the assembly of all functions with the portable form.
func FuzzUnary(f *testing.F) {
	needAssembly(f)
	for _, v := range specials {
		f.Add(math.Float32bits(v), uint8(3))
	}
	f.Fuzz(func(t *testing.T, bits uint32, n uint8) {
		x := make([]float32, 1+n%40)
		for i := range x {
			x[i] = math.Float32frombits(bits ^ uint32(i)*0x9e37)
		}
		got, want := make([]float32, len(x)), make([]float32, len(x))
		for fn, allowed := range unaryTolerance {
			p := ops.UnaryParams{A: 0.3, B: 2}
			fastUnary(fn, p, got, x)
			portableUnary(fn, p, want, x)
			compareUnary(t, fmt.Sprintf("function %d", fn), x, got, want, allowed[0])
		}
	})
}

// avo hands out the registers above 15 when it runs short; they need AVX-512.
func TestAssemblyKeepsToAVX2Registers(t *testing.T) {
	files, err := filepath.Glob("*_amd64.s")
	if err != nil || len(files) == 0 {
		t.Fatalf("no assembly: %v", err)
	}
	high := regexp.MustCompile(`\b[XYZ](1[6-9]|2[0-9]|3[01])\b`)
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if at := high.Find(text); at != nil {
			t.Errorf("%s uses %s", name, at)
		}
	}
}
