package nn

import (
	"testing"

	"gorgonia.org/tensor"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/cpu"
	"github.com/tailorbird/tailorbird/kernels/ops"
)

// unary is an operation of one operand.
type unary struct {
	name  string
	f     func(t *Tape, x *Var) *Var
	shape []int
}

var moves = []unary{
	{"reshape", func(t *Tape, x *Var) *Var { return t.Mul(t.Reshape(x, 3, -1), t.Reshape(x, 3, -1)) }, []int{2, 3, 4}},
	{"flatten", func(t *Tape, x *Var) *Var { return t.Flatten(x, 1) }, []int{2, 3, 4}},
	{"permute", func(t *Tape, x *Var) *Var { return t.Permute(x, 2, 0, -1, 1) }, []int{2, 5, 3, 4}},
	{"transpose", func(t *Tape, x *Var) *Var { return t.Transpose(x, 0, -1) }, []int{7, 9}},
	{"concat", func(t *Tape, x *Var) *Var { return t.Concat(1, x, t.Mul(x, x), x) }, []int{2, 3, 2}},
	{"slice", func(t *Tape, x *Var) *Var { return t.Slice(x, 1, -4, -1) }, []int{2, 5, 3}},
	{"whole slice", func(t *Tape, x *Var) *Var { return t.Slice(x, 0, 0, 99) }, []int{2, 5}},
	{"split", func(t *Tape, x *Var) *Var {
		s := t.Split(x, 1, 2, 2, 2)
		return t.Add(t.Mul(s[0], s[1]), s[2])
	}, []int{3, 6}},
	{"split in part", func(t *Tape, x *Var) *Var { return t.Split(x, -1, 1, 3)[1] }, []int{3, 4}},
	{"stack", func(t *Tape, x *Var) *Var { return t.Stack(-1, x, t.Mul(x, x)) }, []int{3, 4}},
	{"expand", func(t *Tape, x *Var) *Var { return t.Expand(x, 2, -1, 4, 3) }, []int{3, 1, 3}},
	{"flip", func(t *Tape, x *Var) *Var { return t.Flip(x, 0, -1) }, []int{3, 2, 4}},
	{"roll", func(t *Tape, x *Var) *Var { return t.Roll(x, []int{-2, 7, 1}, []int{1, 2, 1}) }, []int{2, 5, 3}},
	{"repeat", func(t *Tape, x *Var) *Var { return t.RepeatInterleave(x, 3, 1) }, []int{2, 3, 2}},
	{"pixel shuffle", func(t *Tape, x *Var) *Var { return t.PixelShuffle(x, 2) }, []int{2, 8, 3, 2}},
	{"pixel unshuffle", func(t *Tape, x *Var) *Var { return t.PixelUnshuffle(x, 3) }, []int{1, 2, 6, 3}},
	{"channel shuffle", func(t *Tape, x *Var) *Var { return t.ChannelShuffle(x, 3) }, []int{2, 6, 2, 2}},
	{"pad", func(t *Tape, x *Var) *Var { return t.Pad(x, [][2]int{{0, 0}, {2, 1}, {1, 0}}) }, []int{2, 3, 2}},
	{"crop", func(t *Tape, x *Var) *Var { return t.PadWith(x, [][2]int{{-1, 2}, {2, -2}}, PadConstant, 0.5) }, []int{4, 5}},
	{"pad reflect", func(t *Tape, x *Var) *Var { return t.PadWith(x, [][2]int{{0, 0}, {2, 3}}, PadReflect, 0) }, []int{2, 4}},
	{"pad replicate", func(t *Tape, x *Var) *Var { return t.PadWith(x, [][2]int{{1, 1}, {5, 3}}, PadReplicate, 0) }, []int{2, 4}},
	{"pad circular", func(t *Tape, x *Var) *Var { return t.PadWith(x, [][2]int{{2, 0}, {4, 3}}, PadCircular, 0) }, []int{2, 4}},
	{"index select", func(t *Tape, x *Var) *Var { return t.IndexSelect(x, 1, []int{3, 0, 3, 3}) }, []int{2, 4, 3}},
	{"index select twice", func(t *Tape, x *Var) *Var {
		return t.Mul(t.IndexSelect(x, 0, []int{1, 0}), t.IndexSelect(x, 0, []int{1, 2}))
	}, []int{3, 4}},
	{"topk", func(t *Tape, x *Var) *Var { y, _ := t.TopK(x, 3); return y }, []int{2, 3, 7}},
	{"sort", func(t *Tape, x *Var) *Var { y, _ := t.Sort(x, false); return y }, []int{4, 6}},
	{"max pool", func(t *Tape, x *Var) *Var {
		return t.MaxPool2D(x, ops.Pool{Kernel: [2]int{3, 2}, Stride: [2]int{2, 1}, Padding: [2]int{1, 1}, Ceil: true})
	}, []int{2, 2, 6, 5}},
	{"max pool with indices", func(t *Tape, x *Var) *Var {
		y, _ := t.MaxPool2DIndices(x, ops.Pool{Kernel: [2]int{2, 2}, Stride: [2]int{1, 2}, Dilation: [2]int{2, 1}})
		return y
	}, []int{1, 2, 6, 5}},
	{"average pool", func(t *Tape, x *Var) *Var {
		return t.AvgPool2D(x, ops.Pool{Kernel: [2]int{3, 3}, Stride: [2]int{2, 2}, Padding: [2]int{1, 1}, ExcludePad: true})
	}, []int{1, 2, 6, 5}},
	{"adaptive average pool", func(t *Tape, x *Var) *Var { return t.AdaptiveAvgPool2D(x, 3, 4) }, []int{1, 2, 7, 6}},
	{"adaptive max pool", func(t *Tape, x *Var) *Var { return t.AdaptiveMaxPool2D(x, 3, 4) }, []int{2, 2, 7, 6}},
	{"global average pool", func(t *Tape, x *Var) *Var { return t.GlobalAvgPool(x) }, []int{3, 2, 4, 3}},
	{"rfft2", func(t *Tape, x *Var) *Var {
		re, im := t.RFFT2(x, NormOrtho)
		return t.Add(t.Mul(re, re), im)
	}, []int{2, 6, 5}},
	{"irfft2", func(t *Tape, x *Var) *Var { return t.IRFFT2(x, t.Flip(x, 0), 4, NormForward) }, []int{2, 5, 3}},
	{"irfft2 of odd width", func(t *Tape, x *Var) *Var { return t.IRFFT2(x, t.Mul(x, x), 5, "") }, []int{3, 3}},
}

func TestGradientsOfMoves(t *testing.T) {
	for _, m := range moves {
		t.Run(m.name, func(t *testing.T) {
			checkGradients(t, func(tp *Tape, xs []*Var) *Var { return m.f(tp, xs[0]) }, m.shape)
		})
	}
}

func TestGradientsOfGatherAndScatter(t *testing.T) {
	ids := func(shape []int, v ...int64) *tensor.Dense {
		return tensor.New(tensor.WithShape(shape...), tensor.WithBacking(v))
	}
	at := ids([]int{2, 3}, 3, 0, 3, 1, 1, 2)
	checkGradients(t, func(tp *Tape, xs []*Var) *Var { return tp.Gather(xs[0], 1, at) }, []int{2, 4})
	checkGradients(t, func(tp *Tape, xs []*Var) *Var { return tp.ScatterAdd(xs[0], 1, at, xs[1]) }, []int{2, 4}, []int{2, 3})
	checkGradients(t, func(tp *Tape, xs []*Var) *Var { return tp.ScatterAdd(xs[0], -1, at, xs[1]) }, []int{2, 4}, []int{3, 5})
	rows := ids([]int{2, 2}, 2, 0, 2, 1)
	checkGradients(t, func(tp *Tape, xs []*Var) *Var { return tp.Embedding(xs[0], rows, -1) }, []int{3, 5})
}

func TestPaddingRowTakesNoGradient(t *testing.T) {
	e := cpu.New(cpu.Options{Workers: 1})
	defer e.Close()
	tp := NewTape(e)
	table := tp.Input(hostTensor([]float32{1, 2, 3, 4, 5, 6}, []int{3, 2}))
	rows := tensor.New(tensor.WithShape(4), tensor.WithBacking([]int64{1, 2, 1, 2}))
	y := tp.Embedding(table, rows, 1)
	if err := tp.Backward(tp.Sum(y, false)); err != nil {
		t.Fatal(err)
	}
	g := table.Grad.Float32s()
	if g[2] != 0 || g[3] != 0 || g[4] != 2 || g[5] != 2 {
		t.Errorf("gradient %v", g)
	}
}

func TestMovesRefuseWhatDoesNotFit(t *testing.T) {
	e := cpu.New(cpu.Options{Workers: 1})
	defer e.Close()
	x := func(t *Tape) *Var { return t.Const(e.Borrow(2, 4, 6)) }
	img := func(t *Tape) *Var { return t.Const(e.Borrow(1, 3, 4, 4)) }
	far := tensor.New(tensor.WithShape(1), tensor.WithBacking([]int64{9}))
	for name, f := range map[string]func(t *Tape){
		"reshape":         func(t *Tape) { t.Reshape(x(t), 5, -1) },
		"reshape twice":   func(t *Tape) { t.Reshape(x(t), -1, -1) },
		"reshape to 0":    func(t *Tape) { t.Reshape(x(t), 0) },
		"flatten":         func(t *Tape) { t.Flatten(x(t), 3) },
		"permute":         func(t *Tape) { t.Permute(x(t), 0, 1) },
		"permute twice":   func(t *Tape) { t.Permute(x(t), 0, 1, 1) },
		"permute 4":       func(t *Tape) { t.Permute(x(t), 0, 1, 2, 3) },
		"transpose":       func(t *Tape) { t.Transpose(x(t), 0, 3) },
		"concat":          func(t *Tape) { t.Concat(0, x(t), img(t)) },
		"concat nothing":  func(t *Tape) { t.Concat(0) },
		"concat axis":     func(t *Tape) { t.Concat(3, x(t), x(t)) },
		"slice":           func(t *Tape) { t.Slice(x(t), 1, 3, 2) },
		"slice axis":      func(t *Tape) { t.Slice(x(t), -4, 0, 1) },
		"split":           func(t *Tape) { t.Split(x(t), 1, 2, 3) },
		"split below 0":   func(t *Tape) { t.Split(x(t), 1, 4, -1) },
		"stack":           func(t *Tape) { t.Stack(0, x(t), img(t)) },
		"expand":          func(t *Tape) { t.Expand(x(t), 2, 4, 7) },
		"expand fewer":    func(t *Tape) { t.Expand(x(t), 4, 6) },
		"flip":            func(t *Tape) { t.Flip(x(t), 1, 1) },
		"roll":            func(t *Tape) { t.Roll(x(t), []int{1}, nil) },
		"roll axis":       func(t *Tape) { t.Roll(x(t), []int{1}, []int{5}) },
		"repeat":          func(t *Tape) { t.RepeatInterleave(x(t), 0, 1) },
		"pixel shuffle":   func(t *Tape) { t.PixelShuffle(img(t), 2) },
		"pixel unshuffle": func(t *Tape) { t.PixelUnshuffle(img(t), 3) },
		"channel shuffle": func(t *Tape) { t.ChannelShuffle(img(t), 2) },
		"pad":             func(t *Tape) { t.Pad(x(t), [][2]int{{1, 1}}) },
		"pad to nothing":  func(t *Tape) { t.Pad(x(t), [][2]int{{-1, -1}, {0, 0}, {0, 0}}) },
		"pad reflect":     func(t *Tape) { t.PadWith(x(t), [][2]int{{2, 0}, {0, 0}, {0, 0}}, PadReflect, 0) },
		"pad mode":        func(t *Tape) { t.PadWith(x(t), [][2]int{{1, 0}, {0, 0}, {0, 0}}, "mirror", 0) },
		"index select":    func(t *Tape) { t.IndexSelect(x(t), 1, []int{4}) },
		"index nothing":   func(t *Tape) { t.IndexSelect(x(t), 1, nil) },
		"embedding":       func(t *Tape) { t.Embedding(x(t), far, -1) },
		"embedding nil":   func(t *Tape) { t.Embedding(x(t), nil, -1) },
		"gather":          func(t *Tape) { t.Gather(x(t), 0, far) },
		"gather nil":      func(t *Tape) { t.Gather(x(t), 0, nil) },
		"scatter":         func(t *Tape) { t.ScatterAdd(x(t), 0, far, x(t)) },
		"scatter nil":     func(t *Tape) { t.ScatterAdd(x(t), 0, nil, x(t)) },
		"topk":            func(t *Tape) { t.TopK(x(t), 7) },
		"max pool":        func(t *Tape) { t.MaxPool2D(x(t), ops.Pool{Kernel: [2]int{2, 2}}) },
		"max pool kernel": func(t *Tape) { t.MaxPool2D(img(t), ops.Pool{}) },
		"indices":         func(t *Tape) { t.MaxPool2DIndices(img(t), ops.Pool{Kernel: [2]int{9, 9}}) },
		"average pool":    func(t *Tape) { t.AvgPool2D(img(t), ops.Pool{Kernel: [2]int{2, 2}, Divisor: -1}) },
		"adaptive":        func(t *Tape) { t.AdaptiveAvgPool2D(img(t), 0, 2) },
		"adaptive max":    func(t *Tape) { t.AdaptiveMaxPool2D(x(t), 1, 2) },
		"global":          func(t *Tape) { t.GlobalAvgPool(x(t)) },
		"interpolate":     func(t *Tape) { t.Interpolate(img(t), ops.Interpolation{}) },
		"interpolate 3":   func(t *Tape) { t.Interpolate(x(t), ops.Interpolation{Size: [2]int{2, 2}}) },
		"interpolation":   func(t *Tape) { t.Interpolate(img(t), ops.Interpolation{Size: [2]int{2, 2}, Mode: "cubic"}) },
		"grid":            func(t *Tape) { t.GridSample(img(t), x(t), ops.GridSample{}) },
		"grid shape":      func(t *Tape) { t.GridSample(img(t), img(t), ops.GridSample{}) },
		"affine":          func(t *Tape) { t.AffineGrid(x(t), 2, 2, false) },
		"roi align":       func(t *Tape) { t.RoIAlign(img(t), x(t), 2, 2, ops.RoIAlign{}) },
		"roi pool":        func(t *Tape) { t.RoIPool(img(t), t.Upload([]float32{1, 0, 0, 2, 2}, 1, 5), 2, 2, 1) },
		"rfft2":           func(t *Tape) { t.RFFT2(x(t), "unitary") },
		"irfft2":          func(t *Tape) { t.IRFFT2(x(t), x(t), 9, "") },
		"irfft2 shapes":   func(t *Tape) { t.IRFFT2(x(t), img(t), 10, "") },
	} {
		tp := NewTape(e)
		f(tp)
		if fault.CodeOf(tp.Err()) != fault.Usage {
			t.Errorf("%s: %v", name, tp.Err())
		}
	}
}
