// Package blob reads inputs by ranges and publishes outputs atomically, wherever
// they lie. An address is a path or scheme://...; a Store serves one scheme.
//
//	w, err := blob.Create(ctx, "out/webdataset/train-000000.tar")
//	defer w.Close()
//	...
//	digest, err := w.Publish(ctx)
//
// Publishing on a local file system, in the order in which things may fail:
// a temporary file beside the target, named by this attempt; write while hashing;
// fsync; compare size and CRC-32C with what is on disk; link to the final name,
// which never replaces; remove the temporary name; fsync the directory. A file
// system without hard links gets an exclusive lock file and a rename instead.
//
// Guarantees: a name is visible only with all of its bytes; publishing the same
// bytes twice, also at the same time, succeeds twice; other bytes under the name
// are fault.Conflict and both remain; what was done although an error came back
// counts as done. A process killed at any point leaves at most files named
// .tb-*, which Sweep removes.
//
// Caveats: without hard links, of attempts at the same time all but one may be
// fault.Transient, and the lock outlives a killed process until Sweep.
package blob
