package cpu

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"gorgonia.org/tensor"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/ops"
)

// attentionCase is a call of attention with random operands.
type attentionCase struct {
	b, h, g, n, m, d, e int
	bias, mask          []int // shapes, nil: none
	causal              bool
	scale               float32
}

func (c attentionCase) String() string {
	return fmt.Sprintf("B%d H%d G%d N%d M%d D%d E%d bias %v mask %v causal %v scale %v", c.b, c.h, c.g, c.n, c.m, c.d, c.e, c.bias, c.mask, c.causal, c.scale)
}

// drawn are the operands of a case.
type drawn struct {
	q, k, v, dy *tensor.Dense
	p           ops.Attention
}

func (c attentionCase) draw(rng *rand.Rand) drawn {
	x := drawn{
		q: drawTensor(rng, c.b, c.h, c.n, c.d), k: drawTensor(rng, c.b, c.g, c.m, c.d),
		v: drawTensor(rng, c.b, c.g, c.m, c.e), dy: drawTensor(rng, c.b, c.h, c.n, c.e),
		p: ops.Attention{Scale: c.scale, Causal: c.causal},
	}
	if c.bias != nil {
		x.p.Bias = drawTensor(rng, c.bias...)
	}
	if c.mask != nil {
		v := make([]int64, ops.Size(c.mask))
		for i := range v {
			v[i] = int64(rng.IntN(3))
		}
		x.p.Mask = tensor.New(tensor.WithShape(c.mask...), tensor.WithBacking(v))
	}
	return x
}

// attentionReference is the definition in float64 with all scores held.
type attentionReference struct{ y, lse, dq, dk, dv, db []float64 }

func (c attentionCase) reference(x drawn) attentionReference {
	r := attentionReference{
		make([]float64, c.b*c.h*c.n*c.e), make([]float64, c.b*c.h*c.n), make([]float64, c.b*c.h*c.n*c.d),
		make([]float64, c.b*c.g*c.m*c.d), make([]float64, c.b*c.g*c.m*c.e), make([]float64, ops.Size(c.bias)),
	}
	q, k, v, dy := x.q.Float32s(), x.k.Float32s(), x.v.Float32s(), x.dy.Float32s()
	scale := float64(x.p.Factor(c.d))
	for row := range c.b * c.h * c.n {
		b, h, i := row/c.n/c.h, row/c.n%c.h, row%c.n
		kv := b*c.g + h/(c.h/c.g)
		scores, biasAt := make([]float64, c.m), make([]int, c.m)
		for j := range scores {
			scores[j] = scale * dot64(q[row*c.d:], k[(kv*c.m+j)*c.d:], c.d)
			if c.bias != nil {
				biasAt[j] = broadcastIndex(c.bias, b, h, i, j)
				scores[j] += float64(x.p.Bias.Float32s()[biasAt[j]])
			}
			if c.mask != nil && x.p.Mask.Int64s()[broadcastIndex(c.mask, b, h, i, j)] == 0 || c.causal && j > i {
				scores[j] = math.Inf(-1)
			}
		}
		top, sum := slices.Max(scores), 0.0
		if math.IsInf(top, -1) {
			r.lse[row] = top
			continue
		}
		for j := range scores {
			scores[j] = math.Exp(scores[j] - top)
			sum += scores[j]
		}
		r.lse[row] = top + math.Log(sum)
		dp, delta := make([]float64, c.m), 0.0
		for j := range scores {
			scores[j] /= sum
			for l := range c.e {
				r.y[row*c.e+l] += scores[j] * float64(v[(kv*c.m+j)*c.e+l])
				r.dv[(kv*c.m+j)*c.e+l] += scores[j] * float64(dy[row*c.e+l])
			}
			dp[j] = dot64(dy[row*c.e:], v[(kv*c.m+j)*c.e:], c.e)
			delta += dp[j] * scores[j]
		}
		for j := range scores {
			ds := scores[j] * (dp[j] - delta)
			if c.bias != nil {
				r.db[biasAt[j]] += ds
			}
			for l := range c.d {
				r.dq[row*c.d+l] += scale * ds * float64(k[(kv*c.m+j)*c.d+l])
				r.dk[(kv*c.m+j)*c.d+l] += scale * ds * float64(q[row*c.d+l])
			}
		}
	}
	return r
}

func dot64(a, b []float32, n int) (sum float64) {
	for i := range n {
		sum += float64(a[i]) * float64(b[i])
	}
	return sum
}

func broadcastIndex(shape []int, at ...int) (index int) {
	for axis, d := range shape {
		index *= d
		if d > 1 {
			index += at[len(at)-len(shape)+axis]
		}
	}
	return index
}

func nearAll(t *testing.T, what string, got []float32, want []float64) {
	t.Helper()
	for i, w := range want {
		if g := float64(got[i]); !(math.Abs(g-w) <= 2e-5+1e-5*math.Abs(w)) && g != w {
			t.Fatalf("%s: element %d is %v, want %v", what, i, g, w)
		}
	}
}

var attentionCases = []attentionCase{
	{b: 2, h: 3, g: 3, n: 5, m: 7, d: 8, e: 6},
	{b: 1, h: 1, g: 1, n: 1, m: 1, d: 1, e: 1},
	{b: 2, h: 4, g: 2, n: 9, m: 11, d: 5, e: 3, scale: 0.3},
	{b: 2, h: 2, g: 1, n: 9, m: 9, d: 6, e: 6, causal: true, bias: []int{9, 9}},
	{b: 1, h: 2, g: 2, n: 12, m: 5, d: 6, e: 4, causal: true},
	{b: 1, h: 2, g: 2, n: 5, m: 12, d: 6, e: 4, causal: true},
	{b: 3, h: 2, g: 2, n: 17, m: 19, d: 16, e: 16, bias: []int{2, 17, 19}},
	{b: 3, h: 2, g: 2, n: 17, m: 19, d: 16, e: 16, bias: []int{3, 1, 1, 19}, mask: []int{17, 19}},
	{b: 3, h: 2, g: 2, n: 17, m: 19, d: 16, e: 16, bias: []int{3, 2, 17, 1}, mask: []int{3, 1, 1, 19}},
	{b: 2, h: 2, g: 2, n: 3, m: 2, d: 4, e: 4, mask: []int{2, 2, 3, 2}}, // some rows have no key
	{b: 2, h: 3, g: 3, n: 65, m: 65, d: 64, e: 64},
	{b: 1, h: 2, g: 2, n: 300, m: 600, d: 8, e: 8, bias: []int{1, 1, 300, 600}},
	{b: 1, h: 1, g: 1, n: 520, m: 520, d: 4, e: 4, causal: true},
}

func TestAttentionFollowsItsDefinition(t *testing.T) {
	eachForm(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(11, 12))
		e := New(Options{Workers: 2})
		defer e.Close()
		for _, c := range attentionCases {
			x := c.draw(rng)
			want := c.reference(x)
			y, lse := e.Borrow(c.b, c.h, c.n, c.e), e.Borrow(c.b, c.h, c.n)
			if err := e.Attention(y, lse, x.q, x.k, x.v, x.p); err != nil {
				t.Fatal(err)
			}
			nearAll(t, c.String()+" y", y.Float32s(), want.y)
			nearAll(t, c.String()+" lse", lse.Float32s(), want.lse)
			g := ops.AttentionGrads{Q: e.Borrow(x.q.Shape()...), K: e.Borrow(x.k.Shape()...), V: e.Borrow(x.v.Shape()...)}
			if c.bias != nil {
				g.Bias = e.Borrow(c.bias...)
			}
			if err := e.AttentionGrad(g, x.dy, y, lse, x.q, x.k, x.v, x.p); err != nil {
				t.Fatal(err)
			}
			nearAll(t, c.String()+" dq", g.Q.Float32s(), want.dq)
			nearAll(t, c.String()+" dk", g.K.Float32s(), want.dk)
			nearAll(t, c.String()+" dv", g.V.Float32s(), want.dv)
			if c.bias != nil {
				nearAll(t, c.String()+" dbias", g.Bias.Float32s(), want.db)
			}
		}
	})
}

func TestAttentionIsTheSameAtAnyNumberOfWorkers(t *testing.T) {
	rng := rand.New(rand.NewPCG(13, 14))
	for _, c := range attentionCases {
		x := c.draw(rng)
		atWorkers(t, c.String(), func(e *Engine) []float32 {
			y, lse := e.Borrow(c.b, c.h, c.n, c.e), e.Borrow(c.b, c.h, c.n)
			g := ops.AttentionGrads{Q: e.Borrow(x.q.Shape()...), K: e.Borrow(x.k.Shape()...), V: e.Borrow(x.v.Shape()...)}
			all := []*tensor.Dense{y, lse, g.Q, g.K, g.V}
			if c.bias != nil {
				g.Bias = e.Borrow(c.bias...)
				all = append(all, g.Bias)
			}
			if err := e.Attention(y, lse, x.q, x.k, x.v, x.p); err != nil {
				t.Fatal(err)
			}
			if err := e.AttentionGrad(g, x.dy, y, lse, x.q, x.k, x.v, x.p); err != nil {
				t.Fatal(err)
			}
			var bits []float32
			for _, r := range all {
				bits = append(bits, r.Float32s()...)
			}
			return bits
		})
	}
}

func TestAttentionAllocatesNothing(t *testing.T) {
	rng := rand.New(rand.NewPCG(15, 16))
	e := New(Options{Workers: 1})
	defer e.Close()
	c := attentionCase{b: 2, h: 2, g: 2, n: 300, m: 300, d: 16, e: 16, bias: []int{2, 300, 300}}
	x := c.draw(rng)
	y, lse := e.Borrow(c.b, c.h, c.n, c.e), e.Borrow(c.b, c.h, c.n)
	g := ops.AttentionGrads{Q: e.Borrow(x.q.Shape()...), K: e.Borrow(x.k.Shape()...), V: e.Borrow(x.v.Shape()...), Bias: e.Borrow(c.bias...)}
	run := func() {
		if err := e.Attention(y, lse, x.q, x.k, x.v, x.p); err != nil {
			t.Fatal(err)
		}
		if err := e.AttentionGrad(g, x.dy, y, lse, x.q, x.k, x.v, x.p); err != nil {
			t.Fatal(err)
		}
	}
	run()
	if n := testing.AllocsPerRun(5, run); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestAttentionRefusesShapesThatDoNotFit(t *testing.T) {
	e := New(Options{Workers: 1})
	defer e.Close()
	zeros := func(shape ...int) *tensor.Dense {
		return tensor.New(tensor.WithShape(shape...), tensor.Of(tensor.Float32))
	}
	q, k, v, y := zeros(2, 4, 5, 6), zeros(2, 2, 7, 6), zeros(2, 2, 7, 3), zeros(2, 4, 5, 3)
	tests := []struct {
		name          string
		y, lse        *tensor.Dense
		q, k, v       *tensor.Dense
		p             ops.Attention
		first, second string
	}{
		{"three axes", y, nil, zeros(4, 5, 6), k, v, ops.Attention{}, "[4 5 6]", "[2 2 7 6]"},
		{"another batch", y, nil, q, zeros(1, 2, 7, 6), v, ops.Attention{}, "[2 4 5 6]", "[1 2 7 6]"},
		{"vectors of another length", y, nil, q, zeros(2, 2, 7, 5), v, ops.Attention{}, "[2 4 5 6]", "[2 2 7 5]"},
		{"another number of keys", y, nil, q, k, zeros(2, 2, 8, 3), ops.Attention{}, "[2 2 7 6]", "[2 2 8 3]"},
		{"heads that do not divide", y, nil, q, zeros(2, 3, 7, 6), zeros(2, 3, 7, 3), ops.Attention{}, "[2 4 5 6]", "[2 3 7 6]"},
		{"a result of another shape", zeros(2, 4, 5, 6), nil, q, k, v, ops.Attention{}, "(2, 4, 5, 6)", "[2 4 5 3]"},
		{"a log-sum-exp of another shape", y, zeros(2, 4, 6), q, k, v, ops.Attention{}, "(2, 4, 6)", "[2 4 5]"},
		{"a bias that does not broadcast", y, nil, q, k, v, ops.Attention{Bias: zeros(5, 6)}, "(5, 6)", "[2 4 5 7]"},
		{"a mask of floats", y, nil, q, k, v, ops.Attention{Mask: zeros(5, 7)}, "(5, 7)", "float32"},
	}
	for _, tt := range tests {
		err := e.Attention(tt.y, tt.lse, tt.q, tt.k, tt.v, tt.p)
		if fault.CodeOf(err) != fault.Usage || !strings.Contains(err.Error(), tt.first) || !strings.Contains(err.Error(), tt.second) {
			t.Errorf("%s: error %v", tt.name, err)
		}
	}
	if err := e.AttentionGrad(ops.AttentionGrads{Q: zeros(2, 4, 5, 7)}, y, y, zeros(2, 4, 5), q, k, v, ops.Attention{}); fault.CodeOf(err) != fault.Usage {
		t.Errorf("a gradient of another shape: error %v", err)
	}
	if err := e.AttentionGrad(ops.AttentionGrads{}, y, y, nil, q, k, v, ops.Attention{}); fault.CodeOf(err) != fault.Usage {
		t.Errorf("no log-sum-exp: error %v", err)
	}
}

// BenchmarkAttention runs the sequences of a small and a usual vision transformer
// and a long one.
func BenchmarkAttention(b *testing.B) {
	e := New(Options{})
	defer e.Close()
	for _, s := range [][]int{{64, 3, 65, 64}, {8, 12, 197, 64}, {1, 8, 1024, 64}} {
		rng := rand.New(rand.NewPCG(1, 1))
		x := attentionCase{b: s[0], h: s[1], g: s[1], n: s[2], m: s[2], d: s[3], e: s[3]}.draw(rng)
		y, lse := e.Borrow(s...), e.Borrow(s[:3]...)
		g := ops.AttentionGrads{Q: e.Borrow(s...), K: e.Borrow(s...), V: e.Borrow(s...)}
		work := 4 * s[0] * s[1] * s[2] * s[2] * s[3]
		b.Run(fmt.Sprintf("forward/%v", s), func(b *testing.B) {
			best(b, work, func() {
				if err := e.Attention(y, lse, x.q, x.k, x.v, x.p); err != nil {
					b.Fatal(err)
				}
			})
		})
		b.Run(fmt.Sprintf("backward/%v", s), func(b *testing.B) {
			best(b, 5*work/2, func() {
				if err := e.AttentionGrad(g, x.dy, y, lse, x.q, x.k, x.v, x.p); err != nil {
					b.Fatal(err)
				}
			})
		})
	}
}
