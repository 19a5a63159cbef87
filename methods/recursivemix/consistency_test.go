package recursivemix

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/tailorbird/tailorbird/kernels/ops"
	"github.com/tailorbird/tailorbird/methods/nn"
)

// align is ROI align to 1 x 1 as the branch calls it.
func align(t *nn.Tape, f *nn.Var, b Box, scale float32) *nn.Var {
	rois := t.Upload([]float32{0, float32(b.X1), float32(b.Y1), float32(b.X2), float32(b.Y2)}, 1, 5)
	return t.RoIAlign(f, rois, 1, 1, ops.RoIAlign{Scale: scale, SamplingRatio: -1, Aligned: true})
}

func TestROIGoldensOnARamp(t *testing.T) {
	e := newEngine(t)
	tape := nn.NewTape(e)
	ramp := make([]float32, 16)
	for i := range ramp {
		ramp[i] = float32(i)
	}
	for _, c := range []struct {
		box  Box
		want float32
	}{
		{Box{0, 0, 32, 32}, 7.5}, {Box{8, 8, 16, 16}, 5}, {Box{0, 0, 8, 8}, 0}, {Box{24, 24, 32, 32}, 15},
		{Box{4, 4, 20, 28}, 7}, {Box{10, 3, 14, 9}, 2}, {Box{0, 0, 4, 4}, 0}, {Box{2, 2, 4, 4}, 0},
	} {
		y := tape.Host(align(tape, tape.Upload(ramp, 1, 1, 4, 4), c.box, 1./8))
		if len(y) != 1 || !near(float64(y[0]), float64(c.want), 1e-6) {
			t.Errorf("box %+v: %v, want %v", c.box, y, c.want)
		}
		y = tape.Host(align(tape, tape.Const(constant(3, 1, 1, 4, 4)), c.box, 1./8))
		if len(y) != 1 || !near(float64(y[0]), 3, 1e-6) {
			t.Errorf("box %+v of a constant map 3: %v", c.box, y)
		}
		tape.Reset()
	}
}

// All bilinear weights of a sample add up to 1: where no sample lies outside, the
// gradient that reaches the map is the gradient that came.
func TestROIAlignScattersTheWholeGradient(t *testing.T) {
	e := newEngine(t)
	tape := nn.NewTape(e)
	rng := rand.New(rand.NewPCG(2, 2))
	for step := range int64(200) {
		b := NewDraw(5, step, 0.7, 32, 32).Box(32, 32)
		if b.Empty() {
			continue
		}
		f := tape.Input(numbers(rng, 1, 3, 4, 4))
		y := tape.Scale(align(tape, f, b, 1./8), 2.5)
		if err := tape.Backward(tape.Sum(y, false)); err != nil {
			t.Fatal(err)
		}
		for c := range 3 {
			if got := 16 * mean(f.Grad.Float32s()[16*c:][:16]); !near(got, 2.5, 1e-5) {
				t.Fatalf("box %+v: the map's gradients add up to %v, want 2.5", b, got)
			}
		}
		tape.ZeroGrad(f)
		tape.Reset()
	}
}

func TestFullImageROIIsTheGlobalAverage(t *testing.T) {
	e := newEngine(t)
	net := newTiny(6, 5)
	nn.Initialise(net, 3)
	o := DefaultOptions()
	o.Alpha, o.SharedHead = 1, true
	h := newHistory(t, e, o, Shape{Batch: 3, Height: 8, Width: 8, Classes: 5, Features: 6})
	if n := len(nn.Params(h)); n != 0 {
		t.Fatalf("a shared head has %d parameters of its own", n)
	}
	rng := rand.New(rand.NewPCG(4, 4))
	tape := nn.NewTape(e)
	for step := range int64(2) {
		m, err := h.BeforeForward(0, step, Draw{U: 1, X: 4, Y: 4}, numbers(rng, 3, 3, 8, 8), classesOf(rng, 3, 5))
		if err != nil {
			t.Fatal(err)
		}
		f := net.Features(tape, tape.Const(m.Images)).Map
		z := net.Logits(tape, net.Pool(tape, f))
		if step == 1 {
			if m.Box != (Box{0, 0, 8, 8}) {
				t.Fatalf("box %+v is not the whole image", m.Box)
			}
			got, want := tape.Host(h.Look(tape, net, f)), tape.Host(z)
			for i := range want {
				if !near(float64(got[i]), float64(want[i]), 1e-6) {
					t.Errorf("z_roi %v, z %v", got, want)
					break
				}
			}
		}
		h.AfterForward(tape, net, f, z)
		if err := tape.Err(); err != nil {
			t.Fatal(err)
		}
		tape.Reset()
	}
}

func TestSoftCrossEntropyAgainstItself(t *testing.T) {
	e := newEngine(t)
	tape := nn.NewTape(e)
	rng := rand.New(rand.NewPCG(6, 6))
	z := tape.Input(numbers(rng, 4, 9))
	q := tape.Keep(tape.Softmax(tape.Const(z.Value), 1))
	loss := tape.SoftCrossEntropy(z, q, nn.CrossEntropy{})
	entropy := 0.0
	for _, p := range tape.Host(q) {
		entropy -= float64(p) * math.Log(float64(p)) / 4
	}
	if got := float64(tape.Host(loss)[0]); !near(got, entropy, 1e-5) {
		t.Errorf("softCE(z, softmax z) is %v, the entropy %v", got, entropy)
	}
	other := tape.Upload(numbers(rng, 4, 9).Float32s(), 4, 9)
	ce := tape.SoftCrossEntropy(other, q, nn.CrossEntropy{})
	kl := tape.KLDiv(tape.LogSoftmax(other, 1), q, nn.ReduceBatchMean)
	if got := float64(tape.Host(ce)[0] - tape.Host(kl)[0]); !near(got, entropy, 1e-5) {
		t.Errorf("softCE - KL is %v, the target's entropy %v", got, entropy)
	}
	if err := tape.Backward(loss); err != nil {
		t.Fatal(err)
	}
	for _, g := range z.Grad.Float32s() {
		if !near(float64(g), 0, 1e-7) {
			t.Fatalf("gradient %v at z = its own target", g)
		}
	}
}

// twoSteps runs a batch and a second one that it is pasted into, and returns the
// gradients of the second step by name.
func twoSteps(t *testing.T, e ops.Engine, o Options, d Draw) (h *History, grads map[string][]float32, loss float32) {
	t.Helper()
	net := newTiny(6, 5)
	nn.Initialise(net, 3)
	h = newHistory(t, e, o, Shape{Batch: 3, Height: 8, Width: 8, Classes: 5, Features: 6})
	rng := rand.New(rand.NewPCG(4, 4))
	tape := nn.NewTape(e)
	params := append(nn.Params(net), nn.Params(h)...)
	for step := range int64(2) {
		m, err := h.BeforeForward(0, step, d, numbers(rng, 3, 3, 8, 8), classesOf(rng, 3, 5))
		if err != nil {
			t.Fatal(err)
		}
		f := net.Features(tape, tape.Const(m.Images)).Map
		z := net.Logits(tape, net.Pool(tape, f))
		total := h.Loss(tape, z)
		if term, _ := h.AfterForward(tape, net, f, z); term != nil {
			total = tape.Add(total, term)
		}
		for _, p := range params {
			tape.ZeroGrad(p.Var)
		}
		if err := tape.Backward(total); err != nil {
			t.Fatal(err)
		}
		loss = tape.Host(total)[0]
		tape.Reset()
	}
	grads = map[string][]float32{}
	for _, p := range params {
		if p.Var.Grad != nil {
			grads[p.Name] = slices.Clone(p.Var.Grad.Float32s())
		}
	}
	for _, kept := range []*nn.Var{h.images, h.labels, h.logits} {
		if kept.Grad != nil {
			t.Error("a gradient reached the history")
		}
	}
	return h, grads, loss
}

func TestOmegaZeroIsMixingOnly(t *testing.T) {
	e := newEngine(t)
	off, on := DefaultOptions(), DefaultOptions()
	off.Omega, on.Omega = 0, 0.5
	h, grads, _ := twoSteps(t, e, off, quarter(8))
	if h.Head != nil || grads["fc_roi.weight"] != nil {
		t.Error("without weight there is a ROI head")
	}
	// the same batch, trained on its mixed labels by hand
	net := newTiny(6, 5)
	nn.Initialise(net, 3)
	tape := nn.NewTape(e)
	z := net.Forward(tape, tape.Const(h.images.Value))
	if err := tape.Backward(tape.SoftCrossEntropy(z, tape.Const(h.labels.Value), nn.CrossEntropy{})); err != nil {
		t.Fatal(err)
	}
	for _, p := range nn.Params(net) {
		if !slices.Equal(grads[p.Name], p.Var.Grad.Float32s()) {
			t.Errorf("%s: the gradient is not that of mixing alone", p.Name)
		}
	}
	_, with, _ := twoSteps(t, e, on, quarter(8))
	if slices.Equal(grads["conv.weight"], with["conv.weight"]) || with["fc_roi.weight"] == nil {
		t.Error("with weight the branch has no effect")
	}
	if !slices.Equal(grads["fc.weight"], with["fc.weight"]) {
		t.Error("the branch has an effect on the main classifier, which it does not use")
	}
}

// A tiny box counts little: the weight of the consistency term holds the share.
func TestConsistencyIsWeightedByTheShare(t *testing.T) {
	e := newEngine(t)
	for _, share := range []float64{1. / 16, 1. / 4, 1} {
		o := DefaultOptions()
		o.Alpha, o.Omega = 1, 0.7
		h := newHistory(t, e, o, Shape{Batch: 1, Height: 8, Width: 8, Classes: 3, Features: 2})
		pass(t, h, 0, 0, Draw{}, constant(0, 1, 3, 8, 8), dense([]int64{0}, 1), []float32{1, 2, 3})
		m, err := h.BeforeForward(0, 1, Draw{U: share, X: 4, Y: 4}, constant(1, 1, 3, 8, 8), dense([]int64{1}, 1))
		if err != nil {
			t.Fatal(err)
		}
		tape := nn.NewTape(e)
		term, raw := h.AfterForward(tape, nil, tape.Const(constant(1, 1, 2, 2, 2)), tape.Upload([]float32{0, 0, 0}, 1, 3))
		if m.Share != share {
			t.Fatalf("box %+v covers %v, want %v", m.Box, m.Share, share)
		}
		if got, want := tape.Host(term)[0], tape.Host(raw)[0]*float32(0.7*share); got != want {
			t.Errorf("share %v: the term is %v, want %v", share, got, want)
		}
		tape.Reset()
	}
}

// The axes of the authors' code before April 2023: the paste goes to the transposed
// box, the ROI branch looks at the box.
func TestSwappedAxesPasteTransposed(t *testing.T) {
	e := newEngine(t)
	o := DefaultOptions()
	o.SwappedAxes = true
	h := newHistory(t, e, o, Shape{Batch: 1, Height: 16, Width: 16, Classes: 2, Features: 2})
	pass(t, h, 0, 0, Draw{}, constant(1, 1, 3, 16, 16), dense([]int64{0}, 1), nil)
	m := pass(t, h, 0, 1, Draw{U: 0.0625, X: 4, Y: 10}, constant(0, 1, 3, 16, 16), dense([]int64{0}, 1), nil)
	if want := (Box{2, 8, 6, 12}); m.ROI != want {
		t.Errorf("the branch looks at %+v, want %+v", m.ROI, want)
	}
	for i, v := range m.Images.Float32s()[:256] {
		row, column := i/16, i%16
		if pasted := row >= 2 && row < 6 && column >= 8 && column < 12; pasted != (v == 1) {
			t.Fatalf("row %d, column %d is %v", row, column, v)
		}
	}
}
