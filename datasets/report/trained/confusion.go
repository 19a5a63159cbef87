package trained

import (
	"cmp"
	"fmt"
	"html/template"
	"slices"
	"strconv"

	"github.com/tailorbird/tailorbird/datasets/report/chart"
)

const (
	fewClasses = 40 // all have a bar
	lowestBars = 25 // of more classes
	highest    = 10
)

// confusion is the section of what the shown run takes for what.
type confusion struct {
	Run    string
	Charts []template.HTML
	Pairs  []pair
	Left   bool // more classes than a matrix shows
}

// pair is a class that is taken for another.
type pair struct {
	Truth, Predicted string
	Count            int64
	Share            string // of the true class
	i, j             int
	share            float64
}

func newConfusion(r *Run, name string) *confusion {
	if r == nil || len(r.Confusion) == 0 {
		return nil
	}
	names := classNames(r)
	v := &confusion{Run: name, Left: len(r.Confusion) > chart.MatrixClasses}
	if svg := chart.Matrix("Confusion matrix", matrixUnit(len(names)), names, r.Confusion); svg != "" {
		v.Charts = append(v.Charts, svg)
	}
	v.Charts = append(v.Charts, classBars(names, r.Confusion)...)
	v.Pairs = worstPairs(names, r.Confusion)
	if len(v.Charts) == 0 && len(v.Pairs) == 0 {
		return nil
	}
	return v
}

func matrixUnit(n int) string {
	if n <= chart.MatrixNumbers {
		return "samples"
	}
	return strconv.Itoa(n) + " classes"
}

// classNames names every row; one without a name has its number.
func classNames(r *Run) []string {
	names := make([]string, len(r.Confusion))
	for i := range names {
		names[i] = "class " + strconv.Itoa(i)
		if i < len(r.Classes) && r.Classes[i] != "" {
			names[i] = r.Classes[i]
		}
	}
	return names
}

// rowTotal adds in floating point, which does not overflow.
func rowTotal(row []int64) float64 {
	sum := 0.0
	for _, c := range row {
		sum += float64(max(c, 0))
	}
	return sum
}

// classBars draws the accuracy of the classes, the lowest first.
func classBars(names []string, counts [][]int64) []template.HTML {
	var rows []chart.Rate
	for i, row := range counts {
		if sum := rowTotal(row); sum > 0 && i < len(row) {
			right := float64(max(row[i], 0)) / sum
			rows = append(rows, chart.Rate{Label: names[i], Share: right, Text: strconv.FormatFloat(100*right, 'f', 1, 64) + " %"})
		}
	}
	if len(rows) == 0 {
		return nil
	}
	slices.SortStableFunc(rows, func(a, b chart.Rate) int { return cmp.Compare(a.Share, b.Share) })
	if len(rows) <= fewClasses {
		return []template.HTML{chart.Rates("Accuracy by class", "the lowest first", rows)}
	}
	return []template.HTML{
		chart.Rates("Accuracy by class", fmt.Sprintf("the lowest %d of %d", lowestBars, len(rows)), rows[:lowestBars]),
		chart.Rates("Accuracy by class", fmt.Sprintf("the highest %d of %d", highest, len(rows)), rows[len(rows)-highest:]),
	}
}

// worstPairs lists what is confused most often, then most of its class.
func worstPairs(names []string, counts [][]int64) []pair {
	var all []pair
	for i, row := range counts {
		sum := rowTotal(row)
		for j, c := range row {
			if c > 0 && i != j && j < len(names) {
				all = append(all, pair{Count: c, i: i, j: j, share: float64(c) / sum})
			}
		}
	}
	slices.SortFunc(all, func(a, b pair) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(b.share, a.share), cmp.Compare(a.i, b.i), cmp.Compare(a.j, b.j))
	})
	most := 10
	switch n := len(counts); {
	case n > chart.MatrixClasses:
		most = 40
	case n > chart.MatrixLabels:
		most = 20
	}
	all = all[:min(len(all), most)]
	for k := range all {
		p := &all[k]
		p.Truth, p.Predicted = names[p.i], names[p.j]
		p.Share = strconv.FormatFloat(100*p.share, 'f', 1, 64) + " %"
	}
	return all
}
