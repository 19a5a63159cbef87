package ops

import (
	"gorgonia.org/tensor"

	"github.com/tailorbird/tailorbird/internal/fault"
)

// Multiplier multiplies matrices.
type Multiplier interface {
	// MatMul sets dst = alpha A B, or dst += alpha A B, for every pair of
	// matrices of a and b. a is (..., m, k), b is (..., k, n), or with the last two
	// axes exchanged where the parameters say so, and dst is (..., m, n). Leading
	// axes broadcast as in NumPy. A leading axis of dst may also be 1, or missing,
	// where those of a and b are not: the products are then summed over it, which is
	// what the gradient of a broadcast operand needs.
	MatMul(dst, a, b *tensor.Dense, p MatMul) error
}

// MatMul are the parameters of a matrix product.
type MatMul struct {
	TransposeA bool // a is (..., k, m)
	TransposeB bool // b is (..., n, k)

	Alpha      float32       // 0 means 1
	Accumulate bool          // add to dst instead of replacing it
	Bias       *tensor.Dense // (n), added to every row of the result; nil: none
}

// Inner returns m, n and k for operands of at least two axes.
func (p MatMul) Inner(a, b []int) (m, n, k int, err error) {
	if len(a) < 2 || len(b) < 2 {
		return 0, 0, 0, fault.New(fault.Usage, "matmul: shapes %v and %v, want two axes or more", a, b)
	}
	m, k = a[len(a)-2], a[len(a)-1]
	if p.TransposeA {
		m, k = k, m
	}
	kb, n := b[len(b)-2], b[len(b)-1]
	if p.TransposeB {
		kb, n = n, kb
	}
	if k != kb {
		return 0, 0, 0, fault.New(fault.Usage, "matmul: shapes %v%s and %v%s do not multiply: %d columns, %d rows",
			a, transposed(p.TransposeA), b, transposed(p.TransposeB), k, kb)
	}
	return m, n, k, nil
}

func transposed(yes bool) string {
	if yes {
		return "^T"
	}
	return ""
}

// Shape returns the shape of the product of operands of shapes a and b.
func (p MatMul) Shape(a, b []int) ([]int, error) {
	m, n, _, err := p.Inner(a, b)
	if err != nil {
		return nil, err
	}
	out := make([]int, max(len(a), len(b)))
	out[len(out)-2], out[len(out)-1] = m, n
	for axis := 3; axis <= len(out); axis++ {
		d, ok := broadcast(fromEnd(a, axis), fromEnd(b, axis))
		if !ok {
			return nil, fault.New(fault.Usage, "matmul: leading axes of %v and %v do not broadcast", a, b)
		}
		out[len(out)-axis] = d
	}
	return out, nil
}

// Check refuses a result or a bias whose shape does not fit the operands.
func (p MatMul) Check(dst, a, b []int) error {
	m, n, _, err := p.Inner(a, b)
	if err != nil {
		return err
	}
	if p.Bias != nil && (len(p.Bias.Shape()) != 1 || p.Bias.Shape()[0] != n) {
		return fault.New(fault.Usage, "matmul: bias has shape %v, %v x %v has %d columns", p.Bias.Shape(), a, b, n)
	}
	rank := max(len(a), len(b))
	fits := len(dst) >= 2 && len(dst) <= rank && fromEnd(dst, 2) == m && fromEnd(dst, 1) == n
	for axis := 3; axis <= rank; axis++ {
		d, ok := broadcast(fromEnd(a, axis), fromEnd(b, axis))
		if !ok {
			return fault.New(fault.Usage, "matmul: leading axes of %v and %v do not broadcast", a, b)
		}
		fits = fits && (fromEnd(dst, axis) == 1 || fromEnd(dst, axis) == d)
	}
	if !fits {
		want, _ := p.Shape(a, b)
		return fault.New(fault.Usage, "matmul: %v x %v gives %v, not %v", a, b, want, dst)
	}
	return nil
}

// fromEnd returns the size of the axis counted from the last, which is 1, and 1
// where a shape has no such axis.
func fromEnd(shape []int, axis int) int {
	if axis > len(shape) {
		return 1
	}
	return shape[len(shape)-axis]
}

// broadcast returns the size of an axis that two operands share.
func broadcast(a, b int) (int, bool) {
	switch {
	case a == b, b == 1:
		return a, true
	case a == 1:
		return b, true
	}
	return 0, false
}
