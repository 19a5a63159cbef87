package trained_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/tailorbird/tailorbird/datasets/report/trained"
)

var (
	update = flag.Bool("update", false, "rewrite the golden files")
	write  = flag.String("write", "", "a directory for pages of runs that are made up, to look at")
)

// pixel is a PNG of one grey pixel, made for these tests.
const pixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGP4DwABAQEAsTj3XwAAAABJRU5ErkJggg=="

func picture(t testing.TB) []byte {
	t.Helper()
	b, err := base64.StdEncoding.DecodeString(pixel)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// run is a made-up run that learns to answer right in a share of top1.
func run(name string, top1 float64, epochs, classes int, sweep ...trained.KeyValue) trained.Run {
	r := trained.Run{Name: name, Sweep: sweep, OK: true, Parameters: 272474, Steps: int64(epochs) * 78, Seconds: 10 * float64(epochs), ImagesPerSecond: 995.4,
		Settings:    []trained.KeyValue{{Key: "batch", Value: "128"}, {Key: "schedule", Value: `{"name":"cosine"}`}, {Key: "name", Value: name}},
		FinalSHA256: strings.Repeat("ab", 32)}
	for e := 1; e <= epochs; e++ {
		rest := math.Exp(-3 * float64(e) / float64(epochs))
		r.Curve = append(r.Curve,
			trained.Point{Split: "train", Step: int64(e) * 78, Epoch: float64(e), Loss: 2.5*rest + 0.02, Top1: (top1 + 0.1) * (1 - rest)},
			trained.Point{Split: "val", Step: int64(e) * 78, Epoch: float64(e), Loss: 2*rest + 1 - top1, Top1: top1 * (1 - rest)})
	}
	r.Final = &trained.Scores{Loss: 2.5 * (1 - top1), Top1: top1, Top5: (1 + top1) / 2, ECE: top1 / 20, Epoch: int64(epochs)}
	r.Best = &trained.Scores{Loss: r.Final.Loss, Top1: top1 + 0.001, Epoch: int64(max(1, epochs-1))}
	for i := range classes {
		r.Classes = append(r.Classes, fmt.Sprintf("class-%c%d", 'a'+i%26, i))
		row := make([]int64, classes)
		row[i] = int64(1000*top1) - int64(i%7)*20
		row[(i+1)%classes] += 40
		row[(i*3+2)%classes] += int64(5 + i%11)
		r.Confusion = append(r.Confusion, row)
	}
	return r
}

// small is a sweep of two methods over three seeds, one run of which failed.
func small(t testing.TB) trained.Input {
	in := trained.Input{Title: "small sweep", Hash: strings.Repeat("cd", 32), Keys: []string{"method.name", "seed"}, Notes: []string{"made for a test"}}
	for i, m := range []string{"none", "recursivemix"} {
		for seed, d := range []float64{0, 0.01, 0.02} {
			s := fmt.Sprint(seed)
			r := run("method.name="+m+",seed="+s, 0.6+0.1*float64(i)+d, 4, 3, trained.KeyValue{Key: "method.name", Value: m}, trained.KeyValue{Key: "seed", Value: s})
			in.Runs = append(in.Runs, r)
		}
	}
	failed := &in.Runs[2]
	failed.OK, failed.Error, failed.Final, failed.Best, failed.Confusion, failed.FinalSHA256 = false, "loss is NaN at step 80, layer1.conv", nil, nil, nil, ""
	failed.Curve = failed.Curve[:4]
	failed.Curve[2].Loss = math.NaN()
	in.Runs[5].Mistakes = []trained.Mistake{{Key: "000017", Truth: "class-a0", Predicted: "class-b1", Confidence: 0.987, Image: picture(t), Ext: "png", Width: 1, Height: 1},
		{Key: "000018", Truth: "class-c2", Predicted: "class-b1", Confidence: 0.5}}
	return in
}

func page(t testing.TB, in trained.Input) string {
	t.Helper()
	var b bytes.Buffer
	if err := trained.Write(&b, in); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// body is what stands below the style sheet, which has its own goldens.
func body(page string) string {
	_, rest, _ := strings.Cut(page, "<header")
	return "<header" + rest
}

func TestPagesOfSmallRunsAreAsBefore(t *testing.T) {
	single := small(t)
	single.Title, single.Keys, single.Runs = "one run", nil, single.Runs[5:]
	single.Runs[0].Name, single.Runs[0].Sweep = "run", nil
	for name, in := range map[string]trained.Input{"sweep.html": small(t), "single.html": single} {
		golden, got := filepath.Join("testdata", name), body(page(t, in))
		if *update {
			if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("the page differs from %s; -update rewrites it", golden)
		}
	}
}

func TestTheNumbersOfASweepAddUp(t *testing.T) {
	t.Parallel()
	text := page(t, small(t))
	for _, want := range []string{
		"training · 6 runs · swept: method.name, seed",
		"71.00 %", "± 1.00 · 70.00 to 72.00", // 0.70, 0.71, 0.72: standard deviation 0.01 with n - 1
		"60.50 %", "± 0.71 · 60.00 to 61.00", // 0.60, 0.61, without the run that failed: 0.01/sqrt(2)
		`<td class="n">2 of 3</td>`, "<li><b>1</b> failed</li>", "<li><b>2</b> groups</li>", "loss is NaN at step 80, layer1.conv",
		"<b>71.00 %</b>", `<span class="badge">98.7 %</span>`, "mean of 3", "mean of 2", "What all runs share", "4 min 0 s",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if better, worse := strings.Index(text, "recursivemix <span"), strings.Index(text, "</svg> none</th>"); better < 0 || worse < better {
		t.Errorf("the best group, at byte %d, does not come before the other, at %d", better, worse)
	}
	if strings.Contains(text, "<b>60.50 %</b>") {
		t.Error("the lesser group is marked as the best")
	}
}

func TestASweepWithoutSeedsHasARowARun(t *testing.T) {
	t.Parallel()
	in := trained.Input{Keys: []string{"lr"}}
	for i := range 3 {
		in.Runs = append(in.Runs, run("lr="+fmt.Sprint(i), 0.5+0.1*float64(i), 2, 0, trained.KeyValue{Key: "lr", Value: fmt.Sprint(i)}))
	}
	text := page(t, in)
	if strings.Contains(text, "±") || strings.Contains(text, "mean") || strings.Contains(text, "one by one") {
		t.Error("single runs are shown as means")
	}
	if strings.Count(text, "c0") == 0 || strings.Count(text, "c2") == 0 {
		t.Error("the runs do not have colours of their own")
	}
}

func TestASweepOfSeedsAloneIsOneGroup(t *testing.T) {
	t.Parallel()
	in := trained.Input{Keys: []string{"seed"}}
	for i := range 3 {
		in.Runs = append(in.Runs, run("seed="+fmt.Sprint(i), 0.5+0.1*float64(i), 2, 0, trained.KeyValue{Key: "seed", Value: fmt.Sprint(i)}))
	}
	if text := page(t, in); !strings.Contains(text, "all seeds") || !strings.Contains(text, "60.00 %") || !strings.Contains(text, "± 10.00 · 50.00 to 70.00") {
		t.Error("the three seeds are not one group")
	}
}

func TestPagesLoadNothingAndRunNothing(t *testing.T) {
	t.Parallel()
	text := page(t, small(t))
	for _, bad := range []string{"<script", "<link", "src=", "@import", "url(", " style=", "<iframe", "http:", "https:"} {
		if strings.Contains(text, bad) {
			t.Errorf("the page contains %s", bad)
		}
	}
	if !strings.Contains(text, `content="default-src &#39;none&#39;; img-src data:; style-src`) {
		t.Error("the page has no policy")
	}
}

func TestTextOfTheRunsIsEscaped(t *testing.T) {
	t.Parallel()
	const evil = `"><script>alert(1)</script>`
	in := small(t)
	in.Title, in.Hash, in.Keys, in.Notes = evil, evil, []string{evil, "seed"}, []string{evil}
	for i := range in.Runs {
		r := &in.Runs[i]
		r.Name, r.Error, r.FinalSHA256 = evil+r.Name, evil, evil
		r.Sweep[0] = trained.KeyValue{Key: evil, Value: evil + r.Sweep[0].Value}
		r.Settings = []trained.KeyValue{{Key: evil, Value: evil}, {Key: r.Name, Value: evil}}
		for j := range r.Curve {
			r.Curve[j].Split = evil + r.Curve[j].Split
		}
		for j := range r.Classes {
			r.Classes[j] = evil
		}
		for j := range r.Mistakes {
			m := &r.Mistakes[j]
			m.Key, m.Truth, m.Predicted = evil, evil, evil
		}
	}
	in.Runs[5].Mistakes[1].Ext = evil
	text := page(t, in)
	if strings.Contains(text, "<script") {
		t.Error("text of the runs became markup")
	}
	if n := strings.Count(text, "&lt;script&gt;"); n < 60 {
		t.Errorf("the text is shown %d times, want it wherever it was put", n)
	}
}

// bad are numbers that no page may choke on.
var bad = []float64{math.NaN(), math.Inf(1), math.Inf(-1), 1e300, -1e300, 5e-324, 0, -1}

var notNumbers = regexp.MustCompile(`NaN|[^a-z]Inf`)

func TestNumbersThatAreNotFiniteNeverBreakThePage(t *testing.T) {
	t.Parallel()
	for i, v := range bad {
		in := small(t)
		in.Runs[2].Error = "diverged"
		for k := range in.Runs {
			r := &in.Runs[k]
			r.Seconds, r.ImagesPerSecond = v, v
			for j := range r.Curve {
				p := &r.Curve[j]
				p.Loss, p.Top1 = v, bad[(i+j)%len(bad)]
				if j%3 == 0 {
					p.Epoch = v
				}
			}
			if r.Final != nil {
				*r.Final = trained.Scores{Loss: v, Top1: v, Top5: v, ECE: v}
				*r.Best = *r.Final
			}
			for j := range r.Mistakes {
				r.Mistakes[j].Confidence, r.Mistakes[j].Width = v, -1
			}
			for _, row := range r.Confusion {
				row[0], row[1] = math.MaxInt64, -5
			}
		}
		text := page(t, in)
		if m := notNumbers.FindString(text); m != "" {
			t.Errorf("%v: the page contains %q", v, m)
		}
		if !strings.HasSuffix(text, "</html>\n") {
			t.Errorf("%v: the page does not end", v)
		}
	}
}

func TestEmptyAndBrokenInputsGiveAPage(t *testing.T) {
	t.Parallel()
	for name, in := range map[string]trained.Input{
		"nothing": {}, "a run of nothing": {Runs: []trained.Run{{}}}, "runs without their sweep": {Keys: []string{"a", "seed"}, Runs: []trained.Run{{OK: true}, {OK: true}}},
		"ragged confusion":    {Runs: []trained.Run{{OK: true, Final: &trained.Scores{}, Classes: []string{"a"}, Confusion: [][]int64{{1, 2, 3}, {}, nil}}}},
		"one class of no row": {Runs: []trained.Run{{OK: true, Final: &trained.Scores{}, Confusion: [][]int64{{0}}}}},
	} {
		if text := page(t, in); !strings.HasSuffix(text, "</html>\n") || !strings.Contains(text, `<section id="results">`) {
			t.Errorf("%s: no whole page", name)
		}
	}
}

var ids = regexp.MustCompile(` id="([^"]*)"`)

func TestAGreatSweepStaysBounded(t *testing.T) {
	t.Parallel()
	in := trained.Input{Title: "great", Keys: []string{"lr", "seed"}}
	for i := range 600 {
		lr, seed := fmt.Sprint(i/3), fmt.Sprint(i%3)
		in.Runs = append(in.Runs, run("lr="+lr+",seed="+seed, 0.3+float64(i)/2000, 30, 0, trained.KeyValue{Key: "lr", Value: lr}, trained.KeyValue{Key: "seed", Value: seed}))
	}
	in.Runs[0].Mistakes = make([]trained.Mistake, 99)
	text := page(t, in)
	if len(text) > 2<<20 {
		t.Errorf("the page has %d bytes", len(text))
	}
	for _, want := range []string{"176 further groups", "175 more rows", "39 more are not shown"} {
		if !strings.Contains(text, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	seen := map[string]bool{}
	for _, m := range ids.FindAllStringSubmatch(text, -1) {
		if seen[m[1]] {
			t.Errorf("the id %q is there twice", m[1])
		}
		seen[m[1]] = true
	}
}

func TestManyClassesAreSummarised(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		classes int
		has     []string
		lacks   string
	}{
		{10, []string{"Confusion matrix", "predicted →", "<title>class-a0, predicted class-b1: 40</title>", "the lowest first"}, "too many classes"},
		{100, []string{"Confusion matrix", "columns: predicted, 1 to 100", "the lowest 25 of 100", "the highest 10 of 100"}, "too many classes"},
		{1000, []string{"too many classes", "Confused most often", "the lowest 25 of 1000"}, "Confusion matrix"},
	} {
		text := page(t, trained.Input{Runs: []trained.Run{run("run", 0.7, 3, c.classes)}})
		for _, want := range c.has {
			if !strings.Contains(text, want) {
				t.Errorf("%d classes: the page lacks %q", c.classes, want)
			}
		}
		if strings.Contains(text, c.lacks) {
			t.Errorf("%d classes: the page has %q", c.classes, c.lacks)
		}
		if len(text) > 1<<18 {
			t.Errorf("%d classes: %d bytes", c.classes, len(text))
		}
	}
}

type brokenPipe struct{}

var errPipe = errors.New("broken pipe")

func (brokenPipe) Write([]byte) (int, error) { return 0, errPipe }

func TestTheErrorIsThatOfTheWriter(t *testing.T) {
	t.Parallel()
	if err := trained.Write(brokenPipe{}, small(t)); !errors.Is(err, errPipe) {
		t.Errorf("error %v", err)
	}
}

func TestThePageDoesNotChangeItsInput(t *testing.T) {
	t.Parallel()
	in := small(t)
	before := fmt.Sprintf("%+v", in.Runs)
	first := page(t, in)
	if page(t, in) != first {
		t.Error("the same input gives other bytes")
	}
	if fmt.Sprintf("%+v", in.Runs) != before {
		t.Error("the input was changed")
	}
}
