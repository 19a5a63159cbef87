package metrics

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/tailorbird/tailorbird/internal/fault"
)

func moments(t *testing.T, dim int, features []float32) *Moments {
	t.Helper()
	m := NewMoments(dim)
	if err := m.Add(features); err != nil {
		t.Fatal(err)
	}
	return m
}

func normals(rng *rand.Rand, n int) []float32 {
	out := make([]float32, n)
	for i := range out {
		out[i] = float32(rng.NormFloat64())
	}
	return out
}

func TestMomentsAreThoseOfTheDefinition(t *testing.T) {
	const d, n = 3, 20
	x := normals(rand.New(rand.NewPCG(1, 1)), d*n)
	m := moments(t, d, x[:6])
	if err := m.Add(x[6:]); err != nil {
		t.Fatal(err)
	}
	cov := m.covariance()
	for i := range d {
		for k := range d {
			var mi, mk, sum float64
			for r := range n {
				mi += float64(x[r*d+i]) / n
				mk += float64(x[r*d+k]) / n
			}
			for r := range n {
				sum += (float64(x[r*d+i]) - mi) * (float64(x[r*d+k]) - mk) / (n - 1)
			}
			if math.Abs(cov[i*d+k]-sum) > 1e-12 || math.Abs(m.Mean[i]-mi) > 1e-12 {
				t.Errorf("covariance %d,%d is %v, want %v", i, k, cov[i*d+k], sum)
			}
		}
	}
}

// TestFrechetOfOneDimension: there the distance is (m1-m2)^2 + (s1-s2)^2.
func TestFrechetOfOneDimension(t *testing.T) {
	a, b := moments(t, 1, []float32{1, 3}), moments(t, 1, []float32{10, 14})
	want := 10*10 + math.Pow(math.Sqrt2-math.Sqrt(8), 2)
	if got, err := Frechet(a, b); err != nil || math.Abs(got-want) > 1e-12 {
		t.Errorf("%v (%v), want %v", got, err, want)
	}
}

func TestFrechetOfASetWithItselfIsNothing(t *testing.T) {
	for _, n := range []int{3, 8, 40} { // fewer vectors than dimensions: singular
		x := moments(t, 8, normals(rand.New(rand.NewPCG(2, uint64(n))), 8*n))
		if got, err := Frechet(x, x); err != nil || got > 1e-6 {
			t.Errorf("%d vectors: %v (%v)", n, got, err)
		}
	}
}

// TestFrechetSeesAShiftAndAScale: y = 3x + 2 has sqrt(S1 S2) = 3 S1 whatever S1.
func TestFrechetSeesAShiftAndAScale(t *testing.T) {
	const d, n = 5, 30
	x := normals(rand.New(rand.NewPCG(3, 1)), d*n)
	y := slices.Clone(x)
	for i := range y {
		y[i] = 3*y[i] + 2
	}
	a, b := moments(t, d, x), moments(t, d, y)
	want := 0.0
	for i, s := range a.Mean {
		want += math.Pow(2*s+2, 2) + 4*a.covariance()[i*d+i]
	}
	if got, err := Frechet(a, b); err != nil || math.Abs(got-want) > 1e-4 {
		t.Errorf("%v (%v), want %v", got, err, want)
	}
	if got, err := Frechet(b, a); err != nil || math.Abs(got-want) > 1e-4 {
		t.Errorf("the other way: %v (%v), want %v", got, err, want)
	}
}

// TestEigenvalues checks sums of powers of the eigenvalues against traces, and a
// matrix whose eigenvalues are known.
func TestEigenvalues(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 1))
	for _, n := range []int{1, 2, 3, 7, 30} {
		a := make([]float64, n*n)
		var trace, square float64
		for i := range n {
			for k := range i + 1 {
				v := rng.NormFloat64()
				a[i*n+k], a[k*n+i] = v, v
			}
			trace += a[i*n+i]
		}
		for _, v := range a {
			square += v * v // Tr A'A
		}
		values, err := eigenvalues(a, n)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range values {
			trace -= v
			square -= v * v
		}
		if math.Abs(trace) > 1e-10 || math.Abs(square) > 1e-9 {
			t.Errorf("%d x %d: traces are off by %v and %v", n, n, trace, square)
		}
	}
	const n = 6 // the second difference: 2 - 2 cos(k pi / (n + 1))
	a := make([]float64, n*n)
	for i := range n {
		a[i*n+i] = 2
		if i > 0 {
			a[i*n+i-1], a[(i-1)*n+i] = -1, -1
		}
	}
	values, err := eigenvalues(a, n)
	slices.Sort(values)
	for k, v := range values {
		if want := 2 - 2*math.Cos(float64(k+1)*math.Pi/(n+1)); err != nil || math.Abs(v-want) > 1e-12 {
			t.Errorf("eigenvalue %d is %v (%v), want %v", k, v, err, want)
		}
	}
}

// TestFrechetOfFewVectorsInManyDimensions: singular covariances leave eigenvalues
// that are rounding. A shift by one in each dimension is the whole distance.
func TestFrechetOfFewVectorsInManyDimensions(t *testing.T) {
	const d, n = 300, 100
	x := normals(rand.New(rand.NewPCG(6, 1)), d*n)
	y := slices.Clone(x)
	for i := range y {
		y[i]++
	}
	if got, err := Frechet(moments(t, d, x), moments(t, d, y)); err != nil || math.Abs(got-d) > 1e-3 {
		t.Errorf("%v (%v), want %v", got, err, d)
	}
}

func TestFrechetRefusesWhatHasNoDistance(t *testing.T) {
	two, one, other := moments(t, 2, make([]float32, 8)), moments(t, 2, make([]float32, 2)), moments(t, 3, make([]float32, 9))
	inf := float32(math.Inf(1))
	broken := moments(t, 2, []float32{1, inf, 3, 4, 5, 6})
	for name, pair := range map[string][2]*Moments{
		"one vector": {two, one}, "another width": {two, other}, "infinite features": {broken, broken}, "no width": {NewMoments(0), NewMoments(0)},
	} {
		if d, err := Frechet(pair[0], pair[1]); fault.CodeOf(err) != fault.Usage {
			t.Errorf("%s: %v, %v", name, d, err)
		}
	}
	if err := two.Add(make([]float32, 3)); fault.CodeOf(err) != fault.Usage {
		t.Errorf("half a vector: %v", err)
	}
	if _, err := eigenvalues([]float64{1, math.NaN(), math.NaN(), 1}, 2); fault.CodeOf(err) != fault.Usage {
		t.Errorf("a matrix that is not finite: %v", err)
	}
	if d, err := Frechet(two, two); err != nil || d != 0 {
		t.Errorf("two sets of zeros: %v (%v)", d, err)
	}
}
