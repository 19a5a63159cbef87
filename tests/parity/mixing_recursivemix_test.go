package parity

import (
	"slices"
	"strconv"
	"testing"

	"gorgonia.org/tensor"

	"github.com/tailorbird/tailorbird/kernels/cpu"
	"github.com/tailorbird/tailorbird/kernels/ops"
	"github.com/tailorbird/tailorbird/methods/nn"
	"github.com/tailorbird/tailorbird/methods/recursivemix"
	"github.com/tailorbird/tailorbird/methods/zoo"
)

func init() {
	register("recursivemix_boxes", runMixBoxes)
	register("recursivemix_steps", runMixSteps)
	register("cutmix", runCutMix)
	register("mixup", runMixup)
	register("torchvision_cutmix", runTorchvisionCutMix)
	register("torchvision_mixup", runTorchvisionMixup)
	register("timm_mixup_target", runTimmTarget)
}

func runMixBoxes(t *testing.T, c *Case) {
	var want struct {
		Rows []struct {
			W, H   int
			U      float64
			CX, CY int
			Box    [4]int
			A      float64
		}
	}
	c.DecodeFile(t, "expected.json", &want)
	if len(want.Rows) == 0 {
		t.Fatal("no rows")
	}
	for _, r := range want.Rows {
		b := recursivemix.Draw{U: r.U, X: r.CX, Y: r.CY}.Box(r.W, r.H)
		if got := [4]int{b.X1, b.Y1, b.X2, b.Y2}; got != r.Box || b.Share(r.W, r.H) != r.A {
			t.Errorf("%+v: box %v, share %v", r, got, b.Share(r.W, r.H))
		}
	}
}

// mixNet is the network of the cases: two strided convolutions with batch norm and
// ReLU, and a classifier on the mean.
type mixNet struct {
	conv1, conv2 *nn.Conv2d
	bn1, bn2     *nn.BatchNorm2d
	fc           *nn.Linear
}

func newMixNet(w1, w2, fc []int) *mixNet {
	half := ops.Conv{Stride: [2]int{2, 2}, Padding: [2]int{1, 1}}
	return &mixNet{
		conv1: nn.NewConv2d(w1[1], w1[0], w1[2], half, false), bn1: nn.NewBatchNorm2d(w1[0]),
		conv2: nn.NewConv2d(w2[1], w2[0], w2[2], half, false), bn2: nn.NewBatchNorm2d(w2[0]),
		fc: nn.NewLinear(fc[1], fc[0], true),
	}
}

func (n *mixNet) Collect(c *nn.Collector) {
	c.Module("conv1", n.conv1)
	c.Module("bn1", n.bn1)
	c.Module("conv2", n.conv2)
	c.Module("bn2", n.bn2)
	c.Module("fc", n.fc)
}

func (n *mixNet) Layout() zoo.Layout {
	s := n.fc.Weight.Shape()
	return zoo.Layout{Map: s[1], Classes: s[0]}
}

func (n *mixNet) Features(t *nn.Tape, x *nn.Var) zoo.Features {
	f := n.bn1.ForwardReLU(t, n.conv1.Forward(t, x))
	return zoo.Features{Stem: f, Map: n.bn2.ForwardReLU(t, n.conv2.Forward(t, f))}
}

func (n *mixNet) Pool(t *nn.Tape, f *nn.Var) *nn.Var   { return t.GlobalAvgPool(f) }
func (n *mixNet) Logits(t *nn.Tape, v *nn.Var) *nn.Var { return n.fc.Forward(t, v) }
func (n *mixNet) Fold() error                          { return nil }
func (n *mixNet) Forward(t *nn.Tape, x *nn.Var) *nn.Var {
	return n.Logits(t, n.Pool(t, n.Features(t, x).Map))
}

// mixRun is a run of a case's steps.
type mixRun struct {
	*testing.T
	c    *Case
	e    *cpu.Engine
	tape *nn.Tape
	net  *mixNet
	h    *recursivemix.History
	opt  *nn.Optimiser

	boxes                 []int64
	lam, lossMix, lossRoI []float32
}

// Collect names what the case's weights hold.
func (r *mixRun) Collect(c *nn.Collector) {
	r.net.Collect(c)
	c.Module("fc_roi", r.h.Head)
}

func runMixSteps(t *testing.T, c *Case) {
	var cfg struct {
		Mode                       string
		Omega, LR, Momentum, Alpha float64
		Draws                      [][3]float64 `json:"draws_u_cx_cy"`
	}
	c.DecodeConfig(t, &cfg)
	w := c.Weights(t)
	shape := func(name string) []int {
		in, ok := w.Info(name)
		if !ok {
			t.Fatalf("no weight %s", name)
		}
		return in.Shape
	}
	r := &mixRun{T: t, c: c, e: cpu.New(cpu.Options{}), net: newMixNet(shape("conv1.weight"), shape("conv2.weight"), shape("fc.weight"))}
	t.Cleanup(r.e.Close)
	_, first := c.F32(t, "x0")
	layout := r.net.Layout()
	var err error
	r.h, err = recursivemix.NewHistory(r.e, recursivemix.Options{Alpha: cfg.Alpha, Omega: cfg.Omega, Resize: cfg.Mode},
		recursivemix.Shape{Batch: first[0], Height: first[2], Width: first[3], Classes: layout.Classes, Features: layout.Map})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := nn.LoadState(r, w, nn.LoadOptions{}); err != nil {
		t.Fatal(err)
	}
	r.tape = nn.NewTape(r.e)
	r.opt, err = nn.NewOptimiser(r.e, nn.SGD{Momentum: cfg.Momentum}, nn.Group{Params: nn.Params(r), LR: cfg.LR})
	if err != nil {
		t.Fatal(err)
	}
	for i, d := range cfg.Draws {
		r.step(i, i == len(cfg.Draws)-1, recursivemix.Draw{U: d[0], X: int(d[1]), Y: int(d[2])})
	}
	r.finish()
}

// step trains on batch i and, after the last one, compares what it made.
func (r *mixRun) step(i int, last bool, d recursivemix.Draw) {
	r.Helper()
	x, shape := r.c.F32(r.T, "x"+strconv.Itoa(i))
	y, _ := r.c.I64(r.T, "y"+strconv.Itoa(i))
	m, err := r.h.BeforeForward(0, int64(i), d, mixTensor(x, shape...), mixTensor(y, len(y)))
	if err != nil {
		r.Fatal(err)
	}
	f := r.net.Features(r.tape, r.tape.Const(m.Images)).Map
	z := r.net.Logits(r.tape, r.net.Pool(r.tape, f))
	mix := r.h.Loss(r.tape, z)
	r.boxes = append(r.boxes, int64(m.Box.X1), int64(m.Box.Y1), int64(m.Box.X2), int64(m.Box.Y2))
	r.lam = append(r.lam, float32(1-m.Share))
	if last {
		r.c.Check(r.T, "x_mixed", r.tape.Host(r.tape.Const(m.Images)), m.Images.Shape()...)
		r.c.Check(r.T, "y_mixed", r.tape.Host(r.tape.Const(m.Labels)), m.Labels.Shape()...)
		r.c.Check(r.T, "z", r.tape.Host(z), z.Shape()...)
		r.c.Check(r.T, "z_roi.last", r.tape.Host(r.h.Look(r.tape, r.net, f)))
	}
	term, roi := r.h.AfterForward(r.tape, r.net, f, z)
	r.lossMix = append(r.lossMix, r.tape.Host(mix)[0])
	if roi != nil {
		r.lossRoI = append(r.lossRoI, r.tape.Host(roi)[0])
	} else {
		r.lossRoI = append(r.lossRoI, 0)
	}
	if err := r.tape.Backward(r.tape.Add(mix, term)); err != nil {
		r.Fatal(err)
	}
	for _, p := range nn.Params(r) {
		if name := "grad." + p.Name; last && r.c.Output(name) != nil {
			r.c.Check(r.T, name, r.tape.Host(&nn.Var{Value: p.Var.Grad}), p.Var.Shape()...)
		}
	}
	if err := r.opt.Step(); err != nil {
		r.Fatal(err)
	}
	r.opt.ZeroGrad(r.tape)
	r.tape.Reset()
}

func (r *mixRun) finish() {
	r.Helper()
	r.c.Check(r.T, "boxes", r.boxes)
	r.c.Check(r.T, "lam", r.lam)
	r.c.Check(r.T, "loss_mix", r.lossMix)
	r.c.Check(r.T, "loss_roi", r.lossRoI)
	for _, p := range nn.Entries(r) {
		if name := "final." + p.Name; r.c.Output(name) != nil {
			r.c.Check(r.T, name, p.Var.Value.Float32s(), p.Var.Shape()...)
		}
	}
}

func mixTensor(backing any, shape ...int) *tensor.Dense {
	return tensor.New(tensor.WithShape(shape...), tensor.WithBacking(backing))
}

// mixCase is what the cases of one mixed batch share.
type mixCase struct {
	e          *cpu.Engine
	x, y, perm *tensor.Dense // perm is nil where the case has none
	n          int
}

func newMixCase(t *testing.T, c *Case) *mixCase {
	m := &mixCase{e: cpu.New(cpu.Options{})}
	t.Cleanup(m.e.Close)
	y, _ := c.I64(t, "y")
	m.y, m.n = mixTensor(y, len(y)), len(y)
	if c.Has("x") {
		x, shape := c.F32(t, "x")
		m.x = mixTensor(x, shape...)
	}
	if c.Has("perm") {
		perm, _ := c.I64(t, "perm")
		m.perm = mixTensor(perm, len(perm))
	}
	return m
}

// checkMixed compares images made by mix, and labels.
func (m *mixCase) checkMixed(t *testing.T, c *Case, lambda float64, mix func(dst *tensor.Dense) error) {
	t.Helper()
	dst := m.e.Borrow(m.x.Shape()...)
	if err := mix(dst); err != nil {
		t.Fatal(err)
	}
	c.Check(t, "x_mixed", dst.Float32s(), dst.Shape()...)
	m.checkLabels(t, c, "y_mixed", lambda, 1, 0)
}

func (m *mixCase) checkLabels(t *testing.T, c *Case, name string, lambda, on, off float64) *tensor.Dense {
	t.Helper()
	y := m.e.Borrow(m.n, c.Output(name).Shape[1])
	if err := recursivemix.MixLabels(m.e, y, m.y, m.perm, lambda, on, off); err != nil {
		t.Fatal(err)
	}
	c.Check(t, name, y.Float32s(), y.Shape()...)
	return y
}

func mixScalar(t *testing.T, c *Case, name string) float64 {
	t.Helper()
	v, _ := c.F32(t, name)
	return float64(v[0])
}

func runCutMix(t *testing.T, c *Case) {
	m := newMixCase(t, c)
	centre, _ := c.I64(t, "center")
	s := m.x.Shape()
	b := recursivemix.Draw{U: 1 - mixScalar(t, c, "lam"), X: int(centre[0]), Y: int(centre[1])}.Box(s[3], s[2])
	lambda := 1 - b.Share(s[3], s[2])
	c.Check(t, "box", []int64{int64(b.X1), int64(b.Y1), int64(b.X2), int64(b.Y2)})
	c.Check(t, "lam_adjusted", []float64{lambda})
	m.checkMixed(t, c, lambda, func(dst *tensor.Dense) error { return recursivemix.CutMix(m.e, dst, m.x, m.perm, b) })
}

func runMixup(t *testing.T, c *Case) {
	m := newMixCase(t, c)
	lambda := mixScalar(t, c, "lam")
	m.checkMixed(t, c, lambda, func(dst *tensor.Dense) error { return recursivemix.Mixup(m.e, dst, m.x, m.perm, lambda) })
	tape := nn.NewTape(m.e)
	y := m.checkLabels(t, c, "y_mixed", lambda, 1, 0)
	z, shape := c.F32(t, "z")
	in := tape.Input(mixTensor(slices.Clone(z), shape...))
	loss := tape.SoftCrossEntropy(in, tape.Const(y), nn.CrossEntropy{})
	c.Check(t, "loss", tape.Host(loss))
	if err := tape.Backward(loss); err != nil {
		t.Fatal(err)
	}
	c.Check(t, "grad.z", in.Grad.Float32s(), shape...)
}

// pair mixes sample i with sample with(i).
func (m *mixCase) pair(with func(i int) int) {
	perm := make([]int64, m.n)
	for i := range perm {
		perm[i] = int64(with(i))
	}
	m.perm = mixTensor(perm, m.n)
}

func runTorchvisionCutMix(t *testing.T, c *Case) {
	var cfg struct {
		Box    [4]float64
		Lambda float64 `json:"lam_adjusted"`
	}
	c.DecodeConfig(t, &cfg)
	m := newMixCase(t, c)
	m.pair(func(i int) int { return (i + m.n - 1) % m.n })
	b := recursivemix.Box{X1: int(cfg.Box[0]), Y1: int(cfg.Box[1]), X2: int(cfg.Box[2]), Y2: int(cfg.Box[3])}
	m.checkMixed(t, c, cfg.Lambda, func(dst *tensor.Dense) error { return recursivemix.CutMix(m.e, dst, m.x, m.perm, b) })
}

func runTorchvisionMixup(t *testing.T, c *Case) {
	var cfg struct {
		Lambda float64 `json:"lam"`
	}
	c.DecodeConfig(t, &cfg)
	m := newMixCase(t, c)
	m.pair(func(i int) int { return (i + m.n - 1) % m.n })
	m.checkMixed(t, c, cfg.Lambda, func(dst *tensor.Dense) error {
		return recursivemix.Mixup(m.e, dst, m.x, m.perm, cfg.Lambda)
	})
}

func runTimmTarget(t *testing.T, c *Case) {
	var cfg struct {
		Classes   int     `json:"num_classes"`
		Lambda    float64 `json:"lam"`
		Smoothing float64
	}
	c.DecodeConfig(t, &cfg)
	m := newMixCase(t, c)
	m.pair(func(i int) int { return m.n - 1 - i })
	off := cfg.Smoothing / float64(cfg.Classes)
	m.checkLabels(t, c, "target", cfg.Lambda, 1-cfg.Smoothing+off, off)
}
