package draw

import "github.com/tailorbird/tailorbird/kernels/morph"

// Contour is the border of a component, or of a hole in one.
type Contour struct {
	// Points are the pixels of the foreground where the border turns, outer
	// borders against the clock as seen, holes with it.
	Points []Point
	// Hole tells a hole's border from a component's.
	Hole bool
	// Next, Previous, Child and Parent are indices of contours, -1 where there
	// is none: siblings, the first contour just within, the one around.
	Next, Previous, Child, Parent int
}

// around are the eight neighbours, against the clock from the right.
var around = [8]Point{{1, 0}, {1, -1}, {0, -1}, {-1, -1}, {-1, 0}, {-1, 1}, {0, 1}, {1, 1}}

// tracer follows borders. Cells are those of the picture with a margin of one:
// 0 outside, 1 for pixels on no border yet, and a border's number, negative
// where the pixel to the right is outside.
type tracer struct {
	stride  int
	cells   []int32
	borders []border // from number 2 on
}

type border struct {
	points []Point
	hole   bool
	parent int32 // 1 for the frame around the picture
}

// Contours returns the borders of the foreground of b, whose pixels connect at
// corners too: border following of Suzuki and Abe, "Topological structural
// analysis of digitized binary images by border following", Computer Vision,
// Graphics, and Image Processing 30, 1985. A contour comes before those within
// it, and later ones in reading order before earlier ones.
func Contours(b *morph.Bitmap) []Contour {
	t := tracer{stride: b.Width + 2, cells: make([]int32, (b.Width+2)*(b.Height+2))}
	for y := range b.Height {
		for x, v := range b.Pix[y*b.Width:][:b.Width] {
			if v != 0 {
				t.cells[(y+1)*t.stride+x+1] = 1
			}
		}
	}
	for y := 1; y <= b.Height; y++ {
		t.scan(y)
	}
	return t.tree()
}

// scan follows the borders that begin in row y.
func (t *tracer) scan(y int) {
	last := int32(1) // the border met last in this row
	for x := 1; x < t.stride-1; x++ {
		i := y*t.stride + x
		switch v := t.cells[i]; {
		case v == 0:
			continue
		case v == 1 && t.cells[i-1] == 0:
			t.begin(i, false, last)
		case v >= 1 && t.cells[i+1] == 0:
			if v > 1 {
				last = v
			}
			t.begin(i, true, last)
		}
		if v := t.cells[i]; v != 1 {
			last = max(v, -v)
		}
	}
}

// begin follows a new border from cell i. Its parent is the border met last, or
// that one's parent where both are of one kind.
func (t *tracer) begin(i int, hole bool, last int32) {
	parent := last
	if last == 1 {
		if hole {
			parent = 1
		}
	} else if t.borders[last-2].hole == hole {
		parent = t.borders[last-2].parent
	}
	t.borders = append(t.borders, border{hole: hole, parent: parent})
	b := &t.borders[len(t.borders)-1]
	b.points = t.follow(i, hole, int32(len(t.borders)+1))
}

func (t *tracer) step(d int) int { return around[d&7].Y*t.stride + around[d&7].X }

// follow walks round the border from cell start and marks its cells.
func (t *tracer) follow(start int, hole bool, number int32) []Point {
	outside := 4 // where the cell outside is
	if hole {
		outside = 0
	}
	d := outside - 1
	for t.cells[start+t.step(d)] == 0 {
		d--
		if d == outside-8 {
			t.cells[start] = -number
			return []Point{t.point(start)}
		}
	}
	var points []Point
	end := start + t.step(d) // the cell before start on the way round
	before := (d + 4) & 7    // the direction of the step before
	for i := start; ; {
		// Against the clock from the cell that we come from.
		from := d & 7
		d = from + 1
		for t.cells[i+t.step(d)] == 0 {
			d++
		}
		switch {
		case from < 8 && d > 8: // looked at the right neighbour and found it outside
			t.cells[i] = -number
		case t.cells[i] == 1:
			t.cells[i] = number
		}
		d &= 7
		if d != before {
			points = append(points, t.point(i))
			before = d
		}
		next := i + t.step(d)
		if next == start && i == end {
			return points
		}
		i, d = next, d+4
	}
}

func (t *tracer) point(i int) Point { return Point{i%t.stride - 1, i/t.stride - 1} }

// tree lists the borders, each before those within it.
func (t *tracer) tree() []Contour {
	within := make([][]int32, len(t.borders)+2)
	for i := len(t.borders) - 1; i >= 0; i-- {
		p := t.borders[i].parent
		within[p] = append(within[p], int32(i+2))
	}
	out := make([]Contour, 0, len(t.borders))
	type level struct {
		rest             []int32
		parent, previous int
	}
	stack := []level{{within[1], -1, -1}}
	for len(stack) > 0 {
		l := &stack[len(stack)-1]
		if len(l.rest) == 0 {
			stack = stack[:len(stack)-1]
			continue
		}
		number := l.rest[0]
		l.rest = l.rest[1:]
		b, at := t.borders[number-2], len(out)
		out = append(out, Contour{b.points, b.hole, -1, l.previous, -1, l.parent})
		switch {
		case l.previous >= 0:
			out[l.previous].Next = at
		case l.parent >= 0:
			out[l.parent].Child = at
		}
		l.previous = at
		stack = append(stack, level{within[number], at, -1})
	}
	return out
}
