package main

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/tailorbird/tailorbird/internal/blob"
	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/internal/manifest"
	"github.com/tailorbird/tailorbird/internal/progress"
	"github.com/tailorbird/tailorbird/internal/recipe"
	"github.com/tailorbird/tailorbird/pipelines/build"
	"github.com/tailorbird/tailorbird/runners"
	steps "github.com/tailorbird/tailorbird/transforms/sew"
	"github.com/tailorbird/tailorbird/transforms/shards"
)

// buildCmd is `tailorbird build`.
type buildCmd struct {
	Recipe string `arg:"" optional:"" help:"Recipe file. Without one the flags below make it." placeholder:"RECIPE"`
	Out    string `help:"Where the dataset goes: a directory or gs:// address." placeholder:"DIR"`

	Dataset     string            `help:"Without a recipe: refcoco, refcoco+, refcocog, lvis, coco, imagenet, cifar10, cifar100 or objects." placeholder:"NAME"`
	Images      string            `help:"Without a recipe: inputs.images." placeholder:"PATH"`
	Annotations string            `help:"Without a recipe: inputs.annotations." placeholder:"PATH"`
	Input       map[string]string `help:"Without a recipe: any other input; repeatable." placeholder:"ROLE=PATH"`
	Transforms  string            `help:"Without a recipe: the transform chain." placeholder:"CHAIN"`
	Formats     []string          `help:"Without a recipe: the shard formats." placeholder:"NAME"`

	pipelineFlags
}

// buildResult is the JSON object of build.
type buildResult struct {
	OK              bool           `json:"ok"`
	Out             string         `json:"out"`
	RootHash        string         `json:"root_hash"`
	RecipeHash      string         `json:"recipe_hash"`
	Examples        int            `json:"examples"`
	Quarantined     int            `json:"quarantined"`
	Splits          map[string]int `json:"splits"`
	Seconds         float64        `json:"seconds"`
	CPUSeconds      float64        `json:"cpu_seconds"`
	ImagesPerSecond float64        `json:"images_per_second"`
	PeakRSSBytes    int64          `json:"peak_rss_bytes"`
	ResumedShards   int64          `json:"resumed_shards"`
	Runner          string         `json:"runner"`
	Notes           []string       `json:"notes,omitempty"`
	Builds          []buildResult  `json:"builds,omitempty"` // of a recipe with a list of builds
}

func (c *buildCmd) Run(e *environment) error {
	if err := c.prepare(e); err != nil {
		return err
	}
	stopProfile, err := c.profile()
	if err != nil {
		return err
	}
	defer stopProfile()
	r, err := c.recipe()
	if err != nil {
		return err
	}
	out, err := c.outDir()
	if err != nil {
		return err
	}
	if err := r.Place(out); err != nil {
		return err
	}
	if len(r.Builds) == 0 {
		return fault.New(fault.Usage, "%s: no section build", r.File)
	}
	jobs := make([]shards.Job, len(r.Builds))
	for i := range r.Builds { // a mistake in the last is told before the first is built
		if jobs[i], err = c.resolve(e, &r.Builds[i]); err != nil {
			return err
		}
	}
	var results []buildResult
	for _, job := range jobs {
		res, err := c.one(e, job)
		if err != nil {
			return err
		}
		results = append(results, res)
	}
	total := combine(results, cmp.Or(out, r.Out))
	if c.JSON {
		return e.print(total)
	}
	for _, res := range results {
		res.summarise(e)
	}
	return nil
}

// recipe is the file's, or one made from flags.
func (c *buildCmd) recipe() (*recipe.Recipe, error) {
	if c.Recipe != "" {
		if c.Dataset != "" || c.Images != "" || c.Annotations != "" || len(c.Input) > 0 || c.Transforms != "" || len(c.Formats) > 0 {
			return nil, fault.New(fault.Usage, "give a recipe, or --dataset and its inputs, not both; --set changes a value of a recipe")
		}
		return c.load(c.Recipe)
	}
	if c.Dataset == "" || c.Images == "" || c.Out == "" {
		return nil, fault.New(fault.Usage, "give a recipe file, or --dataset, --images and --out")
	}
	var b strings.Builder
	fmt.Fprintf(&b, "version: %d\nbuild:\n  dataset: %q\n  inputs:\n", recipe.Version, c.Dataset)
	inputs := map[string]string{"images": c.Images, "annotations": c.Annotations}
	for role, path := range c.Input {
		inputs[role] = path
	}
	roles := make([]string, 0, len(inputs))
	for role, path := range inputs {
		if path != "" {
			roles = append(roles, role)
		}
	}
	sort.Strings(roles)
	for _, role := range roles {
		fmt.Fprintf(&b, "    %s: %q\n", role, inputs[role])
	}
	if c.Transforms != "" {
		fmt.Fprintf(&b, "  transforms: %q\n", c.Transforms)
	}
	if len(c.Formats) > 0 {
		fmt.Fprintf(&b, "  formats: [%s]\n", strings.Join(c.Formats, ", "))
	}
	dir, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	return recipe.Parse("command line", dir, []byte(b.String()), c.settings())
}

func (c *buildCmd) outDir() (string, error) {
	if c.Out == "" {
		return "", nil
	}
	return absolute(c.Out)
}

// resolve checks a build without doing any of it.
func (c *buildCmd) resolve(e *environment, b *recipe.Build) (shards.Job, error) {
	if err := runners.CheckReach(c.Runner, "out", b.Out); err != nil {
		return shards.Job{}, err
	}
	job, err := build.Resolve(e.ctx, b)
	if err != nil {
		return job, err
	}
	for _, role := range slices.Sorted(maps.Keys(job.Inputs)) {
		if err := runners.CheckReach(c.Runner, "inputs."+role, job.Inputs[role]); err != nil {
			return job, err
		}
	}
	job.Runner, job.Workers, job.MemoryBytes = c.Runner, c.Workers, c.memoryBytes
	return job, nil
}

// one runs one build.
func (c *buildCmd) one(e *environment, job shards.Job) (buildResult, error) {
	start := time.Now()
	if c.Fresh {
		if err := startAfresh(e, &job); err != nil {
			return buildResult{}, err
		}
	}
	e.resume = fmt.Sprintf("; the finished shards are in %s, the same command goes on from there", job.Out)
	stop := c.showProgress(e)
	m, err := build.Run(e.ctx, job, runners.Executor(c.Runner))
	stop()
	if err != nil {
		return buildResult{}, err
	}
	return resultOf(&job, m, start), nil
}

// startAfresh removes an unfinished build of the target, by name.
func startAfresh(e *environment, job *shards.Job) error {
	if _, err := build.Manifest(e.ctx, job.Out); err == nil {
		return fault.At(fault.New(fault.Occupied, "holds the finished dataset of this recipe; remove it to build it again"), fault.Place{Path: job.Out})
	}
	for _, dir := range shards.Directories() { // the state last: without it the rest would be somebody's
		place := blob.Join(job.Out, dir)
		for info, err := range blob.List(e.ctx, place) {
			if fault.CodeOf(err) == fault.NotFound {
				break
			}
			if err != nil {
				return err
			}
			e.logf("removing %s", blob.Join(place, info.Name))
		}
		if err := blob.RemoveAll(e.ctx, place); err != nil {
			return err
		}
	}
	return blob.Remove(e.ctx, blob.Join(job.Out, steps.AcceptanceFile))
}

func resultOf(job *shards.Job, m *manifest.Manifest, start time.Time) buildResult {
	res := buildResult{OK: true, Out: job.Out, RootHash: m.RootHash, RecipeHash: m.RecipeHash, Examples: m.Examples(),
		Quarantined: m.Quarantine.Examples, Splits: map[string]int{}, Seconds: time.Since(start).Seconds(), Runner: job.Runner,
		ResumedShards: progress.Local.Resumed.Load(), Notes: m.Notes}
	for name, s := range m.Splits {
		res.Splits[name] = s.Examples
	}
	res.CPUSeconds, res.PeakRSSBytes = progress.Usage()
	if res.Seconds > 0 {
		res.ImagesPerSecond = float64(res.Examples) / res.Seconds
	}
	return res
}

// combine makes the one object of a recipe with several builds.
func combine(results []buildResult, out string) buildResult {
	if len(results) == 1 {
		return results[0]
	}
	total := buildResult{OK: true, Out: out, Splits: map[string]int{}, Builds: results}
	for _, r := range results {
		total.Examples += r.Examples
		total.Quarantined += r.Quarantined
		total.Seconds += r.Seconds
		total.CPUSeconds, total.PeakRSSBytes = r.CPUSeconds, r.PeakRSSBytes
		total.ResumedShards += r.ResumedShards
		total.Runner = r.Runner
		for s, n := range r.Splits {
			total.Splits[s] += n
		}
	}
	if total.Seconds > 0 {
		total.ImagesPerSecond = float64(total.Examples) / total.Seconds
	}
	return total
}

func (r *buildResult) summarise(e *environment) {
	names := make([]string, 0, len(r.Splits))
	for n := range r.Splits {
		names = append(names, n)
	}
	sort.Strings(names)
	parts := make([]string, len(names))
	for i, n := range names {
		parts[i] = fmt.Sprintf("%s %d", n, r.Splits[n])
	}
	e.printf("%s\n  %d examples (%s), %d set aside\n  root hash %s\n  %.1f s, %.0f images/s, %.1f CPU seconds, peak memory %d MB\n",
		r.Out, r.Examples, strings.Join(parts, ", "), r.Quarantined, r.RootHash, r.Seconds, r.ImagesPerSecond, r.CPUSeconds, r.PeakRSSBytes>>20)
	if r.ResumedShards > 0 {
		e.printf("  %d shards were there already\n", r.ResumedShards)
	}
	for _, n := range r.Notes {
		e.printf("  note: %s\n", n)
	}
	e.printf("  see %s\n", blob.Join(r.Out, "report.html"))
}
