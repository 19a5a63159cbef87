// Package tfevents writes and reads the event files that TensorBoard shows:
// scalars and text by step.
//
//	w := tfevents.NewWriter(f)
//	err := w.Scalar(tfevents.Stamp{Step: 100, Wall: seconds}, "train/loss", 0.7)
//
// A file is TFRecords (tensorflow/core/lib/io/record_writer.h) of Event messages
// (tensorflow/core/util/event.proto), encoded here by hand. TensorBoard reads files
// with "tfevents" in their names; Name is one.
//
// # Guarantees
//
// A record is one call of the underlying Write. The same calls with the same
// stamps give the same bytes. Read verifies checksums, refuses lengths beyond the
// file, and passes over messages and fields that it does not know.
package tfevents
