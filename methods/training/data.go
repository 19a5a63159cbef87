package training

import (
	"context"
	"slices"

	"gorgonia.org/tensor"

	"github.com/tailorbird/tailorbird/kernels/ops"
)

// Eval is a source of samples for evaluation: every sample once, always in the same
// order. It serves one goroutine.
type Eval interface {
	// Samples is the number of samples of an epoch.
	Samples() int
	// Classes are the names of the classes, by label.
	Classes() []string
	// Epoch goes to the start of an epoch, from 0.
	Epoch(epoch int64) error
	// Next fills the next batch: Keys, IDs, and, in host memory that dst.Reserve
	// makes, Images and Labels, and Second where dst.Views is 2. It fills dst.Want
	// samples, and fewer at an epoch's end; after them io.EOF.
	Next(ctx context.Context, dst *Batch) error
	// Close ends what the source has under way.
	Close() error
}

// Sized is a source that knows the size of its images before it delivers any.
type Sized interface {
	Size() (height, width int) // pixels
}

// Data is a source of samples for training. The order and the augmentation of an
// epoch follow from the source's seed and the epoch alone.
type Data interface {
	Eval
	// State says where the source stands after the last Next; Restore goes there,
	// also in another process. What follows is then the same, byte for byte.
	State() ([]byte, error)
	Restore(state []byte) error
}

// Reserve makes room for n images of a size, in host memory: Images, Labels, and
// Second where Views is 2; Keys and IDs get length n. Memory of the same shape is
// used again, with what it held.
func (b *Batch) Reserve(n, height, width int) {
	b.Images = hostFloats(b.Images, n, 3, height, width)
	if b.Views == 2 {
		b.Second = hostFloats(b.Second, n, 3, height, width)
	}
	if b.Labels == nil || ops.Size(b.Labels.Shape()) != n {
		b.Labels = tensor.New(tensor.WithShape(n), tensor.WithBacking(make([]int64, n)))
	}
	b.Keys = slices.Grow(b.Keys[:0], n)[:n]
	b.IDs = slices.Grow(b.IDs[:0], n)[:n]
}

func hostFloats(t *tensor.Dense, shape ...int) *tensor.Dense {
	if t != nil && slices.Equal(t.Shape(), shape) {
		return t
	}
	return tensor.New(tensor.WithShape(shape...), tensor.WithBacking(make([]float32, ops.Size(shape))))
}
