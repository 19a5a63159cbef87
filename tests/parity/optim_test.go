package parity

import (
	"slices"
	"strings"
	"testing"

	"gorgonia.org/tensor"

	"github.com/tailorbird/tailorbird/kernels/cpu"
	"github.com/tailorbird/tailorbird/methods/nn"
)

func init() {
	register("optimizer", runOptimizer)
	register("clip_grad_norm", runClipNorm)
	register("clip_grad_value", runClipValue)
	register("clip_grad_adaptive", runClipAdaptive)
}

// hyper is the configuration of an optimiser. Keys that an algorithm does not
// have are absent.
type hyper struct {
	Algorithm string
	LR        float64
	Decay     float64 `json:"weight_decay"`
	Betas     []float64
	Eps       float64
	Maximize  bool

	Momentum, Dampening float64
	Nesterov            bool
	AMSGrad             bool

	MomentumDecay  float64 `json:"momentum_decay"`
	DecoupledDecay bool    `json:"decoupled_decay"`
	DecoupledTorch bool    `json:"decoupled_weight_decay"`

	Alpha        float64
	Centered     bool
	LRInMomentum *bool `json:"lr_in_momentum"`

	LRDecay float64 `json:"lr_decay"`
	Initial float64 `json:"initial_accumulator_value"`

	TrustCoeff  float64 `json:"trust_coeff"`
	TrustClip   bool    `json:"trust_clip"`
	AlwaysAdapt bool    `json:"always_adapt"`

	MaxGradNorm    *float64 `json:"max_grad_norm"`
	BiasCorrection *bool    `json:"bias_correction"`
	GradAveraging  *bool    `json:"grad_averaging"`

	Delta   float64
	WDRatio float64 `json:"wd_ratio"`
	NoProx  bool    `json:"no_prox"`

	K    int
	Base *hyper
}

func (h hyper) pair() (b [2]float64) {
	copy(b[:], h.Betas)
	return b
}

func no(b *bool) bool { return b != nil && !*b }

// rule returns nn's form of the algorithm, and the hyper-parameters that groups use.
func (h hyper) rule(t *testing.T) (nn.Rule, hyper) {
	t.Helper()
	sgd := nn.SGD{Momentum: h.Momentum, Dampening: h.Dampening, Nesterov: h.Nesterov, Maximise: h.Maximize}
	decoupled := h.DecoupledDecay || h.DecoupledTorch
	switch h.Algorithm {
	case "sgd":
		return sgd, h
	case "adam":
		return nn.Adam{Betas: h.pair(), Eps: h.Eps, AMSGrad: h.AMSGrad, Decoupled: decoupled, Maximise: h.Maximize}, h
	case "adamw":
		return nn.AdamW{Betas: h.pair(), Eps: h.Eps, AMSGrad: h.AMSGrad, Maximise: h.Maximize}, h
	case "nadam":
		return nn.NAdam{Betas: h.pair(), Eps: h.Eps, MomentumDecay: h.MomentumDecay, Decoupled: decoupled, Maximise: h.Maximize}, h
	case "radam":
		return nn.RAdam{Betas: h.pair(), Eps: h.Eps, Decoupled: decoupled, Maximise: h.Maximize}, h
	case "adamax":
		return nn.Adamax{Betas: h.pair(), Eps: h.Eps, Maximise: h.Maximize}, h
	case "adamp":
		return nn.AdamP{Betas: h.pair(), Eps: h.Eps, Delta: h.Delta, DecayRatio: h.WDRatio, Nesterov: h.Nesterov}, h
	case "adan":
		r := nn.Adan{Eps: h.Eps, NoProx: h.NoProx}
		copy(r.Betas[:], h.Betas)
		return r, h
	case "adagrad":
		return nn.Adagrad{LRDecay: h.LRDecay, Initial: h.Initial, Eps: h.Eps, Maximise: h.Maximize}, h
	case "rmsprop":
		return nn.RMSprop{Alpha: h.Alpha, Eps: h.Eps, Momentum: h.Momentum, Centered: h.Centered, Maximise: h.Maximize}, h
	case "rmsprop_tf":
		return nn.RMSpropTF{Alpha: h.Alpha, Eps: h.Eps, Momentum: h.Momentum, Centered: h.Centered, Decoupled: decoupled, LROutside: no(h.LRInMomentum)}, h
	case "lion":
		return nn.Lion{Betas: h.pair(), Maximise: h.Maximize}, h
	case "lars":
		return nn.LARS{SGD: sgd, Trust: h.TrustCoeff, Eps: h.Eps, TrustClip: h.TrustClip, AlwaysAdapt: h.AlwaysAdapt}, h
	case "lamb":
		r := nn.LAMB{Betas: h.pair(), Eps: h.Eps, NoBiasCorrection: no(h.BiasCorrection), NoAveraging: no(h.GradAveraging), TrustClip: h.TrustClip, AlwaysAdapt: h.AlwaysAdapt, Decoupled: decoupled}
		if h.MaxGradNorm != nil {
			r.MaxGradNorm = *h.MaxGradNorm
		}
		return r, h
	case "lookahead":
		base, groups := h.Base.rule(t)
		return nn.Lookahead{Base: base, K: h.K, Alpha: h.Alpha}, groups
	}
	t.Fatalf("algorithm %s is unknown", h.Algorithm)
	return nil, h
}

// named returns the inputs with a prefix as parameters, in the order of the file.
func (c *Case) named(t *testing.T, prefix string) []nn.Entry {
	t.Helper()
	var out []nn.Entry
	for _, in := range c.Inputs {
		if name, ok := strings.CutPrefix(in.Name, prefix); ok {
			v, shape := c.F32(t, in.Name)
			p := nn.NewParam(nil, shape...)
			copy(p.Value.Float32s(), v)
			out = append(out, nn.Entry{Name: name, Var: p})
		}
	}
	if len(out) == 0 {
		t.Fatalf("the case has no inputs %s*", prefix)
	}
	return out
}

// setGrads gives every parameter row i of the input with its name, or all of it
// where i is negative.
func (c *Case) setGrads(t *testing.T, params []nn.Entry, prefix string, i int) {
	t.Helper()
	for _, p := range params {
		v, shape := c.F32(t, prefix+p.Name)
		if i >= 0 {
			n := len(v) / shape[0]
			v, shape = v[i*n:(i+1)*n], shape[1:]
		}
		p.Var.Grad = tensor.New(tensor.WithShape(shape...), tensor.WithBacking(slices.Clone(v)))
	}
}

func runOptimizer(t *testing.T, c *Case) {
	e := cpu.New(cpu.Options{})
	defer e.Close()
	var h hyper
	c.DecodeConfig(t, &h)
	rule, h := h.rule(t)
	params := c.named(t, "p.")
	opt, err := nn.NewOptimiser(e, rule, nn.Group{Params: params, LR: h.LR, Decay: h.Decay})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string][]float32{}
	note := func() {
		for _, p := range params {
			got[p.Name] = append(got[p.Name], p.Var.Value.Float32s()...)
		}
	}
	_, shape := c.F32(t, "g."+params[0].Name)
	note()
	for i := range shape[0] {
		c.setGrads(t, params, "g.", i)
		if err := opt.Step(); err != nil {
			t.Fatal(err)
		}
		note()
	}
	for _, p := range params {
		c.Check(t, "trajectory."+p.Name, got[p.Name], append([]int{shape[0] + 1}, p.Var.Shape()...)...)
	}
}

func runClipNorm(t *testing.T, c *Case) {
	var cfg struct {
		MaxNorm  float64 `json:"max_norm"`
		NormType any     `json:"norm_type"`
	}
	c.DecodeConfig(t, &cfg)
	clip(t, c, "g.", func(e *cpu.Engine, params []nn.Entry) error {
		norm, err := nn.ClipGradNorm(e, params, cfg.MaxNorm, order(t, cfg.NormType))
		c.Check(t, "total_norm", []float64{norm})
		return err
	})
}

func runClipValue(t *testing.T, c *Case) {
	var cfg struct {
		Value float64 `json:"clip_value"`
	}
	c.DecodeConfig(t, &cfg)
	clip(t, c, "g.", func(e *cpu.Engine, params []nn.Entry) error { return nn.ClipGradValue(e, params, cfg.Value) })
}

func runClipAdaptive(t *testing.T, c *Case) {
	var cfg struct {
		Factor   float64 `json:"clip_factor"`
		Eps      float64
		NormType any `json:"norm_type"`
	}
	c.DecodeConfig(t, &cfg)
	clip(t, c, "w.", func(e *cpu.Engine, params []nn.Entry) error {
		return nn.ClipGradAdaptive(e, params, nn.AdaptiveClip{Factor: cfg.Factor, Eps: cfg.Eps, Order: order(t, cfg.NormType)})
	})
}

// clip gives the parameters of a prefix their gradients, lets f change those and
// compares them.
func clip(t *testing.T, c *Case, prefix string, f func(*cpu.Engine, []nn.Entry) error) {
	t.Helper()
	e := cpu.New(cpu.Options{})
	defer e.Close()
	params := c.named(t, prefix)
	c.setGrads(t, params, "g.", -1)
	if err := f(e, params); err != nil {
		t.Fatal(err)
	}
	for _, p := range params {
		c.Check(t, "clipped."+p.Name, p.Var.Grad.Float32s(), p.Var.Shape()...)
	}
}
