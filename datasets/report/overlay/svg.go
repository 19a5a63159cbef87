package overlay

import (
	"fmt"
	"html/template"
	"math"
	"strconv"
	"strings"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/kernels/rle"
)

// Options say how a picture is drawn.
type Options struct {
	Href     string  // address of the picture; empty: shapes on a plain ground
	TextSize float64 // height of the labels over the width of a frame of 4 : 3 round the picture; 0: 0.04
	Labels   int     // objects that are labelled, largest first; 0: 12
	Marks    []Mark  // drawn above the objects
	Quiet    bool    // objects are drawn in one soft colour and without labels
}

// Bounds on the markup of one picture.
const (
	maxObjects = 400
	maxPoints  = 40000
	maxExtent  = 1 << 20 // of a coordinate that is drawn, pixels
)

// SVG draws ex. An example whose stored size is not positive gives nothing.
func SVG(ex *datasets.Example, names Names, o Options) template.HTML {
	if ex.Width <= 0 || ex.Height <= 0 {
		return ""
	}
	if o.TextSize == 0 {
		o.TextSize = 0.04
	}
	if o.Labels == 0 {
		o.Labels = 12
	}
	d := &drawing{ex: ex, names: names, o: o, points: maxPoints}
	d.f(`<svg class="picture" role="img" aria-label="%s" viewBox="0 0 %d %d">`, escape(describe(ex, names)), ex.Width, ex.Height)
	d.f(`<rect class="ground" width="%d" height="%d"/>`, ex.Width, ex.Height)
	if o.Href != "" {
		d.f(`<image width="%d" height="%d" preserveAspectRatio="none" href="%s"/>`, ex.Width, ex.Height, escape(o.Href))
	}
	d.shapes()
	d.marks()
	d.b.WriteString("</svg>")
	return template.HTML(d.b.String())
}

// drawing is the markup of one picture under way.
type drawing struct {
	b      strings.Builder
	ex     *datasets.Example
	names  Names
	o      Options
	points int // that may still be drawn
}

func (d *drawing) f(format string, args ...any) { fmt.Fprintf(&d.b, format, args...) }

// shapes draws masks below boxes below labels.
func (d *drawing) shapes() {
	var os []object
	for _, o := range objectsOf(d.ex) {
		if drawable(o.box[:]) && len(os) < maxObjects {
			os = append(os, o)
		}
	}
	os = byArea(os)
	for _, o := range os {
		if path := d.outline(o.mask); path != "" {
			d.f(`<path class="mask %s" d="%s"/>`, d.colour(o), path)
		}
	}
	for _, o := range os {
		class := "box"
		if o.crowd {
			class = "box crowd"
		}
		d.f(`<rect class="%s %s" x="%s" y="%s" width="%s" height="%s"><title>%s</title></rect>`, class, d.colour(o),
			num(o.box[0]), num(o.box[1]), num(max(o.box[2], 0)), num(max(o.box[3], 0)), escape(d.title(o)))
	}
	if !d.o.Quiet {
		d.labels(os)
	}
}

// colour is the class name of the colour that an object is drawn in.
func (d *drawing) colour(o object) string {
	if d.o.Quiet {
		return "quiet"
	}
	return o.colour()
}

// title is what hovering over an object says.
func (d *drawing) title(o object) string {
	t := d.names.Of(o.category)
	if o.crowd {
		t += " (crowd)"
	}
	for _, s := range o.sentences {
		t += "\n" + sentence(s)
	}
	return t
}

// outline writes the path of a mask, "" where there is none that can be drawn.
func (d *drawing) outline(s *datasets.Segmentation) string {
	if s == nil {
		return ""
	}
	var b strings.Builder
	if s.RLE != nil {
		for _, loop := range trace(d.mask(s.RLE)) {
			if d.points -= len(loop); d.points < 0 {
				return ""
			}
			closed(&b, len(loop), func(i int) (x, y float64) { return float64(loop[i].x), float64(loop[i].y) })
		}
		return b.String()
	}
	for _, xy := range s.Polygons {
		n := len(xy) / 2
		if n < 3 {
			continue
		}
		if d.points -= n; d.points < 0 {
			return ""
		}
		if !drawable(xy) {
			continue
		}
		closed(&b, n, func(i int) (x, y float64) { return xy[2*i], xy[2*i+1] })
	}
	return b.String()
}

// mask reads run lengths; what is broken or of another size is the empty mask,
// which has no outline.
func (d *drawing) mask(r *datasets.RLE) rle.Mask {
	h, w := r.Size[0], r.Size[1]
	if h != d.ex.Height || w != d.ex.Width {
		return rle.Mask{}
	}
	if r.Runs != nil {
		return rle.Mask{Height: h, Width: w, Counts: r.Runs}
	}
	m, err := rle.FromString(r.Counts, h, w, nil)
	if err != nil {
		return rle.Mask{}
	}
	return m
}

func closed(b *strings.Builder, n int, at func(i int) (x, y float64)) {
	for i := range n {
		x, y := at(i)
		if i == 0 {
			b.WriteByte('M')
		} else {
			b.WriteByte('L')
		}
		b.WriteString(num(x))
		b.WriteByte(' ')
		b.WriteString(num(y))
	}
	b.WriteByte('Z')
}

// drawable reports whether all numbers are finite and within reason.
func drawable(vs []float64) bool {
	for _, v := range vs {
		if math.IsNaN(v) || math.Abs(v) > maxExtent {
			return false
		}
	}
	return true
}

// describe says in words what the picture shows.
func describe(ex *datasets.Example, names Names) string {
	lines, more := Legend(ex, names, 6)
	words := ex.Key
	for i, l := range lines {
		sep := ", "
		if i == 0 {
			sep = ": "
		}
		words += sep + l.Name
		if l.Count > 1 {
			words += " (" + strconv.Itoa(l.Count) + ")"
		}
		if len(l.Texts) > 0 {
			words += ", " + l.Texts[0]
		}
	}
	if more > 0 {
		words += " and " + strconv.Itoa(more) + " more"
	}
	return words
}

func escape(s string) string { return template.HTMLEscapeString(s) }

// num writes a coordinate to a tenth of a pixel.
func num(v float64) string {
	return strings.TrimSuffix(strconv.FormatFloat(v, 'f', 1, 64), ".0")
}
