package report

import (
	"html/template"
	"strconv"
	"strings"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/datasets/report/chart"
	"github.com/tailorbird/tailorbird/datasets/report/overlay"
	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/internal/manifest"
)

// Rows that the page lists at most.
const (
	maxRejections = 50
	maxShards     = 64
	maxSlowest    = 20
	maxInputs     = 64
)

// view is what the templates see.
type view struct {
	Manifest *manifest.Manifest
	Run      *manifest.RunReport
	More     []Block
	Tiles    []tile
	Splits   splitsView
	Samples  []Sample
	Classes  classesView
	Charts   []template.HTML // of the distributions
	Licences []licenceRow
	Reasons  template.HTML
	Rejected []datasets.Rejection
	Stages   template.HTML
	RunTiles []tile
	Slowest  []manifest.SlowSample
	Inputs   []manifest.Input
	MoreIn   int // inputs not listed
}

// tile is one large number.
type tile struct{ Value, Name string }

func newView(in Input) *view {
	m := in.Manifest
	all := total(m)
	v := &view{
		Manifest: m, Run: in.Run, More: in.More,
		Tiles:    overviewTiles(m, all),
		Splits:   newSplits(m),
		Classes:  newClasses(m, all),
		Charts:   distributions(all),
		Licences: licences(m, all),
		Reasons:  reasons(m),
		Rejected: in.Quarantine[:min(len(in.Quarantine), maxRejections)],
		Inputs:   m.Inputs[:min(len(m.Inputs), maxInputs)],
	}
	v.MoreIn = len(m.Inputs) - len(v.Inputs)
	names := overlay.NamesOf(m.Classes)
	for _, ex := range in.Samples {
		v.Samples = append(v.Samples, NewSample(ex, names, dataURI(ex), "", overlay.Options{}, 6))
	}
	if r := in.Run; r != nil {
		v.Stages, v.RunTiles = stages(r), runTiles(r)
		v.Slowest = r.Slowest[:min(len(r.Slowest), maxSlowest)]
	}
	return v
}

// total adds up the statistics of all splits.
func total(m *manifest.Manifest) *manifest.SplitStatistics {
	all := manifest.NewSplitStatistics(len(m.Classes))
	for _, name := range m.SplitNames() {
		if s := m.Statistics.Splits[name]; s != nil {
			all.Merge(s)
		}
	}
	return all
}

func overviewTiles(m *manifest.Manifest, all *manifest.SplitStatistics) []tile {
	annotations, shards := 0, 0
	var stored int64
	for _, s := range m.Splits {
		annotations += s.Annotations
		shards += len(s.Shards)
		for _, x := range s.Shards {
			stored += x.Bytes
		}
	}
	ts := []tile{{chart.Count(int64(m.Examples())), "examples"}}
	if m.Task != string(datasets.Classification) {
		ts = append(ts, tile{chart.Count(int64(annotations)), "objects"})
	}
	if all.Sentences > 0 {
		ts = append(ts, tile{chart.Count(all.Sentences), "expressions"})
	}
	return append(ts,
		tile{chart.Count(int64(len(m.Classes))), "classes"},
		tile{chart.Count(int64(len(m.Splits))), "splits"},
		tile{chart.Count(int64(shards)), "shards"},
		tile{chart.Bytes(stored), "in shards"},
		tile{chart.Count(int64(m.Quarantine.Examples)), "quarantined"})
}

type splitsView struct {
	Rows   []splitRow
	Chart  template.HTML
	Shards []shardRow
	More   int // shards not listed
}

type splitRow struct {
	Name                  string
	Examples, Annotations int
	Sentences             int64
	Formats               []formatRow
}

type formatRow struct {
	Format string
	Shards int
	Bytes  int64
}

type shardRow struct {
	Split string
	manifest.Shard
}

func newSplits(m *manifest.Manifest) splitsView {
	var v splitsView
	var bars []chart.Bar
	for _, name := range m.SplitNames() {
		s := m.Splits[name]
		row := splitRow{Name: name, Examples: s.Examples, Annotations: s.Annotations}
		if st := m.Statistics.Splits[name]; st != nil {
			row.Sentences = st.Sentences
		}
		for _, x := range s.Shards {
			if n := len(row.Formats); n == 0 || row.Formats[n-1].Format != x.Format {
				row.Formats = append(row.Formats, formatRow{Format: x.Format})
			}
			f := &row.Formats[len(row.Formats)-1]
			f.Shards++
			f.Bytes += x.Bytes
			if len(v.Shards) < maxShards {
				v.Shards = append(v.Shards, shardRow{name, x})
			} else {
				v.More++
			}
		}
		v.Rows = append(v.Rows, row)
		bars = append(bars, chart.Bar{Label: name, Value: int64(s.Examples)})
	}
	v.Chart = chart.Bars("Examples by split", "examples", bars)
	return v
}

// distributions draws the histograms that hold something.
func distributions(all *manifest.SplitStatistics) []template.HTML {
	plain := func(v float64) string { return strconv.FormatFloat(v, 'g', 4, 64) }
	kib := func(v float64) string {
		return strings.NewReplacer(" ", "", ".00", "", ".0", "", "iB", "").Replace(chart.Bytes(int64(v)))
	}
	var charts []template.HTML
	for _, h := range []struct {
		title, axis string
		h           manifest.Histogram
		label       func(float64) string
	}{
		{"Width of the originals", "pixels", all.Width, plain},
		{"Height of the originals", "pixels", all.Height, plain},
		{"Aspect ratio of the originals", "width / height", all.Aspect, plain},
		{"Stored picture", "bytes, encoded", all.StoredBytes, kib},
		{"Objects per image", "objects", all.ObjectsPerImage, plain},
		{"Relative object size", "square root of object area / image area", all.RelativeArea, plain},
		{"Words per sentence", "words", all.WordsPerSentence, plain},
	} {
		if c := chart.Histogram(h.title, h.axis, h.h, h.label); c != "" {
			charts = append(charts, c)
		}
	}
	return charts
}

type licenceRow struct {
	ID, Name, URL string
	Images        int64
}

// licences joins the table of the source with the counts by number or name.
func licences(m *manifest.Manifest, all *manifest.SplitStatistics) []licenceRow {
	var rows []licenceRow
	known := map[string]bool{}
	for _, l := range m.Licenses {
		id := strconv.FormatInt(l.ID, 10)
		n := all.ByLicense[id]
		if l.Name != id {
			n += all.ByLicense[l.Name]
		}
		known[id], known[l.Name] = true, true
		rows = append(rows, licenceRow{id, l.Name, l.URL, n})
	}
	for _, name := range sortedKeys(all.ByLicense) {
		if !known[name] {
			rows = append(rows, licenceRow{ID: name, Name: "not in the table of the source", Images: all.ByLicense[name]})
		}
	}
	return rows
}

func reasons(m *manifest.Manifest) template.HTML {
	var bars []chart.Bar
	for _, c := range fault.Reasons {
		if n := m.Quarantine.Reasons[c]; n > 0 {
			bars = append(bars, chart.Bar{Label: string(c), Value: int64(n)})
		}
	}
	if len(bars) == 0 {
		return ""
	}
	return chart.Bars("Set aside by reason", "examples", bars)
}
