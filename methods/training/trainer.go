package training

import (
	"context"
	"errors"
	"io"
	"math"
	"time"

	"gorgonia.org/tensor"

	"github.com/tailorbird/tailorbird/internal/failpoint"
	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/cpu"
	"github.com/tailorbird/tailorbird/methods/nn"
	"github.com/tailorbird/tailorbird/methods/zoo"
)

// Trainer is one run. It serves one goroutine; several Trainers may run beside each
// other, each in its folder.
type Trainer struct {
	c        Config
	config   []byte // config.yaml
	identity string

	e        *cpu.Engine
	net      zoo.Backbone
	method   Method
	run      *Run
	opt      *nn.Optimiser
	schedule schedule
	params   []*nn.Var
	entries  []nn.Entry // of params
	tape     *nn.Tape

	state nn.TrainingState
	pos   position
	dir   folder
	last  *Evaluation // at the end of the last epoch, where this process made it

	host  Batch         // as the data fill it
	batch Batch         // as the method sees it
	lent  [3]*borrowed  // images, second, labels in the engine's memory
	score *tensor.Dense // host copy of a batch's logits
	one   *tensor.Dense // host copy of a number

	began    time.Time // of Run
	before   float64   // seconds that earlier processes took
	resumed  int64     // step that this process began at
	warnings []string
}

// position is what a checkpoint knows beside the values of model, optimiser and
// method.
type position struct {
	InEpoch      int64   `json:"in_epoch"` // steps done in this epoch
	Unseen       bool    `json:"unseen"`   // the epoch has ended and was not evaluated yet
	Window       window  `json:"window"`
	Best         *Best   `json:"best,omitempty"`
	MetricsBytes int64   `json:"metrics_bytes"`
	EventsBytes  int64   `json:"events_bytes"`
	Data         []byte  `json:"data,omitempty"` // state of the source, inside an epoch
	LR           float64 `json:"lr"`             // of the last step
}

// model is what a run trains and keeps: the network's entries under their own names
// and the method's after "method.".
type model struct {
	net    nn.Module
	method nn.Module
}

// Collect implements nn.Module.
func (m model) Collect(c *nn.Collector) {
	c.Module("", m.net)
	c.Module("method", m.method)
}

// NewTrainer prepares a run: it checks the settings, makes and initialises the
// network, and begins the method. Nothing is written yet. What is wrong with the
// settings is fault.Usage. Close ends it.
func NewTrainer(c Config) (*Trainer, error) {
	if err := c.fill(); err != nil {
		return nil, err
	}
	o, err := parseOptimiser(c.Optimiser)
	if err != nil {
		return nil, err
	}
	steps := c.Train.Samples() / c.Batch
	t := &Trainer{c: c, dir: folder{path: c.Dir}}
	if t.schedule, err = parseSchedule(c.Schedule, o.lr, c.Epochs, steps); err != nil {
		return nil, err
	}
	if t.config, t.identity, err = c.document(); err != nil {
		return nil, err
	}
	if t.net, t.method, err = c.build(); err != nil {
		return nil, err
	}
	t.e = cpu.New(cpu.Options{Workers: c.Workers})
	t.tape = nn.NewTape(t.e)
	t.run = &Run{
		Engine: t.e, Net: t.net, Classes: len(c.Train.Classes()), Samples: c.Train.Samples(), Batch: c.Batch,
		Epochs: c.Epochs, StepsPerEpoch: steps, Seed: c.Seed,
	}
	if s, ok := c.Train.(Sized); ok {
		t.run.Height, t.run.Width = s.Size()
	}
	if err := t.begin(o); err != nil {
		t.Close()
		return nil, err
	}
	return t, nil
}

// begin starts the method and makes what depends on its parameters.
func (t *Trainer) begin(o optimiserSpec) error {
	if err := t.method.Begin(t.run); err != nil {
		return err
	}
	whole := model{t.net, t.method}
	t.entries = nn.Params(whole)
	for _, p := range t.entries {
		t.params = append(t.params, p.Var)
	}
	var err error
	if t.opt, err = nn.NewOptimiser(t.e, o.rule, o.groups(t.entries)...); err != nil {
		return err
	}
	t.opt.MaxNorm = t.c.Clip.Norm
	t.state = nn.TrainingState{Model: whole, Optimiser: t.opt, Seed: t.c.Seed}
	t.pos.Window.Parts = map[string]exact{}
	t.score = tensor.New(tensor.WithShape(t.c.Batch, t.run.Classes), tensor.WithBacking(make([]float32, t.c.Batch*t.run.Classes)))
	t.one = tensor.New(tensor.WithShape(1), tensor.WithBacking(make([]float32, 1)))
	for i := range t.lent {
		t.lent[i] = &borrowed{index: i == 2}
	}
	views := t.method.Views()
	if views != 1 && views != 2 {
		return fault.New(fault.Bug, "training: method %s wants %d views", t.method.Name(), views)
	}
	t.host.Want, t.host.Views = t.c.Batch, views
	return nil
}

// Parameters is the number of the network's own parameters.
func (t *Trainer) Parameters() int64 { return int64(nn.CountParams(t.net)) }

// Close ends the engine. The sources of data stay open: they are the caller's.
func (t *Trainer) Close() error {
	t.tape.Reset()
	if t.opt != nil {
		t.opt.Release()
	}
	t.e.Close()
	return nil
}

// Run trains to the end, from the newest whole checkpoint in the folder where there
// is one, and returns what came out. It is called once. A run that had ended already
// returns the same again without any work.
//
// A run whose numbers stop being finite returns a Result that says so, with the
// *Diverged as the error. A ctx that ends makes a checkpoint and returns ctx's
// error. A folder that another run has written to is fault.Occupied. All other
// errors are of the data or of the machinery; a later Run goes on after them.
func (t *Trainer) Run(ctx context.Context) (*Result, error) {
	t.began = time.Now()
	if t.c.Fresh {
		if err := t.dir.clear(); err != nil {
			return nil, err
		}
	}
	if r, err := t.ended(); r != nil || err != nil {
		return r, err
	}
	if err := t.open(); err != nil {
		return nil, err
	}
	defer t.dir.close()
	err := t.train(ctx)
	var d *Diverged
	if errors.As(err, &d) {
		return t.fail(d)
	}
	if err != nil {
		return nil, err
	}
	return t.finish(ctx)
}

// train runs the epochs that are left.
func (t *Trainer) train(ctx context.Context) error {
	for t.pos.Unseen || t.state.Epoch < int64(t.c.Epochs) {
		if !t.pos.Unseen {
			if err := t.epoch(ctx); err != nil {
				return err
			}
			if err := t.endEpoch(); err != nil {
				return err
			}
		}
		if err := t.review(ctx); err != nil {
			return err
		}
	}
	return nil
}

// epoch runs the steps that are left of an epoch.
func (t *Trainer) epoch(ctx context.Context) error {
	var err error
	if t.pos.InEpoch > 0 {
		err = t.c.Train.Restore(t.pos.Data)
	} else {
		err = t.c.Train.Epoch(t.state.Epoch)
	}
	if err != nil {
		return err
	}
	every := int64(t.c.Checkpoint.EverySteps)
	for {
		if err := ctx.Err(); err != nil {
			return t.interrupted(ctx, err)
		}
		err := t.c.Train.Next(ctx, &t.host)
		// What is left of an epoch and makes no batch is left out.
		if errors.Is(err, io.EOF) || err == nil && len(t.host.Keys) < t.c.Batch {
			break
		}
		if err != nil {
			return err
		}
		if err := t.step(); err != nil {
			return err
		}
		failpoint.Hit("train.step")
		// The epoch's end makes its own.
		if every > 0 && t.state.Step%every == 0 && t.pos.InEpoch < int64(t.run.StepsPerEpoch) {
			if err := t.checkpoint(ctx, false); err != nil {
				return err
			}
		}
	}
	if t.pos.InEpoch == 0 {
		return fault.New(fault.NotFound, "training: epoch %d has no batch of %d samples", t.state.Epoch, t.c.Batch)
	}
	return nil
}

// interrupted keeps what was done before the context ended.
func (t *Trainer) interrupted(ctx context.Context, why error) error {
	if t.state.Step == t.resumed {
		return why
	}
	if err := t.checkpoint(ctx, false); err != nil {
		return errors.Join(why, err)
	}
	return why
}

// endEpoch ends an epoch for the method and logs it. What is left of the epoch is to
// evaluate.
func (t *Trainer) endEpoch() error {
	if err := t.method.EndEpoch(t.state.Epoch); err != nil {
		return err
	}
	t.state.Epoch++
	if err := t.logTrain(); err != nil {
		return err
	}
	t.pos.InEpoch, t.pos.Window, t.pos.Unseen = 0, window{Parts: map[string]exact{}}, true
	return nil
}

// review evaluates at the end of an epoch and makes its checkpoint.
func (t *Trainer) review(ctx context.Context) error {
	best, last := false, t.state.Epoch == int64(t.c.Epochs)
	if t.c.Eval != nil && (last || t.state.Epoch%int64(t.c.EvalEvery) == 0) {
		ev, err := t.evaluate(ctx, t.c.Eval)
		if err != nil && ctx.Err() != nil {
			return t.interrupted(ctx, ctx.Err())
		}
		if err != nil {
			return err
		}
		if err := t.logEval(ev); err != nil {
			return err
		}
		t.last = ev
		best = t.pos.Best == nil || ev.Top1 > t.pos.Best.Top1
	}
	t.pos.Unseen = false
	if best {
		t.pos.Best = &Best{Step: t.state.Step, Epoch: t.state.Epoch, Top1: t.last.Top1, Loss: t.last.Loss, File: t.stand().name()}
	}
	if every := int64(t.c.Checkpoint.EverySteps); best || last || every == 0 || t.state.Step%every == 0 {
		return t.checkpoint(ctx, best)
	}
	return nil
}

// time is where the run stands, in epochs.
func (t *Trainer) time() float64 {
	return float64(t.state.Epoch) + math.Min(float64(t.pos.InEpoch)/float64(t.run.StepsPerEpoch), 1)
}

// seconds is how long the run took so far, in all processes.
func (t *Trainer) seconds() float64 { return t.before + time.Since(t.began).Seconds() }
