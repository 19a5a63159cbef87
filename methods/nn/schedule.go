package nn

import "math"

// Schedule says what a learning rate, or another factor, is at time t. t counts
// epochs or steps, as the schedule was given its lengths, from 0; fractions are
// times within an epoch. Schedules are plain values: nothing needs to be saved.
type Schedule interface {
	At(t float64) float64
}

// Fixed is a constant.
type Fixed float64

// At implements Schedule.
func (s Fixed) At(float64) float64 { return float64(s) }

// Cosine falls from LR to Min in half a cosine over Period, and rises again
// after it, as torch's CosineAnnealingLR.
type Cosine struct{ LR, Min, Period float64 }

// At implements Schedule.
func (s Cosine) At(t float64) float64 {
	return s.Min + (s.LR-s.Min)*(1+math.Cos(math.Pi*t/s.Period))/2
}

// CosineRestarts falls in half cosines that start anew (Loshchilov and Hutter,
// arXiv:1608.03983, equation 5), as torch's CosineAnnealingWarmRestarts and timm's
// CosineLRScheduler.
type CosineRestarts struct {
	LR, Min float64
	Period  float64 // of the first cycle
	Mult    float64 // each cycle's length over the one before; 0 means 1
	Decay   float64 // each cycle's height over the one before; 0 means 1
	Limit   int     // cycles, after which the value is Min; 0: any number
}

// At implements Schedule.
func (s CosineRestarts) At(t float64) float64 {
	m, length := or(s.Mult, 1), s.Period
	var cycle float64
	if m == 1 {
		cycle = math.Floor(t / length)
		t -= cycle * length
	} else {
		// Cycles 0 .. c-1 take Period (m^c - 1)/(m - 1) together. The logarithm may
		// be off by a rounding at a cycle's first moment.
		start := func(c float64) float64 { return s.Period * (math.Pow(m, c) - 1) / (m - 1) }
		cycle = math.Floor(math.Log(1+t/s.Period*(m-1)) / math.Log(m))
		if start(cycle+1) <= t {
			cycle++
		}
		t -= start(cycle)
		length *= math.Pow(m, cycle)
	}
	if s.Limit > 0 && cycle >= float64(s.Limit) {
		return s.Min
	}
	return Cosine{s.LR * math.Pow(or(s.Decay, 1), cycle), s.Min, length}.At(t)
}

// StepDecay multiplies by Gamma every Every.
type StepDecay struct{ LR, Every, Gamma float64 }

// At implements Schedule.
func (s StepDecay) At(t float64) float64 { return s.LR * math.Pow(s.Gamma, math.Floor(t/s.Every)) }

// MultiStep multiplies by Gamma at each milestone.
type MultiStep struct {
	LR, Gamma  float64
	Milestones []float64
}

// At implements Schedule.
func (s MultiStep) At(t float64) float64 {
	lr := s.LR
	for _, m := range s.Milestones {
		if t >= m {
			lr *= s.Gamma
		}
	}
	return lr
}

// Exponential multiplies by Gamma in every unit of time.
type Exponential struct{ LR, Gamma float64 }

// At implements Schedule.
func (s Exponential) At(t float64) float64 { return s.LR * math.Pow(s.Gamma, t) }

// Polynomial falls from LR to Min at Total, where it stays, as (1 - t/Total)^Power.
// A zero Power means 1: a straight line.
type Polynomial struct{ LR, Min, Total, Power float64 }

// At implements Schedule.
func (s Polynomial) At(t float64) float64 {
	return s.Min + (s.LR-s.Min)*math.Pow(1-min(t/s.Total, 1), or(s.Power, 1))
}

// Warmup rises in a straight line from From to Then's first value in Steps. Then's
// clock starts when it ends, or at 0 with it where Absolute.
type Warmup struct {
	Steps    float64
	From     float64
	Then     Schedule
	Absolute bool
}

// WarmupByEpoch is a Warmup in whole steps of lr/(steps+1), none of which is 0:
// lr/(steps+1), 2 lr/(steps+1), ... lr then, at time steps.
func WarmupByEpoch(steps, lr float64, then Schedule) Warmup {
	return Warmup{Steps: steps, From: lr / (steps + 1), Then: then, Absolute: true}
}

// At implements Schedule.
func (s Warmup) At(t float64) float64 {
	switch {
	case t < s.Steps:
		return s.From + (s.Then.At(0)-s.From)*t/s.Steps
	case s.Absolute:
		return s.Then.At(t)
	}
	return s.Then.At(t - s.Steps)
}

// Phases are schedules one after the other, each with a clock of its own. The last
// one has no end.
type Phases []Phase

// Phase is one of Phases.
type Phase struct {
	Length   float64
	Schedule Schedule
}

// At implements Schedule. It is 0 where there are no phases.
func (s Phases) At(t float64) float64 {
	for i, p := range s {
		if t < p.Length || i == len(s)-1 {
			return p.Schedule.At(t)
		}
		t -= p.Length
	}
	return 0
}

// OneCycle rises from Max/Div to Max and falls to Max/Div/FinalDiv at time Total-1,
// as torch's OneCycleLR (Smith and Topin, arXiv:1708.07120).
type OneCycle struct {
	Max, Total float64
	Rise       float64 // share of the time; 0 means 0.3
	Div        float64 // 0 means 25
	FinalDiv   float64 // 0 means 1e4
	Linear     bool    // straight lines instead of half cosines
	ThreePhase bool    // fall to Max/Div as long as it rose, and then to the end
}

// At implements Schedule.
func (s OneCycle) At(t float64) float64 {
	low := s.Max / or(s.Div, 25)
	last, rise := low/or(s.FinalDiv, 1e4), or(s.Rise, 0.3)
	top := rise*s.Total - 1
	switch back := 2*rise*s.Total - 2; {
	case t <= top:
		return s.between(low, s.Max, t/top)
	case !s.ThreePhase:
		return s.between(s.Max, last, (t-top)/(s.Total-1-top))
	case t <= back:
		return s.between(s.Max, low, (t-top)/(back-top))
	default:
		return s.between(low, last, (t-back)/(s.Total-1-back))
	}
}

func (s OneCycle) between(from, to, share float64) float64 {
	share = min(share, 1)
	if s.Linear {
		return from + (to-from)*share
	}
	return to + (from-to)*(1+math.Cos(math.Pi*share))/2
}
