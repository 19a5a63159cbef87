package report

import (
	"html/template"
	"sort"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/datasets/report/chart"
	"github.com/tailorbird/tailorbird/internal/manifest"
)

// A dataset with more classes than allClasses shows the first and last tailClasses
// and a curve of all.
const (
	allClasses  = 40
	tailClasses = 20
)

// classesView is the section about classes.
type classesView struct {
	Charts []template.HTML
	Groups []group // LVIS: by frequency
	Basis  string  // what Groups are counted on
	Empty  int     // classes without an example
}

// group is one line of the LVIS frequency table.
type group struct {
	Letter, Name, Range string
	Declared            int // classes that the source puts in the group
	Classes             int // classes recounted
	Images              int64
	Annotations         int64
}

// classCount is one class with what is counted of it.
type classCount struct {
	name          string
	images, count int64 // count: what classes are ranked by
}

func newClasses(m *manifest.Manifest, all *manifest.SplitStatistics) classesView {
	var v classesView
	if len(m.Classes) == 0 {
		return v
	}
	unit, by := "objects", all.AnnotationsByClass
	if m.Task == string(datasets.Classification) {
		unit, by = "images", all.ImagesByClass
	}
	rows := make([]classCount, len(m.Classes))
	for i, c := range m.Classes {
		rows[i] = classCount{c.Name, at(all.ImagesByClass, i), at(by, i)}
		if rows[i].count == 0 {
			v.Empty++
		}
	}
	sort.SliceStable(rows, func(i, j int) bool { return rows[i].count > rows[j].count })
	groups, basis := frequencyGroups(m, all)
	v.Groups, v.Basis = groups, basis
	if len(rows) <= allClasses {
		half := (len(rows) + 1) / 2
		if len(rows) <= tailClasses {
			half = len(rows)
		}
		v.Charts = append(v.Charts, classBars("Classes by "+unit, unit, rows[:half]))
		if half < len(rows) {
			v.Charts = append(v.Charts, classBars("Classes by "+unit+", continued", unit, rows[half:]))
		}
		if len(groups) > 0 {
			v.Charts = append(v.Charts, groupBars(groups))
		}
		return v
	}
	beside := decades(unit, by, len(rows))
	if len(groups) > 0 {
		beside = groupBars(groups)
	}
	v.Charts = append(v.Charts,
		chart.RankFrequency("Long tail", unit, by, rankMarks(groups)...), beside,
		classBars("Most frequent classes", unit, rows[:tailClasses]),
		classBars("Least frequent classes present", unit, last(rows[:len(rows)-v.Empty], tailClasses)))
	return v
}

// last returns the last n rows.
func last(rows []classCount, n int) []classCount { return rows[max(len(rows)-n, 0):] }

// rankMarks draws the borders of the LVIS groups; they are in images, which
// never exceed objects, so they mark where a class leaves its group at the latest.
func rankMarks(groups []group) []chart.Mark {
	if len(groups) == 0 {
		return nil
	}
	return []chart.Mark{{Value: 10, Label: "10"}, {Value: 100, Label: "100"}}
}

func classBars(title, unit string, rows []classCount) template.HTML {
	bars := make([]chart.Bar, len(rows))
	for i, r := range rows {
		bars[i] = chart.Bar{Label: r.name, Value: r.count}
		if unit != "images" {
			bars[i].Text = chart.Count(r.count) + " in " + chart.Count(r.images)
		}
	}
	if unit != "images" {
		unit += " in images"
	}
	return chart.Bars(title, unit, bars)
}

// decades counts classes by the order of magnitude of what they hold.
func decades(unit string, by []int64, classes int) template.HTML {
	bars := []chart.Bar{{Label: "none"}, {Label: "1"}, {Label: "2 to 10"}, {Label: "11 to 100"}, {Label: "101 to 1,000"}, {Label: "over 1,000"}}
	for i := range classes {
		at, n := 0, at(by, i)
		for _, border := range []int64{0, 1, 10, 100, 1000} {
			if n > border {
				at++
			}
		}
		bars[at].Value++
	}
	return chart.Bars("Classes by number of "+unit, "classes", bars)
}

// frequencyGroups recounts the groups of LVIS: rare 1 to 10 images, common 11 to
// 100, frequent above. It gives nothing where no class states a frequency.
func frequencyGroups(m *manifest.Manifest, all *manifest.SplitStatistics) ([]group, string) {
	declared := map[string]int{}
	for _, c := range m.Classes {
		declared[c.Frequency]++
	}
	if declared["r"]+declared["c"]+declared["f"] == 0 {
		return nil, ""
	}
	st, basis := all, "all splits"
	if train := m.Statistics.Splits["train"]; train != nil {
		st, basis = train, "split train"
	}
	gs := []group{
		{Letter: "r", Name: "rare", Range: "1 to 10 images"},
		{Letter: "c", Name: "common", Range: "11 to 100"},
		{Letter: "f", Name: "frequent", Range: "over 100"},
		{Letter: "", Name: "absent", Range: "none"},
	}
	for i := range m.Classes {
		images := at(st.ImagesByClass, i)
		g := &gs[groupOf(images)]
		g.Classes++
		g.Images += images
		g.Annotations += at(st.AnnotationsByClass, i)
	}
	for i := range gs {
		if gs[i].Letter != "" {
			gs[i].Declared = declared[gs[i].Letter]
		}
	}
	return gs, basis
}

// groupOf is the index of the group of a class that so many images show.
func groupOf(images int64) int {
	switch {
	case images < 1:
		return 3
	case images <= 10:
		return 0
	case images <= 100:
		return 1
	}
	return 2
}

func groupBars(gs []group) template.HTML {
	var bars []chart.Bar
	for _, g := range gs {
		if g.Letter != "" {
			bars = append(bars, chart.Bar{Label: g.Name + " (" + g.Letter + ")", Value: int64(g.Classes),
				Text: chart.Count(int64(g.Classes)) + " · " + chart.Count(g.Annotations) + " objects"})
		}
	}
	return chart.Bars("Classes by frequency group", "classes, recounted", bars)
}

func at(counts []int64, i int) int64 {
	if i < len(counts) {
		return counts[i]
	}
	return 0
}
