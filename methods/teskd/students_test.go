package teskd

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/ops"
	"github.com/tailorbird/tailorbird/methods/nn"
	"github.com/tailorbird/tailorbird/methods/training"
	"github.com/tailorbird/tailorbird/methods/zoo"
)

var everyone = [Branches]bool{true, true, true}

func newStudents(t testing.TB, s Shape) *Students {
	t.Helper()
	n, err := NewStudents(s)
	if err != nil {
		t.Fatal(err)
	}
	nn.Initialise(n, 1)
	return n
}

// TestParameterCounts has the numbers of specs/teskd.md section 4. The students of a
// ResNet-50 are built with windows of 1, and what the windows add is added: their 1.7 GB
// are no matter for a test.
func TestParameterCounts(t *testing.T) {
	basic, bottleneck := [4]int{64, 128, 256, 512}, [4]int{256, 512, 1024, 2048}
	const windows = (8*8 + 4*4 + 2*2 - 3) * 2048 * 2048
	for _, c := range []struct {
		name       string
		shape      Shape
		more, want int
	}{
		{"ResNet-18 and 34, CIFAR-100", Shape{basic, [3]int{8, 4, 2}, 0, 100}, 0, 25_830_700},
		{"ResNet-18, ImageNet", Shape{basic, [3]int{8, 4, 2}, 0, 1000}, 0, 27_215_800},
		{"ResNet-50, CIFAR-100", Shape{bottleneck, [3]int{1, 1, 1}, 0, 100}, windows, 411_210_028},
		{"ResNet-50, ImageNet", Shape{bottleneck, [3]int{1, 1, 1}, 0, 1000}, windows, 416_742_328},
		{"VGG, CIFAR-100", Shape{[4]int{128, 256, 512, 512}, [3]int{4, 2, 1}, 0, 100}, 0, 9_545_004},
	} {
		n, err := NewStudents(c.shape)
		if err != nil {
			t.Fatal(err)
		}
		if got := nn.CountParams(n) + c.more; got != c.want {
			t.Errorf("%s: %d parameters, want %d", c.name, got, c.want)
		}
	}
}

// TestCostOfATrainingPass holds the multiply-adds against specs/teskd.md section 4, less
// what the order of convolution and interpolation saves: three quarters of D^2 at each of
// the three sizes.
func TestCostOfATrainingPass(t *testing.T) {
	if testing.Short() {
		t.Skip("draws 26 million weights")
	}
	e := newEngine(t)
	layer, err := zoo.New("resnet18_cifar", zoo.Options{})
	if err != nil {
		t.Fatal(err)
	}
	net := layer.(zoo.Backbone)
	alone, err := zoo.CountMACs(e, net, 1, 3, 32, 32)
	if err != nil {
		t.Fatal(err)
	}
	m := begun(t, e, net, "resnet18_cifar")
	both, err := zoo.CountMACs(e, &whole{m}, 1, 3, 32, 32)
	if err != nil {
		t.Fatal(err)
	}
	saved := int64(512 * 512 * (8*8 + 16*16 + 32*32) * 3 / 4)
	if got := float64(both-alone+saved) / 1e6; !near(got, 1484.9, 0.1) {
		t.Errorf("students take %.1f million multiply-adds in the release's order, want 1484.9", got)
	}
}

// whole is a training pass as a layer.
type whole struct{ *TESKD }

func (w *whole) Forward(t *nn.Tape, x *nn.Var) *nn.Var {
	return w.Pass(t, w.Run.Net, w.students, x).Backbone.Logits
}

// begun is the method with its defaults on a network of the zoo.
func begun(t testing.TB, e ops.Engine, net zoo.Backbone, name string) *TESKD {
	t.Helper()
	entry, err := zoo.Lookup(name)
	if err != nil {
		t.Fatal(err)
	}
	m, err := training.New("teskd", map[string]any{"size": int64(entry.Input[1])})
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Begin(&training.Run{Engine: e, Net: net, Classes: net.Layout().Classes, Batch: 2}); err != nil {
		t.Fatal(err)
	}
	return m.(*TESKD)
}

// TestShapeTable has specs/teskd.md section 10: maps of 8, 16 and 32 for an input of
// 32, and heads that bring each to 4 x 4.
func TestShapeTable(t *testing.T) {
	tape := nn.NewTape(newEngine(t))
	net := narrow(t, 2, classes)
	nn.Initialise(net, 1)
	n := newStudents(t, Shape{[4]int{2, 4, 8, 16}, [3]int{8, 4, 2}, 0, classes})
	f := net.Features(tape, tape.Const(batchOf(0, 2, 32, classes).Images))
	for j, s := range n.maps(tape, stagesOf(f), 0) {
		size := 32 >> j
		if want := []int{2, 16, size, size}; !slices.Equal(s.Shape(), want) {
			t.Errorf("S_%d has shape %v, want %v", j+1, s.Shape(), want)
		}
		if got, want := n.head[j].forward(tape, s).Shape(), []int{2, 16, 4, 4}; !slices.Equal(got, want) {
			t.Errorf("F_%d gives shape %v, want %v", j+1, got, want)
		}
	}
	if err := tape.Err(); err != nil {
		t.Fatal(err)
	}
}

// tinyShape is of students on the maps of stagesOn.
var tinyShape = Shape{[4]int{2, 3, 4, 6}, [3]int{8, 4, 2}, 0, classes}

// stagesOn are random maps of three samples.
func stagesOn(t *nn.Tape, seed uint64) [Branches + 1]*nn.Var {
	rng := rand.New(rand.NewPCG(seed, 9))
	var s [Branches + 1]*nn.Var
	for i, channels := range tinyShape.Channels {
		s[i] = t.Input(numbers(rng, 3, channels, 16>>i, 16>>i))
	}
	return s
}

// TestNesting: a student's loss reaches the blocks on its way and no others, although
// all students ran.
func TestNesting(t *testing.T) {
	tape := nn.NewTape(newEngine(t))
	for student := range Branches {
		n := newStudents(t, tinyShape)
		stages := stagesOn(tape, 1)
		out := n.Forward(tape, stages, everyone)
		labels := dense([]int64{0, 3, 1}, 3)
		if err := tape.Backward(tape.CrossEntropy(out[student].Logits, labels, nn.CrossEntropy{})); err != nil {
			t.Fatal(err)
		}
		for _, p := range nn.Params(n) {
			block, _, _ := strings.Cut(p.Name, ".")
			number := int(block[len(block)-1]-'0') - 1
			kind := block[:len(block)-1]
			want := number >= student
			if kind == "head" || kind == "fc" {
				want = number == student
			}
			got := p.Var.Grad != nil && !allZero(p.Var.Grad.Float32s())
			// A bias in front of batch normalisation has a gradient of rounding, if any.
			if exempt := want && kind == "head" && (strings.HasSuffix(p.Name, ".0.bias") || strings.HasSuffix(p.Name, ".3.bias")); got != want && !exempt {
				t.Errorf("CE(z_%d) reaches %s: %v, want %v", student+1, p.Name, got, want)
			}
		}
		for i, s := range stages {
			if got := s.Grad != nil && !allZero(s.Grad.Float32s()); got != (i >= student) {
				t.Errorf("CE(z_%d) reaches stage %d: %v", student+1, i+1, got)
			}
		}
		tape.Reset()
	}
}

// TestOrder: what a lateral connection brings is seen by its student and those above.
func TestOrder(t *testing.T) {
	tape := nn.NewTape(newEngine(t))
	logits := func(n *Students, seed uint64) [Branches][]float32 {
		var z [Branches][]float32
		for j, b := range n.Forward(tape, stagesOn(tape, seed), everyone) {
			z[j] = tape.Host(b.Logits)
		}
		tape.Reset()
		return z
	}
	cut := func(n *Students, i int) {
		clear(n.lateral[i].conv.Weight.Value.Float32s())
		clear(n.lateral[i].norm.Bias.Value.Float32s())
	}
	before := logits(newStudents(t, tinyShape), 1)
	for i := range Branches + 1 {
		n := newStudents(t, tinyShape)
		cut(n, i)
		for j, z := range logits(n, 1) {
			if changed := !slices.Equal(z, before[j]); changed != (j <= i) {
				t.Errorf("without lateral %d student %d changes: %v", i+1, j+1, changed)
			}
		}
	}
	// Without the first three, the students see the last stage alone.
	n := newStudents(t, tinyShape)
	for i := range Branches {
		cut(n, i)
	}
	var both [2][Branches][]float32
	for k := range both {
		stages := stagesOn(tape, 1)
		if k == 1 {
			other := stagesOn(tape, 2)
			copy(stages[:Branches], other[:Branches])
		}
		for j, b := range n.Forward(tape, stages, everyone) {
			both[k][j] = tape.Host(b.Logits)
		}
		tape.Reset()
	}
	for j := range Branches {
		if !slices.Equal(both[0][j], both[1][j]) || allZero(both[0][j]) {
			t.Errorf("student %d sees more than the last stage", j+1)
		}
	}
}

// TestFamiliesOfTheZoo plans students for a network of each family, and refuses those
// with too few stages and images that do not divide.
func TestFamiliesOfTheZoo(t *testing.T) {
	e := newEngine(t)
	for _, c := range []struct {
		name    string
		size    int
		kernels [Branches]int // zeros: refused
		says    string
	}{
		{"resnet18_cifar", 32, [3]int{8, 4, 2}, ""},
		{"resnet18_cifar", 48, [3]int{8, 4, 2}, ""},
		{"resnet18", 64, [3]int{8, 4, 2}, ""},
		{"vgg16_teskd", 32, [3]int{4, 2, 1}, ""},
		{"vgg8", 32, [3]int{4, 2, 1}, ""},
		{"densenet121_cifar", 32, [3]int{8, 4, 2}, ""},
		{"mobilenetv2_half", 32, [3]int{8, 4, 2}, ""},
		{"preact_resnet18", 32, [3]int{8, 4, 2}, ""},
		{"seresnet18_cifar", 32, [3]int{8, 4, 2}, ""},
		{"resnext18_cifar", 32, [3]int{8, 4, 2}, ""},
		{"pvt_v2_b0", 64, [3]int{8, 4, 2}, ""},
		{"swin_tiny_patch4_window7_224", 224, [3]int{8, 4, 2}, ""},
		{"resnet18_cifar", 30, [3]int{}, "30 x 30"},
		{"resnet20", 32, [3]int{}, "3 stages, want 4"},
		{"wrn_16_1", 32, [3]int{}, "3 stages, want 4"},
		{"shufflev2", 32, [3]int{}, "3 stages, want 4"},
	} {
		layer, err := zoo.New(c.name, zoo.Options{Classes: 7})
		if err != nil {
			t.Fatal(err)
		}
		net := layer.(zoo.Backbone)
		s, err := planOf(&training.Run{Engine: e, Net: net, Classes: 7}, c.size)
		if c.says != "" {
			if fault.CodeOf(err) != fault.Usage || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%s at %d: error %v", c.name, c.size, err)
			}
			continue
		}
		if err != nil || s.Kernels != c.kernels || s.Channels[Branches] != net.Layout().Map || s.Classes != 7 {
			t.Errorf("%s at %d: %+v, %v, want heads of %v", c.name, c.size, s, err, c.kernels)
		}
	}
}

// Networks whose last map is not the last stage's output train too, and branches may be
// narrower than it.
func TestAStepOnOtherFamilies(t *testing.T) {
	for _, name := range []string{"mobilenetv2_half", "pvt_v2_b0"} {
		layer, err := zoo.New(name, zoo.Options{Classes: classes})
		if err != nil {
			t.Fatal(err)
		}
		r := newTrial(t, layer.(zoo.Backbone), "teskd", map[string]any{"size": int64(64), "width": int64(4)})
		if err := r.step(batchOf(0, 2, 64, classes)); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if err := r.backward(batchOf(1, 2, 64, classes)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestShapesAreChecked(t *testing.T) {
	for _, s := range []Shape{
		{}, {Channels: [4]int{1, 2, 3, 4}, Kernels: [3]int{8, 4, 0}, Classes: 2},
		{Channels: [4]int{1, 2, 3, 4}, Kernels: [3]int{8, 4, 2}, Classes: 2, Width: -1},
	} {
		if _, err := NewStudents(s); fault.CodeOf(err) != fault.Usage {
			t.Errorf("%+v: %v, want a usage error", s, err)
		}
	}
}
