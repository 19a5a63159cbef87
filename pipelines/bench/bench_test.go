package bench

import (
	"context"
	"errors"
	"flag"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	_ "github.com/apache/beam/sdks/v2/go/pkg/beam/runners/direct"

	"github.com/tailorbird/tailorbird/datasets"
	_ "github.com/tailorbird/tailorbird/datasets/all"
	"github.com/tailorbird/tailorbird/datasets/scenes"
	"github.com/tailorbird/tailorbird/internal/fault"
)

func TestMain(m *testing.M) {
	flag.Parse()
	beam.Init()
	os.Exit(m.Run())
}

// direct runs a pipeline in this process.
func direct(ctx context.Context, p *beam.Pipeline) error {
	_, err := beam.Run(ctx, "direct", p)
	return err
}

// raw draws a few images; some of the files are broken on purpose.
func raw(t *testing.T) scenes.Layout {
	t.Helper()
	l, err := scenes.Write(filepath.Join(t.TempDir(), "raw"), 1, scenes.Size{Scenes: 24, Referred: 16, PerClass: 1})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestEveryCaseGivesARateAndLeavesNothing(t *testing.T) {
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	l := raw(t)
	var got []Result
	o := Options{Images: l.LVIS.Inputs["images"], Annotations: l.LVIS.Inputs["annotations"], Count: 7, Threads: 2, Duration: time.Millisecond, Execute: direct}
	if err := Run(t.Context(), nil, o, func(r Result) { got = append(got, r) }); err != nil {
		t.Fatal(err)
	}
	if len(got) != len(Cases()) {
		t.Fatalf("%d results of %d cases", len(got), len(Cases()))
	}
	for i, c := range Cases() {
		r := got[i]
		if r.Case != c[0] || c[1] == "" || r.Unit == "" || r.Better != "higher" || r.Seconds <= 0 {
			t.Errorf("%+v of case %q", r, c)
		}
		if !(r.Value > 0) || math.IsInf(r.Value, 0) {
			t.Errorf("%s: value %v", r.Case, r.Value)
		}
		if want := map[bool]int{true: 1, false: 2}[r.Case == "lvis_parse"]; r.Threads != want {
			t.Errorf("%s: %d threads, want %d", r.Case, r.Threads, want)
		}
		for name, v := range r.Extra {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				t.Errorf("%s: %s is %v", r.Case, name, v)
			}
		}
		if r.Case == "build" && r.Extra["images"] != 7 {
			t.Errorf("build: %v", r.Extra)
		}
	}
	if left, err := os.ReadDir(temp); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}

// Where the system counts no CPU time, or none has passed, there is no such rate.
func TestARateOfNoCPUTimeIsLeftOut(t *testing.T) {
	t.Parallel()
	if got := perCPU(map[string]float64{"images": 3}, 3, 0); len(got) != 1 {
		t.Errorf("%v", got)
	}
	if got := perCPU(map[string]float64{}, 3, 2); got["per_cpu_second"] != 1.5 {
		t.Errorf("%v", got)
	}
}

func TestTheCasesThatAreNamedRunInThatOrder(t *testing.T) {
	t.Parallel()
	var got []string
	err := Run(t.Context(), []string{"rle_decode", "rle_encode", "rle_decode"}, Options{Duration: time.Millisecond}, func(r Result) { got = append(got, r.Case) })
	if err != nil || strings.Join(got, " ") != "rle_decode rle_encode rle_decode" {
		t.Errorf("%q %v", got, err)
	}
}

func TestAnUnknownCaseIsRefusedBeforeAnyRuns(t *testing.T) {
	t.Parallel()
	err := Run(t.Context(), []string{"rle_encode", "jpeg_decoed"}, Options{}, func(r Result) { t.Errorf("%+v", r) })
	if fault.CodeOf(err) != fault.Usage || !strings.Contains(err.Error(), `did you mean "jpeg_decode"`) {
		t.Errorf("%v", err)
	}
}

func TestNamesOfCasesAreUnique(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, c := range Cases() {
		if seen[c[0]] {
			t.Errorf("%s is there twice", c[0])
		}
		seen[c[0]] = true
	}
}

func TestInputsThatCannotBeTimedAreRefused(t *testing.T) {
	t.Parallel()
	broken := t.TempDir()
	if err := os.WriteFile(filepath.Join(broken, "a.jpg"), []byte("<html>"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		o    Options
	}{
		{"prep", Options{Images: filepath.Join(broken, "none")}},
		{"prep", Options{Images: t.TempDir()}},
		{"jpeg_decode", Options{Images: broken}},
		{"lvis_parse", Options{Annotations: filepath.Join(broken, "none.json")}},
	} {
		if err := Run(t.Context(), []string{c.name}, c.o, func(Result) {}); fault.CodeOf(err) != fault.Usage || !strings.HasPrefix(err.Error(), "bench "+c.name+": ") {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

func TestARunThatIsStoppedReportsNothing(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := Run(ctx, []string{"rle_encode"}, Options{Duration: time.Hour}, func(r Result) { t.Errorf("%+v", r) })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

// The generated annotation file is what LVIS's source reads.
func TestTheGeneratedAnnotationsAreLVIS(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "lvis_v1_train.json")
	if err := writeLVIS(file, 5); err != nil {
		t.Fatal(err)
	}
	src, ok := datasets.Lookup("lvis")
	if !ok {
		t.Fatal("no source lvis")
	}
	rows := 0
	p := datasets.Planner{
		Emit:   func(r datasets.Ref) error { rows += len(r.Rows); return nil },
		Reject: func(r datasets.Rejection) error { t.Errorf("%+v", r); return nil },
		Input:  func(datasets.InputFile) {}, Note: func(string, ...any) {}, Read: func(int64) {},
	}
	empty := filepath.Join(dir, "images")
	if err := os.Mkdir(empty, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := src.Plan(t.Context(), datasets.Inputs{"images": empty, "annotations": file}, &p); err != nil {
		t.Fatal(err)
	}
	if want := 5 * (1 + 12); rows != want {
		t.Errorf("%d rows, want %d", rows, want)
	}
}
