package rle

// edge is one side of an outline on the upsampled grid, from left to right
// where it is flatter than the diagonal, else from top to bottom.
type edge struct {
	a, b  point
	steep bool // more rows than columns
}

// point is a vertex on the upsampled grid.
type point struct{ x, y int }

// grid returns the grid line of coordinate v. A conversion to int truncates, so
// negative coordinates round up at the half: published masks depend on that.
// The conversions to float64, here and below, keep the compiler from fusing
// multiply and add, which rounds once where the reference rounds twice.
func grid(v float64) int { return int(float64(upsample*v) + .5) }

func newEdge(a, b point) edge {
	dx, dy := abs(b.x-a.x), abs(b.y-a.y)
	steep := dx < dy
	if (!steep && a.x > b.x) || (steep && a.y > b.y) {
		a, b = b, a
	}
	return edge{a, b, steep}
}

// columns returns the first and last pixel column in 0..w-1 whose centre line
// lies between grid columns x0 and x1: that of column c lies between 5c+2 and
// 5c+3. There is none where first > last.
func columns(x0, x1, w int) (first, last int) {
	lo, hi := min(x0, x1), max(x0, x1)
	if hi < 3 || lo == hi {
		return 0, -1
	}
	if lo > 2 {
		first = (lo + 2) / upsample
	}
	return first, min((hi-3)/upsample, w-1)
}

// crossings stores for each of the columns from first on the row of the first
// pixel below the place where e crosses it, 0..h: that of column i at
// out[next[i]], and moves next[i] on.
func (e edge) crossings(first, h int, next, out []uint32) {
	if e.steep {
		e.steepCrossings(first, h, next, out)
		return
	}
	x0, y0 := e.a.x, float64(e.a.y)
	slope := float64(e.b.y-e.a.y) / float64(e.b.x-e.a.x)
	t := upsample*first + 2 - x0
	if slope < 0 {
		t++ // of the grid points on both sides, the upper one counts
	}
	for i, k := range next {
		y := int(y0 + float64(slope*float64(t)) + .5)
		out[k] = row(y, h)
		next[i] = k + 1
		t += upsample
	}
}

// steepCrossings is crossings for an edge that is walked down: it looks for the
// first step whose rounded x lies beyond the centre line.
func (e edge) steepCrossings(first, h int, next, out []uint32) {
	dx, steps := e.b.x-e.a.x, e.b.y-e.a.y
	slope, inverse := float64(dx)/float64(steps), float64(steps)/float64(dx)
	x0, right := float64(e.a.x), dx > 0
	line := float64(upsample*first + 3)
	for i, k := range next {
		t := min(max(int((line-.5-x0)*inverse), 1), steps)
		// The estimate is off by little; the formula of the reference decides.
		for t < steps && (x0+float64(slope*float64(t))+.5 >= line) != right {
			t++
		}
		for t > 1 && (x0+float64(slope*float64(t-1))+.5 >= line) == right {
			t--
		}
		out[k] = row(e.a.y+t-1, h)
		next[i] = k + 1
		line += upsample
	}
}

// row returns the first pixel row whose centre is not above grid row y, within
// 0..h.
func row(y, h int) uint32 {
	if y <= 2 {
		return 0
	}
	return uint32(min((y+2)/upsample, h))
}

func abs(x int) int {
	if x < 0 {
		return -x
	}
	return x
}
