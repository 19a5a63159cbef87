package sew

import (
	"context"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"

	"github.com/tailorbird/tailorbird/internal/manifest"
	"github.com/tailorbird/tailorbird/pipelines/build"
	"github.com/tailorbird/tailorbird/transforms/sew"
	"github.com/tailorbird/tailorbird/transforms/shards"
)

// Graph adds the sewing to a pipeline: survey, plan, make, select, and the last
// steps of a build.
func Graph(s beam.Scope, job sew.Job) beam.PCollection {
	s = s.Scope("sew")
	surveyed := sew.Survey(s, job)
	samples := sew.Plan(s, job, beam.GroupByKey(s, surveyed))
	made := sew.Make(s, job, beam.GroupByKey(s, samples))
	items := sew.Select(s, job, beam.GroupByKey(s, made))
	rows := shards.Write(s, job.Shards, beam.GroupByKey(s, items))
	return shards.Finish(s, job.Shards, rows)
}

// Run makes the dataset of job. Where the target holds it already nothing is
// done: its recipe hash covers the source.
func Run(ctx context.Context, job sew.Job, execute build.Execute) (*manifest.Manifest, error) {
	if m, err := build.Manifest(ctx, job.Shards.Out); err == nil && m.RecipeHash == job.Shards.RecipeHash {
		return m, shards.Clean(ctx, &job.Shards)
	}
	job.Shards.StartedUnix = time.Now().UnixNano()
	return build.Drive(ctx, job.Shards, func(s beam.Scope) { Graph(s, job) }, execute)
}
