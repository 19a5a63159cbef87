package parity

import (
	"encoding/json"
	"fmt"

	"github.com/tailorbird/tailorbird/kernels/ops"
	"github.com/tailorbird/tailorbird/methods/nn"
)

func init() {
	registerOp("conv2d", func(r *run) map[string]*nn.Var {
		cfg := config[convConfig](r)
		x, w := r.x("x"), r.x("w")
		c := cfg.conv()
		var extra [2]int
		if cfg.Padding.same {
			for i := range 2 {
				total := c.Filled().Dilation[i] * (w.Dim(2+i) - 1)
				c.Padding[i], extra[i] = (total+1)/2, total%2
			}
		}
		y := r.batched(x, func(x *nn.Var) *nn.Var { return r.tape.Conv2D(x, w, r.x("b"), c) })
		for i, n := range extra { // torch puts what an odd total leaves over behind the image
			if n > 0 {
				y = r.tape.Slice(y, i-2, 1, y.Dim(i-2))
			}
		}
		return map[string]*nn.Var{"y": y}
	})
	registerOp("conv_transpose2d", func(r *run) map[string]*nn.Var {
		return map[string]*nn.Var{"y": r.batched(r.x("x"), func(x *nn.Var) *nn.Var {
			return r.tape.ConvTranspose2D(x, r.x("w"), r.x("b"), config[convConfig](r).conv())
		})}
	})
	registerOp("unfold", func(r *run) map[string]*nn.Var {
		return map[string]*nn.Var{"y": r.batched(r.x("x"), func(x *nn.Var) *nn.Var {
			return r.tape.Unfold(x, config[convConfig](r).window())
		})}
	})
	registerOp("fold", func(r *run) map[string]*nn.Var {
		cfg := config[convConfig](r)
		return map[string]*nn.Var{"y": r.tape.Fold(r.x("x"), cfg.OutputSize.v[0], cfg.OutputSize.v[1], cfg.window())}
	})
}

// batched gives an image without a batch, which torch takes too, a batch of one.
func (r *run) batched(x *nn.Var, f func(x *nn.Var) *nn.Var) *nn.Var {
	if len(x.Shape()) != 3 {
		return f(x)
	}
	y := f(r.tape.Reshape(x, append([]int{1}, x.Shape()...)...))
	return r.tape.Reshape(y, y.Shape()[1:]...)
}

// convConfig is what torch's functions of this family are called with.
type convConfig struct {
	Stride, Padding, Dilation pair
	OutputPadding             pair `json:"output_padding"`
	Groups                    int
	Bias                      bool // whether the case has an input b
	Kernel                    pair
	OutputSize                pair `json:"output_size"`
}

func (c convConfig) conv() ops.Conv {
	return ops.Conv{Stride: c.Stride.v, Padding: c.Padding.v, Dilation: c.Dilation.v, OutputPadding: c.OutputPadding.v, Groups: c.Groups}
}

func (c convConfig) window() ops.Window {
	return ops.Window{Kernel: c.Kernel.v, Stride: c.Stride.v, Padding: c.Padding.v, Dilation: c.Dilation.v}
}

// pair is a number for rows and columns alike, a list of one or two, or the words
// same and valid that conv2d takes for a padding.
type pair struct {
	v    [2]int
	same bool
}

func (p *pair) UnmarshalJSON(b []byte) error {
	var list []int
	switch {
	case json.Unmarshal(b, &p.v[0]) == nil:
		p.v[1] = p.v[0]
		return nil
	case string(b) == `"same"`:
		p.same = true
		return nil
	case string(b) == `"valid"`:
		return nil
	case json.Unmarshal(b, &list) == nil && len(list) == 1:
		p.v = [2]int{list[0], list[0]}
		return nil
	case len(list) == 2:
		p.v = [2]int(list)
		return nil
	}
	return fmt.Errorf("%s is not a pair", b)
}
