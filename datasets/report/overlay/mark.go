package overlay

import "github.com/tailorbird/tailorbird/datasets"

// Mark is a place in a picture that is pointed at: where something was put, or
// where it was found. Box and Mask may be nil.
type Mark struct {
	Kind  MarkKind
	Title string // what hovering over the box says
	Box   *datasets.Box
	Mask  *datasets.Segmentation
}

// MarkKind is the class name of a mark's colour and stroke.
type MarkKind string

const (
	Truth MarkKind = "truth" // where an object is, as whoever put it there knows
	Found MarkKind = "found" // where a localiser sees it; dashed
)

// marks draws the marks in their order, masks below boxes.
func (d *drawing) marks() {
	for _, m := range d.o.Marks {
		if path := d.outline(m.Mask); path != "" {
			d.f(`<path class="mask %s" d="%s"/>`, escape(string(m.Kind)), path)
		}
	}
	for _, m := range d.o.Marks {
		if m.Box == nil || !drawable(m.Box[:]) {
			continue
		}
		d.f(`<rect class="box %s" x="%s" y="%s" width="%s" height="%s"><title>%s</title></rect>`, escape(string(m.Kind)),
			num(m.Box[0]), num(m.Box[1]), num(max(m.Box[2], 0)), num(max(m.Box[3], 0)), escape(m.Title))
	}
}
