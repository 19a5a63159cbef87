package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/tailorbird/tailorbird/internal/blob"
	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/internal/progress"
	"github.com/tailorbird/tailorbird/internal/recipe"
	"github.com/tailorbird/tailorbird/pipelines/train"
	"github.com/tailorbird/tailorbird/runners"
	steps "github.com/tailorbird/tailorbird/transforms/train"
)

// trainCmd is `tailorbird train`.
type trainCmd struct {
	Recipe string `arg:"" help:"Recipe file with a section train." placeholder:"RECIPE"`
	Out    string `help:"Where the runs go: a directory." placeholder:"DIR"`

	pipelineFlags
	Together int `help:"Runs at a time in one process; each gets its share of the cores." default:"1" group:"advanced" placeholder:"N"`
}

// trainResult is the JSON object of train.
type trainResult struct {
	OK           bool           `json:"ok"` // every run ended well
	Out          string         `json:"out"`
	Hash         string         `json:"hash"`
	Runs         []steps.Result `json:"runs"`
	Failed       int            `json:"failed"`
	Seconds      float64        `json:"seconds"`
	CPUSeconds   float64        `json:"cpu_seconds"`
	PeakRSSBytes int64          `json:"peak_rss_bytes"`
	Runner       string         `json:"runner"`
}

func (c *trainCmd) Run(e *environment) error {
	if err := c.prepare(e); err != nil {
		return err
	}
	stopProfile, err := c.profile()
	if err != nil {
		return err
	}
	defer stopProfile()
	r, err := trainSection(&c.pipelineFlags, c.Recipe, c.Out)
	if err != nil {
		return err
	}
	if c.Together < 1 {
		return fault.New(fault.Usage, "--together: %d; want 1 or more", c.Together)
	}
	job, runs, err := train.Resolve(e.ctx, r)
	if err != nil {
		return err
	}
	text, err := blob.ReadFile(e.ctx, c.Recipe, 1<<20)
	if err != nil {
		return err
	}
	job.Runner, job.Workers, job.MemoryBytes, job.Fresh, job.Together, job.RecipeYAML = c.Runner, c.Workers, c.memoryBytes, c.Fresh, c.Together, string(text)
	start := time.Now()
	e.resume = fmt.Sprintf("; the checkpoints are in %s, the same command goes on from there", job.Out)
	stop := c.showProgress(e)
	results, err := train.Run(e.ctx, job, runs, runners.Executor(c.Runner))
	stop()
	if err != nil {
		return err
	}
	res := trainResult{OK: true, Out: job.Out, Hash: results.Hash, Runs: results.Runs, Seconds: time.Since(start).Seconds(), Runner: c.Runner}
	for i := range res.Runs {
		if !res.Runs[i].OK {
			res.OK = false
			res.Failed++
		}
	}
	res.CPUSeconds, res.PeakRSSBytes = progress.Usage()
	if c.JSON {
		err = e.print(res)
	} else {
		res.summarise(e)
	}
	return err
}

func trainSection(f *pipelineFlags, file, out string) (*recipe.Train, error) {
	r, err := f.load(file)
	if err != nil {
		return nil, err
	}
	if r.Train == nil {
		return nil, fault.New(fault.Usage, "%s: no section train", r.File)
	}
	if out != "" {
		if out, err = absolute(out); err != nil {
			return nil, err
		}
	}
	if err := r.Place(out); err != nil {
		return nil, err
	}
	return r.Train, runners.CheckReach(f.Runner, "train.out", r.Train.Out)
}

func (r *trainResult) summarise(e *environment) {
	e.printf("%s\n", r.Out)
	wide := 0
	for i := range r.Runs {
		wide = max(wide, len(r.Runs[i].Name))
	}
	for i := range r.Runs {
		run := &r.Runs[i]
		if !run.OK {
			e.printf("  %-*s  failed: %s\n", wide, run.Name, run.Error)
			continue
		}
		var parts []string
		for _, m := range slices.Sorted(maps.Keys(run.Metrics)) {
			parts = append(parts, fmt.Sprintf("%s %.4f", m, run.Metrics[m]))
		}
		e.printf("  %-*s  %s  weights %.12s\n", wide, run.Name, strings.Join(parts, "  "), run.FinalSHA256)
	}
	e.printf("  %.1f s, %.1f CPU seconds, peak memory %d MB\n  see %s\n", r.Seconds, r.CPUSeconds, r.PeakRSSBytes>>20, blob.Join(r.Out, steps.ReportFile))
}

// evalCmd is `tailorbird eval`.
type evalCmd struct {
	Recipe  string `arg:"" help:"Recipe file with a section train." placeholder:"RECIPE"`
	Run_    string `name:"run" help:"Of a sweep: the run's name; default the first." placeholder:"NAME"`
	Weights string `help:"Checkpoint or final.safetensors; default that of the run's folder." placeholder:"FILE"`
	Split   string `help:"The split; default the recipe's splits.eval." placeholder:"NAME"`

	pipelineFlags
}

func (c *evalCmd) Run(e *environment) error {
	if err := c.prepare(e); err != nil {
		return err
	}
	r, err := trainSection(&c.pipelineFlags, c.Recipe, "")
	if err != nil {
		return err
	}
	ev, err := train.Evaluate(e.ctx, r, train.EvalOptions{Run: c.Run_, Weights: c.Weights, Split: c.Split, Workers: c.Workers})
	if err != nil {
		return err
	}
	if c.JSON {
		return e.print(map[string]any{"ok": true, "run": ev.Run, "split": ev.Split, "weights": ev.Weights, "samples": ev.Samples, "loss": ev.Loss, "top1": ev.Top1, "top5": ev.Top5, "ece": ev.ECE, "confusion": ev.Confusion, "classes": ev.Classes})
	}
	e.printf("%s on %s of %s\n  %d samples: top1 %.4f  top5 %.4f  loss %.4f  calibration error %.4f\n", ev.Weights, ev.Split, ev.Run, ev.Samples, ev.Top1, ev.Top5, ev.Loss, ev.ECE)
	for i, m := range ev.Mistakes[:min(len(ev.Mistakes), 5)] {
		if i == 0 {
			e.printf("  most confident mistakes:\n")
		}
		e.printf("    %s: %s, taken for %s (%.3f)\n", m.Key, ev.Classes[m.Truth], ev.Classes[m.Predicted], m.Confidence)
	}
	return nil
}
