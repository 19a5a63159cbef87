package phash

import (
	"math/bits"
	"slices"

	"github.com/tailorbird/tailorbird/kernels/raster"
)

// Hash is a picture's perceptual hash. Near pictures have hashes that differ in
// few bits; its bits say nothing by themselves.
type Hash uint64

// Distance returns the number of bits in which a and b differ, 0 to 64.
func Distance(a, b Hash) int { return bits.OnesCount64(uint64(a ^ b)) }

const (
	side  = 32 // of the picture that is transformed
	block = 8  // of the frequencies that make the hash
)

// cosines are cos(j*pi/64) * 2^14, rounded, of the first quadrant.
var cosines = [side + 1]int32{
	16384, 16364, 16305, 16207, 16069, 15893, 15679, 15426, 15137, 14811, 14449,
	14053, 13623, 13160, 12665, 12140, 11585, 11003, 10394, 9760, 9102, 8423, 7723,
	7005, 6270, 5520, 4756, 3981, 3196, 2404, 1606, 804, 0,
}

// waves[k][x] is cos((2x+1)*k*pi/64) * 2^14: frequency k at sample x.
var waves = func() (w [block + 1][side]int64) {
	for k := range w {
		for x := range w[k] {
			j := (2*x + 1) * k % (4 * side) // a full turn is 128 steps
			if j > 2*side {
				j = 4*side - j
			}
			if j <= side {
				w[k][x] = int64(cosines[j])
			} else {
				w[k][x] = -int64(cosines[2*side-j])
			}
		}
	}
	return w
}()

// Hasher makes hashes. The zero value is ready. A Hasher is for one goroutine at
// a time.
type Hasher struct {
	columns []uint32 // sums of a cell's rows, one a sample
	small   [side][side]int64
}

// Of returns the hash of m, which does not change. A picture without pixels has
// the hash 0.
func (h *Hasher) Of(m *raster.RGB) Hash {
	if m.Width == 0 || m.Height == 0 {
		return 0
	}
	h.reduce(m)
	return h.transform()
}

// transform makes the hash of the reduced picture, from frequencies 1 to 8 across
// and down: frequency 0 is mostly light and shade of the whole scene, which says
// less. Sums stay below 2^54: 16 bits of a cell, twice 14 of a wave and twice 5
// of an addition.
func (h *Hasher) transform() Hash {
	var rows [side][block + 1]int64
	for y := range side {
		for k := range rows[y] {
			rows[y][k] = dot(&waves[k], &h.small[y])
		}
	}
	var coefs, sorted [block * block]int64
	for v := range block {
		for u := range block {
			var column [side]int64
			for y := range column {
				column[y] = rows[y][u+1]
			}
			coefs[v*block+u] = dot(&waves[v+1], &column)
		}
	}
	sorted = coefs
	slices.Sort(sorted[:])
	median := sorted[len(sorted)/2-1]
	var hash Hash
	for i, c := range coefs {
		if c > median {
			hash |= 1 << i
		}
	}
	return hash
}

func dot(a, b *[side]int64) int64 {
	var sum int64
	for i, v := range a {
		sum += v * b[i]
	}
	return sum
}
