package cpu

import (
	"testing"

	"github.com/tailorbird/tailorbird/kernels/ops"
)

// TestPortableFormOfTheKernels runs each kernel without the assembly.
func TestPortableFormOfTheKernels(t *testing.T) {
	needAssembly(t)
	if testing.Short() {
		t.Skip("the conformance tests run the portable form on small operands")
	}
	defer func(was bool) { useAVX2 = was }(useAVX2)
	for name := range kernelNames() {
		useAVX2 = true
		want := after(t, name, 1)
		useAVX2 = false
		for i, got := range after(t, name, 2) {
			near(t, name, got, want[i], 1e-4)
		}
	}
}

// FuzzElementwiseBinary compares the assembly of two operands, which is
// exact, and of a row's softmax.
func FuzzElementwiseBinary(f *testing.F) {
	needAssembly(f)
	for _, v := range specials {
		f.Add(v, float32(1), uint8(11))
		f.Add(float32(-0.5), v, uint8(8))
	}
	f.Fuzz(func(t *testing.T, a, b float32, n uint8) {
		x, y := make([]float32, 1+n%50), make([]float32, 1+n%50)
		for i := range x {
			x[i], y[i] = a, b
			if i%3 == 1 {
				x[i], y[i] = b, a*float32(i)
			}
		}
		got, want := make([]float32, len(x)), make([]float32, len(x))
		for op := range fastBinaries {
			for _, form := range [3][2][]float32{{x, y}, {x, y[:1]}, {x[:1], y}} {
				binary := ops.Binary(op)
				fastBinary(binary, got, form[0], form[1])
				portableBinary(binary, want, form[0], form[1])
				for i := range got {
					if ulps(want[i], got[i]) != 0 {
						t.Fatalf("function %d of %v and %v: %v, want %v", op, at(form[0], i), at(form[1], i), got[i], want[i])
					}
				}
			}
		}
		portable := make([]float32, len(x))
		rowSoftmax(got, x, false)
		portableRowSoftmax(portable, x, false)
		near(t, "softmax", got, portable, 4e-6)
	})
}
