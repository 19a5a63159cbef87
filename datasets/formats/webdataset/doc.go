// Package webdataset writes and reads WebDataset shards: POSIX tar files in which
// the files of a sample stand side by side and share their name up to the first
// dot (https://github.com/webdataset/webdataset, "The WebDataset Format").
//
// A sample of ours is KEY.jpg or KEY.png, KEY.json and, for classification,
// KEY.cls with the label as decimal text, in this order:
//
//	f, _ := formats.Lookup("webdataset")
//	r, err := f.NewReader(file, size)
//	for ex, err := range r.All() { ... }
//
// Tars by others open too. Their samples come whole through Reader.Samples: every
// file with its extension (in lower case) and offset, read when asked for. From
// All they come as far as an Example can hold them: key, image and a numeric
// label; the text of a .json that is no record of ours is left alone.
//
// Guarantees: USTAR headers with constant owner, mode and time, so the same
// examples give the same bytes. Keys are proven to ascend and to be unique, and
// Close writes the end of the archive. The reader reports, with key and offset:
// files of one sample that are not adjacent, names that come twice, keys over 100
// bytes (they need PAX, and common loaders cut them), a wrong header checksum, a
// truncated file and a missing end of archive. The first three cost one sample,
// the others end the shard. Index reads headers only. A Reader may be used from
// several goroutines at once.
//
// Caveats: a key outside ASCII stands in its header as UTF-8, as GNU tar and
// Python write it; USTAR itself knows ASCII only. A tar has no checksum over
// contents, so a changed pixel is found by the manifest's hashes, not here. Sparse
// files are refused; directories, links and devices are passed over, as are names
// without an extension and names of the form __NAME__. Where the files of a sample
// are not adjacent its first part has been handed out already when the second is
// met.
package webdataset
