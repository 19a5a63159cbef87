// Command tailorbird turns raw vision datasets into training-ready shards.
package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"slices"
	"syscall"

	"github.com/alecthomas/kong"

	_ "github.com/tailorbird/tailorbird/datasets/all"
	_ "github.com/tailorbird/tailorbird/methods/all"
	"github.com/tailorbird/tailorbird/runners"
)

// cli is the command line; one file a verb.
type cli struct {
	Demo    demoCmd    `cmd:"" help:"Draw small datasets, build them, verify them, and write a page."`
	Build   buildCmd   `cmd:"" help:"Make a dataset: raw inputs to shards and a manifest."`
	Sew     sewCmd     `cmd:"" help:"Add synthetic objects of rare classes to a built dataset."`
	Remove  removeCmd  `cmd:"" help:"Remove objects from pictures: pairs from which a model learns to add them."`
	Plan    planCmd    `cmd:"" help:"Tell what a run of sew would make, before it makes anything."`
	Train   trainCmd   `cmd:"" help:"Train networks on built datasets: one run, or a sweep."`
	Eval    evalCmd    `cmd:"" help:"Measure weights on a split."`
	Run     runCmd     `cmd:"" name:"run" help:"Do every section of a recipe, in order."`
	Verify  verifyCmd  `cmd:"" help:"Check a dataset: manifest, hashes, records, annotations, images."`
	Preview previewCmd `cmd:"" help:"Serve pages that show a dataset, on this machine."`
	Explain explainCmd `cmd:"" help:"Tell the story of one example of a dataset."`
	List    listCmd    `cmd:"" help:"List datasets, formats, methods, transforms or kernels."`
	Doctor  doctorCmd  `cmd:"" help:"Tell what this machine has and what is in use."`
	Bench   benchCmd   `cmd:"" help:"Time the kernels and the pipelines."`
	Version versionCmd `cmd:"" help:"Print the version."`
}

func main() {
	runners.WorkerMain()
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

// run is main without the process: it returns the exit status.
func run(args []string, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	env := &environment{ctx: ctx, out: stdout, err: stderr}
	args, env.beamFlags = splitBeamFlags(args)
	env.json = slices.Contains(args, "--json") // also where the rest cannot be parsed

	var c cli
	status := -1
	parser, err := kong.New(&c, kong.Name("tailorbird"), kong.Description(description), kong.UsageOnError(), kong.Help(printHelp),
		kong.Writers(stdout, stderr), kong.Exit(func(code int) { status = code }), kong.ConfigureHelp(kong.HelpOptions{Compact: true}), flagGroups)
	if err != nil {
		return env.fail(err)
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	parsed, err := parser.Parse(args)
	if status >= 0 { // --help
		return status
	}
	if err != nil {
		return env.usage(parser, err)
	}
	if err := parsed.Run(env); err != nil {
		return env.fail(err)
	}
	return exitDone
}
