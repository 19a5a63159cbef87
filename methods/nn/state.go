package nn

import (
	"github.com/tailorbird/tailorbird/internal/fault"
)

// TrainingState is everything that a run needs to go on after a break as if
// there had been none: the model, the optimiser's state, an average of the
// weights, and where the run stands. Schedules are functions of Step or Epoch.
//
//	err := nn.SaveState(w, state, nil)
//	...
//	err = state.Load(source)
//
// Names: model.*, optimiser.<parameter>.<state>, average.*, step, epoch, seed.
type TrainingState struct {
	Model     Module
	Optimiser *Optimiser
	Average   *Average // may be nil

	Step, Epoch int64
	Seed        uint64 // of the run; a step's Tape.Seed follows from it
}

// Collect implements Module.
func (s *TrainingState) Collect(c *Collector) {
	c.Module("model", s.Model)
	c.Module("optimiser", s.Optimiser)
	if s.Average != nil {
		c.Module("average", s.Average)
	}
	for _, n := range s.counters() {
		c.Buffer(n.name, n.v)
	}
}

type counter struct {
	name string
	v    *Var
}

func (s *TrainingState) counters() [3]counter {
	number := func(n int64) *Var {
		v := NewCounter()
		v.Value.Int64s()[0] = n
		return v
	}
	return [3]counter{{"step", number(s.Step)}, {"epoch", number(s.Epoch)}, {"seed", number(int64(s.Seed))}}
}

// Load restores what SaveState has written of such a state, bit for bit. The
// model and the optimiser's groups are built as they were. What does not fit is a
// fault.Conflict; the state is then as it was, but for new, unused optimiser state.
func (s *TrainingState) Load(src Source) error {
	if err := s.Optimiser.prepare(src, "optimiser."); err != nil {
		return err
	}
	if _, err := LoadState(s, src, LoadOptions{}); err != nil {
		return err
	}
	for i, to := range []func(int64){
		func(n int64) { s.Step = n },
		func(n int64) { s.Epoch = n },
		func(n int64) { s.Seed = uint64(n) },
	} {
		var n [1]int64
		name := s.counters()[i].name
		if err := src.ReadInt64(name, n[:]); err != nil {
			return fault.At(err, fault.Place{Key: name})
		}
		to(n[0])
	}
	return nil
}

// StepSeed returns the seed of the random draws of a step: a Tape's Seed.
func (s *TrainingState) StepSeed() uint64 { return mix(s.Seed, uint64(s.Step)) }

// Collect implements Module: the state of every parameter that has some, as
// <parameter>.<state>, and its count of steps as <parameter>.step.
func (o *Optimiser) Collect(c *Collector) {
	for _, g := range o.Groups {
		for _, p := range g.Params {
			ps := o.state[p.Var]
			if ps == nil {
				continue
			}
			for i, x := range ps.tensors {
				c.Buffer(p.Name+"."+ps.specs[i].name, &Var{Value: x, leaf: true})
			}
			c.Buffer(p.Name+".step", ps.steps)
		}
	}
}

// prepare makes the state of every parameter that has some in src, and forgets
// that of the others.
func (o *Optimiser) prepare(src Source, prefix string) error {
	for i := range o.Groups {
		g := &o.Groups[i]
		for _, p := range g.Params {
			if _, ok := src.Info(prefix + p.Name + ".step"); !ok {
				o.forget(p.Var)
				continue
			}
			if _, err := o.stateOf(o.ruleOf(g), p.Var); err != nil {
				return fault.At(err, fault.Place{Key: p.Name})
			}
		}
	}
	return nil
}

func (o *Optimiser) forget(p *Var) {
	if ps := o.state[p]; ps != nil {
		for _, x := range ps.tensors {
			o.e.Release(x)
		}
		delete(o.state, p)
	}
}
