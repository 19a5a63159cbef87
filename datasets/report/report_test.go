package report_test

import (
	"bytes"
	"encoding/base64"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/datasets/report"
	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/internal/manifest"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// pixel is a PNG of one grey pixel.
const pixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGP4DwABAQEAsTj3XwAAAABJRU5ErkJggg=="

func picture(t *testing.T) []byte {
	t.Helper()
	b, err := base64.StdEncoding.DecodeString(pixel)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// small is a manifest of one split of two examples.
func small(task datasets.Task, classes ...manifest.Class) *manifest.Manifest {
	st := manifest.NewSplitStatistics(len(classes))
	st.Width.Add(640)
	st.Width.Add(480)
	st.Aspect.Add(1.33)
	for i := range classes {
		st.ImagesByClass[i] = int64(2 - i%2)
		st.AnnotationsByClass[i] = int64(3 - i%3)
	}
	m := &manifest.Manifest{
		Dataset: "small", Task: string(task), RecipeHash: strings.Repeat("ab", 32), Codec: "go", Transforms: "keep",
		Inputs: []manifest.Input{{Role: "images", Name: "images", Bytes: 2048, SHA256: strings.Repeat("cd", 32), Of: "listing"}},
		Splits: map[string]manifest.Split{"train": {Examples: 2, Annotations: 3, Shards: []manifest.Shard{
			{Format: "webdataset", Path: "webdataset/train-000000.tar", Bytes: 10240, SHA256: strings.Repeat("ef", 32), CRC32C: "01234567", Examples: 2}}}},
		Quarantine: manifest.Quarantine{Examples: 1, Reasons: map[fault.Code]int{fault.Corrupt: 1}},
		Classes:    classes,
		Licenses:   []manifest.License{{ID: 4, Name: "Attribution License", URL: "http://creativecommons.org/licenses/by/2.0/"}},
		Notes:      []string{"one image has no annotation"},
		Statistics: manifest.Statistics{Splits: map[string]*manifest.SplitStatistics{"train": st}},
	}
	st.ByLicense["4"] = 2
	m.Seal()
	return m
}

func sample(t *testing.T, key string) *datasets.Example {
	return &datasets.Example{Key: key, Split: "train", Width: 64, Height: 48, OriginalWidth: 640, OriginalHeight: 480, Image: picture(t), Ext: "png"}
}

func inputs(t *testing.T) map[string]report.Input {
	run := &manifest.RunReport{Seconds: 2.5, CPUSeconds: 4, ImagesPerSecond: 0.8, PeakRSSBytes: 50 << 20, Runner: "direct", Workers: 2,
		StageNanoseconds: map[string]int64{"decode": 2e9, "encode": 1e9, "read": 1e8},
		Slowest:          []manifest.SlowSample{{Key: "000000000001", Split: "train", Nanoseconds: 3e8, Stage: "decode", Bytes: 1000, Width: 640, Height: 480}}}
	rejected := []datasets.Rejection{{Key: "000000000009", Split: "train", Stage: "decode", Reason: fault.Corrupt, Message: "short data", Source: datasets.Origin{Name: "000000000009.jpg", Bytes: 10}}}

	label := 1
	class := sample(t, "n01440764_10026")
	class.Label, class.Wnid, class.Name = &label, "n01443537", "goldfish"

	box := sample(t, "000000000001")
	box.Annotations = &[]datasets.Annotation{
		{ID: 1, CategoryID: 7, BBox: datasets.Box{4, 4, 20, 30}, Area: 600, Segmentation: &datasets.Segmentation{Polygons: [][]float64{{4, 4, 24, 4, 24, 34, 4, 34}}}},
		{ID: 2, CategoryID: 9, BBox: datasets.Box{30, 0, 2, 48}, Area: 96, IsCrowd: 1, Segmentation: &datasets.Segmentation{RLE: &datasets.RLE{Size: [2]int{48, 64}, Runs: []uint32{30 * 48, 96, 32 * 48}}}},
	}
	refs := sample(t, "000000000002")
	refs.Refs = &[]datasets.Referred{{RefID: 1, AnnID: 2, CategoryID: 7, BBox: datasets.Box{10, 10, 20, 20}, Area: 400,
		Sentences: []datasets.Sentence{{SentID: 1, Raw: "the left one", Sent: "the left one", Tokens: []string{"the", "left", "one"}}}}}

	named := []manifest.Class{{ID: 7, Name: "cat", Frequency: "r"}, {ID: 9, Name: "dog", Frequency: "f"}}
	return map[string]report.Input{
		"classification": {Manifest: small(datasets.Classification, manifest.Class{ID: 0, Name: "tench"}, manifest.Class{ID: 1, Name: "goldfish"}), Run: run, Samples: []*datasets.Example{class}},
		"detection":      {Manifest: small(datasets.Detection, named...), Quarantine: rejected, Samples: []*datasets.Example{box}},
		"referring":      {Manifest: small(datasets.Referring, named...), Title: "Referring", Samples: []*datasets.Example{refs}},
	}
}

func TestReportsOfSmallDatasetsAreAsBefore(t *testing.T) {
	for name, in := range inputs(t) {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			if err := report.Write(&b, in); err != nil {
				t.Fatal(err)
			}
			golden := filepath.Join("testdata", name+".html")
			if *update {
				if err := os.WriteFile(golden, b.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(b.Bytes(), want) {
				t.Errorf("the page differs from %s; -update rewrites it", golden)
			}
		})
	}
}

func TestAReportLoadsNothingAndRunsNothing(t *testing.T) {
	for name, in := range inputs(t) {
		var b bytes.Buffer
		if err := report.Write(&b, in); err != nil {
			t.Fatal(err)
		}
		page := b.String()
		for _, bad := range []string{"<script", "<link", "src=", "@import", "url(", " style=", "<iframe"} {
			if strings.Contains(page, bad) {
				t.Errorf("%s: the page contains %s", name, bad)
			}
		}
	}
}

func TestTextOfTheDataIsEscaped(t *testing.T) {
	t.Parallel()
	const evil = `"><script>alert(1)</script>`
	in := inputs(t)["referring"]
	in.Title = evil
	m := in.Manifest
	m.Dataset, m.Notes, m.Codec, m.Transforms, m.Info = evil, []string{evil}, evil, evil, evil
	m.Classes = []manifest.Class{{ID: 7, Name: evil}, {ID: 9, Name: evil}}
	m.Licenses = []manifest.License{{ID: 1, Name: evil, URL: "javascript:alert(1)"}}
	m.Inputs[0].Name = evil
	m.Splits[evil] = m.Splits["train"]
	ex := in.Samples[0]
	ex.Key, ex.Split = evil, evil
	(*ex.Refs)[0].Sentences[0].Raw = evil
	in.Quarantine = []datasets.Rejection{{Key: evil, Split: evil, Stage: evil, Reason: fault.Code(evil), Message: evil, Source: datasets.Origin{Name: evil}}}
	in.Run = &manifest.RunReport{Runner: evil, Started: evil, StageNanoseconds: map[string]int64{evil: 1}, Slowest: []manifest.SlowSample{{Key: evil, Stage: evil}}}
	var b bytes.Buffer
	if err := report.Write(&b, in); err != nil {
		t.Fatal(err)
	}
	page := b.String()
	if strings.Contains(page, "<script") || strings.Contains(page, `href="javascript:`) {
		t.Error("text of the data became markup")
	}
	if n := strings.Count(page, "&lt;script&gt;"); n < 15 {
		t.Errorf("the text is shown %d times, want it wherever it was put", n)
	}
}

func TestAnInputWithoutAManifestIsRefused(t *testing.T) {
	t.Parallel()
	if err := report.Write(&bytes.Buffer{}, report.Input{}); fault.CodeOf(err) != fault.Bug {
		t.Errorf("error %v, want a bug", err)
	}
}

func TestBlocksOfOthersStandAfterTheOverview(t *testing.T) {
	t.Parallel()
	in := inputs(t)["detection"]
	in.More = []report.Block{{ID: "acceptance", Title: "Synthetic <objects>", HTML: "<p>made</p>\n"}, {ID: "rejected", Title: "Rejected", HTML: "<p>not taken</p>\n"}}
	var b bytes.Buffer
	if err := report.Write(&b, in); err != nil {
		t.Fatal(err)
	}
	page := b.String()
	last := -1
	for _, want := range []string{`<a href="#overview">Overview</a><a href="#acceptance">Synthetic &lt;objects&gt;</a><a href="#rejected">Rejected</a><a href="#samples">`,
		`<section id="overview">`, "<section id=\"acceptance\">\n<h2>Synthetic &lt;objects&gt;</h2>\n<p>made</p>\n</section>", `<section id="rejected">`, `<section id="samples">`} {
		at := strings.Index(page, want)
		if at <= last {
			t.Errorf("%s stands at byte %d, what comes before it at %d", want, at, last)
		}
		last = at
	}
	for _, id := range []string{"", "samples", "a b", "A", "acceptance"} {
		in.More[1].ID = id
		if err := report.Write(&b, in); fault.CodeOf(err) != fault.Bug {
			t.Errorf("id %q: error %v, want a bug", id, err)
		}
		if err := report.WritePage(&b, report.Page{}, in.More); fault.CodeOf(err) != fault.Bug {
			t.Errorf("id %q: error %v, want a bug", id, err)
		}
	}
}

func TestManyClassesShowTheTailAndTheFrequencyGroups(t *testing.T) {
	t.Parallel()
	classes := make([]manifest.Class, 1203)
	for i := range classes {
		classes[i] = manifest.Class{ID: int64(i + 1), Name: "c" + strings.Repeat("x", i%5), Frequency: []string{"r", "c", "f"}[i%3]}
	}
	m := small(datasets.Detection, classes...)
	st := m.Statistics.Splits["train"]
	for i := range classes { // 3 absent, 300 rare, 600 common, 300 frequent
		switch {
		case i < 3:
			st.ImagesByClass[i] = 0
		case i < 303:
			st.ImagesByClass[i] = 10
		case i < 903:
			st.ImagesByClass[i] = 100
		default:
			st.ImagesByClass[i] = 101
		}
	}
	body, err := report.Body(report.Input{Manifest: m}, report.Classes)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"Long tail", "recounted on split train",
		`rare (r)</th><td>1 to 10 images</td><td class="n">401</td><td class="n">300</td>`,
		`common (c)</th><td>11 to 100</td><td class="n">401</td><td class="n">600</td>`,
		`frequent (f)</th><td>over 100</td><td class="n">401</td><td class="n">300</td>`,
		`absent</th><td>none</td><td class="n"></td><td class="n">3</td>`,
	} {
		if !strings.Contains(string(body), want) {
			t.Errorf("the section lacks %q", want)
		}
	}
}

func BenchmarkWrite(b *testing.B) {
	classes := make([]manifest.Class, 1000)
	for i := range classes {
		classes[i] = manifest.Class{ID: int64(i), Name: "class"}
	}
	in := report.Input{Manifest: small(datasets.Classification, classes...)}
	var w bytes.Buffer
	b.ReportAllocs()
	for b.Loop() {
		w.Reset()
		if err := report.Write(&w, in); err != nil {
			b.Fatal(err)
		}
	}
}
