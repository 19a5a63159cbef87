package parity

import (
	"math"

	"github.com/tailorbird/tailorbird/kernels/ops"
	"github.com/tailorbird/tailorbird/methods/nn"
)

func init() {
	registerOp("matmul", matmul)
	registerOp("linear", func(r *run) map[string]*nn.Var {
		return map[string]*nn.Var{"y": r.tape.Linear(r.x("x"), r.x("w"), r.x("b"))}
	})
	registerOp("sdpa", sdpa)
	registerOp("mha", mha)
}

// matmul has the output y = a b, or products with a transposed side under the
// names ta, tb and tt.
func matmul(r *run) map[string]*nn.Var {
	outs := map[string]*nn.Var{}
	for _, o := range r.c.Outputs {
		switch o.Name {
		case "y":
			outs["y"] = r.tape.MatMul(r.x("a"), r.x("b"))
		case "ta":
			outs["ta"] = r.tape.MatMulT(r.x("a"), r.x("b"), true, false)
		case "tb":
			outs["tb"] = r.tape.MatMulT(r.x("a2"), r.x("b2"), false, true)
		case "tt":
			outs["tt"] = r.tape.MatMulT(r.x("a"), r.x("b3"), true, true)
		}
	}
	return outs
}

func sdpa(r *run) map[string]*nn.Var {
	var p struct {
		Mask   string
		Scale  float32
		Causal bool `json:"is_causal"`
		GQA    bool `json:"enable_gqa"`
	}
	r.c.DecodeConfig(r.t, &p)
	a := nn.Attention{Bias: r.x("bias"), Causal: p.Causal, Scale: p.Scale}
	if r.c.Has("mask") {
		a.Mask = r.ids("mask")
	}
	return map[string]*nn.Var{"y": r.tape.Attention(r.x("q"), r.x("k"), r.x("v"), a)}
}

// mha is torch's multi-head attention on (L, N, E) with one projection of rows q,
// k, v. The weights, averaged over the heads, are an output that has a gradient, so
// they are computed as a whole.
func mha(r *run) map[string]*nn.Var {
	p := config[struct {
		Heads int `json:"num_heads"`
	}](r)
	t, q, k := r.tape, r.x("q"), r.x("k")
	dim, size := q.Dim(2), q.Dim(2)/p.Heads
	var heads [3]*nn.Var
	for i, x := range []*nn.Var{q, k, r.x("v")} {
		w, b := t.Slice(r.x("in_w"), 0, i*dim, (i+1)*dim), r.x("in_b")
		if b != nil {
			b = t.Slice(b, 0, i*dim, (i+1)*dim)
		}
		y := t.Reshape(t.Linear(x, w, b), x.Dim(0), x.Dim(1), p.Heads, size)
		heads[i] = t.Permute(y, 1, 2, 0, 3) // (N, H, L, D)
	}
	scores := t.Scale(t.MatMulT(heads[0], heads[1], false, true), float32(1/math.Sqrt(float64(size))))
	if r.c.Has("pad") {
		scores = t.Add(scores, padding(r))
	}
	weights := t.Softmax(scores, -1)
	y := t.Reshape(t.Permute(t.MatMul(weights, heads[2]), 2, 0, 1, 3), q.Dim(0), q.Dim(1), dim)
	outs := map[string]*nn.Var{"y": t.Linear(y, r.x("out_w"), r.x("out_b"))}
	if r.c.Output("attention") != nil {
		outs["attention"] = t.Mean(weights, false, 1)
	}
	return outs
}

// padding returns minus infinity for the keys that the mask pad, (N, M), leaves out.
func padding(r *run) *nn.Var {
	ids := r.ids("pad")
	v := make([]float32, ops.Size(ids.Shape()))
	for i, id := range ids.Int64s() {
		if id != 0 {
			v[i] = float32(math.Inf(-1))
		}
	}
	return r.tape.Upload(v, ids.Shape()[0], 1, 1, ids.Shape()[1])
}
