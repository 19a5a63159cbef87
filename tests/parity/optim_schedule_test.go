package parity

import (
	"testing"

	"github.com/tailorbird/tailorbird/methods/nn"
)

func init() { register("lr_schedule", runSchedule) }

// scheduleConfig has the keys of all schedules.
type scheduleConfig struct {
	Name  string
	LR    float64
	MinLR float64 `json:"min_lr"`
	TMax  float64 `json:"t_max"`

	T0    float64
	TMult float64 `json:"t_mult"`

	Step, Gamma float64
	Milestones  []float64
	Total       float64
	Power       float64

	Warmup      float64
	StartFactor float64 `json:"warmup_start_factor"`
	Rebased     *bool

	MaxLR      float64 `json:"max_lr"`
	TotalSteps float64 `json:"total_steps"`
	PctStart   float64 `json:"pct_start"`
	Div        float64 `json:"div_factor"`
	FinalDiv   float64 `json:"final_div_factor"`
	Anneal     string  `json:"anneal_strategy"`
	ThreePhase bool    `json:"three_phase"`

	TInitial     float64 `json:"t_initial"`
	LRMin        float64 `json:"lr_min"`
	WarmupT      float64 `json:"warmup_t"`
	WarmupInit   float64 `json:"warmup_lr_init"`
	WarmupPrefix *bool   `json:"warmup_prefix"`
	CycleMul     float64 `json:"cycle_mul"`
	CycleDecay   float64 `json:"cycle_decay"`
	CycleLimit   *int    `json:"cycle_limit"`
	DecayT       float64 `json:"decay_t"`
	DecayRate    float64 `json:"decay_rate"`

	Epochs float64
	Cycles float64
	First  float64
	WarmLR float64 `json:"warm_lr"`
	Steps  []float64
}

// is returns a flag, or its default where it is absent.
func is(flag *bool, def bool) bool {
	if flag == nil {
		return def
	}
	return *flag
}

// schedule returns nn's form and the times from which, and at which distance, the
// case samples it.
func (c scheduleConfig) schedule(t *testing.T) (s nn.Schedule, first, step float64) {
	t.Helper()
	cosine := func(period float64) nn.Cosine { return nn.Cosine{LR: c.LR, Min: c.MinLR, Period: period} }
	timm := func(s nn.Schedule, prefix bool) nn.Schedule {
		return nn.Warmup{Steps: c.WarmupT, From: c.WarmupInit, Then: s, Absolute: !is(c.WarmupPrefix, prefix)}
	}
	switch c.Name {
	case "cosine":
		s = cosine(c.TMax)
	case "cosine_restarts":
		s = nn.CosineRestarts{LR: c.LR, Min: c.MinLR, Period: c.T0, Mult: c.TMult}
	case "step":
		s = nn.StepDecay{LR: c.LR, Every: c.Step, Gamma: c.Gamma}
	case "multistep":
		s = nn.MultiStep{LR: c.LR, Gamma: c.Gamma, Milestones: c.Milestones}
	case "exponential":
		s = nn.Exponential{LR: c.LR, Gamma: c.Gamma}
	case "polynomial":
		s = nn.Polynomial{LR: c.LR, Min: c.MinLR, Total: c.Total, Power: c.Power}
	case "onecycle":
		s = nn.OneCycle{Max: c.MaxLR, Total: c.TotalSteps, Rise: c.PctStart, Div: c.Div, FinalDiv: c.FinalDiv, Linear: c.Anneal == "linear", ThreePhase: c.ThreePhase}
	case "warmup_cosine":
		w := nn.Warmup{Steps: c.Warmup, From: c.LR * c.StartFactor, Then: cosine(c.Total - c.Warmup)}
		if !is(c.Rebased, true) {
			w.Then, w.Absolute = cosine(c.Total), true
		}
		s = w
	case "hf_linear":
		s = nn.Warmup{Steps: c.Warmup, Then: nn.Polynomial{LR: c.LR, Total: c.Total - c.Warmup}}
	case "hf_cosine":
		s = nn.Warmup{Steps: c.Warmup, Then: cosine(c.Total - c.Warmup)}
	case "mae_half_cosine":
		return nn.Warmup{Steps: c.Warmup, Then: cosine(c.Total - c.Warmup)}, 0, c.Step
	case "timm_cosine":
		limit := 1
		if c.CycleLimit != nil {
			limit = *c.CycleLimit
		}
		s = timm(nn.CosineRestarts{LR: c.LR, Min: c.LRMin, Period: c.TInitial, Mult: c.CycleMul, Decay: c.CycleDecay, Limit: limit}, false)
	case "timm_poly":
		s = timm(nn.Polynomial{LR: c.LR, Min: c.LRMin, Total: c.TInitial, Power: c.Power}, false)
	case "timm_step":
		s = timm(nn.StepDecay{LR: c.LR, Every: c.DecayT, Gamma: c.DecayRate}, true)
	case "dynamic_mlp": // epochs from 1, not re-based after the warm-up
		return cosine(c.Epochs), c.First - 1, 1
	case "pomp":
		s = nn.Phases{{Length: 1, Schedule: nn.Fixed(c.WarmLR)}, {Schedule: cosine(c.Epochs)}}
	case "recursivemix_imagenet":
		s = nn.WarmupByEpoch(c.Warmup, c.LR, cosine(c.Epochs))
	case "simvg":
		m := nn.MultiStep{LR: c.LR, Gamma: 0.1}
		for _, e := range c.Steps {
			m.Milestones = append(m.Milestones, e-1)
		}
		s = nn.WarmupByEpoch(c.Warmup, c.LR, m)
	case "snapshot":
		s = nn.CosineRestarts{LR: c.LR, Period: float64(int(c.Epochs+c.Cycles-1) / int(c.Cycles))}
	default:
		t.Fatalf("schedule %s is unknown", c.Name)
	}
	return s, 0, 1
}

func runSchedule(t *testing.T, c *Case) {
	var cfg scheduleConfig
	c.DecodeConfig(t, &cfg)
	s, first, step := cfg.schedule(t)
	got := make([]float64, c.Output("lr").Shape[0])
	for i := range got {
		got[i] = s.At(first + step*float64(i))
	}
	c.Check(t, "lr", got, len(got))
}
