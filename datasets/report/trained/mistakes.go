package trained

import (
	"encoding/base64"
	"fmt"
	"html/template"
	"strconv"
	"strings"

	"github.com/tailorbird/tailorbird/datasets/report"
)

const (
	maxMistakes = 60
	maxPicture  = 4 << 20 // bytes of one picture that is embedded
	maxPictures = 32 << 20
	smallSide   = 128     // pictures up to so many pixels a side are enlarged by whole pixels
	maxSide     = 1 << 20 // of a picture that is drawn
)

// mistakes is the section of pictures that were given a wrong class.
type mistakes struct {
	Run     string
	Figures []mistakeFigure
	More    int
}

type mistakeFigure struct {
	*Mistake
	SVG         template.HTML
	Probability string
}

func newMistakes(r *Run, name string) *mistakes {
	v := &mistakes{Run: name, More: max(0, len(r.Mistakes)-maxMistakes)}
	room := maxPictures
	for i := range r.Mistakes[:min(len(r.Mistakes), maxMistakes)] {
		m := &r.Mistakes[i]
		f := mistakeFigure{Mistake: m, Probability: none}
		if finite(m.Confidence) && m.Confidence >= 0 && m.Confidence <= 1 {
			f.Probability = strconv.FormatFloat(100*m.Confidence, 'f', 1, 64) + " %"
		}
		if n := len(m.Image); n <= maxPicture && n <= room {
			if f.SVG = m.svg(); f.SVG != "" {
				room -= n
			}
		}
		v.Figures = append(v.Figures, f)
	}
	return v
}

// svg shows the picture, "" where it cannot be shown.
func (m *Mistake) svg() template.HTML {
	ext := m.Ext
	if ext == "" {
		ext = "jpg"
	}
	kind := report.MediaType(ext)
	if kind == "" || len(m.Image) == 0 || m.Width <= 0 || m.Height <= 0 || m.Width > maxSide || m.Height > maxSide {
		return ""
	}
	look := ""
	if m.Width <= smallSide && m.Height <= smallSide {
		look = ` image-rendering="pixelated"`
	}
	var b strings.Builder
	fmt.Fprintf(&b, `<svg class="picture" role="img" aria-label="%s, taken for %s" viewBox="0 0 %d %d">`,
		template.HTMLEscapeString(m.Truth), template.HTMLEscapeString(m.Predicted), m.Width, m.Height)
	fmt.Fprintf(&b, `<image width="%d" height="%d" preserveAspectRatio="none"%s href="data:%s;base64,%s"/></svg>`,
		m.Width, m.Height, look, kind, base64.StdEncoding.EncodeToString(m.Image))
	return template.HTML(b.String())
}
