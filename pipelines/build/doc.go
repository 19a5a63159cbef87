// Package build is the pipeline behind `tailorbird build`: a raw dataset in the
// layout of its authors becomes shards and a manifest.
//
//	job, err := build.Resolve(ctx, &recipe.Builds[0])
//	err = build.Run(ctx, job, runner)
//
// Resolve checks everything that can be checked before work: names, transforms,
// inputs that exist, a target that is free. Run executes the graph and returns
// the manifest that it left, or the outcome as a fault: Exhausted when the error
// budget is spent, Occupied when the target holds something else.
//
// Guarantees: see package shards. The result is read from the output itself, not
// from the runner, because runners report a cancelled job as done.
package build
