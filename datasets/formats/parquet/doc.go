// Package parquet writes and reads Parquet shards in the layout of the Hugging
// Face hub: a built dataset is a repository as it stands.
//
//	ds = datasets.load_dataset("parquet", data_files="out/coco/data/train-*.parquet")
//
// Columns of every task: image (struct of bytes and path), key, width, height,
// original_width, original_height, source, record (the whole KEY.json as text; this
// package reads back from it and from image alone). Classification: label, wnid,
// name. Detection: image_id, objects, neg_category_ids, not_exhaustive_category_ids,
// license. Referring: image_id and refs with their sentences. label and category
// are indices of the classes, -1 where unknown, with their names in the schema
// metadata under "huggingface"; category_id is the source's number; segmentation
// is JSON text in COCO's form. Boxes are x, y, width, height in pixels of the
// stored image.
//
// Guarantees: a row group has 100 rows or 64 MiB of images, whichever comes first,
// and is all that a writer holds. Image bytes are stored as they are, the other
// columns with zstd; pages carry CRC-32. The same examples give the same bytes.
// The reader decodes footer, page headers and pages itself: sizes are held against
// the file before anything is allocated, and it needs memory for one page of each
// of two columns. A wrong page checksum ends the shard with fault.Corrupt.
//
// Caveats: the reader is for shards of this package: columns key, image.bytes and
// record have to be plain, without nulls and without compression or with zstd;
// others are fault.Unsupported. The index goes by row number and reads the keys alone.
// Parquet's own numbers in the footer have no checksum.
package parquet
