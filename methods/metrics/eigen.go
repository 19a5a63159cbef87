package metrics

import (
	"math"

	"github.com/tailorbird/tailorbird/internal/fault"
)

// eigenvalues returns the eigenvalues of the symmetric n x n matrix a, which it
// overwrites, in no order: Householder's reduction to three diagonals, then QR
// steps with implicit shifts (Golub and Van Loan, "Matrix Computations", sections
// 8.3.1 and 8.3.3). A matrix with NaN or infinities is fault.Usage.
func eigenvalues(a []float64, n int) ([]float64, error) {
	diagonal, beside := tridiagonal(a, n)
	// What is small beside the whole matrix is rounding already; to wait until it is
	// small beside its own neighbours takes for ever where those are rounding too, as
	// in a singular matrix.
	norm := 0.0
	for i := range diagonal {
		norm = max(norm, math.Abs(diagonal[i])+math.Abs(beside[i]))
	}
	if math.IsNaN(norm) || math.IsInf(norm, 0) {
		return nil, fault.New(fault.Usage, "metrics: eigenvalues of a %d x %d matrix whose values are not finite", n, n)
	}
	for hi, steps := n-1, 0; hi > 0; {
		lo := hi // the block from lo to hi is not split
		for lo > 0 && math.Abs(beside[lo-1]) > 0x1p-52*norm {
			lo--
		}
		switch {
		case lo == hi:
			hi, steps = hi-1, 0
		case steps == 60:
			return nil, fault.New(fault.Bug, "metrics: eigenvalue %d of a %d x %d matrix does not settle", hi, n, n)
		default:
			steps++
			qrStep(diagonal[lo:hi+1], beside[lo:hi])
		}
	}
	return diagonal, nil
}

// tridiagonal returns the diagonal and the one beside it of a matrix similar to a.
func tridiagonal(a []float64, n int) (diagonal, beside []float64) {
	diagonal, beside = make([]float64, n), make([]float64, n)
	v, w := make([]float64, n), make([]float64, n)
	for k := 0; k+1 < n; k++ {
		// The reflection H = 1 - 2vv'/v'v turns column k below its second entry to 0.
		sum := 0.0
		for i := k + 1; i < n; i++ {
			v[i] = a[i*n+k]
			sum += v[i] * v[i]
		}
		alpha := -math.Copysign(math.Sqrt(sum), v[k+1])
		beside[k] = alpha
		v[k+1] -= alpha
		norm := 2 * (sum - alpha*(v[k+1]+alpha)) // v'v
		if !(norm > 0) {
			continue
		}
		// A - vw' - wv' = HAH with w = p - (v'p / v'v) v, p = 2Av / v'v.
		dot := 0.0
		for i := k + 1; i < n; i++ {
			row, s := a[i*n:(i+1)*n], 0.0
			for c := k + 1; c < n; c++ {
				s += row[c] * v[c]
			}
			w[i] = 2 * s / norm
			dot += w[i] * v[i]
		}
		for i := k + 1; i < n; i++ {
			w[i] -= dot / norm * v[i]
		}
		for i := k + 1; i < n; i++ {
			row, vi, wi := a[i*n:(i+1)*n], v[i], w[i]
			for c := k + 1; c < n; c++ {
				row[c] -= vi*w[c] + wi*v[c]
			}
		}
	}
	for i := range n {
		diagonal[i] = a[i*n+i]
	}
	return diagonal, beside
}

// qrStep makes one implicit QR step with Wilkinson's shift on a matrix with d on
// its diagonal and e beside it: R' T R with plane rotations R, each of which chases
// the entry that the one before left outside the three diagonals.
func qrStep(d, e []float64) {
	last := len(d) - 1
	half := (d[last-1] - d[last]) / 2
	shift := d[last] + half - math.Copysign(math.Hypot(half, e[last-1]), half)
	x, outside := d[0]-shift, e[0]
	for k := range e {
		length := math.Hypot(x, outside)
		cos, sin := 1.0, 0.0
		if length > 0 {
			cos, sin = x/length, outside/length
		}
		if k > 0 {
			e[k-1] = length
		}
		upper, lower, middle := d[k], d[k+1], e[k]
		d[k] = cos*cos*upper + 2*cos*sin*middle + sin*sin*lower
		d[k+1] = sin*sin*upper - 2*cos*sin*middle + cos*cos*lower
		e[k] = cos*sin*(lower-upper) + (cos*cos-sin*sin)*middle
		if k+1 < len(e) {
			x, outside = e[k], sin*e[k+1]
			e[k+1] *= cos
		}
	}
}
