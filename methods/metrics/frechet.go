package metrics

import (
	"math"

	"github.com/tailorbird/tailorbird/internal/fault"
)

// Moments gathers mean and covariance of a stream of feature vectors, in memory
// for one d x d matrix.
type Moments struct {
	Count int
	Mean  []float64

	sums  []float64 // [d][d]: sums of products of deviations; the lower triangle is used
	delta []float64
}

// NewMoments returns those of an empty set of vectors of dim numbers.
func NewMoments(dim int) *Moments {
	dim = max(dim, 0)
	return &Moments{Mean: make([]float64, dim), sums: make([]float64, dim*dim), delta: make([]float64, dim)}
}

// Add counts vectors, [example][dim]. Another width is fault.Usage.
func (m *Moments) Add(features []float32) error {
	d := len(m.Mean)
	if d == 0 || len(features)%d != 0 {
		return fault.New(fault.Usage, "metrics: %d values for features of %d", len(features), d)
	}
	for ; len(features) > 0; features = features[d:] {
		m.Count++
		for i, v := range features[:d] {
			m.delta[i] = float64(v) - m.Mean[i]
			m.Mean[i] += m.delta[i] / float64(m.Count)
		}
		// Welford's update, Technometrics 4 (1962): (x - old mean)(x - new mean)'.
		keep := float64(m.Count-1) / float64(m.Count)
		for i, a := range m.delta {
			row, a := m.sums[i*d:i*d+i+1], a*keep
			for k := range row {
				row[k] += a * m.delta[k]
			}
		}
	}
	return nil
}

// covariance returns the matrix with n - 1 in the denominator.
func (m *Moments) covariance() []float64 {
	d := len(m.Mean)
	out := make([]float64, d*d)
	for i := range d {
		for k := range i + 1 {
			v := m.sums[i*d+k] / float64(m.Count-1)
			out[i*d+k], out[k*d+i] = v, v
		}
	}
	return out
}

// Frechet returns the squared Frechet distance of the normal distributions with
// the moments of two sets, |m1-m2|^2 + Tr(S1 + S2 - 2 (S1 S2)^(1/2)) (Dowson and
// Landau, J. Multivariate Analysis 12, 1982). On features of Inception it is the
// FID (Heusel et al., arXiv:1706.08500). Fewer than two vectors, different
// widths, or values that are not finite, are fault.Usage.
//
// The time grows with the third power of the width.
func Frechet(a, b *Moments) (float64, error) {
	d := len(a.Mean)
	if len(b.Mean) != d || d == 0 {
		return 0, fault.New(fault.Usage, "metrics: features of %d and %d numbers", d, len(b.Mean))
	}
	if a.Count < 2 || b.Count < 2 {
		return 0, fault.New(fault.Usage, "metrics: a covariance of %d and %d vectors, want 2 or more", a.Count, b.Count)
	}
	sa, sb := a.covariance(), b.covariance()
	sum := 0.0
	for i := range d {
		diff := a.Mean[i] - b.Mean[i]
		sum += diff*diff + sa[i*d+i] + sb[i*d+i]
	}
	if math.IsNaN(sum) || math.IsInf(sum, 0) {
		return 0, fault.New(fault.Usage, "metrics: features that are not finite")
	}
	root, err := traceOfRoot(sa, sb, d)
	return max(sum-2*root, 0), err
}

// traceOfRoot returns Tr (A B)^(1/2) of two positive semidefinite d x d matrices,
// which it overwrites. With A = L L', A B has the eigenvalues of the symmetric
// L' B L and zeros, so no general square root is needed.
func traceOfRoot(a, b []float64, d int) (float64, error) {
	l, rank := factor(a, d) // [d][rank]
	product := make([]float64, rank*d)
	for k := range d { // L' B, row by row of L
		for i := range rank {
			v := l[k*d+i]
			if v == 0 {
				continue
			}
			axpy(product[i*d:(i+1)*d], v, b[k*d:(k+1)*d])
		}
	}
	c := make([]float64, rank*rank)
	for i := range rank { // (L' B) L
		for k := range d {
			axpy(c[i*rank:(i+1)*rank], product[i*d+k], l[k*d:k*d+rank])
		}
	}
	values, err := eigenvalues(c, rank)
	sum := 0.0
	for _, v := range values {
		sum += math.Sqrt(max(v, 0))
	}
	return sum, err
}

// axpy adds s*x to y.
func axpy(y []float64, s float64, x []float64) {
	for i, v := range x[:len(y)] {
		y[i] += s * v
	}
}

// factor returns L with A = L L', of d rows and rank columns in rows of d. It is
// Cholesky's factorisation with the largest pivot first, which ends where what is
// left is rounding: covariances of few vectors are singular (Higham, "Accuracy and
// Stability of Numerical Algorithms", section 10.3). Rows of L are in A's order.
func factor(a []float64, d int) (l []float64, rank int) {
	l = make([]float64, d*d)
	left, used := make([]float64, d), make([]bool, d)
	for i := range d {
		left[i] = a[i*d+i]
	}
	limit := 0.0
	for rank = range d {
		p := -1
		for i := range d {
			if !used[i] && (p < 0 || left[i] > left[p]) {
				p = i
			}
		}
		if rank == 0 {
			limit = left[p] * float64(d) * 0x1p-52
		}
		if !(left[p] > limit) {
			return l, rank
		}
		used[p] = true
		pivot := math.Sqrt(left[p])
		l[p*d+rank] = pivot
		for i := range d {
			if used[i] {
				continue
			}
			v := a[i*d+p]
			for k, x := range l[p*d : p*d+rank] {
				v -= l[i*d+k] * x
			}
			v /= pivot
			l[i*d+rank] = v
			left[i] -= v * v
		}
	}
	return l, d
}
