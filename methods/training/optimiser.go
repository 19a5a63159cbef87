package training

import (
	"maps"
	"slices"

	"github.com/tailorbird/tailorbird/methods/nn"
)

// optimiserSpec is an optimiser as a recipe sets it up.
type optimiserSpec struct {
	rule     nn.Rule
	lr       float64 // highest of the schedule
	decay    float64
	decayAll bool // also biases and the scales of norms
}

// rules make the rule of each optimiser from its own options.
var rules = map[string]func(o *Options) nn.Rule{
	"sgd": func(o *Options) nn.Rule { return sgdOf(o) },
	"adam": func(o *Options) nn.Rule {
		return nn.Adam{Betas: betasOf(o), Eps: epsOf(o), AMSGrad: o.Bool("amsgrad", false)}
	},
	"adamw": func(o *Options) nn.Rule {
		return nn.AdamW{Betas: betasOf(o), Eps: epsOf(o), AMSGrad: o.Bool("amsgrad", false)}
	},
	"nadam": func(o *Options) nn.Rule {
		return nn.NAdam{Betas: betasOf(o), Eps: epsOf(o), MomentumDecay: o.Float("momentum_decay", 0, 0, 1), Decoupled: o.Bool("decoupled", false)}
	},
	"radam": func(o *Options) nn.Rule {
		return nn.RAdam{Betas: betasOf(o), Eps: epsOf(o), Decoupled: o.Bool("decoupled", false)}
	},
	"adamax": func(o *Options) nn.Rule { return nn.Adamax{Betas: betasOf(o), Eps: epsOf(o)} },
	"adamp": func(o *Options) nn.Rule {
		return nn.AdamP{Betas: betasOf(o), Eps: epsOf(o), Nesterov: o.Bool("nesterov", false)}
	},
	"adan": func(o *Options) nn.Rule { return nn.Adan{Eps: epsOf(o), NoProx: o.Bool("no_prox", false)} },
	"adagrad": func(o *Options) nn.Rule {
		return nn.Adagrad{LRDecay: o.Float("lr_decay", 0, 0, 1), Eps: epsOf(o)}
	},
	"rmsprop": func(o *Options) nn.Rule {
		return nn.RMSprop{Alpha: o.Float("alpha", 0, 0, 1), Eps: epsOf(o), Momentum: momentumOf(o), Centered: o.Bool("centered", false)}
	},
	"lion": func(o *Options) nn.Rule { return nn.Lion{Betas: betasOf(o)} },
	"lars": func(o *Options) nn.Rule {
		return nn.LARS{SGD: sgdOf(o), Trust: o.Float("trust", 0, 0, 1), Eps: epsOf(o), TrustClip: o.Bool("trust_clip", false)}
	},
	"lamb": func(o *Options) nn.Rule {
		return nn.LAMB{Betas: betasOf(o), Eps: epsOf(o), TrustClip: o.Bool("trust_clip", false)}
	},
}

func sgdOf(o *Options) nn.SGD {
	s := nn.SGD{Momentum: momentumOf(o), Dampening: o.Float("dampening", 0, 0, 1), Nesterov: o.Bool("nesterov", false)}
	if s.Nesterov && (s.Momentum == 0 || s.Dampening != 0) {
		o.fail("nesterov: wants momentum above 0 and no dampening")
	}
	return s
}

func momentumOf(o *Options) float64 { return o.Float("momentum", 0, 0, 0.9999) }

// epsOf and betasOf leave zeros, which mean each rule's own defaults.
func epsOf(o *Options) float64 { return o.Float("eps", 0, 0, 1) }

func betasOf(o *Options) (b [2]float64) {
	if v := o.Floats("betas", nil, 0, 0.999999); len(v) == 2 {
		copy(b[:], v)
	} else if v != nil {
		o.fail("betas: want 2 numbers, found %d", len(v))
	}
	return b
}

// parseOptimiser reads {name: sgd, lr: 0.1, momentum: 0.9, weight_decay: 5e-4, ...}.
func parseOptimiser(n Named) (optimiserSpec, error) {
	rule, ok := rules[n.Name]
	if !ok {
		return optimiserSpec{}, unknown("optimizer", n.Name, slices.Sorted(maps.Keys(rules)))
	}
	o := n.options("optimizer")
	s := optimiserSpec{rule: rule(o), lr: o.Float("lr", 0.1, 0, 1e30), decay: o.Float("weight_decay", 0, 0, 1), decayAll: o.Bool("decay_bias_norm", true)}
	return s, o.Done()
}

// groups puts the parameters into groups of one weight decay.
func (s optimiserSpec) groups(params []nn.Entry) []nn.Group {
	if s.decayAll {
		return []nn.Group{{Params: params, LR: s.lr, Decay: s.decay}}
	}
	return nn.DecayGroups(params, s.decay)
}

// Clip limits gradients before the optimiser's step; zeros limit nothing.
type Clip struct {
	Norm     float64 `yaml:"norm,omitempty"`     // of all gradients together
	Value    float64 `yaml:"value,omitempty"`    // of each number
	Adaptive float64 `yaml:"adaptive,omitempty"` // of each unit, as a multiple of its weights' norm: arXiv:2102.06171
}
