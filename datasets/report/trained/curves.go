package trained

import (
	"fmt"
	"html/template"
	"math"
	"slices"
	"strconv"

	"github.com/tailorbird/tailorbird/datasets/report/chart"
)

const (
	shownSplits = 4   // of a run's curve
	thinMost    = 200 // lines of single runs a chart
	greyMost    = 200 // grey lines a chart
	// logFrom is the ratio of the greatest to the least loss from which the axis is
	// logarithmic.
	logFrom = 50
)

// curves is the section of what happened epoch by epoch.
type curves struct {
	Charts []template.HTML
	Legend []legendRow
	Grey   int  // groups without a colour
	Thin   bool // whether runs of a group are drawn beside their mean
}

type legendRow struct {
	Style int
	Name  string
	Of    string // how many runs it is the mean of
}

// measure is a quantity of a curve.
type measure struct {
	name string
	of   func(*Point) float64
	axes chart.Axes
}

var measures = []measure{
	{"Loss", func(p *Point) float64 { return p.Loss }, chart.Axes{X: "epoch", Y: figureTick}},
	{"Top-1", func(p *Point) float64 { return p.Top1 }, chart.Axes{X: "epoch", Y: percentTick, Top: 1}},
}

func figureTick(v float64) string {
	if a := math.Abs(v); a >= 1000 || a < 1e-3 && a > 0 {
		return strconv.FormatFloat(v, 'g', 3, 64)
	}
	return strconv.FormatFloat(v, 'g', 4, 64)
}

func percentTick(v float64) string {
	return strconv.FormatFloat(math.Round(v*1e4)/100, 'f', -1, 64) + " %"
}

func newCurves(p *page) *curves {
	v := &curves{}
	if len(p.groups) > 1 {
		for _, g := range ranked(p.groups) {
			if !hasCurve(g) {
				continue
			}
			if g.style() < 0 {
				v.Grey++
				continue
			}
			row := legendRow{Style: g.Style, Name: g.Name}
			if n := len(g.good()); n > 1 {
				row.Of = fmt.Sprintf("mean of %d", n)
			}
			v.Legend = append(v.Legend, row)
		}
	}
	for _, m := range measures {
		for _, split := range splits(p.in.Runs) {
			lines := v.lines(p.groups, split, m.of)
			axes := m.axes
			if axes.Top == 0 {
				axes.Log = wide(lines)
			}
			unit := split
			if axes.Log {
				unit += ", logarithmic"
			}
			if svg := chart.Lines(m.name, unit, axes, lines); svg != "" {
				v.Charts = append(v.Charts, svg)
			}
		}
	}
	return v
}

// splits lists the splits of the curves in the order in which they come.
func splits(runs []Run) []string {
	var out []string
	for i := range runs {
		for j := range runs[i].Curve {
			if s := runs[i].Curve[j].Split; len(out) < shownSplits && !slices.Contains(out, s) {
				out = append(out, s)
			}
		}
	}
	return out
}

// wide reports whether the values span so much that a linear axis hides most.
func wide(lines []chart.Line) bool {
	lo, hi := math.Inf(1), math.Inf(-1)
	for _, l := range lines {
		for _, q := range l.Points {
			if finite(q.Y) {
				lo, hi = min(lo, q.Y), max(hi, q.Y)
			}
		}
	}
	return lo > 0 && hi/lo >= logFrom
}

// lines draws grey groups first, then single runs, then means, the best on top.
func (v *curves) lines(groups []*group, split string, of func(*Point) float64) []chart.Line {
	var grey, thin, thick []chart.Line
	for _, g := range slices.Backward(ranked(groups)) {
		main, all := g.lines(split, of)
		if g.style() < 0 {
			grey = append(grey, main)
			continue
		}
		thick = append(thick, main)
		thin = append(thin, all...)
		v.Thin = v.Thin || len(all) > 0
	}
	grey, thin = grey[max(0, len(grey)-greyMost):], thin[max(0, len(thin)-thinMost):]
	return slices.Concat(grey, thin, thick)
}

// lines are the group's mean and its single runs. One run alone is its own mean.
func (g *group) lines(split string, of func(*Point) float64) (main chart.Line, all []chart.Line) {
	main = chart.Line{Label: chart.Clip(g.Name, 120), Style: g.style()}
	if len(g.Runs) == 1 {
		main.Points = curveOf(g.Runs[0], split, of)
		return main, nil
	}
	var means [][]chart.XY
	for _, r := range g.Runs {
		points := curveOf(r, split, of)
		all = append(all, chart.Line{Label: chart.Clip(r.Name, 120), Points: points, Style: g.style(), Thin: true})
		if r.OK {
			means = append(means, points)
		}
	}
	main.Points = meanOf(means)
	return main, all
}

// curveOf is a run's curve by epoch; of two points of an epoch the later counts.
func curveOf(r *Run, split string, of func(*Point) float64) []chart.XY {
	var out []chart.XY
	for i := range r.Curve {
		if p := &r.Curve[i]; p.Split == split && finite(p.Epoch) {
			out = append(out, chart.XY{X: p.Epoch, Y: of(p)})
		}
	}
	slices.SortStableFunc(out, byX)
	kept := out[:0]
	for _, q := range out {
		if n := len(kept); n > 0 && kept[n-1].X == q.X {
			kept[n-1] = q
			continue
		}
		kept = append(kept, q)
	}
	return kept
}

func byX(a, b chart.XY) int {
	switch {
	case a.X < b.X:
		return -1
	case a.X > b.X:
		return 1
	}
	return 0
}

// meanOf averages curves at the epochs that all of them have; a value that is not
// finite makes the mean such, and leaves a gap.
func meanOf(all [][]chart.XY) []chart.XY {
	if len(all) == 0 {
		return nil
	}
	var out []chart.XY
	next := make([]int, len(all))
	for _, q := range all[0] {
		sum, n := 0.0, 0
		for i, points := range all {
			for next[i] < len(points) && points[next[i]].X < q.X {
				next[i]++
			}
			if next[i] < len(points) && points[next[i]].X == q.X {
				sum += points[next[i]].Y
				n++
			}
		}
		if n == len(all) {
			out = append(out, chart.XY{X: q.X, Y: sum / float64(n)})
		}
	}
	return out
}
