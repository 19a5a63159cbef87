package build

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/tailorbird/tailorbird/transforms/train"
)

// trainRecipe is a small dataset of four classes and a training section over it.
const trainRecipe = `version: 1
seed: 3
build:
  dataset: imagenet
  inputs: {images: train, synsets: LOC_synset_mapping.txt}
  transforms: decode | resize(width=16, height=16) | encode(png)
  formats: [webdataset]
  shards: 2
  out: small
train:
  from: small
  splits: {train: train, eval: train}
  method: {name: none}
  model: {name: resnet20, width: 4}
  augment: pad_crop(2) | flip
  optimizer: {name: sgd, lr: 0.05, momentum: 0.9, weight_decay: 5e-4}
  schedule: {name: cosine, warmup_epochs: 1}
  epochs: 2
  batch: 8
  checkpoint: {every_steps: 2, keep: 2}
  out: runs
`

// trainer is a recipe whose dataset is built.
type trainer struct {
	*raw
	t      *testing.T
	recipe string
}

func newTrainer(t *testing.T) *trainer {
	r := newRaw(t)
	r.imagenetDir(40)
	r.write("all.yaml", []byte(trainRecipe))
	recipe := r.path("all.yaml")
	build(t, recipe, r.path())
	return &trainer{r, t, recipe}
}

func (r *trainer) args(out string, more ...string) []string {
	return append([]string{"train", r.recipe, "--json", "--progress", "none", "--set", "train.out=" + r.path(out)}, more...)
}

// run trains and returns results.json.
func (r *trainer) run(out string, more ...string) (train.Results, []byte) {
	r.t.Helper()
	e := tailorbird(r.t, nil, r.args(out, more...)...)
	if e.status != 0 {
		r.t.Fatalf("exit status %d (signal %d)\n%s%s", e.status, e.signal, e.stdout, e.stderr)
	}
	text := read(r.t, filepath.Join(r.path(out), train.ResultsFile))
	var res train.Results
	if err := json.Unmarshal(text, &res); err != nil {
		r.t.Fatal(err)
	}
	return res, text
}

var sweep = []string{"--set", "train.epochs=1", "--set", "train.sweep={seed: [0, 1, 2], batch: [8, 20], optimizer.lr: [0.01, 0.05]}"}

// A sweep of twelve gives one table, whatever runs it and however many at a time.
func TestTrainASweepGivesOneTable(t *testing.T) {
	t.Parallel()
	r := newTrainer(t)
	res, want := r.run("direct", append(sweep, "--runner", "direct", "--workers", "1")...)
	if len(res.Runs) != 12 {
		t.Fatalf("%d runs", len(res.Runs))
	}
	seen := map[string]bool{}
	for _, run := range res.Runs {
		if !run.OK || run.FinalSHA256 == "" || run.Parameters < 10_000 || run.Metrics["loss"] <= 0 {
			t.Errorf("%+v", run)
		}
		if seen[run.FinalSHA256] {
			t.Errorf("%s has the weights of another run", run.Name)
		}
		seen[run.FinalSHA256] = true
	}
	for _, more := range [][]string{{"--runner", "prism"}, {"--runner", "direct", "--together", "3"}} {
		if testing.Short() {
			break
		}
		if _, got := r.run("other-"+more[len(more)-1], append(sweep, more...)...); string(got) != string(want) {
			t.Errorf("%v: another table\n%s\nwant\n%s", more, got, want)
		}
	}
}

// A run that is killed at any step of the protocol goes on from its checkpoint to
// the same weights.
func TestTrainKillAtEveryStep(t *testing.T) {
	t.Parallel()
	r := newTrainer(t)
	file := r.path("trace")
	e := tailorbird(t, []string{"TAILORBIRD_FAILPOINT_TRACE=" + file}, r.args("clean", "--runner", "direct")...)
	if e.status != 0 {
		t.Fatal(e.stderr)
	}
	_, want := r.run("clean")
	metrics := read(t, r.path("clean", "run", "metrics.jsonl"))
	all := moments(strings.Fields(string(read(t, file))))
	if len(all) < 15 {
		t.Fatalf("%d moments: %v", len(all), all)
	}
	for _, m := range all {
		if testing.Short() && !slices.Contains([]string{"train.step", "train.results"}, m.name) {
			continue
		}
		if m.hit > 1 && m.name != "train.step" {
			continue // what is written twice is written in one way
		}
		t.Run(m.name, func(t *testing.T) {
			out := "out-" + strings.ReplaceAll(m.name, ".", "-") + string(rune('0'+m.hit%10))
			_ = os.RemoveAll(r.path(out))
			e := tailorbird(t, []string{"TAILORBIRD_FAILPOINT=" + m.name + ":" + itoa(m.hit)}, r.args(out, "--runner", "direct")...)
			if e.signal != syscall.SIGKILL {
				t.Fatalf("exit status %d, signal %d\n%s", e.status, e.signal, e.stderr)
			}
			if _, got := r.run(out, "--runner", "direct"); string(got) != string(want) {
				t.Errorf("another table\n%s\nwant\n%s", got, want)
			}
			if got := read(t, r.path(out, "run", "metrics.jsonl")); string(got) != string(metrics) {
				t.Errorf("metrics.jsonl differs:\n%s\nwant\n%s", got, metrics)
			}
		})
	}
}

// A run whose output is an object store's works elsewhere and carries its
// checkpoints out: killed at any step of that, it goes on to the same results. An
// address file:// has the paths of a disk and goes the way of gs://.
func TestTrainKillAtEveryStepAway(t *testing.T) {
	t.Parallel()
	r := newTrainer(t)
	scratch := r.path("scratch")
	if err := os.MkdirAll(scratch, 0o755); err != nil {
		t.Fatal(err)
	}
	away := func(out string, env ...string) ended {
		return tailorbird(t, append(env, "TMPDIR="+scratch), "train", r.recipe, "--json", "--progress", "none", "--runner", "direct", "--set", "train.out=file://"+r.path(out))
	}
	_, want := r.run("clean", "--runner", "direct")
	metrics := read(t, r.path("clean", "run", "metrics.jsonl"))
	for _, m := range []string{"", "train.step:3", "train.step:7", "train.away.weights:2", "train.away.snapshot:1", "train.away.snapshot:3", "train.away.files:1", "train.run:1", "train.results:1"} {
		if testing.Short() && m != "" && m != "train.step:7" {
			continue
		}
		t.Run(m, func(t *testing.T) {
			out := "away-" + strings.NewReplacer(".", "-", ":", "-").Replace(m)
			if m != "" {
				if e := away(out, "TAILORBIRD_FAILPOINT="+m); e.signal != syscall.SIGKILL {
					t.Fatalf("exit status %d, signal %d\n%s", e.status, e.signal, e.stderr)
				}
			}
			if e := away(out); e.status != 0 {
				t.Fatalf("exit status %d\n%s", e.status, e.stderr)
			}
			if got := read(t, r.path(out, train.ResultsFile)); string(got) != string(want) {
				t.Errorf("another table\n%s\nwant\n%s", got, want)
			}
			if got := read(t, r.path(out, "run", "metrics.jsonl")); string(got) != string(metrics) {
				t.Errorf("metrics.jsonl differs:\n%s\nwant\n%s", got, metrics)
			}
			entries, err := os.ReadDir(r.path(out, "run"))
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range entries {
				if strings.HasPrefix(e.Name(), "state-") {
					t.Errorf("%s is left", e.Name())
				}
			}
		})
	}
}

func itoa(n int) string {
	b, _ := json.Marshal(n)
	return string(b)
}

// A run whose numbers are no longer finite is a row that says so; the others go
// on, and the command succeeds.
func TestTrainAFailedRunIsARow(t *testing.T) {
	t.Parallel()
	r := newTrainer(t)
	res, _ := r.run("runs", "--runner", "direct", "--set", "train.sweep={optimizer.lr: [0.05, 1e30]}")
	if len(res.Runs) != 2 || !res.Runs[0].OK || res.Runs[1].OK {
		t.Fatalf("%+v", res.Runs)
	}
	why := res.Runs[1].Error
	for _, part := range []string{"step ", "epoch ", "batch n0"} {
		if !strings.Contains(why, part) {
			t.Errorf("%q does not name %q", why, part)
		}
	}
}

// What is wrong with a recipe is told before anything is made.
func TestTrainMistakes(t *testing.T) {
	t.Parallel()
	r := newTrainer(t)
	for _, c := range []struct{ set, says string }{
		{"train.model.name=resnet2O", "resnet2O"},
		{"train.method={name: recursivmix}", `"recursivmix"`},
		{"train.method={name: none, alpha: 3}", `no option "alpha"`},
		{"train.augment=pad_cropp(4)", "pad_cropp"},
		{"train.optimizer={name: sgd, lr: fast}", "lr"},
		{"train.splits={train: trian}", `no split "trian"`},
		{"train.from=nowhere", "no manifest.json"},
		{"train.batch=41", "40 samples"},
	} {
		e := tailorbird(t, nil, r.args("refused", "--set", c.set)...)
		if e.status != 2 || !strings.Contains(e.stdout, c.says) && !strings.Contains(e.stderr, c.says) {
			t.Errorf("%s: exit status %d\n%s%s", c.set, e.status, e.stdout, e.stderr)
		}
	}
	r.run("runs", "--runner", "direct")
	e := tailorbird(t, nil, r.args("runs", "--set", "train.epochs=3")...)
	if e.status != 5 {
		t.Errorf("the results of another recipe: exit status %d, want 5\n%s", e.status, e.stderr)
	}
	before := read(t, r.path("runs", train.ReportFile))
	r.run("runs", "--runner", "direct")
	if string(read(t, r.path("runs", train.ReportFile))) != string(before) {
		t.Error("a finished sweep was written again")
	}
}

// eval measures the weights that train has left as train did.
func TestTrainThenEval(t *testing.T) {
	t.Parallel()
	r := newTrainer(t)
	res, _ := r.run("runs", "--runner", "direct")
	e := tailorbird(t, nil, "eval", r.recipe, "--json", "--set", "train.out="+r.path("runs"))
	var got struct{ Loss, Top1 float64 }
	if err := json.Unmarshal([]byte(e.stdout), &got); err != nil || got.Loss != res.Runs[0].Metrics["loss"] || got.Top1 != res.Runs[0].Metrics["top1"] {
		t.Errorf("%v: %+v, train says %v\n%s%s", err, got, res.Runs[0].Metrics, e.stdout, e.stderr)
	}
	steps, err := filepath.Glob(r.path("runs", "run", "checkpoints", "*.safetensors"))
	if err != nil || len(steps) == 0 {
		t.Fatalf("no checkpoint: %v", err)
	}
	if e := tailorbird(t, nil, "eval", r.recipe, "--weights", steps[0], "--set", "train.out="+r.path("runs")); e.status != 0 {
		t.Errorf("a checkpoint: exit status %d\n%s", e.status, e.stderr)
	}
}
