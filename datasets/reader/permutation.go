package reader

import "math/bits"

// rounds of the Feistel network. Four make a pseudorandom permutation of large
// halves (Luby and Rackoff 1988); small halves need more to look random.
const rounds = 8

// permutation maps 0..n-1 onto itself without holding a table: a Feistel network
// over the next power of four, walked until it comes back into the range (Black
// and Rogaway, "Ciphers with arbitrary finite domains", CT-RSA 2002).
type permutation struct {
	n    uint64
	half uint // bits of each half
	mask uint64
	keys [rounds]uint64
}

func newPermutation(n int64, seed uint64, epoch int64) permutation {
	p := permutation{n: uint64(n), half: 1}
	if n > 1 {
		p.half = uint(max(1, (bits.Len64(p.n-1)+1)/2))
	}
	p.mask = 1<<p.half - 1
	k := stir(stir(seed) ^ uint64(epoch))
	for i := range p.keys {
		k = stir(k + uint64(i))
		p.keys[i] = k
	}
	return p
}

// at is where place i goes, 0 <= i < n.
func (p *permutation) at(i int64) int64 {
	x := uint64(i)
	for {
		l, r := x>>p.half, x&p.mask
		for _, k := range p.keys {
			l, r = r, l^(stir(r^k)&p.mask)
		}
		if x = l<<p.half | r; x < p.n {
			return int64(x)
		}
	}
}

// stir is the finaliser of SplitMix64 (Steele, Lea and Flood, OOPSLA 2014).
func stir(z uint64) uint64 {
	z += 0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}
