package zoo

import (
	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/methods/nn"
)

// Backbone is a classifier of images (N, 3, H, W) that shows what lies between the
// image and the logits. Forward(t, x) is Logits(t, Pool(t, Features(t, x).Map)).
type Backbone interface {
	nn.Layer
	// Layout tells the number of channels of each feature.
	Layout() Layout
	// Features returns the outputs of the stem and of the stages, all of them live:
	// gradients flow back through each.
	Features(t *nn.Tape, x *nn.Var) Features
	// Pool averages a map (N, C, H, W) over its positions: (N, C).
	Pool(t *nn.Tape, f *nn.Var) *nn.Var
	// Logits classifies pooled features (N, C): (N, Classes).
	Logits(t *nn.Tape, pooled *nn.Var) *nn.Var
	// Fold turns the network into its inference form: see Network.Fold.
	Fold() error
}

// Features are the maps (N, C, H, W) inside a network.
type Features struct {
	Stem   *nn.Var
	Stages []*nn.Var // one a stage, as it leaves the stage's last block
	Map    *nn.Var   // what is pooled: the last stage's output, after a closing norm or convolution where there is one
}

// Layout is the number of channels of each of Features, and of the logits.
type Layout struct {
	Stem    int
	Stages  []int
	Map     int
	Classes int
}

// Network is the Backbone that the convolutional families build: parts that run
// one after the other, and a classifier.
type Network struct {
	layout Layout
	stem   nn.Layer
	stages []nn.Layer
	last   nn.Layer // between the last stage and pooling; may be nil
	head   nn.Layer
	units  []*convBN // all of the network, for Fold
	names  func(c *nn.Collector)
	folded bool
}

var _ Backbone = (*Network)(nil)

// Collect implements nn.Module.
func (n *Network) Collect(c *nn.Collector) { n.names(c) }

// Layout implements Backbone.
func (n *Network) Layout() Layout { return n.layout }

// Forward implements nn.Layer: logits (N, Classes). Where nothing is recorded it
// holds the memory of one part of the network.
func (n *Network) Forward(t *nn.Tape, x *nn.Var) *nn.Var {
	if n.folded && t.Training {
		return t.Fail(errFolded())
	}
	parts := append(nn.Sequence{n.stem}, n.stages...)
	if n.last != nil {
		parts = append(parts, n.last)
	}
	f := parts.Forward(t, x)
	pooled := n.Pool(t, f)
	t.Done(f)
	return n.Logits(t, pooled)
}

// Features implements Backbone.
func (n *Network) Features(t *nn.Tape, x *nn.Var) Features {
	if n.folded && t.Training {
		return Features{Map: t.Fail(errFolded())}
	}
	run := func(l nn.Layer, x *nn.Var) *nn.Var {
		return t.Scope(func() *nn.Var { return l.Forward(t, x) })
	}
	f := Features{Stem: run(n.stem, x)}
	f.Map = f.Stem
	for _, stage := range n.stages {
		f.Map = run(stage, f.Map)
		f.Stages = append(f.Stages, f.Map)
	}
	if n.last != nil {
		f.Map = run(n.last, f.Map)
	}
	return f
}

// Pool implements Backbone.
func (n *Network) Pool(t *nn.Tape, f *nn.Var) *nn.Var { return t.GlobalAvgPool(f) }

// Logits implements Backbone.
func (n *Network) Logits(t *nn.Tape, pooled *nn.Var) *nn.Var { return n.head.Forward(t, pooled) }

func errFolded() error {
	return fault.New(fault.Usage, "zoo: a folded network has no batch statistics: it cannot train")
}

// positive refuses a config in which a size is below 1.
func positive(family string, sizes ...int) error {
	for _, n := range sizes {
		if n < 1 {
			return fault.New(fault.Usage, "zoo: %s: sizes %v, want at least 1 each", family, sizes)
		}
	}
	return nil
}

// want refuses a config with another number of values than the family has.
func want(family, what string, got, n int) error {
	if got == n {
		return nil
	}
	return fault.New(fault.Usage, "zoo: %s: %d %s, want %d", family, got, what, n)
}
