// Package built reads datasets that this tool has built: their manifest, the
// examples of their shards, and single examples by their place.
//
//	d, err := built.Open(ctx, "out/lvis")
//	for _, shard := range d.Shards("train") {
//		err := d.Walk(ctx, shard, func(r *built.Row) error { ... })
//	}
//	pool := d.NewPool()
//	defer pool.Close()
//	ex, err := pool.Get(ctx, row.Place)
//
// Guarantees: the pictures come from one format, the first of webdataset,
// tfrecord and parquet that the dataset has, so a place means the same in every
// process. Walk reads annotations; a picture's bytes are read when they are
// asked for, where the format allows. A Pool may be used by any number of
// goroutines.
//
// Caveats: a dataset that was built as coco alone holds no pictures and is
// fault.Unsupported.
package built
