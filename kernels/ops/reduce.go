package ops

import (
	"slices"

	"gorgonia.org/tensor"

	"github.com/tailorbird/tailorbird/internal/fault"
)

// Reducer takes sums and extremes over axes.
type Reducer interface {
	// Reduce sets dst to the reduction of x over the given distinct axes, all of
	// them when there are none. The shape of dst is that of x without these axes,
	// or with size 1 for them. dst is not x.
	Reduce(dst, x *tensor.Dense, r Reduction, axes ...int) error
	// SumTo sets dst to the sums of x over the axes that broadcasting the shape of
	// dst to that of x repeats. dst is not x.
	SumTo(dst, x *tensor.Dense) error
	// ArgMax sets dst, of int64, to the first index of the largest value along an
	// axis. Its shape is as Reduce's. A NaN is larger than anything.
	ArgMax(dst, x *tensor.Dense, axis int) error
	// CumSum sets dst, of the shape of x, to the running sums along an axis, from
	// its end where reverse is true. dst is not x.
	CumSum(dst, x *tensor.Dense, axis int, reverse bool) error
}

// Reduction is what Reduce makes of the values.
type Reduction uint8

// Reductions. ReduceMax and ReduceMin are NaN where a value is.
const (
	ReduceSum Reduction = iota
	ReduceMean
	ReduceMax
	ReduceMin
	numReduction
)

// Valid refuses what is not a reduction of the list.
func (r Reduction) Valid() error {
	if r >= numReduction {
		return fault.New(fault.Usage, "reduce: reduction %d is unknown", r)
	}
	return nil
}

// Axes returns distinct axes in order as indices into shape; all for none.
func Axes(op string, shape []int, axes []int) ([]int, error) {
	out := make([]int, 0, len(shape))
	if len(axes) == 0 {
		for i := range shape {
			out = append(out, i)
		}
		return out, nil
	}
	for _, a := range axes {
		i, err := Axis(op, a, len(shape))
		if err != nil {
			return nil, err
		}
		if slices.Contains(out, i) {
			return nil, fault.New(fault.Usage, "%s: axis %d of shape %v is named twice", op, a, shape)
		}
		out = append(out, i)
	}
	slices.Sort(out)
	return out, nil
}

// Reduced returns shape without axes, or with size 1 for them where keep is true.
// axes are as Axes returns them.
func Reduced(shape, axes []int, keep bool) []int {
	out := make([]int, 0, len(shape))
	for i, d := range shape {
		switch {
		case !slices.Contains(axes, i):
			out = append(out, d)
		case keep:
			out = append(out, 1)
		}
	}
	return out
}
