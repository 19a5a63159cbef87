// Package card writes what others read first of a built dataset: README.md, a
// Hugging Face dataset card, and croissant.json, its description in the
// vocabulary of Croissant (MLCommons, version 1.1).
//
//	readme := card.README(m)
//	croissant := card.Croissant(m)
//
// A dataset with made pictures says how many and by what:
//
//	readme := card.README(m, card.Synthetic{Split: "train", Examples: 740, Generator: identity, Localiser: "difference", Source: rootHash})
//
// The card's front matter names the files of each split, so that
// datasets.load_dataset opens the directory as it is; how to load is shown for
// the formats that are there and no others.
//
// Guarantees: the bytes depend on what the data is, never on the run that made
// it: no date, no runner, no machine. Paths outside of the dataset, user names in
// addresses and the query of an address (where keys and tokens stand) are cut
// from texts that come from elsewhere.
//
// Caveats: a licence is named in the front matter only where one well-known
// Creative Commons licence covers all images; several are "other". Croissant
// describes the contents of webdataset and parquet shards; tfrecord and COCO
// files are listed with their hashes only.
package card
