package historical

import "math"

// Affine is the update h -> A h + B of a linear history. Updates compose: they are a
// monoid that does not commute, so that a history may be folded in pieces as long as
// their order is kept.
type Affine struct{ A, B float64 }

// Identity is the update that changes nothing.
func Identity() Affine { return Affine{1, 0} }

// Then is the update f followed by g.
func (f Affine) Then(g Affine) Affine { return Affine{f.A * g.A, float64(g.A*f.B) + g.B} }

// Of applies the update.
func (f Affine) Of(h float64) float64 { return float64(f.A*h) + f.B }

// EMAUpdate takes x into an exponential moving average.
func EMAUpdate(alpha, x float64) Affine { return Affine{alpha, (1 - alpha) * x} }

// MeanAge is the mean age of what an average of decay alpha holds, in updates; a window
// of n has (n-1)/2.
func MeanAge(alpha float64) float64 { return alpha / (1 - alpha) }

// EffectiveNumber is 1 over the sum of the squared weights; a window of n has n.
func EffectiveNumber(alpha float64) float64 { return (1 + alpha) / (1 - alpha) }

// HalfLife is the number of updates after which half of a value is left.
func HalfLife(alpha float64) float64 { return math.Log(0.5) / math.Log(alpha) }

// DecayOfWindow is the decay whose mean age, and whose effective number, is that of a
// window of n.
func DecayOfWindow(n float64) float64 { return 1 - 2/(n+1) }
