package sewn_test

import (
	"bytes"
	"encoding/base64"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/datasets/report"
	"github.com/tailorbird/tailorbird/datasets/report/sewn"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// pixel is a PNG of one grey pixel, made for these tests.
const pixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGP4DwABAQEAsTj3XwAAAABJRU5ErkJggg=="

func pointer[T any](v T) *T { return &v }

// small is a run over five classes: one at its quota, one short of it, one
// without a cut-out, and two that nothing was made for.
func small(t *testing.T) sewn.Input {
	t.Helper()
	png, err := base64.StdEncoding.DecodeString(pixel)
	if err != nil {
		t.Fatal(err)
	}
	truth := sewn.Place{Box: &datasets.Box{10, 12, 20, 10}, Mask: &datasets.Segmentation{Polygons: [][]float64{{10, 12, 30, 12, 30, 22}}}}
	p := sewn.Picture{Key: "000a-s1", Class: "bolt", Score: pointer(0.97), IoU: pointer(0.91), Image: png, Ext: "png", Width: 64, Height: 48,
		Truth: &truth, Found: &sewn.Place{Box: &datasets.Box{10, 11, 20, 11}}, Existing: []datasets.Annotation{{CategoryID: 1, BBox: datasets.Box{0, 0, 30, 30}}}}
	bad := p
	bad.Key, bad.Reason, bad.Message = "000b-s1", "overlap", "covers 0.62 of object 7; at most 0.5 is allowed"
	return sewn.Input{
		Classes: []sewn.Class{
			{ID: 1, Name: "disc", Before: sewn.Count{106, 106, "f"}, After: sewn.Count{120, 125, "f"}, Cutouts: 90},
			{ID: 2, Name: "heart", Before: sewn.Count{17, 17, "c"}, After: sewn.Count{19, 19, "c"}, Cutouts: 12},
			{ID: 3, Name: "bolt", Supercategory: "sign", Before: sewn.Count{1, 1, "r"}, After: sewn.Count{21, 21, "c"}, Planned: 20, Generated: 23, Accepted: 20,
				Rejected: map[string]int64{"overlap": 2, "duplicate": 1}, Cutouts: 1},
			{ID: 4, Name: "arrow", Before: sewn.Count{3, 4, "r"}, After: sewn.Count{10, 11, "r"}, Planned: 20, Generated: 40, Accepted: 7,
				Rejected: map[string]int64{"overlap": 30, "made_up": 3}, Cutouts: 2, Note: "no place in 13 pictures within 4 attempts"},
			{ID: 5, Name: "leaf", Before: sewn.Count{0, 0, "r"}, After: sewn.Count{0, 0, "r"}, Planned: 20, Generated: 20,
				Rejected: map[string]int64{"no_cutout": 20}, Note: "the dataset shows none"},
		},
		Accepted: []sewn.Picture{p}, Rejected: []sewn.Picture{bad},
		IoU: []float64{0.5, 1, 0.9, 0.8, 0.95, math.NaN()}, IoUByReason: map[string][]float64{"too_small": {0.1, 0.2}, "overlap": {0.9}, "drift": {}},
		Generator: []sewn.KeyValue{{"name", "copy_paste"}}, Localiser: []sewn.KeyValue{{"name", "difference"}}, Settings: []sewn.KeyValue{{"seed", "7"}},
		Seconds: 12.5, Notes: []string{"3 images of the list exclude.txt were not touched"},
	}
}

func planOf(in sewn.Input) sewn.PlanInput {
	return sewn.PlanInput{Title: "Plan of small", Dataset: "small", RootHash: strings.Repeat("ab", 32), Split: "train", Classes: in.Classes,
		Seconds: 75, Basis: "Predicted from 16 pictures.", Settings: in.Settings, Notes: in.Notes}
}

func pageOf(t *testing.T, in sewn.Input) string {
	t.Helper()
	blocks, err := sewn.Sections(in)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := report.WritePage(&b, report.Page{Title: "Sewn", Lead: "small", Origin: "Made for a test."}, blocks); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func plan(t *testing.T, in sewn.PlanInput) string {
	t.Helper()
	var b bytes.Buffer
	if err := sewn.PlanPage(&b, in); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// body is what stands between the header and the footer: the style sheet has its
// own goldens.
func body(page string) string {
	_, rest, _ := strings.Cut(page, "<header")
	return "<header" + rest
}

func TestPagesOfASmallRunAreAsBefore(t *testing.T) {
	for name, page := range map[string]string{"sections.html": pageOf(t, small(t)), "plan.html": plan(t, planOf(small(t)))} {
		golden := filepath.Join("testdata", name)
		if *update {
			if err := os.WriteFile(golden, []byte(body(page)), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if body(page) != string(want) {
			t.Errorf("the page differs from %s; -update rewrites it", golden)
		}
	}
}

func TestTheNumbersOfARunAddUp(t *testing.T) {
	t.Parallel()
	page := pageOf(t, small(t))
	for _, want := range []string{
		"60 synthetic samples were planned for 3 classes. 83 pictures were made; 27 samples were accepted, 56 not taken. 1 class reached the quota, 2 did not.",
		"32.5 %", "1 / 3", "no place in 13 pictures within 4 attempts", "32</text>", "It took 12.5 s.",
		"median 0.90, quartiles 0.80 and 0.95", "100.0 % of 5 accepted samples", "not taken: too small",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	leaf, bolt, arrow := strings.Index(page, `"row">leaf`), strings.Index(page, `"row">bolt`), strings.Index(page, `"row">arrow`)
	if leaf < 0 || leaf > bolt || bolt > arrow {
		t.Errorf("the rarest class does not come first: %d %d %d", leaf, bolt, arrow)
	}
	if strings.Contains(page, `"row">disc`) {
		t.Error("a class that nothing was made for is in the table")
	}
}

func TestPagesLoadNothingAndRunNothing(t *testing.T) {
	t.Parallel()
	for _, page := range []string{pageOf(t, small(t)), plan(t, planOf(small(t)))} {
		for _, bad := range []string{"<script", "<link", "src=", "@import", "url(", " style=", "<iframe", "http:", "https:"} {
			if strings.Contains(page, bad) {
				t.Errorf("the page contains %s", bad)
			}
		}
	}
}

func TestTextOfTheRunIsEscaped(t *testing.T) {
	t.Parallel()
	const evil = `"><script>alert(1)</script>`
	in := small(t)
	for i := range in.Classes {
		c := &in.Classes[i]
		c.Name, c.Supercategory, c.Note, c.Before.Group, c.After.Group = evil, evil, evil, evil, evil+"2"
		c.Rejected = map[string]int64{evil: 1}
	}
	for _, ps := range [][]sewn.Picture{in.Accepted, in.Rejected} {
		p := &ps[0]
		p.Key, p.Class, p.Reason, p.Message, p.Ext = evil, evil, evil, evil, evil
	}
	in.IoUByReason = map[string][]float64{evil: {0.5}}
	in.Generator, in.Notes = []sewn.KeyValue{{evil, evil}}, []string{evil}
	p := planOf(in)
	p.Title, p.Dataset, p.Split, p.Basis, p.RootHash = evil, evil, evil, evil, evil
	for _, page := range []string{pageOf(t, in), plan(t, p)} {
		if strings.Contains(page, "<script") {
			t.Error("text of the run became markup")
		}
		if n := strings.Count(page, "&lt;script&gt;"); n < 15 {
			t.Errorf("the text is shown %d times, want it wherever it was put", n)
		}
	}
}

var ids = regexp.MustCompile(` id="([^"]*)"`)

func TestARunOfManyClassesStaysReadableAndBounded(t *testing.T) {
	t.Parallel()
	in := small(t)
	in.Classes = nil
	for i := range 1203 {
		images := int64(2000 / (i + 1))
		c := sewn.Class{ID: int64(i + 1), Name: fmt.Sprintf("class_%d", i), Before: sewn.Count{images, images, datasets.FrequencyGroup(images)}, Planned: 20, Accepted: 20}
		c.After = sewn.Count{images + 20, images + 20, datasets.FrequencyGroup(images + 20)}
		in.Classes = append(in.Classes, c)
	}
	for range 99 {
		in.Accepted = append(in.Accepted, in.Accepted[0])
	}
	page := pageOf(t, in)
	if n := strings.Count(page, `<figure class="sample">`); n != 61 {
		t.Errorf("%d pictures, want 60 and 1", n)
	}
	if !strings.Contains(page, "60 of 24,060 are shown.") || !strings.Contains(page, "1,178 more classes") {
		t.Error("the page does not say what it leaves out")
	}
	if len(page) > 1<<20 {
		t.Errorf("the page has %d bytes", len(page))
	}
	seen := map[string]bool{}
	for _, m := range ids.FindAllStringSubmatch(page, -1) {
		if seen[m[1]] {
			t.Errorf("the id %q is there twice", m[1])
		}
		seen[m[1]] = true
	}
}

func TestWhatIsEmptyIsLeftOut(t *testing.T) {
	t.Parallel()
	blocks, err := sewn.Sections(sewn.Input{})
	if err != nil || len(blocks) != 2 {
		t.Errorf("%d blocks, %v; want acceptance and frequency", len(blocks), err)
	}
	for _, seconds := range []float64{0, -1, math.NaN(), math.Inf(1)} {
		if page := plan(t, sewn.PlanInput{Seconds: seconds}); !strings.Contains(page, "<b>not known</b> predicted") || !strings.Contains(page, "Nothing is planned.") {
			t.Errorf("%v seconds: %s", seconds, body(page))
		}
	}
	if page := plan(t, sewn.PlanInput{Seconds: 1e30}); !strings.Contains(page, "days</b> predicted") {
		t.Error("a time beyond what a clock holds is not told in days")
	}
}

func TestPicturesWithoutASizeOrWithBrokenPlacesDrawNothing(t *testing.T) {
	t.Parallel()
	in := small(t)
	in.Accepted[0].Width = 0
	in.Rejected[0].Found = &sewn.Place{Box: &datasets.Box{math.NaN(), 0, math.Inf(1), 1}}
	in.Rejected[0].Image = nil
	page := pageOf(t, in)
	if strings.Contains(page, "NaN") || strings.Contains(page, "Inf") || strings.Contains(page, "<image") {
		t.Error("the page draws what is not there")
	}
}
