package zoo

import (
	"github.com/tailorbird/tailorbird/kernels/ops"
	"github.com/tailorbird/tailorbird/methods/nn"
)

// excitation scales each channel of a map by a gate that depends on the means of
// all channels (Hu et al., arXiv:1709.01507, equations 2 to 4), in the form and
// with the names of timm's SEModule.
type excitation struct {
	fc1, fc2 *nn.Conv2d
}

// newExcitation returns a gate for so many channels. Its hidden width is a
// sixteenth of them, rounded to a multiple of 8 and at least 8.
func newExcitation(channels int, weights nn.Initialiser) *excitation {
	hidden := max(8, (channels+64)/128*8)
	return &excitation{
		nn.NewConv2d(channels, hidden, 1, ops.Conv{}, true).Init(weights, nil),
		nn.NewConv2d(hidden, channels, 1, ops.Conv{}, true).Init(weights, nil),
	}
}

// Collect implements nn.Module.
func (e *excitation) Collect(c *nn.Collector) {
	c.Module("fc1", e.fc1)
	c.Module("fc2", e.fc2)
}

// Forward returns x (N, C, H, W) times its gates.
func (e *excitation) Forward(t *nn.Tape, x *nn.Var) *nn.Var {
	s := t.Reshape(t.GlobalAvgPool(x), x.Dim(0), x.Dim(1), 1, 1)
	s = t.ReLU(e.fc1.Forward(t, s))
	return t.Mul(x, t.Sigmoid(e.fc2.Forward(t, s)))
}
