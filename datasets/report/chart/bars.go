package chart

import (
	"fmt"
	"html/template"
	"strconv"
	"strings"
)

// Bar is one row of a bar chart, or one part of a stacked bar.
type Bar struct {
	Label string
	Value int64
	Text  string // written beside the bar; empty: Value
}

func (b Bar) text() string {
	if b.Text != "" {
		return b.Text
	}
	return Count(b.Value)
}

// The geometry of a bar chart, in pixels of its own coordinates.
const (
	width      = 460
	rowHeight  = 22
	labelRight = 150
	barLeft    = 158
	barLength  = 190
	labelRunes = 21
)

// Bars draws one horizontal bar a row, in the order given. Unit names what is
// counted ("images").
func Bars(title, unit string, rows []Bar) template.HTML {
	var most int64 = 1
	for _, r := range rows {
		most = max(most, r.Value)
	}
	var b strings.Builder
	open(&b, title, unit, describe(rows), rowHeight*max(len(rows), 1)+4)
	for i, r := range rows {
		y := i * rowHeight
		length := barLength * float64(max(r.Value, 0)) / float64(most)
		if r.Value > 0 {
			length = max(length, 1)
		}
		fmt.Fprintf(&b, `<g><title>%s: %s</title>`, escape(r.Label), escape(r.text()))
		fmt.Fprintf(&b, `<text class="label" x="%d" y="%d" text-anchor="end">%s</text>`, labelRight, y+15, escape(Clip(r.Label, labelRunes)))
		fmt.Fprintf(&b, `<rect class="bar" x="%d" y="%d" width="%s" height="14" rx="2"/>`, barLeft, y+4, px(length))
		fmt.Fprintf(&b, `<text class="value" x="%s" y="%d">%s</text></g>`, px(barLeft+length+6), y+15, escape(r.text()))
	}
	closeFigure(&b)
	return template.HTML(b.String())
}

// Stacked draws the parts of one whole as a bar, with a legend that gives each
// part's text and share. Parts without a value are left out.
func Stacked(title, unit string, parts []Bar) template.HTML {
	var total int64
	var shown []Bar
	for _, p := range parts {
		if p.Value > 0 {
			total += p.Value
			shown = append(shown, p)
		}
	}
	var b strings.Builder
	rows := (len(shown) + 1) / 2
	open(&b, title, unit, describe(shown), 44+rows*rowHeight)
	x := 0.0
	for i, p := range shown {
		w := width * float64(p.Value) / float64(total)
		fmt.Fprintf(&b, `<rect class="s%d" x="%s" y="2" width="%s" height="26"><title>%s: %s, %s</title></rect>`,
			i%8, px(x), px(max(w-1, 0.5)), escape(p.Label), escape(p.text()), Percent(p.Value, total))
		x += w
	}
	for i, p := range shown {
		lx, ly := i%2*(width/2), 42+i/2*rowHeight
		fmt.Fprintf(&b, `<rect class="s%d" x="%d" y="%d" width="11" height="11" rx="2"/><text class="label" x="%d" y="%d">%s</text>`,
			i%8, lx, ly, lx+18, ly+10, escape(Clip(p.Label, 14)))
		fmt.Fprintf(&b, `<text class="value" x="%d" y="%d" text-anchor="end">%s · %s</text>`, lx+width/2-14, ly+10, escape(p.text()), Percent(p.Value, total))
	}
	closeFigure(&b)
	return template.HTML(b.String())
}

// Clip shortens s to n runes, the last of them an ellipsis where it was longer.
func Clip(s string, n int) string {
	r := []rune(s)
	if len(r) <= n {
		return s
	}
	return string(r[:n-1]) + "…"
}

// describe says the first rows in words.
func describe(rows []Bar) string {
	const most = 8
	var b strings.Builder
	for i, r := range rows {
		if i == most {
			fmt.Fprintf(&b, " and %d more", len(rows)-most)
			break
		}
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(r.Label + " " + r.text())
	}
	return b.String()
}

func open(b *strings.Builder, title, unit, words string, height int) {
	fmt.Fprintf(b, `<figure class="chart"><figcaption>%s`, escape(title))
	if unit != "" {
		fmt.Fprintf(b, ` <span class="unit">%s</span>`, escape(unit))
	}
	label := title
	if words != "" {
		label += ": " + words
	}
	fmt.Fprintf(b, `</figcaption><svg role="img" aria-label="%s" viewBox="0 0 %d %d">`, escape(label), width, height)
}

func closeFigure(b *strings.Builder) { b.WriteString("</svg></figure>\n") }

func escape(s string) string { return template.HTMLEscapeString(s) }

// px writes a coordinate to a tenth of a pixel.
func px(v float64) string {
	s := strconv.FormatFloat(v, 'f', 1, 64)
	return strings.TrimSuffix(s, ".0")
}
