// Package history keeps the per-sample tables of Historical Learning in Beam: what one
// epoch adds is a PCollection of Observations, and what a trainer would hold in a table
// comes out of folds over them.
//
//	targets := history.TemporalTargets(s, observations, 0.6)
//	scores := history.O2UScores(s, observations)
//
// # Guarantees
//
// Results do not depend on bundling, on the order of elements, or on the runner. They are
// bit for bit those of the mechanisms in methods/historical, but for Means, whose
// sums are rounded once at the end, where a trainer rounds at each step. A sample that
// an epoch lacks is left out of that epoch; one that comes twice in an epoch is an error.
//
// # Caveats
//
// Rings, last batches and momentum depend on the order of steps: they stay in the
// trainer. Predictions of one sample are held in memory while they are folded.
package history
