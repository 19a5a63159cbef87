package recursivemix

import (
	"math"
	"math/rand/v2"
)

// beta draws from Beta(a, a), a > 0, as G/(G+G') of two draws of a gamma distribution.
// Their logarithms are compared, so that a small a gives 0 or 1 and not 0/0.
func beta(rng *rand.Rand, a float64) float64 {
	if a == 1 {
		return rng.Float64()
	}
	g, h := logGamma(rng, a), logGamma(rng, a)
	return 1 / (1 + math.Exp(h-g))
}

// logGamma draws the logarithm of a gamma variable of shape a by the method of
// Marsaglia and Tsang (ACM TOMS 26, 2000). Below shape 1 it is that of shape a+1
// times U^(1/a). Products are rounded before they are added, lest a machine with
// fused operations draws differently.
func logGamma(rng *rand.Rand, a float64) float64 {
	if a < 1 {
		return logGamma(rng, a+1) + math.Log(1-rng.Float64())/a
	}
	d := a - 1.0/3
	c := 1 / math.Sqrt(9*d)
	for {
		x := rng.NormFloat64()
		v := 1 + float64(c*x)
		if v <= 0 {
			continue
		}
		v = v * v * v
		log := math.Log(v)
		limit := float64(x*x)/2 + d - float64(d*v) + float64(d*log)
		if math.Log(1-rng.Float64()) < limit {
			return math.Log(d) + log
		}
	}
}
