package sewn

import (
	"html/template"

	"github.com/tailorbird/tailorbird/datasets/report/chart"
)

// tableRow is a row of a class with what the table is to show of it.
type tableRow struct {
	Top               any // *acceptance or *plan
	Row               classRow
	Images, Instances chart.Change
	NotTaken          int64
}

// titledList is a list of settings below a heading.
type titledList struct {
	Title string
	Rows  []KeyValue
}

// funcs are what the templates call beside those of package report.
func funcs() template.FuncMap {
	return template.FuncMap{
		"row": func(top any, r classRow) tableRow {
			return tableRow{top, r, chart.Change{Before: r.Before.Images, After: r.After.Images},
				chart.Change{Before: r.Before.Instances, After: r.After.Instances}, r.rejected()}
		},
		"list":  func(title string, rows []KeyValue) titledList { return titledList{title, rows} },
		"group": groupClass,
		"many":  many,
	}
}

// many writes a number with the word for one or for many.
func many(n any, one, more string) string {
	var v int64
	switch n := n.(type) {
	case int:
		v = int64(n)
	case int64:
		v = n
	}
	if v == 1 {
		return "1 " + one
	}
	return chart.Count(v) + " " + more
}

// groupClass is the style sheet's class of a group, "" for one that is none.
func groupClass(group string) string {
	switch group {
	case "r", "c", "f":
		return group
	}
	return ""
}
