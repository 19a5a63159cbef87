package train

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/datasets/built"
	"github.com/tailorbird/tailorbird/internal/blob"
	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/internal/progress"
	"github.com/tailorbird/tailorbird/internal/recipe"
	"github.com/tailorbird/tailorbird/kernels/augment"
	"github.com/tailorbird/tailorbird/methods/training"
	"github.com/tailorbird/tailorbird/pipelines/build"
	"github.com/tailorbird/tailorbird/transforms/shards"
	"github.com/tailorbird/tailorbird/transforms/train"
)

// Graph adds the training to a pipeline.
func Graph(s beam.Scope, job train.Job, runs []recipe.Run) {
	s = s.Scope("train")
	train.Finish(s, job, train.Train(s, job, train.Configs(s, runs)))
}

// Resolve checks the section and turns it into a job and its runs. Mistakes are
// fault.Usage with the recipe's line.
func Resolve(ctx context.Context, t *recipe.Train) (train.Job, []recipe.Run, error) {
	job := train.Job{RunID: build.NewRunID(), Out: t.Out, Keys: t.Keys, From: map[string]string{}, Evals: map[string]string{}}
	open := map[string]*built.Dataset{}
	known, err := knownOptions(t)
	if err != nil {
		return job, nil, err
	}
	var hashes []string
	runs := slices.Clone(t.Runs)
	for i := range runs {
		run := &runs[i]
		if err := resolveRun(ctx, t, run, open, known); err != nil {
			return job, nil, err
		}
		job.Names, hashes = append(job.Names, run.Name), append(hashes, run.Identity)
		job.From[run.Name], job.Evals[run.Name] = run.From[0], run.Eval
	}
	for i := range runs {
		samples := int64(open[runs[i].From[0]].Manifest.Splits[runs[i].Train].Examples)
		if runs[i].Subset > 0 {
			samples = min(samples, runs[i].Subset)
		}
		job.Steps += samples / runs[i].Batch * runs[i].Epochs
	}
	job.Hash = train.HashOf(job.Names, hashes)
	return job, runs, nil
}

// knownOptions lists the options of every method of a sweep over methods; nil
// where the recipe names one method for all runs.
func knownOptions(t *recipe.Train) (map[string]map[string]bool, error) {
	if !t.Swept("method.name") {
		return nil, nil
	}
	out := map[string]map[string]bool{}
	for i := range t.Runs {
		name, _ := t.Runs[i].Method["name"].(string)
		if out[name] != nil {
			continue
		}
		options, err := training.KnownOptions(name)
		if err != nil {
			return nil, t.Errorf("sweep", "method: %w", err)
		}
		out[name] = options
	}
	return out, nil
}

func resolveRun(ctx context.Context, t *recipe.Train, run *recipe.Run, open map[string]*built.Dataset, known map[string]map[string]bool) error {
	if known != nil {
		// An option that another method of the sweep has is left out for this one.
		run.Method = maps.Clone(run.Method)
		name, _ := run.Method["name"].(string)
		for _, o := range run.DropOptions(known[name]) {
			if !slices.ContainsFunc(slices.Collect(maps.Values(known)), func(m map[string]bool) bool { return m[o] }) {
				return t.Errorf("method", "method: none of the methods of the sweep has an option %q", o)
			}
		}
	}
	if len(run.From) != 1 {
		return t.Errorf("from", "from: one dataset is trained on; build the %d into one", len(run.From))
	}
	d := open[run.From[0]]
	if d == nil {
		var err error
		if d, err = built.Open(ctx, run.From[0]); err != nil {
			return t.Errorf("from", "from: %w", err)
		}
		open[run.From[0]] = d
	}
	if d.Manifest.Task != string(datasets.Classification) {
		return t.Errorf("from", "from: %s is a dataset of %s; classes are trained on", d.Manifest.Dataset, d.Manifest.Task)
	}
	for _, split := range []string{run.Train, run.Eval} {
		if _, ok := d.Manifest.Splits[split]; !ok && split != "" {
			return t.Errorf("splits", "splits: the dataset has no split %q%s", split, recipe.Suggest(split, d.Manifest.SplitNames()))
		}
	}
	samples := int64(d.Manifest.Splits[run.Train].Examples)
	if run.Subset > 0 {
		samples = min(samples, run.Subset)
	}
	if samples < run.Batch {
		return t.Errorf("batch", "batch: %d samples of split %s make no batch of %d", samples, run.Train, run.Batch)
	}
	if _, err := augment.Parse(run.Augment); err != nil {
		return t.Errorf("augment", "augment: %w", err)
	}
	if err := train.CheckRun(run, len(d.Manifest.Classes)); err != nil {
		return t.Errorf("", "train: run %s: %w", run.Name, err)
	}
	weights, _ := run.Method[recipe.TeacherWeights].(string)
	teacher, err := blob.SHA256(ctx, weights)
	if err != nil {
		return t.Errorf("method", "method.%s: %w", recipe.TeacherWeights, err)
	}
	run.Identity = run.Hash([]string{d.Manifest.RootHash}, train.Form(), teacher)
	return nil
}

// Run trains. A folder that holds the finished results of the same configurations
// is left as it is.
func Run(ctx context.Context, job train.Job, runs []recipe.Run, execute build.Execute) (*train.Results, error) {
	progress.Local.Reset()
	progress.Local.Unit("steps")
	progress.Local.Planned.Store(job.Steps)
	if job.Fresh {
		if err := clear(ctx, &job); err != nil {
			return nil, err
		}
	}
	if r, err := train.ReadResults(ctx, job.Out); err == nil && r.Hash == job.Hash {
		return r, nil
	} else if err == nil {
		return nil, fault.At(fault.New(fault.Occupied, "holds the results of another recipe or of other data. Nothing was overwritten; choose another --out, or --fresh"), fault.Place{Path: job.Out})
	} else if fault.CodeOf(err) != fault.NotFound {
		return nil, err
	}
	if err := train.Claim(ctx, &job); err != nil {
		return nil, err
	}
	job.StartedUnix = time.Now().UnixNano()
	p, s := beam.NewPipelineWithRoot()
	Graph(s, job, runs)
	err := execute(ctx, p)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		return nil, err
	}
	if err := blob.RemoveAll(ctx, blob.Join(job.Out, shards.StateDir)); err != nil {
		return nil, err
	}
	return train.ReadResults(ctx, job.Out)
}

// clear removes what the same runs have left, and the marks of another sweep.
func clear(ctx context.Context, job *train.Job) error {
	for _, name := range append(slices.Clone(job.Names), shards.StateDir) {
		if err := blob.RemoveAll(ctx, blob.Join(job.Out, name)); err != nil {
			return err
		}
	}
	for _, f := range []string{train.ResultsFile, train.ReportFile, train.RunFile, "recipe.yaml"} {
		if err := blob.Remove(ctx, blob.Join(job.Out, f)); err != nil {
			return err
		}
	}
	return nil
}
