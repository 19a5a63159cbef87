// Package interop holds a check that other people's libraries open our datasets.
//
//	tests/interop/run.sh            # made-up examples of every task
//	tests/interop/run.sh out/lvis   # a built dataset
//
// check.py opens every format that a dataset has (webdataset, pyarrow and Hugging
// Face datasets, pycocotools, lvis, TensorFlow Datasets where it can be imported)
// and compares keys, image bytes, sizes, classes, boxes, masks and expressions
// with those of the first. Images are decoded with Pillow. Of a sewn dataset it also
// holds each synthetic record against its base, the mixing factors against the
// definition of LVIS, and the ground truth against itself (AP 1 for boxes and masks,
// by lvis and by pycocotools).
//
// Guarantees: the Go test runs where TAILORBIRD_PYTHON names an interpreter with the
// packages of requirements.txt and is skipped elsewhere; it needs no network.
//
// Caveats: without TensorFlow Datasets the TFRecords are read by a reader in
// tfrecord.py, which shares nothing with the Go code but the specification.
package interop
