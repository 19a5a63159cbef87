package reader

import (
	"testing"

	"pgregory.net/rapid"
)

func TestPermutationIsOne(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.Int64Range(1, 5000).Draw(t, "n")
		p := newPermutation(n, rapid.Uint64().Draw(t, "seed"), rapid.Int64Range(0, 1000).Draw(t, "epoch"))
		seen := make([]bool, n)
		for i := range n {
			k := p.at(i)
			if k < 0 || k >= n || seen[k] {
				t.Fatalf("place %d goes to %d", i, k)
			}
			seen[k] = true
		}
	})
}

func TestPermutationsOfSeedsAndEpochsDiffer(t *testing.T) {
	t.Parallel()
	const n = 1000
	same := func(a, b permutation) int {
		count := 0
		for i := range int64(n) {
			if a.at(i) == b.at(i) {
				count++
			}
		}
		return count
	}
	base := newPermutation(n, 1, 0)
	if got := same(base, newPermutation(n, 1, 0)); got != n {
		t.Errorf("the same seed and epoch agree at %d places", got)
	}
	// Two random permutations agree at one place on average.
	for _, other := range []permutation{newPermutation(n, 1, 1), newPermutation(n, 2, 0), newPermutation(n, 0, 1)} {
		if got := same(base, other); got > 10 {
			t.Errorf("%d of %d places agree", got, n)
		}
	}
}

// Every sample is as likely at every place: chi-squared over epochs, for ranges
// whose halves are small.
func TestPermutationIsUniform(t *testing.T) {
	t.Parallel()
	for _, n := range []int64{5, 16, 17, 100} {
		const epochs = 20_000
		for _, place := range []int64{0, n / 2, n - 1} {
			counts := make([]float64, n)
			for e := range int64(epochs) {
				p := newPermutation(n, 7, e)
				counts[p.at(place)]++
			}
			chi, want := 0.0, float64(epochs)/float64(n)
			for _, c := range counts {
				chi += (c - want) * (c - want) / want
			}
			// The mean is n-1, the deviation sqrt(2(n-1)); five of them are one in a million.
			if limit := float64(n-1) + 5*float64(n); chi > limit {
				t.Errorf("n %d, place %d: chi-squared %.1f", n, place, chi)
			}
		}
	}
}

// Neighbours do not stay neighbours: the mean distance of two that follow each
// other is a third of the range.
func TestPermutationTearsNeighboursApart(t *testing.T) {
	t.Parallel()
	const n = 100_000
	p := newPermutation(n, 3, 0)
	sum, last := 0.0, p.at(0)
	for i := int64(1); i < n; i++ {
		k := p.at(i)
		sum += float64(max(k-last, last-k))
		last = k
	}
	if mean := sum / (n - 1) / n; mean < 0.32 || mean > 0.345 {
		t.Errorf("mean distance %.4f of the range", mean)
	}
}
