// Package shards holds the steps of a build as Beam transforms: Plan walks the
// source and assigns each example to a shard, Write makes a shard from its refs,
// Finish checks the shards against the plan and publishes the manifest.
//
//	refs := shards.Plan(s, job)              // KV<shard, Item>
//	rows := shards.Write(s, job, beam.GroupByKey(s, refs))
//	shards.Finish(s, job, rows)
//
// Only Items are shuffled: key, place of the image, places of its annotation
// rows. Annotations are copied once, in one sequential pass over their file, into
// a rows file a shard, so that a shard's task reads what it needs from one small
// object, wherever the inputs lie; no pixels and no annotations go through a
// shuffle and nothing holds a whole annotation file.
//
// Below the output, .tailorbird holds what is not the dataset: plan.json, the
// rows, a done record a shard, fragments. It is removed before the manifest is
// published. A second run into the same place finds the done records and makes
// only what is missing.
//
// Guarantees: every step may run twice, at the same time or on other machines,
// with the same result; whatever is killed can be run again; what was published
// is never replaced. Bad data goes to the quarantine and never fails a bundle;
// errors of the machinery do.
//
// Caveats: the output must be a place that every worker sees.
package shards
