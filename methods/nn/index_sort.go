package nn

import (
	"slices"

	"gorgonia.org/tensor"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/ops"
)

// TopK returns the k largest values along the last axis, the largest first, and
// their indices, valid until Reset. Of equal values the first come first; a NaN is larger
// than anything. The order is found on the host.
func (t *Tape) TopK(x *Var, k int) (*Var, *tensor.Dense) { return t.ordered("topk", x, k, true) }

// Sort returns x sorted along the last axis and the indices that sort it, valid
// until Reset. Equal values stay in their order; a NaN is larger than anything. The
// order is found on the host.
func (t *Tape) Sort(x *Var, descending bool) (*Var, *tensor.Dense) {
	return t.ordered("sort", x, x.Dim(-1), descending)
}

// ordered returns the first k values of each sorted row.
func (t *Tape) ordered(op string, x *Var, k int, descending bool) (*Var, *tensor.Dense) {
	if !t.ready(op, x) {
		return failed(), nil
	}
	s := x.Shape()
	n := x.Dim(-1)
	if len(s) == 0 || k < 1 || k > n {
		return t.Fail(fault.New(fault.Usage, "%s: %d of %v", op, k, s)), nil
	}
	values := t.Host(x)
	shape := append(slices.Clone(s[:len(s)-1]), k)
	order := make([]int64, 0, ops.Size(shape))
	for ; len(values) > 0; values = values[n:] {
		order = append(order, rowOrder(values[:n], descending)[:k]...)
	}
	ids := t.E.BorrowIndex(shape...)
	t.save(ids)
	if !t.try(op, t.E.Upload(ids, hostTensor(order, shape))) {
		return failed(), nil
	}
	return t.Gather(x, -1, ids), ids
}

// rowOrder returns the indices that sort row.
func rowOrder(row []float32, descending bool) []int64 {
	order := make([]int64, len(row))
	for i := range order {
		order[i] = int64(i)
	}
	slices.SortStableFunc(order, func(i, j int64) int {
		a, b := row[i], row[j]
		if descending {
			a, b = b, a
		}
		switch {
		case a < b || b != b && a == a:
			return -1
		case a > b || a != a && b == b:
			return 1
		}
		return 0
	})
	return order
}
