package chart

import (
	"fmt"
	"html/template"
	"math"
	"sort"
	"strings"

	"github.com/tailorbird/tailorbird/internal/manifest"
)

// The geometry of a chart with two axes.
const (
	plotLeft   = 44
	plotRight  = width - 6
	plotTop    = 12
	plotBottom = 158
	plotHeight = plotBottom - plotTop
	axesHeight = 192
)

// Histogram draws the bins from the first to the last that is not empty. Label
// writes an edge below the axis. Axis names the quantity and its unit.
func Histogram(title, axis string, h manifest.Histogram, label func(float64) string) template.HTML {
	first, last := span(h.Counts)
	if len(h.Edges) != len(h.Counts) || first < 0 {
		return ""
	}
	counts, edges := h.Counts[first:last+1], h.Edges[first:last+1]
	end := "" // the last bin of all has no upper edge
	if last+1 < len(h.Edges) {
		end = label(h.Edges[last+1])
	}
	most := int64(1)
	for _, c := range counts {
		most = max(most, c)
	}
	var b strings.Builder
	open(&b, title, Count(h.Total()), axis+", "+binWords(counts, edges, end, label), axesHeight)
	top := linearAxis(&b, most)
	step := float64(plotRight-plotLeft) / float64(len(counts))
	for i, c := range counts {
		x, height := plotLeft+float64(i)*step, plotHeight*float64(c)/top
		if c > 0 {
			height = max(height, 1)
		}
		fmt.Fprintf(&b, `<rect class="bar" x="%s" y="%s" width="%s" height="%s"><title>%s: %s</title></rect>`,
			px(x+1), px(plotBottom-height), px(max(step-2, 1)), px(height), escape(binLabel(edges, i, end, label)), Count(c))
	}
	every := 1 + (len(counts)*36-1)/(plotRight-plotLeft) // labels need about 36 pixels each
	for i := 0; i < len(counts); i += every {
		tick(&b, plotLeft+float64(i)*step, label(edges[i]))
	}
	if end != "" && len(counts)%every == 0 {
		tick(&b, plotRight-8, end)
	}
	axisName(&b, axis)
	closeFigure(&b)
	return template.HTML(b.String())
}

// Mark is a dashed line across a rank curve.
type Mark struct {
	Value int64
	Label string
}

// RankFrequency draws counts from the greatest down over their rank, both axes
// logarithmic; counts of zero are left out.
func RankFrequency(title, unit string, counts []int64, marks ...Mark) template.HTML {
	sorted := make([]int64, 0, len(counts))
	for _, c := range counts {
		if c > 0 {
			sorted = append(sorted, c)
		}
	}
	if len(sorted) == 0 {
		return ""
	}
	sort.Slice(sorted, func(i, j int) bool { return sorted[i] > sorted[j] })
	n, most := len(sorted), sorted[0]
	xs, ys := logScale(float64(n)), logScale(float64(most))
	var b strings.Builder
	words := fmt.Sprintf("the most frequent of %d has %s %s, the median %s, the least %s",
		n, Count(most), unit, Count(sorted[n/2]), Count(sorted[n-1]))
	open(&b, title, fmt.Sprintf("%s classes", Count(int64(n))), words, axesHeight)
	for v := 1.0; v <= float64(most)*1.0001 || v == 1; v *= 10 {
		gridLine(&b, plotBottom-plotHeight*ys(v), Short(v))
	}
	for v := 1.0; v <= float64(n); v *= 10 {
		tick(&b, plotLeft+(plotRight-plotLeft)*xs(v), Short(v))
	}
	for _, m := range marks {
		if m.Value > most {
			continue
		}
		y := plotBottom - plotHeight*ys(float64(m.Value))
		fmt.Fprintf(&b, `<path class="mark" d="M%d %sH%d"/><text class="tick" x="%d" y="%s" text-anchor="end">%s</text>`,
			plotLeft, px(y), plotRight, plotRight, px(y-4), escape(m.Label))
	}
	b.WriteString(`<path class="line" d="`)
	for _, rank := range ranks(n) {
		command := "L"
		if rank == 1 {
			command = "M"
		}
		fmt.Fprintf(&b, "%s%s %s", command, px(plotLeft+(plotRight-plotLeft)*xs(float64(rank))), px(plotBottom-plotHeight*ys(float64(sorted[rank-1]))))
	}
	b.WriteString(`"/>`)
	axisName(&b, "rank of the class; "+unit+" on the left, both logarithmic")
	closeFigure(&b)
	return template.HTML(b.String())
}

// span returns the first and last index of a count above zero, -1 where none is.
func span(counts []int64) (first, last int) {
	first, last = -1, -1
	for i, c := range counts {
		if c > 0 {
			if first < 0 {
				first = i
			}
			last = i
		}
	}
	return first, last
}

func binLabel(edges []float64, i int, end string, label func(float64) string) string {
	switch {
	case i+1 < len(edges):
		return label(edges[i]) + " to " + label(edges[i+1])
	case end != "":
		return label(edges[i]) + " to " + end
	}
	return label(edges[i]) + " and more"
}

// binWords names the fullest bin and the range.
func binWords(counts []int64, edges []float64, end string, label func(float64) string) string {
	top := 0
	for i, c := range counts {
		if c > counts[top] {
			top = i
		}
	}
	return fmt.Sprintf("%d bins, most in %s: %s", len(counts), binLabel(edges, top, end, label), Count(counts[top]))
}

// linearAxis draws grid lines at round numbers and returns the value at the
// top of the plot.
func linearAxis(b *strings.Builder, most int64) float64 {
	step := math.Pow(10, math.Floor(math.Log10(float64(most))))
	for _, f := range []float64{0.2, 0.25, 0.5, 1, 2} {
		if s := step * f; s >= 1 && s == math.Trunc(s) && float64(most)/s <= 4 {
			step = s
			break
		}
	}
	step = max(step, 1)
	top := step * math.Ceil(float64(most)/step)
	for v := 0.0; v <= top; v += step {
		gridLine(b, plotBottom-plotHeight*v/top, Short(v))
	}
	return top
}

func gridLine(b *strings.Builder, y float64, label string) {
	fmt.Fprintf(b, `<path class="rule" d="M%d %sH%d"/><text class="tick" x="%d" y="%s" text-anchor="end">%s</text>`,
		plotLeft, px(y), plotRight, plotLeft-6, px(y+4), escape(label))
}

func tick(b *strings.Builder, x float64, label string) {
	fmt.Fprintf(b, `<path class="axis" d="M%s %dv4"/><text class="tick" x="%s" y="%d" text-anchor="middle">%s</text>`,
		px(x), plotBottom, px(x), plotBottom+16, escape(label))
}

func axisName(b *strings.Builder, name string) {
	fmt.Fprintf(b, `<text class="tick" x="%d" y="%d" text-anchor="middle">%s</text>`, (plotLeft+plotRight)/2, axesHeight-3, escape(name))
}

// logScale maps 1..most to 0..1 logarithmically.
func logScale(most float64) func(float64) float64 {
	all := math.Log(max(most, 1.5))
	return func(v float64) float64 { return math.Log(v) / all }
}

// ranks picks at most some 300 of the ranks 1..n, evenly on a logarithmic axis.
func ranks(n int) []int {
	const points = 300
	rs := []int{1}
	for i := 1; i <= points; i++ {
		r := int(math.Round(math.Pow(float64(n), float64(i)/points)))
		if r > rs[len(rs)-1] {
			rs = append(rs, r)
		}
	}
	return rs
}
