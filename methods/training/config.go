package training

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"path/filepath"

	"github.com/goccy/go-yaml"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/methods/nn"
	"github.com/tailorbird/tailorbird/methods/zoo"
)

// Config is a run. The fields with names of a recipe decide its results, Checkpoint
// aside; the others say where and how it happens.
type Config struct {
	Model     Named `yaml:"model"`
	Method    Named `yaml:"method"`    // no name: none
	Optimiser Named `yaml:"optimizer"` // no name: sgd
	Schedule  Named `yaml:"schedule"`  // no name: constant

	Epochs    int    `yaml:"epochs"`
	Batch     int    `yaml:"batch"`      // samples a step; what is left of an epoch is left out
	EvalBatch int    `yaml:"eval_batch"` // 0: as many as a step
	EvalEvery int    `yaml:"eval_every"` // epochs between evaluations; the last one is always evaluated; 0: 1
	Clip      Clip   `yaml:"clip,omitempty"`
	Seed      uint64 `yaml:"seed"`
	// Source says for config.yaml what the data are: names, hashes, augmentation.
	// Another Source is another run.
	Source     map[string]any `yaml:"data,omitempty"`
	Checkpoint Keeping        `yaml:"checkpoint"`

	// Files are options of the method that name files of this machine. The run's
	// identity holds their last elements only; Source tells what is in them.
	Files   map[string]string `yaml:"-"`
	Dir     string            `yaml:"-"` // the run's folder
	Fresh   bool              `yaml:"-"` // begin anew, removing what a run left in Dir
	Workers int               `yaml:"-"` // threads of the engine; 0: one a processor
	Train   Data              `yaml:"-"`
	Eval    Eval              `yaml:"-"` // nil: the run is not evaluated
	// Names of the splits in logs; empty: train and eval.
	TrainName string `yaml:"-"`
	EvalName  string `yaml:"-"`

	// Net makes the network where it is not one of the zoo's, and Use is the method
	// where it is not registered; Model and Method describe them all the same. A
	// method serves one Trainer.
	Net func(classes int) (zoo.Backbone, error) `yaml:"-"`
	Use Method                                  `yaml:"-"`

	Progress func(Progress) `yaml:"-"` // called after every step; may be nil
	// Kept is called when a checkpoint is durable and listed, for instance to copy
	// the folder elsewhere; it may be nil. Its error ends the run.
	Kept     func(context.Context) error `yaml:"-"`
	LogEvery int                         `yaml:"-"` // steps between TensorBoard's numbers of a step; 0: 50
}

// Keeping says when checkpoints are made and which are kept.
type Keeping struct {
	EverySteps int `yaml:"every_steps"` // 0: at the end of every epoch
	Keep       int `yaml:"keep"`        // the last ones, beside the best; 0: 2
}

// fill sets defaults and refuses what cannot be.
func (c *Config) fill() error {
	for _, d := range []struct {
		v      *int
		what   string
		dflt   int
		atMost int
	}{
		{&c.Epochs, "epochs", 0, 1 << 20}, {&c.Batch, "batch", 0, 1 << 20}, {&c.EvalBatch, "eval_batch", c.Batch, 1 << 20},
		{&c.EvalEvery, "eval_every", 1, 1 << 20}, {&c.Checkpoint.Keep, "checkpoint.keep", 2, 1 << 20}, {&c.LogEvery, "log_every", 50, 1 << 30},
	} {
		if *d.v == 0 {
			*d.v = d.dflt
		}
		if *d.v < 1 || *d.v > d.atMost {
			return fault.New(fault.Usage, "training: %s is %d, want 1 to %d", d.what, *d.v, d.atMost)
		}
	}
	if c.Use != nil && c.Method.Name == "" {
		c.Method.Name = c.Use.Name()
	}
	for name, d := range map[*string]string{
		&c.Method.Name: "none", &c.Optimiser.Name: "sgd", &c.Schedule.Name: "constant", &c.TrainName: "train", &c.EvalName: "eval",
	} {
		if *name == "" {
			*name = d
		}
	}
	switch {
	case c.Dir == "":
		return fault.New(fault.Usage, "training: no folder for the run")
	case c.Train == nil:
		return fault.New(fault.Usage, "training: no data to train on")
	case len(c.Train.Classes()) < 2:
		return fault.New(fault.Usage, "training: %d classes", len(c.Train.Classes()))
	case c.Train.Samples() < c.Batch:
		return fault.New(fault.Usage, "training: %d samples make no batch of %d", c.Train.Samples(), c.Batch)
	case c.Eval != nil && len(c.Eval.Classes()) != len(c.Train.Classes()):
		return fault.New(fault.Usage, "training: %d classes to train on, %d to evaluate on", len(c.Train.Classes()), len(c.Eval.Classes()))
	case c.Checkpoint.EverySteps < 0:
		return fault.New(fault.Usage, "training: a checkpoint every %d steps", c.Checkpoint.EverySteps)
	case c.Clip.Norm < 0 || c.Clip.Value < 0 || c.Clip.Adaptive < 0:
		return fault.New(fault.Usage, "training: clip: limits %+v, want none below 0", c.Clip)
	}
	return nil
}

// build makes network and method.
func (c *Config) build() (net zoo.Backbone, m Method, err error) {
	classes := len(c.Train.Classes())
	if c.Net != nil {
		net, err = c.Net(classes)
	} else {
		net, err = NewModel(c.Model, classes)
	}
	if err != nil {
		return nil, nil, err
	}
	if m = c.Use; m == nil {
		values := c.Method.values()
		for option, file := range c.Files {
			values[option] = file
		}
		m, err = New(c.Method.Name, values)
	}
	if err != nil {
		return nil, nil, err
	}
	nn.Initialise(net, c.Seed)
	return net, m, nil
}

// document is config.yaml.
type document struct {
	Config       `yaml:",inline"`
	TrainSamples int      `yaml:"train_samples"`
	EvalSamples  int      `yaml:"eval_samples"`
	Classes      []string `yaml:"classes"`
	Identity     string   `yaml:"identity,omitempty"`
}

// document returns config.yaml and the run's identity: SHA-256 in hex of all that
// decides its results.
func (c *Config) document() (text []byte, identity string, err error) {
	d := document{Config: *c, TrainSamples: c.Train.Samples(), Classes: c.Train.Classes()}
	if c.Eval != nil {
		d.EvalSamples = c.Eval.Samples()
	}
	d.Checkpoint = Keeping{}
	for option, file := range c.Files {
		d.Method.Options = maps.Clone(d.Method.Options)
		d.Method.Options[option] = filepath.Base(file)
	}
	if text, err = yaml.Marshal(d); err != nil {
		return nil, "", err
	}
	sum := sha256.Sum256(text)
	d.Checkpoint, d.Identity = c.Checkpoint, hex.EncodeToString(sum[:])
	text, err = yaml.Marshal(d)
	return text, d.Identity, err
}
