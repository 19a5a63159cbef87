package nn

import (
	"math"
	"math/rand/v2"
	"testing"

	"gorgonia.org/tensor"

	"github.com/tailorbird/tailorbird/kernels/cpu"
)

func attend(a Attention) func(tp *Tape, xs []*Var) *Var {
	return func(tp *Tape, xs []*Var) *Var {
		if len(xs) > 3 {
			a.Bias = xs[3]
		}
		return tp.Attention(xs[0], xs[1], xs[2], a)
	}
}

func TestAttentionGradients(t *testing.T) {
	mask := hostTensor([]int64{1, 0, 1, 1, 1, 0, 1, 1, 1, 0, 0, 1}, []int{3, 4})
	checkGradients(t, attend(Attention{}), []int{2, 2, 3, 4}, []int{2, 2, 5, 4}, []int{2, 2, 5, 3})
	checkGradients(t, attend(Attention{Causal: true, Scale: 0.7}), []int{1, 4, 4, 3}, []int{1, 2, 4, 3}, []int{1, 2, 4, 3})
	checkGradients(t, attend(Attention{Mask: mask}), []int{2, 2, 3, 4}, []int{2, 2, 4, 4}, []int{2, 2, 4, 4})
	for _, bias := range [][]int{{3, 5}, {2, 1, 5}, {2, 1, 3, 1}, {2, 2, 3, 5}, {1}} {
		checkGradients(t, attend(Attention{}), []int{2, 2, 3, 4}, []int{2, 2, 5, 4}, []int{2, 2, 5, 3}, bias)
	}
}

func TestSelfAttentionGradients(t *testing.T) {
	checkGradients(t, func(tp *Tape, xs []*Var) *Var { return tp.SelfAttention(xs[0], 2, Attention{}) }, []int{2, 3, 12})
	checkGradients(t, func(tp *Tape, xs []*Var) *Var {
		return tp.SelfAttention(xs[0], 2, Attention{Causal: true, Bias: xs[1]})
	}, []int{2, 4, 6}, []int{2, 1, 4})
	checkGradients(t, func(tp *Tape, xs []*Var) *Var {
		return tp.AttentionTokens(xs[0], xs[1], xs[2], 3, Attention{})
	}, []int{2, 4, 6}, []int{2, 5, 6}, []int{2, 5, 9})
}

// The layouts on tokens save copies; what they compute is attention on heads.
func TestAttentionOnTokensIsAttentionOnHeads(t *testing.T) {
	const batch, tokens, heads, size = 2, 70, 3, 5
	e := cpu.New(cpu.Options{Workers: 2})
	defer e.Close()
	tp := NewTape(e)
	rng := rand.New(rand.NewPCG(1, 2))
	v := make([]float32, batch*tokens*3*heads*size)
	for i := range v {
		v[i] = float32(rng.NormFloat64())
	}
	joint := tp.Upload(v, batch, tokens, 3*heads*size)
	var apart [3]*Var
	for i := range apart {
		x := make([]float32, batch*heads*tokens*size)
		for at := range x {
			b, h, n, d := at/size/tokens/heads, at/size/tokens%heads, at/size%tokens, at%size
			x[at] = v[((b*tokens+n)*3+i)*heads*size+h*size+d]
		}
		apart[i] = tp.Upload(x, batch, heads, tokens, size)
	}
	want := tp.Host(tp.Attention(apart[0], apart[1], apart[2], Attention{Causal: true}))
	got := tp.Host(tp.SelfAttention(joint, heads, Attention{Causal: true}))
	if err := tp.Err(); err != nil {
		t.Fatal(err)
	}
	for at, w := range want {
		b, h, n, d := at/size/tokens/heads, at/size/tokens%heads, at/size%tokens, at%size
		if g := got[(b*tokens+n)*heads*size+h*size+d]; math.Abs(float64(g-w)) > 1e-6 {
			t.Fatalf("batch %d head %d token %d: %v, want %v", b, h, n, g, w)
		}
	}
}

func TestAttentionWithoutGradientsSavesNothing(t *testing.T) {
	e := cpu.New(cpu.Options{Workers: 1})
	defer e.Close()
	tp := NewTape(e)
	x := tp.Const(tensor.New(tensor.WithShape(1, 2, 3, 4), tensor.Of(tensor.Float32)))
	before := e.InUse()
	y := tp.Attention(x, x, x, Attention{})
	if tp.Err() != nil || e.InUse()-before != 64*4 { // the result in the least size that the engine lends
		t.Errorf("%d bytes for a result of %v; %v", e.InUse()-before, y.Shape(), tp.Err())
	}
}
