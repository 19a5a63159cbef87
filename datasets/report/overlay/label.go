package overlay

import (
	"strconv"
	"strings"
)

// tab is the ground of a label, in pixels of the picture.
type tab struct{ x, y, w, h float64 }

func (t tab) meets(o tab) bool {
	return t.x < o.x+o.w && o.x < t.x+t.w && t.y < o.y+o.h && o.y < t.y+t.h
}

// labels writes the names of the largest objects, each where it covers no
// other, and leaves out a name that has no such place. Numbers, which the legend
// refers to, are written in any case.
func (d *drawing) labels(os []object) {
	var placed []tab
	for _, o := range os[:min(len(os), d.o.Labels)] {
		text, must := d.names.Of(o.category), false
		if o.sentences != nil {
			text, must = strconv.Itoa(o.index+1), true
		}
		if t, ok := d.place(o, text, placed); ok || must {
			placed = append(placed, t)
			d.label(o, t, text)
		}
	}
}

// textSize is the height of label text in pixels of the picture.
func (d *drawing) textSize() float64 {
	return d.o.TextSize * max(float64(d.ex.Width), float64(d.ex.Height)*4/3)
}

// place looks for a free place at the corners of the box, first outside above
// its left corner; ok is false where all are taken, and the place is then the first.
func (d *drawing) place(o object, text string, placed []tab) (t tab, ok bool) {
	w, h, size := float64(d.ex.Width), float64(d.ex.Height), d.textSize()
	tw, th := size*(textWidth(text)+0.6), size*1.35
	left, right := o.box[0], o.box[0]+o.box[2]-tw
	top, bottom := o.box[1], o.box[1]+o.box[3]
	var first tab
	for i, at := range [][2]float64{{left, top - th}, {left, top}, {right, top - th}, {right, top}, {left, bottom - th}, {right, bottom - th}, {left, bottom}} {
		t := tab{max(0, min(at[0], w-tw)), at[1], tw, th}
		if i == 0 && t.y < 0 { // nothing above the picture
			t.y = max(0, top)
		}
		t.y = max(0, min(t.y, h-th))
		if i == 0 {
			first = t
		}
		free := true
		for _, p := range placed {
			free = free && !t.meets(p)
		}
		if free {
			return t, true
		}
	}
	return first, false
}

func (d *drawing) label(o object, t tab, text string) {
	size := d.textSize()
	d.f(`<g class="label %s"><rect x="%s" y="%s" width="%s" height="%s" rx="%s"/>`, o.colour(), num(t.x), num(t.y), num(t.w), num(t.h), num(size*0.15))
	d.f(`<text x="%s" y="%s" font-size="%s">%s</text></g>`, num(t.x+size*0.3), num(t.y+size*1.02), num(size), escape(text))
}

// textWidth estimates the width of s in a plain sans-serif face, in units of
// its size.
func textWidth(s string) float64 {
	w := 0.0
	for _, r := range s {
		switch {
		case strings.ContainsRune("iljtfrI.,:;'|!() ", r):
			w += 0.33
		case strings.ContainsRune("mwMW", r):
			w += 0.86
		case r >= 'A' && r <= 'Z':
			w += 0.69
		case r < 0x2e80:
			w += 0.56
		default: // scripts with square signs
			w++
		}
	}
	return w
}
