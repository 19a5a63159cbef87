package draw

// fillConvex fills a convex polygon of corners in fixed point: its outline
// first, then row by row what lies between its two sides.
func (c *Canvas) fillConvex(v []Point, colour []byte) {
	top, bottom := 0, 0
	for i, p := range v {
		c.thin(v[(i+len(v)-1)%len(v)], p, colour)
		if p.Y < v[top].Y {
			top = i
		}
		if p.Y > v[bottom].Y {
			bottom = i
		}
	}
	if len(v) < 3 {
		return
	}
	y0, y1 := round(v[top].Y), min(round(v[bottom].Y), c.Height-1)
	left := len(v)
	sides := [2]side{{at: top, step: 1, until: y0, x: -one}, {at: top, step: len(v) - 1, until: y0, x: -one}}
	for y := y0; y <= y1; y++ {
		for i := range sides {
			if y >= sides[i].until {
				left = sides[i].next(v, y, left)
			}
		}
		if left < 0 {
			return
		}
		a, b := sides[0].x, sides[1].x
		c.span(round(min(a, b)), round(max(a, b)), y, colour)
		sides[0].x += sides[0].slope
		sides[1].x += sides[1].slope
	}
}

// side is one of the two chains of edges from the top of a polygon down: the
// edge that it is on ends at corner at, in row until.
type side struct {
	at, step, until int
	x, slope        int // in fixed point, at the row and for each row
}

// next moves to the first edge that ends below row y and returns how many edges
// are left, negative when they ran out.
func (s *side) next(v []Point, y int, left int) int {
	from := s.at
	to := (from + s.step) % len(v)
	for ; left > 0; left-- {
		if end := round(v[to].Y); end > y {
			rows := end - y
			s.until, s.at = end, to
			s.x = v[from].X
			s.slope = ((v[to].X-s.x)*2 + rows) / (2 * rows)
			return left - 1
		}
		from, to = to, (to+s.step)%len(v)
	}
	return -1
}

func round(fixed int) int { return (fixed + half) >> shift }

// thin draws a line of one pixel between points in fixed point: a step of one
// pixel along the longer axis, and of the slope along the other (a digital
// differential analyser).
func (c *Canvas) thin(p, q Point, colour []byte) {
	c.span(round(q.X), round(q.X), round(q.Y), colour)
	dx, dy := q.X-p.X, q.Y-p.Y
	if ax, ay := max(dx, -dx), max(dy, -dy); ax > ay {
		if dx < 0 {
			p, dy = q, -dy
		}
		slope := dy * one / (ax | 1)
		x, y := round(p.X), p.Y+half
		for range ax>>shift + 1 {
			c.span(x, x, y>>shift, colour)
			x, y = x+1, y+slope
		}
	} else {
		if dy < 0 {
			p, dx = q, -dx
		}
		slope := dx * one / (ay | 1)
		x, y := p.X+half, round(p.Y)
		for range ay>>shift + 1 {
			c.span(x>>shift, x>>shift, y, colour)
			x, y = x+slope, y+1
		}
	}
}
