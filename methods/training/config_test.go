package training

import (
	"math"
	"strings"
	"testing"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/methods/nn"
)

func TestWrongSettingsAreRefusedByName(t *testing.T) {
	t.Parallel()
	set := func(n *Named, name string, v any) {
		o := map[string]any{name: v}
		for k, v := range n.Options {
			if k != name {
				o[k] = v
			}
		}
		n.Options = o
	}
	for _, test := range []struct {
		want   string
		change func(c *Config)
	}{
		{`no network "resnet9"`, func(c *Config) { c.Model.Name = "resnet9" }},
		{`model resnet8 has no option "depth"`, func(c *Config) { set(&c.Model, "depth", 3) }},
		{`model vgg8 has no option "width"`, func(c *Config) { c.Model.Name = "vgg8" }},
		{`no optimizer "sdg"`, func(c *Config) { c.Optimiser.Name = "sdg" }},
		{`optimizer sgd: lr: want a number`, func(c *Config) { set(&c.Optimiser, "lr", "high") }},
		{`optimizer sgd has no option "betas"`, func(c *Config) { set(&c.Optimiser, "betas", []any{0.9, 0.99}) }},
		{`optimizer adam: betas: want 2 numbers, found 1`, func(c *Config) { c.Optimiser = Named{"adam", map[string]any{"betas": []float64{0.9}}} }},
		{`nesterov: wants momentum`, func(c *Config) { set(&c.Optimiser, "momentum", 0) }},
		{`no schedule "cosinus"`, func(c *Config) { c.Schedule.Name = "cosinus" }},
		{`schedule cosine: warmup_epochs: want a number between 0 and 3`, func(c *Config) { set(&c.Schedule, "warmup_epochs", 4) }},
		{`schedule multistep: milestones: want epochs in rising order`, func(c *Config) { c.Schedule = Named{"multistep", map[string]any{"milestones": []int{2, 1}}} }},
		{`no method "noone"`, func(c *Config) { c.Use, c.Method.Name = nil, "noone" }},
		{`method none has no option "alpha"`, func(c *Config) { c.Use, c.Method = nil, Named{"none", map[string]any{"alpha": 1}} }},
		{`epochs is 0`, func(c *Config) { c.Epochs = 0 }},
		{`50 samples make no batch of 51`, func(c *Config) { c.Batch = 51 }},
		{`no folder`, func(c *Config) { c.Dir = "" }},
		{`no data`, func(c *Config) { c.Train = nil }},
		{`clip: limits`, func(c *Config) { c.Clip.Norm = -1 }},
	} {
		t.Run(test.want, func(t *testing.T) {
			t.Parallel()
			c := small(t, t.TempDir())
			test.change(&c)
			tr, err := NewTrainer(c)
			if err == nil {
				tr.Close()
			}
			if fault.CodeOf(err) != fault.Usage || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v", err)
			}
		})
	}
}

func TestSchedulesFollowTheirFormulas(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		options map[string]any
		at      map[float64]float64
	}{
		{"constant", nil, map[float64]float64{0: 1, 9.9: 1}},
		{"constant", map[string]any{"warmup_epochs": 2}, map[float64]float64{0: 1. / 21, 1: (1 + 1./21) / 2, 2: 1, 5: 1}},
		{"step", map[string]any{"every": 3, "gamma": 0.5}, map[float64]float64{0: 1, 2.9: 1, 3: 0.5, 9: 0.125}},
		{"multistep", map[string]any{"milestones": []int{5, 8}}, map[float64]float64{4.99: 1, 5: 0.1, 8: 0.01}},
		{"exponential", map[string]any{"gamma": 0.9, "by": "epoch"}, map[float64]float64{0.7: 1, 2.5: 0.81}},
		{"cosine", nil, map[float64]float64{0: 1, 5: 0.5, 10: 0}},
		{"cosine", map[string]any{"by": "epoch"}, map[float64]float64{0.9: 1, 5.9: 0.5}},
		{"cosine", map[string]any{"warmup_epochs": 2, "min_lr": 0.5}, map[float64]float64{2: 1, 6: 0.75, 10: 0.5}},
		{"cosine", map[string]any{"warmup_epochs": 2, "by": "epoch"}, map[float64]float64{0.5: 1. / 3, 1.9: 2. / 3, 2: 1, 6: 0.5}},
		{"cosine", map[string]any{"warmup_epochs": 10}, map[float64]float64{9.999999: 1}},
		{"polynomial", map[string]any{"power": 2}, map[float64]float64{0: 1, 5: 0.25, 10: 0}},
	} {
		s, err := parseSchedule(Named{test.name, test.options}, 1, 10, 10)
		if err != nil {
			t.Fatal(err)
		}
		for at, want := range test.at {
			if got := s.At(at); math.Abs(got-want) > 1e-6 {
				t.Errorf("%s %v at %g: %g, want %g", test.name, test.options, at, got, want)
			}
		}
	}
}

func TestEveryOptimiserAndClipTrains(t *testing.T) {
	t.Parallel()
	seen := map[string]string{}
	for name := range rules {
		if testing.Short() && name != "adamw" && name != "lars" {
			continue
		}
		seen[name] = trainedBy(t, Named{name, map[string]any{"lr": 0.003, "weight_decay": 0.01}}, Clip{})
	}
	seen["sgd undecayed"] = trainedBy(t, Named{"sgd", map[string]any{"lr": 0.003, "weight_decay": 0.01, "decay_bias_norm": false}}, Clip{})
	seen["clip norm"] = trainedBy(t, Named{"sgd", map[string]any{"lr": 0.003, "weight_decay": 0.01}}, Clip{Norm: 0.01})
	seen["clip value"] = trainedBy(t, Named{"sgd", map[string]any{"lr": 0.003, "weight_decay": 0.01}}, Clip{Value: 0.001})
	seen["clip adaptive"] = trainedBy(t, Named{"sgd", map[string]any{"lr": 0.003, "weight_decay": 0.01}}, Clip{Adaptive: 0.001})
	by := map[string]string{}
	for name, sum := range seen {
		if other, ok := by[sum]; ok {
			t.Errorf("%s and %s give the same weights", name, other)
		}
		by[sum] = name
	}
}

func trainedBy(t *testing.T, o Named, clip Clip) string {
	t.Helper()
	c := small(t, t.TempDir())
	c.Optimiser, c.Clip, c.Epochs, c.Use, c.Eval = o, clip, 1, nil, nil
	c.Schedule = Named{}
	return trained(t, c).FinalSHA256
}

func TestModelsTakeWidthAndLayers(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		options map[string]any
		params  int
	}{
		{"resnet20", nil, 272_474},
		{"resnet20", map[string]any{"width": 16}, 272_474},
		{"resnet8", map[string]any{"layers": []int{3, 3, 3}}, 272_474},
		{"resnet18_cifar", map[string]any{"width": 64}, 11_173_962},
		{"vgg8", nil, 3_918_858},
	} {
		net, err := NewModel(Named{test.name, test.options}, 10)
		if err != nil {
			t.Fatal(err)
		}
		if got := nn.CountParams(net); got != test.params {
			t.Errorf("%s %v: %d parameters, want %d", test.name, test.options, got, test.params)
		}
	}
}

func TestState64KeepsEveryBit(t *testing.T) {
	t.Parallel()
	s := NewState64(3)
	for _, x := range []float64{math.Pi, math.Inf(-1), math.SmallestNonzeroFloat64, math.Copysign(0, -1), math.Float64frombits(0x7ff8000000000123)} {
		s.SetFloat(1, x)
		if got := s.Float(1); math.Float64bits(got) != math.Float64bits(x) {
			t.Errorf("%x became %x", x, got)
		}
	}
	s.SetFloat(2, 1)
	if s.AddFloat(2, 1e-16) != 1 || s.AddFloat(2, 0.5) != 1.5 || s.Len() != 3 || s.Ints()[0] != 0 {
		t.Errorf("%v", s.Ints())
	}
	var none *State64
	if none.Var() != nil {
		t.Error("a nil State64 has a buffer")
	}
}

func TestPartsAreCheckedWithoutData(t *testing.T) {
	t.Parallel()
	model, sgd, cosine := Named{Name: "resnet8"}, Named{Name: "sgd"}, Named{Name: "cosine"}
	if err := CheckParts(model, sgd, cosine, 10, 5); err != nil {
		t.Error(err)
	}
	for i, err := range []error{
		CheckParts(Named{Name: "resnet9"}, sgd, cosine, 10, 5),
		CheckParts(model, Named{"sgd", map[string]any{"lrs": 1}}, cosine, 10, 5),
		CheckParts(model, sgd, Named{"cosine", map[string]any{"warmup_epochs": 6}}, 10, 5),
	} {
		if fault.CodeOf(err) != fault.Usage {
			t.Errorf("case %d: %v", i, err)
		}
	}
}
