package historical

import (
	"bytes"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"gorgonia.org/tensor"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/methods/nn"
	"github.com/tailorbird/tailorbird/methods/training"
)

type options = map[string]any

// conformance says how a mechanism is put through the generic tests. active has it
// store and act within the nine steps; neutral switches it off.
type conformance struct {
	active, neutral options
	plain           string                         // the algorithm without it; "": none
	first           options                        // of the test of the first step; nil: active
	bytes           func(p, d int64, r *rig) int64 // of active: p parameters, d features
	trains          bool                           // it has parameters of its own
	frozen          options                        // of the gradient check, where active moves within a step
	noProbe         string                         // why gradients cannot be checked twice in a step
}

const (
	pixels = 3 * side * side
	k64    = int64(classes)
	n64    = int64(samples)
	b64    = int64(batch)
)

func weightsBytes(p, _ int64, _ *rig) int64 { return 4 * p }
func tableBytes(int64, int64, *rig) int64   { return 4 * n64 * k64 }

var suite = map[string]conformance{
	"weight_ema":          {active: options{}, neutral: options{"decay": int64(0)}, bytes: weightsBytes},
	"mean_teacher":        {active: options{"ramp_epochs": int64(2), "views": int64(2)}, neutral: options{"weight": int64(0), "evaluate": "student"}, bytes: weightsBytes},
	"swa":                 {active: options{"start": 0.0}, neutral: options{"every": int64(0)}, bytes: weightsBytes},
	"lookahead":           {active: options{"k": int64(2)}, neutral: options{"k": int64(1), "alpha": int64(1)}, bytes: weightsBytes},
	"snapshot":            {active: options{"members": int64(3)}, neutral: options{"members": int64(0)}, bytes: func(p, _ int64, _ *rig) int64 { return 3 * 4 * p }},
	"moments":             {active: options{"rule": "sgd"}, neutral: options{"momentum": 0.0}, bytes: weightsBytes},
	"temporal_ensembling": {active: options{"ramp_epochs": int64(2)}, neutral: options{"weight": 0.0}, bytes: tableBytes},
	"temporal_targets":    {active: options{"ramp_epochs": int64(2)}, neutral: options{"weight": 0.0}, bytes: tableBytes},
	"ps_kd":               {active: options{}, neutral: options{"alpha": 0.0}, bytes: tableBytes},
	"dlb": {active: options{"size": int64(side)}, neutral: options{"alpha": 0.0, "size": int64(side)},
		bytes: func(int64, int64, *rig) int64 { return b64 * (4*k64 + 4*pixels + 8) }},
	"recursivemix": {active: options{"mechanisms": "recursivemix", "recursivemix.size": int64(side)},
		neutral: options{"mechanisms": "recursivemix", "recursivemix.size": int64(side), "recursivemix.alpha": 0.0, "recursivemix.omega": 0.0},
		bytes:   func(int64, int64, *rig) int64 { return 4 * b64 * (pixels + 2*k64) }, trains: true, noProbe: "a batch is mixed in place once: its package checks the gradients"},
	"xbm": {active: options{"size": int64(14), "start": int64(1)}, neutral: options{"size": int64(0), "start": int64(0)},
		bytes: func(_, d int64, _ *rig) int64 { return 14 * (4*d + 8) }},
	"moco": {active: options{"size": int64(14), "momentum": 0.9}, neutral: options{"size": int64(0)},
		bytes: func(p, d int64, _ *rig) int64 { return 14*4*d + 4*p }},
	"nce_bank": {active: options{"noise": int64(7)}, neutral: options{"weight": 0.0}, bytes: func(_, d int64, _ *rig) int64 { return 4 * n64 * d }},
	"center_loss": {active: options{"weight": 0.1}, neutral: options{"weight": 0.0},
		bytes: func(_, d int64, _ *rig) int64 { return 4 * k64 * d }},
	"bn_moments": {active: options{}, neutral: options{"momentum": 0.0}, plain: "bn_moments", bytes: func(_, d int64, _ *rig) int64 { return 8 * d }, trains: true},
	"cbn": {active: options{"burn_in_epochs": int64(0)}, neutral: options{"window": int64(1), "burn_in_epochs": int64(0)}, plain: "bn_moments",
		bytes: func(_, d int64, _ *rig) int64 { return 3 * 4 * (2*d + 3*d*d) }, trains: true},
	"o2u": {active: options{"watch_epochs": int64(2), "forget_rate": 0.25}, neutral: options{"forget_rate": 0.0}, bytes: func(int64, int64, *rig) int64 { return 8 * n64 }},
	"forgetting": {active: options{"after_epochs": int64(2), "least": int64(1)}, neutral: options{"least": int64(0)},
		bytes: func(int64, int64, *rig) int64 { return (17*n64 + 7) / 8 }},
	"self_paced": {active: options{"lambda": 1.4}, neutral: options{"lambda": 1e30}, first: options{"lambda": 1e30}, bytes: func(int64, int64, *rig) int64 { return 0 }},
	"eqlv2": {active: options{}, neutral: options{"alpha": 0.0, "mu": -1000.0}, plain: "eqlv2", first: options{},
		bytes: func(int64, int64, *rig) int64 { return 8 * 2 * k64 }},
	"svrg": {active: options{}, neutral: options{"correct": false}, bytes: func(p, _ int64, _ *rig) int64 { return 2 * 4 * p }},
	"gem": {active: options{"size": int64(side), "samples": int64(4), "memories": int64(2)}, neutral: options{"samples": int64(0), "size": int64(side)},
		bytes: func(p, _ int64, _ *rig) int64 { return 2 * (4*p + 4*(4*pixels+8)) }},
	"gradnorm": {active: options{"mechanisms": "center_loss gradnorm", "center_loss.weight": 0.1}, neutral: options{},
		frozen: options{"mechanisms": "center_loss gradnorm", "center_loss.weight": 0.1, "gradnorm.rate": 0.0}, bytes: func(int64, int64, *rig) int64 { return 8 * 2 }},
	"swag": {active: options{"start": 0.0, "rank": int64(2), "samples": int64(2)}, neutral: options{"samples": int64(0)}, bytes: func(p, _ int64, _ *rig) int64 { return 4 * 4 * p }},
}

// name is the training method that runs these options of a mechanism.
func (c conformance) rig(t testing.TB, mechanism string, o options) *rig {
	if _, several := o["mechanisms"]; several {
		return newRig(t, "historical", o)
	}
	return newRig(t, mechanism, o)
}

func (c conformance) plainRig(t testing.TB) *rig {
	switch c.plain {
	case "":
		return newRig(t, "none", nil)
	case "eqlv2": // a sigmoid cross-entropy whose weights are 1
		return newRig(t, "eqlv2", options{"alpha": 0.0, "mu": -1000.0})
	}
	return newRig(t, c.plain, nil)
}

func eachMechanism(t *testing.T, f func(t *testing.T, name string, c conformance)) {
	for _, i := range List(Key{}) {
		c, ok := suite[i.Name]
		if !ok {
			t.Errorf("%s is in no conformance suite", i.Name)
			continue
		}
		t.Run(i.Name, func(t *testing.T) { f(t, i.Name, c) })
	}
}

func TestAFirstStepWithoutHistoryIsThePlainAlgorithm(t *testing.T) {
	eachMechanism(t, func(t *testing.T, name string, c conformance) {
		o := c.active
		if c.first != nil {
			o = c.first
		}
		got, want := c.rig(t, name, o).train(0, 1), c.plainRig(t).train(0, 1)
		if math.Abs(got.losses[0]-want.losses[0]) > 1e-6 || apart(got.weights(), want.weights()) > 1e-7 {
			t.Errorf("loss %v and weights %g apart, plain %v", got.losses[0], apart(got.weights(), want.weights()), want.losses[0])
		}
	})
}

func TestBNeutralOptionsAreThePlainAlgorithm(t *testing.T) {
	eachMechanism(t, func(t *testing.T, name string, c conformance) {
		got, want := c.rig(t, name, c.neutral).train(0, epochs*steps), c.plainRig(t).train(0, epochs*steps)
		if d := apart(got.weights(), want.weights()); d > 2e-6 {
			t.Errorf("weights after training are %g apart", d)
		}
		b := batchOf(0)
		got.tape.Training, want.tape.Training = false, false
		// Without momentum bn_moments trains as ever, and predicts with the moments of no batch.
		y, z := got.method.Predict(got.tape, got.tape.Const(b.Images)), want.method.Predict(want.tape, want.tape.Const(b.Images))
		if d := apart(got.tape.Host(y), want.tape.Host(z)); name != "bn_moments" && d > 1e-4 {
			t.Errorf("predictions are %g apart", d)
		}
	})
}

func TestCARunThatStopsAnywhereGoesOnBitForBit(t *testing.T) {
	eachMechanism(t, func(t *testing.T, name string, c conformance) {
		rng := rand.New(rand.NewPCG(uint64(len(name)), 3))
		stop := 1 + rng.Int64N(epochs*steps-1)
		whole := c.rig(t, name, c.active).train(0, epochs*steps)
		first := c.rig(t, name, c.active).train(0, stop)
		var file bytes.Buffer
		must(t, nn.SaveState(&file, first, nil))
		second := c.rig(t, name, c.active)
		src, err := nn.ParseCheckpoint(file.Bytes())
		must(t, err)
		_, err = nn.LoadState(second, src, nn.LoadOptions{})
		must(t, err)
		second.train(stop, epochs*steps)
		var a, b bytes.Buffer
		must(t, nn.SaveState(&a, whole, nil))
		must(t, nn.SaveState(&b, second, nil))
		if !bytes.Equal(a.Bytes(), b.Bytes()) {
			t.Errorf("stopped at step %d: the state after %d steps is another", stop, epochs*steps)
		}
	})
}

func TestDBytesAreTheFormula(t *testing.T) {
	eachMechanism(t, func(t *testing.T, name string, c conformance) {
		r := c.rig(t, name, c.active).train(0, 2)
		_, ms := r.method.(*Method).Mechanisms()
		m := ms[len(ms)-1]
		p, d := int64(nn.CountParams(r.net)), int64(r.net.Layout().Map)
		if want := c.bytes(p, d, r); m.Bytes() != want {
			t.Errorf("%d bytes, want %d", m.Bytes(), want)
		}
		for _, s := range m.Stores() {
			for _, age := range s.Store.Ages(2) {
				if age < 0 || age > 2 {
					t.Errorf("store %s: an element of age %d after two steps", s.Name, age)
				}
			}
			if s.Store.Bookkeeping() < 0 {
				t.Errorf("store %s: bookkeeping of %d bytes", s.Name, s.Store.Bookkeeping())
			}
		}
	})
}

// The loss of a step, with its history as it is, along a random direction of the
// classifier's weights: the slope is the gradient.
func TestEGradientsWithTheHistoryFrozen(t *testing.T) {
	eachMechanism(t, func(t *testing.T, name string, c conformance) {
		if c.noProbe != "" {
			t.Skip(c.noProbe)
		}
		o := c.active
		if c.frozen != nil {
			o = c.frozen
		}
		r := c.rig(t, name, o).train(0, 4)
		b := batchOf(4)
		m := r.method.(*Method)
		measure := func() (*training.Loss, float64) {
			m.phase = idle
			l := r.loss(b)
			return l, float64(r.tape.Host(l.Total)[0])
		}
		params := nn.Params(r.net)
		w := params[len(params)-2].Var // the classifier's
		rng := rand.New(rand.NewPCG(7, 7))
		direction := make([]float32, len(w.Value.Float32s()))
		for i := range direction {
			direction[i] = float32(rng.NormFloat64())
		}
		l, _ := measure()
		must(t, r.tape.Backward(l.Total))
		slope := dot(w.Grad.Float32s(), direction)
		r.opt.ZeroGrad(r.tape)
		r.tape.Reset()
		at := func(h float32) float64 {
			for i, d := range direction {
				w.Value.Float32s()[i] += h * d
			}
			_, y := measure()
			for i, d := range direction {
				w.Value.Float32s()[i] -= h * d
			}
			r.tape.Reset()
			return y
		}
		const h = 1.0 / 128
		if found := (at(h) - at(-h)) / (2 * h); math.Abs(found-slope) > 2e-3*math.Max(1, math.Abs(slope)) {
			t.Errorf("slope %v, gradient %v", found, slope)
		}
	})
}

func TestFShuffledHooksAreRefused(t *testing.T) {
	eachMechanism(t, func(t *testing.T, name string, c conformance) {
		calls := map[string]func(r *rig, b *training.Batch) error{
			"Prepare":   func(r *rig, b *training.Batch) error { return r.method.Prepare(b) },
			"Loss":      func(r *rig, b *training.Batch) error { _, err := r.method.Loss(r.tape, b); return err },
			"Gradients": func(r *rig, b *training.Batch) error { return r.method.Gradients(b, nil) },
			"Stepped":   func(r *rig, b *training.Batch) error { return r.method.Stepped(b) },
			"EndEpoch":  func(r *rig, b *training.Batch) error { return r.method.EndEpoch(0) },
		}
		for _, order := range []string{"Loss", "Gradients", "Stepped", "Prepare Gradients", "Prepare Prepare", "Prepare Loss Stepped", "Prepare EndEpoch"} {
			o := c.active
			if o["mechanisms"] == nil { // the method by its name is another package's for recursivemix
				o = options{"mechanisms": name}
				for k, v := range c.active {
					o[name+"."+k] = v
				}
			}
			r := newRig(t, "historical", o)
			var err error
			names := strings.Fields(order)
			for i, call := range names {
				err = calls[call](r, batchOf(0))
				if i < len(names)-1 {
					must(t, err)
				}
			}
			if fault.CodeOf(err) != fault.Usage {
				t.Errorf("%s: error %v, want a usage fault", order, err)
			}
		}
	})
}

func TestSeveralMechanismsRunTogetherAndGoOnBitForBit(t *testing.T) {
	o := options{
		"mechanisms": "ps_kd xbm center_loss o2u moments lookahead weight_ema forgetting",
		"xbm.size":   int64(14), "xbm.start": int64(0), "o2u.watch_epochs": int64(1), "o2u.forget_rate": 0.2, "lookahead.k": int64(2), "moments.rule": "adan",
	}
	whole := newRig(t, "historical", o).train(0, 9)
	half := newRig(t, "historical", o).train(0, 5)
	var file, a, b bytes.Buffer
	must(t, nn.SaveState(&file, half, nil))
	rest := newRig(t, "historical", o)
	src, err := nn.ParseCheckpoint(file.Bytes())
	must(t, err)
	_, err = nn.LoadState(rest, src, nn.LoadOptions{})
	must(t, err)
	rest.train(5, 9)
	must(t, nn.SaveState(&a, whole, nil))
	must(t, nn.SaveState(&b, rest, nil))
	if !bytes.Equal(a.Bytes(), b.Bytes()) {
		t.Error("another state after going on")
	}
}

func TestMechanismsThatDoTheSameThingAreRefused(t *testing.T) {
	for _, names := range []string{"", "ps_kd ps_kd", "ps_kd temporal_targets", "eqlv2 dlb", "eqlv2 ps_kd", "nothing"} {
		if _, err := training.New("historical", options{"mechanisms": names}); fault.CodeOf(err) != fault.Usage {
			t.Errorf("%q: error %v, want a usage fault", names, err)
		}
	}
	if _, err := training.New("historical", options{"mechanisms": "ps_kd", "ps_kd.alhpa": 0.5}); fault.CodeOf(err) != fault.Usage {
		t.Errorf("a misspelt option of a mechanism: error %v", err)
	}
}

func TestALossForAllSamplesCannotBeWeighed(t *testing.T) {
	o := options{"mechanisms": "eqlv2 o2u", "o2u.watch_epochs": int64(1), "o2u.forget_rate": 0.3}
	r := newRig(t, "historical", o).train(0, steps) // the first epoch only watches
	must(t, r.method.Prepare(batchOf(steps)))
	if _, err := r.method.Loss(r.tape, batchOf(steps)); fault.CodeOf(err) != fault.Usage {
		t.Errorf("error %v, want a usage fault", err)
	}
}

func TestASampleBeyondTheTableIsRefused(t *testing.T) {
	for _, name := range []string{"ps_kd", "temporal_ensembling", "temporal_targets", "nce_bank", "o2u", "forgetting"} {
		r := newRig(t, name, nil)
		b := batchOf(0)
		b.IDs[2] = samples
		must(t, r.method.Prepare(b))
		if _, err := r.method.Loss(r.tape, b); fault.CodeOf(err) != fault.Usage {
			t.Errorf("%s: error %v, want a usage fault", name, err)
		}
	}
}

func TestHistoryIsACopy(t *testing.T) {
	e := newRig(t, "none", nil).e
	row := []float32{1, 2}
	table, ring, slot := NewTable(2, 2), NewRing(2, 2), NewSlot(1, 2)
	table.Set(0, row, 0)
	ring.Push(row, []int64{1}, 0)
	slot.Put(row, 0)
	v := &nn.Var{Value: tensor.New(tensor.WithShape(2), tensor.WithBacking([]float32{1, 2}))}
	snap := NewSnapshot(e, parameterList{v}, 1)
	must(t, snap.Take(0, 0))
	row[0], v.Value.Float32s()[0] = 9, 9
	held, _ := ring.Held()
	got, _ := slot.Get()
	if table.Row(0)[0] != 1 || held[0] != 1 || got[0] != 1 || snap.copies[0][0].Value.Float32s()[0] != 1 {
		t.Error("a store follows the memory that it was given")
	}
}

// parameterList is a module of unnamed parameters.
type parameterList []*nn.Var

func (p parameterList) Collect(c *nn.Collector) {
	for i, v := range p {
		c.Param(string(rune('a'+i)), v)
	}
}
