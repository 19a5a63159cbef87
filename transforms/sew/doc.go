// Package sew holds the steps of tailorbird sew as Beam transforms: objects of
// rare classes are added to pictures of a built dataset, and the result is a
// dataset of both.
//
//	surveyed := sew.Survey(s, job)                               // KV<0, shard>
//	samples := sew.Plan(s, job, beam.GroupByKey(s, surveyed))    // KV<batch, Sample>
//	made := sew.Make(s, job, beam.GroupByKey(s, samples))        // KV<0, batch>
//	items := sew.Select(s, job, beam.GroupByKey(s, made))        // KV<shard, shards.Item>
//	rows := shards.Write(s, job.Shards, beam.GroupByKey(s, items))
//	shards.Finish(s, job.Shards, rows)
//
// Survey reads the annotations of the source, a task a shard: statistics, a row a
// picture, and for copy_paste the cut-outs of the classes that are wanted. Plan
// decides on one worker which picture gets which object. Make generates,
// localises and filters, a task a batch of samples. Select decides what only the
// whole can decide (near-duplicates) and hands source and synthetic examples to
// the same steps that finish a build.
//
// What lies where: .tailorbird/sew holds survey, plan and batches until the
// manifest is published; extra/ keeps what explains the dataset: the bank of
// cut-outs, statistics, plan, and thumbnails of what was rejected.
//
// Guarantees: every step may run twice or be killed at any point; a batch that
// was made durable is not made again; only keys and places go through a shuffle;
// the result depends on the recipe and the source alone, for generators that are
// deterministic.
package sew
