// Package recipe reads the one file that says what a run does.
//
// A recipe is YAML, read strictly: an unknown key, a wrong type or a value out
// of range is a fault.Usage with file, line and the nearest right name, before
// any work. Relative paths are relative to the recipe.
//
// Guarantees: Build.Hash depends on what decides the output's bytes alone, not
// on paths, on `out`, or on how the file is written; Encode gives back a recipe
// with every default filled in that parses to the same hash.
//
// Caveats: aliases, anchors, tags and several documents in one file are refused.
// The sections sew and train are kept as they stand for the packages that
// understand them.
package recipe
