package historical

import (
	"math"

	"github.com/tailorbird/tailorbird/methods/nn"
	"github.com/tailorbird/tailorbird/methods/training"
)

// Store keeps history. What it keeps is a copy: it shares no memory with what it was
// given, and lies in Collect's buffers.
type Store interface {
	nn.Module
	// Bytes is the memory of the elements.
	Bytes() int64
	// Bookkeeping is the memory of everything beside them: steps of writes, counts.
	Bookkeeping() int64
	// Ages lists how many steps before now each present element was written.
	Ages(now int64) []int64
	// Reset forgets all elements.
	Reset()
}

// NamedStore is a store of a mechanism.
type NamedStore struct {
	Name  string
	Store Store
}

// stamps are the steps at which n elements were written, each one more than the step:
// 0 is never.
type stamps struct{ *training.State64 }

func newStamps(n int) stamps { return stamps{training.NewState64(n)} }

func (s stamps) set(i int, step int64) { s.Ints()[i] = step + 1 }
func (s stamps) valid(i int) bool      { return s.Ints()[i] > 0 }
func (s stamps) bytes() int64          { return 8 * int64(s.Len()) }
func (s stamps) reset()                { clear(s.Ints()) }

func (s stamps) ages(now int64) []int64 {
	var out []int64
	for _, at := range s.Ints() {
		if at > 0 {
			out = append(out, now+1-at)
		}
	}
	return out
}

// Table holds a row of float32 a sample, by its id.
type Table struct {
	Rows, Width int
	values      *nn.Var
	written     stamps
}

// NewTable returns a table without valid rows.
func NewTable(rows, width int) *Table {
	return &Table{rows, width, nn.NewBuffer(0, rows, width), newStamps(rows)}
}

// Valid says whether row id was written.
func (t *Table) Valid(id int64) bool { return t.written.valid(int(id)) }

// Row is row id, the table's own memory.
func (t *Table) Row(id int64) []float32 {
	return t.values.Value.Float32s()[int(id)*t.Width:][:t.Width]
}

// Set copies a row in.
func (t *Table) Set(id int64, row []float32, step int64) {
	copy(t.Row(id), row)
	t.written.set(int(id), step)
}

func (t *Table) Bytes() int64           { return 4 * int64(t.Rows) * int64(t.Width) }
func (t *Table) Bookkeeping() int64     { return t.written.bytes() }
func (t *Table) Ages(now int64) []int64 { return t.written.ages(now) }

// Reset implements Store.
func (t *Table) Reset() {
	clear(t.values.Value.Float32s())
	t.written.reset()
}

// Collect implements nn.Module.
func (t *Table) Collect(c *nn.Collector) {
	c.Buffer("rows", t.values)
	c.Buffer("written", t.written.Var())
}

// EMA is a table of exponential moving averages from zero: v <- Alpha v + (1-Alpha) x.
// With Correct its values are divided by 1 - Alpha^t, t the row's number of updates.
type EMA struct {
	Table
	Alpha   float64
	Correct bool
	updates *training.State64
}

// NewEMA returns averages of nothing.
func NewEMA(rows, width int, alpha float64, correct bool) *EMA {
	return &EMA{*NewTable(rows, width), alpha, correct, training.NewState64(rows)}
}

// Update folds x into row id.
func (m *EMA) Update(id int64, x []float32, step int64) {
	row := m.Row(id)
	for i, v := range x {
		row[i] = float32(float64(m.Alpha*float64(row[i])) + float64((1-m.Alpha)*float64(v)))
	}
	m.written.set(int(id), step)
	m.updates.Ints()[id]++
}

// Value writes the average of row id to dst, and says whether there is one.
func (m *EMA) Value(dst []float32, id int64) bool {
	t := m.updates.Ints()[id]
	if t == 0 {
		return false
	}
	scale := 1.0
	if m.Correct {
		scale = 1 / (1 - math.Pow(m.Alpha, float64(t)))
	}
	for i, v := range m.Row(id) {
		dst[i] = float32(float64(v) * scale)
	}
	return true
}

func (m *EMA) Bookkeeping() int64 { return m.Table.Bookkeeping() + 8*int64(m.Rows) }

// Reset implements Store.
func (m *EMA) Reset() {
	m.Table.Reset()
	clear(m.updates.Ints())
}

// Collect implements nn.Module.
func (m *EMA) Collect(c *nn.Collector) {
	m.Table.Collect(c)
	c.Buffer("updates", m.updates.Var())
}

// Ring holds the last Cap rows with a label each. A write that runs over the end goes
// on at the start, whatever the sizes.
type Ring struct {
	Cap, Width int
	values     *nn.Var
	labels     *training.State64
	written    stamps
	pushed     *training.State64 // rows ever
}

// NewRing returns an empty ring.
func NewRing(capacity, width int) *Ring {
	return &Ring{capacity, width, nn.NewBuffer(0, capacity, width), training.NewState64(capacity), newStamps(capacity), training.NewState64(1)}
}

// Push copies rows in, each over the oldest.
func (r *Ring) Push(rows []float32, labels []int64, step int64) {
	if r.Cap == 0 {
		return
	}
	for i, l := range labels {
		at := int(r.pushed.Ints()[0] % int64(r.Cap))
		copy(r.values.Value.Float32s()[at*r.Width:][:r.Width], rows[i*r.Width:])
		r.labels.Ints()[at] = l
		r.written.set(at, step)
		r.pushed.Ints()[0]++
	}
}

// Len is the number of rows held.
func (r *Ring) Len() int { return int(min(r.pushed.Ints()[0], int64(r.Cap))) }

// Held are the rows and their labels in places of the ring, its own memory.
func (r *Ring) Held() ([]float32, []int64) {
	n := r.Len()
	return r.values.Value.Float32s()[:n*r.Width], r.labels.Ints()[:n]
}

// Newest returns the place of the row pushed last but k.
func (r *Ring) Newest(k int) int {
	return int((r.pushed.Ints()[0] - 1 - int64(k)) % int64(r.Cap))
}

// holds says whether the newest row was written at this step.
func (r *Ring) holds(step int64) bool {
	return r.Len() > 0 && r.written.Ints()[r.Newest(0)] == step+1
}

// Bytes is Cap (Width 4 + 8): rows and labels.
func (r *Ring) Bytes() int64           { return int64(r.Cap) * (4*int64(r.Width) + 8) }
func (r *Ring) Bookkeeping() int64     { return r.written.bytes() + 8 }
func (r *Ring) Ages(now int64) []int64 { return r.written.ages(now) }

// Reset implements Store.
func (r *Ring) Reset() {
	clear(r.values.Value.Float32s())
	clear(r.labels.Ints())
	r.written.reset()
	clear(r.pushed.Ints())
}

// Collect implements nn.Module.
func (r *Ring) Collect(c *nn.Collector) {
	c.Buffer("rows", r.values)
	c.Buffer("labels", r.labels.Var())
	c.Buffer("written", r.written.Var())
	c.Buffer("pushed", r.pushed.Var())
}
