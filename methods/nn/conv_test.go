package nn

import (
	"math/rand/v2"
	"testing"

	"gorgonia.org/tensor"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/cpu"
	"github.com/tailorbird/tailorbird/kernels/ops"
)

func TestConvGradientsFollowDifferences(t *testing.T) {
	tests := []struct {
		name    string
		x, w, b []int
		c       ops.Conv
	}{
		{"3x3", []int{2, 3, 5, 6}, []int{4, 3, 3, 3}, []int{4}, ops.Conv{Padding: [2]int{1, 1}}},
		{"3x3 of many channels", []int{1, 14, 5, 6}, []int{13, 14, 3, 3}, []int{13}, ops.Conv{Padding: [2]int{1, 1}}},
		{"stride and dilation", []int{1, 3, 9, 8}, []int{2, 3, 2, 3}, nil, ops.Conv{Stride: [2]int{2, 3}, Padding: [2]int{1, 2}, Dilation: [2]int{3, 1}}},
		{"1x1", []int{2, 5, 3, 4}, []int{3, 5, 1, 1}, []int{3}, ops.Conv{}},
		{"groups", []int{1, 6, 5, 5}, []int{4, 3, 3, 3}, []int{4}, ops.Conv{Padding: [2]int{1, 1}, Groups: 2}},
		{"depthwise", []int{1, 4, 6, 7}, []int{8, 1, 3, 3}, []int{8}, ops.Conv{Padding: [2]int{1, 1}, Stride: [2]int{2, 1}, Groups: 4}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			shapes := [][]int{tt.x, tt.w}
			if tt.b != nil {
				shapes = append(shapes, tt.b)
			}
			checkGradients(t, func(tp *Tape, xs []*Var) *Var { return tp.Conv2D(xs[0], xs[1], third(xs), tt.c) }, shapes...)
		})
	}
}

func third(xs []*Var) *Var {
	if len(xs) < 3 {
		return nil
	}
	return xs[2]
}

func TestConvTransposeGradientsFollowDifferences(t *testing.T) {
	tests := []struct {
		name    string
		x, w, b []int
		c       ops.Conv
	}{
		{"2x2 stride 2", []int{2, 3, 3, 4}, []int{3, 2, 2, 2}, []int{2}, ops.Conv{Stride: [2]int{2, 2}}},
		{"output padding", []int{1, 3, 3, 4}, []int{3, 2, 3, 3}, []int{2}, ops.Conv{Stride: [2]int{2, 3}, Padding: [2]int{1, 1}, OutputPadding: [2]int{1, 2}}},
		{"groups and dilation", []int{1, 4, 4, 4}, []int{4, 1, 3, 3}, nil, ops.Conv{Dilation: [2]int{2, 1}, Groups: 2, Padding: [2]int{1, 0}}},
		{"output padding below dilation", []int{1, 2, 4, 4}, []int{2, 2, 3, 3}, nil, ops.Conv{Dilation: [2]int{3, 2}, Padding: [2]int{2, 2}, OutputPadding: [2]int{2, 1}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			shapes := [][]int{tt.x, tt.w}
			if tt.b != nil {
				shapes = append(shapes, tt.b)
			}
			checkGradients(t, func(tp *Tape, xs []*Var) *Var { return tp.ConvTranspose2D(xs[0], xs[1], third(xs), tt.c) }, shapes...)
		})
	}
}

func TestWindowGradientsFollowDifferences(t *testing.T) {
	w := ops.Window{Kernel: [2]int{2, 3}, Stride: [2]int{2, 1}, Padding: [2]int{1, 0}, Dilation: [2]int{1, 2}}
	checkGradients(t, func(tp *Tape, xs []*Var) *Var { return tp.Unfold(xs[0], w) }, []int{2, 3, 5, 6})
	checkGradients(t, func(tp *Tape, xs []*Var) *Var { return tp.Fold(xs[0], 5, 6, w) }, []int{2, 18, 6})
}

func TestConvWithReLUHasItsGradient(t *testing.T) {
	c := ops.Conv{Padding: [2]int{1, 1}, ReLU: true}
	e := cpu.New(cpu.Options{Workers: 2})
	defer e.Close()
	tp := NewTape(e)
	x, w := tp.Input(convOperand(2, 3, 5, 6)), tp.Input(convOperand(4, 3, 3, 3))
	fused := tp.Conv2D(tp.Detach(x), tp.Detach(w), nil, c)
	y := tp.Conv2D(x, w, nil, c)
	plain := c
	plain.ReLU = false
	want := tp.ReLU(tp.Conv2D(x, w, nil, plain))
	f, h, p := tp.Host(fused), tp.Host(y), tp.Host(want)
	for i := range p {
		if f[i] != p[i] || h[i] != p[i] {
			t.Fatalf("value %d: fused %v, with a gradient %v, want %v", i, f[i], h[i], p[i])
		}
	}
	dy := e.Borrow(y.Shape()...)
	e.Fill(dy, 1)
	if err := tp.BackwardFrom([]*Var{y}, []*tensor.Dense{dy}); err != nil {
		t.Fatal(err)
	}
}

func convOperand(shape ...int) *tensor.Dense {
	return hostTensor(spread(rand.New(rand.NewPCG(1, uint64(len(shape)))), ops.Size(shape)), shape)
}

func TestConvErrorsStickToTheTape(t *testing.T) {
	e := cpu.New(cpu.Options{Workers: 1})
	defer e.Close()
	bad := map[string]func(tp *Tape, x, w *Var) *Var{
		"channels": func(tp *Tape, x, w *Var) *Var {
			return tp.Conv2D(x, tp.Input(convOperand(4, 2, 3, 3)), nil, ops.Conv{})
		},
		"bias":       func(tp *Tape, x, w *Var) *Var { return tp.Conv2D(x, w, tp.Input(convOperand(3)), ops.Conv{}) },
		"rank":       func(tp *Tape, x, w *Var) *Var { return tp.Conv2D(tp.Input(convOperand(3, 5)), w, nil, ops.Conv{}) },
		"transposed": func(tp *Tape, x, w *Var) *Var { return tp.ConvTranspose2D(x, w, nil, ops.Conv{}) },
		"nothing left": func(tp *Tape, x, w *Var) *Var {
			return tp.ConvTranspose2D(tp.Input(convOperand(1, 4, 1, 1)), w, nil, ops.Conv{Padding: [2]int{3, 3}})
		},
		"unfold":       func(tp *Tape, x, w *Var) *Var { return tp.Unfold(x, ops.Window{Kernel: [2]int{9, 9}}) },
		"fold":         func(tp *Tape, x, w *Var) *Var { return tp.Fold(x, 5, 6, ops.Window{Kernel: [2]int{2, 2}}) },
		"fold nothing": func(tp *Tape, x, w *Var) *Var { return tp.Fold(x, 5, 6, ops.Window{}) },
		"nil":          func(tp *Tape, x, w *Var) *Var { return tp.Conv2D(nil, w, nil, ops.Conv{}) },
	}
	for name, f := range bad {
		tp := NewTape(e)
		before := e.InUse()
		f(tp, tp.Input(convOperand(2, 3, 5, 6)), tp.Input(convOperand(4, 3, 3, 3)))
		if fault.CodeOf(tp.Err()) != fault.Usage {
			t.Errorf("%s: error %v", name, tp.Err())
		}
		tp.Reset()
		if e.InUse() != before {
			t.Errorf("%s: %d bytes are not given back", name, e.InUse()-before)
		}
	}
}
