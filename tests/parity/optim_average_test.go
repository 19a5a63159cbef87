package parity

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"gorgonia.org/tensor"

	"github.com/tailorbird/tailorbird/kernels/cpu"
	"github.com/tailorbird/tailorbird/methods/nn"
)

func init() {
	register("ema", runEMA)
	register("ema_torch", func(t *testing.T, c *Case) {
		var cfg struct{ Decay float64 }
		c.DecodeConfig(t, &cfg)
		runAverage(t, c, nn.PlainEMA(cfg.Decay), 0, "average.")
	})
	register("swa", func(t *testing.T, c *Case) { runAverage(t, c, nn.SWA{}, 0, "average.") })
	register("update_bn", runUpdateBatchNorm)
	register("layer_decay", runLayerDecay)
	register("layer_scale", runLayerScale)
	register("optimizer_mlp", runOptimizerMLP)
}

// order reads the order of a norm: absent means 2, and there is "inf".
func order(t *testing.T, v any) float64 {
	t.Helper()
	switch v := v.(type) {
	case nil:
		return 2
	case float64:
		return v
	case string:
		if strings.Contains(v, "inf") {
			return math.Inf(1)
		}
	}
	t.Fatalf("norm type %v", v)
	return 0
}

// params is a module of parameters without structure.
type params []nn.Entry

func (p params) Collect(c *nn.Collector) {
	for _, e := range p {
		c.Param(e.Name, e.Var)
	}
}

func runEMA(t *testing.T, c *Case) {
	var cfg struct {
		Decay, Power float64
		MinDecay     float64 `json:"min_decay"`
		UpdateAfter  int64   `json:"update_after_step"`
		Warmup       bool    `json:"use_warmup"`
		Gamma        float64 `json:"warmup_gamma"`
	}
	c.DecodeConfig(t, &cfg)
	ema := nn.EMA{Decay: cfg.Decay, UpdateAfter: cfg.UpdateAfter, Warmup: cfg.Warmup, Gamma: cfg.Gamma, Power: cfg.Power, MinDecay: cfg.MinDecay}
	if o := c.Output("decay"); o != nil {
		decays := make([]float64, o.Shape[0])
		for i := range decays {
			decays[i] = ema.DecayAt(int64(i + 1))
		}
		c.Check(t, "decay", decays, len(decays))
	}
	runAverage(t, c, ema, 1, "ema.")
}

// runAverage feeds the rows w[first], w[first+1], ... of the weights to an average
// that begins at w[0], and compares it after each of them.
func runAverage(t *testing.T, c *Case, rule nn.Averaging, first int, output string) {
	t.Helper()
	e := cpu.New(cpu.Options{})
	defer e.Close()
	var model params
	rows := c.named(t, "w.")
	for _, r := range rows {
		model = append(model, nn.Entry{Name: r.Name, Var: nn.NewParam(nil, r.Var.Shape()[1:]...)})
	}
	set := func(i int) {
		for j, p := range model {
			v := p.Var.Value.Float32s()
			copy(v, rows[j].Var.Value.Float32s()[i*len(v):])
		}
	}
	set(0)
	avg, err := nn.NewAverage(e, model, rule)
	if err != nil {
		t.Fatal(err)
	}
	got := make([][]float32, len(model))
	note := func() {
		for i, p := range nn.Params(avg) {
			got[i] = append(got[i], p.Var.Value.Float32s()...)
		}
	}
	if first == 1 {
		note()
	}
	for i := first; i < rows[0].Var.Dim(0); i++ {
		set(i)
		if err := avg.Update(); err != nil {
			t.Fatal(err)
		}
		note()
	}
	for i, r := range rows {
		c.Check(t, output+r.Name, got[i], r.Var.Shape()...)
	}
}

func runUpdateBatchNorm(t *testing.T, c *Case) {
	e := cpu.New(cpu.Options{})
	defer e.Close()
	tp := nn.NewTape(e)
	var bn *nn.BatchNorm2d
	err := func() error {
		var xs []*nn.Var
		for i := 0; c.Has(fmt.Sprint("x", i)); i++ {
			v, shape := c.F32(t, fmt.Sprint("x", i))
			xs = append(xs, tp.Const(tensor.New(tensor.WithShape(shape...), tensor.WithBacking(v))))
		}
		bn = nn.NewBatchNorm2d(xs[0].Dim(1))
		return nn.UpdateBatchNorm(tp, bn, func(yield func(func()) bool) {
			for _, x := range xs {
				if !yield(func() { bn.Forward(tp, x) }) {
					return
				}
			}
		})
	}()
	if err != nil {
		t.Fatal(err)
	}
	c.Check(t, "running_mean", bn.RunningMean.Value.Float32s(), bn.RunningMean.Shape()...)
	c.Check(t, "running_var", bn.RunningVar.Value.Float32s(), bn.RunningVar.Shape()...)
}

func runLayerDecay(t *testing.T, c *Case) {
	var cfg struct {
		LayerDecay float64 `json:"layer_decay"`
		Decay      float64 `json:"weight_decay"`
		Model      string
		Depth      any
	}
	c.DecodeConfig(t, &cfg)
	o := nn.LayerDecay{Rate: cfg.LayerDecay, Decay: cfg.Decay}
	switch depth := cfg.Depth.(type) {
	case float64:
		o.Layer, o.NoDecay = nn.ViTLayer(int(depth)), nn.ViTNoDecay
	case []any:
		depths := make([]int, len(depth))
		for i, d := range depth {
			depths[i] = int(d.(float64))
		}
		o.Layer, o.NoDecay = nn.SwinLayer(depths...), nn.SwinNoDecay
	}
	var want struct {
		Parameters map[string]struct {
			Shape   []int
			LRScale float64 `json:"lr_scale"`
			Decay   float64 `json:"weight_decay"`
		}
	}
	c.DecodeFile(t, "expected.json", &want)
	var model params
	for name, p := range want.Parameters {
		model = append(model, nn.Entry{Name: name, Var: nn.NewParam(nil, p.Shape...)})
	}
	slices.SortFunc(model, func(a, b nn.Entry) int { return strings.Compare(a.Name, b.Name) })
	seen := 0
	for _, g := range nn.LayerDecayGroups(nn.Params(model), o) {
		for _, p := range g.Params {
			seen++
			w := want.Parameters[p.Name]
			if math.Abs(g.Scale-w.LRScale) > 1e-12 || g.Decay != w.Decay {
				t.Errorf("%s: scale %v, decay %v; want %v, %v", p.Name, g.Scale, g.Decay, w.LRScale, w.Decay)
			}
		}
	}
	if seen == 0 || seen != len(want.Parameters) {
		t.Errorf("%d parameters in groups, want %d", seen, len(want.Parameters))
	}
}

func runLayerScale(t *testing.T, c *Case) {
	var cfg struct {
		Blocks     int
		LayerDecay float64 `json:"layer_decay"`
	}
	c.DecodeConfig(t, &cfg)
	c.Check(t, "scale", nn.LayerScales(cfg.LayerDecay, cfg.Blocks+2), cfg.Blocks+2)
}

// runOptimizerMLP trains y = relu(x w1^T + b1) w2^T + b2 with cross entropy.
func runOptimizerMLP(t *testing.T, c *Case) {
	e := cpu.New(cpu.Options{})
	defer e.Close()
	var cfg struct {
		hyper
		Steps  int
		Groups []struct {
			Params []string
			LR     float64
			Decay  float64 `json:"weight_decay"`
		}
		Schedule *struct {
			Name  string
			Steps float64
			Min   float64 `json:"min_lr"`
		}
	}
	c.DecodeConfig(t, &cfg)
	ps := c.named(t, "p.")
	by := map[string]*nn.Var{}
	for _, p := range ps {
		by[p.Name] = p.Var
	}
	rule, h := cfg.rule(t)
	groups := []nn.Group{{Params: ps, LR: h.LR, Decay: h.Decay}}
	if cfg.Groups != nil {
		groups = nil
	}
	for _, g := range cfg.Groups {
		group := nn.Group{LR: g.LR, Decay: g.Decay}
		for _, name := range g.Params {
			group.Params = append(group.Params, nn.Entry{Name: name, Var: by[name]})
		}
		groups = append(groups, group)
	}
	opt, err := nn.NewOptimiser(e, rule, groups...)
	if err != nil {
		t.Fatal(err)
	}
	base := slices.Clone(opt.Groups)
	tp := nn.NewTape(e)
	x, xs := c.F32(t, "x")
	labels, _ := c.I64(t, "labels")
	var losses []float32
	for i := range cfg.Steps {
		for j, g := range base {
			if cfg.Schedule != nil {
				opt.Groups[j].LR = nn.Cosine{LR: g.LR, Min: cfg.Schedule.Min, Period: cfg.Schedule.Steps}.At(float64(i))
			}
		}
		n, m := xs[1]*xs[2], xs[1]
		hidden := tp.ReLU(tp.Linear(tp.Upload(x[i*n:(i+1)*n], xs[1:]...), by["w1"], by["b1"]))
		y := tp.Linear(hidden, by["w2"], by["b2"])
		loss := tp.CrossEntropy(y, tensor.New(tensor.WithShape(m), tensor.WithBacking(labels[i*m:(i+1)*m])), nn.CrossEntropy{})
		losses = append(losses, tp.Host(loss)...)
		if err := tp.Backward(loss); err != nil {
			t.Fatal(err)
		}
		if err := opt.Step(); err != nil {
			t.Fatal(err)
		}
		opt.ZeroGrad(tp)
		tp.Reset()
	}
	c.Check(t, "losses", losses, cfg.Steps)
	for _, p := range ps {
		c.Check(t, "final."+p.Name, p.Var.Value.Float32s(), p.Var.Shape()...)
	}
}
