package chart

import (
	"fmt"
	"html/template"
	"strings"
)

// Rate is one row of Rates: a share from 0 to 1 and what is written beside it.
type Rate struct {
	Label string
	Share float64
	Text  string
}

// Rates draws one horizontal bar a row on a common scale from 0 to 1. A share that
// is no number has no bar.
func Rates(title, unit string, rows []Rate) template.HTML {
	bars := make([]Bar, len(rows))
	for i, r := range rows {
		bars[i] = Bar{Label: r.Label, Text: r.Text}
	}
	var b strings.Builder
	open(&b, title, unit, describe(bars), rowHeight*max(len(rows), 1)+4)
	for i, r := range rows {
		y, share := i*rowHeight, 0.0
		if r.Share > 0 {
			share = min(r.Share, 1)
		}
		fmt.Fprintf(&b, `<g><title>%s: %s</title><text class="label" x="%d" y="%d" text-anchor="end">%s</text>`, escape(r.Label), escape(r.Text), labelRight, y+15, escape(Clip(r.Label, labelRunes)))
		fmt.Fprintf(&b, `<rect x="%d" y="%d" width="%d" height="14" rx="2" fill="var(--line)" fill-opacity=".5"/>`, barLeft, y+4, barLength)
		if share > 0 {
			fmt.Fprintf(&b, `<rect class="bar" x="%d" y="%d" width="%s" height="14" rx="2"/>`, barLeft, y+4, px(max(barLength*share, 1)))
		}
		fmt.Fprintf(&b, `<text class="value" x="%d" y="%d">%s</text></g>`, barLeft+barLength+6, y+15, escape(r.Text))
	}
	closeFigure(&b)
	return template.HTML(b.String())
}
