package recipe

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/tailorbird/tailorbird/internal/fault"
)

const trainText = `version: 1
seed: 5
build:
  dataset: cifar10
  inputs: {images: raw.tar}
  out: cifar10
train:
  from: [cifar10]
  splits: {train: train, eval: test}
  method: {name: recursivemix, alpha: 0.5, omega: 0.1}
  model: {name: resnet18_cifar, width: 16}
  augment: pad_crop(4) | flip
  optimizer: {name: sgd, lr: 0.1, momentum: 0.9, nesterov: true, weight_decay: 5e-4}
  schedule: {name: cosine, warmup_epochs: 1}
  epochs: 10
  batch: 64
  checkpoint: {every_steps: 200, keep: 2}
  sweep: {seed: [0, 1, 2], method.name: [none, recursivemix]}
  out: runs
`

func parseTrain(t *testing.T, text string, settings ...string) *Recipe {
	t.Helper()
	r, err := Parse("r.yaml", "/base", []byte(text), settings)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Place(""); err != nil {
		t.Fatal(err)
	}
	return r
}

func TestASweepIsEveryCombination(t *testing.T) {
	t.Parallel()
	r := parseTrain(t, trainText)
	var got []string
	for _, run := range r.Train.Runs {
		got = append(got, run.Name)
		if run.From[0] != "/base/cifar10" || run.Method["alpha"] != 0.5 || run.Model["width"] != int64(16) || run.Optimizer["weight_decay"] != 5e-4 {
			t.Errorf("%+v", run)
		}
	}
	want := "seed=0,method.name=none seed=0,method.name=recursivemix seed=1,method.name=none seed=1,method.name=recursivemix seed=2,method.name=none seed=2,method.name=recursivemix"
	if s := strings.Join(got, " "); s != want {
		t.Errorf("runs\n%s, want\n%s", s, want)
	}
	if r.Train.Runs[3].Seed != 1 || r.Train.Runs[3].Method["name"] != "recursivemix" || r.Train.Out != "/base/runs" {
		t.Errorf("%+v into %s", r.Train.Runs[3], r.Train.Out)
	}
	if !r.Train.Swept("method") || r.Train.Swept("model") {
		t.Error("swept keys")
	}
}

func TestARunSurvivesJSON(t *testing.T) {
	t.Parallel()
	for _, run := range parseTrain(t, trainText).Train.Runs {
		b, err := json.Marshal(run)
		if err != nil {
			t.Fatal(err)
		}
		again, err := DecodeRun(b)
		if err != nil || !reflect.DeepEqual(*again, run) {
			t.Errorf("%v\n%+v\n%+v", err, *again, run)
		}
	}
}

func TestTheHashOfARunLeavesPlacesOut(t *testing.T) {
	t.Parallel()
	a := parseTrain(t, trainText).Train.Runs
	b := parseTrain(t, strings.ReplaceAll(trainText, "cifar10", "elsewhere")).Train.Runs
	seen := map[string]bool{}
	for i := range a {
		h := a[i].Hash([]string{"root"})
		if h != b[i].Hash([]string{"root"}) {
			t.Errorf("%s: the hash follows the place", a[i].Name)
		}
		if seen[h] || h == a[i].Hash([]string{"other"}) {
			t.Errorf("%s: the hash misses what differs", a[i].Name)
		}
		seen[h] = true
	}
}

func TestMistakesOfTrainNameTheirLine(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ from, to, want string }{
		{"epochs: 10", "epoch: 10", `r.yaml:15: train has no key "epoch"; did you mean "epochs"?`},
		{"epochs: 10", "epochs: 0", "epochs: 0 is not between"},
		{"model: {name: resnet18_cifar, width: 16}", "augment: x", ""},
		{"model: {name: resnet18_cifar, width: 16}", "model: {width: 16}", "model needs a name"},
		{"seed: [0, 1, 2]", "seed: 3", "sweep.seed: want a list"},
		{"seed: [0, 1, 2]", "out: [a, b]", "out cannot be swept"},
		{"seed: [0, 1, 2]", "epochs: [3, x]", "epochs: want a whole number"},
		{"splits: {train: train, eval: test}", "splits: {train: train, test: test}", `no key "test"`},
		{"from: [cifar10]", "from: []", "the list is empty"},
	} {
		_, err := Parse("r.yaml", "/base", []byte(strings.Replace(trainText, c.from, c.to, 1)), nil)
		if c.want == "" {
			c.want = "r.yaml:"
		}
		if fault.CodeOf(err) != fault.Usage || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.to, err, c.want)
		}
	}
}

func TestFoldersAreSafeAndDistinct(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 300)
	seen := map[string]string{}
	for _, text := range []string{"a=1,b=2", "a=../../etc", "a=/etc", "a=é", "a=e", long, long + "y", "a= "} {
		f := folderName(text)
		if strings.ContainsAny(f, "/\\ é") || len(f) > maxFolder+9 || seen[f] != "" {
			t.Errorf("%q gives %q (%q)", text, f, seen[f])
		}
		seen[f] = text
	}
	if folderName("a=1,b=2") != "a=1,b=2" {
		t.Error("a safe name is changed")
	}
}
