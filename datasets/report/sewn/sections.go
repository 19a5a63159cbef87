package sewn

import (
	"bytes"
	"html/template"
	"io"
	"math"
	"sort"
	"strconv"

	"github.com/tailorbird/tailorbird/datasets/report"
	"github.com/tailorbird/tailorbird/datasets/report/chart"
	"github.com/tailorbird/tailorbird/internal/fault"
)

// Sections writes the blocks of a report: acceptance, frequency, accepted,
// rejected, localiser and settings. A block with nothing to show is left out.
func Sections(in Input) ([]report.Block, error) {
	var blocks []report.Block
	s := section{blocks: &blocks}
	acceptance := newAcceptance(&in)
	s.add("acceptance", "Synthetic objects", "acceptance", acceptance)
	s.add("frequency", "Frequency before and after", "charts", frequencyCharts(in.Classes))
	if len(in.Accepted) > 0 {
		s.add("accepted", "Accepted pictures", "sheet", newSheet(in.Accepted, acceptance.Accepted))
	}
	if len(in.Rejected) > 0 {
		s.add("rejected", "Pictures not taken", "sheet", newSheet(in.Rejected, acceptance.NotTaken))
	}
	if v := newLocaliser(&in); v != nil {
		s.add("localiser", "Error of the localiser", "localiser", v)
	}
	if len(in.Generator)+len(in.Localiser)+len(in.Settings) > 0 {
		s.add("settings", "Settings of sew", "settings", in)
	}
	return blocks, s.err
}

// PlanPage writes the page of a plan: what would be made, how frequencies would
// move, and how long it would take. The error is that of w.
func PlanPage(w io.Writer, in PlanInput) error {
	var blocks []report.Block
	s := section{blocks: &blocks}
	s.add("plan", "What would be made", "plan", newPlan(&in))
	s.add("frequency", "Frequency, if all are accepted", "charts", frequencyCharts(in.Classes))
	if len(in.Settings) > 0 {
		s.add("settings", "Settings of sew", "settings", Input{Settings: in.Settings})
	}
	if s.err != nil {
		return s.err
	}
	lead := in.Dataset
	if in.Split != "" {
		lead += " · split " + in.Split
	}
	if in.Title == "" {
		in.Title = "Plan"
	}
	return report.WritePage(w, report.Page{Title: in.Title, Lead: lead, Hash: in.RootHash, Origin: "Made by tailorbird before any picture is."}, blocks)
}

// section gathers blocks. The first error sticks.
type section struct {
	blocks *[]report.Block
	err    error
}

func (s *section) add(id, title, name string, data any) {
	if s.err != nil {
		return
	}
	var b bytes.Buffer
	if err := pages.ExecuteTemplate(&b, name, data); err != nil {
		s.err = fault.Wrap(fault.Bug, err)
		return
	}
	*s.blocks = append(*s.blocks, report.Block{ID: id, Title: title, HTML: template.HTML(b.String())})
}

// groupBands are the groups of LVIS: rare 1 to 10 images, common 11 to 100,
// frequent above.
var groupBands = []chart.Band{{UpTo: 10, Label: "rare"}, {UpTo: 100, Label: "common"}, {Label: "frequent"}}

// frequencyCharts draws all classes and the sizes of their groups.
func frequencyCharts(classes []Class) []template.HTML {
	rows := make([]chart.Change, len(classes))
	grouped := false
	for i, c := range classes {
		rows[i] = chart.Change{Label: c.Name, Before: c.Before.Images, After: c.After.Images}
		grouped = grouped || c.Before.Group != "" || c.After.Group != ""
	}
	sort.SliceStable(rows, func(i, j int) bool {
		if rows[i].Before != rows[j].Before {
			return rows[i].Before > rows[j].Before
		}
		if rows[i].After != rows[j].After {
			return rows[i].After > rows[j].After
		}
		return rows[i].Label < rows[j].Label
	})
	charts := []template.HTML{chart.Shift("Images that show each class", "logarithmic", rows, groupBands)}
	if grouped {
		charts = append(charts, chart.Pairs("Classes by frequency group", "classes", groupCounts(classes)))
	}
	return charts
}

// groupCounts counts the classes of each group. One that no image shows is in
// none.
func groupCounts(classes []Class) []chart.Change {
	rows := []chart.Change{{Label: "rare (r)"}, {Label: "common (c)"}, {Label: "frequent (f)"}, {Label: "in no image"}}
	at := func(c Count) int {
		if c.Images <= 0 {
			return 3
		}
		switch c.Group {
		case "r":
			return 0
		case "c":
			return 1
		}
		return 2
	}
	for _, c := range classes {
		rows[at(c.Before)].Before++
		rows[at(c.After)].After++
	}
	if last := rows[3]; last.Before == 0 && last.After == 0 {
		rows = rows[:3]
	}
	return rows
}

func duration(seconds float64) string {
	if seconds < 9e9 {
		return chart.Duration(int64(seconds * 1e9))
	}
	return strconv.FormatFloat(seconds/86400, 'f', 0, 64) + " days"
}

// quartiles interpolates between the neighbours in the order of values; what is
// no number is left out.
func quartiles(values []float64) (q chart.Quartiles, n int) {
	sorted := make([]float64, 0, len(values))
	for _, v := range values {
		if !math.IsNaN(v) {
			sorted = append(sorted, v)
		}
	}
	if len(sorted) == 0 {
		return q, 0
	}
	sort.Float64s(sorted)
	at := func(share float64) float64 {
		place := share * float64(len(sorted)-1)
		i := int(place)
		if i+1 == len(sorted) {
			return sorted[i]
		}
		return sorted[i] + float64((place-float64(i))*(sorted[i+1]-sorted[i]))
	}
	return chart.Quartiles{Lower: at(0.25), Median: at(0.5), Upper: at(0.75)}, len(sorted)
}
