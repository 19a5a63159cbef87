package cpu

import (
	"gorgonia.org/tensor"

	"github.com/tailorbird/tailorbird/kernels/ops"
)

// moveState holds the tasks of this family.
type moveState struct {
	copying  copyTask
	indexing indexTask
	gather   gatherTask
}

// Copy implements ops.Mover.
func (e *Engine) Copy(dst, src *tensor.Dense, p ops.Copy) error {
	if err := ops.WantType("copy", tensor.Float32, dst, src); err != nil {
		return err
	}
	to, from := dst.Float32s(), src.Float32s()
	plan, err := p.Plan(len(to), len(from))
	if err != nil {
		return err
	}
	c := &e.copying
	*c = copyTask{CopyPlan: plan, to: to, from: from, add: p.Accumulate}
	c.prepare()
	e.run(partsOf(c.units, c.perUnit), c)
	c.to, c.from = nil, nil
	return nil
}

// copyTask runs a plan. A unit is a chunk of a line, which is the last axis; or
// a band of a matrix to transpose, which is the last two.
type copyTask struct {
	ops.CopyPlan
	to, from []float32
	add      bool

	kind    copyKind
	outer   int // axes before this one are walked from unit to unit
	chunks  int // a line
	chunk   int // elements of a chunk, or rows of a band
	units   int
	perUnit int // elements
}

type copyKind int

const (
	copyRuns      copyKind = iota // both sides contiguous
	copyTurned                    // the other axis is contiguous in src
	copyScattered                 // anything else
)

func (c *copyTask) prepare() {
	last := c.Rank - 1
	c.outer, c.chunk = last, 8192
	switch {
	case c.To[last] == 1 && c.From[last] == 1:
		c.kind = copyRuns
	case c.To[last] == 1 && c.turn():
		c.kind, c.outer, c.chunk = copyTurned, last-1, 32
	default:
		c.kind = copyScattered
	}
	c.chunks = (c.Shape[c.outer] + c.chunk - 1) / c.chunk
	c.units = ops.Size(c.Shape[:c.outer]) * c.chunks
	c.perUnit = min(c.chunk, c.Shape[c.outer]) * ops.Size(c.Shape[c.outer+1:c.Rank])
}

// turn looks for the axis that is contiguous in src and makes it the last but one.
func (c *copyTask) turn() bool {
	for a := 0; a < c.Rank-1; a++ {
		if c.From[a] != 1 || c.Shape[a] < 4 {
			continue
		}
		d, to := c.Shape[a], c.To[a]
		at := c.Rank - 2
		copy(c.Shape[a:at], c.Shape[a+1:at+1])
		copy(c.To[a:at], c.To[a+1:at+1])
		copy(c.From[a:at], c.From[a+1:at+1])
		c.Shape[at], c.To[at], c.From[at] = d, to, 1
		return true
	}
	return false
}

func (c *copyTask) part(i int, _ *scratch) {
	var at [ops.MaxAxes]int
	begin, end := split(c.units, partsOf(c.units, c.perUnit), i)
	line, chunk := begin/c.chunks, begin%c.chunks
	to, from := c.ToOffset, c.FromOffset
	for a := c.outer - 1; a >= 0; a-- {
		at[a] = line % c.Shape[a]
		line /= c.Shape[a]
		to += at[a] * c.To[a]
		from += at[a] * c.From[a]
	}
	if c.kind == copyRuns && c.chunks == 1 && c.outer > 0 {
		c.runs(&at, to, from, end-begin)
		return
	}
	for range end - begin {
		first := chunk * c.chunk
		c.unit(to+first*c.To[c.outer], from+first*c.From[c.outer], min(c.chunk, c.Shape[c.outer]-first))
		if chunk++; chunk < c.chunks {
			continue
		}
		chunk = 0
		to, from = c.step(&at, c.outer-1, 1, to, from)
	}
}

// step goes n places further on an axis, at most to its end, and then on with the
// axes before it.
func (c *copyTask) step(at *[ops.MaxAxes]int, axis, n, to, from int) (int, int) {
	for a := axis; a >= 0; a-- {
		to += n * c.To[a]
		from += n * c.From[a]
		if at[a] += n; at[a] < c.Shape[a] {
			break
		}
		to -= at[a] * c.To[a]
		from -= at[a] * c.From[a]
		at[a], n = 0, 1
	}
	return to, from
}

// runs does whole lines, as many at once as follow each other on the axis before.
func (c *copyTask) runs(at *[ops.MaxAxes]int, to, from, lines int) {
	a, n := c.outer-1, c.Shape[c.outer]
	for lines > 0 {
		count := min(lines, c.Shape[a]-at[a])
		if !fastRuns(c.to, c.from, to, from, c.To[a], c.From[a], count, n, c.add) {
			for i := range count {
				c.unit(to+i*c.To[a], from+i*c.From[a], n)
			}
		}
		lines -= count
		to, from = c.step(at, a, count, to, from)
	}
}

// unit does n elements of a line, or n rows of a matrix.
func (c *copyTask) unit(to, from, n int) {
	switch c.kind {
	case copyRuns:
		d, s := c.to[to:to+n], c.from[from:from+n]
		if c.add {
			addTo(d, s)
		} else {
			copy(d, s)
		}
	case copyTurned:
		c.transpose(to, from, n)
	case copyScattered:
		c.scatter(to, from, n)
	}
}

func (c *copyTask) scatter(to, from, n int) {
	dt, df := c.To[c.outer], c.From[c.outer]
	switch {
	case c.add:
		for range n {
			c.to[to] += c.from[from]
			to += dt
			from += df
		}
	case df == 0:
		v := c.from[from]
		for range n {
			c.to[to] = v
			to += dt
		}
	default:
		for range n {
			c.to[to] = c.from[from]
			to += dt
			from += df
		}
	}
}

// transpose turns n rows of dst, each contiguous, that are columns of src. It
// goes by blocks of columns, so that what all rows read lies in the first-level cache.
func (c *copyTask) transpose(to, from, n int) {
	const block = 64
	last := c.Rank - 1
	width, dt, df := c.Shape[last], c.To[last-1], c.From[last]
	for j := 0; j < width; j += block {
		cols := min(block, width-j)
		rows := 0
		if !c.add {
			rows = fastTranspose(c.to, c.from, to+j, from+j*df, dt, df, n, cols)
		}
		for i := range n {
			first := 0
			if i < rows {
				first = cols &^ 7
			}
			s := from + i + (j+first)*df
			d := c.to[to+i*dt+j:][:cols]
			for k := first; k < cols; k++ {
				v := c.from[s]
				s += df
				if c.add {
					v += d[k]
				}
				d[k] = v
			}
		}
	}
}
