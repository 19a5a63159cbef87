package zoo

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/cpu"
	"github.com/tailorbird/tailorbird/kernels/ops"
	"github.com/tailorbird/tailorbird/methods/nn"
)

// small networks of each transformer family, with every option in one of them.
func smallTransformers(t *testing.T) map[string]nn.Layer {
	t.Helper()
	vit, err := NewViT(ViTConfig{ImageSize: 16, PatchSize: 8, Width: 12, Depth: 2, Heads: 3, Classes: 5})
	vitMean, err2 := NewViT(ViTConfig{ImageSize: 16, PatchSize: 8, Width: 12, Depth: 2, Heads: 3, Classes: 5, MLPRatio: 2, NoClassToken: true,
		NoQKVBias: true, MeanPool: true, PreNorm: true, LayerScale: 0.5})
	swin, err3 := NewSwin(SwinConfig{ImageSize: 20, Width: 8, Depths: []int{2, 1}, Heads: []int{2, 4}, Window: 3, Classes: 5})
	pvt, err4 := NewPVT(PVTConfig{Widths: []int{8, 12}, Depths: []int{1, 1}, Heads: []int{1, 2}, Reductions: []int{2, 1}, MLPRatios: []float64{2, 2}, Classes: 5})
	linear, err5 := NewPVT(PVTConfig{Widths: []int{8, 12}, Depths: []int{1, 1}, Heads: []int{1, 2}, Reductions: []int{2, 1}, Classes: 5, Linear: true})
	c := PyramidConfig{ImageSize: 16, TokenSize: 2, Widths: []int{8, 12}, Depths: []int{2, 1}, Heads: []int{2, 4}, MLPRatios: []float64{2, 2},
		Pools: []int{2, 1}, Window: 4, PositionHidden: 6, Classes: 5}
	pooled, err6 := NewPooledPVT(c)
	continuous, err7 := NewContinuousSwin(c)
	for _, err := range []error{err, err2, err3, err4, err5, err6, err7} {
		if err != nil {
			t.Fatal(err)
		}
	}
	nets := map[string]nn.Layer{"vit": vit, "vit mean": vitMean, "swin": swin, "pvt": pvt, "pvt linear": linear, "pooled": pooled, "continuous": continuous}
	for _, net := range nets {
		initBroadly(net)
	}
	return nets
}

// initBroadly fills all parameters with values that are far from their usual
// small ones, so that each matters.
func initBroadly(m nn.Module) {
	for _, e := range nn.Params(m) {
		nn.Normal(0.1, 0.3)(e.Var.Value.Float32s(), e.Var.Shape(), nn.Rand(1, e.Name, "test"))
	}
}

func testImages(n, size int) []float32 {
	x := make([]float32, n*3*size*size)
	nn.Normal(0, 1)(x, nil, nn.Rand(2, "images", "test"))
	return x
}

// lossOf returns the loss of one step and leaves gradients in the parameters.
func lossOf(t *testing.T, tape *nn.Tape, net nn.Layer, x []float32, size int) float64 {
	t.Helper()
	tape.Reset()
	y := net.Forward(tape, tape.Upload(x, len(x)/3/size/size, 3, size, size))
	loss := tape.Sum(tape.Square(y), false)
	host := tape.Host(loss)
	if err := tape.Backward(loss); err != nil {
		t.Fatal(err)
	}
	return float64(host[0])
}

// TestTransformerGradientsAreDerivatives moves all parameters of a network along
// their gradient and compares the change of the loss with what it promises.
func TestTransformerGradientsAreDerivatives(t *testing.T) {
	for name, net := range smallTransformers(t) {
		size := map[string]int{"vit": 16, "vit mean": 16, "swin": 20, "pvt": 24, "pvt linear": 24, "pooled": 16, "continuous": 16}[name]
		tape := nn.NewTape(newEngine(t))
		x := testImages(2, size)
		lossOf(t, tape, net, x, size)
		norm := 0.0
		params := nn.Params(net)
		grads := make([][]float32, len(params))
		for i, p := range params {
			if p.Var.Grad == nil {
				t.Fatalf("%s: no gradient of %s", name, p.Name)
			}
			grads[i] = slices.Clone(p.Var.Grad.Float32s())
			for _, g := range grads[i] {
				norm += float64(g) * float64(g)
			}
		}
		at := func(step float64) float64 {
			for i, p := range params {
				v := p.Var.Value.Float32s()
				for j, g := range grads[i] {
					v[j] += float32(step * float64(g) / math.Sqrt(norm))
				}
			}
			return lossOf(t, tape, net, x, size)
		}
		const h = 5e-3
		up := at(h)
		down := at(-2 * h)
		got, want := (up-down)/(2*h), math.Sqrt(norm)
		if math.Abs(got-want) > 0.02*want {
			t.Errorf("%s: slope %.5g along the gradient, its length is %.5g", name, got, want)
		}
		tape.Reset()
	}
}

// TestRecomputationChangesNothing compares gradients with and without it.
func TestRecomputationChangesNothing(t *testing.T) {
	for name, net := range smallTransformers(t) {
		tape := nn.NewTape(newEngine(t))
		x := testImages(2, 32)
		setSize(t, net, 32)
		lossOf(t, tape, net, x, 32)
		grads := map[string][]float32{}
		for _, p := range nn.Params(net) {
			grads[p.Name] = slices.Clone(p.Var.Grad.Float32s())
			tape.ZeroGrad(p.Var)
		}
		setRecompute(net)
		lossOf(t, tape, net, x, 32)
		for _, p := range nn.Params(net) {
			if !slices.Equal(grads[p.Name], p.Var.Grad.Float32s()) {
				t.Errorf("%s: the gradient of %s changed", name, p.Name)
			}
		}
		tape.Reset()
	}
}

// TestWorkersDoNotChangeGradients compares the bits of one worker and of three.
func TestWorkersDoNotChangeGradients(t *testing.T) {
	for name, net := range smallTransformers(t) {
		setSize(t, net, 32)
		x := testImages(3, 32)
		var first map[string][]float32
		for _, workers := range []int{1, 3} {
			e := cpu.New(cpu.Options{Workers: workers})
			tape := nn.NewTape(e)
			lossOf(t, tape, net, x, 32)
			grads := map[string][]float32{}
			for _, p := range nn.Params(net) {
				grads[p.Name] = slices.Clone(p.Var.Grad.Float32s())
				tape.ZeroGrad(p.Var)
			}
			for param, g := range first {
				if !slices.Equal(g, grads[param]) {
					t.Errorf("%s: the gradient of %s changed", name, param)
				}
			}
			first = grads
			tape.Reset()
			e.Close()
		}
	}
}

func setSize(t *testing.T, net nn.Layer, size int) {
	t.Helper()
	if v, ok := net.(interface{ SetImageSize(int) error }); ok {
		if err := v.SetImageSize(size); err != nil {
			t.Fatal(err)
		}
		if err := v.SetImageSize(size + 1); fault.CodeOf(err) != fault.Usage {
			t.Errorf("an image of %d: %v", size+1, err)
		}
	}
}

func setRecompute(net nn.Layer) {
	switch n := net.(type) {
	case *ViT:
		n.Config.Recompute = true
	case *Swin:
		n.Config.Recompute = true
	case *PVT:
		n.Config.Recompute = true
	case *PooledPVT:
		n.Config.Recompute = true
	case *ContinuousSwin:
		n.Config.Recompute = true
	}
}

// TestTransformersGiveTheSameWithoutARecording: nothing in these networks behaves differently without a
// recording, but for the memory it takes.
func TestTransformersGiveTheSameWithoutARecording(t *testing.T) {
	for name, net := range smallTransformers(t) {
		tape := nn.NewTape(newEngine(t))
		setSize(t, net, 32)
		x := testImages(2, 32)
		recorded := tape.Host(net.Forward(tape, tape.Upload(x, 2, 3, 32, 32)))
		tape.Reset()
		tape.Training = false
		var got []float32
		tape.NoGrad(func() { got = tape.Host(net.Forward(tape, tape.Upload(x, 2, 3, 32, 32))) })
		if err := tape.Err(); err != nil || !slices.Equal(recorded, got) {
			t.Errorf("%s: %v, want %v (%v)", name, got, recorded, err)
		}
		tape.Reset()
		if n := tape.E.InUse(); n != 0 {
			t.Errorf("%s: %d bytes stay lent out", name, n)
		}
	}
}

func TestBackbonesAddUp(t *testing.T) {
	for name, net := range smallTransformers(t) {
		b, ok := net.(Backbone)
		if !ok {
			continue
		}
		tape := nn.NewTape(newEngine(t))
		x := tape.Upload(testImages(2, 32), 2, 3, 32, 32)
		want := tape.Host(net.Forward(tape, x))
		f, layout := b.Features(tape, x), b.Layout()
		near(t, name, tape.Host(b.Logits(tape, b.Pool(tape, f.Map))), want, 1e-5)
		if f.Stem.Dim(1) != layout.Stem || f.Map.Dim(1) != layout.Map || len(f.Stages) != len(layout.Stages) {
			t.Errorf("%s: stem %v, map %v, layout %+v", name, f.Stem.Shape(), f.Map.Shape(), layout)
		}
		for i, s := range f.Stages {
			if !slices.Equal(s.Shape(), []int{2, layout.Stages[i], 8 >> i, 8 >> i}) {
				t.Errorf("%s: stage %d has shape %v, layout %+v", name, i, s.Shape(), layout)
			}
		}
	}
}

func TestDropPathRisesWithDepth(t *testing.T) {
	net, err := New("vit_tiny_patch16_224", Options{DropPath: 0.22, ImageSize: 32, Classes: 3})
	if err != nil {
		t.Fatal(err)
	}
	v := net.(*ViT)
	if v.Blocks[0].DropPath != 0 || math.Abs(float64(v.Blocks[11].DropPath)-0.22) > 1e-6 || math.Abs(float64(v.Blocks[5].DropPath)-0.1) > 1e-6 {
		t.Errorf("rates %g, %g, %g", v.Blocks[0].DropPath, v.Blocks[5].DropPath, v.Blocks[11].DropPath)
	}
	nn.Initialise(net, 1)
	tape := nn.NewTape(newEngine(t))
	forward := func() []float32 {
		defer tape.Reset()
		return tape.Host(net.Forward(tape, tape.Upload(testImages(2, 32), 2, 3, 32, 32)))
	}
	tape.Seed = 1
	first := forward()
	tape.Seed = 2
	if slices.Equal(first, forward()) {
		t.Error("two seeds drop the same branches")
	}
	tape.Seed = 1
	if !slices.Equal(first, forward()) {
		t.Error("one seed drops different branches")
	}
}

// The counts that are widely printed for the published sizes.
func TestPublishedViTs(t *testing.T) {
	for name, want := range map[string][2]float64{ // M, G
		"vit_tiny_patch16_224": {5.717416, 1.2537}, "vit_small_patch16_224": {22.050664, 4.5989},
		"vit_base_patch16_224": {86.567656, 17.5638}, "vit_large_patch16_224": {304.326632, 61.5547},
		"vit_base_patch32_224": {88.224232, 4.4092}, "vit_base_patch16_384": {86.859496, 55.4844},
	} {
		e, err := Lookup(name)
		if err != nil {
			t.Fatal(err)
		}
		if float64(e.Params) != math.Round(want[0]*1e6) || math.Abs(float64(e.MACs)/1e9-want[1]) > 1e-4 {
			t.Errorf("%s: %d trained values, %d multiply-adds, want %v", name, e.Params, e.MACs, want)
		}
	}
}

func TestLayersForDecay(t *testing.T) {
	net, err := New("vit_tiny_patch16_224", Options{ImageSize: 32})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range nn.Params(net) {
		want := 0
		switch e.Name {
		case "norm.weight", "norm.bias", "head.weight", "head.bias":
			want = 13
		default:
			fmt.Sscanf(e.Name, "blocks.%d", &want)
			if e.Name[0] == 'b' {
				want++
			}
		}
		if got := net.(*ViT).LayerOf(e.Name); got != want {
			t.Errorf("%s is of layer %d, want %d", e.Name, got, want)
		}
	}
}

func TestTransformersRefuseWhatDoesNotFit(t *testing.T) {
	swin := SwinConfig{ImageSize: 16, Width: 8, Depths: []int{1}, Heads: []int{2}, Window: 2}
	pvt := PVTConfig{Widths: []int{8}, Depths: []int{1}, Heads: []int{1}, Reductions: []int{1}}
	vit := ViTConfig{ImageSize: 16, PatchSize: 8, Width: 12, Depth: 1, Heads: 3}
	for name, build := range map[string]func() error{
		"vit: patches that do not fill the image": func() error { c := vit; c.PatchSize = 5; _, err := NewViT(c); return err },
		"vit: heads":               func() error { c := vit; c.Heads = 5; _, err := NewViT(c); return err },
		"vit: nothing to classify": func() error { c := vit; c.NoClassToken = true; _, err := NewViT(c); return err },
		"vit: no depth":            func() error { c := vit; c.Depth = 0; _, err := NewViT(c); return err },
		"vit: drop path of 1":      func() error { c := vit; c.DropPath = 1; _, err := NewViT(c); return err },
		"swin: numbers of stages":  func() error { c := swin; c.Heads = []int{1, 2}; _, err := NewSwin(c); return err },
		"swin: heads":              func() error { c := swin; c.Heads = []int{3}; _, err := NewSwin(c); return err },
		"swin: no stages":          func() error { c := swin; c.Depths, c.Heads = nil, nil; _, err := NewSwin(c); return err },
		"pvt: numbers of stages":   func() error { c := pvt; c.Depths = nil; _, err := NewPVT(c); return err },
		"pvt: no stages":           func() error { _, err := NewPVT(PVTConfig{}); return err },
		"pvt: reduction 0":         func() error { c := pvt; c.Reductions = []int{0}; _, err := NewPVT(c); return err },
		"zoo: zero init of a vit":  func() error { _, err := New("vit_tiny_patch16_224", Options{ZeroInit: true}); return err },
		"zoo: zero init of a pvt":  func() error { _, err := New("pvt_v2_b0", Options{ZeroInit: true}); return err },
	} {
		if err := build(); fault.CodeOf(err) != fault.Usage {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, net := range smallTransformers(t) {
		for _, shape := range [][]int{{2, 3, 31, 16}, {2, 4, 16, 16}, {3, 16, 16}, {2}} {
			tape := nn.NewTape(newEngine(t))
			y := net.Forward(tape, tape.Upload(make([]float32, ops.Size(shape)), shape...))
			if y.Value != nil && strings.HasPrefix(name, "pvt") && len(shape) == 4 && shape[1] == 3 { // overlapping patches fit any size
				continue
			}
			if fault.CodeOf(tape.Err()) != fault.Usage {
				t.Errorf("%s took images %v: %v", name, shape, tape.Err())
			}
		}
	}
}
