// Package reader feeds the shards of a built dataset to training: shuffled,
// decoded, augmented, in batches.
//
//	r, err := reader.Open(ctx, "out/imagenet", "train", reader.Options{
//		Seed: 1, Batch: 256, Shuffle: true, Augment: "random_resized_crop(224) | flip",
//	})
//	defer r.Close()
//	for e := range int64(90) {
//		r.Epoch(e)
//		for {
//			b, err := r.Next(ctx) // io.EOF ends the epoch
//			...                   // b.Images is (B, 3, 224, 224), b.Labels (B)
//			b.Release()           // its buffers serve again
//		}
//	}
//
// Order. The samples of a split are numbered by their keys in bytewise order. An
// epoch goes through them by a permutation that is computed, not held, and
// follows from seed and epoch alone: neither shards nor format nor the number of
// workers have a say. Rank r of w takes the places r, r+w, r+2w, ... of that one
// order. State says where a reader stands, in a few numbers; Restore goes on
// there. Merge makes one State of those of all ranks, for another number of them.
//
// Guarantees: batches come in order and hold the same bytes whatever Workers,
// Requests and Prefetch are. What an augmentation draws follows from seed, epoch
// and key. A record that cannot be read or decoded is left out, typed and counted;
// the batch is filled from what comes next. An error without a data code (disk,
// network) comes from Next. Memory is bounded, see Options.MemoryBytes; in steady
// state next to nothing is allocated from webdataset shards.
//
// Caveats: a rank that meets a broken record has one sample less than the others.
// The index holds some 40 bytes and the key of each sample; making it reads the
// headers of every shard, which for small pictures is all of their bytes. With
// IndexFile it is kept, and opening takes well under a second. TFRecord and
// Parquet records are read by their formats' own readers, which allocate; a
// Parquet row costs the headers of the pages before it. A reader is for one
// goroutine; batches may be used and released by any.
package reader
