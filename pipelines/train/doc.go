// Package train is the pipeline behind tailorbird train: a section of a recipe in,
// trained weights, metrics and a report out.
//
//	job, runs, err := train.Resolve(ctx, recipe.Train)
//	results, err := train.Run(ctx, job, runs, execute)
package train
