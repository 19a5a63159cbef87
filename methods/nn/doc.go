// Package nn is reverse-mode automatic differentiation over a compute engine,
// and what training needs beside it: modules with named parameters, optimisers,
// schedules, checkpoints.
//
//	t := nn.NewTape(engine)
//	y := t.Linear(t.ReLU(t.Linear(t.Const(x), w1, b1)), w2, b2)
//	err := t.Backward(t.CrossEntropy(y, labels, nn.CrossEntropy{}))
//	// w1.Grad, b1.Grad, ... are set
//	t.Reset()
//
// # How it works
//
// A Var is a value. An operation is a method of Tape: it computes the result with
// the engine and, where an operand wants a gradient, appends a node that says how
// the result's gradient becomes gradients of the operands. Backward walks the nodes
// from the last to the first. Values and gradients lie in memory borrowed from the
// engine and go back as soon as the walk has passed them.
//
// # Guarantees
//
// Operations do not panic on bad shapes: the first error sticks to the tape and
// names the shapes. Gradients are added in the order of the walk. The same seeds give
// the same bits, at any number of threads.
package nn
