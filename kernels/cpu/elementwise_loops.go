package cpu

import (
	"github.com/tailorbird/tailorbird/internal/fault"
)

const (
	maxAxes   = 12      // axes of a broadcast after neighbours that lie in a row are joined
	pieceSize = 1 << 14 // elements of a run that are worked on in one go
)

// loops are the nested loops of a broadcast: operand k's element for the indices
// i is at the sum of i[d] * step[k][d]; a repeated axis has step 0. Operand 0 is
// the result, which is dense.
type loops struct {
	axes   int // at least 1; the last is the innermost
	dim    [maxAxes]int
	step   [4][maxAxes]int
	runs   int // product of all axes but the last
	pieces int // into which each run is cut
}

// set plans the loops over a result of shape out for operands of shapes that
// broadcast to it. A nil shape is skipped.
func (l *loops) set(op string, out []int, a, b, c []int) error {
	shapes := [4][]int{out, a, b, c}
	for k := 1; k < 4; k++ {
		if !repeats(shapes[k], out) {
			return fault.New(fault.Usage, "%s: shape %v does not broadcast to %v", op, shapes[k], out)
		}
	}
	l.axes, l.runs = 0, 1
	var dims [maxAxes]int // innermost first
	var steps [4][maxAxes]int
	var stride [4]int
	for k := range stride {
		stride[k] = 1
	}
	for i := 1; i <= len(out); i++ {
		d := out[len(out)-i]
		if d == 1 {
			continue
		}
		var step [4]int
		joins := l.axes > 0
		for k, s := range shapes {
			if i <= len(s) && s[len(s)-i] != 1 {
				step[k] = stride[k]
				stride[k] *= d
			}
			joins = joins && step[k] == steps[k][l.axes-1]*dims[l.axes-1]
		}
		if joins {
			dims[l.axes-1] *= d
			continue
		}
		if l.axes == maxAxes {
			return fault.New(fault.Usage, "%s: shapes %v, %v and %v have too many axes", op, out, a, b)
		}
		dims[l.axes] = d
		for k := range step {
			steps[k][l.axes] = step[k]
		}
		l.axes++
	}
	l.reverse(&dims, &steps)
	return nil
}

// reverse stores the axes outermost first.
func (l *loops) reverse(dims *[maxAxes]int, steps *[4][maxAxes]int) {
	if l.axes == 0 {
		dims[0], l.axes = 1, 1
	}
	for d := range l.axes {
		from := l.axes - 1 - d
		l.dim[d] = dims[from]
		for k := range l.step {
			l.step[k][d] = steps[k][from]
		}
		if from > 0 {
			l.runs *= dims[from]
		}
	}
	l.pieces = (l.inner() + pieceSize - 1) / pieceSize
}

// repeats tells whether shape s broadcasts to out.
func repeats(s, out []int) bool {
	if len(s) > len(out) {
		return false
	}
	for i, d := range s {
		if d != 1 && d != out[len(out)-len(s)+i] {
			return false
		}
	}
	return true
}

func (l *loops) inner() int { return l.dim[l.axes-1] }

// units is the number of pieces of all runs: what the parts share.
func (l *loops) units() int { return l.runs * l.pieces }

// parts is into how many parts to cut work of so many operations an element.
func (l *loops) parts(cost int) int {
	return min(partsOf(l.runs*l.inner(), cost), l.units())
}

// cursor walks over units.
type cursor struct {
	at  [maxAxes]int
	off [4]int // of the run
	run int
}

// seek goes to a run.
func (l *loops) seek(c *cursor, run int) {
	c.off, c.run = [4]int{}, run
	for d := l.axes - 2; d >= 0; d-- {
		c.at[d] = run % l.dim[d]
		run /= l.dim[d]
		for k := range c.off {
			c.off[k] += c.at[d] * l.step[k][d]
		}
	}
}

// next goes to the next run.
func (l *loops) next(c *cursor) {
	c.run++
	for d := l.axes - 2; d >= 0; d-- {
		c.at[d]++
		for k := range c.off {
			c.off[k] += l.step[k][d]
		}
		if c.at[d] < l.dim[d] {
			return
		}
		for k := range c.off {
			c.off[k] -= c.at[d] * l.step[k][d]
		}
		c.at[d] = 0
	}
}

// piece returns the bounds of unit u within its run, after moving c to that run.
func (l *loops) piece(c *cursor, u int) (from, to int) {
	run := u / l.pieces
	if run == c.run+1 {
		l.next(c)
	} else if run != c.run {
		l.seek(c, run)
	}
	from = u % l.pieces * pieceSize
	return from, min(from+pieceSize, l.inner())
}

// operand returns elements from..to of the current run of operand k, or the one
// element that all of the run share.
func (l *loops) operand(c *cursor, k int, v []float32, from, to int) []float32 {
	off := c.off[k]
	if l.step[k][l.axes-1] == 0 {
		return v[off : off+1]
	}
	return v[off+from : off+to]
}
