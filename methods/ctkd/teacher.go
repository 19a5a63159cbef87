package ctkd

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"strings"

	"gorgonia.org/tensor"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/methods/nn"
	"github.com/tailorbird/tailorbird/methods/training"
	"github.com/tailorbird/tailorbird/methods/zoo"
)

// Teacher names a trained network.
type Teacher struct {
	Model   string // of the zoo
	Width   int    // of its first stage, for the ResNets on small images; 0: as published
	Weights string // file of its weights: safetensors, or a file of torch.save
}

// Load returns the network with its weights, folded, in the engine's memory, and
// frozen: no gradient reaches its parameters. digest is SHA-256 of its weights. A
// network that the zoo does not have, a file that is missing or holds another network
// is a fault.Usage.
func (n Teacher) Load(r *training.Run) (net zoo.Backbone, digest [4]int64, err error) {
	model := training.Named{Name: n.Model}
	if n.Width > 0 {
		model.Options = map[string]any{"width": n.Width}
	}
	if net, err = training.NewModel(model, r.Classes); err != nil {
		return nil, digest, n.fail(err)
	}
	src, err := nn.OpenCheckpoint(n.Weights)
	if err != nil {
		return nil, digest, n.fail(err)
	}
	defer src.Close()
	o := nn.LoadOptions{AllowRounding: true}
	if p := prefixOf(src.Names(), net); p != "" {
		o.Rename = inside(p)
	}
	if _, err := nn.LoadState(net, src, o); err != nil {
		return nil, digest, n.fail(err)
	}
	digest = sum(net)
	if err := net.Fold(); err != nil {
		return nil, digest, n.fail(err)
	}
	for _, e := range nn.Params(net) {
		e.Var.Frozen = true
	}
	return net, digest, nn.Place(r.Engine, net)
}

// sum is SHA-256 of a network's names and values.
func sum(net nn.Module) (words [4]int64) {
	h := sha256.New()
	for _, e := range nn.Entries(net) {
		fmt.Fprintln(h, e.Name)
		binary.Write(h, binary.LittleEndian, e.Var.Value.Data())
	}
	for i := range words {
		words[i] = int64(binary.LittleEndian.Uint64(h.Sum(nil)[8*i:]))
	}
	return words
}

// digestOf is a buffer for a sum.
func digestOf(words [4]int64) *nn.Var {
	return &nn.Var{Value: tensor.New(tensor.WithShape(len(words)), tensor.WithBacking(words[:]))}
}

func (n Teacher) fail(err error) error {
	return fault.Wrap(fault.Usage, fmt.Errorf("teacher %s with weights %q: %w", n.Model, n.Weights, err))
}

// inside renames a file's tensors to the network's names. A run's checkpoint has what
// its method trained there too, after the loop's "method.".
func inside(prefix string) func(name string) string {
	return func(name string) string {
		rest, ok := strings.CutPrefix(name, prefix)
		if !ok || strings.HasPrefix(rest, "method.") {
			return ""
		}
		return rest
	}
}

// prefixOf returns what stands before the network's names in a file that holds more
// than the network, such as "model." in a checkpoint of a run; the shortest one of
// those that stand before all of them, "" where there is none.
func prefixOf(names []string, net nn.Module) string {
	have := map[string]bool{}
	for _, n := range names {
		have[n] = true
	}
	entries := nn.Params(net)
	best, found := "", false
	for _, n := range names {
		p, ok := strings.CutSuffix(n, entries[0].Name)
		if !ok || p != "" && !strings.HasSuffix(p, ".") || found && len(p) >= len(best) {
			continue
		}
		all := true
		for _, e := range entries {
			all = all && have[p+e.Name]
		}
		if all {
			best, found = p, true
		}
	}
	return best
}

// view is what a loss sees of a network.
type view struct {
	stages []*nn.Var // (B, C, H, W) each
	pooled *nn.Var   // (B, C)
	logits *nn.Var   // (B, Classes)
}

// look runs a network. features asks for stages and pooled, which are nil otherwise.
func look(t *nn.Tape, net zoo.Backbone, x *nn.Var, features bool) view {
	if !features {
		return view{logits: net.Forward(t, x)}
	}
	f := net.Features(t, x)
	v := view{stages: f.Stages, pooled: net.Pool(t, f.Map)}
	v.logits = net.Logits(t, v.pooled)
	return v
}

// ask runs the teacher: in evaluation mode, without recording.
func ask(t *nn.Tape, net zoo.Backbone, images *tensor.Dense, features bool) (v view) {
	evaluating(t, func() {
		t.NoGrad(func() { v = look(t, net, t.Const(images), features) })
	})
	return v
}

// evaluating runs f while the tape does not train.
func evaluating(t *nn.Tape, f func()) {
	training := t.Training
	t.Training = false
	defer func() { t.Training = training }()
	f()
}
