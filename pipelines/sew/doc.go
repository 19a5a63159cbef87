// Package sew is the pipeline behind tailorbird sew: a built dataset of objects
// in, the same dataset with synthetic objects of its rare classes out.
//
//	job, err := sew.Resolve(ctx, recipe.Sew)  // every mistake that can be known now
//	m, err := sew.Run(ctx, job, execute)
//
// The steps are those of transforms/sew and the last ones of transforms/shards.
// Replay makes one synthetic sample again, Preview plans without making anything.
package sew
