package training

import (
	"math"

	"gorgonia.org/tensor"

	"github.com/tailorbird/tailorbird/methods/nn"
)

// State64 keeps numbers of 64 bits of a method where checkpoints find them: as an
// int64 buffer that holds integers, or the bits of doubles.
//
//	func (m *Mine) Collect(c *nn.Collector) { c.Buffer("mean_loss", m.mean.Var()) }
//
// It is not for concurrent use.
type State64 struct{ v *nn.Var }

// NewState64 returns n numbers, all 0.
func NewState64(n int) *State64 {
	return &State64{&nn.Var{Value: tensor.New(tensor.WithShape(n), tensor.WithBacking(make([]int64, n)))}}
}

// Var is the buffer for a Collector, of shape (n); nil for a nil State64.
func (s *State64) Var() *nn.Var {
	if s == nil {
		return nil
	}
	return s.v
}

// Len is the number of numbers.
func (s *State64) Len() int { return len(s.Ints()) }

// Ints are the numbers as integers; what is written there is kept.
func (s *State64) Ints() []int64 { return s.v.Value.Int64s() }

// Float returns number i as a double.
func (s *State64) Float(i int) float64 { return math.Float64frombits(uint64(s.Ints()[i])) }

// SetFloat sets number i to a double, bit for bit.
func (s *State64) SetFloat(i int, x float64) { s.Ints()[i] = int64(math.Float64bits(x)) }

// AddFloat adds to number i as a double and returns the sum.
func (s *State64) AddFloat(i int, x float64) float64 {
	s.SetFloat(i, s.Float(i)+x)
	return s.Float(i)
}
