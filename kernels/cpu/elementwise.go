package cpu

import (
	"slices"

	"gorgonia.org/tensor"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/ops"
)

// elementwiseState holds the tasks of this family.
type elementwiseState struct{}

// Fill implements ops.Elementwise.
func (e *Engine) Fill(dst *tensor.Dense, value float32) error {
	d := dst.Float32s()
	for i := range d {
		d[i] = value
	}
	return nil
}

// Scale implements ops.Elementwise.
func (e *Engine) Scale(dst, x *tensor.Dense, alpha float32) error {
	if err := ops.SameShape("scale", dst, x); err != nil {
		return err
	}
	d, s := dst.Float32s(), x.Float32s()
	for i := range d {
		d[i] = alpha * s[i]
	}
	return nil
}

// Accumulate implements ops.Elementwise.
func (e *Engine) Accumulate(dst, x *tensor.Dense, alpha float32) error {
	if err := ops.SameShape("accumulate", dst, x); err != nil {
		return err
	}
	d, s := dst.Float32s(), x.Float32s()
	for i := range d {
		d[i] += alpha * s[i]
	}
	return nil
}

// Add implements ops.Elementwise.
func (e *Engine) Add(dst, a, b *tensor.Dense) error {
	if !slices.Equal(a.Shape(), b.Shape()) {
		return fault.New(fault.Usage, "add: shapes %v and %v do not broadcast", a.Shape(), b.Shape())
	}
	d, x, y := dst.Float32s(), a.Float32s(), b.Float32s()
	for i := range d {
		d[i] = x[i] + y[i]
	}
	return nil
}
