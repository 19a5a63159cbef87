package demo

import (
	"bytes"
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"html/template"
	"path/filepath"
	"strings"
	"time"

	"github.com/tailorbird/tailorbird/datasets/report"
	"github.com/tailorbird/tailorbird/datasets/scenes"
	"github.com/tailorbird/tailorbird/internal/blob"
)

// PageName is the demo's page below its output.
const PageName = "report.html"

// picturesPerSet is how many pictures the page shows of each dataset.
const picturesPerSet = 12

//go:embed page.html
var pageText string

var page = template.Must(template.New("page").Funcs(report.Funcs()).Parse(pageText))

// view is one dataset as the page shows it.
type view struct {
	*Step
	What     string
	Planted  []scenes.Planted
	Formats  string
	Sections template.HTML
}

func writePage(ctx context.Context, out string, steps []Step, took time.Duration) error {
	var views []view
	examples, aside := 0, 0
	for i := range steps {
		s := &steps[i]
		body, err := report.Body(report.Input{Title: s.Name, Manifest: s.Manifest, Quarantine: s.rejections, Samples: s.samples, More: s.more},
			report.More, report.Samples, report.Classes, report.Distributions, report.Quarantine)
		if err != nil {
			return err
		}
		// Ids are unique in a page, and each dataset has the same sections.
		text := strings.ReplaceAll(string(body), `<section id="`, `<section id="`+s.Name+"-")
		views = append(views, view{Step: s, What: s.what, Planted: s.planted, Formats: strings.Join(s.Manifest.Formats(), ", "), Sections: template.HTML(text)})
		examples += s.Examples
		aside += s.SetAside
	}
	css := report.CSS()
	hash := sha256.Sum256([]byte(css))
	var b bytes.Buffer
	err := page.Execute(&b, map[string]any{"Views": views, "Examples": examples, "Aside": aside, "Seconds": took.Seconds(), "CSS": template.CSS(css),
		"Policy": "default-src 'none'; img-src data:; style-src 'sha256-" + base64.StdEncoding.EncodeToString(hash[:]) + "'; base-uri 'none'; form-action 'none'"})
	if err != nil {
		return err
	}
	_, err = blob.Put(ctx, filepath.Join(out, PageName), b.Bytes())
	return err
}
