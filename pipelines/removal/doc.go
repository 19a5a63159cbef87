// Package removal is the pipeline behind tailorbird remove: Add-SD's
// RemovalDataset. Objects of real pictures are removed one by one or several of a
// class at a time, so that a model can learn to add them again.
//
//	job, err := removal.Resolve(ctx, recipe.Remove)
//	m, err := build.Run(ctx, job, execute)
//
// It is a build whose shard tasks also make the edited pictures: what holds of a
// build (resume, quarantine, one root hash on every runner) holds of it.
package removal
