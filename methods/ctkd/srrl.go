package ctkd

import (
	"github.com/tailorbird/tailorbird/methods/nn"
)

// SRRL regresses the teacher's pooled feature from the student's and asks what the
// teacher's classifier makes of it (Yang et al., "Knowledge distillation via softmax
// regression representation learning", ICLR 2021).
type SRRL struct {
	Map  *nn.Linear // the 1x1 convolution of the release, without bias, on (B, Cs)
	Norm *nn.BatchNorm2d
}

// NewSRRL returns an SRRL from features of so many channels to features of so many.
func NewSRRL(student, teacher int) *SRRL {
	return &SRRL{nn.NewLinear(student, teacher, false), nn.NewBatchNorm2d(teacher)}
}

// Collect implements nn.Module.
func (s *SRRL) Collect(c *nn.Collector) {
	c.Module("0", s.Map)
	c.Module("1", s.Norm)
}

// Loss is MSE(f, teacher) + MSE(classify(f), logits) with f = relu(norm(map(student)))
// for pooled features (B, C) and the teacher's logits (B, Classes). classify is the
// teacher's classifier; its parameters are frozen.
func (s *SRRL) Loss(t *nn.Tape, student, teacher, logits *nn.Var, classify func(f *nn.Var) *nn.Var) *nn.Var {
	f := s.Norm.ForwardReLU(t, s.Map.Forward(t, student))
	return t.Add(t.MSE(f, teacher, nn.ReduceMean), t.MSE(classify(f), logits, nn.ReduceMean))
}
