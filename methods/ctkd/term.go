package ctkd

import (
	"fmt"

	"gorgonia.org/tensor"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/methods/nn"
	"github.com/tailorbird/tailorbird/methods/training"
	"github.com/tailorbird/tailorbird/methods/zoo"
)

// A term is the extra loss of a distillation beside cross entropy and KD.
type term interface {
	nn.Module
	// of computes it.
	of(t *nn.Tape, s *step) *nn.Var
}

// step is what a term may look at.
type step struct {
	batch            *training.Batch
	student, teacher view
	temperature      *nn.Var
}

// A writer is a term with a memory, which takes in the batch after the backward
// pass.
type writer interface {
	update(t *nn.Tape, s *step) error
}

// newTerm makes the term of a loss; nil for kd, which has none.
func newTerm(o *Options, r *training.Run, teacher zoo.Backbone) (term, error) {
	student, t := r.Net.Layout(), teacher.Layout()
	switch o.Kind {
	case "kd":
		return nil, nil
	case "dkd":
		return dkdTerm{float32(o.Target), float32(o.NonTarget)}, nil
	case "pkt":
		return relation(func(t *nn.Tape, s *step) *nn.Var { return PKT(t, s.student.pooled, s.teacher.pooled) }), nil
	case "sp":
		return relation(func(t *nn.Tape, s *step) *nn.Var {
			return SP(t, last(s.student.stages), last(s.teacher.stages))
		}), nil
	case "vid":
		var v vidTerm
		for i := range min(len(student.Stages), len(t.Stages)) {
			v = append(v, NewVID(student.Stages[i], t.Stages[i]))
		}
		return v, nil
	case "crd":
		return &crdTerm{crd: NewCRD(o.CRD, r.Samples, student.Map, t.Map, r.Seed), seed: r.Seed}, nil
	case "srrl":
		return &srrlTerm{NewSRRL(student.Map, t.Map), teacher}, nil
	}
	return nil, fault.New(fault.Usage, "distillation: no loss %q; known: %v", o.Kind, Losses)
}

// Losses are the values of the option loss.
var Losses = []string{"kd", "dkd", "pkt", "sp", "vid", "crd", "srrl"}

func last(maps []*nn.Var) *nn.Var { return maps[len(maps)-1] }

// dkdTerm weighs the two parts of DKD.
type dkdTerm struct{ target, nontarget float32 }

func (dkdTerm) Collect(*nn.Collector) {}

func (d dkdTerm) of(t *nn.Tape, s *step) *nn.Var {
	target, nontarget := DKD(t, s.student.logits, s.teacher.logits, s.temperature, s.batch.Labels)
	return t.Add(t.Scale(target, d.target), t.Scale(nontarget, d.nontarget))
}

// relation is a term without values of its own.
type relation func(t *nn.Tape, s *step) *nn.Var

func (relation) Collect(*nn.Collector) {}

func (f relation) of(t *nn.Tape, s *step) *nn.Var { return f(t, s) }

// vidTerm is the sum of a VID for each stage that both networks have.
type vidTerm []*VID

func (v vidTerm) Collect(c *nn.Collector) {
	for i, one := range v {
		c.Module(fmt.Sprint(i), one)
	}
}

func (v vidTerm) of(t *nn.Tape, s *step) *nn.Var {
	sum := v[0].Loss(t, s.student.stages[0], s.teacher.stages[0])
	for i := 1; i < len(v); i++ {
		sum = t.Add(sum, v[i].Loss(t, s.student.stages[i], s.teacher.stages[i]))
	}
	return sum
}

type srrlTerm struct {
	*SRRL
	teacher zoo.Backbone
}

func (s *srrlTerm) of(t *nn.Tape, at *step) *nn.Var {
	classify := func(f *nn.Var) (y *nn.Var) {
		evaluating(t, func() { y = s.teacher.Logits(t, f) })
		return y
	}
	return s.Loss(t, at.student.pooled, at.teacher.pooled, at.teacher.logits, classify)
}

// crdTerm is CRD with what it needs of a step.
type crdTerm struct {
	crd              *CRD
	seed             uint64
	places, labels   []int64
	student, teacher *nn.Var // unit embeddings of the step under way
}

func (c *crdTerm) Collect(to *nn.Collector) { c.crd.Collect(to) }

func (c *crdTerm) of(t *nn.Tape, s *step) *nn.Var {
	n := len(s.batch.IDs)
	if n != s.student.logits.Dim(0) {
		return t.Fail(fault.New(fault.Usage, "crd: %d ids for a batch of %d", n, s.student.logits.Dim(0)))
	}
	if cap(c.labels) < n {
		c.labels = make([]int64, n)
	}
	c.labels = c.labels[:n]
	host := tensor.New(tensor.WithShape(n), tensor.WithBacking(c.labels))
	if err := t.E.Download(host, s.batch.Labels); err != nil {
		return t.Fail(err)
	}
	var err error
	if c.places, err = c.crd.Negatives.Places(c.places, s.batch.IDs, c.labels, c.crd.CRDOptions.Negatives, c.seed, s.batch.Step); err != nil {
		return t.Fail(err)
	}
	c.student = Embed(t, c.crd.EmbedS.Forward(t, s.student.pooled))
	c.teacher = Embed(t, c.crd.EmbedT.Forward(t, s.teacher.pooled))
	t.Keep(c.student, c.teacher) // update reads them after the backward pass
	return c.crd.Loss(t, c.student, c.teacher, c.places)
}

func (c *crdTerm) update(t *nn.Tape, s *step) error {
	return c.crd.Update(t, c.student, c.teacher, s.batch.IDs)
}
