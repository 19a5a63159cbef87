package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"strings"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/internal/recipe"
	"github.com/tailorbird/tailorbird/runners"
)

// pipelineFlags are those of every verb that runs a pipeline.
type pipelineFlags struct {
	Workers  int      `help:"Cores to use in one process; 0 means all." placeholder:"N"`
	Memory   string   `help:"Memory to stay under, such as 2GiB." placeholder:"SIZE"`
	Progress string   `help:"How to show progress: auto, bar, lines or none." enum:"auto,bar,lines,none" default:"auto"`
	JSON     bool     `help:"Print one JSON object at the end; all else goes to stderr."`
	Runner   string   `help:"Where to run: direct, prism, portable, flink or dataflow. Beam's own flags follow after --." default:"prism" group:"advanced" placeholder:"NAME"`
	Seed     *int64   `help:"The run seed, instead of the recipe's." group:"advanced" placeholder:"N"`
	Set      []string `help:"Override one value of the recipe; repeatable." sep:"none" group:"advanced" placeholder:"PATH=VALUE"`
	Resume   bool     `help:"Keep the shards that an earlier run finished (the default)." group:"advanced" xor:"again"`
	Fresh    bool     `help:"Make every shard again; an unfinished build in the target is removed first." group:"advanced" xor:"again"`
	Profile  string   `help:"Write a CPU profile for go tool pprof." group:"advanced" placeholder:"FILE"`

	memoryBytes int64
	prepared    bool // by a verb that runs others
}

// prepare applies the flags to this process and to Beam.
func (f *pipelineFlags) prepare(e *environment) error {
	e.json = f.JSON
	if f.prepared {
		return nil
	}
	if f.Workers < 0 {
		return fault.New(fault.Usage, "--workers: %d is negative", f.Workers)
	}
	if f.Workers > 0 {
		runtime.GOMAXPROCS(f.Workers)
	}
	if f.Memory != "" {
		n, err := recipe.ParseSize(f.Memory)
		if err != nil {
			return fault.New(fault.Usage, "--memory: %w", err)
		}
		if n < minMemory {
			return fault.New(fault.Usage, "--memory: %s is less than the %d MiB that a build needs", f.Memory, minMemory>>20)
		}
		f.memoryBytes = n
		debug.SetMemoryLimit(n * 7 / 8) // the rest is for what Go does not count: stacks of C code, mapped binaries
	}
	return runners.Init(f.Runner, e.beamFlags)
}

// minMemory is what the runner and one image at work need.
const minMemory = 192 << 20

// load reads a recipe and applies --set and --seed.
func (f *pipelineFlags) load(file string) (*recipe.Recipe, error) {
	return recipe.Load(file, f.settings())
}

func (f *pipelineFlags) settings() []string {
	set := f.Set
	if f.Seed != nil {
		set = append(append([]string{}, set...), fmt.Sprintf("seed=%d", *f.Seed))
	}
	return set
}

// profile starts the CPU profile that was asked for.
func (f *pipelineFlags) profile() (stop func(), err error) {
	if f.Profile == "" {
		return func() {}, nil
	}
	w, err := os.Create(f.Profile)
	if err != nil {
		return nil, fault.New(fault.Usage, "--profile: %w", err)
	}
	if err := pprof.StartCPUProfile(w); err != nil {
		return nil, err
	}
	return func() { pprof.StopCPUProfile(); _ = w.Close() }, nil
}

// showProgress starts the progress display.
func (f *pipelineFlags) showProgress(e *environment) (stop func()) { return e.showProgress(f.Progress) }

// absolute makes an address independent of the working directory.
func absolute(addr string) (string, error) {
	if strings.Contains(addr, "://") {
		return addr, nil
	}
	return filepath.Abs(addr)
}
