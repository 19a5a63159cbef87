package sew

import (
	"context"
	"os"
	"path/filepath"
	"time"

	"github.com/tailorbird/tailorbird/internal/recipe"
	"github.com/tailorbird/tailorbird/methods/addsd"
	"github.com/tailorbird/tailorbird/transforms/sew"
)

// Preview is what a run of the section would make.
type Preview struct {
	Plan    *sew.Planned
	Samples int
	// Seconds is the predicted time of the run with the job's workers, 0 where it
	// cannot be told; Basis says what it rests on.
	Seconds float64
	Basis   string
}

// timedSamples is how many samples a prediction times.
const timedSamples = 8

// PreviewOf surveys the source and plans, in a directory of its own, and times a
// few samples where the generator is at hand. The target is not touched.
func PreviewOf(ctx context.Context, r *recipe.Sew, workers int, memory int64) (*Preview, error) {
	job, err := resolve(ctx, r)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "tailorbird-plan-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	job.Shards.Out = filepath.Join(dir, "out")
	job.Shards.Workers, job.Shards.MemoryBytes = workers, memory
	start := time.Now()
	plan, err := sew.PlanLocally(ctx, &job)
	if err != nil {
		return nil, err
	}
	p := &Preview{Plan: plan, Samples: len(plan.Samples)}
	surveyed := time.Since(start).Seconds()
	each, basis, err := timeSamples(ctx, &job, plan)
	if err != nil {
		return nil, err
	}
	p.Basis = basis
	if each > 0 {
		p.Seconds = surveyed + each*float64(p.Samples)/float64(job.Shards.Cores())
	}
	return p, nil
}

// timeSamples returns the seconds that a sample takes a worker.
func timeSamples(ctx context.Context, job *sew.Job, plan *sew.Planned) (float64, string, error) {
	if len(plan.Samples) == 0 {
		return 0, "there is nothing to make", nil
	}
	if job.Recipe.Generator.Kind != "copy_paste" {
		return serverSeconds(ctx, job)
	}
	maker, err := sew.NewMaker(ctx, job)
	if err != nil {
		return 0, "", err
	}
	defer maker.Close()
	n := min(timedSamples, len(plan.Samples))
	run := func() error {
		for i := range n {
			s := &plan.Samples[i*len(plan.Samples)/n]
			if _, err := maker.Again(ctx, s, 0); err != nil && addsd.RejectionOf(err) == nil {
				return err
			}
		}
		return nil
	}
	if err := run(); err != nil { // the first time through the code is slow
		return 0, "", err
	}
	start := time.Now()
	err = run()
	return time.Since(start).Seconds() / float64(n), "timed on samples of this plan, on this machine", err
}

// serverSeconds is what a server says of its own speed.
func serverSeconds(ctx context.Context, job *sew.Job) (float64, string, error) {
	g, err := sew.OpenServed(ctx, &job.Recipe.Generator)
	if err != nil {
		return 0, "", err
	}
	defer g.Close()
	if s := g.Info().SecondsPerImage; s > 0 {
		return s * float64(job.Shards.Cores()) / float64(job.Recipe.Generator.Concurrency), "as the server says of itself, every sample at its first attempt", nil
	}
	return 0, "the server does not say how long a picture takes", nil
}
