// Package formats is the registry of shard formats and the one interface that
// they share: a writer whose bytes depend on the examples alone, and a reader.
//
// One decode serves every format of a recipe: the shard's task hands the same
// Example to a Writer of each.
//
// Guarantees: the same examples give the same bytes; a reader never panics on
// hostile input and never allocates more than in proportion to bytes that are
// there. The kit formattest holds every format to both, and to giving back what
// was written.
package formats
