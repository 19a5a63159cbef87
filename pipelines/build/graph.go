package build

import (
	"context"
	"encoding/json"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"

	"github.com/tailorbird/tailorbird/datasets/built"
	"github.com/tailorbird/tailorbird/internal/blob"
	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/internal/manifest"
	"github.com/tailorbird/tailorbird/internal/progress"
	"github.com/tailorbird/tailorbird/transforms/shards"
)

// Graph adds the build to a pipeline: plan, group the keys by shard, write each
// shard, finish.
func Graph(s beam.Scope, job shards.Job) beam.PCollection {
	s = s.Scope("build")
	items := shards.Plan(s, job)
	rows := shards.Write(s, job, beam.GroupByKey(s, items))
	return shards.Finish(s, job, rows)
}

// settle is how long an interrupted run waits for its shards to put away what
// they have begun.
const settle = 1500 * time.Millisecond

// Execute runs a pipeline to its end on some runner.
type Execute func(ctx context.Context, p *beam.Pipeline) error

// Run builds the dataset of job.
func Run(ctx context.Context, job shards.Job, execute Execute) (*manifest.Manifest, error) {
	job.StartedUnix = time.Now().UnixNano()
	return Drive(ctx, job, func(s beam.Scope) { Graph(s, job) }, execute)
}

// Drive runs a graph whose last step is shards.Finish of job, and returns the
// manifest that it publishes.
func Drive(ctx context.Context, job shards.Job, graph func(beam.Scope), execute Execute) (*manifest.Manifest, error) {
	progress.Local.Reset()
	_, before := Manifest(ctx, job.Out)
	p, s := beam.NewPipelineWithRoot()
	graph(s)
	runErr := execute(ctx, p)
	if err := ctx.Err(); err != nil {
		shards.Settle(settle)
		return nil, err
	}
	m, err := result(ctx, &job, runErr)
	if err != nil && before != nil && runErr != nil {
		// Another process may have finished the same build and cleared up under us.
		if m, late := Manifest(ctx, job.Out); late == nil && m.RecipeHash == job.RecipeHash {
			return m, shards.Clean(ctx, &job)
		}
	}
	return m, err
}

// maxOutcome bounds the outcome file.
const maxOutcome = 1 << 20

// result reads what the run left in the output.
func result(ctx context.Context, job *shards.Job, runErr error) (*manifest.Manifest, error) {
	var o shards.Outcome
	b, err := blob.ReadFile(ctx, job.OutcomePath(), maxOutcome)
	switch {
	case fault.CodeOf(err) == fault.NotFound:
	case err != nil:
		return nil, err
	default:
		if err := json.Unmarshal(b, &o); err != nil {
			return nil, fault.At(err, fault.Place{Path: job.OutcomePath()})
		}
		if err := blob.Remove(ctx, job.OutcomePath()); err != nil {
			return nil, err
		}
	}
	if o.Code != "" {
		if _, err := Manifest(ctx, job.Out); err == nil { // a finished dataset needs no state of ours
			if err := shards.Clean(ctx, job); err != nil {
				return nil, err
			}
		}
		return nil, fault.At(fault.New(o.Code, "%s", o.Message), fault.Place{Path: job.Out})
	}
	if runErr != nil {
		return nil, runErr
	}
	m, err := Manifest(ctx, job.Out)
	if err != nil {
		return nil, err
	}
	if o.Already {
		for _, s := range m.Splits {
			progress.Local.Resumed.Add(int64(len(s.Shards)))
		}
		if err := shards.Clean(ctx, job); err != nil {
			return nil, err
		}
	}
	if m.RecipeHash != job.RecipeHash {
		return nil, fault.At(fault.New(fault.Occupied, "holds another dataset"), fault.Place{Path: job.Out})
	}
	return m, nil
}

// Manifest reads the manifest of a built dataset.
func Manifest(ctx context.Context, dir string) (*manifest.Manifest, error) {
	return built.ReadManifest(ctx, dir)
}
