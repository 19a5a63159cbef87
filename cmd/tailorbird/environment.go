package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/alecthomas/kong"
	"github.com/mattn/go-isatty"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/internal/progress"
)

// Exit status, as in every --help.
const (
	exitDone        = 0
	exitFailed      = 1
	exitUsage       = 2
	exitBudget      = 3
	exitDamage      = 4
	exitOccupied    = 5
	exitInterrupted = 130
)

// environment is what a verb gets from main.
type environment struct {
	ctx       context.Context
	out, err  io.Writer
	beamFlags []string
	json      bool // the verb promised one JSON object on out
	resume    string
}

// errDamage says that verify found damage; it has been printed.
var errDamage = errors.New("the dataset is damaged")

// splitBeamFlags cuts off what follows "--".
func splitBeamFlags(args []string) (ours, beam []string) {
	for i, a := range args {
		if a == "--" {
			return args[:i], args[i+1:]
		}
	}
	return args, nil
}

// fail prints err and returns its exit status.
func (e *environment) fail(err error) int {
	status := statusOf(err)
	if e.ctx.Err() != nil {
		status = exitInterrupted
		err = errors.New("interrupted" + e.resume)
	}
	if e.json && !errors.Is(err, errDamage) {
		_ = e.print(map[string]any{"ok": false, "error": err.Error(), "exit_status": status})
	}
	if !errors.Is(err, errDamage) {
		fmt.Fprintln(e.err, "tailorbird:", err)
	}
	return status
}

func statusOf(err error) int {
	if errors.Is(err, errDamage) {
		return exitDamage
	}
	switch c := fault.CodeOf(err); {
	case c == fault.Exhausted:
		return exitBudget
	case c == fault.Occupied:
		return exitOccupied
	case c == fault.Usage, c.IsData() && c != fault.Bug:
		return exitUsage
	}
	return exitFailed
}

// usage prints what is wrong with the command line.
func (e *environment) usage(k *kong.Kong, err error) int {
	if e.json {
		_ = e.print(map[string]any{"ok": false, "error": err.Error(), "exit_status": exitUsage})
	}
	fmt.Fprintln(e.err, "tailorbird:", err)
	var parse *kong.ParseError
	if errors.As(err, &parse) && parse.Context != nil && parse.Context.Selected() != nil {
		fmt.Fprintf(e.err, "Run %q for help.\n", "tailorbird "+parse.Context.Selected().Name+" --help")
	} else {
		fmt.Fprintln(e.err, `Run "tailorbird --help" for help.`)
	}
	return exitUsage
}

// print writes v as the one JSON object of a verb.
func (e *environment) print(v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(e.out, string(b))
	return err
}

// printf writes to the human summary.
func (e *environment) printf(format string, args ...any) {
	fmt.Fprintf(e.out, format, args...)
}

// logf writes to the log.
func (e *environment) logf(format string, args ...any) {
	fmt.Fprintln(e.err, strings.TrimRight(fmt.Sprintf(format, args...), "\n"))
}

// showProgress starts the progress display: with mode auto a bar on a terminal
// and lines elsewhere.
func (e *environment) showProgress(name string) (stop func()) {
	mode := progress.Mode(name)
	if mode == progress.Auto {
		mode = progress.Lines
		if file, ok := e.err.(*os.File); ok && isatty.IsTerminal(file.Fd()) {
			mode = progress.Bar
		}
	}
	return progress.Local.Show(e.ctx, e.err, mode)
}
