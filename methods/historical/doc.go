// Package historical is the survey "Historical Learning: Learning Models with Learning
// History" (Li, Wu, Yang, Wang, Song and Yang, arXiv:2303.12992) as a library: methods
// that learn not from the current batch alone but also from what was recorded earlier
// in the same run.
//
//	method: {name: historical, mechanisms: "ps_kd weight_ema", ps_kd.alpha: 0.8}
//	method: {name: ps_kd, alpha: 0.8}
//
// Each method is a Mechanism under a Key: what is kept (Type), where it acts (Part) and
// how it is kept (Store: discrete elements or a moving average). Coverage prints them as
// a matrix; List enumerates its cells. The assignment to cells is ours: the survey's
// list sorts by type only.
//
// A step of several mechanisms, which the training method keeps in this order:
//
//	Data.BeforeForward          may replace the batch
//	Neck.AfterPool              may change the pooled features
//	Targets, Criterion          what the cross-entropy is measured against, or its substitute
//	Weigher.AfterLoss           weights of the samples, from their losses
//	Loss.AfterForward           further terms
//	Gradient.AfterBackward      replaces gradients
//	Weights.AfterStep           reads and writes weights
//	Mechanism.Commit            writes what was seen to the stores
//	EpochEnd.EndEpoch           ranks, averages, takes snapshots
//	Inference.Infer             combines predictions
//
// # Guarantees
//
// No gradient flows into what is stored. Reads come before writes: nothing of a step is
// stored before its weights have changed, but for RecursiveMix, whose batch is its
// history, and XBM, which by its definition meets its own batch. Calls in another order
// are a fault.Usage. Samples are known by Batch.IDs, not by their place in a batch; what
// was never written is told from what was. Every store knows how many bytes it keeps
// and at which step each element was written. All state is in Collect's buffers, so a run
// that was killed goes on bit for bit. The same mechanisms in the same order give the
// same bits.
//
// # Caveats
//
// Per-sample tables and rings lie on the host. Mechanisms that run the network a second
// time (mean_teacher, moco, dlb, svrg, gem) cost that pass. svrg and gem measure the plain
// cross-entropy, without the terms of others. Learning-rate cycles are the loop's: the
// published ones are here as nn.Schedule.
package historical
