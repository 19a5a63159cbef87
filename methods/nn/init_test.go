package nn

import (
	"math"
	"testing"
)

func TestInitialDistributionsHaveTheirMoments(t *testing.T) {
	shape := []int{64, 32, 3, 3} // fan in 288, fan out 576
	for _, tt := range []struct {
		name  string
		init  Initialiser
		std   float64
		limit float64 // of the absolute value; 0: none
	}{
		{"zeros", Zeros, 0, 1e-9},
		{"uniform", Uniform(-2, 2), 2 / math.Sqrt(3), 2},
		{"normal", Normal(0, 0.3), 0.3, 0},
		{"truncated normal", TruncNormal(0.02), 0.02, 2},
		{"truncated normal, cut", TruncNormalWithin(0, 1, -1, 1), 0.5397, 1},
		{"kaiming uniform", KaimingUniform(math.Sqrt(5)), 1 / math.Sqrt(288*3), 1 / math.Sqrt(288)},
		{"kaiming normal", KaimingNormal(), math.Sqrt(2.0 / 288), 0},
		{"kaiming normal, fan out", KaimingNormalOut(), math.Sqrt(2.0 / 576), 0},
		{"xavier uniform", XavierUniform(2), 2 * math.Sqrt(2.0/864), 2 * math.Sqrt(6.0/864)},
		{"xavier normal", XavierNormal(1), math.Sqrt(2.0 / 864), 0},
		{"bias", biasUniform(16), 0.25 / math.Sqrt(3), 0.25},
	} {
		v := make([]float32, 64*32*9)
		tt.init(v, shape, Rand(1, tt.name, "test"))
		sum, squares, largest := 0.0, 0.0, 0.0
		for _, x := range v {
			sum += float64(x)
			squares += float64(x) * float64(x)
			largest = max(largest, math.Abs(float64(x)))
		}
		n := float64(len(v))
		if std := math.Sqrt(squares / n); math.Abs(std-tt.std) > 0.02*tt.std || math.Abs(sum/n) > 0.05*tt.std {
			t.Errorf("%s: mean %v, deviation %v, want %v", tt.name, sum/n, std, tt.std)
		}
		if tt.limit > 0 && largest > tt.limit*(1+1e-6) {
			t.Errorf("%s: %v beyond %v", tt.name, largest, tt.limit)
		}
	}
}

func TestOrthogonalRowsOrColumns(t *testing.T) {
	for _, shape := range [][]int{{3, 5}, {5, 3}, {4, 2, 2, 1}, {1, 4}, {4}} {
		rows, cols := shape[0], 1
		for _, d := range shape[1:] {
			cols *= d
		}
		v := make([]float32, rows*cols)
		Orthogonal(2)(v, shape, Rand(1, "w", "test"))
		n, m, at := rows, cols, func(i, j int) float64 { return float64(v[i*cols+j]) }
		if rows > cols {
			n, m, at = cols, rows, func(i, j int) float64 { return float64(v[j*cols+i]) }
		}
		for a := range n {
			for b := range n {
				product, want := 0.0, 0.0
				for j := range m {
					product += at(a, j) * at(b, j)
				}
				if a == b {
					want = 4
				}
				if math.Abs(product-want) > 1e-5 {
					t.Errorf("shape %v: product of %d and %d is %v, want %v", shape, a, b, product, want)
				}
			}
		}
	}
}

func TestAParametersDrawsDependOnSeedAndNameAlone(t *testing.T) {
	a, b := Sequence{NewLinear(3, 4, true)}, Sequence{NewLinear(3, 4, true), NewLinear(9, 9, true)}
	Initialise(a, 5)
	Initialise(b, 5)
	sameEntries(t, a, b[:1])
	Initialise(b, 6)
	if a[0].(*Linear).Weight.Value.Float32s()[0] == b[0].(*Linear).Weight.Value.Float32s()[0] {
		t.Error("another seed draws the same")
	}
}
