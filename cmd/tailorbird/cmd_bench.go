package main

import (
	"errors"
	"sort"
	"strconv"
	"time"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/pipelines/bench"
	"github.com/tailorbird/tailorbird/runners"
)

// benchCmd is `tailorbird bench`.
type benchCmd struct {
	Case        []string      `arg:"" optional:"" help:"Cases to run; all without one. List them with --list." placeholder:"CASE"`
	List        bool          `help:"List the cases."`
	JSONLines   bool          `name:"json-lines" help:"Print one JSON object a case."`
	Images      string        `help:"Directory of JPEG files to work on; drawn ones without it." placeholder:"DIR"`
	Annotations string        `help:"LVIS-shaped JSON for lvis_parse; a generated one without it." placeholder:"FILE"`
	Threads     int           `help:"Threads that compute; --workers without it." placeholder:"N"`
	Count       int           `help:"Images of the case build." default:"1000" placeholder:"N"`
	Duration    time.Duration `help:"Time for each kernel case." default:"2s" placeholder:"TIME"`

	pipelineFlags
}

func (c *benchCmd) Run(e *environment) error {
	if c.List {
		return c.list(e)
	}
	if c.Threads < 0 {
		return fault.New(fault.Usage, "--threads: %d is negative", c.Threads)
	}
	if c.Threads > 0 {
		c.Workers = c.Threads
	}
	if err := c.prepare(e); err != nil {
		return err
	}
	stop, err := c.profile()
	if err != nil {
		return err
	}
	defer stop()
	results := []bench.Result{}
	var printErr error
	err = bench.Run(e.ctx, c.Case, bench.Options{Images: c.Images, Annotations: c.Annotations, Count: c.Count, Threads: c.Workers,
		Duration: c.Duration, Execute: runners.Executor(c.Runner)}, func(r bench.Result) {
		results = append(results, r)
		switch {
		case c.JSON:
		case c.JSONLines:
			printErr = errors.Join(printErr, e.print(r))
		default:
			e.printf("%-21s %10.2f %-10s %d threads%s\n", r.Case, r.Value, r.Unit, r.Threads, extraText(r.Extra))
		}
	})
	if err = errors.Join(err, printErr); err != nil || !c.JSON {
		return err
	}
	return e.print(map[string]any{"ok": true, "results": results})
}

// list prints the cases.
func (c *benchCmd) list(e *environment) error {
	var cases []entry
	for _, x := range bench.Cases() {
		cases = append(cases, entry{Name: x[0], Summary: x[1]})
		if !c.JSON {
			e.printf("%-21s %s\n", x[0], x[1])
		}
	}
	if !c.JSON {
		return nil
	}
	return e.print(map[string]any{"ok": true, "cases": cases})
}

func extraText(extra map[string]float64) string {
	names := make([]string, 0, len(extra))
	for n := range extra {
		names = append(names, n)
	}
	sort.Strings(names)
	text := ""
	for _, n := range names {
		text += "  " + n + " " + trimFloat(extra[n])
	}
	return text
}

func trimFloat(v float64) string { return strconv.FormatFloat(v, 'f', 1, 64) }
