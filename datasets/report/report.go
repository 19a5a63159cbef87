package report

import (
	"bytes"
	"embed"
	"encoding/base64"
	"html/template"
	"io"
	"strings"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/datasets/report/chart"
	"github.com/tailorbird/tailorbird/datasets/report/overlay"
	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/internal/manifest"
)

// Input is what a report shows. Manifest is required.
type Input struct {
	Title      string // empty: the dataset's name
	Manifest   *manifest.Manifest
	Run        *manifest.RunReport
	Quarantine []datasets.Rejection // the first 50 are listed
	Samples    []*datasets.Example  // with Image
	More       []Block              // shown after the overview
}

// Section names a part of the page.
type Section string

// The sections, in the order of the page.
const (
	Overview      Section = "overview"
	More          Section = "more" // the blocks of Input.More, each a section of its own
	Samples       Section = "samples"
	Splits        Section = "splits"
	Classes       Section = "classes"
	Distributions Section = "distributions"
	Licences      Section = "licences"
	Quarantine    Section = "quarantine"
	Run           Section = "run"
	Provenance    Section = "provenance"
)

// Sections lists all sections in the order of the page.
func Sections() []Section {
	return []Section{Overview, More, Samples, Splits, Classes, Distributions, Licences, Quarantine, Run, Provenance}
}

var (
	//go:embed page.html sections.html style.css
	files embed.FS

	//go:embed style.css
	css string

	pages = template.Must(template.New("").Funcs(Funcs()).ParseFS(files, "page.html", "sections.html"))
)

// CSS is the style sheet of the sections, for a page of one's own.
func CSS() string { return css }

// Funcs are the template functions that pages share: count, bytes, percent,
// duration, short (the first 12 characters of a hash) and clip.
func Funcs() template.FuncMap {
	return template.FuncMap{
		"count":    func(n int) string { return chart.Count(int64(n)) },
		"count64":  chart.Count,
		"bytes":    chart.Bytes,
		"percent":  func(part, whole int) string { return chart.Percent(int64(part), int64(whole)) },
		"duration": chart.Duration,
		"clip":     chart.Clip,
		"short":    func(s string) string { return s[:min(len(s), 12)] },
	}
}

// Write writes the page. An Input without a Manifest, or with a Block that has no
// proper id, is fault.Bug; other errors are those of w.
func Write(w io.Writer, in Input) error {
	if in.Manifest == nil {
		return fault.New(fault.Bug, "report: no manifest")
	}
	body, err := Body(in, Sections()...)
	if err != nil {
		return err
	}
	var links []Block
	for _, s := range Sections() {
		if s == More {
			links = append(links, in.More...)
		} else if strings.Contains(string(body), `<section id="`+string(s)+`"`) {
			links = append(links, Block{ID: string(s), Title: headings[s]})
		}
	}
	m := in.Manifest
	return shell(w, Page{Title: title(in), Lead: m.Dataset + " · " + m.Task, Hash: m.RootHash, Origin: "Made by tailorbird from manifest.json."}, body, links)
}

var headings = map[Section]string{
	Overview: "Overview", Splits: "Splits", Samples: "Samples", Classes: "Classes", Distributions: "Distributions",
	Licences: "Licences", Quarantine: "Quarantine", Run: "Run", Provenance: "Provenance",
}

// Body writes sections without the page round them. A section with nothing to
// show is left out.
func Body(in Input, sections ...Section) (template.HTML, error) {
	if in.Manifest == nil {
		return "", fault.New(fault.Bug, "report: no manifest")
	}
	if err := checkBlocks(in.More); err != nil {
		return "", err
	}
	v := newView(in)
	var b bytes.Buffer
	for _, s := range sections {
		if err := pages.ExecuteTemplate(&b, string(s), v); err != nil {
			return "", fault.Wrap(fault.Bug, err)
		}
	}
	return template.HTML(b.String()), nil
}

func title(in Input) string {
	if in.Title != "" {
		return in.Title
	}
	return in.Manifest.Dataset
}

// Sample is one picture with its caption, as the template "sample" shows it.
type Sample struct {
	Key, Split string
	Href       string // address of the page about it, empty: none
	Picture    template.HTML
	Legend     []overlay.Line
	More       int    // lines left out of Legend
	Badge      string // a word on the picture, empty: none
}

// NewSample prepares one example. Picture addresses the picture itself, Page the
// page about it.
func NewSample(ex *datasets.Example, names overlay.Names, picture, page string, o overlay.Options, lines int) Sample {
	o.Href = picture
	s := Sample{Key: ex.Key, Split: ex.Split, Href: page, Picture: overlay.SVG(ex, names, o)}
	s.Legend, s.More = overlay.Legend(ex, names, lines)
	if ex.Synthetic != nil {
		s.Badge = "synthetic"
	}
	return s
}

// SampleHTML writes a sample as a figure.
func SampleHTML(s Sample) (template.HTML, error) {
	var b bytes.Buffer
	err := pages.ExecuteTemplate(&b, "sample", s)
	return template.HTML(b.String()), fault.Wrap(fault.Bug, err)
}

// dataURI embeds a picture; what is neither JPEG nor PNG gives "".
func dataURI(ex *datasets.Example) string {
	kind := MediaType(ex.Ext)
	if kind == "" || len(ex.Image) == 0 {
		return ""
	}
	return "data:" + kind + ";base64," + base64.StdEncoding.EncodeToString(ex.Image)
}

// MediaType is the media type of a stored picture by its extension, "" for what
// is not shown.
func MediaType(ext string) string {
	switch ext {
	case "jpg", "jpeg":
		return "image/jpeg"
	case "png":
		return "image/png"
	}
	return ""
}
