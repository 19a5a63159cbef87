package jpeg

import (
	"math/rand/v2"
	"testing"
)

// Blocks of every kind: what encoders write, and values that none does.
func TestInverseAVX2IsThePortableForm(t *testing.T) {
	if !useAVX2 {
		t.Skip("no AVX2")
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range 200000 {
		var block [64]int16
		var q [64]uint16
		reach := []int{2, 100, 2000, 65536}[i%4]
		for n := rng.IntN(64); n >= 0; n-- {
			block[zigzag[rng.IntN(1+rng.IntN(64))]] = int16(rng.IntN(reach) - reach/2)
		}
		if i%11 == 0 {
			clear(block[8:])
		}
		for k := range q {
			q[k] = uint16(1 + rng.IntN([]int{1, 20, 255, 65535}[i/4%4]))
		}
		var got, want [64]byte
		inversePortable(want[:], 8, &block, &q)
		inverseAVX2(&got[0], 8, &block, &q)
		if got != want {
			t.Fatalf("block %v\nq %v\n got %v\nwant %v", block, q, got, want)
		}
	}
}

func TestForwardAVX2IsThePortableForm(t *testing.T) {
	if !useAVX2 {
		t.Skip("no AVX2")
	}
	rng := rand.New(rand.NewPCG(3, 4))
	for i := range 100000 {
		src := make([]byte, 8*11)
		for k := range src {
			src[k] = byte(128 + (rng.IntN(256)-128)>>(i%8))
			if i%5 == 0 {
				src[k] = byte(255 * rng.IntN(2))
			}
		}
		var q [64]uint16
		for k := range q {
			q[k] = uint16(1 + rng.IntN([]int{1, 20, 255}[i%3]))
		}
		d := newDivisors(&q)
		var got, want [64]int16
		forwardPortable(&want, src, 11, d)
		bits := forwardAVX2(&got, &src[0], 11, &d.recip, &d.corr, &d.scale)
		if got != want || bits != presence(&want) {
			t.Fatalf("samples %v\nq %v\n got %v\nwant %v\nbits %x, want %x", src, q, got, want, bits, presence(&want))
		}
	}
}
