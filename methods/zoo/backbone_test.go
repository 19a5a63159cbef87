package zoo

import (
	"math"
	"slices"
	"testing"

	"gorgonia.org/tensor"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/cpu"
	"github.com/tailorbird/tailorbird/kernels/ops"
	"github.com/tailorbird/tailorbird/methods/nn"
)

// narrow has a small network of each family and form.
var narrow = []struct {
	name  string
	size  int // of its image
	build func() (*Network, error)
}{
	{"resnet basic", 16, func() (*Network, error) {
		return NewResNet(ResNetConfig{Layers: []int{1, 2}, Planes: []int{4, 6}, CIFAR: true, Classes: 3})
	}},
	{"resnext bottleneck", 32, func() (*Network, error) {
		return NewResNet(ResNetConfig{Layers: []int{1, 1, 1}, Planes: []int{8, 8, 16}, Stem: 6, Bottleneck: true, Groups: 4, GroupWidth: 32, Classes: 3})
	}},
	{"seresnet", 32, func() (*Network, error) {
		return NewResNet(ResNetConfig{Layers: []int{1, 1}, Planes: []int{8, 16}, SE: true, Classes: 3})
	}},
	{"resnext basic", 16, func() (*Network, error) {
		return NewResNet(ResNetConfig{Layers: []int{1, 1}, Planes: []int{4, 8}, BasicWidth: 2, CIFAR: true, Classes: 3})
	}},
	{"wrn", 16, func() (*Network, error) { return NewWRN(WRNConfig{Depth: 16, Widen: 2, Base: 4, Classes: 3}) }},
	{"wrn of one width", 16, func() (*Network, error) { return NewWRN(WRNConfig{Depth: 10, Widen: 1, Base: 4, Classes: 3}) }},
	{"preact", 16, func() (*Network, error) {
		return NewPreActResNet(PreActResNetConfig{Layers: []int{1, 2}, Width: 4, Classes: 3})
	}},
	{"pyramid", 16, func() (*Network, error) {
		return NewPyramidNet(PyramidNetConfig{Depth: 11, Alpha: 5, Base: 4, Classes: 3})
	}},
	{"vgg", 32, func() (*Network, error) {
		return NewVGG(VGGConfig{Groups: [][]int{{4}, {4, 6}, {6}, {8}, {8}}, Classes: 3})
	}},
	{"vgg on 64 pixels", 64, func() (*Network, error) {
		return NewVGG(VGGConfig{Groups: [][]int{{4}, {4}, {4}, {4}, {4}}, Classes: 3})
	}},
	{"vgg of stages", 32, func() (*Network, error) {
		return NewVGGStages(VGGStagesConfig{Stem: []int{4, 4}, Stages: [][]int{{6}, {8}}, Hidden: []int{5}, Classes: 3})
	}},
	{"mobilenet", 32, func() (*Network, error) {
		return NewMobileNetV2(MobileNetV2Config{Stem: 4, Last: 10, Classes: 3, Rows: [][4]int{
			{1, 4, 1, 1}, {2, 4, 2, 1}, {2, 6, 1, 2}, {2, 6, 1, 2}, {2, 6, 1, 1}, {2, 8, 1, 2}, {2, 8, 1, 1},
		}})
	}},
	{"shuffle v1", 16, func() (*Network, error) {
		return NewShuffleNetV1(ShuffleNetV1Config{Planes: []int{48, 96}, Blocks: []int{2, 1}, Groups: 3, Classes: 3})
	}},
	{"shuffle v2", 16, func() (*Network, error) {
		return NewShuffleNetV2(ShuffleNetV2Config{Stem: 6, Planes: []int{8, 12}, Blocks: []int{1, 0}, Last: 10, Classes: 3})
	}},
	{"densenet", 32, func() (*Network, error) {
		return NewDenseNet(DenseNetConfig{Growth: 4, Blocks: []int{2, 2}, Classes: 3})
	}},
	{"densenet cifar", 16, func() (*Network, error) {
		return NewDenseNet(DenseNetConfig{Growth: 4, Blocks: []int{2, 2}, CIFAR: true, Classes: 3})
	}},
	{"seresnet cifar", 16, func() (*Network, error) {
		return NewSEResNetCIFAR(SEResNetCIFARConfig{Layers: []int{1, 1}, Planes: []int{4, 8}, Bottleneck: true, Classes: 3})
	}},
	{"sk_res2net", 32, func() (*Network, error) {
		return NewSKRes2Net(SKRes2NetConfig{Layers: []int{2, 1}, Planes: []int{8, 16}, Stem: 4, Classes: 3})
	}},
}

// randomise gives every parameter and statistic of a network a value that shows
// whether it is used.
func randomise(net nn.Module, seed uint64) {
	nn.Initialise(net, seed)
	for _, e := range nn.Entries(net) {
		if e.Var.Value.Dtype() != tensor.Float32 {
			continue
		}
		v := e.Var.Value.Float32s()
		rng := nn.Rand(seed, e.Name, "test")
		switch {
		case e.Buffer && e.Name[len(e.Name)-3:] == "var":
			for i := range v {
				v[i] = 0.5 + rng.Float32()
			}
		case len(e.Var.Shape()) == 1:
			for i := range v {
				v[i] += 0.4 * (rng.Float32() - 0.5)
			}
		}
	}
}

func image(seed uint64, n int) []float32 {
	rng := nn.Rand(seed, "image", "test")
	v := make([]float32, n)
	for i := range v {
		v[i] = float32(rng.NormFloat64())
	}
	return v
}

func TestFeaturesLeadToTheLogits(t *testing.T) {
	e := newEngine(t)
	for _, tt := range narrow {
		t.Run(tt.name, func(t *testing.T) {
			net, err := tt.build()
			if err != nil {
				t.Fatal(err)
			}
			randomise(net, 3)
			tape := nn.NewTape(e)
			tape.Training = false
			x := tape.Upload(image(1, 2*3*tt.size*tt.size), 2, 3, tt.size, tt.size)
			f := net.Features(tape, x)
			y := net.Logits(tape, net.Pool(tape, f.Map))
			var direct *nn.Var
			tape.NoGrad(func() { direct = net.Forward(tape, x) })
			if err := tape.Err(); err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(tape.Host(y), tape.Host(direct)) {
				t.Errorf("logits by features %v, directly %v", tape.Host(y), tape.Host(direct))
			}
			l := net.Layout()
			channels, stages := []int{l.Stem, l.Map, l.Classes}, []int{}
			if got := []int{f.Stem.Dim(1), f.Map.Dim(1), y.Dim(1)}; !slices.Equal(got, channels) {
				t.Errorf("stem, map and logits have %v channels, the layout says %v", got, channels)
			}
			for _, s := range f.Stages {
				stages = append(stages, s.Dim(1))
			}
			if !slices.Equal(stages, l.Stages) {
				t.Errorf("stages have %v channels, the layout says %v", stages, l.Stages)
			}
			tape.Reset()
		})
	}
}

// TestMobileNetStages compares the stages with those of the distillation code: the
// blocks up to rows 2, 3, 5 and 7.
func TestMobileNetStages(t *testing.T) {
	net, err := mobileHalf(100)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := net.Layout().Stages, []int{12, 16, 48, 160}; !slices.Equal(got, want) {
		t.Errorf("stages of %v channels, want %v", got, want)
	}
}

func TestAFoldedNetworkGivesTheSameLogits(t *testing.T) {
	e := newEngine(t)
	for _, tt := range narrow {
		t.Run(tt.name, func(t *testing.T) {
			net, err := tt.build()
			if err != nil {
				t.Fatal(err)
			}
			randomise(net, 5)
			tape := nn.NewTape(e)
			tape.Training = false
			logits := func() []float32 {
				defer tape.Reset()
				var y *nn.Var
				tape.NoGrad(func() {
					y = net.Forward(tape, tape.Upload(image(2, 2*3*tt.size*tt.size), 2, 3, tt.size, tt.size))
				})
				if err := tape.Err(); err != nil {
					t.Fatal(err)
				}
				return tape.Host(y)
			}
			want, entries := logits(), len(nn.Entries(net))
			for range 2 { // the second time changes nothing
				if err := net.Fold(); err != nil {
					t.Fatal(err)
				}
			}
			if len(nn.Entries(net)) >= entries {
				t.Errorf("%d entries, %d before folding", len(nn.Entries(net)), entries)
			}
			scale := 0.0
			for _, v := range want {
				scale = max(scale, math.Abs(float64(v)))
			}
			for i, v := range logits() {
				if d := math.Abs(float64(v - want[i])); !(d <= 1e-5*scale) {
					t.Errorf("logit %d is %v folded, %v before", i, v, want[i])
				}
			}
			tape.Training = true
			net.Forward(tape, tape.Upload(image(2, 3*tt.size*tt.size), 1, 3, tt.size, tt.size))
			if fault.CodeOf(tape.Err()) != fault.Usage {
				t.Errorf("a folded network trains: %v", tape.Err())
			}
			tape.Reset()
		})
	}
}

// TestInferenceKeepsOnlyTheLogits finds layers that forget to release what they made.
func TestInferenceKeepsOnlyTheLogits(t *testing.T) {
	for _, tt := range narrow {
		t.Run(tt.name, func(t *testing.T) {
			net, err := tt.build()
			if err != nil {
				t.Fatal(err)
			}
			randomise(net, 7)
			e := newEngine(t)
			tape := nn.NewTape(e)
			tape.Training = false
			x := tape.Upload(image(3, 3*tt.size*tt.size), 1, 3, tt.size, tt.size)
			before := e.InUse()
			var y *nn.Var
			tape.NoGrad(func() { y = tape.Scope(func() *nn.Var { return net.Forward(tape, x) }) })
			if err := tape.Err(); err != nil {
				t.Fatal(err)
			}
			again := e.Borrow(y.Shape()...) // what the logits take
			size := e.InUse() - before
			e.Release(again)
			if kept := e.InUse() - before; 2*kept != size {
				t.Errorf("%d bytes are kept, the logits take %d", kept, size-kept)
			}
			if x.Value == nil {
				t.Error("the input was released")
			}
			tape.Reset()
			if e.InUse() != 0 {
				t.Errorf("%d bytes are left", e.InUse())
			}
		})
	}
}

func TestTrainingReachesEveryParameter(t *testing.T) {
	e := newEngine(t)
	for _, tt := range narrow {
		t.Run(tt.name, func(t *testing.T) {
			net, err := tt.build()
			if err != nil {
				t.Fatal(err)
			}
			randomise(net, 9)
			tape := nn.NewTape(e)
			y := net.Forward(tape, tape.Upload(image(4, 2*3*tt.size*tt.size), 2, 3, tt.size, tt.size))
			dy := e.Borrow(y.Shape()...)
			copy(dy.Float32s(), image(5, ops.Size(y.Shape())))
			if err := tape.BackwardFrom([]*nn.Var{y}, []*tensor.Dense{dy}); err != nil {
				t.Fatal(err)
			}
			for _, p := range nn.Params(net) {
				if p.Var.Grad == nil {
					t.Errorf("no gradient for %s", p.Name)
				}
			}
			for _, b := range nn.Entries(net) {
				if x := b.Var.Value; x.Dtype() == tensor.Int64 && x.Int64s()[0] != 1 {
					t.Errorf("%s counts %d batches", b.Name, x.Int64s()[0])
				}
				tape.ZeroGrad(b.Var)
			}
			tape.Reset()
			if e.InUse() != 0 {
				t.Errorf("%d bytes are left", e.InUse())
			}
		})
	}
}

func TestASteadyStepTakesNoNewMemory(t *testing.T) {
	for _, tt := range narrow {
		t.Run(tt.name, func(t *testing.T) {
			net, err := tt.build()
			if err != nil {
				t.Fatal(err)
			}
			randomise(net, 13)
			e := newEngine(t)
			tape := nn.NewTape(e)
			step := func() int64 {
				y := net.Forward(tape, tape.Upload(image(6, 2*3*tt.size*tt.size), 2, 3, tt.size, tt.size))
				if err := tape.Backward(tape.Sum(tape.Square(y), false)); err != nil {
					t.Fatal(err)
				}
				for _, p := range nn.Params(net) {
					tape.ZeroGrad(p.Var)
				}
				tape.Reset()
				return e.Held()
			}
			step()
			second := step()
			step()
			if fourth := step(); fourth != second {
				t.Errorf("the engine holds %d bytes after two steps and %d after four", second, fourth)
			}
		})
	}
}

// TestWeightsDoNotDependOnTheNumberOfThreads trains for a few steps and compares
// every bit.
func TestWeightsDoNotDependOnTheNumberOfThreads(t *testing.T) {
	for _, tt := range narrow {
		t.Run(tt.name, func(t *testing.T) {
			var want map[string][]float32
			for _, workers := range []int{1, 2, 3} {
				net, err := tt.build()
				if err != nil {
					t.Fatal(err)
				}
				nn.Initialise(net, 27)
				got := trained(t, workers, net, tt.size)
				if want == nil {
					want = got
				}
				for name, v := range got {
					if !slices.Equal(v, want[name]) {
						t.Errorf("%s differs with %d threads", name, workers)
					}
				}
			}
		})
	}
}

// trained returns the float entries of a network after three steps.
func trained(t *testing.T, workers int, net nn.Layer, size int) map[string][]float32 {
	t.Helper()
	e := cpu.New(cpu.Options{Workers: workers})
	defer e.Close()
	tape := nn.NewTape(e)
	opt, err := nn.NewOptimiser(e, nn.SGD{Momentum: 0.9}, nn.Group{Params: nn.Params(net), LR: 0.05})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		y := net.Forward(tape, tape.Upload(image(uint64(i), 4*3*size*size), 4, 3, size, size))
		labels := tensor.New(tensor.WithShape(4), tensor.WithBacking([]int64{0, 1, 2, 1}))
		if err := tape.Backward(tape.CrossEntropy(y, labels, nn.CrossEntropy{})); err != nil {
			t.Fatal(err)
		}
		if err := opt.Step(); err != nil {
			t.Fatal(err)
		}
		opt.ZeroGrad(tape)
		tape.Reset()
	}
	values := map[string][]float32{}
	for _, x := range nn.Entries(net) {
		if x.Var.Value.Dtype() == tensor.Float32 {
			values[x.Name] = x.Var.Value.Float32s()
		}
	}
	return values
}

func TestImpossibleConfigsAreRefused(t *testing.T) {
	tests := map[string]func() (*Network, error){
		"resnet without stages": func() (*Network, error) { return NewResNet(ResNetConfig{Classes: 1}) },
		"resnet with one width": func() (*Network, error) {
			return NewResNet(ResNetConfig{Layers: []int{1, 1}, Planes: []int{4}, Classes: 1})
		},
		"resnet without classes": func() (*Network, error) { return NewResNet(ResNetConfig{Layers: []int{1}, Planes: []int{4}}) },
		"resnext with uneven groups": func() (*Network, error) {
			return NewResNet(ResNetConfig{Layers: []int{1}, Planes: []int{4}, Bottleneck: true, Groups: 3, GroupWidth: 1, Classes: 1})
		},
		"wrn of depth 17":    func() (*Network, error) { return NewWRN(WRNConfig{Depth: 17, Widen: 1, Classes: 1}) },
		"wrn of width 0":     func() (*Network, error) { return NewWRN(WRNConfig{Depth: 16, Classes: 1}) },
		"preact of nothing":  func() (*Network, error) { return NewPreActResNet(PreActResNetConfig{Classes: 1}) },
		"pyramid of depth 5": func() (*Network, error) { return NewPyramidNet(PyramidNetConfig{Depth: 5, Alpha: 1, Classes: 1}) },
		"pyramid of NaN": func() (*Network, error) {
			return NewPyramidNet(PyramidNetConfig{Depth: 11, Alpha: math.NaN(), Classes: 1})
		},
		"vgg of no groups":     func() (*Network, error) { return NewVGG(VGGConfig{Classes: 1}) },
		"vgg of empty groups":  func() (*Network, error) { return NewVGG(VGGConfig{Groups: make([][]int, 5), Classes: 1}) },
		"vgg without a stage":  func() (*Network, error) { return NewVGGStages(VGGStagesConfig{Stem: []int{1}, Classes: 1}) },
		"mobilenet of nothing": func() (*Network, error) { return NewMobileNetV2(MobileNetV2Config{Stem: 1, Last: 1, Classes: 1}) },
		"mobilenet of zeros": func() (*Network, error) {
			return NewMobileNetV2(MobileNetV2Config{Stem: 1, Last: 1, Classes: 1, Rows: make([][4]int, 7)})
		},
		"shuffle v1 that shrinks": func() (*Network, error) {
			return NewShuffleNetV1(ShuffleNetV1Config{Planes: []int{12}, Blocks: []int{1}, Groups: 3, Classes: 1})
		},
		"shuffle v1 of odd widths": func() (*Network, error) {
			return NewShuffleNetV1(ShuffleNetV1Config{Planes: []int{49}, Blocks: []int{1}, Groups: 3, Classes: 1})
		},
		"shuffle v2 of odd widths": func() (*Network, error) {
			return NewShuffleNetV2(ShuffleNetV2Config{Planes: []int{9}, Blocks: []int{1}, Last: 1, Classes: 1})
		},
		"densenet of nothing": func() (*Network, error) { return NewDenseNet(DenseNetConfig{Growth: 1, Classes: 1}) },
		"a gate of nothing": func() (*Network, error) {
			return NewSEResNetCIFAR(SEResNetCIFARConfig{Layers: []int{1}, Planes: []int{8}, Classes: 1})
		},
		"a split of nothing": func() (*Network, error) {
			return NewSKRes2Net(SKRes2NetConfig{Layers: []int{1}, Planes: []int{2}, Stem: 1, Classes: 1})
		},
	}
	for name, build := range tests {
		if net, err := build(); fault.CodeOf(err) != fault.Usage || net != nil {
			t.Errorf("%s: %v, want a usage error", name, err)
		}
	}
}

func TestAWrongImageIsAnError(t *testing.T) {
	e := newEngine(t)
	shapes := [][]int{{1, 4, 16, 16}, {1, 3, 16}, {3, 16, 16}, {2}, {1, 3, 1, 1}, {1, 3, 2, 2}}
	for _, tt := range narrow {
		for _, shape := range shapes {
			for _, training := range []bool{true, false} {
				net, err := tt.build()
				if err != nil {
					t.Fatal(err)
				}
				tape := nn.NewTape(e)
				tape.Training = training
				net.Forward(tape, tape.Upload(make([]float32, ops.Size(shape)), shape...))
				if err := tape.Err(); err == nil && (len(shape) != 4 || shape[1] != 3) {
					t.Errorf("%s takes an image of shape %v", tt.name, shape)
				}
				tape.Reset()
			}
		}
	}
}
