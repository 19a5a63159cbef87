// Package tfrecord writes and reads TFRecord shards of tf.Example messages, laid
// out so that TensorFlow Datasets opens a built dataset without any code:
//
//	ds = tfds.builder_from_directory("out/lvis/tfrecord").as_dataset(split="train")
//
// The framing is that of tensorflow/core/lib/io/record_writer.h (length, masked
// CRC-32C of the length, data, masked CRC-32C of the data); the message that of
// tensorflow/core/example/example.proto, encoded here by hand.
//
// Features of every task: image, key, width, height, record (the whole KEY.json;
// this package reads back from it and from image alone). Classification: label.
// Detection: image/id, neg_category_ids, not_exhaustive_category_ids (empty where
// the dataset has none) and a sequence objects of id, label, bbox, area,
// is_crowd. Referring: image/id and objects of id (the annotation's), ref_id,
// label, bbox, area, is_crowd and refexp, a ragged sequence of refexp_id, raw and
// sent. A label is the index of the class, -1 where the dataset does not know the
// class; bbox is ymin, xmin, ymax, xmax as parts of the image, held within 0..1,
// as TFDS wants it. Masks and tokens are in record only.
//
// Guarantees: the feature key comes first and the others ascend, so the same
// examples give the same bytes, and Index reads the head of each record only. All
// and Get verify both checksums; a wrong length checksum ends the shard, a wrong
// data checksum costs one example. A length is held against the file before
// anything is allocated.
//
// Caveats: a shard that is cut off between two records looks whole; the manifest
// knows its count. Index does not verify the data. Records of other makers are
// fault.Unsupported: they have no feature record. area and bbox are float32, as
// tf.Example has no other; record keeps the doubles.
package tfrecord
