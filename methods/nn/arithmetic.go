package nn

import "gorgonia.org/tensor"

// Add returns a + b. Shapes broadcast as in NumPy.
func (t *Tape) Add(a, b *Var) *Var {
	if !t.ready("add", a, b) {
		return failed()
	}
	y := t.E.Borrow(a.Shape()...)
	if !t.try("add", t.E.Add(y, a.Value, b.Value)) {
		t.E.Release(y)
		return failed()
	}
	return t.result(y, func(dy *tensor.Dense) {
		t.pass(a)
		t.pass(b)
	}, a, b)
}
