package historical

import (
	"github.com/tailorbird/tailorbird/methods/nn"
	"github.com/tailorbird/tailorbird/methods/training"
)

// Sum holds doubles that are added to. Sums of float32 would lose increments after
// some ten million of them.
type Sum struct {
	values  *training.State64
	written stamps
}

// NewSum returns n zeros of 8 bytes.
func NewSum(n int) *Sum { return &Sum{training.NewState64(n), newStamps(n)} }

// At is element i.
func (s *Sum) At(i int) float64 { return s.values.Float(i) }

// Valid says whether element i was written.
func (s *Sum) Valid(i int) bool { return s.written.valid(i) }

// Add adds to element i.
func (s *Sum) Add(i int, x float64, step int64) { s.Set(i, s.values.Float(i)+x, step) }

// Set overwrites element i.
func (s *Sum) Set(i int, x float64, step int64) {
	s.values.SetFloat(i, x)
	s.written.set(i, step)
}

// Len is the number of elements.
func (s *Sum) Len() int { return s.values.Len() }

func (s *Sum) Bytes() int64           { return 8 * int64(s.Len()) }
func (s *Sum) Bookkeeping() int64     { return s.written.bytes() }
func (s *Sum) Ages(now int64) []int64 { return s.written.ages(now) }

// Reset implements Store.
func (s *Sum) Reset() {
	clear(s.values.Ints())
	s.written.reset()
}

// Collect implements nn.Module.
func (s *Sum) Collect(c *nn.Collector) {
	c.Buffer("sums", s.values.Var())
	c.Buffer("written", s.written.Var())
}

// Slot holds one element: up to Rows rows that were written together.
type Slot struct {
	Rows, Width int
	values      *nn.Var
	rows        *training.State64
	written     stamps
}

// NewSlot returns an empty slot.
func NewSlot(rows, width int) *Slot {
	return &Slot{rows, width, nn.NewBuffer(0, rows, width), training.NewState64(1), newStamps(1)}
}

// Put overwrites the element.
func (s *Slot) Put(values []float32, step int64) {
	copy(s.values.Value.Float32s(), values)
	s.rows.Ints()[0] = int64(len(values) / s.Width)
	s.written.set(0, step)
}

// Get returns the rows, the slot's own memory, and whether there are any.
func (s *Slot) Get() ([]float32, bool) {
	n := int(s.rows.Ints()[0])
	return s.values.Value.Float32s()[:n*s.Width], n > 0
}

func (s *Slot) Bytes() int64           { return 4 * int64(s.Rows) * int64(s.Width) }
func (s *Slot) Bookkeeping() int64     { return 16 }
func (s *Slot) Ages(now int64) []int64 { return s.written.ages(now) }

// Reset implements Store.
func (s *Slot) Reset() {
	clear(s.values.Value.Float32s())
	clear(s.rows.Ints())
	s.written.reset()
}

// Collect implements nn.Module.
func (s *Slot) Collect(c *nn.Collector) {
	c.Buffer("values", s.values)
	c.Buffer("rows", s.rows.Var())
	c.Buffer("written", s.written.Var())
}

// Counts holds 64-bit integers of which only Bits are needed: labels, flags, counters.
type Counts struct {
	*training.State64
	Bits int // of an element in the formula
}

// NewCounts returns n zeros.
func NewCounts(n, bits int) *Counts { return &Counts{training.NewState64(n), bits} }

// Bytes is what the information takes; in memory each is 8 bytes.
func (c *Counts) Bytes() int64             { return (int64(c.Len())*int64(c.Bits) + 7) / 8 }
func (c *Counts) Bookkeeping() int64       { return 8*int64(c.Len()) - c.Bytes() }
func (c *Counts) Ages(int64) []int64       { return nil }
func (c *Counts) Reset()                   { clear(c.Ints()) }
func (c *Counts) Collect(to *nn.Collector) { to.Buffer("counts", c.Var()) }
