package training

import (
	"maps"
	"math"
	"slices"

	"github.com/tailorbird/tailorbird/methods/nn"
)

// schedule is the learning rate over the run; time counts in epochs.
type schedule struct {
	nn.Schedule
	whole bool // it changes between epochs only
}

// At is the learning rate at a time in epochs, from 0.
func (s schedule) At(t float64) float64 {
	if s.whole {
		t = math.Floor(t)
	}
	return s.Schedule.At(t)
}

// span is what a schedule stretches over, in epochs.
type span struct {
	lr, epochs float64
	steps      int // an epoch
}

// A shape makes a schedule over the epochs that follow the warm-up. absolute says
// that its clock begins with the run.
type shape struct {
	absolute bool
	make     func(o *Options, s span) nn.Schedule
}

var shapes = map[string]shape{
	"constant": {true, func(_ *Options, s span) nn.Schedule { return nn.Fixed(s.lr) }},
	"step": {true, func(o *Options, s span) nn.Schedule {
		return nn.StepDecay{LR: s.lr, Every: o.Float("every", 30, 1e-3, 1e9), Gamma: o.Float("gamma", 0.1, 0, 1)}
	}},
	"multistep": {true, func(o *Options, s span) nn.Schedule {
		at := o.Floats("milestones", nil, 0, 1e9)
		if !slices.IsSorted(at) || len(at) == 0 {
			o.fail("milestones: want epochs in rising order, found %v", at)
		}
		return nn.MultiStep{LR: s.lr, Milestones: at, Gamma: o.Float("gamma", 0.1, 0, 1)}
	}},
	"exponential": {true, func(o *Options, s span) nn.Schedule {
		return nn.Exponential{LR: s.lr, Gamma: o.Float("gamma", 0.95, 0, 1)}
	}},
	"cosine": {false, func(o *Options, s span) nn.Schedule {
		return nn.Cosine{LR: s.lr, Min: o.Float("min_lr", 0, 0, s.lr), Period: s.epochs}
	}},
	"polynomial": {false, func(o *Options, s span) nn.Schedule {
		return nn.Polynomial{LR: s.lr, Min: o.Float("min_lr", 0, 0, s.lr), Total: s.epochs, Power: o.Float("power", 1, 0, 10)}
	}},
}

// parseSchedule reads {name: cosine, warmup_epochs: 1, min_lr: 0, by: step}. The
// warm-up rises in a straight line to lr; its first step is one step's share of it.
func parseSchedule(n Named, lr float64, epochs, steps int) (schedule, error) {
	kind, ok := shapes[n.Name]
	if !ok {
		return schedule{}, unknown("schedule", n.Name, slices.Sorted(maps.Keys(shapes)))
	}
	o := n.options("schedule")
	warm := o.Float("warmup_epochs", 0, 0, float64(epochs))
	whole := o.Text("by", "step", "step", "epoch") == "epoch"
	rest := span{lr, float64(epochs), steps}
	if !kind.absolute {
		// A run that is all warm-up keeps a period above 0, which is never reached.
		rest.epochs = max(rest.epochs-warm, 1/float64(max(steps, 1)))
	}
	s := schedule{Schedule: kind.make(o, rest), whole: whole}
	if warm > 0 {
		from := lr / (warm*float64(steps) + 1)
		if whole {
			from = lr / (warm + 1)
		}
		s.Schedule = nn.Warmup{Steps: warm, From: from, Then: s.Schedule, Absolute: kind.absolute}
	}
	return s, o.Done()
}
