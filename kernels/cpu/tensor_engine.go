package cpu

import (
	"slices"

	"gorgonia.org/tensor"

	"github.com/tailorbird/tailorbird/kernels/ops"
)

// TensorEngine returns the engine that gorgonia.org/tensor's own arithmetic uses
// on this engine's tensors. Give it to tensor.WithEngine to have other tensors
// computed here too.
//
// It serves contiguous row-major float32 operands of one shape, and their scalars,
// and honours WithReuse, UseUnsafe and WithIncr; everything else goes to
// tensor.StdEng, to the same result. It works on one operation at a time, as the
// Engine does.
//
// # Traps of the package
//
// Data() of a scalar tensor is a float32 and not a slice: use Float32s. A view with
// gaps (Slice, T without Transpose) has the Data of the whole tensor. SoftMax of
// StdEng ignores WithReuse; this engine does not. A result of the default, safe, form
// lies in Go's memory, not in the arena: it need not be released.
func (e *Engine) TensorEngine() tensor.Engine {
	e.tensorEngine.e = e
	return &e.tensorEngine
}

// tensorEngine is a tensor.Engine that computes with an Engine what it can.
type tensorEngine struct {
	tensor.StdEng
	e *Engine
}

var (
	_ tensor.Adder    = (*tensorEngine)(nil)
	_ tensor.Suber    = (*tensorEngine)(nil)
	_ tensor.Muler    = (*tensorEngine)(nil)
	_ tensor.Diver    = (*tensorEngine)(nil)
	_ tensor.MatMuler = (*tensorEngine)(nil)
	_ tensor.Exper    = (*tensorEngine)(nil)
	_ tensor.Tanher   = (*tensorEngine)(nil)
	_ tensor.Sqrter   = (*tensorEngine)(nil)
	_ tensor.Squarer  = (*tensorEngine)(nil)
	_ tensor.Neger    = (*tensorEngine)(nil)
	_ tensor.Sumer    = (*tensorEngine)(nil)
)

// plain returns x as a tensor that kernels can read.
func plain(x any) (*tensor.Dense, bool) {
	d, ok := x.(*tensor.Dense)
	return d, ok && !d.IsMasked() && wantFloats("tensor", d) == nil
}

// target is where a result goes.
type target struct {
	d    *tensor.Dense
	incr bool // it is added there
}

// target reads the options of an operation on a. Without options the result is new.
func (t *tensorEngine) target(a *tensor.Dense, opts []tensor.FuncOpt) (to target, ok bool) {
	o := tensor.ParseFuncOpts(opts...)
	reuse, incr := o.IncrReuse()
	switch {
	case reuse != nil:
		d, ok := plain(reuse)
		return target{d, incr}, ok && slices.Equal(d.Shape(), a.Shape())
	case !o.Safe():
		return target{d: a}, true
	}
	return target{d: t.fresh(a.Shape())}, true
}

func (t *tensorEngine) fresh(shape []int) *tensor.Dense {
	return tensor.New(tensor.WithShape(slices.Clone(shape)...), tensor.WithBacking(make([]float32, ops.Size(shape))), tensor.WithEngine(t))
}

// fill has f compute the result into the target.
func (t *tensorEngine) fill(to target, f func(d *tensor.Dense) error) (tensor.Tensor, error) {
	if !to.incr {
		return to.d, f(to.d)
	}
	d := t.e.Borrow(to.d.Shape()...)
	defer t.e.Release(d)
	if err := f(d); err != nil {
		return nil, err
	}
	return to.d, t.e.Accumulate(to.d, d, 1)
}

type (
	standardBinary func(a, b tensor.Tensor, opts ...tensor.FuncOpt) (tensor.Tensor, error)
	standardScalar func(a tensor.Tensor, b any, leftTensor bool, opts ...tensor.FuncOpt) (tensor.Tensor, error)
	standardUnary  func(a tensor.Tensor, opts ...tensor.FuncOpt) (tensor.Tensor, error)
)

func (t *tensorEngine) binary(op ops.Binary, a, b tensor.Tensor, opts []tensor.FuncOpt, standard standardBinary) (tensor.Tensor, error) {
	x, okA := plain(a)
	y, okB := plain(b)
	if okA && okB && slices.Equal(x.Shape(), y.Shape()) {
		if to, ok := t.target(x, opts); ok {
			return t.fill(to, func(d *tensor.Dense) error { return t.e.Binary(d, x, y, op) })
		}
	}
	return standard(a, b, opts...)
}

// scalarOf returns s, a float32 or a tensor of one, as a tensor.
func scalarOf(s any) (*tensor.Dense, bool) {
	if v, ok := s.(float32); ok {
		return tensor.New(tensor.FromScalar(v)), true
	}
	d, ok := plain(s)
	if !ok || len(d.Float32s()) != 1 {
		return nil, false
	}
	return tensor.New(tensor.FromScalar(d.Float32s()[0])), true
}

func (t *tensorEngine) scalar(op ops.Binary, a tensor.Tensor, s any, left bool, opts []tensor.FuncOpt, standard standardScalar) (tensor.Tensor, error) {
	x, okA := plain(a)
	y, okB := scalarOf(s)
	if okA && okB {
		if to, ok := t.target(x, opts); ok {
			if left {
				return t.fill(to, func(d *tensor.Dense) error { return t.e.Binary(d, x, y, op) })
			}
			return t.fill(to, func(d *tensor.Dense) error { return t.e.Binary(d, y, x, op) })
		}
	}
	return standard(a, s, left, opts...)
}

func (t *tensorEngine) unary(f ops.Unary, p ops.UnaryParams, a tensor.Tensor, opts []tensor.FuncOpt, standard standardUnary) (tensor.Tensor, error) {
	if x, ok := plain(a); ok {
		if to, ok := t.target(x, opts); ok {
			return t.fill(to, func(d *tensor.Dense) error { return t.e.Unary(d, x, f, p) })
		}
	}
	return standard(a, opts...)
}

// Add implements tensor.Adder.
func (t *tensorEngine) Add(a, b tensor.Tensor, opts ...tensor.FuncOpt) (tensor.Tensor, error) {
	return t.binary(ops.BinaryAdd, a, b, opts, t.StdEng.Add)
}

// AddScalar implements tensor.Adder.
func (t *tensorEngine) AddScalar(a tensor.Tensor, b any, left bool, opts ...tensor.FuncOpt) (tensor.Tensor, error) {
	return t.scalar(ops.BinaryAdd, a, b, left, opts, t.StdEng.AddScalar)
}

// Sub implements tensor.Suber.
func (t *tensorEngine) Sub(a, b tensor.Tensor, opts ...tensor.FuncOpt) (tensor.Tensor, error) {
	return t.binary(ops.BinarySub, a, b, opts, t.StdEng.Sub)
}

// SubScalar implements tensor.Suber.
func (t *tensorEngine) SubScalar(a tensor.Tensor, b any, left bool, opts ...tensor.FuncOpt) (tensor.Tensor, error) {
	return t.scalar(ops.BinarySub, a, b, left, opts, t.StdEng.SubScalar)
}

// Mul implements tensor.Muler.
func (t *tensorEngine) Mul(a, b tensor.Tensor, opts ...tensor.FuncOpt) (tensor.Tensor, error) {
	return t.binary(ops.BinaryMul, a, b, opts, t.StdEng.Mul)
}

// MulScalar implements tensor.Muler.
func (t *tensorEngine) MulScalar(a tensor.Tensor, b any, left bool, opts ...tensor.FuncOpt) (tensor.Tensor, error) {
	return t.scalar(ops.BinaryMul, a, b, left, opts, t.StdEng.MulScalar)
}

// Div implements tensor.Diver.
func (t *tensorEngine) Div(a, b tensor.Tensor, opts ...tensor.FuncOpt) (tensor.Tensor, error) {
	return t.binary(ops.BinaryDiv, a, b, opts, t.StdEng.Div)
}

// DivScalar implements tensor.Diver.
func (t *tensorEngine) DivScalar(a tensor.Tensor, b any, left bool, opts ...tensor.FuncOpt) (tensor.Tensor, error) {
	return t.scalar(ops.BinaryDiv, a, b, left, opts, t.StdEng.DivScalar)
}

// Exp implements tensor.Exper.
func (t *tensorEngine) Exp(a tensor.Tensor, opts ...tensor.FuncOpt) (tensor.Tensor, error) {
	return t.unary(ops.UnaryExp, ops.UnaryParams{}, a, opts, t.StdEng.Exp)
}

// Tanh implements tensor.Tanher.
func (t *tensorEngine) Tanh(a tensor.Tensor, opts ...tensor.FuncOpt) (tensor.Tensor, error) {
	return t.unary(ops.UnaryTanh, ops.UnaryParams{}, a, opts, t.StdEng.Tanh)
}

// Sqrt implements tensor.Sqrter.
func (t *tensorEngine) Sqrt(a tensor.Tensor, opts ...tensor.FuncOpt) (tensor.Tensor, error) {
	return t.unary(ops.UnarySqrt, ops.UnaryParams{}, a, opts, t.StdEng.Sqrt)
}

// Square implements tensor.Squarer.
func (t *tensorEngine) Square(a tensor.Tensor, opts ...tensor.FuncOpt) (tensor.Tensor, error) {
	return t.unary(ops.UnarySquare, ops.UnaryParams{}, a, opts, t.StdEng.Square)
}

// Neg implements tensor.Neger.
func (t *tensorEngine) Neg(a tensor.Tensor, opts ...tensor.FuncOpt) (tensor.Tensor, error) {
	return t.unary(ops.UnaryAffine, ops.UnaryParams{A: -1}, a, opts, t.StdEng.Neg)
}

// Sum implements tensor.Sumer: over all axes when none is named.
func (t *tensorEngine) Sum(a tensor.Tensor, along ...int) (tensor.Tensor, error) {
	x, ok := plain(a)
	if ok && !x.Shape().IsScalar() {
		if axes, err := ops.Axes("sum", x.Shape(), along); err == nil {
			y := t.fresh(ops.Reduced(x.Shape(), axes, false))
			return y, t.e.Reduce(y, x, ops.ReduceSum, axes...)
		}
	}
	return t.StdEng.Sum(a, along...)
}

// MatMul implements tensor.MatMuler: prealloc = a b.
func (t *tensorEngine) MatMul(a, b, prealloc tensor.Tensor) error {
	x, okA := plain(a)
	y, okB := plain(b)
	d, okD := plain(prealloc)
	if okA && okB && okD {
		return t.e.MatMul(d, x, y, ops.MatMul{})
	}
	return t.StdEng.MatMul(a, b, prealloc)
}

// SoftMax implements the method that tensor.SoftMax looks for.
func (t *tensorEngine) SoftMax(x tensor.Tensor, axis int, opts ...tensor.FuncOpt) (tensor.Tensor, error) {
	return t.softmax(x, axis, false, opts, t.StdEng.SoftMax)
}

// LogSoftMax implements the method that tensor.LogSoftMax looks for.
func (t *tensorEngine) LogSoftMax(x tensor.Tensor, axis int, opts ...tensor.FuncOpt) (tensor.Tensor, error) {
	return t.softmax(x, axis, true, opts, t.StdEng.LogSoftMax)
}

func (t *tensorEngine) softmax(a tensor.Tensor, axis int, log bool, opts []tensor.FuncOpt,
	standard func(tensor.Tensor, int, ...tensor.FuncOpt) (tensor.Tensor, error)) (tensor.Tensor, error) {
	if x, ok := plain(a); ok {
		if to, ok := t.target(x, opts); ok {
			return t.fill(to, func(d *tensor.Dense) error { return t.e.Softmax(d, x, axis, log) })
		}
	}
	return standard(a, axis, opts...)
}
