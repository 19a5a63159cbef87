package inpaint

import (
	"math"

	"github.com/tailorbird/tailorbird/kernels/morph"
)

// The states of a pixel. Only unknown makes a difference to the formulas: the
// band of the paper is what is known and still in the queue.
const (
	known = iota
	unknown
	passed // known, reached by the march away from the hole
)

// far is the distance of what no march has reached.
const far = 1e6

// march is the fast marching method: it visits the pixels of a region in the
// order of their distance T from its edge, T solving |grad T| = 1 (Sethian 1996;
// Telea 2004, section 2.2). Its planes have a frame of one pixel around the
// picture, known and never entered, so that all four neighbours of a pixel exist.
type march struct {
	stride, rows int
	state        []byte
	t            []float32
	queue        queue
	hole, wide   []byte // scratch of outwards
}

// start lays out a picture's mask: the hole is unknown, and the pixels beside it
// stand in the queue with T = 0, row by row.
func (m *march) start(mask *morph.Bitmap) {
	m.stride, m.rows = mask.Width+2, mask.Height+2
	n := m.stride * m.rows
	m.state = zeroed(m.state, n)
	m.t = sized(m.t, n)
	for i := range m.t {
		m.t[i] = far
	}
	for y := range mask.Height {
		row := m.state[(y+1)*m.stride+1:]
		for x, v := range mask.Pix[y*mask.Width:][:mask.Width] {
			if v != 0 {
				row[x] = unknown
			}
		}
	}
	m.enqueueBand()
}

// enqueueBand puts the known pixels that have an unknown neighbour in the queue.
func (m *march) enqueueBand() {
	m.queue.reset()
	s := m.stride
	for y := 1; y < m.rows-1; y++ {
		for i := y*s + 1; i < y*s+s-1; i++ {
			if m.state[i] == known && (m.state[i-s] == unknown || m.state[i-1] == unknown ||
				m.state[i+1] == unknown || m.state[i+s] == unknown) {
				m.t[i] = 0
				m.queue.push(0, i)
			}
		}
	}
}

// neighbours are the offsets of a pixel's neighbours in the order of their visit:
// above, left, below, right. The order decides between equal distances.
func (m *march) neighbours() [4]int { return [4]int{-m.stride, -1, m.stride, 1} }

// distance is T of the unknown pixel i by its known neighbours: the least of the
// four quadrants' upwind solutions.
func (m *march) distance(i int) float32 {
	s := m.stride
	up, down, left, right := m.at(i-s), m.at(i+s), m.at(i-1), m.at(i+1)
	return min(solve(up, left), solve(down, left), solve(up, right), solve(down, right))
}

// arrival is T of a neighbour and whether it counts.
type arrival struct {
	t  float64
	ok bool
}

func (m *march) at(i int) arrival { return arrival{float64(m.t[i]), m.state[i] != unknown} }

// solve is the arrival time behind a vertical and a horizontal neighbour: the
// larger root of (T-a)^2 + (T-b)^2 = 1 where both reach it, else one step more
// than the one that does.
func solve(a, b arrival) float32 {
	switch {
	case a.ok && b.ok:
		d := a.t - b.t
		if math.Abs(d) >= 1 {
			return float32(1 + min(a.t, b.t))
		}
		return float32((a.t + b.t + math.Sqrt(2-float64(d*d))) * 0.5)
	case a.ok:
		return float32(1 + a.t)
	case b.ok:
		return float32(1 + b.t)
	}
	return float32(1 + min(a.t, b.t))
}

// outwards gives the known pixels within reach (a square) of the hole their
// distance from it, negative: T becomes a signed distance on both sides of the
// edge. It needs what start leaves, and leaves it but for T.
func (m *march) outwards(reach int) {
	m.hole = append(m.hole[:0], m.state...)
	m.ring(reach)
	m.run()
	for i, s := range m.state {
		if s == passed {
			m.t[i] = -m.t[i]
		}
	}
	copy(m.state, m.hole)
	m.enqueueBand()
}

// ring makes unknown what lies within reach of the hole, but the hole itself and
// the band, which stands in the queue.
func (m *march) ring(reach int) {
	s, n := m.stride, m.rows-2
	m.wide = zeroed(m.wide, len(m.hole))
	for y := 1; y <= n; y++ {
		widen(m.wide[y*s+1:], m.hole[y*s+1:], s-2, 1, reach)
	}
	for x := 1; x < s-1; x++ {
		widen(m.state[s+x:], m.wide[s+x:], n, s, reach)
	}
	for i, v := range m.hole {
		if v == unknown {
			m.state[i] = known
		}
	}
	for _, e := range m.queue.items {
		m.state[e.at] = known
	}
}

// widen copies n elements, step apart, and makes unknown those that have an
// unknown one within reach.
func widen(dst, src []byte, n, step, reach int) {
	last := -reach - 1
	for i := range n {
		if src[i*step] == unknown {
			last = i
		}
		dst[i*step] = known
		if i-last <= reach {
			dst[i*step] = unknown
		}
	}
	next := n + reach
	for i := n - 1; i >= 0; i-- {
		if src[i*step] == unknown {
			next = i
		}
		if next-i <= reach {
			dst[i*step] = unknown
		}
	}
}

// run marches through what is unknown.
func (m *march) run() {
	near := m.neighbours()
	for {
		i, ok := m.queue.pop()
		if !ok {
			return
		}
		m.state[i] = passed
		for _, d := range near {
			if j := i + d; m.state[j] == unknown {
				m.t[j] = m.distance(j)
				m.state[j] = known
				m.queue.push(m.t[j], j)
			}
		}
	}
}
