package cpu

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// oddRow returns n values of which some are NaN, infinite, denormal or equal to others.
func oddRow(rng *rand.Rand, n int) []float32 {
	special := []float32{0, float32(math.Copysign(0, -1)), float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1)), 1e-44, 1, 1, math.MaxFloat32}
	v := make([]float32, n)
	for i := range v {
		if v[i] = float32(rng.NormFloat64()); rng.IntN(4) == 0 {
			v[i] = special[rng.IntN(len(special))]
		}
	}
	return v
}

// rowsAlike compares bits, but takes any NaN for any other.
func rowsAlike(a, b []float32) bool {
	return slices.EqualFunc(a, b, func(x, y float32) bool {
		return math.Float32bits(x) == math.Float32bits(y) || x != x && y != y
	})
}

// rowCases are the loops of which there is assembly. Each works on rows of n
// values cut from v and returns what it has written.
var rowCases = map[string]func(rng *rand.Rand, n int, v func(int) []float32) []float32{
	"max2": func(_ *rand.Rand, n int, v func(int) []float32) []float32 {
		d := v(n)
		max2(d, v(n), v(n))
		return d
	},
	"max3": func(_ *rand.Rand, n int, v func(int) []float32) []float32 {
		d := v(n)
		max3(d, v(n), v(n), v(n))
		return d
	},
	"give": func(_ *rand.Rand, n int, v func(int) []float32) []float32 {
		d, open := v(n), v(n)
		give(d, v(n), v(n), open)
		return append(d, open...)
	},
	"giveFirst": func(_ *rand.Rand, n int, v func(int) []float32) []float32 {
		d, open := v(n), v(n)
		giveFirst(d, v(n), v(n), open)
		return append(d, open...)
	},
	"splitRow": func(_ *rand.Rand, n int, v func(int) []float32) []float32 {
		even, odd := v((n+1)/2), v(n/2)
		splitRow(even, odd, v(n))
		return append(even, odd...)
	},
	"joinRow": func(_ *rand.Rand, n int, v func(int) []float32) []float32 {
		d := v(n)
		joinRow(d, v((n+1)/2), v(n/2))
		return d
	},
	"planeMeans": func(rng *rand.Rand, n int, v func(int) []float32) []float32 {
		d := v(1 + rng.IntN(4))
		planeMeans(d, v(n*len(d)), n)
		return d
	},
	"weigh": func(rng *rand.Rand, n int, v func(int) []float32) []float32 {
		d, src, taps := v(n), v(1+rng.IntN(20)), 1+rng.IntN(5)
		index, weight := make([]int32, taps*n), v(taps*n)
		for i := range index {
			index[i] = int32(rng.IntN(len(src)))
		}
		weigh(d, src, index, weight, taps, n)
		return d
	},
	"runs": func(rng *rand.Rand, n int, v func(int) []float32) []float32 {
		count, add := 1+rng.IntN(5), rng.IntN(2) == 0
		d, s := v(count*(n+2)), v(count*(n+3))
		if !fastRuns(d, s, 1, 2, n+2, n+3, count, n, add) {
			for i := range count {
				for j := range n {
					x := s[2+i*(n+3)+j]
					if add {
						x += d[1+i*(n+2)+j]
					}
					d[1+i*(n+2)+j] = x
				}
			}
		}
		return d
	},
	"transpose": func(rng *rand.Rand, n int, v func(int) []float32) []float32 {
		rows := 1 + rng.IntN(40)
		c := copyTask{to: v(rows*n + 1), from: v(rows*n + 1)}
		c.Rank, c.Shape[0], c.Shape[1] = 2, rows, n
		c.To[0], c.To[1], c.From[0], c.From[1] = n, 1, 1, rows
		c.transpose(1, 1, rows)
		return c.to
	},
}

// compareRows runs a case with the portable form and with assembly. Every row is cut
// out of a longer one whose other values have to stay as they are.
func compareRows(t *testing.T, name string, seed uint64, n int) {
	t.Helper()
	const fence = 19
	run := func(fast bool) (out []float32, fences [][]float32) {
		rng := rand.New(rand.NewPCG(seed, 3))
		portableOnly(!fast, func() {
			out = rowCases[name](rng, n, func(n int) []float32 {
				v := oddRow(rng, n+2*fence)
				fences = append(fences, v[:fence], v[fence+n:])
				return v[fence : fence+n : fence+n]
			})
		})
		return out, fences
	}
	want, before := run(false)
	got, after := run(true)
	if !rowsAlike(got, want) {
		t.Fatalf("%s of %d, seed %d:\n%v, portable\n%v", name, n, seed, got, want)
	}
	if !slices.EqualFunc(before, after, rowsAlike) {
		t.Fatalf("%s of %d, seed %d: wrote outside its rows", name, n, seed)
	}
}

func TestAssemblyOfRowsIsThePortableForm(t *testing.T) {
	for name := range rowCases {
		for n := 1; n <= 70; n++ {
			for seed := range uint64(4) {
				compareRows(t, name, seed, n)
			}
		}
	}
}

func FuzzRows(f *testing.F) {
	names := make([]string, 0, len(rowCases))
	for name := range rowCases {
		names = append(names, name)
	}
	slices.Sort(names)
	for i := range names {
		f.Add(uint8(i), uint64(i), uint16(8*i+3))
	}
	f.Fuzz(func(t *testing.T, which uint8, seed uint64, n uint16) {
		compareRows(t, names[int(which)%len(names)], seed, 1+int(n)%600)
	})
}
