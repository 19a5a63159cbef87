package training

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tailorbird/tailorbird/internal/fault"
)

// TestRunChild is the process that is killed.
func TestRunChild(t *testing.T) {
	dir := os.Getenv("TRAINING_CHILD")
	if dir == "" {
		t.Skip("runs as a child of other tests only")
	}
	trained(t, small(t, dir))
}

// child trains in dir and says whether it was killed.
func child(t *testing.T, dir, point, trace string) bool {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestRunChild$", "-test.count=1")
	cmd.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0", "TRAINING_CHILD="+dir, "TAILORBIRD_FAILPOINT="+point, "TAILORBIRD_FAILPOINT_TRACE="+trace)
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if errors.As(err, &exit) && !exit.Exited() {
		return true
	}
	if err != nil {
		t.Fatalf("child: %v\n%s", err, out)
	}
	return false
}

// same compares a run that was broken off with one that was not.
func same(t *testing.T, want *Result, wantDir string, got *Result, gotDir string) {
	t.Helper()
	if got.FinalSHA256 != want.FinalSHA256 {
		t.Errorf("final weights differ")
	}
	if a, b := text(t, wantDir, finalFile), text(t, gotDir, finalFile); a != b {
		t.Errorf("final files differ")
	}
	if d := cmp.Diff(text(t, wantDir, metricsFile), text(t, gotDir, metricsFile)); d != "" {
		t.Errorf("metrics.jsonl: %s", d)
	}
	if d := cmp.Diff(want.Eval, got.Eval); d != "" {
		t.Errorf("evaluation: %s", d)
	}
	if d := cmp.Diff(want.Best, got.Best); d != "" {
		t.Errorf("best: %s", d)
	}
	if d := cmp.Diff(text(t, wantDir, cardFile), text(t, gotDir, cardFile)); d != "" {
		t.Errorf("card: %s", d)
	}
	if left, err := filepath.Glob(filepath.Join(gotDir, ".tb-*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	a, b := hashes(t, wantDir), hashes(t, gotDir)
	if d := cmp.Diff(a, b); d != "" {
		t.Errorf("checkpoints: %s", d)
	}
}

// hashes lists the checkpoints as the manifest and as the folder has them.
func hashes(t *testing.T, dir string) map[string]string {
	t.Helper()
	all, err := Checkpoints(dir)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, c := range all {
		out[c.File] = fmt.Sprint(c.SHA256, c.Best)
	}
	files, err := os.ReadDir(filepath.Join(dir, checkpoints))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		out[f.Name()] += " there"
	}
	return out
}

func TestARunThatWasKilledAnywhereEndsBitForBitAlike(t *testing.T) {
	t.Parallel()
	whole := t.TempDir()
	trace := filepath.Join(t.TempDir(), "trace")
	if child(t, whole, "", trace) {
		t.Fatal("killed without a failpoint")
	}
	want := trained(t, small(t, whole)) // reads what the child left
	hits := map[string]int{}
	for _, name := range strings.Fields(text(t, trace)) {
		hits[name]++
	}
	var points []string
	rng := rand.New(rand.NewPCG(3, 5))
	for name, n := range hits {
		points = append(points, name)
		if n > 1 {
			points = append(points, fmt.Sprintf("%s:%d", name, n))
		}
	}
	for range 4 {
		points = append(points, fmt.Sprintf("train.step:%d", 1+rng.IntN(hits["train.step"])))
	}
	slices.Sort(points)
	points = slices.Compact(points)
	if hits["train.step"] != 18 || hits["train.final.result"] != 1 || hits["train.checkpoint.synced"] < 5 || hits["train.checkpoint.pruned"] < 2 {
		t.Fatalf("failpoints %v", hits)
	}
	if testing.Short() {
		some := points[:0]
		for i := 0; i < len(points); i += 7 {
			some = append(some, points[i])
		}
		points = some
	}
	for _, point := range points {
		t.Run(point, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			if !child(t, dir, point, "") {
				t.Fatal("it was not killed")
			}
			r := trained(t, small(t, dir))
			if len(r.Warnings) > 0 {
				t.Errorf("warnings %v", r.Warnings)
			}
			same(t, want, whole, r, dir)
		})
	}
}

// stop is a run whose context ends after some steps.
func stop(t *testing.T, c Config, steps int64) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	c.Progress = func(p Progress) {
		if p.Step == steps {
			cancel()
		}
	}
	tr, err := NewTrainer(c)
	if err != nil {
		t.Fatal(err)
	}
	defer tr.Close()
	if _, err := tr.Run(ctx); !errors.Is(err, context.Canceled) {
		t.Fatalf("error %v", err)
	}
}

func TestARunThatIsInterruptedKeepsItsLastStep(t *testing.T) {
	t.Parallel()
	whole, dir := t.TempDir(), t.TempDir()
	want := trained(t, small(t, whole))
	for _, steps := range []int64{3, 7, 11} {
		stop(t, small(t, dir), steps)
	}
	r := trained(t, small(t, dir))
	if r.ResumedAt != 11 {
		t.Errorf("went on at step %d", r.ResumedAt)
	}
	if r.FinalSHA256 != want.FinalSHA256 || text(t, dir, metricsFile) != text(t, whole, metricsFile) {
		t.Error("results differ")
	}
}

// cancelling ends a context in the second batch of an evaluation.
type cancelling struct {
	*InMemory
	epochs int // evaluations until then
	cancel func()
}

func (d *cancelling) Epoch(epoch int64) error {
	d.epochs--
	return d.InMemory.Epoch(epoch)
}

func (d *cancelling) Next(ctx context.Context, dst *Batch) error {
	if d.epochs == 0 && d.next > 0 {
		d.cancel()
	}
	return d.InMemory.Next(ctx, dst)
}

func TestAnInterruptedEvaluationIsMadeAgainAndTheEpochIsKept(t *testing.T) {
	t.Parallel()
	whole := t.TempDir()
	want := trained(t, small(t, whole))
	for stopped := 1; stopped <= 3; stopped++ {
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		dir := t.TempDir()
		c := small(t, dir)
		c.Eval = &cancelling{c.Eval.(*InMemory), stopped, cancel}
		tr, err := NewTrainer(c)
		if err != nil {
			t.Fatal(err)
		}
		defer tr.Close()
		if _, err := tr.Run(ctx); !errors.Is(err, context.Canceled) {
			t.Fatalf("error %v", err)
		}
		r := trained(t, small(t, dir))
		if r.ResumedAt != int64(6*stopped) || len(r.Warnings) > 0 {
			t.Errorf("went on at step %d, warnings %q", r.ResumedAt, r.Warnings)
		}
		if r.FinalSHA256 != want.FinalSHA256 || text(t, dir, metricsFile) != text(t, whole, metricsFile) {
			t.Error("results differ")
		}
		if d := cmp.Diff(want.Best, r.Best); d != "" {
			t.Error(d)
		}
	}
}

func TestDamagedCheckpointsArePassedOver(t *testing.T) {
	t.Parallel()
	whole := t.TempDir()
	want := trained(t, small(t, whole))
	change := func(path string, f func(b []byte) []byte) {
		if err := os.WriteFile(path, f([]byte(text(t, path))), 0o644); err != nil {
			t.Error(err)
		}
	}
	flip := func(b []byte) []byte { b[len(b)-3] ^= 1; return b }
	half := func(b []byte) []byte { return b[:len(b)/2] }
	for _, test := range []struct {
		name     string
		resumed  int64
		warnings int
		damage   func(dir string, files []string)
	}{
		{"newest flipped", 8, 1, func(_ string, f []string) { change(f[1], flip) }},
		{"newest cut off", 8, 1, func(_ string, f []string) { change(f[1], half) }},
		{"newest gone", 8, 1, func(_ string, f []string) { os.Remove(f[1]) }},
		{"all damaged", 0, 2, func(_ string, f []string) { change(f[0], flip); change(f[1], half) }},
		{"manifest cut off", 11, 1, func(dir string, _ []string) { change(filepath.Join(dir, checkpoints, manifestFile), half) }},
		{"manifest gone", 0, 0, func(dir string, _ []string) { os.Remove(filepath.Join(dir, checkpoints, manifestFile)) }},
		{"manifest and newest cut off", 8, 2, func(dir string, f []string) {
			change(filepath.Join(dir, checkpoints, manifestFile), half)
			change(f[1], half)
		}},
		{"metrics cut off", 0, 2, func(dir string, _ []string) { change(filepath.Join(dir, metricsFile), half) }},
		{"events gone", 11, 0, func(dir string, _ []string) { os.Remove(filepath.Join(dir, "events.out.tfevents.tailorbird")) }},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			c := small(t, dir)
			c.EvalEvery = 3 // so that there is no best one before the end
			stop(t, c, 11)
			files, err := filepath.Glob(filepath.Join(dir, checkpoints, "step-*"))
			if err != nil || len(files) != 2 {
				t.Fatalf("checkpoints %v, %v", files, err)
			}
			test.damage(dir, files)
			c = small(t, dir)
			c.EvalEvery = 3
			r := trained(t, c)
			if r.ResumedAt != test.resumed || len(r.Warnings) != test.warnings {
				t.Errorf("went on at step %d, want %d; warnings %q", r.ResumedAt, test.resumed, r.Warnings)
			}
			if r.FinalSHA256 != want.FinalSHA256 {
				t.Error("final weights differ")
			}
			if n := lines(text(t, dir, metricsFile)); n != 4 {
				t.Errorf("%d lines", n)
			}
		})
	}
}

func TestTheLastAndTheBestCheckpointAreKept(t *testing.T) {
	t.Parallel()
	var m manifest
	best := func(step int64, best bool) { m.add(CheckpointFile{Step: step, Best: best}, "x", 2) }
	for step := range int64(9) {
		best(step, step == 1 || step == 3)
	}
	var steps []int64
	for _, c := range m.Checkpoints {
		steps = append(steps, c.Step)
	}
	if !slices.Equal(steps, []int64{3, 7, 8}) || !m.Checkpoints[0].Best {
		t.Errorf("%+v", m.Checkpoints)
	}
}

func TestAFolderOfAnotherRunIsLeftAlone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	stop(t, small(t, dir), 5)
	before := text(t, dir, configFile)
	for _, change := range []func(c *Config){
		func(c *Config) { c.Seed++ },
		func(c *Config) { c.Optimiser.Options["lr"] = 0.04 },
		func(c *Config) { c.Train = source(t, drawn(48, 1)) },
		func(c *Config) { c.Source = map[string]any{"root_hash": "another"} },
	} {
		c := small(t, dir)
		change(&c)
		if _, err := train(t, c); fault.CodeOf(err) != fault.Occupied {
			t.Errorf("error %v", err)
		}
	}
	if text(t, dir, configFile) != before {
		t.Error("config.yaml was changed")
	}
	// What does not decide the results may change; and Fresh begins anew.
	c := small(t, dir)
	c.Checkpoint, c.Workers = Keeping{EverySteps: 1, Keep: 5}, 2
	if r := trained(t, c); r.ResumedAt != 5 {
		t.Errorf("went on at step %d", r.ResumedAt)
	}
	c = small(t, dir)
	c.Seed, c.Fresh = 8, true
	if r := trained(t, c); r.ResumedAt != 0 || r.Seed != 8 {
		t.Errorf("%+v", r)
	}
	if n := lines(text(t, dir, metricsFile)); n != 6 {
		t.Errorf("%d lines", n)
	}
}

func TestAFolderOfSomethingElseIsLeftAlone(t *testing.T) {
	t.Parallel()
	for _, name := range []string{cardFile, configFile, metricsFile, finalFile, resultFile} {
		for _, fresh := range []bool{false, true} {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, name), []byte("mine: 1\n"), 0o644); err != nil {
				t.Fatal(err)
			}
			c := small(t, dir)
			c.Fresh = fresh
			if _, err := train(t, c); fault.CodeOf(err) != fault.Occupied {
				t.Errorf("%s, fresh %v: error %v", name, fresh, err)
			}
			files, err := os.ReadDir(dir)
			if err != nil || len(files) != 1 || text(t, dir, name) != "mine: 1\n" {
				t.Errorf("%s, fresh %v: folder holds %v, %v", name, fresh, files, err)
			}
		}
	}
}
