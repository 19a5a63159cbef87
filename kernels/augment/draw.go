package augment

import (
	"math"
	"math/rand/v2"
)

// Seed is what the draws for one picture follow from.
type Seed struct {
	Run   uint64
	Epoch int64
	Key   string
	Copy  int // which time the picture comes in this epoch, from 0
	View  int // which of several views of it, from 0
}

// FNV-1a of 64 bits (Fowler, Noll, Vo), written out so that hashing allocates
// nothing.
const (
	fnvOffset = 14695981039346656037
	fnvPrime  = 1099511628211
)

func fnv(h uint64, s string) uint64 {
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * fnvPrime
	}
	return h * fnvPrime // the zero byte that ends a string: x ^ 0 is x
}

// source is a generator that starts anew for each step of each picture.
type source struct {
	pcg  rand.PCG
	rng  *rand.Rand
	high uint64 // of the seed: all but key and purpose
	key  uint64
}

func (s *source) picture(seed Seed) {
	if s.rng == nil {
		s.rng = rand.New(&s.pcg)
	}
	s.high = stir(seed.Run, uint64(seed.Epoch), uint64(seed.Copy), uint64(seed.View))
	s.key = fnv(fnvOffset, seed.Key)
}

// step makes the draws ready for one purpose: the number and the name of a step.
func (s *source) step(i int, name string) *rand.Rand {
	s.pcg.Seed(s.high, fnv((s.key^uint64(i))*fnvPrime, name))
	return s.rng
}

// stir hashes numbers to one, each added to the state and mixed by the finaliser
// of SplitMix64 (Steele, Lea and Flood, OOPSLA 2014).
func stir(values ...uint64) uint64 {
	h := uint64(0x9e3779b97f4a7c15)
	for _, v := range values {
		h ^= v
		h += 0x9e3779b97f4a7c15
		h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
		h = (h ^ h>>27) * 0x94d049bb133111eb
		h ^= h >> 31
	}
	return h
}

// uniform draws from [lo, hi).
func uniform(rng *rand.Rand, lo, hi float64) float64 { return lo + float64(rng.Float64()*(hi-lo)) }

// logUniform draws from [lo, hi) so that lo to x and x to hi are as likely where
// x/lo = hi/x. It is made of single roundings, where math.Exp may differ in its
// last bit between processors.
func logUniform(rng *rand.Rand, lo, hi float64) float64 {
	a, b := ln(lo), ln(hi)
	return exp(uniform(rng, a, b))
}

// ln is the natural logarithm of x > 0: 2 artanh s with s = (m-1)/(m+1) for the
// mantissa m near 1 (Abramowitz and Stegun 4.1.27).
func ln(x float64) float64 {
	m, e := math.Frexp(x)
	if m < math.Sqrt2/2 {
		m, e = 2*m, e-1
	}
	s := (m - 1) / (m + 1)
	s2, sum := float64(s*s), 0.0
	for k := 21; k >= 1; k -= 2 {
		sum = float64(sum*s2) + 1/float64(k)
	}
	return float64(float64(e)*math.Ln2) + float64(2*s*sum)
}

// exp is e to the x for |x| < 700: 2^k times the series of the rest.
func exp(x float64) float64 {
	k := math.Round(x / math.Ln2)
	r := x - float64(k*math.Ln2)
	sum := 1.0
	for n := 18; n >= 1; n-- {
		sum = float64(float64(sum*r)/float64(n)) + 1
	}
	return math.Ldexp(sum, int(k))
}
