package trained

import (
	"html/template"
	"math"
	"strconv"

	"github.com/tailorbird/tailorbird/datasets/report/chart"
)

// none stands for a number that there is not.
const none = "–"

// funcs are what the template calls beside those of package report.
func funcs() template.FuncMap {
	return template.FuncMap{"many": many, "key": chart.LineKey}
}

// many writes a number with the word for one or for many.
func many(n int, one, more string) string {
	if n == 1 {
		return "1 " + one
	}
	return chart.Count(int64(n)) + " " + more
}

// share writes a share of 1 in hundredths of a percent.
func share(v float64) string {
	if !finite(v) || math.Abs(v) > 1e6 {
		return none
	}
	return strconv.FormatFloat(100*v, 'f', 2, 64) + " %"
}

// points writes a difference of shares, in percentage points without the sign.
func points(v float64) string {
	if !finite(v) || math.Abs(v) > 1e6 {
		return none
	}
	return strconv.FormatFloat(100*v, 'f', 2, 64)
}

// figure writes a number with four figures.
func figure(v float64) string {
	switch a := math.Abs(v); {
	case !finite(v):
		return none
	case v == 0:
		return "0"
	case a >= 1e6 || a < 1e-3:
		return strconv.FormatFloat(v, 'g', 4, 64)
	case a >= 1000:
		return strconv.FormatFloat(v, 'f', 0, 64)
	case a >= 10:
		return strconv.FormatFloat(v, 'f', 2, 64)
	}
	return strconv.FormatFloat(v, 'f', 4, 64)
}

// seconds writes a time for people.
func seconds(s float64) string {
	switch {
	case !(s > 0) || math.IsInf(s, 0):
		return none
	case s < 9e9:
		return chart.Duration(int64(s * 1e9))
	}
	return strconv.FormatFloat(s/86400, 'f', 0, 64) + " days"
}

// rate writes samples a second.
func rate(v float64) string {
	switch {
	case !(v > 0) || math.IsInf(v, 0):
		return none
	case v >= 100 && v < 9e15:
		return chart.Count(int64(math.Round(v)))
	}
	return figure(v)
}

func positive(n int64) string {
	if n <= 0 {
		return none
	}
	return chart.Count(n)
}
