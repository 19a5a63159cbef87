package ctkd

import (
	"slices"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/methods/nn"
	"github.com/tailorbird/tailorbird/methods/training"
	"github.com/tailorbird/tailorbird/methods/zoo"
)

// Distiller trains a network from a trained one: gamma CE + alpha KD + beta extra
// (specs/ctkd.md section 4), at a temperature that is fixed or learns against the
// student.
type Distiller struct {
	training.Plain
	Method string // kd or ctkd
	Options

	teacher     zoo.Backbone
	digest      *nn.Var // of the teacher that the run began with
	loaded      [4]int64
	checked     bool // that they are the same
	temperature Temperature
	extra       term // nil: none

	tape *nn.Tape // of the step under way
	now  step
}

var _ training.Method = (*Distiller)(nil)

// Name implements training.Method.
func (d *Distiller) Name() string { return d.Method }

// Collect implements nn.Module: temperature.*, and what the extra loss trains and
// keeps under its name. Of the teacher, which comes from its file, there is the digest
// alone: a run does not go on with another one.
func (d *Distiller) Collect(c *nn.Collector) {
	c.Buffer("teacher_sha256", d.digest)
	if d.temperature != nil {
		c.Module("temperature", d.temperature)
	}
	if d.extra != nil {
		c.Module(d.Kind, d.extra)
	}
}

// Begin implements training.Method: it loads the teacher and draws by the run's seed
// what the losses begin with. A teacher that is missing or does not fit is a
// fault.Usage.
func (d *Distiller) Begin(r *training.Run) error {
	d.Run = r
	var err error
	if d.teacher, d.loaded, err = d.Teacher.Load(r); err != nil {
		return err
	}
	d.digest, d.checked = digestOf(d.loaded), false
	switch {
	case d.Fixed > 0:
		d.temperature = Fixed(d.Fixed)
	case d.Instance:
		d.temperature = NewInstance(d.Range, r.Classes)
	default:
		d.temperature = NewGlobal(d.Range)
	}
	if d.extra, err = newTerm(&d.Options, r, d.teacher); err != nil {
		return err
	}
	nn.Initialise(d, r.Seed)
	return nil
}

// Loss implements training.Method. Its parts are "ce", "kd" and the extra loss by
// its name, each without weight and where it has one, "temperature", the batch's
// mean, and "lambda" where the temperature is learned. A loss of weight 0 is not
// computed, so that it cannot spoil the sum.
func (d *Distiller) Loss(t *nn.Tape, b *training.Batch) (*training.Loss, error) {
	if err := d.check(); err != nil {
		return nil, err
	}
	features := d.Kind != "kd" && d.Kind != "dkd" && d.Beta != 0
	s := step{batch: b, teacher: ask(t, d.teacher, b.Images, features)}
	s.student = look(t, d.Run.Net, t.Const(b.Images), features)
	lambda := float32(d.Curriculum.Lambda(b.Epoch + 1))
	s.temperature = d.temperature.Of(t, s.student.logits, s.teacher.logits, lambda)
	d.tape, d.now = t, s

	l := &training.Loss{Logits: s.student.logits, Parts: map[string]*nn.Var{}}
	add := func(name string, weight float64, part func() *nn.Var) {
		if weight == 0 {
			return
		}
		v := part()
		l.Parts[name] = v
		if weighed := t.Scale(v, float32(weight)); l.Total == nil {
			l.Total = weighed
		} else {
			l.Total = t.Add(l.Total, weighed)
		}
	}
	add("ce", d.Gamma, func() *nn.Var { return t.CrossEntropy(s.student.logits, b.Labels, nn.CrossEntropy{}) })
	add("kd", d.Alpha, func() *nn.Var {
		return KD(t, s.student.logits, s.teacher.logits, s.temperature, d.eps())
	})
	if d.extra != nil {
		add(d.Kind, d.Beta, func() *nn.Var { return d.extra.of(t, &s) })
	}
	d.log(t, l, lambda)
	return l, t.Err()
}

// check refuses to go on from a checkpoint of a run with another teacher: Begin found
// one, and a checkpoint that was loaded since names the other.
func (d *Distiller) check() error {
	if d.checked {
		return nil
	}
	if !slices.Equal(d.digest.Value.Int64s(), d.loaded[:]) {
		return fault.New(fault.Usage, "method %s: the run began with another teacher than %s, %s", d.Method, d.Teacher.Model, d.Teacher.Weights)
	}
	d.checked = true
	return nil
}

// eps is for temperatures of each sample alone.
func (d *Distiller) eps() float32 {
	if d.Fixed == 0 && d.Instance {
		return instanceEps
	}
	return 0
}

// log adds what is no loss to the parts, and keeps all of them readable.
func (d *Distiller) log(t *nn.Tape, l *training.Loss, lambda float32) {
	t.NoGrad(func() {
		l.Parts["temperature"] = t.Mean(d.now.temperature, false)
		if d.Fixed == 0 {
			l.Parts["lambda"] = t.Upload([]float32{lambda}, 1)
		}
	})
	for _, v := range l.Parts {
		t.Keep(v)
	}
}

// Gradients implements training.Method: a loss with a memory takes the batch in,
// which the backward pass has done with.
func (d *Distiller) Gradients(*training.Batch, []*nn.Var) error {
	if w, ok := d.extra.(writer); ok && d.Beta != 0 {
		return w.update(d.tape, &d.now)
	}
	return nil
}
