package chart

import (
	"fmt"
	"html/template"
	"math"
	"strings"
)

// Bounds on the classes of a Matrix.
const (
	MatrixNumbers = 12  // with numbers in the cells, up to so many
	MatrixLabels  = 30  // with the names of rows and columns
	MatrixClasses = 200 // at all: 40,000 cells
)

const matrixLevels = 12 // shades that are told apart

// matrix is a Matrix under way.
type matrix struct {
	b         strings.Builder
	labels    []string
	counts    [][]int64
	left, top float64
	cell      float64
}

// Matrix draws a square table of counts, [row][column], as a heat map: each row is
// shaded by the shares of its sum, the diagonal in one colour up to 1, what lies
// beside it in another up to the greatest share there. Up to MatrixNumbers classes
// have their counts written, up to MatrixLabels their names; more are an image of
// shades. A table that is not square, is empty or has more than MatrixClasses
// rows gives "".
func Matrix(title, unit string, labels []string, counts [][]int64) template.HTML {
	n := len(counts)
	if n == 0 || n > MatrixClasses || len(labels) != n {
		return ""
	}
	for _, row := range counts {
		if len(row) != n {
			return ""
		}
	}
	m := &matrix{labels: labels, counts: counts, left: 10, top: 18}
	right := 6.0
	if n <= MatrixLabels {
		m.left, m.top, right = 104, 92, 28 // where the last slanting name ends
	}
	m.cell = (width - right - m.left) / float64(n)
	open(&m.b, title, unit, m.words(), int(math.Ceil(m.top+float64(m.cell*float64(n))))+4)
	m.names()
	m.shades()
	if n <= MatrixNumbers {
		m.numbers()
	}
	closeFigure(&m.b)
	return template.HTML(m.b.String())
}

func (m *matrix) words() string {
	var right, all int64
	for i, row := range m.counts {
		for j, c := range row {
			all += max(c, 0)
			if i == j {
				right += max(c, 0)
			}
		}
	}
	return fmt.Sprintf("%d classes, %s of %s on the diagonal", len(m.counts), Count(right), Count(all))
}

func (m *matrix) names() {
	n := len(m.counts)
	if n > MatrixLabels {
		fmt.Fprintf(&m.b, `<text class="tick" x="%s" y="12">columns: predicted, 1 to %d; rows: true, from the top</text>`, px(m.left), n)
		return
	}
	fmt.Fprintf(&m.b, `<text class="tick" x="%s" y="%s" text-anchor="end">predicted →</text><text class="tick" x="%s" y="%s" text-anchor="end">true ↓</text>`,
		px(m.left-6), px(m.top-24), px(m.left-6), px(m.top-8))
	for i, l := range m.labels {
		at := float64(m.cell * (float64(i) + 0.5))
		fmt.Fprintf(&m.b, `<text class="tick" x="%s" y="%s" text-anchor="end">%s</text>`, px(m.left-6), px(m.top+at+4), escape(Clip(l, 16)))
		x, y := px(m.left+at+3), px(m.top-6)
		fmt.Fprintf(&m.b, `<text class="tick" x="%s" y="%s" transform="rotate(-65 %s %s)">%s</text>`, x, y, x, y, escape(Clip(l, 13)))
	}
}

// shades draws one path a shade, neighbours in a row joined: a matrix of 100
// classes is mostly empty and stays small.
func (m *matrix) shades() {
	n := len(m.counts)
	side := m.cell * float64(n)
	fmt.Fprintf(&m.b, `<g transform="translate(%s %s) scale(%.4f)">`, px(m.left), px(m.top), m.cell)
	var paths [2][matrixLevels + 1]strings.Builder
	most := m.mostBeside()
	for i, row := range m.counts {
		sum := rowSum(row)
		for j := 0; j < n; {
			kind, level := m.shade(i, j, sum, most)
			end := j + 1
			for end < n {
				if k, l := m.shade(i, end, sum, most); k != kind || l != level {
					break
				}
				end++
			}
			if level > 0 {
				fmt.Fprintf(&paths[kind][level], "M%d %dh%dv1h-%dz", j, i, end-j, end-j)
			}
			j = end
		}
	}
	for kind, colour := range []string{"var(--accent)", "var(--mark)"} {
		for level := range paths[kind] {
			if d := paths[kind][level].String(); d != "" {
				fmt.Fprintf(&m.b, `<path fill="%s" fill-opacity="%.2f" d="%s"/>`, colour, 0.08+float64(0.57*float64(level)/matrixLevels), d)
			}
		}
	}
	fmt.Fprintf(&m.b, `</g><rect class="rule" x="%s" y="%s" width="%s" height="%s"/>`, px(m.left), px(m.top), px(side), px(side))
}

// shade is 0 for the diagonal, 1 beside it, and the level of a cell; 0 is empty.
func (m *matrix) shade(i, j int, sum, most float64) (kind, level int) {
	c := m.counts[i][j]
	if i != j {
		kind = 1
	}
	if c <= 0 {
		return kind, 0
	}
	share := float64(c) / sum
	if kind == 1 {
		share /= most
	}
	return kind, min(max(1, int(math.Ceil(share*matrixLevels))), matrixLevels)
}

// mostBeside is the greatest share of a row beside the diagonal.
func (m *matrix) mostBeside() float64 {
	most := 0.0
	for i, row := range m.counts {
		sum := rowSum(row)
		for j, c := range row {
			if i != j && c > 0 {
				most = max(most, float64(c)/sum)
			}
		}
	}
	return most
}

// rowSum is the sum of a row, in floating point: counts may be anything.
func rowSum(row []int64) float64 {
	sum := 0.0
	for _, c := range row {
		sum += float64(max(c, 0))
	}
	return sum
}

func (m *matrix) numbers() {
	for i, row := range m.counts {
		for j, c := range row {
			if c <= 0 {
				continue
			}
			text := fmt.Sprint(c)
			if len(text) > 4 {
				text = Short(float64(c))
			}
			x, y := m.left+float64(m.cell*(float64(j)+0.5)), m.top+float64(m.cell*(float64(i)+0.5))+4
			fmt.Fprintf(&m.b, `<text x="%s" y="%s" text-anchor="middle">%s<title>%s, predicted %s: %s</title></text>`, px(x), px(y), escape(text), escape(m.labels[i]), escape(m.labels[j]), Count(c))
		}
	}
}
