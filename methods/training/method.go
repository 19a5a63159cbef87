package training

import (
	"gorgonia.org/tensor"

	"github.com/tailorbird/tailorbird/kernels/ops"
	"github.com/tailorbird/tailorbird/methods/nn"
	"github.com/tailorbird/tailorbird/methods/zoo"
)

// Batch is the samples of one step. The tensors are the engine's and the loop's:
// a method that replaces one releases neither.
type Batch struct {
	Epoch, Step int64 // from 0; Step counts over the whole run
	Keys        []string
	IDs         []int64       // place of each sample in the index of the split, the same in every epoch
	Images      *tensor.Dense // (B, 3, H, W) float32, normalised
	Labels      *tensor.Dense // (B) int64
	// Second is another augmentation of the same samples, (B, 3, H, W); nil unless
	// the method asks for two views.
	Second *tensor.Dense

	// Want and Views are what the loop asks of a Data that fills the batch: samples,
	// and augmentations of each.
	Want, Views int
}

// Run is what a method may know of its run.
type Run struct {
	Engine        ops.Engine
	Net           zoo.Backbone
	Classes       int
	Samples       int // of the training split
	Batch         int // samples a step
	Height, Width int // of the images, pixels; 0 where the source does not tell
	Epochs        int
	StepsPerEpoch int
	Seed          uint64
}

// Loss is what a method makes of a batch.
type Loss struct {
	Total *nn.Var // scalar; what is minimised
	// Logits (B, Classes) are those that training accuracy is measured on, with the
	// batch's labels; nil where that means nothing.
	Logits *nn.Var
	// Parts are scalars for the logs, by name.
	Parts map[string]*nn.Var
}

// Method is a way to train. Collect names what it trains beside the network and
// what it keeps from step to step: parameters are optimised, buffers are stored
// with checkpoints, so that a run that was killed goes on bit for bit. Embed Plain
// for the calls that a method has no use for.
type Method interface {
	nn.Module
	Name() string
	// Begin is called once, before the first step and before a checkpoint is
	// loaded; all that Collect names exists after it.
	Begin(r *Run) error
	// Views is 1, or 2 for a method that wants Batch.Second.
	Views() int
	// Prepare may replace the batch's images before the forward pass.
	Prepare(b *Batch) error
	// Loss runs the network and returns what to minimise.
	Loss(t *nn.Tape, b *Batch) (*Loss, error)
	// Gradients is called after the backward pass; it may change the gradients of
	// params.
	Gradients(b *Batch, params []*nn.Var) error
	// Stepped is called after the optimiser's step; it may change the weights.
	Stepped(b *Batch) error
	// EndEpoch is called after the last step of an epoch.
	EndEpoch(epoch int64) error
	// Predict returns the logits of images in evaluation.
	Predict(t *nn.Tape, x *nn.Var) *nn.Var
}

// Plain trains with cross-entropy and nothing else. It is the base that methods
// embed.
type Plain struct {
	Run       *Run
	Smoothing float32 // of the labels, shared out over all classes; from 0 to below 1
}

func (p *Plain) Name() string                          { return "none" }
func (p *Plain) Collect(*nn.Collector)                 {}
func (p *Plain) Begin(r *Run) error                    { p.Run = r; return nil }
func (p *Plain) Views() int                            { return 1 }
func (p *Plain) Prepare(*Batch) error                  { return nil }
func (p *Plain) Gradients(*Batch, []*nn.Var) error     { return nil }
func (p *Plain) Stepped(*Batch) error                  { return nil }
func (p *Plain) EndEpoch(int64) error                  { return nil }
func (p *Plain) Predict(t *nn.Tape, x *nn.Var) *nn.Var { return p.Run.Net.Forward(t, x) }

// Loss is the cross-entropy of the batch.
func (p *Plain) Loss(t *nn.Tape, b *Batch) (*Loss, error) {
	logits := p.Run.Net.Forward(t, t.Const(b.Images))
	return &Loss{Total: t.CrossEntropy(logits, b.Labels, nn.CrossEntropy{LabelSmoothing: p.Smoothing}), Logits: logits}, nil
}

var _ Method = (*Plain)(nil)
