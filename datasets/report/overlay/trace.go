package overlay

import "github.com/tailorbird/tailorbird/kernels/rle"

// maxRuns bounds what is traced of one mask.
const maxRuns = 1 << 15

// point is a corner of the pixel grid.
type point struct{ x, y int }

// stretch is a vertical stretch of ones in one column, rows y0 <= y < y1.
type stretch struct{ y0, y1 int }

// tracer gathers the sides of a mask, with the ones always on the right hand,
// and links them to closed outlines.
type tracer struct {
	from, to []point
	out      map[point][]int // sides by their start, last in first out

	left, right []stretch // scratch of between
}

// trace returns the outlines of m as closed polygons without repeated end. Ones
// lie inside by the even-odd rule and by the non-zero rule alike.
func trace(m rle.Mask) [][]point {
	if m.Validate() != nil || len(m.Counts) > maxRuns {
		return nil
	}
	t := &tracer{out: map[point][]int{}}
	var before []stretch
	column := 0
	eachColumn(m, func(x int, now []stretch) {
		if x > column { // empty columns between
			t.between(column, before, nil)
			before = before[:0]
		}
		t.between(x, before, now)
		for _, s := range now {
			t.side(point{x, s.y0}, point{x + 1, s.y0})
			t.side(point{x + 1, s.y1}, point{x, s.y1})
		}
		before = append(before[:0], now...)
		column = x + 1
	})
	t.between(column, before, nil)
	return t.link()
}

// eachColumn calls f for each column that holds ones, from left to right.
func eachColumn(m rle.Mask, f func(x int, now []stretch)) {
	var now []stretch
	column, pos := -1, 0
	for i, c := range m.Counts {
		start, end := pos, pos+int(c)
		pos = end
		if i%2 == 0 {
			continue
		}
		for start < end {
			x := start / m.Height
			if x != column && len(now) > 0 {
				f(column, now)
				now = now[:0]
			}
			column = x
			stop := min(end, (x+1)*m.Height)
			y0, y1 := start-x*m.Height, stop-x*m.Height
			if n := len(now); n > 0 && now[n-1].y1 == y0 { // an empty run of zeros lay between
				now[n-1].y1 = y1
			} else {
				now = append(now, stretch{y0, y1})
			}
			start = stop
		}
	}
	if len(now) > 0 {
		f(column, now)
	}
}

// between adds the vertical sides on grid line x, where left and right of it
// differ.
func (t *tracer) between(x int, left, right []stretch) {
	t.left, t.right = append(t.left[:0], left...), append(t.right[:0], right...)
	l, r := t.left, t.right
	for len(l) > 0 || len(r) > 0 {
		switch {
		case len(r) == 0 || len(l) > 0 && l[0].y1 <= r[0].y0:
			t.side(point{x, l[0].y0}, point{x, l[0].y1})
			l = l[1:]
		case len(l) == 0 || r[0].y1 <= l[0].y0:
			t.side(point{x, r[0].y1}, point{x, r[0].y0})
			r = r[1:]
		default: // they overlap: nothing lies between where both are ones
			if l[0].y0 != r[0].y0 {
				t.side(point{x, l[0].y0}, point{x, r[0].y0})
			}
			end := min(l[0].y1, r[0].y1)
			l, r = below(l, end), below(r, end)
		}
	}
}

// below cuts from the first of s what lies above row y.
func below(s []stretch, y int) []stretch {
	if s[0].y1 == y {
		return s[1:]
	}
	s[0].y0 = y
	return s
}

func (t *tracer) side(from, to point) {
	t.out[from] = append(t.out[from], len(t.from))
	t.from, t.to = append(t.from, from), append(t.to, to)
}

// link follows the sides from each start to closed outlines, leaving out
// corners on straight lines.
func (t *tracer) link() [][]point {
	var loops [][]point
	used := make([]bool, len(t.from))
	for first := range t.from {
		if used[first] {
			continue
		}
		var loop []point
		for side := first; side >= 0; side = t.next(side, used) {
			used[side] = true
			loop = appendCorner(loop, t.from[side])
		}
		loops = append(loops, trimStart(loop))
	}
	return loops
}

// trimStart leaves out corners on straight lines where the walk began, which may
// be anywhere.
func trimStart(loop []point) []point {
	n := len(loop)
	if n > 2 && straight(loop[n-2], loop[n-1], loop[0]) {
		loop = loop[:n-1]
		n--
	}
	if n > 2 && straight(loop[n-1], loop[0], loop[1]) {
		loop = loop[1:]
	}
	return loop
}

// next takes a side that starts where the given one ends, -1 where none is left.
func (t *tracer) next(side int, used []bool) int {
	at := t.to[side]
	for sides := t.out[at]; len(sides) > 0; sides = t.out[at] {
		s := sides[len(sides)-1]
		t.out[at] = sides[:len(sides)-1]
		if !used[s] {
			return s
		}
	}
	return -1
}

// appendCorner appends p, replacing the last corner where it lies on the way.
func appendCorner(loop []point, p point) []point {
	if n := len(loop); n >= 2 && straight(loop[n-2], loop[n-1], p) {
		loop[n-1] = p
		return loop
	}
	return append(loop, p)
}

// straight reports whether the way from a over b to c has no corner.
func straight(a, b, c point) bool {
	return a.x == b.x && b.x == c.x || a.y == b.y && b.y == c.y
}
