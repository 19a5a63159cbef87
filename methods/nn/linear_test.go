package nn

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/cpu"
)

func TestMatMulGradients(t *testing.T) {
	product := func(transA, transB bool) func(tp *Tape, xs []*Var) *Var {
		return func(tp *Tape, xs []*Var) *Var { return tp.MatMulT(xs[0], xs[1], transA, transB) }
	}
	checkGradients(t, product(false, false), []int{3, 4}, []int{4, 5})
	checkGradients(t, product(true, false), []int{4, 3}, []int{4, 5})
	checkGradients(t, product(false, true), []int{3, 4}, []int{5, 4})
	checkGradients(t, product(true, true), []int{4, 3}, []int{5, 4})
	checkGradients(t, product(false, false), []int{2, 3, 4}, []int{4, 5})
	checkGradients(t, product(true, true), []int{3, 1, 4, 2}, []int{2, 3, 4})
	checkGradients(t, product(false, false), []int{4, 1, 3, 2}, []int{3, 2, 2})
	checkGradients(t, product(false, false), []int{4}, []int{4, 3})
	checkGradients(t, product(true, true), []int{2, 3, 4}, []int{3})
	checkGradients(t, product(false, false), []int{5}, []int{5})
	checkGradients(t, product(false, false), []int{3}, []int{2, 3, 4})
}

func TestLinearGradients(t *testing.T) {
	linear := func(tp *Tape, xs []*Var) *Var { return tp.Linear(xs[0], xs[1], xs[2]) }
	checkGradients(t, linear, []int{3, 4}, []int{5, 4}, []int{5})
	checkGradients(t, linear, []int{2, 3, 4}, []int{1, 4}, []int{1})
	checkGradients(t, linear, []int{7}, []int{3, 7}, []int{3})
	checkGradients(t, func(tp *Tape, xs []*Var) *Var { return tp.Linear(xs[0], xs[1], nil) }, []int{2, 9}, []int{3, 9})
}

func TestMatMulOfVectorsDropsTheirAxis(t *testing.T) {
	e := cpu.New(cpu.Options{Workers: 1})
	defer e.Close()
	tp := NewTape(e)
	v := tp.Upload([]float32{1, 2, 3}, 3)
	m := tp.Upload([]float32{1, 2, 3, 4, 5, 6}, 3, 2)
	tests := []struct {
		y     *Var
		shape string
		want  []float32
	}{
		{tp.MatMul(v, v), "()", []float32{14}},
		{tp.MatMul(v, m), "(2)", []float32{22, 28}},
		{tp.MatMulT(m, v, true, false), "(2)", []float32{22, 28}},
	}
	for i, tt := range tests {
		got := tp.Host(tt.y)
		if tp.Err() != nil || fmt.Sprint(tt.y.Shape()) != tt.shape || !sameBits(got, tt.want) {
			t.Errorf("product %d: %v of shape %v, want %v of %s; %v", i, got, tt.y.Shape(), tt.want, tt.shape, tp.Err())
		}
	}
}

func TestProductsRefuseShapesThatDoNotFit(t *testing.T) {
	e := cpu.New(cpu.Options{Workers: 1})
	defer e.Close()
	tests := []struct {
		name string
		run  func(tp *Tape, x func(shape ...int) *Var) *Var
		want []string // shapes that the error names
	}{
		{"matmul of other inner sizes", func(tp *Tape, x func(...int) *Var) *Var { return tp.MatMul(x(3, 4), x(5, 6)) }, []string{"[3 4]", "[5 6]"}},
		{"matmul of a scalar", func(tp *Tape, x func(...int) *Var) *Var { return tp.MatMul(x(), x(5, 6)) }, []string{"()", "(5, 6)"}},
		{"matmul of other leading axes", func(tp *Tape, x func(...int) *Var) *Var { return tp.MatMul(x(2, 3, 4), x(3, 4, 5)) }, []string{"[2 3 4]", "[3 4 5]"}},
		{"linear of another width", func(tp *Tape, x func(...int) *Var) *Var { return tp.Linear(x(3, 4), x(5, 6), nil) }, []string{"(3, 4)", "(5, 6)"}},
		{"linear with another bias", func(tp *Tape, x func(...int) *Var) *Var { return tp.Linear(x(3, 4), x(5, 4), x(4)) }, []string{"(5, 4)", "(4)"}},
		{"linear with a vector for a weight", func(tp *Tape, x func(...int) *Var) *Var { return tp.Linear(x(3, 4), x(4), nil) }, []string{"(3, 4)", "(4)"}},
		{"attention of three axes", func(tp *Tape, x func(...int) *Var) *Var {
			return tp.Attention(x(2, 3, 4), x(2, 3, 4), x(2, 3, 4), Attention{})
		}, []string{"[2 3 4]"}},
		{"attention of other lengths", func(tp *Tape, x func(...int) *Var) *Var {
			return tp.Attention(x(1, 2, 3, 4), x(1, 2, 5, 4), x(1, 2, 6, 4), Attention{})
		}, []string{"[1 2 5 4]", "[1 2 6 4]"}},
		{"attention on tokens with heads that do not divide", func(tp *Tape, x func(...int) *Var) *Var {
			return tp.SelfAttention(x(2, 5, 21), 2, Attention{})
		}, []string{"[2 5 21]"}},
		{"attention on tokens of two widths", func(tp *Tape, x func(...int) *Var) *Var {
			return tp.AttentionTokens(x(2, 5, 8), x(2, 5, 6), x(2, 5, 8), 2, Attention{})
		}, []string{"[2 5 8]", "[2 5 6]"}},
	}
	for _, tt := range tests {
		tp := NewTape(e)
		y := tt.run(tp, func(shape ...int) *Var {
			x := e.Borrow(shape...)
			return tp.Input(x)
		})
		err := tp.Err()
		if err == nil || fault.CodeOf(err) != fault.Usage || y.Value != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		for _, w := range tt.want {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%s: error %q does not name %s", tt.name, err, w)
			}
		}
	}
}
