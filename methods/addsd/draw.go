package addsd

import "math/bits"

// The purposes keep the draws of one thing apart from another's.
const (
	purposeOrder uint64 = iota + 1
	purposeClass
	purposeRank
	purposeSeed
	purposeAttempt
	purposeEpoch
)

// mix hashes numbers to one of 64 bits that looks random: every number is added
// to the state and stirred by the finaliser of SplitMix64 (Steele, Lea and Flood,
// "Fast Splittable Pseudorandom Number Generators", OOPSLA 2014).
func mix(values ...uint64) uint64 {
	h := uint64(0x9e3779b97f4a7c15)
	for _, v := range values {
		h = stir(h ^ stir(v+0x9e3779b97f4a7c15))
	}
	return h
}

func stir(z uint64) uint64 {
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return (z ^ z>>31) + 0x9e3779b97f4a7c15
}

// unit maps a hash to (0, 1), both ends excluded.
func unit(h uint64) float64 { return (float64(h>>12) + 0.5) / (1 << 52) }

// below maps a hash to 0..n-1.
func below(h uint64, n int) int {
	hi, _ := bits.Mul64(h, uint64(n))
	return int(hi)
}
