package phash

import (
	"math/bits"
	"slices"
)

const (
	chunks    = 4
	chunkBits = 64 / chunks
)

// Index holds hashes and finds those near a given one. A hash within distance d
// of another is within d/4, rounded down, in at least one of its four 16-bit
// chunks, so that only hashes with such a chunk are looked at (multi-index
// hashing: Norouzi, Punjani and Fleet, "Fast search in Hamming space with
// multi-index hashing", CVPR 2012). The zero value is empty and ready. An Index
// is for one goroutine at a time.
type Index struct {
	hashes []Hash
	// heads[c][v] is one more than the number of the latest hash whose chunk c
	// is v; next leads from a hash to the one before it in each chunk's list.
	heads [chunks][]int32
	next  [][chunks]int32
}

// Len returns the number of hashes added.
func (x *Index) Len() int { return len(x.hashes) }

// Add adds h, as number Len, and returns that number. A hash may be added more
// than once.
func (x *Index) Add(h Hash) int {
	id := len(x.hashes)
	x.hashes = append(x.hashes, h)
	x.next = append(x.next, [chunks]int32{})
	for c := range chunks {
		if x.heads[c] == nil {
			x.heads[c] = make([]int32, 1<<chunkBits)
		}
		head := &x.heads[c][chunk(h, c)]
		x.next[id][c] = *head
		*head = int32(id + 1)
	}
	return id
}

func chunk(h Hash, c int) uint16 { return uint16(h >> (c * chunkBits)) }

// Find appends to dst the numbers of the hashes within distance d of h, in
// rising order, and returns it.
func (x *Index) Find(dst []int, h Hash, d int) []int {
	if d < 0 || len(x.hashes) == 0 {
		return dst
	}
	start := len(dst)
	radius := d / chunks
	if chunks*probes(radius) >= len(x.hashes) {
		return x.scan(dst, h, d)
	}
	for c := range chunks {
		dst = x.probe(dst, h, d, c, 0, 0, radius)
	}
	slices.Sort(dst[start:])
	return dst
}

// scan is Find by looking at every hash: quicker than probing when there are
// few hashes or d is large.
func (x *Index) scan(dst []int, h Hash, d int) []int {
	for id, v := range x.hashes {
		if Distance(h, v) <= d {
			dst = append(dst, id)
		}
	}
	return dst
}

// probes returns the number of chunks within the given radius of one.
func probes(radius int) int {
	n, binomial := 0, 1
	for i := 0; i <= min(radius, chunkBits); i++ {
		n += binomial
		binomial = binomial * (chunkBits - i) / (i + 1)
	}
	return n
}

// probe looks up chunk c of h with the bits of flip turned, and then with up to
// left more turned, of those from bit from on.
func (x *Index) probe(dst []int, h Hash, d, c int, flip uint16, from, left int) []int {
	radius := d / chunks
	for id := x.heads[c][chunk(h, c)^flip]; id != 0; {
		at := int(id - 1)
		if Distance(h, x.hashes[at]) <= d && !foundBefore(h^x.hashes[at], c, radius) {
			dst = append(dst, at)
		}
		id = x.next[at][c]
	}
	if left == 0 {
		return dst
	}
	for b := from; b < chunkBits; b++ {
		dst = x.probe(dst, h, d, c, flip|1<<b, b+1, left-1)
	}
	return dst
}

// foundBefore tells whether a chunk before c is within the radius already.
func foundBefore(diff Hash, c, radius int) bool {
	for i := range c {
		if bits.OnesCount16(chunk(diff, i)) <= radius {
			return true
		}
	}
	return false
}
