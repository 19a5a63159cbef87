package parity

import (
	"slices"
	"testing"

	"gorgonia.org/tensor"

	"github.com/tailorbird/tailorbird/kernels/ops"
	"github.com/tailorbird/tailorbird/methods/nn"
)

func init() {
	registerOp("batch_norm1d", batchNorm)
	registerOp("batch_norm2d", batchNorm)
	registerOp("layer_norm", func(r *run) map[string]*nn.Var {
		p := struct {
			Eps  float32
			Axes int
		}{1e-5, 1}
		r.c.DecodeConfig(r.t, &p)
		w := r.x("w")
		if w == nil && p.Axes > 1 { // no scale: one of ones
			s := r.x("x").Shape()
			w = onesLike(r, s[len(s)-p.Axes:])
		}
		return y(r.tape.LayerNorm(r.x("x"), w, r.x("b"), p.Eps))
	})
	registerOp("layer_norm_channels", func(r *run) map[string]*nn.Var {
		return y(r.tape.LayerNormChannels(r.x("x"), r.x("w"), r.x("b"), config[epsilon](r).Eps))
	})
	registerOp("rms_norm", func(r *run) map[string]*nn.Var {
		return y(r.tape.RMSNorm(r.x("x"), r.x("w"), config[epsilon](r).Eps))
	})
	registerOp("group_norm", func(r *run) map[string]*nn.Var {
		p := struct {
			Groups int `json:"num_groups"`
			Eps    float32
		}{1, 1e-5}
		r.c.DecodeConfig(r.t, &p)
		return y(r.tape.GroupNorm(r.x("x"), r.x("w"), r.x("b"), p.Groups, p.Eps))
	})
	registerOp("instance_norm", func(r *run) map[string]*nn.Var {
		p := epsilon{1e-5}
		r.c.DecodeConfig(r.t, &p)
		return y(r.tape.InstanceNorm(r.x("x"), r.x("w"), r.x("b"), p.Eps))
	})
	registerOp("softmax", func(r *run) map[string]*nn.Var {
		return y(r.tape.Softmax(r.x("x"), config[dimension](r).Dim))
	})
	registerOp("log_softmax", func(r *run) map[string]*nn.Var {
		return y(r.tape.LogSoftmax(r.x("x"), config[dimension](r).Dim))
	})
	registerOp("logsumexp", func(r *run) map[string]*nn.Var {
		return y(r.tape.LogSumExp(r.x("x"), config[dimension](r).Dim))
	})
}

type epsilon struct{ Eps float32 }

func onesLike(r *run, shape []int) *nn.Var {
	v := make([]float32, ops.Size(shape))
	for i := range v {
		v[i] = 1
	}
	return r.tape.Const(tensor.New(tensor.WithShape(slices.Clone(shape)...), tensor.WithBacking(v)))
}

// batchNorm also returns the running statistics after the step, which are
// constants: the case has no gradient for them.
func batchNorm(r *run) map[string]*nn.Var {
	p := struct {
		Training      bool
		Momentum, Eps float32
	}{Momentum: 0.1, Eps: 1e-5}
	r.c.DecodeConfig(r.t, &p)
	if p.Momentum == 0 {
		p.Momentum = -1 // nn.BatchNorm's zero means the default
	}
	r.tape.Training = p.Training
	var mean, variance *nn.Var
	if r.c.Has("running_mean") {
		mean, variance = buffer(r, "running_mean"), buffer(r, "running_var")
	}
	out := y(r.tape.BatchNorm(r.x("x"), r.x("w"), r.x("b"), mean, variance, nn.BatchNorm{Eps: p.Eps, Momentum: p.Momentum}))
	if mean != nil {
		out["running_mean_after"], out["running_var_after"] = mean, variance
	}
	return out
}

func buffer(r *run, name string) *nn.Var {
	v, shape := r.c.F32(r.t, name)
	return r.tape.Const(tensor.New(tensor.WithShape(shape...), tensor.WithBacking(v)))
}

// A channel whose mean is far from 0 is where a variance in one pass goes wrong.
func TestBatchNormVarianceFarFromZero(t *testing.T) {
	const offset = 4096
	r := newRun(t)
	x := make([]float32, 2*1*8*8)
	for i := range x {
		x[i] = offset + float32(i%5) - 2 // of mean 0 and variance 2 but for the last few
	}
	v := tensor.New(tensor.WithShape(2, 1, 8, 8), tensor.WithBacking(x))
	mean, variance := r.E.Borrow(1), r.E.Borrow(1)
	yv := r.E.Borrow(2, 1, 8, 8)
	if err := r.E.BatchNorm(yv, mean, variance, v, nil, nil, ops.BatchNorm{Eps: 1e-5}); err != nil {
		t.Fatal(err)
	}
	m, q := 0.0, 0.0
	for _, a := range x {
		m += float64(a) / float64(len(x))
	}
	for _, a := range x {
		q += (float64(a) - m) * (float64(a) - m) / float64(len(x))
	}
	if got := float64(variance.Float32s()[0]); got < q*(1-1e-6) || got > q*(1+1e-6) {
		t.Errorf("variance %v, want %v", got, q)
	}
}
