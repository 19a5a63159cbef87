package cpu

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"testing"

	"gorgonia.org/tensor"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/ops"
)

// stepper is one kernel on six arrays of one size, of which it takes what it
// needs. The last four are never negative where a root is taken of them.
type stepper struct {
	name string
	run  func(e *Engine, x []*tensor.Dense, k []float32) error
}

var steppers = []stepper{
	{"sgd", func(e *Engine, x []*tensor.Dense, k []float32) error {
		return e.StepSGD(x[0], x[1], nil, ops.SGD{Rate: k[0], Scale: k[1], Decay: k[2], Direct: k[3]})
	}},
	{"sgd with momentum", func(e *Engine, x []*tensor.Dense, k []float32) error {
		return e.StepSGD(x[0], x[1], x[2], ops.SGD{Rate: k[0], Scale: k[1], Decay: k[2], Keep: k[3], Take: k[4], Direct: k[5], Momentum: k[6]})
	}},
	{"adam", func(e *Engine, x []*tensor.Dense, k []float32) error {
		return e.StepAdam(ops.AdamState{P: x[0], G: x[1], M: x[2], V: x[3]}, adamOf(k))
	}},
	{"amsgrad", func(e *Engine, x []*tensor.Dense, k []float32) error {
		return e.StepAdam(ops.AdamState{P: x[0], G: x[1], M: x[2], V: x[3], W: x[4]}, adamOf(k))
	}},
	{"lamb", func(e *Engine, x []*tensor.Dense, k []float32) error {
		return e.StepAdam(ops.AdamState{P: x[0], G: x[1], M: x[2], V: x[3], U: x[4]}, adamOf(k))
	}},
	{"adagrad", func(e *Engine, x []*tensor.Dense, k []float32) error {
		return e.StepAdam(ops.AdamState{P: x[0], G: x[1], V: x[3]}, adamOf(k))
	}},
	{"everything of adam", func(e *Engine, x []*tensor.Dense, k []float32) error {
		return e.StepAdam(ops.AdamState{P: x[0], G: x[1], M: x[2], V: x[3], W: x[4], U: x[5]}, adamOf(k))
	}},
	{"adamax", func(e *Engine, x []*tensor.Dense, k []float32) error {
		o := adamOf(k)
		o.Max = true
		return e.StepAdam(ops.AdamState{P: x[0], G: x[1], M: x[2], V: x[3]}, o)
	}},
	{"rmsprop", func(e *Engine, x []*tensor.Dense, k []float32) error {
		return e.StepRMS(ops.RMSState{P: x[0], G: x[1], V: x[3]}, rmsOf(k))
	}},
	{"rmsprop with momentum", func(e *Engine, x []*tensor.Dense, k []float32) error {
		return e.StepRMS(ops.RMSState{P: x[0], G: x[1], V: x[3], M: x[2]}, rmsOf(k))
	}},
	{"rmsprop centred", func(e *Engine, x []*tensor.Dense, k []float32) error {
		return e.StepRMS(ops.RMSState{P: x[0], G: x[1], V: x[3], M: x[2], C: x[4]}, rmsOf(k))
	}},
	{"lion", func(e *Engine, x []*tensor.Dense, k []float32) error {
		return e.StepLion(x[0], x[1], x[2], ops.Lion{Rate: k[0], Scale: k[1], Decay: k[2], Shrink: k[3], Beta1: k[4], Beta2: k[5]})
	}},
	{"adan", func(e *Engine, x []*tensor.Dense, k []float32) error {
		return e.StepAdan(ops.AdanState{P: x[0], G: x[1], M: x[2], D: x[3], N: x[4], Last: x[5]}, ops.Adan{
			Scale: k[0], Decay: k[1], M1: k[2], M2: k[3], D1: k[4], D2: k[5], N1: k[6], N2: k[7],
			A: k[8], B: k[9], Root: k[10], Eps: k[11], Before: k[12], After: k[13]})
	}},
	{"lerp", func(e *Engine, x []*tensor.Dense, k []float32) error { return e.Lerp(x[0], x[1], k[0]) }},
	{"dots and norms", func(e *Engine, x []*tensor.Dense, k []float32) error {
		if err := e.Dots(x[4], 0, 1, x[0], x[1]); err != nil {
			return err
		}
		return e.Norms(x[5], 0, 1, x[0], 2)
	}},
}

func adamOf(k []float32) ops.Adam {
	return ops.Adam{Scale: k[0], Decay: k[1], M1: k[2], M2: k[3], V1: k[4], V2: k[5], A: k[6], B: k[7], Root: k[8], Eps: k[9], Shrink: k[10], Add: k[11]}
}

func rmsOf(k []float32) ops.RMS {
	return ops.RMS{Scale: k[0], Decay: k[1], V1: k[2], V2: k[3], Inside: k[4], Outside: k[5], Momentum: k[6], A: k[7], B: k[8], Shrink: k[9]}
}

const stepArrays = 6

// stepInput draws arrays of n values with the odd ones among them, and coefficients.
func stepInput(n int, seed uint64, odd bool) (arrays [stepArrays][]float32, k []float32) {
	rng := rand.New(rand.NewPCG(seed, 1))
	rare := []float32{float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1)), 0, float32(math.Copysign(0, -1)), 1e-42, -1e-42, 3e38}
	for a := range arrays {
		arrays[a] = make([]float32, n)
		for i := range arrays[a] {
			arrays[a][i] = float32(rng.NormFloat64())
			if odd && rng.IntN(4) == 0 {
				arrays[a][i] = rare[rng.IntN(len(rare))]
			}
		}
	}
	for range 16 {
		k = append(k, float32(rng.Float64()))
	}
	return arrays, k
}

func runStepper(t *testing.T, e *Engine, s stepper, arrays [stepArrays][]float32, k []float32) [stepArrays][]float32 {
	t.Helper()
	var x []*tensor.Dense
	var out [stepArrays][]float32
	for a := range arrays {
		out[a] = append([]float32(nil), arrays[a]...)
		x = append(x, tensor.New(tensor.WithShape(len(out[a])), tensor.WithBacking(out[a])))
	}
	if err := s.run(e, x, k); err != nil {
		t.Fatalf("%s: %v", s.name, err)
	}
	return out
}

// sameBits compares bit for bit; every NaN equals every other.
func sameBits(t *testing.T, what string, a, b [stepArrays][]float32) {
	t.Helper()
	for i := range a {
		for j := range a[i] {
			x, y := a[i][j], b[i][j]
			if math.Float32bits(x) != math.Float32bits(y) && !(x != x && y != y) {
				t.Fatalf("%s: array %d, value %d: %v and %v", what, i, j, x, y)
			}
		}
	}
}

func TestStepsAreTheSameInAssemblyAndAtAnyNumberOfWorkers(t *testing.T) {
	engines := []*Engine{New(Options{Workers: 1}), New(Options{Workers: 2}), New(Options{Workers: 3})}
	for _, e := range engines {
		defer e.Close()
	}
	for _, n := range []int{1, 7, 8, 9, 64, 1001, 20011} {
		for _, s := range steppers {
			arrays, k := stepInput(n, uint64(n), n < 20011)
			want := portably(t, engines[0], s, arrays, k)
			for _, e := range engines {
				sameBits(t, s.name, runStepper(t, e, s, arrays, k), want)
			}
		}
	}
}

// portably is runStepper without assembly.
func portably(t *testing.T, e *Engine, s stepper, arrays [stepArrays][]float32, k []float32) (out [stepArrays][]float32) {
	t.Run("portable", func(t *testing.T) {
		withoutAVX2(t)
		out = runStepper(t, e, s, arrays, k)
	})
	return out
}

func FuzzSteps(f *testing.F) {
	f.Add(uint8(0), []byte{0, 0, 128, 63, 0, 0, 192, 127}, uint64(1))
	f.Add(uint8(3), []byte{1, 0, 0, 0, 255, 255, 127, 255}, uint64(2))
	e := New(Options{Workers: 1})
	f.Cleanup(e.Close)
	f.Fuzz(func(t *testing.T, which uint8, data []byte, seed uint64) {
		n := max(len(data)/4, 1)
		if n > 4096 {
			return
		}
		arrays, k := stepInput(n, seed, true)
		for i := range len(data) / 4 {
			arrays[i%stepArrays][i] = math.Float32frombits(binary.LittleEndian.Uint32(data[4*i:]))
		}
		s := steppers[int(which)%len(steppers)]
		fast := runStepper(t, e, s, arrays, k)
		withoutAVX2(t)
		sameBits(t, s.name, fast, runStepper(t, e, s, arrays, k))
	})
}

func TestStepsAllocateNothing(t *testing.T) {
	e := New(Options{Workers: 1})
	defer e.Close()
	arrays, k := stepInput(40000, 1, false)
	var x []*tensor.Dense
	for _, a := range arrays {
		x = append(x, tensor.New(tensor.WithShape(len(a)), tensor.WithBacking(a)))
	}
	for _, s := range steppers {
		n := testing.AllocsPerRun(10, func() {
			if err := s.run(e, x, k); err != nil {
				t.Fatal(err)
			}
		})
		if n != 0 {
			t.Errorf("%s: %v allocations a call", s.name, n)
		}
	}
}

func TestNormsOfRowsAreTheirDefinitions(t *testing.T) {
	e := New(Options{Workers: 2})
	defer e.Close()
	rng := rand.New(rand.NewPCG(3, 4))
	for _, shape := range [][2]int{{1, 5}, {3, 7}, {1, 90000}, {5, 40000}, {30000, 3}} {
		rows, n := shape[0], shape[1]
		v := make([]float32, rows*n)
		for i := range v {
			v[i] = float32(rng.NormFloat64())
		}
		x := tensor.New(tensor.WithShape(rows, n), tensor.WithBacking(v))
		dst := tensor.New(tensor.WithShape(rows+2), tensor.WithBacking(make([]float32, rows+2)))
		for _, order := range []float64{1, 2, 3, math.Inf(1)} {
			if err := e.Norms(dst, 1, rows, x, order); err != nil {
				t.Fatal(err)
			}
			for _, r := range []int{0, rows / 2, rows - 1} {
				want := 0.0
				for _, a := range v[r*n : r*n+n] {
					if m := math.Abs(float64(a)); math.IsInf(order, 1) {
						want = max(want, m)
					} else {
						want += math.Pow(m, order)
					}
				}
				if !math.IsInf(order, 1) {
					want = math.Pow(want, 1/order)
				}
				if got := float64(dst.Float32s()[1+r]); math.Abs(got-want) > 1e-6*want {
					t.Errorf("shape %v, order %v, row %d: %v, want %v", shape, order, r, got, want)
				}
			}
		}
		if g := dst.Float32s(); g[0] != 0 || g[rows+1] != 0 {
			t.Errorf("shape %v: values beside the rows were written", shape)
		}
	}
}

func TestStepsRefuseShapesThatDiffer(t *testing.T) {
	e := New(Options{Workers: 1})
	defer e.Close()
	dense := func(n int) *tensor.Dense {
		return tensor.New(tensor.WithShape(n), tensor.WithBacking(make([]float32, n)))
	}
	a, b := dense(3), dense(4)
	whole := tensor.New(tensor.WithShape(3), tensor.WithBacking(make([]int64, 3)))
	for name, err := range map[string]error{
		"gradient":          e.StepSGD(a, b, nil, ops.SGD{}),
		"momentum":          e.StepSGD(a, a, b, ops.SGD{}),
		"integers":          e.StepSGD(a, whole, nil, ops.SGD{}),
		"nil":               e.StepSGD(nil, a, nil, ops.SGD{}),
		"adam":              e.StepAdam(ops.AdamState{P: a, G: a, V: b}, ops.Adam{}),
		"adam without v":    e.StepAdam(ops.AdamState{P: a, G: a}, ops.Adam{}),
		"adam's update":     e.StepAdam(ops.AdamState{P: a, G: a, V: a, U: b}, ops.Adam{}),
		"rmsprop":           e.StepRMS(ops.RMSState{P: a, G: a, V: b}, ops.RMS{}),
		"lion":              e.StepLion(a, a, b, ops.Lion{}),
		"adan":              e.StepAdan(ops.AdanState{P: a, G: a, M: a, D: a, N: a}, ops.Adan{}),
		"lerp":              e.Lerp(a, b, 1),
		"dots":              e.Dots(a, 0, 1, a, b),
		"rows":              e.Norms(a, 0, 2, a, 2),
		"room":              e.Norms(a, 2, 3, a, 2),
		"order":             e.Norms(a, 0, 1, a, 0),
		"order no number":   e.Norms(a, 0, 1, a, math.NaN()),
		"rows below one":    e.Norms(a, 0, 0, a, 2),
		"place below zero":  e.Norms(a, -1, 1, a, 2),
		"dots of no tensor": e.Dots(a, 0, 1, a, nil),
	} {
		if fault.CodeOf(err) != fault.Usage {
			t.Errorf("%s: %v", name, err)
		}
	}
}
