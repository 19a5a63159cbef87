package sewn

import (
	"encoding/base64"
	"html/template"
	"strconv"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/datasets/report"
	"github.com/tailorbird/tailorbird/datasets/report/overlay"
)

const maxPictures = 60

// sheet is a grid of pictures.
type sheet struct {
	Figures      []figure
	Total        int64 // pictures that there are
	More         bool  // more than are shown
	Truth, Found bool  // whether any has one
	Existing     bool
}

type figure struct {
	Picture
	SVG        template.HTML
	ScoreText  string
	IoUText    string
	ReasonText string
}

// newSheet draws the first pictures of a kind of which there are total.
func newSheet(pictures []Picture, total int64) *sheet {
	v := &sheet{Total: max(total, int64(len(pictures)))}
	v.More = v.Total > int64(min(len(pictures), maxPictures))
	for _, p := range pictures[:min(len(pictures), maxPictures)] {
		v.Truth = v.Truth || p.Truth != nil
		v.Found = v.Found || p.Found != nil
		v.Existing = v.Existing || len(p.Existing) > 0
		f := figure{Picture: p, SVG: p.svg(), ScoreText: share(p.Score), IoUText: share(p.IoU)}
		if p.Reason != "" {
			f.ReasonText = reasonText(p.Reason)
		}
		v.Figures = append(v.Figures, f)
	}
	return v
}

func share(v *float64) string {
	if v == nil {
		return ""
	}
	return strconv.FormatFloat(*v, 'f', 2, 64)
}

// svg draws the picture with its objects in a soft colour and, above them, where
// the added one is and where it was found.
func (p *Picture) svg() template.HTML {
	ex := &datasets.Example{Key: p.Key, Width: p.Width, Height: p.Height, Annotations: &p.Existing}
	o := overlay.Options{Quiet: true}
	ext := p.Ext
	if ext == "" {
		ext = "jpg"
	}
	if kind := report.MediaType(ext); kind != "" && len(p.Image) > 0 {
		o.Href = "data:" + kind + ";base64," + base64.StdEncoding.EncodeToString(p.Image)
	}
	if p.Truth != nil {
		o.Marks = append(o.Marks, overlay.Mark{Kind: overlay.Truth, Title: p.Class + ": truth", Box: p.Truth.Box, Mask: p.Truth.Mask})
	}
	if p.Found != nil {
		o.Marks = append(o.Marks, overlay.Mark{Kind: overlay.Found, Title: p.Class + ": found", Box: p.Found.Box, Mask: p.Found.Mask})
	}
	return overlay.SVG(ex, nil, o)
}
