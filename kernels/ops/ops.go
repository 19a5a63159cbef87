package ops

import (
	"slices"

	"gorgonia.org/tensor"

	"github.com/tailorbird/tailorbird/internal/fault"
)

// Engine is everything that networks ask of a device.
type Engine interface {
	Memory
	Elementwise
	Reducer
	Mover
	Multiplier
	Convolver
	Pooler
	Normaliser
	Softmaxer
	Attender
	Sampler
	Stepper
}

// Memory hands out tensors in the engine's memory and takes them back. What was
// released is handed out again, so a loop that borrows and releases the same
// sizes allocates nothing after its first round.
type Memory interface {
	// Borrow returns a float32 tensor with undefined values.
	Borrow(shape ...int) *tensor.Dense
	// BorrowIndex returns an int64 tensor with undefined values.
	BorrowIndex(shape ...int) *tensor.Dense
	// Release takes back a tensor that Borrow or BorrowIndex handed out. The
	// caller does not use it, nor a view of it, afterwards.
	Release(*tensor.Dense)
	// View returns a tensor of another shape and the same size on x's memory.
	// It is not released; it ends with x.
	View(x *tensor.Dense, shape ...int) (*tensor.Dense, error)
	// Upload copies a host tensor into dst, Download copies src to the host.
	// Sizes and element types are equal.
	Upload(dst, host *tensor.Dense) error
	Download(host, src *tensor.Dense) error
	// Sync waits for queued work.
	Sync() error
	// InUse and Held say how many bytes are lent out, and how many the engine
	// has taken from the system for tensors.
	InUse() int64
	Held() int64
}

// Size returns the number of elements of a shape, 1 for a scalar's empty shape.
func Size(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}

// SameShape refuses two tensors whose shapes differ; op is the operation's name.
func SameShape(op string, a, b *tensor.Dense) error {
	if slices.Equal(a.Shape(), b.Shape()) {
		return nil
	}
	return fault.New(fault.Usage, "%s: shapes %v and %v differ", op, a.Shape(), b.Shape())
}

// WantShape refuses a tensor of another shape than the operation needs. what
// names the tensor.
func WantShape(op, what string, t *tensor.Dense, shape ...int) error {
	if slices.Equal(t.Shape(), shape) {
		return nil
	}
	return fault.New(fault.Usage, "%s: %s has shape %v, want %v", op, what, t.Shape(), slices.Clone(shape)) // a clone, so that shape stays on the stack
}

// WantRank refuses a tensor with another number of axes.
func WantRank(op, what string, t *tensor.Dense, rank int) error {
	if len(t.Shape()) == rank {
		return nil
	}
	return fault.New(fault.Usage, "%s: %s has shape %v, want %d axes", op, what, t.Shape(), rank)
}

// WantType refuses tensors of another element type than dt, and tensors that
// are views with gaps or in another order than rows first.
func WantType(op string, dt tensor.Dtype, ts ...*tensor.Dense) error {
	for _, t := range ts {
		if t == nil {
			return fault.New(fault.Usage, "%s: a tensor is nil", op)
		}
		if t.Dtype() != dt {
			return fault.New(fault.Usage, "%s: tensor %v holds %v, want %v", op, t.Shape(), t.Dtype(), dt)
		}
		if t.RequiresIterator() || t.DataOrder().IsColMajor() {
			return fault.New(fault.Usage, "%s: tensor %v is not contiguous in rows", op, t.Shape())
		}
	}
	return nil
}
