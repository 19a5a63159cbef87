// Package manifest is the table of contents of a built dataset: manifest.json.
//
// A dataset exists when its manifest does. It is written last and atomically, so
// whatever it lists is there and whole; a directory without one is not a dataset.
//
// Guarantees: RootHash covers what the data is (recipe, codec, classes, splits,
// shards) and nothing of where, when, by how many workers or by which runner it
// was made, so two builds of one recipe over one input have one root hash. Parse
// refuses a manifest of a newer version, one with unknown fields, and one whose
// root hash does not follow from its contents.
//
// Caveats: Statistics and Notes describe the data but are not part of the root
// hash; they can be recomputed from the shards.
package manifest
