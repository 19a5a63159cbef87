package demo

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	_ "github.com/apache/beam/sdks/v2/go/pkg/beam/runners/direct"

	"github.com/tailorbird/tailorbird/datasets"
	_ "github.com/tailorbird/tailorbird/datasets/all"
	"github.com/tailorbird/tailorbird/datasets/scenes"
	"github.com/tailorbird/tailorbird/internal/fault"
	_ "github.com/tailorbird/tailorbird/methods/all"
	"github.com/tailorbird/tailorbird/transforms/shards"
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

func run(t *testing.T, seed uint64) (string, []Step) {
	t.Helper()
	out := filepath.Join(t.TempDir(), "demo")
	steps, err := Run(t.Context(), Options{Out: out, Seed: seed, Execute: direct, Runner: "direct", Log: t.Logf})
	if err != nil {
		t.Fatal(err)
	}
	return out, steps
}

func rootHashes(steps []Step) (hashes []string) {
	for _, s := range steps {
		hashes = append(hashes, s.RootHash)
	}
	for _, r := range steps[len(steps)-1].Training {
		hashes = append(hashes, r.FinalSHA256)
	}
	return hashes
}

// Every accident that was planted is set aside and nothing else is, whatever the
// seed; the same seed gives the same datasets.
func TestEveryPlantedAccidentIsAccountedFor(t *testing.T) {
	seeds := []uint64{0, 7, 7}
	if testing.Short() {
		seeds = seeds[:1]
	}
	hashes := make([][]string, len(seeds))
	for i, seed := range seeds {
		out, steps := run(t, seed)
		hashes[i] = rootHashes(steps)
		for _, s := range steps {
			bad := 0
			for _, p := range s.planted {
				if p.Reason != "" {
					bad++
				}
			}
			if (bad == 0) != (s.Name == sewnName || s.Name == objectsName) || s.SetAside != bad || len(s.rejections) != bad {
				t.Errorf("seed %d, %s: %d set aside, %d rejections, %d planted", seed, s.Name, s.SetAside, len(s.rejections), bad)
			}
			if s.Examples == 0 || s.Verified != s.Examples {
				t.Errorf("seed %d, %s: %d of %d examples verified", seed, s.Name, s.Verified, s.Examples)
			}
		}
		checkPage(t, out, steps)
		checkTraining(t, out, steps[len(steps)-1])
	}
	if len(seeds) > 1 && slices.Equal(hashes[0], hashes[1]) {
		t.Errorf("seeds 0 and 7 both give %q", hashes[0])
	}
	if len(seeds) > 2 && !slices.Equal(hashes[1], hashes[2]) {
		t.Errorf("seed 7 gives %q, then %q", hashes[1], hashes[2])
	}
}

var ids = regexp.MustCompile(` id="([^"]*)"`)

// checkPage holds the page against the steps: it names every accident, its ids
// are unique, and it refers to nothing beyond the demo.
func checkPage(t *testing.T, out string, steps []Step) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(out, PageName))
	if err != nil {
		t.Fatal(err)
	}
	text := string(b)
	for _, s := range steps {
		if !strings.Contains(text, s.RootHash) {
			t.Errorf("the page does not show the root hash of %s", s.Name)
		}
		for _, p := range s.planted {
			if !strings.Contains(text, "<code>"+p.Key+"</code>") {
				t.Errorf("the page does not name %s", p.Key)
			}
		}
	}
	seen := map[string]bool{}
	for _, m := range ids.FindAllStringSubmatch(text, -1) {
		if seen[m[1]] {
			t.Errorf("the id %q is there twice", m[1])
		}
		seen[m[1]] = true
	}
	for _, bad := range []string{"http:", "https:", "<script", "<link", "@import", filepath.Dir(out)} {
		if strings.Contains(text, bad) {
			t.Errorf("the page has %q", bad)
		}
	}
}

// checkTraining holds the rows against the recipe: both methods, each with weights
// of its own, and the page shows them.
func checkTraining(t *testing.T, out string, s Step) {
	t.Helper()
	if s.Name != objectsName || len(s.Training) != 2 {
		t.Fatalf("%s has %d runs, want those of two methods on %s", s.Name, len(s.Training), objectsName)
	}
	a, b := s.Training[0], s.Training[1]
	if a.Sweep["method.name"] != "none" || b.Sweep["method.name"] != "recursivemix" || a.FinalSHA256 == "" || a.FinalSHA256 == b.FinalSHA256 {
		t.Errorf("runs %v %s and %v %s", a.Sweep, a.FinalSHA256, b.Sweep, b.FinalSHA256)
	}
	page, err := os.ReadFile(filepath.Join(out, PageName))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"objects-training", "objects-results", "objects-curves", "does not show which method is better"} {
		if !strings.Contains(string(page), want) {
			t.Errorf("the page has no %q", want)
		}
	}
}

func TestADirectoryInUseIsLeftAlone(t *testing.T) {
	t.Parallel()
	out := t.TempDir()
	if err := os.WriteFile(filepath.Join(out, "mine"), []byte("mine"), 0o644); err != nil {
		t.Fatal(err)
	}
	_, err := Run(t.Context(), Options{Out: out, Execute: direct, Log: t.Logf})
	if fault.CodeOf(err) != fault.Occupied || !strings.Contains(err.Error(), "mine") {
		t.Errorf("%v", err)
	}
	if left, err := os.ReadDir(out); err != nil || len(left) != 1 {
		t.Errorf("%v %v", left, err)
	}
}

func TestAFailingRunnerIsTheErrorOfItsDataset(t *testing.T) {
	t.Parallel()
	down := errors.New("runner is down")
	_, err := Run(t.Context(), Options{Out: t.TempDir(), Execute: func(context.Context, *beam.Pipeline) error { return down }, Log: t.Logf})
	if !errors.Is(err, down) || !strings.HasPrefix(err.Error(), plans[0].name+": ") {
		t.Errorf("%v", err)
	}
}

// The demo fails when the quarantine is not what was planted.
func TestAQuarantineThatDiffersIsABug(t *testing.T) {
	t.Parallel()
	planted := []scenes.Planted{
		{Key: "a", What: "an empty file", Reason: fault.Corrupt},
		{Key: "b", What: "a PNG under a JPEG's name"},
	}
	for _, c := range []struct {
		name string
		rows []datasets.Rejection
		want string // in the error; empty: none
	}{
		{"as planted", []datasets.Rejection{{Key: "a", Reason: fault.Corrupt}}, ""},
		{"one is missing", nil, "a was planted as corrupt (an empty file) and not set aside"},
		{"another reason", []datasets.Rejection{{Key: "a", Reason: fault.TooLarge}}, `a was set aside as too_large, planted was "corrupt"`},
		{"one that should be used", []datasets.Rejection{{Key: "a", Reason: fault.Corrupt}, {Key: "b", Reason: fault.Corrupt}}, `b was set aside as corrupt, planted was ""`},
		{"one that nobody planted", []datasets.Rejection{{Key: "z", Reason: fault.NotFound}}, "z was set aside"},
		{"one twice", []datasets.Rejection{{Key: "a", Reason: fault.Corrupt}, {Key: "a", Reason: fault.Corrupt}}, "a was set aside"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := &Step{Out: t.TempDir(), planted: planted}
			path := filepath.Join(s.Out, shards.QuarantinePath)
			var text []byte
			for _, r := range c.rows {
				line, err := json.Marshal(r)
				if err != nil {
					t.Fatal(err)
				}
				text = append(append(text, line...), '\n')
			}
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, text, 0o644); err != nil {
				t.Fatal(err)
			}
			err := s.account(t.Context())
			if c.want == "" && err != nil || c.want != "" && (fault.CodeOf(err) != fault.Bug || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
}
