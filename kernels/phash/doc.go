// Package phash finds pictures that look the same: a 64-bit hash that survives
// re-encoding and scaling, and an index of hashes by Hamming distance.
//
//	var h phash.Hasher // one a goroutine, kept between images
//	var seen phash.Index
//	hash := h.Of(picture)
//	if len(seen.Find(nil, hash, 6)) == 0 {
//		seen.Add(hash)
//	}
//
// The hash is the discrete cosine transform's (Zauner, "Implementation and
// benchmarking of perceptual image hash functions", 2010): luma is averaged down
// to 32 x 32, transformed, and each of the 64 products of frequencies 1 to 8
// across and down gives a bit, set where it is above their median.
//
// Guarantees: all arithmetic is in integers, so that a picture has one hash on
// every machine. Find's answers are in the order in which hashes were added. A
// Hasher whose sizes repeat or shrink allocates nothing.
//
// Caveats: a hash tells near-duplicates apart, not contents: pictures that are
// flat, or that differ in a small object only, have near hashes. Mirrored or
// turned pictures have far ones. Pictures of fewer than about 32 x 32 pixels
// hash their few samples.
package phash
