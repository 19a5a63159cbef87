package cpu

import (
	"math/rand/v2"
	"testing"

	"gorgonia.org/tensor"

	"github.com/tailorbird/tailorbird/kernels/ops"
)

// spatialBench times one engine on random operands.
type spatialBench struct {
	*testing.B
	e   *Engine
	rng *rand.Rand
}

func newSpatialBench(b *testing.B) *spatialBench {
	s := &spatialBench{b, New(Options{Workers: 2}), rand.New(rand.NewPCG(1, 1))}
	b.Cleanup(s.e.Close)
	return s
}

func (s *spatialBench) random(shape ...int) *tensor.Dense {
	t := s.e.Borrow(shape...)
	for i := range t.Float32s() {
		t.Float32s()[i] = s.rng.Float32() - 0.5
	}
	return t
}

func (s *spatialBench) run(name string, op func() error) {
	s.Run(name, func(b *testing.B) {
		for b.Loop() {
			if err := op(); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkPool(b *testing.B) {
	s := newSpatialBench(b)
	e := s.e
	for _, c := range []struct {
		name string
		p    ops.Pool
		size int
	}{
		{"3x3Stride2At112", ops.Pool{Kernel: [2]int{3, 3}, Stride: [2]int{2, 2}, Padding: [2]int{1, 1}}, 112},
		{"2x2At56", ops.Pool{Kernel: [2]int{2, 2}}, 56},
	} {
		x := s.random(64, 64, c.size, c.size)
		shape, _ := c.p.OutShape("benchmark", x.Shape())
		y, dy, dx := e.Borrow(shape...), s.random(shape...), e.Borrow(x.Shape()...)
		s.run("Max"+c.name, func() error { return e.MaxPool(y, nil, x, c.p) })
		s.run("MaxGrad"+c.name, func() error { return e.MaxPoolGrad(dx, dy, x, y, c.p) })
		s.run("Avg"+c.name, func() error { return e.AvgPool(y, x, c.p) })
		s.run("AvgGrad"+c.name, func() error { return e.AvgPoolGrad(dx, dy, c.p) })
		for _, t := range []*tensor.Dense{x, y, dy, dx} {
			e.Release(t)
		}
	}
	x, y := s.random(64, 512, 8, 8), s.random(64, 512, 1, 1)
	s.run("Global", func() error { return e.AdaptiveAvgPool(y, x) })
	s.run("GlobalGrad", func() error { return e.AdaptiveAvgPoolGrad(x, y) })
}

func BenchmarkMove(b *testing.B) {
	s := newSpatialBench(b)
	e := s.e
	heads := s.random(64, 65, 3, 64)
	turned := e.Borrow(64, 3, 65, 64)
	layout := func(strides ...int) ops.Layout { return ops.Layout{Strides: strides} }
	there := ops.Copy{Shape: []int{64, 3, 65, 64}, To: layout(12480, 4160, 64, 1), From: layout(12480, 64, 192, 1)}
	back := ops.Copy{Shape: there.Shape, To: there.From, From: there.To}
	s.run("Heads", func() error { return e.Copy(turned, heads, there) })
	s.run("HeadsBack", func() error { return e.Copy(heads, turned, back) })
	s.run("HeadsAdd", func() error { back.Accumulate = true; return e.Copy(heads, turned, back) })
	m := ops.Copy{Shape: []int{64, 192, 64}, To: layout(12288, 64, 1), From: layout(12288, 1, 192)}
	s.run("Transpose", func() error { return e.Copy(turned, heads, m) })
	ids, table, rows := e.BorrowIndex(64, 77), s.random(49408, 512), s.random(64, 77, 512)
	for i := range ids.Int64s() {
		ids.Int64s()[i] = int64(s.rng.IntN(49408))
	}
	s.run("Embedding", func() error { return e.IndexSelect(rows, table, ids, ops.Index{}) })
	s.run("EmbeddingGrad", func() error { return e.IndexAdd(table, ids, rows, ops.Index{}) })
}

func BenchmarkSample(b *testing.B) {
	s := newSpatialBench(b)
	e := s.e
	for _, c := range []struct {
		name    string
		mode    ops.SampleMode
		in, out int
	}{
		{"BilinearUp", ops.Bilinear, 28, 56},
		{"BicubicUp", ops.Bicubic, 28, 56},
		{"NearestUp", ops.Nearest, 28, 56},
		{"BilinearDown", ops.Bilinear, 56, 32},
	} {
		rows, cols, _ := ops.Interpolation{Mode: c.mode, Size: [2]int{c.out, c.out}}.Taps(c.in, c.in)
		x, y := s.random(16, 64, c.in, c.in), e.Borrow(16, 64, c.out, c.out)
		back, across := rows.Transpose(), cols.Transpose()
		s.run(c.name, func() error { return e.Resample(y, x, rows, cols) })
		s.run(c.name+"Grad", func() error { return e.Resample(x, y, back, across) })
	}
	x, y, grid := s.random(8, 64, 28, 28), s.random(8, 64, 28, 28), s.random(8, 28, 28, 2)
	dx := e.Borrow(8, 64, 28, 28)
	s.run("Grid", func() error { return e.GridSample(y, x, grid, ops.GridSample{}) })
	s.run("GridGrad", func() error { return e.GridSampleGrad(dx, nil, y, x, grid, ops.GridSample{}) })
}
