package main

import (
	"fmt"
	"time"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/pipelines/build"
	"github.com/tailorbird/tailorbird/pipelines/removal"
	"github.com/tailorbird/tailorbird/runners"
)

// removeCmd is `tailorbird remove`.
type removeCmd struct {
	Recipe string `arg:"" help:"Recipe file with a section remove." placeholder:"RECIPE"`
	Out    string `help:"Where the dataset goes: a directory or gs:// address." placeholder:"DIR"`

	pipelineFlags
}

func (c *removeCmd) Run(e *environment) error {
	if err := c.prepare(e); err != nil {
		return err
	}
	r, err := c.load(c.Recipe)
	if err != nil {
		return err
	}
	if r.Remove == nil {
		return fault.New(fault.Usage, "%s: no section remove", r.File)
	}
	out := ""
	if c.Out != "" {
		if out, err = absolute(c.Out); err != nil {
			return err
		}
	}
	if err := r.Place(out); err != nil {
		return err
	}
	if err := runners.CheckReach(c.Runner, "remove.out", r.Remove.Out); err != nil {
		return err
	}
	job, err := removal.Resolve(e.ctx, r.Remove)
	if err != nil {
		return err
	}
	job.Runner, job.Workers, job.MemoryBytes = c.Runner, c.Workers, c.memoryBytes
	if c.Fresh {
		if err := startAfresh(e, &job); err != nil {
			return err
		}
	}
	start := time.Now()
	e.resume = fmt.Sprintf("; the finished shards are in %s, the same command goes on from there", job.Out)
	stop := c.showProgress(e)
	m, err := build.Run(e.ctx, job, runners.Executor(c.Runner))
	stop()
	if err != nil {
		return err
	}
	res := resultOf(&job, m, start)
	if c.JSON {
		return e.print(res)
	}
	res.summarise(e)
	return nil
}
