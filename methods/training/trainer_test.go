package training

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/internal/safetensors"
	"github.com/tailorbird/tailorbird/methods/training/tfevents"
)

func TestARunLearnsAndLeavesItsFolder(t *testing.T) {
	t.Parallel()
	c := small(t, t.TempDir())
	c.Use, c.Epochs = nil, 6
	var last Progress
	c.Progress = func(p Progress) { last = p }
	r := trained(t, c)
	if r.Status != Done || r.Steps != 36 || r.Epochs != 6 || r.Eval.Top1 < 0.6 {
		t.Errorf("%+v", r)
	}
	if last.Step != 36 || last.Steps != 36 || last.Epoch != 6 || last.ImagesPerSecond <= 0 {
		t.Errorf("progress %+v", last)
	}
	ls := strings.Split(strings.TrimSpace(text(t, c.Dir, metricsFile)), "\n")
	if len(ls) != 12 {
		t.Fatalf("%d lines", len(ls))
	}
	for i, l := range ls {
		var line Line
		if err := json.Unmarshal([]byte(l), &line); err != nil {
			t.Fatal(err)
		}
		split := []string{"train", "eval"}[i%2]
		if line.Split != split || line.Step != int64(6*(i/2+1)) || line.Epoch != int64(i/2+1) || line.Top1 == nil {
			t.Errorf("line %d: %s", i, l)
		}
	}
	for _, f := range []string{configFile, cardFile, resultFile, finalFile} {
		if text(t, c.Dir, f) == "" {
			t.Errorf("%s is empty", f)
		}
	}
	if card := text(t, c.Dir, cardFile); !strings.Contains(card, r.FinalSHA256) || !strings.Contains(card, "load_state_dict") {
		t.Errorf("card: %s", card)
	}
}

func TestEventsHoldWhatTheMetricsSay(t *testing.T) {
	t.Parallel()
	c := small(t, t.TempDir())
	trained(t, c)
	f, err := os.Open(filepath.Join(c.Dir, tfevents.Name))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	s, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	for e, err := range tfevents.Read(f, s.Size()) {
		if err != nil {
			t.Fatal(err)
		}
		seen[e.Version+e.Tag]++
		if e.Tag == "config" && !strings.Contains(e.Text, "resnet8") {
			t.Errorf("config %q", e.Text)
		}
	}
	want := map[string]int{
		"brain.Event:2": 1, "config": 1, "step/loss": 9, "step/lr": 9, "train/loss": 3, "train/top1": 3, "train/lr": 3,
		"train/images_per_second": 3, "train/part/ce": 3, "train/part/near": 3, "eval/loss": 3, "eval/top1": 3, "eval/top5": 3, "eval/ece": 3,
	}
	if d := cmp.Diff(want, seen); d != "" {
		t.Error(d)
	}
}

func TestResultsDoNotDependOnWorkersOrNeighbours(t *testing.T) {
	t.Parallel()
	var results [4]*Result
	var metrics [4]string
	run := func(i, workers int) {
		c := small(t, t.TempDir())
		c.Workers = workers
		r, err := train(t, c)
		if err != nil {
			t.Error(err)
			return
		}
		results[i], metrics[i] = r, text(t, c.Dir, metricsFile)
	}
	run(0, 1)
	run(1, 3)
	var both sync.WaitGroup
	for i := 2; i < 4; i++ {
		both.Go(func() { run(i, i) })
	}
	both.Wait()
	for i := 1; i < 4; i++ {
		if results[i] == nil || results[0] == nil {
			t.FailNow()
		}
		if results[i].FinalSHA256 != results[0].FinalSHA256 || metrics[i] != metrics[0] {
			t.Errorf("run %d differs", i)
		}
		if d := cmp.Diff(results[0].Eval, results[i].Eval); d != "" {
			t.Errorf("run %d: %s", i, d)
		}
	}
}

func TestARunThatEndedIsNotRunAgain(t *testing.T) {
	t.Parallel()
	c := small(t, t.TempDir())
	first := trained(t, c)
	c = small(t, c.Dir)
	c.Progress = func(Progress) { t.Error("a step was made") }
	second := trained(t, c)
	if d := cmp.Diff(first, second); d != "" {
		t.Error(d)
	}
	// Damaged weights are made again, from the last checkpoint.
	if err := os.WriteFile(filepath.Join(c.Dir, finalFile), []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	third := trained(t, c)
	if third.FinalSHA256 != first.FinalSHA256 || len(third.Warnings) != 1 || third.ResumedAt != first.Steps {
		t.Errorf("%+v", third)
	}
	if d := cmp.Diff(first.Eval, third.Eval); d != "" {
		t.Error(d)
	}
	if n := lines(text(t, c.Dir, metricsFile)); n != 6 {
		t.Errorf("%d lines", n)
	}
}

func TestTheFinalWeightsAreTheNetworkAlone(t *testing.T) {
	t.Parallel()
	c := small(t, t.TempDir())
	trained(t, c)
	f, err := safetensors.Open(filepath.Join(c.Dir, finalFile))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if f.Metadata["format"] != "pt" {
		t.Errorf("metadata %v", f.Metadata)
	}
	if in, ok := f.Info("conv1.weight"); !ok || !cmp.Equal(in.Shape, []int{4, 3, 3, 3}) {
		t.Errorf("conv1.weight: %+v", in)
	}
	for _, name := range f.Names() {
		if strings.HasPrefix(name, "method.") {
			t.Errorf("holds %s", name)
		}
	}
}

func TestSavedWeightsAreEvaluatedAsInTheRun(t *testing.T) {
	t.Parallel()
	c := small(t, t.TempDir())
	r := trained(t, c)
	all, err := Checkpoints(c.Dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{filepath.Join(c.Dir, finalFile), filepath.Join(c.Dir, checkpoints, all[len(all)-1].File)} {
		ev, err := EvaluateFile(context.Background(), Config{Model: c.Model, EvalBatch: 10, Eval: c.Eval}, path)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(r.Eval, ev); d != "" {
			t.Error(d)
		}
	}
}

func TestWeightsOfAnotherNetworkAreRefused(t *testing.T) {
	t.Parallel()
	c := small(t, t.TempDir())
	c.Epochs = 1
	trained(t, c)
	wider := Named{Name: "resnet8", Options: map[string]any{"width": 8}}
	_, err := EvaluateFile(context.Background(), Config{Model: wider, Eval: c.Eval}, filepath.Join(c.Dir, finalFile))
	if fault.CodeOf(err) != fault.Conflict || !strings.Contains(err.Error(), "conv1.weight") {
		t.Errorf("error %v", err)
	}
	if _, err := EvaluateFile(context.Background(), Config{Model: c.Model}, filepath.Join(c.Dir, finalFile)); fault.CodeOf(err) != fault.Usage {
		t.Errorf("without a split: %v", err)
	}
}

func TestSteadyStepsTakeNoTensorMemory(t *testing.T) {
	t.Parallel()
	c := small(t, t.TempDir())
	var held []int64
	var tr *Trainer
	c.Progress = func(Progress) { held = append(held, tr.e.Held()) }
	tr, err := NewTrainer(c)
	if err != nil {
		t.Fatal(err)
	}
	defer tr.Close()
	if _, err := tr.Run(context.Background()); err != nil {
		t.Fatal(err)
	}
	for i := 3; i < 6; i++ {
		if held[i] != held[2] {
			t.Errorf("step %d: %d bytes, after %d in step 2", i, held[i], held[2])
		}
	}
}
