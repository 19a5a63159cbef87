package cpu

import (
	"math/rand/v2"
	"slices"
	"testing"

	"gorgonia.org/tensor"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/ops"
)

func moveFloats(rng *rand.Rand, shape ...int) *tensor.Dense {
	v := make([]float32, ops.Size(shape))
	for i := range v {
		v[i] = float32(rng.NormFloat64())
	}
	return tensor.New(tensor.WithShape(shape...), tensor.WithBacking(v))
}

func moveIDs(rng *rand.Rand, below int, shape ...int) *tensor.Dense {
	v := make([]int64, ops.Size(shape))
	for i := range v {
		v[i] = int64(rng.IntN(below))
	}
	return tensor.New(tensor.WithShape(shape...), tensor.WithBacking(v))
}

// randomCopy places a box of random shape in two tensors: axes in random order,
// with gaps, some turned round, some of src standing still.
func randomCopy(rng *rand.Rand, add bool) (c ops.Copy, toSize, fromSize int) {
	rank := 1 + rng.IntN(4)
	c.Accumulate = add
	for range rank {
		c.Shape = append(c.Shape, 1+rng.IntN(1<<(1+rng.IntN(6))))
	}
	layout := func(still bool) (ops.Layout, int) {
		l, size := ops.Layout{Strides: make([]int, rank)}, 1
		for _, a := range rng.Perm(rank) {
			if still && rng.IntN(6) == 0 {
				continue
			}
			l.Strides[a] = size
			if rng.IntN(5) == 0 {
				l.Offset += (c.Shape[a] - 1) * size
				l.Strides[a] = -size
			}
			size = size*c.Shape[a] + rng.IntN(3)*rng.IntN(3)
		}
		gap := rng.IntN(3)
		l.Offset += gap
		return l, size + gap
	}
	c.To, toSize = layout(false)
	c.From, fromSize = layout(true)
	return c, toSize, fromSize
}

func TestCopyPutsEachElementInItsPlace(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	engines := []*Engine{New(Options{Workers: 1}), New(Options{Workers: 3})}
	for _, e := range engines {
		defer e.Close()
	}
	for try := range 400 {
		c, toSize, fromSize := randomCopy(rng, try%3 == 0)
		dst, src := moveFloats(rng, toSize), moveFloats(rng, fromSize)
		want := slices.Clone(dst.Float32s())
		for i := range ops.Size(c.Shape) {
			to, from := c.To.Offset, c.From.Offset
			for a := len(c.Shape) - 1; a >= 0; a-- {
				to += i % c.Shape[a] * c.To.Strides[a]
				from += i % c.Shape[a] * c.From.Strides[a]
				i /= c.Shape[a]
			}
			if !c.Accumulate {
				want[to] = 0
			}
			want[to] += src.Float32s()[from]
		}
		for _, e := range engines {
			got := dst.Clone().(*tensor.Dense)
			if err := e.Copy(got, src, c); err != nil {
				t.Fatalf("%+v: %v", c, err)
			}
			if !slices.Equal(got.Float32s(), want) {
				t.Fatalf("%+v: %v from %v, want %v", c, got.Float32s(), src.Float32s(), want)
			}
		}
	}
}

func TestCopyRefusesWhatLeavesTheTensors(t *testing.T) {
	e := New(Options{Workers: 1})
	defer e.Close()
	x, y := e.Borrow(6), e.Borrow(6)
	whole := func(shape, to, from []int) ops.Copy {
		return ops.Copy{Shape: shape, To: ops.Layout{Strides: to}, From: ops.Layout{Strides: from}}
	}
	bad := map[string]ops.Copy{
		"empty box":            whole([]int{0}, []int{1}, []int{1}),
		"beyond the end":       whole([]int{7}, []int{1}, []int{1}),
		"before the beginning": whole([]int{2}, []int{-1}, []int{1}),
		"src beyond the end":   whole([]int{2, 3}, []int{3, 1}, []int{4, 1}),
		"one place twice":      whole([]int{2, 3}, []int{2, 1}, []int{3, 1}),
		"dst stands still":     whole([]int{6}, []int{0}, []int{1}),
		"strides missing":      whole([]int{6}, nil, []int{1}),
		"overflow":             whole([]int{1 << 62, 4}, []int{1 << 62, 1}, []int{1, 1}),
		"smallest stride":      whole([]int{2}, []int{-1 << 63}, []int{1}),
		"offset":               {Shape: []int{1}, To: ops.Layout{Offset: 6, Strides: []int{1}}, From: ops.Layout{Strides: []int{1}}},
	}
	for name, c := range bad {
		if err := e.Copy(y, x, c); fault.CodeOf(err) != fault.Usage {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestIndexSelectAndAddFollowTheirDefinition(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 2))
	engines := []*Engine{New(Options{Workers: 1}), New(Options{Workers: 3})}
	for _, e := range engines {
		defer e.Close()
	}
	for range 60 {
		outer, n, inner := 1+rng.IntN(5), 1+rng.IntN(9), 1+rng.IntN(200)
		k := 1 + rng.IntN(30)
		x, ids := moveFloats(rng, outer, n, inner), moveIDs(rng, n, k)
		y, except := moveFloats(rng, outer, k, inner), int64(rng.IntN(n))
		picked := make([]float32, outer*k*inner)
		sum := slices.Clone(x.Float32s())
		for i := range picked {
			o, j, c := i/(k*inner), i/inner%k, i%inner
			id := ids.Int64s()[j]
			picked[i] = x.Float32s()[(o*n+int(id))*inner+c]
			if id != except {
				sum[(o*n+int(id))*inner+c] += y.Float32s()[i]
			}
		}
		for _, e := range engines {
			got, acc := e.Borrow(outer, k, inner), x.Clone().(*tensor.Dense)
			if err := e.IndexSelect(got, x, ids, ops.Index{Axis: 1}); err != nil {
				t.Fatal(err)
			}
			if err := e.IndexAdd(acc, ids, y, ops.Index{Axis: -2, Except: &except}); err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(got.Float32s(), picked) || !slices.Equal(acc.Float32s(), sum) {
				t.Fatalf("outer %d, axis %d, inner %d, %d ids: differs", outer, n, inner, k)
			}
			e.Release(got)
		}
	}
}

func TestIndicesOutsideTheAxisAreRefused(t *testing.T) {
	e := New(Options{Workers: 1})
	defer e.Close()
	x, y := e.Borrow(3, 4), e.Borrow(2, 4)
	for _, bad := range [][]int64{{0, 3}, {-1, 0}} {
		ids := tensor.New(tensor.WithShape(2), tensor.WithBacking(bad))
		both := tensor.New(tensor.WithShape(2, 1), tensor.WithBacking(bad))
		for name, err := range map[string]error{
			"select":  e.IndexSelect(y, x, ids, ops.Index{}),
			"add":     e.IndexAdd(x, ids, y, ops.Index{}),
			"gather":  e.Gather(e.Borrow(2, 1), x, both, ops.Index{}),
			"scatter": e.ScatterAdd(x, both, y, ops.Index{}),
		} {
			if fault.CodeOf(err) != fault.Usage {
				t.Errorf("%s %v: %v", name, bad, err)
			}
		}
	}
}

func TestMovesAllocateNothing(t *testing.T) {
	e := New(Options{Workers: 2})
	defer e.Close()
	rng := rand.New(rand.NewPCG(3, 3))
	x, y, ids := moveFloats(rng, 64, 33), moveFloats(rng, 33, 64), moveIDs(rng, 64, 40)
	rows := moveFloats(rng, 40, 33)
	turn := ops.Copy{Shape: []int{33, 64}, To: ops.Layout{Strides: []int{64, 1}}, From: ops.Layout{Strides: []int{1, 33}}}
	if n := testing.AllocsPerRun(10, func() {
		_ = e.Copy(y, x, turn)
		_ = e.IndexSelect(rows, x, ids, ops.Index{})
		_ = e.IndexAdd(x, ids, rows, ops.Index{})
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzCopy(f *testing.F) {
	f.Add(uint64(1))
	f.Add(uint64(77))
	e := New(Options{Workers: 2})
	f.Fuzz(func(t *testing.T, seed uint64) {
		rng := rand.New(rand.NewPCG(seed, 0))
		c, toSize, fromSize := randomCopy(rng, rng.IntN(2) == 0)
		for range rng.IntN(3) { // now and then something that does not fit
			i := rng.IntN(len(c.Shape))
			switch rng.IntN(4) {
			case 0:
				c.Shape[i] += rng.IntN(5) - 2
			case 1:
				c.To.Strides[i] += rng.IntN(5) - 2
			case 2:
				c.From.Strides[i] += rng.IntN(5) - 2
			case 3:
				c.To.Offset += rng.IntN(5) - 2
			}
		}
		dst, src := moveFloats(rng, toSize), moveFloats(rng, fromSize)
		if err := e.Copy(dst, src, c); err != nil && fault.CodeOf(err) != fault.Usage {
			t.Fatal(err)
		}
	})
}
