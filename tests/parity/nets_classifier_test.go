package parity

import (
	"slices"
	"strings"
	"testing"

	"gorgonia.org/tensor"

	"github.com/tailorbird/tailorbird/internal/safetensors"
	"github.com/tailorbird/tailorbird/kernels/cpu"
	"github.com/tailorbird/tailorbird/methods/nn"
)

func init() { register("classifier", classifierCase) }

// classifier is one case: a network, its entries by name, and a tape.
type classifier struct {
	t       *testing.T
	c       *Case
	net     nn.Layer
	entries map[string]nn.Entry
	tape    *nn.Tape
}

func classifierCase(t *testing.T, c *Case) {
	var cfg struct {
		Arch string
		Step *stepConfig
	}
	c.DecodeConfig(t, &cfg)
	build := archs[cfg.Arch]
	if build == nil {
		t.Skipf("arch %s is unknown", cfg.Arch)
	}
	net, err := build(c.Config)
	if err != nil {
		t.Fatal(err)
	}
	e := cpu.New(cpu.Options{})
	t.Cleanup(e.Close)
	r := &classifier{t: t, c: c, net: net, tape: nn.NewTape(e), entries: loadWeights(t, net, c.Weights(t))}
	r.evaluate()
	if c.Has("train.x") {
		r.train(cfg.Step)
	}
}

// evaluate compares the logits in evaluation mode, without a recording and with one.
func (r *classifier) evaluate() {
	r.t.Helper()
	r.tape.Training = false
	x, shape := r.c.F32(r.t, "x")
	for _, record := range []bool{true, false} {
		var y *nn.Var
		forward := func() { y = r.net.Forward(r.tape, r.tape.Upload(x, shape...)) }
		if record {
			forward()
		} else {
			r.tape.NoGrad(forward)
		}
		r.check("logits", y)
		r.tape.Reset()
	}
}

// train compares a forward pass in training mode, its gradients, the running
// statistics after it, and one step of the optimiser.
func (r *classifier) train(step *stepConfig) {
	r.t.Helper()
	r.tape.Training = true
	logits, loss := r.loss()
	r.tape.Keep(logits, loss)
	if err := r.tape.Backward(loss); err != nil {
		r.t.Fatal(err)
	}
	r.check("train.logits", logits)
	r.check("train.loss", loss)
	r.tape.Reset()
	r.checkEntries("grad.", func(v *nn.Var) *tensor.Dense { return v.Grad })
	r.checkEntries("after.", func(v *nn.Var) *tensor.Dense { return v.Value })
	if step == nil {
		return
	}
	step.apply(r.t, r.tape, r.net)
	r.checkEntries("step.", func(v *nn.Var) *tensor.Dense { return v.Value })
	if r.c.Output("loss_after_step") != nil {
		_, loss = r.loss()
		r.check("loss_after_step", loss)
	}
	r.tape.Reset()
}

func (r *classifier) loss() (logits, loss *nn.Var) {
	r.t.Helper()
	x, shape := r.c.F32(r.t, "train.x")
	labels, n := r.c.I64(r.t, "train.labels")
	logits = r.net.Forward(r.tape, r.tape.Upload(x, shape...))
	ids := tensor.New(tensor.WithShape(n...), tensor.WithBacking(labels))
	return logits, r.tape.CrossEntropy(logits, ids, nn.CrossEntropy{})
}

func (r *classifier) check(name string, v *nn.Var) {
	r.t.Helper()
	if err := r.tape.Err(); err != nil {
		r.t.Fatal(err)
	}
	r.c.Check(r.t, name, r.tape.Host(v), v.Shape()...)
}

// checkEntries compares every output of the form prefix + name of an entry.
func (r *classifier) checkEntries(prefix string, get func(*nn.Var) *tensor.Dense) {
	r.t.Helper()
	for _, o := range r.c.Outputs {
		name, ok := strings.CutPrefix(o.Name, prefix)
		if !ok {
			continue
		}
		e, ok := r.entries[name]
		if !ok {
			r.t.Fatalf("the network has no entry %s", name)
		}
		x := get(e.Var)
		if x == nil {
			r.t.Fatalf("%s: nothing flowed", o.Name)
		}
		if x.Dtype() == tensor.Int64 {
			r.c.Check(r.t, o.Name, x.Int64s(), x.Shape()...)
			continue
		}
		r.c.Check(r.t, o.Name, x.Float32s(), x.Shape()...)
	}
}

// loadWeights fills a network from a file that has the same names and shapes,
// and returns its entries.
func loadWeights(t *testing.T, net nn.Module, f *safetensors.File) map[string]nn.Entry {
	t.Helper()
	entries := map[string]nn.Entry{}
	for _, e := range nn.Entries(net) {
		entries[e.Name] = e
		var shape []int
		var err error
		if x := e.Var.Value; x.Dtype() == tensor.Int64 {
			var v []int64
			v, shape, err = f.Int64(e.Name)
			copy(x.Int64s(), v)
		} else {
			var v []float32
			v, shape, err = f.Float32(e.Name)
			copy(x.Float32s(), v)
		}
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(shape, e.Var.Shape()) {
			t.Fatalf("%s: shape %v, the file has %v", e.Name, e.Var.Shape(), shape)
		}
	}
	for _, name := range f.Names() {
		if _, ok := entries[name]; !ok {
			t.Fatalf("the network has no entry %s", name)
		}
	}
	return entries
}

// stepConfig is the optimiser of a case and its hyper-parameters.
type stepConfig struct {
	Loss, Optimizer string
	LR, Momentum    float64
	Dampening, Eps  float64
	Betas           [2]float64 // zeros mean torch's
	Nesterov        bool
	WeightDecay     float64 `json:"weight_decay"`
}

// rule returns the optimiser.
func (s *stepConfig) rule(t *testing.T) nn.Rule {
	t.Helper()
	if s.Loss != "" && s.Loss != "cross_entropy" {
		t.Fatalf("loss %s", s.Loss)
	}
	switch s.Optimizer {
	case "", "sgd":
		return nn.SGD{Momentum: s.Momentum, Dampening: s.Dampening, Nesterov: s.Nesterov}
	case "adam":
		return nn.Adam{Betas: s.Betas, Eps: s.Eps}
	case "adamw":
		return nn.AdamW{Betas: s.Betas, Eps: s.Eps}
	}
	t.Fatalf("optimizer %s", s.Optimizer)
	return nil
}

// apply runs one step on all parameters and forgets the gradients.
func (s *stepConfig) apply(t *testing.T, tape *nn.Tape, net nn.Module) {
	t.Helper()
	opt, err := nn.NewOptimiser(tape.E, s.rule(t), nn.Group{Params: nn.Params(net), LR: s.LR, Decay: s.WeightDecay})
	if err != nil {
		t.Fatal(err)
	}
	if err := opt.Step(); err != nil {
		t.Fatal(err)
	}
	opt.ZeroGrad(tape)
}
