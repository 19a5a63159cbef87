// Package training is what the methods share: the loop over batches, checkpoints
// that go on bit for bit, evaluation, metrics and logs.
//
// A method is a Method: it may change the batch, computes the loss, and sees the
// gradients and the weights. The loop does the rest.
//
//	t, err := training.NewTrainer(training.Config{
//		Dir: "out/runs/a", Epochs: 10, Batch: 64,
//		Model:     training.Named{Name: "resnet20"},
//		Method:    training.Named{Name: "none"},
//		Optimiser: training.Named{Name: "sgd", Options: map[string]any{"lr": 0.1, "momentum": 0.9}},
//		Schedule:  training.Named{Name: "cosine"},
//		Train:     train, Eval: test,
//	})
//	defer t.Close()
//	result, err := t.Run(ctx)
//
// # A run's folder
//
//	config.yaml          the settings, and what they make the run
//	metrics.jsonl        a line an evaluation: step, epoch, split, samples, loss, top1, ...
//	events.out.tfevents.tailorbird     the same for TensorBoard
//	checkpoints/         the last ones and the best, and manifest.json
//	final.safetensors    the network under its published names
//	README.md            a model card
//	result.json          the Result; written last: with it the run has ended
//
// # Guarantees
//
// Weights and metrics.jsonl follow from the settings and the data: not from the
// number of workers, from other runs in the process, or from how often the run was
// killed and called again. A checkpoint is visible only when it is whole; one that
// was damaged later is passed over for the one before it. A run whose loss or
// gradients stop being numbers ends as failed, with a *Diverged. A steady step
// takes no tensor memory.
//
// # Caveats
//
// One Trainer writes a folder at a time. Networks compute on the CPU engine. Times
// are in the Result, in TensorBoard's events and in the checkpoints' manifest, and
// nowhere else.
package training
