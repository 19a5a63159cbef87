package historical

import (
	"fmt"

	"gorgonia.org/tensor"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/ops"
	"github.com/tailorbird/tailorbird/methods/nn"
)

// Snapshot holds copies of a network's values: parameters, and the buffers of its
// norms. Bytes counts parameters; buffers count as bookkeeping.
type Snapshot struct {
	e       ops.Engine
	model   []nn.Entry
	copies  [][]*nn.Var
	written stamps
}

// NewSnapshot returns room for n copies of m's values.
func NewSnapshot(e ops.Engine, m nn.Module, n int) *Snapshot {
	s := &Snapshot{e: e, written: newStamps(n)}
	seen := map[*nn.Var]bool{}
	for _, entry := range nn.Entries(m) {
		if !seen[entry.Var] {
			seen[entry.Var] = true
			s.model = append(s.model, entry)
		}
	}
	for range n {
		var c []*nn.Var
		for _, entry := range s.model {
			c = append(c, emptyLike(e, entry.Var))
		}
		s.copies = append(s.copies, c)
	}
	s.Reset()
	return s
}

func emptyLike(e ops.Engine, v *nn.Var) *nn.Var {
	if v.Value.Dtype() == tensor.Int64 {
		return &nn.Var{Value: tensor.New(tensor.WithShape(v.Shape()...), tensor.WithBacking(make([]int64, ops.Size(v.Shape()))))}
	}
	return &nn.Var{Value: e.Borrow(v.Shape()...)}
}

// Take copies the network's values to place i.
func (s *Snapshot) Take(i int, step int64) error {
	for j, entry := range s.model {
		if err := s.e.Upload(s.copies[i][j].Value, entry.Var.Value); err != nil {
			return fault.At(err, fault.Place{Key: entry.Name})
		}
	}
	s.written.set(i, step)
	return nil
}

// Valid says whether place i was taken.
func (s *Snapshot) Valid(i int) bool { return s.written.valid(i) }

// Taken is the number of copies held.
func (s *Snapshot) Taken() int {
	n := 0
	for i := range s.copies {
		if s.Valid(i) {
			n++
		}
	}
	return n
}

// Swap exchanges the network's values and copy i, without copying.
func (s *Snapshot) Swap(i int) {
	for j, entry := range s.model {
		entry.Var.Value, s.copies[i][j].Value = s.copies[i][j].Value, entry.Var.Value
	}
}

func (s *Snapshot) Bytes() int64       { return s.bytes(false) }
func (s *Snapshot) Bookkeeping() int64 { return s.bytes(true) + s.written.bytes() }

func (s *Snapshot) bytes(buffers bool) int64 {
	n := 0
	for _, entry := range s.model {
		if entry.Buffer == buffers {
			n += sizeOf(entry.Var)
		}
	}
	return int64(n) * int64(len(s.copies))
}

func sizeOf(v *nn.Var) int {
	if v.Value.Dtype() == tensor.Int64 {
		return 8 * ops.Size(v.Shape())
	}
	return 4 * ops.Size(v.Shape())
}

func (s *Snapshot) Ages(now int64) []int64 { return s.written.ages(now) }

// Reset implements Store.
func (s *Snapshot) Reset() {
	for _, c := range s.copies {
		for _, v := range c {
			zero(s.e, v)
		}
	}
	s.written.reset()
}

// zero clears a value. Filling with a constant has no operands that could be wrong.
func zero(e ops.Engine, v *nn.Var) {
	if v.Value.Dtype() == tensor.Int64 {
		clear(v.Value.Int64s())
		return
	}
	_ = e.Fill(v.Value, 0)
}

// Collect implements nn.Module: <place>.<name of the value>, all of them buffers.
func (s *Snapshot) Collect(c *nn.Collector) {
	for i := range s.copies {
		for j, entry := range s.model {
			c.Buffer(fmt.Sprintf("%d.%s", i, entry.Name), s.copies[i][j])
		}
	}
	c.Buffer("written", s.written.Var())
}

// Average is an nn.Average as a store: its values are kept and not trained.
type Average struct {
	*nn.Average
	e       ops.Engine
	m       nn.Module
	written stamps
}

// newAverage begins as a copy of m. copyBuffers copies the buffers of norms at every
// update; otherwise they are averaged as the weights are.
func newAverage(e ops.Engine, m nn.Module, rule nn.Averaging, copyBuffers bool) (*Average, error) {
	a, err := nn.NewAverage(e, m, rule)
	if err != nil {
		return nil, err
	}
	a.CopyBuffers = copyBuffers
	return &Average{a, e, m, newStamps(1)}, nil
}

// Update takes the network's values in.
func (a *Average) Update(step int64) error {
	a.written.set(0, step)
	return a.Average.Update()
}

// Begun says whether there was an update.
func (a *Average) Begun() bool { return a.written.valid(0) }

// With runs f while the network has the averaged values.
func (a *Average) With(f func()) {
	a.Swap()
	defer a.Swap()
	f()
}

// Bytes counts the parameters.
func (a *Average) Bytes() int64 { return 4 * int64(nn.CountParams(a.m)) }

func (a *Average) Bookkeeping() int64 {
	n := 0
	for _, e := range nn.Entries(a.Average) {
		if e.Buffer {
			n += sizeOf(e.Var)
		}
	}
	return int64(n) + a.written.bytes()
}

func (a *Average) Ages(now int64) []int64 { return a.written.ages(now) }

// Reset begins the average anew with a copy of the network.
func (a *Average) Reset() {
	own := a.own()
	for i, entry := range distinct(a.m) {
		if err := a.e.Upload(own[i].Var.Value, entry.Var.Value); err != nil {
			panic(fault.At(fault.Wrap(fault.Bug, err), fault.Place{Key: entry.Name}))
		}
	}
	clear(nn.Entries(a.Average)[len(own)].Var.Value.Int64s())
	a.written.reset()
}

// own are the averaged entries, in the order of the network's.
func (a *Average) own() []nn.Entry {
	all := nn.Entries(a.Average)
	return all[:len(all)-1] // the last one counts updates
}

func distinct(m nn.Module) []nn.Entry {
	var out []nn.Entry
	seen := map[*nn.Var]bool{}
	for _, e := range nn.Entries(m) {
		if !seen[e.Var] {
			seen[e.Var] = true
			out = append(out, e)
		}
	}
	return out
}

// Collect implements nn.Module.
func (a *Average) Collect(c *nn.Collector) {
	for _, e := range nn.Entries(a.Average) {
		c.Buffer(e.Name, e.Var)
	}
	c.Buffer("written", a.written.Var())
}

// parameters is a module without its buffers.
type parameters struct{ nn.Module }

func (p parameters) Collect(c *nn.Collector) {
	for _, e := range nn.Params(p.Module) {
		c.Param(e.Name, e.Var)
	}
}
