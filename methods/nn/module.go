package nn

import (
	"fmt"
	"strings"

	"gorgonia.org/tensor"

	"github.com/tailorbird/tailorbird/kernels/ops"
)

// Module is a layer or a network. Collect names what it holds, in the order and
// under the names of the published PyTorch checkpoints.
type Module interface {
	Collect(c *Collector)
}

// Layer is a Module of one operand and one result.
type Layer interface {
	Module
	Forward(t *Tape, x *Var) *Var
}

// Entry is a parameter or a buffer with its full name.
type Entry struct {
	Name   string // dotted, such as layer1.0.conv1.weight
	Var    *Var
	Buffer bool // not trained: running statistics
}

// Collector gathers the entries of a module. Modules call its methods from Collect.
type Collector struct {
	prefix  string
	entries []Entry
	visit   func(name string, m Module) // of every module inside; may be nil
}

// Param names a parameter. A nil one is left out.
func (c *Collector) Param(name string, v *Var) { c.add(name, v, false) }

// Buffer names a buffer. A nil one is left out.
func (c *Collector) Buffer(name string, v *Var) { c.add(name, v, true) }

func (c *Collector) add(name string, v *Var, buffer bool) {
	if v == nil {
		return
	}
	c.entries = append(c.entries, Entry{c.prefix + name, v, buffer})
}

// Module names a module inside: its entries get the prefix "name.". An empty
// name adds no prefix.
func (c *Collector) Module(name string, m Module) {
	outer := c.prefix
	if name != "" {
		c.prefix += name + "."
	}
	if c.visit != nil {
		c.visit(strings.TrimSuffix(c.prefix, "."), m)
	}
	m.Collect(c)
	c.prefix = outer
}

// Entries returns all parameters and buffers of m in its order. A Var that is
// held under two names (tied weights) comes twice.
func Entries(m Module) []Entry {
	c := &Collector{}
	m.Collect(c)
	return c.entries
}

// Modules calls f with m, under an empty name, and with every module inside it, an
// outer one before those that it holds.
func Modules(m Module, f func(name string, m Module)) {
	c := &Collector{visit: f}
	c.Module("", m)
}

// Params returns the parameters of m, each once, in its order.
func Params(m Module) []Entry {
	var out []Entry
	seen := map[*Var]bool{}
	for _, e := range Entries(m) {
		if !e.Buffer && !seen[e.Var] {
			seen[e.Var] = true
			out = append(out, e)
		}
	}
	return out
}

// CountParams returns the number of trained values in m, tied ones once.
func CountParams(m Module) int {
	n := 0
	for _, e := range Params(m) {
		n += ops.Size(e.Var.Shape())
	}
	return n
}

// NewParam returns a parameter of the given shape with zero values; Initialise
// fills it by init. A nil init leaves zeros.
func NewParam(init Initialiser, shape ...int) *Var {
	return &Var{Value: hostTensor(make([]float32, ops.Size(shape)), shape), leaf: true, wants: true, init: init}
}

// NewBuffer returns a buffer of the given shape, all values alike.
func NewBuffer(value float32, shape ...int) *Var {
	v := make([]float32, ops.Size(shape))
	for i := range v {
		v[i] = value
	}
	return &Var{Value: hostTensor(v, shape), leaf: true}
}

// NewCounter returns an int64 scalar buffer of value 0.
func NewCounter() *Var { return &Var{Value: hostTensor(make([]int64, 1), nil), leaf: true} }

func hostTensor(backing any, shape []int) *tensor.Dense {
	return tensor.New(tensor.WithShape(shape...), tensor.WithBacking(backing))
}

// Sequence runs layers one after the other. Its entries are numbered from 0, as
// in torch.nn.Sequential.
type Sequence []Layer

// Collect implements Module.
func (s Sequence) Collect(c *Collector) {
	for i, l := range s {
		c.Module(fmt.Sprint(i), l)
	}
}

// Forward implements Layer.
func (s Sequence) Forward(t *Tape, x *Var) *Var {
	for i, l := range s {
		y := t.Scope(func() *Var { return l.Forward(t, x) })
		if i > 0 && y != x {
			t.Done(x)
		}
		x = y
	}
	return x
}
