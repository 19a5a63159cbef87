package runners

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"sort"
	"strings"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	beamlog "github.com/apache/beam/sdks/v2/go/pkg/beam/log"
	_ "github.com/apache/beam/sdks/v2/go/pkg/beam/x/beamx" // registers the runners and file systems

	"github.com/tailorbird/tailorbird/internal/blob"
	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/internal/recipe"
	"github.com/tailorbird/tailorbird/pipelines/build"
)

// beamName maps our names to Beam's.
var beamName = map[string]string{
	"direct":   "direct",
	"prism":    "prism",
	"portable": "universal",
	"flink":    "flink",
	"dataflow": "dataflow",
}

// Names lists the runners in order.
func Names() []string {
	names := make([]string, 0, len(beamName))
	for n := range beamName {
		names = append(names, n)
	}
	sort.Strings(names)
	return names
}

// Local reports whether a runner works in this process.
func Local(runner string) bool { return runner == "direct" || runner == "prism" }

// WorkerMain serves as a worker and does not return when this process was
// started as one.
func WorkerMain() {
	for _, a := range os.Args[1:] {
		if a == "--worker" || a == "--worker=true" {
			flag.Parse()
			beam.Init()
			os.Exit(1) // Init serves and exits
		}
	}
}

// Init hands Beam its flags, those after "--" on our command line, and must be
// called once before a pipeline is made.
func Init(runner string, beamFlags []string) error {
	if _, ok := beamName[runner]; !ok {
		return fault.New(fault.Usage, "--runner: no runner %q%s", runner, recipe.Suggest(runner, Names()))
	}
	flag.CommandLine.Init(os.Args[0], flag.ContinueOnError)
	var text strings.Builder
	flag.CommandLine.SetOutput(&text)
	if err := flag.CommandLine.Parse(beamFlags); err != nil {
		return fault.New(fault.Usage, "beam flags after --: %w", err)
	}
	if rest := flag.CommandLine.Args(); len(rest) > 0 {
		return fault.New(fault.Usage, "beam flags after --: %q is no flag", rest[0])
	}
	beamlog.LogLevel = "warn"
	beam.Init()
	if Local(runner) {
		// What goes wrong in this process comes back as an error; prism would
		// tell it a dozen times more.
		slog.SetDefault(slog.New(slog.DiscardHandler))
	}
	return nil
}

// grace is how long an interrupted run may take to put its things away.
const grace = 2 * time.Second

// Executor returns what runs a pipeline on a runner to its end. When ctx ends
// first it waits a little and leaves the runner behind: runners do not stop when
// they are told to, and every step of ours can be killed.
func Executor(runner string) build.Execute {
	return func(ctx context.Context, p *beam.Pipeline) error {
		done := make(chan error, 1)
		go func() {
			_, err := beam.Run(ctx, beamName[runner], p)
			done <- err
		}()
		select {
		case err := <-done:
			return named(runner, err)
		case <-ctx.Done():
		}
		select {
		case err := <-done:
			return named(runner, err)
		case <-time.After(grace):
			return ctx.Err()
		}
	}
}

// named says which runner failed. Of Beam's account, which prints the plan of
// the bundle, it keeps what the failing DoFn said.
func named(runner string, err error) error {
	if err == nil {
		return nil
	}
	if text := err.Error(); strings.Contains(text, doFnFailed) {
		return fmt.Errorf("runner %s: %s", runner, strings.TrimSpace(text[strings.LastIndex(text, doFnFailed)+len(doFnFailed):]))
	}
	return fmt.Errorf("runner %s: %w", runner, err)
}

// doFnFailed precedes a DoFn's own error in Beam's.
const doFnFailed = "] failed:\n"

// CheckReach refuses an address that the workers of a runner cannot see.
func CheckReach(runner, what, addr string) error {
	if runner == "dataflow" && blob.Scheme(addr) != "gs" {
		return fault.New(fault.Usage, "%s is %s: Dataflow's workers see gs:// addresses only", what, addr)
	}
	return nil
}
