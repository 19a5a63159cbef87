package teskd

import (
	"fmt"

	"gorgonia.org/tensor"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/methods/nn"
	"github.com/tailorbird/tailorbird/methods/training"
)

// TESKD is the training method.
type TESKD struct {
	training.Plain
	Options
	Size int // side of the images in pixels; 0: what the run says

	side     int // of the images
	students *Students
	params   []*nn.Var
	idle     map[*nn.Var]*tensor.Dense // zeros for parameters without a gradient
}

var _ training.Method = (*TESKD)(nil)

// Name implements training.Method.
func (m *TESKD) Name() string { return "teskd" }

// Collect implements nn.Module: the students' entries. The network keeps its own.
func (m *TESKD) Collect(c *nn.Collector) {
	if m.students != nil {
		m.students.Collect(c)
	}
}

// Begin implements training.Method: it builds the students for the network's maps and
// draws them by the run's seed. A network or a size that does not fit is fault.Usage.
func (m *TESKD) Begin(r *training.Run) error {
	m.Run = r
	if m.side = m.Size; m.side == 0 {
		if m.side = r.Height; r.Height != r.Width || r.Height == 0 {
			return fault.New(fault.Usage, "method teskd: pictures of %d x %d, want square ones", r.Height, r.Width)
		}
	}
	s, err := planOf(r, m.side)
	if err != nil {
		return err
	}
	s.Width = m.Width
	if m.students, err = NewStudents(s); err != nil {
		return err
	}
	m.params, m.idle = nil, map[*nn.Var]*tensor.Dense{}
	for _, p := range nn.Params(m) {
		m.params = append(m.params, p.Var)
	}
	nn.Initialise(m, r.Seed)
	return nil
}

// Loss implements training.Method: the weighed sum of Options.Weigh, whose names the
// parts have. Accuracy is that of the backbone.
func (m *TESKD) Loss(t *nn.Tape, b *training.Batch) (*training.Loss, error) {
	// The heads' windows would leave the border of other maps out, without a word.
	if s := b.Images.Shape(); len(s) != 4 || s[2] != m.side || s[3] != m.side {
		return nil, fault.New(fault.Usage, "method teskd: images %v, want sides of %d", s, m.side)
	}
	p := m.Pass(t, m.Run.Net, m.students, t.Const(b.Images))
	if err := t.Err(); err != nil {
		return nil, err
	}
	l := &training.Loss{Logits: p.Backbone.Logits}
	l.Total, l.Parts = m.Weigh(t, p, b.Labels)
	return l, t.Err()
}

// Gradients implements training.Method: a student's parameter that no term reaches has
// a gradient of zeros, so that momentum and weight decay act on it, as in PyTorch with
// gradients that are zeroed.
func (m *TESKD) Gradients(_ *training.Batch, _ []*nn.Var) error {
	for _, p := range m.params {
		if p.Grad != nil {
			continue
		}
		if m.idle[p] == nil {
			zeros := m.Run.Engine.Borrow(p.Shape()...)
			if err := m.Run.Engine.Fill(zeros, 0); err != nil {
				return err
			}
			m.idle[p] = zeros
		}
		p.Grad = m.idle[p]
	}
	return nil
}

func init() {
	training.Register(training.Spec{
		Name:    "teskd",
		Summary: "three students on the stages of the network learn from it and it from them; they go when training ends",
		Paper:   "Student Helping Teacher: Teacher Evolution via Self-Knowledge Distillation, arXiv:2110.00329",
		New: func(o *training.Options) (training.Method, error) {
			d := DefaultOptions()
			m := &TESKD{Size: o.Int("size", 0, 0, 1<<14)}
			m.CE = o.Float("w_ce", d.CE, 0, 1e9)
			m.KD = o.Float("w_kd", d.KD, 0, 1e9)
			m.Feature = o.Float("w_fea", d.Feature, 0, 1e9)
			m.BackboneCE = o.Float("b_t", d.BackboneCE, 0, 1e9)
			for j := range m.StudentCE {
				m.StudentCE[j] = o.Float(fmt.Sprintf("b_s%d", j+1), d.StudentCE[j], 0, 1e9)
			}
			m.Temperature = o.Float("temperature", d.Temperature, 1e-3, 1e6)
			m.Width = o.Int("width", d.Width, 0, 1<<16)
			m.DetachTeacher = o.Bool("detach_teacher", d.DetachTeacher)
			m.DetachStages = o.Bool("detach_stages", d.DetachStages)
			if m.CE*m.BackboneCE == 0 && m.wanted() == [Branches]bool{} {
				return m, fault.New(fault.Usage, "method teskd: all weights are 0: there is nothing to minimise")
			}
			return m, nil
		},
	})
}
