// Package datasets is the registry of dataset sources and the types that they
// share: where an example's bytes are (Ref) and what a shard holds of it
// (Example).
//
// A source is one directory below this one. It parses the layout in which a
// dataset's authors publish it and knows nothing of Beam, of pixels or of
// output formats:
//
//	func init() { datasets.Register(source{}) }
//
// Plan walks the inputs once and emits Refs; Example turns one Ref's annotation
// rows into an Example. Between the two lie the shuffle and any number of
// machines, so all that Example needs is in its arguments.
//
// Guarantees: a source never panics on hostile input, never allocates more than
// in proportion to bytes that are there, and reports each problem once with file,
// key and offset. The kit datasettest holds every source to that.
//
// Caveats: annotation rows are spans of the file of role "annotations"; the plan
// copies them beside the shards (see transforms), so that a shard reads its own
// rows with few ranged reads wherever the input lies.
package datasets
