package nn

import "slices"

// BatchNorm2d normalises each channel over the batch: (N, C, ...) of any rank, so
// it is torch's BatchNorm1d and 3d too.
type BatchNorm2d struct {
	Weight, Bias            *Var // nil without scale and shift
	RunningMean, RunningVar *Var // nil: batch statistics in evaluation too
	NumBatchesTracked       *Var
	Eps, Momentum           float32

	// Cumulative makes the running statistics a mean over all batches instead of
	// an exponential one: torch's momentum=None, which UpdateBatchNorm uses.
	Cumulative bool
}

// NewBatchNorm2d returns a BatchNorm2d of n channels with eps 1e-5 and momentum 0.1.
func NewBatchNorm2d(n int) *BatchNorm2d {
	return &BatchNorm2d{
		Weight: NewParam(Ones, n), Bias: NewParam(Zeros, n),
		RunningMean: NewBuffer(0, n), RunningVar: NewBuffer(1, n), NumBatchesTracked: NewCounter(),
		Eps: 1e-5, Momentum: 0.1,
	}
}

// Collect implements Module.
func (l *BatchNorm2d) Collect(c *Collector) {
	c.Param("weight", l.Weight)
	c.Param("bias", l.Bias)
	c.Buffer("running_mean", l.RunningMean)
	c.Buffer("running_var", l.RunningVar)
	c.Buffer("num_batches_tracked", l.NumBatchesTracked)
}

// Init replaces the initial distributions; nil leaves one as it is. It returns l.
func (l *BatchNorm2d) Init(weight, bias Initialiser) *BatchNorm2d {
	setInit(l.Weight, weight)
	setInit(l.Bias, bias)
	return l
}

// Forward implements Layer.
func (l *BatchNorm2d) Forward(t *Tape, x *Var) *Var { return l.forward(t, x, false) }

// ForwardReLU is Forward followed by max(y, 0), in one pass.
func (l *BatchNorm2d) ForwardReLU(t *Tape, x *Var) *Var { return l.forward(t, x, true) }

func (l *BatchNorm2d) forward(t *Tape, x *Var, relu bool) *Var {
	return t.BatchNorm(x, l.Weight, l.Bias, l.RunningMean, l.RunningVar, BatchNorm{Eps: l.Eps, Momentum: l.count(t), ReLU: relu})
}

// count counts a batch that the running statistics take in, and returns the
// weight that they give it.
func (l *BatchNorm2d) count(t *Tape) float32 {
	n := int64(0)
	if l.NumBatchesTracked != nil {
		c := l.NumBatchesTracked.Value.Int64s()
		if t.err == nil && t.updatesStatistics() {
			c[0]++
		}
		n = c[0]
	}
	if l.Cumulative {
		return 1 / float32(max(n, 1))
	}
	return l.Momentum
}

// LayerNorm normalises over the last axes.
type LayerNorm struct {
	Weight, Bias *Var // of the shape of these axes; Bias may be nil
	Eps          float32
}

// NewLayerNorm returns a LayerNorm over axes of the given sizes with eps 1e-5.
func NewLayerNorm(shape ...int) *LayerNorm {
	return &LayerNorm{Weight: NewParam(Ones, shape...), Bias: NewParam(Zeros, slices.Clone(shape)...), Eps: 1e-5}
}

// Collect implements Module.
func (l *LayerNorm) Collect(c *Collector) {
	c.Param("weight", l.Weight)
	c.Param("bias", l.Bias)
}

// Forward implements Layer.
func (l *LayerNorm) Forward(t *Tape, x *Var) *Var { return t.LayerNorm(x, l.Weight, l.Bias, l.Eps) }

// LayerNorm2d is a LayerNorm over the channels of (N, C, H, W).
type LayerNorm2d struct{ LayerNorm }

// NewLayerNorm2d returns a LayerNorm2d of n channels with eps 1e-6.
func NewLayerNorm2d(n int) *LayerNorm2d {
	l := &LayerNorm2d{*NewLayerNorm(n)}
	l.Eps = 1e-6
	return l
}

// Forward implements Layer.
func (l *LayerNorm2d) Forward(t *Tape, x *Var) *Var {
	return t.LayerNormChannels(x, l.Weight, l.Bias, l.Eps)
}

// GroupNorm normalises groups of channels of (N, C, ...).
type GroupNorm struct {
	Weight, Bias *Var
	Groups       int
	Eps          float32
}

// NewGroupNorm returns a GroupNorm of n channels in so many groups with eps 1e-5.
func NewGroupNorm(groups, n int) *GroupNorm {
	return &GroupNorm{Weight: NewParam(Ones, n), Bias: NewParam(Zeros, n), Groups: groups, Eps: 1e-5}
}

// Collect implements Module.
func (l *GroupNorm) Collect(c *Collector) {
	c.Param("weight", l.Weight)
	c.Param("bias", l.Bias)
}

// Forward implements Layer.
func (l *GroupNorm) Forward(t *Tape, x *Var) *Var {
	return t.GroupNorm(x, l.Weight, l.Bias, l.Groups, l.Eps)
}

// RMSNorm divides by the root mean square over the last axis.
type RMSNorm struct {
	Weight *Var
	Eps    float32
}

// NewRMSNorm returns an RMSNorm of n values with eps 1e-6.
func NewRMSNorm(n int) *RMSNorm { return &RMSNorm{Weight: NewParam(Ones, n), Eps: 1e-6} }

// Collect implements Module.
func (l *RMSNorm) Collect(c *Collector) { c.Param("weight", l.Weight) }

// Forward implements Layer.
func (l *RMSNorm) Forward(t *Tape, x *Var) *Var { return t.RMSNorm(x, l.Weight, l.Eps) }
