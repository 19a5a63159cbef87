package recursivemix

import (
	"math"
	"math/rand/v2"
	"testing"

	"gorgonia.org/tensor"

	"github.com/tailorbird/tailorbird/kernels/cpu"
	"github.com/tailorbird/tailorbird/kernels/ops"
	"github.com/tailorbird/tailorbird/methods/nn"
	"github.com/tailorbird/tailorbird/methods/zoo"
)

func newEngine(t testing.TB) *cpu.Engine {
	e := cpu.New(cpu.Options{Workers: 2})
	t.Cleanup(e.Close)
	return e
}

func dense(backing any, shape ...int) *tensor.Dense {
	return tensor.New(tensor.WithShape(shape...), tensor.WithBacking(backing))
}

func numbers(rng *rand.Rand, shape ...int) *tensor.Dense {
	v := make([]float32, ops.Size(shape))
	for i := range v {
		v[i] = float32(rng.NormFloat64())
	}
	return dense(v, shape...)
}

func constant(value float32, shape ...int) *tensor.Dense {
	v := make([]float32, ops.Size(shape))
	for i := range v {
		v[i] = value
	}
	return dense(v, shape...)
}

func classesOf(rng *rand.Rand, n, classes int) *tensor.Dense {
	v := make([]int64, n)
	for i := range v {
		v[i] = rng.Int64N(int64(classes))
	}
	return dense(v, n)
}

func newHistory(t testing.TB, e ops.Engine, o Options, s Shape) *History {
	t.Helper()
	h, err := NewHistory(e, o, s)
	if err != nil {
		t.Fatal(err)
	}
	nn.Initialise(h, 1)
	return h
}

// pass is BeforeForward and an AfterForward with the given logits, without a network.
func pass(t testing.TB, h *History, epoch, step int64, d Draw, x, y *tensor.Dense, logits []float32) Mixed {
	t.Helper()
	m, err := h.BeforeForward(epoch, step, d, x, y)
	if err != nil {
		t.Fatal(err)
	}
	tape := nn.NewTape(h.e)
	n := x.Shape()[0]
	if logits == nil {
		logits = make([]float32, n*h.Classes)
	}
	features := tape.Const(constant(1, n, h.Features, 4, 4))
	h.AfterForward(tape, nil, features, tape.Upload(logits, n, h.Classes))
	if err := tape.Err(); err != nil {
		t.Fatal(err)
	}
	tape.Reset()
	return m
}

func near(a, b, tolerance float64) bool { return math.Abs(a-b) <= tolerance }

func mean(v []float32) float64 {
	sum := 0.0
	for _, x := range v {
		sum += float64(x)
	}
	return sum / float64(len(v))
}

// quarter draws the top left quarter of an image.
func quarter(side int) Draw { return Draw{U: 0.25, X: side / 4, Y: side / 4} }

// tiny is a network of one strided convolution with a ReLU and a classifier on the
// mean: small enough to be written down again in float64.
type tiny struct {
	conv *nn.Conv2d
	fc   *nn.Linear
}

func newTiny(channels, classes int) *tiny {
	half := ops.Conv{Stride: [2]int{2, 2}, Padding: [2]int{1, 1}}
	return &tiny{nn.NewConv2d(3, channels, 3, half, false), nn.NewLinear(channels, classes, true)}
}

func (n *tiny) Collect(c *nn.Collector) {
	c.Module("conv", n.conv)
	c.Module("fc", n.fc)
}

func (n *tiny) Layout() zoo.Layout {
	return zoo.Layout{Map: n.fc.Weight.Dim(1), Classes: n.fc.Weight.Dim(0)}
}

func (n *tiny) Features(t *nn.Tape, x *nn.Var) zoo.Features {
	return zoo.Features{Map: t.ReLU(n.conv.Forward(t, x))}
}

func (n *tiny) Pool(t *nn.Tape, f *nn.Var) *nn.Var   { return t.GlobalAvgPool(f) }
func (n *tiny) Logits(t *nn.Tape, v *nn.Var) *nn.Var { return n.fc.Forward(t, v) }
func (n *tiny) Fold() error                          { return nil }
func (n *tiny) Forward(t *nn.Tape, x *nn.Var) *nn.Var {
	return n.Logits(t, n.Pool(t, n.Features(t, x).Map))
}

// made is the error of making such a history.
func made(e ops.Engine, o Options, s Shape) error {
	_, err := NewHistory(e, o, s)
	return err
}

// repeats is how often to do what is done many times.
func repeats(normal, short int) int {
	if testing.Short() {
		return short
	}
	return normal
}
