package ctkd

import (
	"math"

	"github.com/tailorbird/tailorbird/kernels/ops"
	"github.com/tailorbird/tailorbird/methods/nn"
)

// The least variance, and the variance that VID begins with.
const (
	vidEps   = 1e-5
	vidStart = 5
)

// VID is variational information distillation of one map (Ahn et al.,
// arXiv:1904.05835, equation 5): a regressor guesses the teacher's map from the
// student's, with a variance for each channel that is learned.
type VID struct {
	Regressor nn.Sequence // three 1x1 convolutions without bias, ReLU between
	LogScale  *nn.Var     // (Ct); the variance is softplus of it + 1e-5
}

// NewVID returns a VID from maps of so many channels to maps of so many.
func NewVID(student, teacher int) *VID {
	conv := func(in int) nn.Layer { return nn.NewConv2d(in, teacher, 1, ops.Conv{}, false) }
	relu := nn.Func((*nn.Tape).ReLU)
	start := math.Log(math.Expm1(vidStart - vidEps))
	return &VID{
		Regressor: nn.Sequence{conv(student), relu, conv(teacher), relu, conv(teacher)},
		LogScale:  nn.NewParam(nn.Constant(start), teacher),
	}
}

// Collect implements nn.Module.
func (v *VID) Collect(c *nn.Collector) {
	c.Module("regressor", v.Regressor)
	c.Param("log_scale", v.LogScale)
}

// Loss is the mean of ((mu - teacher)^2/variance + log variance)/2 for maps
// (B, C, H, W). The larger of the two maps is averaged to the size of the smaller.
func (v *VID) Loss(t *nn.Tape, student, teacher *nn.Var) *nn.Var {
	if h, w := teacher.Dim(2), teacher.Dim(3); student.Dim(2) > h {
		student = t.AdaptiveAvgPool2D(student, h, w)
	} else if h > student.Dim(2) {
		teacher = t.AdaptiveAvgPool2D(teacher, student.Dim(2), student.Dim(3))
	}
	variance := t.AddScalar(t.Softplus(v.LogScale), vidEps)
	wide := t.Reshape(variance, 1, v.LogScale.Dim(0), 1, 1)
	off := t.Square(t.Sub(v.Regressor.Forward(t, student), teacher))
	return t.Scale(t.Add(t.Mean(t.Div(off, wide), false), t.Mean(t.Log(variance), false)), 0.5)
}
