package chart

import (
	"fmt"
	"html/template"
	"math"
	"slices"
	"strings"
)

// XY is a point of a line.
type XY struct{ X, Y float64 }

// Line is one line of Lines. A point that is no finite number, or beyond 1e30,
// is left out and leaves a gap.
type Line struct {
	Label  string // shown where the pointer rests
	Points []XY   // by X
	Style  int    // colour and dashes, as LineKey shows them; below 0: grey
	Thin   bool   // a thin, pale line
}

// Axes say how Lines writes its axes.
type Axes struct {
	X   string               // name of the horizontal one
	Y   func(float64) string // labels of the vertical one; nil: Short
	Log bool                 // the vertical one is logarithmic where all values are above 1e-30
	Top float64              // the vertical axis ends here at the latest, unless a value lies above; 0: no bound
}

// LineStyles is the number of styles that look different: eight colours, drawn
// through, dashed and dotted.
const LineStyles = 3 * lineColours

const (
	lineColours = 8 // of the style sheet's, the ones far apart

	linePoints = 300 // steps of a line that are drawn at most
	lineLimit  = 1e30
)

// Lines draws lines over a common pair of axes, those that come first below the
// later ones. Nothing to draw gives "".
func Lines(title, unit string, axes Axes, lines []Line) template.HTML {
	p := newPlane(axes, lines)
	if p == nil {
		return ""
	}
	open(&p.b, title, unit, p.words(lines), axesHeight)
	p.grid()
	for i := range lines {
		p.line(&lines[i])
	}
	axisName(&p.b, axes.X)
	closeFigure(&p.b)
	return template.HTML(p.b.String())
}

// LineKey is a sample of a style for a legend.
func LineKey(style int) template.HTML {
	return template.HTML(`<svg class="` + lineColour(style) + `" width="24" height="8" viewBox="0 0 24 8" aria-hidden="true"><path d="M1 4H23" ` + lineLook(style, false) + `/></svg>`)
}

// lineColour is the class that sets the colour of a style.
func lineColour(style int) string {
	if style < 0 {
		return "quiet"
	}
	return fmt.Sprintf("c%d", style%lineColours)
}

// lineLook is how a style strokes. Attributes, not a style: the page's policy
// refuses those.
func lineLook(style int, thin bool) string {
	look := `fill="none" stroke="var(--c)" stroke-linejoin="round" stroke-linecap="round" stroke-width="2"`
	if thin || style < 0 {
		look = `fill="none" stroke="var(--c)" stroke-linejoin="round" stroke-width="1" stroke-opacity=".4"`
	}
	switch max(style, 0) / lineColours % 3 {
	case 1:
		look += ` stroke-dasharray="6 4"`
	case 2:
		look += ` stroke-dasharray="1.5 4"`
	}
	return look
}

// plane is the pair of axes of Lines with what is drawn on it.
type plane struct {
	b              strings.Builder
	axes           Axes
	log            bool
	x0, x1, y0, y1 float64 // ends of the axes; of the logarithm where log
	ticks          []float64
}

func drawn(p XY) bool {
	return math.Abs(p.X) <= lineLimit && math.Abs(p.Y) <= lineLimit // false for NaN
}

// newPlane fits the axes to the lines; nil where there is no point.
func newPlane(axes Axes, lines []Line) *plane {
	p := &plane{axes: axes, x0: math.Inf(1), x1: math.Inf(-1)}
	lo, hi := math.Inf(1), math.Inf(-1)
	for _, l := range lines {
		for _, q := range l.Points {
			if drawn(q) {
				p.x0, p.x1, lo, hi = min(p.x0, q.X), max(p.x1, q.X), min(lo, q.Y), max(hi, q.Y)
			}
		}
	}
	if hi < lo {
		return nil
	}
	if size := max(math.Abs(p.x0), math.Abs(p.x1)); p.x1-p.x0 <= max(1e-9*size, 1/lineLimit) {
		p.x0, p.x1 = p.x0-max(0.5, size*0.1), p.x1+max(0.5, size*0.1)
	}
	if p.log = axes.Log && lo > 1/lineLimit; p.log {
		p.logTicks(lo, hi)
	} else {
		p.ticks = round5(lo, hi)
		p.y0, p.y1 = p.ticks[0], p.ticks[len(p.ticks)-1]
		if axes.Top != 0 {
			p.y1 = max(hi, min(p.y1, axes.Top))
		}
	}
	return p
}

// logTicks puts ticks at powers of ten, at 2 and 5 between where they are few, and
// at round numbers where not even two of those fit.
func (p *plane) logTicks(lo, hi float64) {
	p.y0, p.y1 = math.Log10(lo), math.Log10(hi)
	if p.y1-p.y0 < 0.1 {
		p.y0, p.y1 = p.y0-0.05, p.y1+0.05
	}
	steps := []float64{1}
	if p.y1-p.y0 < 3 {
		steps = []float64{1, 2, 5}
	}
	every := 1 + int(p.y1-p.y0)/6
	for e := int(math.Floor(p.y0)); e <= int(math.Ceil(p.y1)); e++ {
		for _, s := range steps {
			if at := float64(e) + math.Log10(s); e%every == 0 && at >= p.y0 && at <= p.y1 {
				p.ticks = append(p.ticks, s*math.Pow(10, float64(e)))
			}
		}
	}
	if len(p.ticks) > 1 {
		return
	}
	p.ticks = nil
	for _, v := range round5(lo, hi) {
		if v > 0 && math.Log10(v) >= p.y0 && math.Log10(v) <= p.y1 {
			p.ticks = append(p.ticks, v)
		}
	}
}

// round5 gives about five round numbers from lo or below to hi or above.
func round5(lo, hi float64) []float64 {
	switch size := max(math.Abs(lo), math.Abs(hi)); {
	case size < 1/lineLimit:
		lo, hi = 0, 1
	case hi-lo <= 1e-9*size:
		lo, hi = lo-size*0.1, hi+size*0.1
	}
	raw := (hi - lo) / 4
	step := math.Pow(10, math.Floor(math.Log10(raw)))
	for _, f := range []float64{1, 2, 5, 10} {
		if step*f >= raw*0.999 {
			step *= f
			break
		}
	}
	var ticks []float64
	for i, end := math.Floor(lo/step+1e-9), math.Ceil(hi/step-1e-9); i <= end; i++ {
		ticks = append(ticks, float64(i*step)+0) // never -0
	}
	return ticks
}

func (p *plane) x(v float64) float64 {
	return plotLeft + float64((plotRight-plotLeft)*((v-p.x0)/(p.x1-p.x0)))
}

func (p *plane) y(v float64) float64 {
	if p.log {
		v = math.Log10(v)
	}
	return plotBottom - float64(plotHeight*((v-p.y0)/(p.y1-p.y0)))
}

func (p *plane) grid() {
	label := p.axes.Y
	if label == nil {
		label = Short
	}
	for _, v := range p.ticks {
		if y := p.y(v); y >= plotTop-1 {
			gridLine(&p.b, y, label(v))
		}
	}
	for _, v := range round5(p.x0, p.x1) {
		if v >= p.x0 && v <= p.x1 {
			tick(&p.b, min(p.x(v), plotRight-8), Short(v))
		}
	}
}

// line draws one line; a stretch of one point is a dot.
func (p *plane) line(l *Line) {
	var d strings.Builder
	var dots []XY
	for _, stretch := range stretches(l.Points) {
		if len(stretch) == 1 {
			dots = append(dots, stretch[0])
			continue
		}
		for i, q := range thinPoints(stretch) {
			command := "L"
			if i == 0 {
				command = "M"
			}
			fmt.Fprintf(&d, "%s%s %s", command, px(p.x(q.X)), px(p.y(q.Y)))
		}
	}
	if d.Len() == 0 && len(dots) == 0 {
		return
	}
	fmt.Fprintf(&p.b, `<g class="%s"><title>%s</title>`, lineColour(l.Style), escape(l.Label))
	if d.Len() > 0 {
		fmt.Fprintf(&p.b, `<path d="%s" %s/>`, d.String(), lineLook(l.Style, l.Thin))
	}
	radius, look := 3, `fill="var(--c)"`
	if l.Thin || l.Style < 0 {
		radius, look = 2, `fill="var(--c)" fill-opacity=".5"`
	}
	for _, q := range dots[:min(len(dots), linePoints)] {
		fmt.Fprintf(&p.b, `<circle cx="%s" cy="%s" r="%d" %s/>`, px(p.x(q.X)), px(p.y(q.Y)), radius, look)
	}
	p.b.WriteString("</g>")
}

// stretches cuts a line where points are left out.
func stretches(points []XY) [][]XY {
	var out [][]XY
	start := -1
	for i, q := range points {
		switch {
		case drawn(q) && start < 0:
			start = i
		case !drawn(q) && start >= 0:
			out, start = append(out, points[start:i]), -1
		}
	}
	if start >= 0 {
		out = append(out, points[start:])
	}
	return out
}

// thinPoints keeps the first, the last and of each group of neighbours the
// lowest and the highest, so that a peak stays.
func thinPoints(points []XY) []XY {
	every := 2 * ((len(points) + linePoints - 1) / linePoints)
	if len(points) <= linePoints {
		return points
	}
	out := []XY{points[0]}
	for from := 1; from < len(points)-1; from += every {
		group := points[from:min(from+every, len(points)-1)]
		low, high := 0, 0
		for i, q := range group {
			if q.Y < group[low].Y {
				low = i
			}
			if q.Y > group[high].Y {
				high = i
			}
		}
		out = append(out, group[min(low, high)])
		if low != high {
			out = append(out, group[max(low, high)])
		}
	}
	return append(out, points[len(points)-1])
}

// words tells where the lines that are not thin or grey end.
func (p *plane) words(lines []Line) string {
	label := p.axes.Y
	if label == nil {
		label = Short
	}
	var ends []string
	for _, l := range slices.Backward(lines) {
		all := stretches(l.Points)
		if l.Thin || l.Style < 0 || len(all) == 0 {
			continue
		}
		last := all[len(all)-1]
		ends = append(ends, l.Label+" ends at "+label(last[len(last)-1].Y))
	}
	slices.Reverse(ends)
	const most = 8
	if n := len(ends); n > most {
		ends = append(ends[:most:most], fmt.Sprintf("and %d more", n-most))
	}
	return strings.Join(ends, ", ")
}
