package main

import (
	"time"

	"github.com/tailorbird/tailorbird/datasets/verify"
	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/internal/progress"
)

// verifyCmd is `tailorbird verify`.
type verifyCmd struct {
	Dir      string  `arg:"" help:"A built dataset, or a directory of WebDataset tars or TFRecord files." placeholder:"DIR"`
	Fraction float64 `help:"Share of the shards to read, such as 0.1; sizes are checked for all." default:"1" placeholder:"F"`
	Quick    bool    `help:"Sizes and hashes only; do not read records or decode images."`
	Workers  int     `help:"Cores to use; 0 means all." placeholder:"N"`
	JSON     bool    `help:"Print one JSON object at the end; all else goes to stderr."`
	Progress string  `help:"How to show progress: auto, bar, lines or none." enum:"auto,bar,lines,none" default:"auto"`
}

// shownProblems is how many problems are printed one by one.
const shownProblems = 50

func (c *verifyCmd) Run(e *environment) error {
	e.json = c.JSON
	if c.Fraction <= 0 || c.Fraction > 1 {
		return fault.New(fault.Usage, "--fraction: %g is not in (0, 1]", c.Fraction)
	}
	start := time.Now()
	progress.Local.Reset()
	progress.Local.Unit("shards")
	progress.Local.Phase("verifying")
	stop := e.showProgress(c.Progress)
	problems := []verify.Problem{}
	res, err := verify.Run(e.ctx, c.Dir, verify.Options{Fraction: c.Fraction, Quick: c.Quick, Workers: c.Workers},
		func(p verify.Problem) { problems = append(problems, p) })
	stop()
	if err != nil {
		return err
	}
	if c.JSON {
		err = e.print(map[string]any{"ok": len(problems) == 0, "examples": res.Examples, "bytes": res.Bytes, "problems": problems,
			"seconds": time.Since(start).Seconds()})
	} else {
		c.summarise(e, res, problems, time.Since(start))
	}
	if err == nil && len(problems) > 0 {
		return errDamage
	}
	return err
}

func (c *verifyCmd) summarise(e *environment, res verify.Result, problems []verify.Problem, took time.Duration) {
	for i, p := range problems {
		if i == shownProblems {
			e.printf("... and %d more\n", len(problems)-i)
			break
		}
		e.printf("%s: %s", p.Kind, p.Path)
		if p.Key != "" {
			e.printf(": %s", p.Key)
		}
		e.printf(": %s\n", p.Message)
	}
	word := "whole"
	if len(problems) > 0 {
		word = "damaged"
	}
	e.printf("%s is %s: %d problems in %d examples, %.1f MB read in %.1f s\n", c.Dir, word, len(problems), res.Examples, float64(res.Bytes)/1e6, took.Seconds())
}
