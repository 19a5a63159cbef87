package main

import (
	"os"
	"path/filepath"
	"time"

	"github.com/tailorbird/tailorbird/pipelines/demo"
	"github.com/tailorbird/tailorbird/runners"
)

// demoCmd is `tailorbird demo`.
type demoCmd struct {
	Out      string `help:"Empty directory to work in; a new temporary one without it." placeholder:"DIR"`
	Workers  int    `help:"Cores to use; 0 means all." placeholder:"N"`
	JSON     bool   `help:"Print one JSON object at the end; all else goes to stderr."`
	Progress string `help:"How to show progress: auto, bar, lines or none." enum:"auto,bar,lines,none" default:"auto"`
	Seed     uint64 `help:"What is drawn depends on it." group:"advanced" placeholder:"N"`
	Runner   string `help:"Where to run: direct or prism." default:"prism" enum:"direct,prism" group:"advanced"`
}

func (c *demoCmd) Run(e *environment) error {
	start := time.Now()
	flags := pipelineFlags{Workers: c.Workers, JSON: c.JSON, Progress: c.Progress, Runner: c.Runner}
	if err := flags.prepare(e); err != nil {
		return err
	}
	out, err := c.dir()
	if err != nil {
		return err
	}
	stop := flags.showProgress(e)
	steps, err := demo.Run(e.ctx, demo.Options{Out: out, Seed: c.Seed, Workers: c.Workers, Execute: runners.Executor(c.Runner), Runner: c.Runner, Log: e.logf})
	stop()
	if err != nil {
		return err
	}
	page := filepath.Join(out, demo.PageName)
	if c.JSON {
		return e.print(map[string]any{"ok": true, "out": out, "report": page, "datasets": steps, "seconds": time.Since(start).Seconds()})
	}
	e.printf("demo done in %.1f s; open %s\n", time.Since(start).Seconds(), page)
	return nil
}

func (c *demoCmd) dir() (string, error) {
	if c.Out == "" {
		return os.MkdirTemp("", "tailorbird-demo-")
	}
	return absolute(c.Out)
}
