// Package cpu computes on host memory: an ops.Engine of float32 kernels, with
// AVX2 and FMA assembly on amd64 beside a portable form of each.
//
//	e := cpu.New(cpu.Options{Workers: 2})
//	defer e.Close()
//	y := e.Borrow(64, 10)
//	err := e.MatMul(y, x, w, ops.MatMul{TransposeB: true})
//
// # Guarantees
//
// Results depend on the operands alone: work is cut into parts by its size, never
// by the number of workers, and sums over parts are taken in the order of the
// parts. Steady state allocates no tensor memory: buffers come from the engine's
// arena, scratch from the workers. A shape that does not fit is a fault.Usage error.
//
// # Inside
//
// A kernel is a method of Engine that checks shapes, fills a task and calls run;
// the task's part method is the loop. Tasks live in the Engine, so that a call
// allocates nothing. x.go holds a family's portable form, x_amd64.s its assembly,
// written by asm/ (go generate). useAVX2 chooses; tests compare the two.
package cpu
