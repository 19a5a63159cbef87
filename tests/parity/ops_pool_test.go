package parity

import (
	"encoding/json"

	"github.com/tailorbird/tailorbird/kernels/ops"
	"github.com/tailorbird/tailorbird/methods/nn"
)

func init() {
	registerOp("max_pool2d", maxPool)
	registerOp("avg_pool2d", func(r *run) map[string]*nn.Var {
		cfg := config[poolConfig](r)
		return y(r.tape.AvgPool2D(r.x("x"), cfg.pool()))
	})
	registerOp("adaptive_avg_pool2d", func(r *run) map[string]*nn.Var {
		size := config[sizeConfig](r).of(r.x("x"))
		return y(r.tape.AdaptiveAvgPool2D(r.x("x"), size[0], size[1]))
	})
	registerOp("adaptive_max_pool2d", func(r *run) map[string]*nn.Var {
		size := config[sizeConfig](r).of(r.x("x"))
		return y(r.tape.AdaptiveMaxPool2D(r.x("x"), size[0], size[1]))
	})
}

// both is a number for both axes or one for each; null stays zero.
type both [2]int

func (p *both) UnmarshalJSON(text []byte) error {
	var one int
	if err := json.Unmarshal(text, &one); err == nil {
		*p = both{one, one}
		return nil
	}
	return json.Unmarshal(text, (*[2]int)(p))
}

type poolConfig struct {
	Kernel   both  `json:"kernel_size"`
	Stride   both  `json:"stride"`
	Padding  both  `json:"padding"`
	Dilation both  `json:"dilation"`
	Ceil     bool  `json:"ceil_mode"`
	Count    *bool `json:"count_include_pad"`
	Divisor  int   `json:"divisor_override"`
}

func (c poolConfig) pool() ops.Pool {
	return ops.Pool{
		Kernel: c.Kernel, Stride: c.Stride, Padding: c.Padding, Dilation: c.Dilation,
		Ceil: c.Ceil, ExcludePad: c.Count != nil && !*c.Count, Divisor: c.Divisor,
	}
}

func maxPool(r *run) map[string]*nn.Var {
	p := config[poolConfig](r).pool()
	if r.c.Output("indices") == nil {
		return y(r.tape.MaxPool2D(r.x("x"), p))
	}
	v, at := r.tape.MaxPool2DIndices(r.x("x"), p)
	if at != nil {
		r.c.Check(r.t, "indices", at.Int64s(), at.Shape()...)
	}
	return y(v)
}

// sizeConfig is the size of an adaptive pool; a null keeps an axis as it is.
type sizeConfig struct {
	Size json.RawMessage `json:"output_size"`
}

func (c sizeConfig) of(x *nn.Var) [2]int {
	var one int
	if json.Unmarshal(c.Size, &one) == nil {
		return [2]int{one, one}
	}
	var sizes [2]*int
	if json.Unmarshal(c.Size, &sizes) != nil {
		return [2]int{}
	}
	out := [2]int{x.Dim(2), x.Dim(3)}
	for i, s := range sizes {
		if s != nil {
			out[i] = *s
		}
	}
	return out
}
