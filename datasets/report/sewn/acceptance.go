package sewn

import (
	"cmp"
	"html/template"
	"slices"
	"sort"
	"strconv"

	"github.com/tailorbird/tailorbird/datasets/report/chart"
)

// shownRows are the rows of a table that are seen without a click.
const shownRows = 25

// acceptance is the section about what was made.
type acceptance struct {
	Summary                       summary
	Tiles                         []tile
	First, Rest                   []classRow
	Grouped, Cut                  bool // whether there are groups, cut-outs
	Reasons                       template.HTML
	Accepted, NotTaken, Generated int64
	Notes                         []string
}

// summary is one sentence's worth of numbers.
type summary struct {
	Planned, Classes, Reached, Short int64
	Time                             string
}

type tile struct{ Value, Name string }

// classRow is one line of the table.
type classRow struct {
	*Class
	Why   []reasonCount
	Short bool // fewer accepted than planned
}

type reasonCount struct {
	Text  string
	Count int64
}

func newAcceptance(in *Input) *acceptance {
	v := &acceptance{Notes: in.Notes}
	v.Summary.Time = seconds(in.Seconds)
	totals := map[string]int64{}
	var rows []classRow
	for _, c := range byRarity(in.Classes) {
		v.Grouped = v.Grouped || c.Before.Group != "" || c.After.Group != ""
		if !c.sewn() {
			continue
		}
		row := classRow{Class: c, Why: reasonCounts(c.Rejected), Short: c.Accepted < c.Planned}
		rows = append(rows, row)
		v.Cut = v.Cut || c.Cutouts >= 0
		v.Summary.Planned += c.Planned
		v.Generated += c.Generated
		v.Accepted += c.Accepted
		v.NotTaken += c.rejected()
		if c.Planned > 0 {
			v.Summary.Classes++
			if row.Short {
				v.Summary.Short++
			}
		}
		for code, n := range c.Rejected {
			totals[code] += n
		}
	}
	v.Summary.Reached = v.Summary.Classes - v.Summary.Short
	v.First, v.Rest = split(rows)
	v.Reasons = reasonBars(totals)
	v.Tiles = []tile{
		{chart.Count(v.Summary.Planned), "planned"}, {chart.Count(v.Generated), "pictures made"},
		{chart.Count(v.Accepted), "accepted"}, {chart.Count(v.NotTaken), "not taken"},
		{chart.Percent(v.Accepted, v.Accepted+v.NotTaken), "of pictures taken"},
		{chart.Count(v.Summary.Reached) + " / " + chart.Count(v.Summary.Classes), "classes at their quota"},
	}
	return v
}

// split cuts what is seen at once from the rest; a rest of a few rows stays.
func split(rows []classRow) (first, rest []classRow) {
	if len(rows) <= shownRows+5 {
		return rows, nil
	}
	return rows[:shownRows], rows[shownRows:]
}

// byRarity orders classes from the rarest, equal ones by name, then number.
func byRarity(classes []Class) []*Class {
	out := make([]*Class, len(classes))
	for i := range classes {
		out[i] = &classes[i]
	}
	slices.SortFunc(out, func(a, b *Class) int {
		return cmp.Or(cmp.Compare(a.Before.Images, b.Before.Images), cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID))
	})
	return out
}

// reasonOrder lists the reasons of counts: known ones first, the others by name.
func reasonOrder[V any](counts map[string]V) []string {
	place := map[string]int{}
	for i, r := range reasons {
		place[r.code] = i - len(reasons)
	}
	codes := make([]string, 0, len(counts))
	for code := range counts {
		codes = append(codes, code)
	}
	sort.Slice(codes, func(i, j int) bool {
		if place[codes[i]] != place[codes[j]] {
			return place[codes[i]] < place[codes[j]]
		}
		return codes[i] < codes[j]
	})
	return codes
}

func reasonCounts(counts map[string]int64) []reasonCount {
	var out []reasonCount
	for _, code := range reasonOrder(counts) {
		if n := counts[code]; n > 0 {
			out = append(out, reasonCount{reasonText(code), n})
		}
	}
	return out
}

func reasonBars(totals map[string]int64) template.HTML {
	var bars []chart.Bar
	for _, r := range reasonCounts(totals) {
		bars = append(bars, chart.Bar{Label: r.Text, Value: r.Count})
	}
	if len(bars) == 0 {
		return ""
	}
	return chart.Bars("Not taken", "pictures", bars)
}

// plan is the section about what would be made.
type plan struct {
	Tiles       []tile
	First, Rest []classRow
	Grouped     bool
	Cut         bool
	Basis       string
	Notes       []string
}

func newPlan(in *PlanInput) *plan {
	v := &plan{Basis: in.Basis, Notes: in.Notes}
	var rows []classRow
	var total, classes int64
	for _, c := range byRarity(in.Classes) {
		v.Grouped = v.Grouped || c.Before.Group != "" || c.After.Group != ""
		if c.Planned == 0 && c.Note == "" {
			continue
		}
		v.Cut = v.Cut || c.Cutouts >= 0
		rows = append(rows, classRow{Class: c})
		total += c.Planned
		if c.Planned > 0 {
			classes++
		}
	}
	v.First, v.Rest = split(rows)
	time := seconds(in.Seconds)
	if time == "" {
		time = "not known"
	}
	v.Tiles = []tile{{chart.Count(total), "pictures planned"}, {chart.Count(classes), "classes get some"},
		{chart.Count(int64(len(in.Classes))), "classes in all"}, {time, "predicted"}}
	return v
}

// localiser is the section about its error.
type localiser struct {
	Chart template.HTML
	Rows  []iouRow
	All   int
	Half  string // share of accepted samples at or above an IoU of 0.5
}

type iouRow struct {
	Name                 string
	Count                int
	Lower, Median, Upper string
}

func newLocaliser(in *Input) *localiser {
	q, n := quartiles(in.IoU)
	v := &localiser{All: n}
	if n > 0 {
		v.Chart = chart.Shares("Overlap with the truth, accepted samples", "intersection over union", in.IoU, q)
		half := 0
		for _, x := range in.IoU {
			if x >= 0.5 {
				half++
			}
		}
		v.Half = chart.Percent(int64(half), int64(n))
		v.Rows = append(v.Rows, newIoURow("accepted", n, q))
	}
	for _, code := range reasonOrder(in.IoUByReason) {
		if q, n := quartiles(in.IoUByReason[code]); n > 0 {
			v.Rows = append(v.Rows, newIoURow("not taken: "+reasonText(code), n, q))
		}
	}
	if len(v.Rows) == 0 {
		return nil
	}
	return v
}

func newIoURow(name string, n int, q chart.Quartiles) iouRow {
	f := func(v float64) string { return strconv.FormatFloat(v, 'f', 3, 64) }
	return iouRow{name, n, f(q.Lower), f(q.Median), f(q.Upper)}
}
