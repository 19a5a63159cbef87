package training

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"gorgonia.org/tensor"

	"github.com/tailorbird/tailorbird/methods/nn"
)

// Diverged is the error of a run whose numbers stopped being finite.
type Diverged struct {
	Step  int64  `json:"step"`  // from 0; no checkpoint holds it
	Epoch int64  `json:"epoch"` // from 0
	What  string `json:"what"`  // loss, gradient or evaluation
	Value string `json:"value"` // of the loss, as text: JSON has no such numbers
	// Where is what is not finite first: input, weights, activation, gradient, logits
	// or loss. Layer is whose, in the order of computation: that of the network for
	// activations, the reverse for gradients.
	Where string   `json:"where"`
	Layer string   `json:"layer,omitempty"`
	Keys  []string `json:"keys"` // of the batch
}

func (d *Diverged) Error() string {
	layer := ""
	if d.Layer != "" {
		layer = " of " + d.Layer
	}
	return fmt.Sprintf("training: step %d, epoch %d: %s is %s: first the %s%s; batch %s", d.Step, d.Epoch, d.What, d.Value, d.Where, layer, strings.Join(d.Keys, " "))
}

func (t *Trainer) diverged(what, value, where, layer string) *Diverged {
	return &Diverged{
		Step: t.state.Step, Epoch: t.state.Epoch, What: what, Value: value, Where: where, Layer: layer, Keys: slices.Clone(t.batch.Keys),
	}
}

// lossDiverged looks for what made the loss no number. It runs the forward pass
// again; the run ends here, so that nothing needs to stay as it was.
func (t *Trainer) lossDiverged(value float64) error {
	t.tape.Reset()
	where, layer := t.firstNotFinite()
	return t.diverged("loss", fmt.Sprint(value), where, layer)
}

// gradientDiverged turns an error about gradients into a Diverged. The gradient
// flows from the last layer to the first, so the last bad one in the network's order
// was bad first.
func (t *Trainer) gradientDiverged(err error) error {
	var bad *nn.NotFinite
	if !errors.As(err, &bad) {
		return err
	}
	layer := ""
	for _, p := range t.entries {
		if p.Var.Grad != nil && !t.isFinite(p.Var.Grad) {
			layer = p.Name
		}
	}
	where := "gradient"
	if layer == "" { // each is finite, their norm is not
		layer, where = bad.Name, "norm of the gradient"
	}
	return t.diverged("gradient", "not finite", where, layer)
}

// firstNotFinite follows the batch through the network: the images, the weights
// that were there before the step, what the batch norms saw, the stages' maps.
func (t *Trainer) firstNotFinite() (where, layer string) {
	if !t.isFinite(t.batch.Images) {
		return "input", ""
	}
	entries := nn.Entries(model{t.net, t.method})
	for _, e := range entries {
		if !e.Buffer && !t.isFinite(e.Var.Value) {
			return "weights", e.Name
		}
	}
	// A batch norm's running statistics tell what entered it: finer than the maps,
	// which only stand between stages.
	for _, e := range entries {
		name, isMean := strings.CutSuffix(e.Name, ".running_mean")
		if !isMean {
			name, isMean = strings.CutSuffix(e.Name, ".running_var")
		}
		if isMean && !t.isFinite(e.Var.Value) {
			return "activation", "the layer before " + name
		}
	}
	return t.firstMap()
}

// firstMap finds the first map between stages that is not finite.
func (t *Trainer) firstMap() (where, layer string) {
	defer t.tape.Reset()
	where = "loss"
	t.tape.NoGrad(func() {
		f := t.net.Features(t.tape, t.tape.Const(t.batch.Images))
		maps := append([]*nn.Var{f.Stem}, f.Stages...)
		for i, m := range maps {
			if m != nil && m.Value != nil && !t.isFinite(m.Value) {
				where, layer = "activation", "the stem"
				if i > 0 {
					layer = fmt.Sprintf("stage %d of %d", i, len(f.Stages))
				}
				return
			}
		}
		if t.tape.Err() != nil {
			return
		}
		logits := t.net.Logits(t.tape, t.net.Pool(t.tape, f.Map))
		if t.tape.Err() == nil && !t.isFinite(logits.Value) {
			where = "logits"
		}
	})
	return where, layer
}

// isFinite says whether all values of a float tensor of the engine are finite.
func (t *Trainer) isFinite(x *tensor.Dense) bool {
	if x.Dtype() != tensor.Float32 {
		return true
	}
	n := x.DataSize()
	host := tensor.New(tensor.WithShape(n), tensor.WithBacking(make([]float32, n)))
	if t.e.Download(host, x) != nil {
		return true
	}
	for _, v := range host.Float32s() {
		if !finite(float64(v)) {
			return false
		}
	}
	return true
}
