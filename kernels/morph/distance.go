package morph

import "math"

// far stands for a pixel without background in its column. Its square fits an
// int with room to spare.
const far = math.MaxInt32

// parabola is a piece of a row's lower envelope: the distances squared to the
// background in column x, lowest of all from column from on.
type parabola struct{ x, height, from int }

// Distance writes to dst, row by row, the Euclidean distance in pixels from each
// foreground pixel's centre to that of the nearest background pixel, 0 for
// background, and returns dst, grown where it is too short. What is beyond the
// edge is not background; a picture without background is at +Inf.
//
// The method is the lower envelope of parabolas (Felzenszwalb and Huttenlocher,
// "Distance transforms of sampled functions", Theory of Computing 8, 2012), here
// on integers: each value is the correctly rounded root of the exact square.
func (m *Morpher) Distance(dst []float32, src *Bitmap) []float32 {
	w, h := src.Width, src.Height
	dst = grow(dst, w*h)
	m.column = grow(m.column, w*h)
	m.columnDistances(src)
	for y := range h {
		m.envelope(m.column[y*w:][:w])
		m.rowDistances(dst[y*w:][:w], m.column[y*w:][:w])
	}
	return dst
}

// columnDistances finds the distance to the nearest background pixel up or down,
// far where there is none.
func (m *Morpher) columnDistances(b *Bitmap) {
	w := b.Width
	for i, v := range b.Pix[:w*b.Height] {
		d := int32(0)
		if v != 0 {
			d = far
			if i >= w && m.column[i-w] < far {
				d = m.column[i-w] + 1
			}
		}
		m.column[i] = d
	}
	for i := w*b.Height - w - 1; i >= 0; i-- {
		if below := m.column[i+w]; below < m.column[i] {
			m.column[i] = below + 1
		}
	}
}

// envelope keeps the parabolas of a row that are lowest somewhere, left to right.
func (m *Morpher) envelope(column []int32) {
	m.hull = m.hull[:0]
	for x, d := range column {
		if d == far {
			continue
		}
		p := parabola{x: x, height: int(d)*int(d) + x*x}
		for len(m.hull) > 0 {
			last := m.hull[len(m.hull)-1]
			// p is lower than last right of where they meet, rounded down: both
			// are x'^2 - 2*x*x' + height at x'. The division truncates, which
			// is rounding down for what lies within the row.
			num, den := p.height-last.height, 2*(x-last.x)
			p.from = num/den + 1
			if num < 0 {
				p.from = 0
			}
			if p.from > last.from {
				break
			}
			m.hull = m.hull[:len(m.hull)-1]
			p.from = 0
		}
		if p.from < len(column) {
			m.hull = append(m.hull, p)
		}
	}
}

func (m *Morpher) rowDistances(dst []float32, column []int32) {
	if len(m.hull) == 0 {
		for x := range dst {
			dst[x] = float32(math.Inf(1))
		}
		return
	}
	k := 0
	for x := range dst {
		for k+1 < len(m.hull) && m.hull[k+1].from <= x {
			k++
		}
		if column[x] == 0 {
			dst[x] = 0
			continue
		}
		p := m.hull[k]
		dst[x] = float32(math.Sqrt(float64(p.height + x*(x-2*p.x))))
	}
}
