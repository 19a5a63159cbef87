// Package ops says what a compute engine offers to networks: the interface
// Engine, put together from one small interface a family of operations, the
// parameters of those operations, and the shapes that follow from them.
// kernels/cpu is an Engine over host memory; a device engine takes its place.
//
//	y := e.Borrow(n, k)
//	err := e.MatMul(y, x, w, ops.MatMul{TransposeB: true})
//
// # Conventions
//
// The result comes first, then the operands, then the parameters. Every tensor
// is a row-major, contiguous *tensor.Dense of float32, indices and labels are of
// int64. Results do not alias operands unless the method says that they may.
// Images are (N, C, H, W). A method checks shapes before it touches memory and
// answers a mismatch with a fault.Usage error that names both shapes: it does not
// panic. An Engine works on one operation at a time and is not safe for concurrent use;
// work may be queued, as on a device's stream, until Sync or a copy to the host.
//
// Nothing is copied between host and device unless Upload or Download is called.
package ops
