package nn

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"gorgonia.org/tensor"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/ops"
)

func TestEntriesHaveTorchsNamesAndShapes(t *testing.T) {
	grouped := ops.Conv{Groups: 2}
	for _, tt := range []struct {
		m    Module
		want string
	}{
		{NewLinear(3, 4, true), "weight [4 3], bias [4]"},
		{NewLinear(3, 4, false), "weight [4 3]"},
		{NewConv2d(4, 6, 3, grouped, true), "weight [6 2 3 3], bias [6]"},
		{NewConv2dSize(4, 6, [2]int{1, 7}, ops.Conv{}, false), "weight [6 4 1 7]"},
		{NewConvTranspose2d(4, 6, 2, grouped, true), "weight [4 3 2 2], bias [6]"},
		{NewBatchNorm2d(5), "weight [5], bias [5], running_mean [5], running_var [5], num_batches_tracked []"},
		{NewLayerNorm(3, 4), "weight [3 4], bias [3 4]"},
		{NewLayerNorm2d(3), "weight [3], bias [3]"},
		{NewGroupNorm(2, 4), "weight [4], bias [4]"},
		{NewRMSNorm(4), "weight [4]"},
		{NewEmbedding(7, 2), "weight [7 2]"},
		{NewMultiheadAttention(4, 2, true), "in_proj_weight [12 4], in_proj_bias [12], out_proj.weight [4 4], out_proj.bias [4]"},
		{NewMultiheadAttention(4, 2, false), "in_proj_weight [12 4], out_proj.weight [4 4]"},
		{Sequence{ReLU{}, NewLinear(1, 1, true), Dropout{P: 0.5}, Identity{}}, "1.weight [1 1], 1.bias [1]"},
	} {
		var got []string
		for _, e := range Entries(tt.m) {
			got = append(got, fmt.Sprintf("%s %d", e.Name, []int(e.Var.Shape())))
		}
		if text := strings.Join(got, ", "); text != tt.want {
			t.Errorf("%T: %s, want %s", tt.m, text, tt.want)
		}
	}
}

// draws returns a constant of standard normal values.
func draws(t *Tape, seed uint64, shape ...int) *Var {
	v := make([]float32, ops.Size(shape))
	Normal(0, 1)(v, shape, Rand(seed, "draws", "test"))
	return t.Upload(v, shape...)
}

func TestLayersAreTheirOperations(t *testing.T) {
	tp := newTape(t)
	pool := ops.Pool{Kernel: [2]int{2, 2}, Stride: [2]int{2, 2}}
	x := draws(tp, 1, 2, 4, 6, 6)
	lin, conv, up := NewLinear(6, 3, true), NewConv2d(4, 3, 3, convOf(2, 1), true), NewConvTranspose2d(4, 3, 2, convOf(2, 0), true)
	ln, ln2, gn, rms := NewLayerNorm(6), NewLayerNorm2d(4), NewGroupNorm(2, 4), NewRMSNorm(6)
	Initialise(Sequence{lin, conv, up, ln, ln2, gn, rms}, 1)
	for _, tt := range []struct {
		l    Layer
		want *Var
	}{
		{lin, tp.Linear(x, lin.Weight, lin.Bias)},
		{conv, tp.Conv2D(x, conv.Weight, conv.Bias, conv.Conv)},
		{up, tp.ConvTranspose2D(x, up.Weight, up.Bias, up.Conv)},
		{ln, tp.LayerNorm(x, ln.Weight, ln.Bias, 1e-5)},
		{ln2, tp.LayerNormChannels(x, ln2.Weight, ln2.Bias, 1e-6)},
		{gn, tp.GroupNorm(x, gn.Weight, gn.Bias, 2, 1e-5)},
		{rms, tp.RMSNorm(x, rms.Weight, 1e-6)},
		{Identity{}, x},
		{Func((*Tape).Square), tp.Square(x)},
		{Flatten{}, tp.Flatten(x, 1)},
		{Flatten{From: 2}, tp.Flatten(x, 2)},
		{NewMaxPool2d(2, 2, 0), tp.MaxPool2D(x, pool)},
		{NewAvgPool2d(2, 2, 0), tp.AvgPool2D(x, pool)},
		{AdaptiveAvgPool2d{H: 3, W: 2}, tp.AdaptiveAvgPool2D(x, 3, 2)},
		{GlobalAvgPool{}, tp.GlobalAvgPool(x)},
		{ReLU{}, tp.ReLU(x)}, {ReLU6{}, tp.ReLU6(x)}, {LeakyReLU{}, tp.LeakyReLU(x, 0.01)}, {LeakyReLU{Slope: 0.2}, tp.LeakyReLU(x, 0.2)},
		{ELU{}, tp.ELU(x, 1)}, {GELU{}, tp.GELU(x)}, {GELU{Tanh: true}, tp.GELUTanh(x)}, {QuickGELU{}, tp.QuickGELU(x)}, {SiLU{}, tp.SiLU(x)},
		{Mish{}, tp.Mish(x)}, {HardSwish{}, tp.HardSwish(x)}, {HardSigmoid{}, tp.HardSigmoid(x)}, {Sigmoid{}, tp.Sigmoid(x)}, {Tanh{}, tp.Tanh(x)},
	} {
		got := tt.l.Forward(tp, x)
		if err := tp.Err(); err != nil {
			t.Fatalf("%T: %v", tt.l, err)
		}
		if !slices.Equal(got.Shape(), tt.want.Shape()) || !slices.Equal(tp.Host(got), tp.Host(tt.want)) {
			t.Errorf("%T: shape %v, want %v, or other values", tt.l, got.Shape(), tt.want.Shape())
		}
	}
	tp.Training = false
	for _, l := range []Layer{Dropout{P: 0.9}, DropPath{P: 0.9}} {
		if got := l.Forward(tp, x); !slices.Equal(tp.Host(got), tp.Host(x)) {
			t.Errorf("%T changes values in evaluation", l)
		}
	}
}

func TestBatchNormCountsAndEvaluatesWithWhatItHasSeen(t *testing.T) {
	tp := newTape(t)
	l := NewBatchNorm2d(3)
	Initialise(l, 1)
	x := draws(tp, 1, 4, 3, 5, 5)
	l.Forward(tp, x)
	tp.Checkpoint(func(x *Var) *Var { return l.Forward(tp, x) }, x)
	if n := l.NumBatchesTracked.Value.Int64s()[0]; n != 2 {
		t.Errorf("%d batches, want 2", n)
	}
	tp.Training = false
	plain, fused := l.Forward(tp, x), l.ForwardReLU(tp, x)
	near(t, "fused", tp.Host(fused), tp.Host(tp.ReLU(plain)), 1e-6)
	if n := l.NumBatchesTracked.Value.Int64s()[0]; n != 2 {
		t.Errorf("evaluation counts: %d", n)
	}
	if err := tp.Err(); err != nil {
		t.Fatal(err)
	}
}

func TestUpdateBatchNormEndsWithTheTapesError(t *testing.T) {
	tp := newTape(t)
	net := Sequence{NewConv2d(3, 4, 1, ops.Conv{}, false), NewBatchNorm2d(4)}
	Initialise(net, 1)
	bn := net[1].(*BatchNorm2d)
	tp.Training = false
	good, bad := draws(tp, 1, 2, 3, 4, 4), draws(tp, 2, 2, 5, 4, 4)
	passes := func(xs ...*Var) func(func(func()) bool) {
		return func(yield func(func()) bool) {
			for _, x := range xs {
				if !yield(func() { net.Forward(tp, x) }) {
					return
				}
			}
		}
	}
	if err := UpdateBatchNorm(tp, net, passes(good, good)); err != nil {
		t.Fatal(err)
	}
	if n := bn.NumBatchesTracked.Value.Int64s()[0]; n != 2 || bn.Cumulative || tp.Training {
		t.Errorf("%d batches, cumulative %v, training %v", n, bn.Cumulative, tp.Training)
	}
	if err := UpdateBatchNorm(tp, net, passes(good, bad, good)); fault.CodeOf(err) != fault.Usage {
		t.Errorf("other channels: %v", err)
	}
}

func TestAttentionOfOneTensorIsAttentionOfThree(t *testing.T) {
	tp := newTape(t)
	l := NewMultiheadAttention(8, 2, true)
	Initialise(l, 1)
	x := draws(tp, 1, 2, 5, 8)
	same := tp.Scale(x, 1) // another Var of the same values takes the other path
	near(t, "attention", tp.Host(l.Forward(tp, x)), tp.Host(l.Attend(tp, x, same, same, Attention{})), 1e-5)
	if y := l.Attend(tp, x, draws(tp, 2, 2, 7, 8), draws(tp, 3, 2, 7, 8), Attention{}); !slices.Equal(y.Shape(), tensor.Shape{2, 5, 8}) {
		t.Errorf("shape %v, %v", y.Shape(), tp.Err())
	}
	if l.Forward(tp, draws(tp, 1, 2, 5, 6)); fault.CodeOf(tp.Err()) != fault.Usage {
		t.Errorf("six values for eight: %v", tp.Err())
	}
}

func TestAFoldedBatchNormComputesTheSame(t *testing.T) {
	tp := newTape(t)
	for _, bias := range []bool{false, true} {
		conv, bn := NewConv2d(4, 6, 3, ops.Conv{Padding: [2]int{1, 1}, Groups: 2}, bias), NewBatchNorm2d(6)
		both := Sequence{conv, bn}
		Initialise(both, 1)
		for i, e := range Entries(bn)[:4] {
			Uniform(0.5, 1.5)(e.Var.Value.Float32s(), e.Var.Shape(), Rand(uint64(i), "", ""))
		}
		folded, err := FoldBatchNorm(conv, bn)
		if err != nil {
			t.Fatal(err)
		}
		tp.Training = false
		x := draws(tp, 2, 2, 4, 5, 5)
		near(t, "folded", tp.Host(folded.Forward(tp, x)), tp.Host(both.Forward(tp, x)), 1e-5)
	}
	conv := NewConv2d(4, 6, 3, ops.Conv{}, false)
	for _, bn := range []*BatchNorm2d{NewBatchNorm2d(5), {}} {
		if _, err := FoldBatchNorm(conv, bn); fault.CodeOf(err) != fault.Usage {
			t.Errorf("%v", err)
		}
	}
	if err := tp.Err(); err != nil {
		t.Fatal(err)
	}
}

func TestModulesVisitsEveryModuleWithItsName(t *testing.T) {
	var got []string
	Modules(Sequence{ReLU{}, Sequence{NewLinear(1, 1, false)}}, func(name string, _ Module) { got = append(got, name) })
	if want := []string{"", "0", "1", "1.0"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestEmbeddingsArePickedByNumber(t *testing.T) {
	tp := newTape(t)
	l := NewEmbedding(4, 2)
	Initialise(l, 1)
	w := l.Weight.Value.Float32s()
	y := l.Lookup(tp, hostTensor([]int64{3, 0, 3}, []int{3}))
	near(t, "rows", tp.Host(y), []float32{w[6], w[7], w[0], w[1], w[6], w[7]}, 0)
	if l.Lookup(tp, hostTensor([]int64{4}, []int{1})); fault.CodeOf(tp.Err()) != fault.Usage {
		t.Errorf("a row that is not there: %v", tp.Err())
	}
}
