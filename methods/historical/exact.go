package historical

import "math"

// ExactSum adds doubles without rounding: as a list of parts that do not overlap
// (Shewchuk, "Adaptive Precision Floating-Point Arithmetic and Fast Robust Geometric
// Predicates", 1997). Its Value is the same in whatever order, and in whatever groups,
// the numbers came. The zero value is 0. Infinities and NaN are not for it.
type ExactSum struct{ Parts []float64 }

// Add adds x.
func (s *ExactSum) Add(x float64) {
	n := 0
	for _, p := range s.Parts {
		if math.Abs(x) < math.Abs(p) {
			x, p = p, x
		}
		high := x + p
		if low := p - (high - x); low != 0 {
			s.Parts[n] = low
			n++
		}
		x = high
	}
	s.Parts = append(s.Parts[:n], x)
}

// Merge adds another sum.
func (s *ExactSum) Merge(o ExactSum) {
	for _, p := range o.Parts {
		s.Add(p)
	}
}

// Value is the sum, rounded once.
func (s *ExactSum) Value() float64 {
	n := len(s.Parts)
	if n == 0 {
		return 0
	}
	n--
	high, low := s.Parts[n], 0.0
	for n > 0 {
		n--
		x, y := high, s.Parts[n]
		high = x + y
		if low = y - (high - x); low != 0 {
			break
		}
	}
	// Halfway cases go to the side on which the next part lies.
	if n > 0 && (low < 0 && s.Parts[n-1] < 0 || low > 0 && s.Parts[n-1] > 0) {
		if y := low * 2; y == high+y-high {
			high += y
		}
	}
	return high
}
