package training

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/methods/nn"
)

// checkpointModel begins the names of the network's entries in a checkpoint.
const checkpointModel = "model."

// EvaluateFile measures the network of a file of weights on c.Eval: final weights,
// a checkpoint of a run, or any file of the network's published names that
// nn.OpenCheckpoint reads. The method's own state is not loaded. Nothing is trained
// and nothing is written; without c.Train, the settings of training do not count.
// Weights that do not fit the network are fault.Conflict.
func EvaluateFile(ctx context.Context, c Config, file string) (*Evaluation, error) {
	if c.Eval == nil {
		return nil, fault.New(fault.Usage, "training: no split to evaluate on")
	}
	if c.Train == nil {
		c.Train, c.Epochs, c.Batch, c.Dir = noTraining{c.Eval}, 1, 1, "."
		c.Optimiser, c.Schedule = Named{}, Named{}
		c.EvalBatch = cmp.Or(c.EvalBatch, 64)
	}
	t, err := NewTrainer(c)
	if err != nil {
		return nil, err
	}
	defer t.Close()
	src, err := nn.OpenCheckpoint(file)
	if err != nil {
		return nil, fault.At(err, fault.Place{Path: file})
	}
	defer src.Close()
	if _, err := nn.LoadState(t.net, src, nn.LoadOptions{Rename: networkOf(src)}); err != nil {
		return nil, fault.At(err, fault.Place{Path: file})
	}
	return t.evaluate(ctx, c.Eval)
}

// networkOf tells what to call the tensors of a source: those of the network of a
// checkpoint by their names there, the others not at all; nil for final weights.
func networkOf(src nn.Source) func(name string) string {
	if !slices.ContainsFunc(src.Names(), func(name string) bool { return strings.HasPrefix(name, checkpointModel) }) {
		return nil
	}
	return func(name string) string {
		rest, ok := strings.CutPrefix(name, checkpointModel)
		if !ok || strings.HasPrefix(rest, "method.") {
			return ""
		}
		return rest
	}
}

// noTraining is an Eval where a Data is asked for and not used.
type noTraining struct{ Eval }

func (noTraining) State() ([]byte, error) { return nil, nil }
func (noTraining) Restore([]byte) error   { return nil }
