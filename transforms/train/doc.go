// Package train trains networks as a Beam transform: each element of the input is
// one configuration, each element of the output what came of it. A single run and
// a sweep of hundreds are the same graph.
//
//	results := train.Train(s, job, configs)  // KV<name, []byte JSON of recipe.Run> -> []byte JSON of Result
//	train.Finish(s, job, results)            // results.json, report.html
//
// Guarantees: what a configuration gives does not depend on how many run beside
// it, on the runner, or on how often its bundle is tried: a run goes on from its
// newest checkpoint, and one that has ended is not run again. A run that fails
// (numbers that are no longer finite, say) is an element that says so; the others
// go on. Folders are written by one run each; results.json is published last.
//
// Caveats: at most Job.Together runs are at work in one process, each with its
// share of the cores; the output must be a local directory that every worker sees.
package train
