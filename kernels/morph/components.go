package morph

import (
	"encoding/binary"
	"math/bits"
)

// Component is one connected piece of the foreground.
type Component struct {
	Area int    // in pixels
	Box  [4]int // tight: x, y, width, height in pixels
}

// run is a row's pixels from x0 up to x1, not within. Parent is the run that it
// was joined to, itself where it is a root; label is set on roots.
type run struct {
	y, x0, x1 int32
	parent    int32
	label     int32
}

// Components writes to labels, row by row, 0 for the background and i+1 for the
// pixels of component i, and returns labels, grown where it is too short, and
// the components. Pixels that touch at a corner are connected. The order is
// that of OpenCV 5's connectedComponents: by the first 2x2 block, counted row by
// row over the picture cut into such blocks, that has a pixel of the component.
// The components are the Morpher's, valid until its next call.
//
// The method is run based union-find (He, Chao and Suzuki, "A run-based two-scan
// labeling algorithm", IEEE Trans. Image Processing 17(5), 2008).
func (m *Morpher) Components(labels []int32, src *Bitmap) ([]int32, []Component) {
	labels = grow(labels, src.Width*src.Height)
	clear(labels)
	m.findRuns(src)
	for y := 1; y < src.Height; y++ {
		m.joinRows(y)
	}
	m.parts = m.parts[:0]
	for y := 0; y < src.Height; y += 2 {
		m.numberRows(y)
	}
	for i := range m.runs {
		r := &m.runs[i]
		label := m.runs[m.root(int32(i))].label
		m.parts[label-1].add(*r)
		row := labels[int(r.y)*src.Width:]
		for x := r.x0; x < r.x1; x++ {
			row[x] = label
		}
	}
	for i := range m.parts { // from corners to sizes
		b := &m.parts[i].Box
		b[2], b[3] = b[2]-b[0], b[3]-b[1]
	}
	return labels, m.parts
}

// add counts a run. Until Components is done the box is x0, y0, x1, y1.
func (c *Component) add(r run) {
	b := &c.Box
	if c.Area == 0 {
		*b = [4]int{int(r.x0), int(r.y), int(r.x1), int(r.y) + 1}
	}
	c.Area += int(r.x1 - r.x0)
	b[0], b[2], b[3] = min(b[0], int(r.x0)), max(b[2], int(r.x1)), int(r.y)+1
}

// findRuns lists the runs of b in reading order.
func (m *Morpher) findRuns(b *Bitmap) {
	m.runs, m.rows = m.runs[:0], m.rows[:0]
	for y := range b.Height {
		m.rows = append(m.rows, len(m.runs))
		row := b.Pix[y*b.Width:][:b.Width]
		for x := nextSet(row, 0); x < len(row); {
			end := nextClear(row, x)
			m.runs = append(m.runs, run{y: int32(y), x0: int32(x), x1: int32(end), parent: int32(len(m.runs))})
			x = nextSet(row, end)
		}
	}
	m.rows = append(m.rows, len(m.runs))
}

// nextSet returns the first x from the given one on whose byte is not 0, else
// the length of row.
func nextSet(row []byte, x int) int {
	for ; x+8 <= len(row); x += 8 {
		if v := binary.LittleEndian.Uint64(row[x:]); v != 0 {
			return x + bits.TrailingZeros64(v)/8
		}
	}
	for x < len(row) && row[x] == 0 {
		x++
	}
	return x
}

// nextClear is nextSet for a byte that is 0.
func nextClear(row []byte, x int) int {
	for ; x+8 <= len(row); x += 8 {
		if ones := eight(binary.LittleEndian.Uint64(row[x:])); ones != 255 {
			return x + bits.TrailingZeros64(^ones)
		}
	}
	for x < len(row) && row[x] != 0 {
		x++
	}
	return x
}

// joinRows joins the runs of row y to those of the row above that they touch.
func (m *Morpher) joinRows(y int) {
	i, j := m.rows[y-1], m.rows[y]
	for i < m.rows[y] && j < m.rows[y+1] {
		above, here := &m.runs[i], &m.runs[j]
		if above.x0 <= here.x1 && here.x0 <= above.x1 { // a corner is enough
			a, b := m.root(int32(i)), m.root(int32(j))
			// The earlier run stays the root.
			m.runs[max(a, b)].parent = min(a, b)
		}
		if above.x1 < here.x1 {
			i++
		} else {
			j++
		}
	}
}

func (m *Morpher) root(i int32) int32 {
	for m.runs[i].parent != i {
		up := m.runs[i].parent
		m.runs[i].parent = m.runs[up].parent // path halving
		i = up
	}
	return i
}

// numberRows labels the components that are new in rows y and y+1, in the order
// of their 2x2 blocks. Runs in one block are of one component.
func (m *Morpher) numberRows(y int) {
	i, iEnd := m.rows[y], m.rows[y+1]
	j, jEnd := iEnd, iEnd
	if y+2 < len(m.rows) {
		jEnd = m.rows[y+2]
	}
	for i < iEnd || j < jEnd {
		next := i
		if i == iEnd || j < jEnd && m.runs[j].x0/2 < m.runs[i].x0/2 {
			next = j
			j++
		} else {
			i++
		}
		if r := &m.runs[m.root(int32(next))]; r.label == 0 {
			m.parts = append(m.parts, Component{})
			r.label = int32(len(m.parts))
		}
	}
}
