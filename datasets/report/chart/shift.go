package chart

import (
	"fmt"
	"html/template"
	"math"
	"strings"
)

// Change is one thing counted before and after.
type Change struct {
	Label         string
	Before, After int64
}

// Band is a range of counts, coloured across a plot: what lies above the band
// before and is at most UpTo. The last band may have no end (UpTo 0).
type Band struct {
	UpTo  int64
	Label string
}

// The geometry of a Shift.
const (
	shiftTop    = 30 // below the key
	shiftHeight = 190
	shiftBottom = shiftTop + shiftHeight
	zeroRoom    = 12   // between 0 and 1, which a logarithm does not join
	namedRows   = 30   // at most so many rows have their names below
	shiftPoints = 1200 // steps that are drawn at most
)

// Shift draws rows in the order given, the counts before as one line of steps and
// those after as another, what lies between them filled, on a logarithmic axis
// whose bands are coloured. Up to 30 rows are named below, more are numbered.
func Shift(title, unit string, rows []Change, bands []Band) template.HTML {
	if len(rows) == 0 {
		return ""
	}
	most := int64(1)
	for _, r := range rows {
		most = max(most, r.Before, r.After)
	}
	named := len(rows) <= namedRows
	height := shiftBottom + 36
	if named {
		height = shiftBottom + 84
	}
	p := &shift{most: float64(most), rows: thin(rows), all: len(rows)}
	open(&p.b, title, unit, p.words(bands), height)
	p.bands(bands)
	p.axis()
	p.lines()
	if named {
		p.names()
	} else {
		p.ranks()
	}
	p.key()
	closeFigure(&p.b)
	return template.HTML(p.b.String())
}

// shift is a Shift under way.
type shift struct {
	b    strings.Builder
	most float64
	rows []Change
	all  int // rows before thin
}

// thin joins neighbours, the greatest of each count, until few enough are left.
func thin(rows []Change) []Change {
	every := (len(rows) + shiftPoints - 1) / shiftPoints
	if every <= 1 {
		return rows
	}
	var out []Change
	for i, r := range rows {
		if i%every == 0 {
			out = append(out, r)
			continue
		}
		last := &out[len(out)-1]
		last.Before, last.After = max(last.Before, r.Before), max(last.After, r.After)
	}
	return out
}

func (p *shift) y(v float64) float64 {
	if v <= 0 {
		return shiftBottom
	}
	if v < 1 {
		return shiftBottom - zeroRoom*v
	}
	return shiftBottom - zeroRoom - (shiftHeight-zeroRoom)*math.Log(v)/math.Log(max(p.most*1.15, 2))
}

// x is the left edge of row i.
func (p *shift) x(i int) float64 {
	return plotLeft + float64(plotRight-plotLeft)*float64(i)/float64(len(p.rows))
}

func (p *shift) words(bands []Band) string {
	words := fmt.Sprintf("%d classes", p.all)
	for _, when := range []string{"before", "after"} {
		counts := make([]int, len(bands))
		for _, r := range p.rows {
			v := r.Before
			if when == "after" {
				v = r.After
			}
			for i, b := range bands {
				if v > 0 && (b.UpTo == 0 || v <= b.UpTo) {
					counts[i]++
					break
				}
			}
		}
		words += "; " + when
		for i, b := range bands {
			words += fmt.Sprintf(" %d %s", counts[i], b.Label)
		}
	}
	if p.all != len(p.rows) {
		return fmt.Sprintf("%d classes", p.all) // joined rows are no count
	}
	return words
}

// bands colours the ranges that the plot reaches.
func (p *shift) bands(bands []Band) {
	bottom := p.y(0.5)
	for i, b := range bands {
		top := float64(shiftTop)
		if b.UpTo > 0 {
			top = max(top, p.y(float64(b.UpTo)+0.5))
		}
		if bottom-top < 1 {
			break
		}
		fmt.Fprintf(&p.b, `<rect class="band b%d" x="%d" y="%s" width="%d" height="%s"/>`, i%4, plotLeft, px(top), plotRight-plotLeft, px(bottom-top))
		if bottom-top > 14 {
			// Counts fall from left to right: the upper band is free on the right,
			// the lower ones on the left.
			x, y, anchor := plotLeft+6, min(bottom, p.y(1))-5, "start"
			if i == len(bands)-1 {
				x, y, anchor = plotRight-6, top+13, "end"
			}
			fmt.Fprintf(&p.b, `<text class="tick" x="%d" y="%s" text-anchor="%s">%s</text>`, x, px(y), anchor, escape(b.Label))
		}
		bottom = top
	}
}

func (p *shift) axis() {
	gridLine(&p.b, shiftBottom, "0")
	for v := 1.0; v <= p.most*1.1; v *= 10 {
		gridLine(&p.b, p.y(v), Short(v))
	}
}

// lines draws what was gained, then both lines.
func (p *shift) lines() {
	before := func(r Change) int64 { return r.Before }
	after := func(r Change) int64 { return r.After }
	gained := p.steps(after)
	fmt.Fprintf(&p.b, `<path class="gain" d="%sV%s`, gained, px(p.y(float64(p.rows[len(p.rows)-1].Before))))
	for i := len(p.rows) - 1; i >= 0; i-- {
		if i == 0 || p.rows[i-1].Before != p.rows[i].Before {
			fmt.Fprintf(&p.b, "H%s", px(p.x(i)))
			if i > 0 {
				fmt.Fprintf(&p.b, "V%s", px(p.y(float64(p.rows[i-1].Before))))
			}
		}
	}
	p.b.WriteString(`Z"/>`)
	fmt.Fprintf(&p.b, `<path class="line" d="%s"/><path class="line before" d="%s"/>`, gained, p.steps(before))
	if len(p.rows) > namedRows {
		return
	}
	for i, r := range p.rows {
		fmt.Fprintf(&p.b, `<rect class="hover" x="%s" y="%d" width="%s" height="%d"><title>%s: %s before, %s after</title></rect>`,
			px(p.x(i)), shiftTop, px(p.x(i+1)-p.x(i)), shiftHeight, escape(r.Label), Count(r.Before), Count(r.After))
	}
}

// steps writes a path with one level stretch a row, equal neighbours joined.
func (p *shift) steps(value func(Change) int64) string {
	var b strings.Builder
	fmt.Fprintf(&b, "M%d %s", plotLeft, px(p.y(float64(value(p.rows[0])))))
	for i := 1; i < len(p.rows); i++ {
		if v := value(p.rows[i]); v != value(p.rows[i-1]) {
			fmt.Fprintf(&b, "H%sV%s", px(p.x(i)), px(p.y(float64(v))))
		}
	}
	fmt.Fprintf(&b, "H%d", plotRight)
	return b.String()
}

// names writes the rows' labels below, slanting.
func (p *shift) names() {
	for i, r := range p.rows {
		x, y := px((p.x(i)+p.x(i+1))/2+3), shiftBottom+13
		fmt.Fprintf(&p.b, `<text class="tick" x="%s" y="%d" text-anchor="end" transform="rotate(-40 %s %d)">%s</text>`, x, y, x, y, escape(Clip(r.Label, 15)))
	}
}

// ranks numbers rows below.
func (p *shift) ranks() {
	step := 1.0
	for _, s := range []float64{10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 1e4, 2e4, 5e4, 1e5} {
		if step = s; float64(p.all)/s <= 7 {
			break
		}
	}
	for v := 0.0; v <= float64(p.all); v += step {
		x := plotLeft + float64(plotRight-plotLeft)*v/float64(p.all)
		text := min(x, plotRight-10) // stays inside
		fmt.Fprintf(&p.b, `<path class="axis" d="M%s %dv4"/><text class="tick" x="%s" y="%d" text-anchor="middle">%s</text>`,
			px(x), shiftBottom, px(text), shiftBottom+16, Short(v))
	}
	fmt.Fprintf(&p.b, `<text class="tick" x="%d" y="%d" text-anchor="middle">classes, the most frequent first</text>`, (plotLeft+plotRight)/2, shiftBottom+32)
}

func (p *shift) key() { beforeAfterKey(&p.b, plotLeft, 14) }

// beforeAfterKey says which colour is which.
func beforeAfterKey(b *strings.Builder, x, y int) {
	fmt.Fprintf(b, `<rect class="bar before" x="%d" y="%d" width="11" height="11" rx="2"/><text class="label" x="%d" y="%d">before</text>`, x, y-10, x+17, y)
	fmt.Fprintf(b, `<rect class="bar" x="%d" y="%d" width="11" height="11" rx="2"/><text class="label" x="%d" y="%d">after</text>`, x+72, y-10, x+89, y)
}

// Pairs draws two horizontal bars a row: before and after.
func Pairs(title, unit string, rows []Change) template.HTML {
	most, words := int64(1), ""
	for i, r := range rows {
		most = max(most, r.Before, r.After)
		if i > 0 {
			words += ", "
		}
		words += r.Label + " " + Count(r.Before) + " before and " + Count(r.After) + " after"
	}
	const pair, head = 44, 26
	var b strings.Builder
	open(&b, title, unit, words, head+pair*max(len(rows), 1))
	beforeAfterKey(&b, barLeft, 14)
	for i, r := range rows {
		y := head + i*pair
		fmt.Fprintf(&b, `<text class="label" x="%d" y="%d" text-anchor="end">%s</text>`, labelRight, y+22, escape(Clip(r.Label, labelRunes)))
		for j, v := range []int64{r.Before, r.After} {
			class, length := []string{"bar before", "bar"}[j], barLength*float64(max(v, 0))/float64(most)
			if v > 0 {
				length = max(length, 1)
			}
			fmt.Fprintf(&b, `<rect class="%s" x="%d" y="%d" width="%s" height="14" rx="2"/>`, class, barLeft, y+2+17*j, px(length))
			fmt.Fprintf(&b, `<text class="value" x="%s" y="%d">%s</text>`, px(barLeft+length+6), y+13+17*j, Count(v))
		}
	}
	closeFigure(&b)
	return template.HTML(b.String())
}
