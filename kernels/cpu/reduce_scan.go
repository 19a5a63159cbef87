package cpu

import (
	"math"

	"gorgonia.org/tensor"

	"github.com/tailorbird/tailorbird/kernels/ops"
)

// scanTask goes along an axis of x (outer, n, inner).
type scanTask struct {
	d               []float32
	index           []int64
	x               []float32
	outer, n, inner int
	reverse         bool
	parts           int
}

func (t *scanTask) part(i int, _ *scratch) {
	from, to := split(t.outer*t.inner, t.parts, i)
	for u := from; u < to; u++ {
		at := u/t.inner*t.n*t.inner + u%t.inner
		if t.index != nil {
			t.index[u] = t.argMax(at)
			continue
		}
		sum := 0.0
		for j := range t.n {
			k := j
			if t.reverse {
				k = t.n - 1 - j
			}
			sum += float64(t.x[at+k*t.inner])
			t.d[at+k*t.inner] = float32(sum)
		}
	}
}

func (t *scanTask) argMax(at int) int64 {
	best, value := 0, float32(math.Inf(-1))
	for j := range t.n {
		v := t.x[at+j*t.inner]
		if v > value || v != v {
			best, value = j, v
			if v != v {
				break
			}
		}
	}
	return int64(best)
}

func (e *Engine) scan(x *tensor.Dense, axis int) {
	t := &e.scanTask
	t.outer, t.inner = ops.Around(x.Shape(), axis)
	t.n, t.x = x.Shape()[axis], x.Float32s()
	t.parts = partsOf(t.outer*t.inner, 2*t.n)
	e.run(t.parts, t)
}

// ArgMax implements ops.Reducer.
func (e *Engine) ArgMax(dst, x *tensor.Dense, axis int) error {
	if err := wantFloats("argmax", x); err != nil {
		return err
	}
	if err := ops.WantType("argmax", tensor.Int64, dst); err != nil {
		return err
	}
	axis, err := ops.Axis("argmax", axis, len(x.Shape()))
	if err != nil {
		return err
	}
	axes := [1]int{axis}
	if _, err := axisMask("argmax", x.Shape(), dst.Shape(), axes[:]); err != nil {
		return err
	}
	e.scanTask = scanTask{index: dst.Int64s()}
	e.scan(x, axis)
	return nil
}

// CumSum implements ops.Reducer.
func (e *Engine) CumSum(dst, x *tensor.Dense, axis int, reverse bool) error {
	if err := wantFloats("cumsum", dst, x); err != nil {
		return err
	}
	if err := ops.SameShape("cumsum", dst, x); err != nil {
		return err
	}
	axis, err := ops.Axis("cumsum", axis, len(x.Shape()))
	if err != nil {
		return err
	}
	e.scanTask = scanTask{d: dst.Float32s(), reverse: reverse}
	e.scan(x, axis)
	return nil
}
