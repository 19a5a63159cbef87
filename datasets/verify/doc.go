// Package verify checks a dataset on disk: ours against its manifest, and plain
// WebDataset or TFRecord directories made by others for what can be said of them
// without one.
//
//	res, err := verify.Run(ctx, "out/refcoco", verify.Options{}, func(p verify.Problem) { ... })
//
// Of ours: the manifest agrees with itself; every file is there with its size,
// SHA-256 and CRC-32C; every record parses and has its task's fields; annotations
// lie inside their image; every image decodes and has the recorded size; keys
// are unique in their split, ascending in their shard and the same in every
// format; counts agree; nothing lies in a directory of the dataset that the
// manifest does not list. Of others': archive structure, adjacency of a sample's
// files, keys, record CRCs, decodable images.
//
// Guarantees: nothing is written; one Problem a fault, with path, key and what is
// wrong; the order of problems does not depend on the number of workers. Shards
// are fetched once, for hashes and records together.
//
// Caveats: with Options.Fraction below 1 that share of the shards is read, chosen
// by name, the same ones each time and the first of each split and format; sizes
// are checked for all. The keys of all shards are held until the end, 20 bytes
// and more each.
package verify
