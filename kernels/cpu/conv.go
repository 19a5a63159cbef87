package cpu

import (
	"math"

	"gorgonia.org/tensor"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/ops"
)

// convState holds the tasks of this family.
type convState struct {
	gemm           convTask
	weight         convWeight
	winograd       winogradTask
	winogradWeight winogradWeight
	depthwise      depthwiseTask
	sums           channelSums
	windows        windowTask
}

// convForm is how a convolution is computed.
type convForm uint8

const (
	byColumns   convForm = iota // conv_gemm.go, conv_weight.go
	byWinograd                  // winograd.go, winograd_weight.go
	byDepthwise                 // depthwise.go
)

// winogradLeast is the number of channels from which on transforms pay.
const winogradLeast = 12

func formOf(s *ops.ConvShape) convForm {
	one := [2]int{1, 1}
	switch {
	case s.KH == 3 && s.KW == 3 && s.Stride == one && s.Dilation == one && s.Groups == 1 && min(s.C, s.K) >= winogradLeast:
		return byWinograd
	case s.CG == 1 && s.KG <= lanes:
		return byDepthwise
	}
	return byColumns
}

// Conv2D implements ops.Convolver. Where x has a value that is not finite, so may
// have all results of the 4 x 4 tiles that read it.
func (e *Engine) Conv2D(y, x, w, b *tensor.Dense, c ops.Conv) error {
	const op = "conv2d"
	s, err := c.Check(op, x, w, y)
	if err != nil {
		return err
	}
	if err := checkConv(op, &s, b, s.K); err != nil {
		return err
	}
	floor := float32(math.Inf(-1))
	if s.ReLU {
		floor = 0
	}
	into, from, filters, bias := y.Float32s(), x.Float32s(), w.Float32s(), values(b)
	switch formOf(&s) {
	case byWinograd:
		t := &e.convState.winograd
		*t = winogradTask{n: s.N, c: s.C, h: s.H, w: s.W, k: s.K, oh: s.OH, ow: s.OW, top: s.Padding[0], left: s.Padding[1],
			y: into, x: from, filters: filters, bias: bias, floor: floor}
		e.runWinograd(t)
	case byDepthwise:
		e.runDepthwise(depthwiseForward, &s, into, from, filters, bias, floor)
	default:
		e.runConv(&s, into, from, filters, bias, floor)
	}
	return nil
}

// Conv2DGradInput implements ops.Convolver.
func (e *Engine) Conv2DGradInput(dx, dy, w, b *tensor.Dense, c ops.Conv) error {
	const op = "conv2d gradient of input"
	s, err := c.Check(op, dx, w, dy)
	if err != nil {
		return err
	}
	if err := checkConv(op, &s, b, s.C); err != nil {
		return err
	}
	floor := float32(math.Inf(-1))
	into, from, filters, bias := dx.Float32s(), dy.Float32s(), w.Float32s(), values(b)
	switch formOf(&s) {
	case byWinograd: // a convolution of dy with the filters turned around
		t := &e.convState.winograd
		*t = winogradTask{n: s.N, c: s.K, h: s.OH, w: s.OW, k: s.C, oh: s.H, ow: s.W, top: 2 - s.Padding[0], left: 2 - s.Padding[1],
			y: into, x: from, filters: filters, bias: bias, floor: floor, rotated: true}
		e.runWinograd(t)
	case byDepthwise:
		e.runDepthwise(depthwiseInput, &s, into, from, filters, bias, floor)
	default:
		e.runConvInput(&s, into, from, filters, bias, floor)
	}
	return nil
}

// Conv2DGradWeight implements ops.Convolver.
func (e *Engine) Conv2DGradWeight(dw, dy, x *tensor.Dense, c ops.Conv) error {
	const op = "conv2d gradient of weight"
	s, err := c.Check(op, x, dw, dy)
	if err != nil {
		return err
	}
	if err := checkConv(op, &s, nil, 0); err != nil {
		return err
	}
	into, grad, from := dw.Float32s(), dy.Float32s(), x.Float32s()
	switch form := formOf(&s); {
	// Of few tiles a value's sum is short and the 36 sums cost more than they save.
	case form == byWinograd && s.N*s.OH*s.OW >= 16*winogradTile*winogradTile:
		t := &e.convState.winogradWeight
		*t = winogradWeight{n: s.N, c: s.C, h: s.H, w: s.W, k: s.K, oh: s.OH, ow: s.OW, top: s.Padding[0], left: s.Padding[1],
			dw: into, dy: grad, x: from}
		e.runWinogradWeight(t)
	case form == byDepthwise:
		e.runDepthwise(depthwiseWeight, &s, into, grad, from, nil, 0)
	default:
		e.runConvWeight(&s, into, grad, from)
	}
	return nil
}

// checkConv refuses a bias of another size than n, and images whose values 32 bits
// cannot count: columns are found by such numbers.
func checkConv(op string, s *ops.ConvShape, b *tensor.Dense, n int) error {
	if x, y := s.N*s.C*s.H*s.W, s.N*s.K*s.OH*s.OW; max(x, y) > math.MaxInt32 {
		return fault.New(fault.TooLarge, "%s: %d and %d values, at most %d", op, x, y, math.MaxInt32)
	}
	return ops.CheckBias(op, b, n)
}

// Conv2DGradBias implements ops.Convolver.
func (e *Engine) Conv2DGradBias(db, dy *tensor.Dense) error {
	if err := ops.WantType("conv2d gradient of bias", tensor.Float32, db, dy); err != nil {
		return err
	}
	shape := dy.Shape()
	if len(shape) < 2 {
		return fault.New(fault.Usage, "conv2d gradient of bias: dy %v, want (N, K, ...)", shape)
	}
	if err := ops.CheckBias("conv2d gradient of bias", db, shape[1]); err != nil {
		return err
	}
	t := &e.convState.sums
	*t = channelSums{dst: db.Float32s(), src: dy.Float32s(), n: shape[0], c: shape[1]}
	if t.n > 0 && t.c > 0 {
		t.plane = len(t.src) / (t.n * t.c)
	}
	e.run(t.c, t)
	t.dst, t.src = nil, nil
	return nil
}

// channelSums adds up the planes of each channel.
type channelSums struct {
	dst, src    []float32
	n, c, plane int
}

func (t *channelSums) part(i int, _ *scratch) {
	var sums [4]float64 // four are under way at a time
	for n := range t.n {
		plane := t.src[(n*t.c+i)*t.plane:][:t.plane]
		for ; len(plane) >= len(sums); plane = plane[len(sums):] {
			sums[0] += float64(plane[0])
			sums[1] += float64(plane[1])
			sums[2] += float64(plane[2])
			sums[3] += float64(plane[3])
		}
		for _, v := range plane {
			sums[0] += float64(v)
		}
	}
	t.dst[i] = float32(sums[0] + sums[1] + (sums[2] + sums[3]))
}

func values(t *tensor.Dense) []float32 {
	if t == nil {
		return nil
	}
	return t.Float32s()
}
