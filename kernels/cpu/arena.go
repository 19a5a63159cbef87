package cpu

import (
	"math/bits"
	"unsafe"

	"gorgonia.org/tensor"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/ops"
)

// arena keeps the memory of released tensors by size class and lends it again.
// Classes are a quarter of a power of two apart: at most a fifth is unused.
type arena struct {
	owner *Engine
	free  [4 * 64][][]float32
	inUse int64
	held  int64
	lent  map[*float32]int // capacity by first element
}

// classOf returns the class that holds n floats and its size.
func classOf(n int) (class, size int) {
	const least = 64
	if n <= least {
		return 0, least
	}
	top := bits.Len(uint(n-1)) - 1 // 2^top < n <= 2^(top+1)
	step := 1 << (top - 2)
	q := (n - 1 - 1<<top) / step // 0 .. 3
	return 4*(top-5) + q, 1<<top + (q+1)*step
}

func (a *arena) borrow(n int) []float32 {
	class, size := classOf(n)
	var buf []float32
	if list := a.free[class]; len(list) > 0 {
		buf, a.free[class] = list[len(list)-1], list[:len(list)-1]
	} else {
		buf = alignedFloats(size)
		a.held += 4 * int64(size)
	}
	if a.lent == nil {
		a.lent = map[*float32]int{}
	}
	a.lent[&buf[0]] = size
	a.inUse += 4 * int64(size)
	return buf[:n]
}

// Borrow implements ops.Memory.
func (a *arena) Borrow(shape ...int) *tensor.Dense {
	return a.dense(a.borrow(ops.Size(shape)), shape)
}

// BorrowIndex implements ops.Memory.
func (a *arena) BorrowIndex(shape ...int) *tensor.Dense {
	n := ops.Size(shape)
	f := a.borrow(2 * n)
	return a.dense(unsafe.Slice((*int64)(unsafe.Pointer(&f[0])), n), shape)
}

// Release implements ops.Memory. A tensor that the arena did not lend is left alone.
func (a *arena) Release(t *tensor.Dense) {
	if t == nil {
		return
	}
	var p *float32
	if t.Dtype() == tensor.Int64 {
		p = (*float32)(unsafe.Pointer(&t.Int64s()[0]))
	} else {
		p = &t.Float32s()[0]
	}
	size, ok := a.lent[p]
	if !ok {
		return
	}
	delete(a.lent, p)
	a.inUse -= 4 * int64(size)
	class, _ := classOf(size)
	a.free[class] = append(a.free[class], unsafe.Slice(p, size))
}

// View implements ops.Memory.
func (a *arena) View(x *tensor.Dense, shape ...int) (*tensor.Dense, error) {
	if ops.Size(shape) != ops.Size(x.Shape()) {
		return nil, fault.New(fault.Usage, "view: shape %v has %d elements, %v has %d", x.Shape(), ops.Size(x.Shape()), shape, ops.Size(shape))
	}
	if x.Dtype() == tensor.Int64 {
		return a.dense(x.Int64s(), shape), nil
	}
	return a.dense(x.Float32s(), shape), nil
}

// Upload implements ops.Memory: a copy.
func (a *arena) Upload(dst, host *tensor.Dense) error { return copyDense("upload", dst, host) }

// Download implements ops.Memory: a copy.
func (a *arena) Download(host, src *tensor.Dense) error { return copyDense("download", host, src) }

// InUse implements ops.Memory.
func (a *arena) InUse() int64 { return a.inUse }

// Held implements ops.Memory.
func (a *arena) Held() int64 { return a.held }

func (a *arena) forget() {
	a.free, a.lent, a.held, a.inUse = [len(a.free)][][]float32{}, nil, 0, 0
}

func (a *arena) dense(backing any, shape []int) *tensor.Dense {
	return tensor.New(tensor.WithShape(shape...), tensor.WithBacking(backing), tensor.WithEngine(a.owner.TensorEngine()))
}

func copyDense(op string, dst, src *tensor.Dense) error {
	if dst.Dtype() != src.Dtype() {
		return fault.New(fault.Usage, "%s: %v into %v", op, src.Dtype(), dst.Dtype())
	}
	if ops.Size(dst.Shape()) != ops.Size(src.Shape()) {
		return fault.New(fault.Usage, "%s: shape %v into %v", op, src.Shape(), dst.Shape())
	}
	if dst.Dtype() == tensor.Int64 {
		copy(dst.Int64s(), src.Int64s())
	} else {
		copy(dst.Float32s(), src.Float32s())
	}
	return nil
}

// alignedFloats returns n zeros that begin on a cache line.
func alignedFloats(n int) []float32 {
	const line = 16
	f := make([]float32, n+line)
	skip := 0
	for uintptr(unsafe.Pointer(&f[skip]))%64 != 0 {
		skip++
	}
	return f[skip : skip+n : skip+n]
}
