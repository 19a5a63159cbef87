package trained

import (
	"bytes"
	"embed"
	"html/template"
	"io"

	"github.com/tailorbird/tailorbird/datasets/report"
	"github.com/tailorbird/tailorbird/datasets/report/chart"
	"github.com/tailorbird/tailorbird/internal/fault"
)

var (
	//go:embed trained.html
	files embed.FS

	pages = template.Must(template.New("").Funcs(report.Funcs()).Funcs(funcs()).ParseFS(files, "trained.html"))
)

// Write writes the page. A section with nothing to show is left out. The error is
// that of w.
func Write(w io.Writer, in Input) error {
	blocks, err := Blocks(in)
	if err != nil {
		return err
	}
	title := in.Title
	if title == "" {
		title = "Training"
	}
	return report.WritePage(w, report.Page{Title: title, Lead: lead(&in), Origin: "Made by tailorbird from the results of the runs."}, blocks)
}

// Blocks are the sections of the page, for a page of one's own, under the ids
// results, curves, confusion, mistakes, cost and settings. A section with nothing
// to show is left out.
func Blocks(in Input) ([]report.Block, error) {
	p := &page{in: &in, groups: groupRuns(&in), shown: shownRun(in.Runs)}
	p.add("results", "Results", "results", newResults(p))
	if v := newCurves(p); len(v.Charts) > 0 {
		p.add("curves", "Curves", "curves", v)
	}
	if v := newConfusion(p.shown, p.shownName()); v != nil {
		p.add("confusion", "What is confused", "confusion", v)
	}
	if p.shown != nil && len(p.shown.Mistakes) > 0 {
		p.add("mistakes", "Worst mistakes", "mistakes", newMistakes(p.shown, p.shownName()))
	}
	if len(in.Runs) > 0 {
		p.add("cost", "Cost", "cost", newCost(p))
		p.add("settings", "Settings and weights", "settings", newSettings(&in))
	}
	return p.blocks, p.err
}

// page is a page under way. The first error sticks.
type page struct {
	in     *Input
	groups []*group // in the order of the sweep
	shown  *Run     // nil where none has anything to show
	blocks []report.Block
	err    error
}

// shownName names the shown run where there are others.
func (p *page) shownName() string {
	if p.shown == nil || len(p.in.Runs) == 1 {
		return ""
	}
	return p.shown.Name
}

func (p *page) add(id, title, name string, data any) {
	if p.err != nil {
		return
	}
	var b bytes.Buffer
	if err := pages.ExecuteTemplate(&b, name, data); err != nil {
		p.err = fault.Wrap(fault.Bug, err)
		return
	}
	p.blocks = append(p.blocks, report.Block{ID: id, Title: title, HTML: template.HTML(b.String())})
}

// lead is the line below the title.
func lead(in *Input) string {
	text := "training · " + many(len(in.Runs), "run", "runs")
	for i, k := range in.Keys {
		if i == 0 {
			text += " · swept: "
		} else {
			text += ", "
		}
		text += chart.Clip(k, 60)
	}
	return text
}
