package chart

import (
	"fmt"
	"html/template"
	"math"
	"strconv"
	"strings"
)

// Quartiles are the values that a quarter, a half and three quarters of all lie
// below.
type Quartiles struct{ Lower, Median, Upper float64 }

const shareBins = 20

// Shares draws a histogram of values in 0..1 over the whole range, with a line at
// the median and dashed ones at the quartiles. Values outside count in the
// first and the last bin, what is no number counts nowhere.
func Shares(title, axis string, values []float64, q Quartiles) template.HTML {
	var counts [shareBins]int64
	total, most := int64(0), int64(1)
	for _, v := range values {
		if math.IsNaN(v) {
			continue
		}
		bin := int(max(0, min(v, 1)) * shareBins)
		bin = min(bin, shareBins-1)
		counts[bin]++
		total++
		most = max(most, counts[bin])
	}
	if total == 0 {
		return ""
	}
	figure := func(v float64) string { return strconv.FormatFloat(v, 'f', 2, 64) }
	words := fmt.Sprintf("%s, median %s, quartiles %s and %s", axis, figure(q.Median), figure(q.Lower), figure(q.Upper))
	var b strings.Builder
	open(&b, title, fmt.Sprintf("%s · median %s, quartiles %s and %s", Count(total), figure(q.Median), figure(q.Lower), figure(q.Upper)), words, axesHeight)
	top := linearAxis(&b, most)
	x := func(v float64) float64 { return plotLeft + (plotRight-plotLeft)*max(0, min(v, 1)) }
	for i, c := range counts {
		if c == 0 {
			continue
		}
		height := max(plotHeight*float64(c)/top, 1)
		from, to := float64(i)/shareBins, float64(i+1)/shareBins
		fmt.Fprintf(&b, `<rect class="bar" x="%s" y="%s" width="%s" height="%s"><title>%s to %s: %s</title></rect>`,
			px(x(from)+1), px(plotBottom-height), px(x(to)-x(from)-2), px(height), figure(from), figure(to), Count(c))
	}
	for _, v := range []float64{q.Lower, q.Upper} {
		fmt.Fprintf(&b, `<path class="mark" d="M%s %dV%d"/>`, px(x(v)), plotTop, plotBottom)
	}
	fmt.Fprintf(&b, `<path class="mark median" d="M%s %dV%d"/>`, px(x(q.Median)), plotTop-6, plotBottom)
	for i := 0; i <= 10; i += 2 {
		at := x(float64(i) / 10)
		if i == 10 {
			at -= 6 // the label stays inside
		}
		tick(&b, at, strconv.FormatFloat(float64(i)/10, 'g', 2, 64))
	}
	axisName(&b, axis)
	closeFigure(&b)
	return template.HTML(b.String())
}
